"""A proxy on the loopback that opens tunnels (HTTP `CONNECT`), and the ways in which one can fail."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from node.clock import system_entropy
from node.remote.proxy import Proxy
from node.tls import TlsIdentity, server_context
from support.leap import leap

_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@dataclass
class ConnectProxy:
    """What it does, and what it was asked and saw."""

    credentials: str = ""
    """`USER:PASSWORD` that it wants; empty: none."""
    refuses: int = 0
    """Status with which it refuses; 0: it does not."""
    hangs: bool = False
    inspects: TlsIdentity | None = None
    """Certificate under which it opens TLS itself."""
    heads: list[bytes] = field(default_factory=list)
    passed: bytearray = field(default_factory=bytearray)
    """What clients sent through tunnels, as the proxy sees it."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def to(self, user: str = "", password: str = "") -> Proxy:
        return Proxy(self.url, user, password)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        status = self._judge(head)
        if status != 200:
            writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            return
        if self.hangs:
            leap(60)
            await reader.read()
            return
        writer.write(_ESTABLISHED)
        await writer.drain()
        if self.inspects is not None:
            await writer.start_tls(server_context(self.inspects, entropy=system_entropy))
            self.passed += await reader.read()
            return
        host, port = head.split()[1].decode().rsplit(":", 1)
        await self._tunnel(reader, writer, *await asyncio.open_connection(host, int(port)))

    def _judge(self, head: bytes) -> int:
        if not head.startswith(b"CONNECT "):
            return 405
        if self.refuses:
            return self.refuses
        wanted = b"Proxy-Authorization: Basic " + b64encode(self.credentials.encode())
        return 407 if self.credentials and wanted not in head.split(b"\r\n") else 200

    async def _tunnel(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: bytearray) -> None:
            while data := await source.read(65_536):
                seen += data
                sink.write(data)
                await sink.drain()
            sink.close()

        await asyncio.gather(
            pipe(reader, up_writer, self.passed), pipe(up_reader, writer, bytearray()), return_exceptions=True
        )


@asynccontextmanager
async def running(proxy: ConnectProxy) -> AsyncIterator[ConnectProxy]:
    """The proxy, listening."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
