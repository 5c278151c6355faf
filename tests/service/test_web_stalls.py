"""A client that takes nothing of its reply does not hold it in the node's memory for ever."""

import asyncio
import socket
import ssl
import tracemalloc
from threading import Event

import pytest
from typing_extensions import override

from node.connections import HANDSHAKE_SECONDS
from node.tls import client_context
from protocol.messages import ReleasePart
from support.fakes_api import IDENTITY, Loopback, MemoryNode, MemorySubset
from support.leap import leap
from support.processes import wait_until
from support.raw_http import raw_access

LONG = 32 << 20
"""More than all buffers on the way hold."""
PATH = "/subsets/baseline/releases/1/answers"


class Long(MemorySubset):
    """Release files that are long."""

    @override
    async def release_part(
        self, subset: str, *, version: int, part: ReleasePart, since: int | None, max_bytes: int | None = None
    ) -> bytes:
        return bytes(LONG)


def ask(port: int, token: str) -> ssl.SSLSocket:
    """A connection on which a long reply was asked for, of which nothing is read."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", port))
    connection = client_context(frozenset({IDENTITY.spki_sha256})).wrap_socket(plain)
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return connection


def standing(node: Loopback) -> set[object]:
    """Connections that the server holds."""
    server = node.server.runner.server
    assert server is not None
    return set(server.connections)


async def test_a_reply_that_nobody_takes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.web.http_connections.STALL_SECONDS", 1)
    memory = MemoryNode()
    memory.subset = Long()
    async with raw_access(memory) as raw:
        token = await raw.partner_token()
        before = standing(raw.node)
        tracemalloc.start()
        connection = await asyncio.to_thread(ask, raw.node.server.port, token)
        met = list[object]()

        def has_come() -> bool:
            met.extend(standing(raw.node) - before)
            return bool(met)

        await asyncio.to_thread(wait_until, has_come)
        (stalled,) = met
        await asyncio.to_thread(wait_until, lambda: stalled not in standing(raw.node))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        connection.close()
        assert most < 1.25 * LONG, "and is in memory once"


def silent(port: int, *, tls: bool, first: bytes, sent: Event) -> bytes:
    """What comes to a client that sends this and then nothing, until the node ends the connection."""
    plain = socket.create_connection(("127.0.0.1", port), 30)
    with client_context(frozenset({IDENTITY.spki_sha256})).wrap_socket(plain) if tls else plain as link:
        link.sendall(first)
        sent.set()
        try:
            return link.recv(1000)
        except ConnectionResetError:
            return b""


@pytest.mark.threat("silent connections")
@pytest.mark.parametrize(
    ("tls", "first"),
    [(False, b""), (False, b"\x16\x03\x01"), (True, b""), (True, b"GET /heal")],
    ids=["nothing", "half a greeting", "no request", "half a request"],
)
async def test_who_never_comes_to_ask_is_let_go(*, tls: bool, first: bytes) -> None:
    assert HANDSHAKE_SECONDS <= 10
    sent = Event()
    async with raw_access() as raw, asyncio.TaskGroup() as group:
        port = raw.node.server.port
        told = group.create_task(asyncio.to_thread(silent, port, tls=tls, first=first, sent=sent))
        await asyncio.to_thread(sent.wait, 30)
        for _ in range(int(HANDSHAKE_SECONDS) + 2):
            leap(1)
            await asyncio.sleep(0.01)
    assert told.result() == b""
