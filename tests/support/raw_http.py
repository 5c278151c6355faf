"""Requests as they are, without the manners of our own client."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from keys.key import AuthPrivateKey
from node.clock import system_entropy
from node.remote.auth import Credentials, assertion
from node.tls import TlsIdentity, client_context, present
from node.web.server import RunningServer
from node.web.settings import WebSettings
from support.fakes_api import IDENTITY, NODE, PARTNER, PARTNER_KEY, PEER, PEER_KEY, Loopback, MemoryNode
from support.fakes_api import node_on_loopback as served
from support.processes import wait_until

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json"
        kind: str = json.loads(self.body)["type"]
        return kind.removeprefix("urn:sigfed:problem:")


class Raw:
    """Asks a served node anything."""

    def __init__(self, node: Loopback, session: aiohttp.ClientSession) -> None:
        self.node = node
        self._session = session

    async def __call__(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        json: Any = None,
    ) -> Reply:
        fields = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token is not None else {})
        url = URL(self.node.url + path, encoded=True)
        async with self._session.request(method, url, headers=fields, data=data, json=json) as response:
            return Reply(response.status, response.headers, await response.read())

    async def token(
        self, key: AuthPrivateKey = PEER_KEY, client: str = PEER, *, form: Mapping[str, str] | None = None
    ) -> Reply:
        now = self.node.memory.clock.now()
        signed = assertion(Credentials(client, key), node=NODE, now=now, entropy=system_entropy)
        fields = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed,
        }
        return await self("POST", "/oauth2/token", data=fields | dict(form or {}))

    async def peer_token(self) -> str:
        return str(json.loads((await self.token()).body)["access_token"])

    async def partner_token(self) -> str:
        return str(json.loads((await self.token(PARTNER_KEY, PARTNER)).body)["access_token"])


@asynccontextmanager
async def raw_access(
    memory: MemoryNode | None = None, *, settings: WebSettings | None = None
) -> AsyncIterator[Raw]:
    """A served node of in-memory parts, and raw access to it."""
    async with served(memory, settings=settings) as node, raw_to(node) as raw:
        yield raw


@asynccontextmanager
async def raw_to(node: Loopback, *, presents: TlsIdentity | None = None) -> AsyncIterator[Raw]:
    """Raw access over connections of its own, on which a client certificate is presented or none."""
    context = client_context(frozenset({IDENTITY.spki_sha256}))
    if presents is not None:
        present(context, presents, entropy=system_entropy)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        yield Raw(node, session)


async def leave(server: RunningServer, path: str, fields: Mapping[str, str], *, tls: bool = False) -> None:
    """Begin to send a form, and go before its end; done when the server has noticed."""
    context = client_context(frozenset({IDENTITY.spki_sha256})) if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
    head = {
        "Host": "x",
        **fields,
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": "9",
        "Expect": "100-continue",
    }
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"a=b")
    await writer.drain()
    writer.transport.abort()
    web_server = server.runner.server
    assert web_server is not None
    await asyncio.to_thread(wait_until, lambda: not web_server.connections)
    await asyncio.sleep(0.1)  # until what it was at has ended as well
