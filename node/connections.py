"""Accepting connections: so many at a time, in all and from one address, whoever opens them.

Each takes memory and a descriptor before anything is known of who opened it. One address that has its share is turned
away at once. Where every place is taken, others wait a little while those who hold one in silence are let go, and then
are turned away too. Behind proxies that are configured, and no others, an address is what the proxy says it is.
Addresses of this machine are those of a proxy in front or of its own programs: they are counted in all, not each.
"""

import asyncio
import errno
import socket
from asyncio.trsock import TransportSocket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, nullcontext, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Self

from node.config import ConnectionLimits
from node.errors import PortTakenError
from node.journal import Journal
from node.proxy_protocol import HEAD_BYTES, client_address, rest_bytes
from protocol.errors import MalformedError

Address = IPv4Address | IPv6Address
Handler = Callable[[socket.socket, str], Awaitable[None]]
"""Answers one connection; the second value is the client's address, empty at a path."""

HANDSHAKE_SECONDS: Final = 10.0
"""For what has to come before anything else: the header of a proxy, the handshake, the first request."""
CROWDED_SECONDS: Final = 5.0
"""So long a silent connection keeps its place while there is no other: a client that was let go connects again."""
DRAIN_SECONDS: Final = 20.0
"""What is under way when the process is told to stop may take this long."""
PROBE_SECONDS: Final = 15
"""Of silence, until a machine is asked whether its end of a connection is still there."""
_BACKLOG: Final = 256
_FAREWELL_SECONDS: Final = 2.0
_MAX_FAREWELLS: Final = 64
_TOLD_SECONDS: Final = 60.0
_IPV6_NETWORK_BITS: Final = 64  # one subscriber has that many addresses
_journal: Final = Journal("connections")


def probe(connection: socket.socket | TransportSocket) -> None:
    """Have the system ask, again and again, whether the other end of a connection that is silent is still there."""
    if connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, PROBE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE_SECONDS)


def address_key(remote: str | None) -> str:
    """By what an address is counted: IPv6 by its /64, anything unreadable together."""
    address = _parsed(remote)
    if address is None:
        return "address:unknown"
    if isinstance(address, IPv6Address):
        return f"address:{int(address) >> _IPV6_NETWORK_BITS:x}/64"
    return f"address:{address}"


def _parsed(remote: str | None) -> Address | None:
    try:
        address = ip_address((remote or "").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address  # otherwise all of IPv4 would be one subscriber of IPv6


async def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on each address that `host` names; with port 0 on one free port.

    Raises:
        PortTakenError: an address is in use, or may not be used by this account.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listening: list[socket.socket] = []
    try:
        for address in dict.fromkeys(str(info[4][0]) for info in found):
            listening.append(listen_tcp(address, port))
            port = listening[0].getsockname()[1]
    except BaseException:
        for each in listening:
            each.close()
        raise
    return listening


def listen_tcp(address: str, port: int) -> socket.socket:
    """A listening socket; raises `PortTakenError`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        listening.bind((address, port))
        listening.listen(_BACKLOG)
    except OSError as exc:
        listening.close()
        if exc.errno not in {errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL}:
            raise
        raise PortTakenError(
            "cannot listen on {address} port {port}: {reason}",
            address,
            port,
            exc.strerror,
            hint="stop the other program, or set another port in the configuration",
        ) from exc
    return listening


async def _until_one_comes(listening: socket.socket) -> None:
    """Wait for a connection, and take none.

    `loop.sock_accept` of Python 3.11 does both: cut off as one comes, it leaves that one open and journals a traceback.
    """
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listening, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(listening)


class Acceptor:
    """Accepts connections and hands each to `handler` in a task of its own. An async context manager.

    On leaving nothing more is accepted, and what is under way may finish. `crowded` lasts while every place is taken;
    `refusal` is sent to whoever is turned away.
    """

    def __init__(
        self,
        listening: Sequence[socket.socket],
        handler: Handler,
        limits: ConnectionLimits,
        *,
        crowded: Callable[[], AbstractContextManager[None]] = nullcontext,
        refusal: bytes = b"",
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        for each in listening:
            each.settimeout(0)
        self._listening = listening
        self._handler = handler
        self._limits = limits
        self._crowded = crowded
        self._refusal = refusal
        self._drain_seconds = drain_seconds
        self._free = asyncio.Semaphore(limits.connections)
        self._crowd = ExitStack()
        self._crowded_until: float | None = None
        self._by_address: Counter[str] = Counter()
        self._refused = _Refused()
        self._connections: set[asyncio.Task[None]] = set()
        self._farewells: set[asyncio.Task[None]] = set()
        self._accepting: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
        await self.end()

    def start(self) -> None:
        """Accept from now on, until `close` and `end`."""
        self._accepting = [asyncio.create_task(self._accept(each)) for each in self._listening]

    async def close(self) -> None:
        """Accept nothing more."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for each in self._listening:
            each.close()

    async def end(self) -> None:
        """Let what is under way finish within the drain time, and end what is left."""
        if self._connections:
            await asyncio.wait(self._connections, timeout=self._drain_seconds)
        left = [*self._connections, *self._farewells]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, name = listening.accept()
            except BlockingIOError:
                await _until_one_comes(listening)
                continue
            except OSError as exc:  # no descriptors left: those who are served give some back
                _journal.warning("not-accepted", reason=exc.strerror or "failed")
                await asyncio.sleep(0.1)
                continue
            connection.settimeout(0)
            address = str(name[0]) if isinstance(name, tuple) else ""
            try:
                placed = not self._has_its_share(address) and await self._place()
            except BaseException:
                connection.close()
                raise
            if placed:
                self._begin(self._handle(connection, address), self._connections)
            else:
                self._turn_away(connection)

    @staticmethod
    def _begin(work: Coroutine[object, object, None], tasks: "set[asyncio.Task[None]]") -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _place(self) -> bool:
        """Take a place; whether there was one, or came to be: not where none has come free for long."""
        until = None
        while self._free.locked():
            if self._crowded_until is None:
                self._crowded_until = asyncio.get_running_loop().time() + 2 * CROWDED_SECONDS
                self._crowd.enter_context(self._crowded())
            if until == self._crowded_until:  # one that came free for somebody else puts it off
                return False
            until = self._crowded_until
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    return await self._free.acquire()
        return await self._free.acquire()

    def _give_back(self) -> None:
        self._free.release()
        if self._free.locked():  # somebody waits for it: places do come free
            self._crowded_until = asyncio.get_running_loop().time() + 2 * CROWDED_SECONDS
        else:
            self._crowd.close()
            self._crowded_until = None

    def _has_its_share(self, address: str) -> bool:
        """Whether nothing more is accepted from an address, as far as it is known before anything was read."""
        return not self._speaks_for_others(address) and self._is_full(address)

    def _is_full(self, address: str) -> bool:
        return self._by_address[address_key(address)] >= self._limits.connections_per_address

    def _speaks_for_others(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._limits.proxies)

    async def _handle(self, connection: socket.socket, address: str) -> None:
        """Answer one connection, which has a place already."""
        try:
            with connection:
                if self._speaks_for_others(address):
                    address = await _told_by_proxy(connection) or address
                async with self._counted(address) as counted:
                    if counted:
                        await self._handler(connection, address)
                    else:
                        self._refused.count()
        except (OSError, MalformedError, EOFError) as exc:  # the other side's doing
            _journal.debug("connection-ended", error=type(exc).__name__)
        except Exception as exc:  # noqa: BLE001 - one connection's failure is not the daemon's
            _journal.error("connection-failed", error=type(exc).__name__)
        finally:
            self._give_back()

    @asynccontextmanager
    async def _counted(self, address: str) -> AsyncIterator[bool]:
        """Count a connection for its address while the block lasts; False when it has its share already."""
        parsed, key = _parsed(address), address_key(address)
        if parsed is None or parsed.is_loopback:
            yield True
            return
        if self._is_full(address):
            yield False
            return
        self._by_address[key] += 1
        try:
            yield True
        finally:
            self._by_address[key] -= 1
            if not self._by_address[key]:
                del self._by_address[key]

    def _turn_away(self, connection: socket.socket) -> None:
        self._refused.count()
        if self._refusal and len(self._farewells) < _MAX_FAREWELLS:
            self._begin(self._bid_farewell(connection), self._farewells)
        else:
            connection.close()

    async def _bid_farewell(self, connection: socket.socket) -> None:
        """Say why, and pass over what is still sent: closed with bytes unread it would be reset, and nothing read."""
        loop = asyncio.get_running_loop()
        with connection, suppress(OSError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await loop.sock_sendall(connection, self._refusal)
                connection.shutdown(socket.SHUT_WR)
                while await loop.sock_recv(connection, 65536):
                    pass


async def _told_by_proxy(connection: socket.socket) -> str | None:
    """The address in the header that a proxy sends first."""
    async with asyncio.timeout(HANDSHAKE_SECONDS):
        head = await _exactly(connection, HEAD_BYTES)
        return client_address(head, await _exactly(connection, rest_bytes(head)))


async def _exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes and not one more: what follows is for whoever answers the connection."""
    data = b""
    while len(data) < count:
        more = await asyncio.get_running_loop().sock_recv(connection, count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


class _Refused:
    """Counts who was turned away, with a line in the journal a minute at most: a flood must not fill it."""

    def __init__(self) -> None:
        self._count = 0
        self._told = -_TOLD_SECONDS

    def count(self) -> None:
        self._count += 1
        now = asyncio.get_running_loop().time()
        if now - self._told >= _TOLD_SECONDS:
            _journal.warning("turned-away", count=self._count)
            self._count, self._told = 0, now
