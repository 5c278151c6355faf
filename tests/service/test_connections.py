"""What a stranger's connections may cost: real nodes, consoles and daemons, real sockets, nothing sent on them."""

import asyncio
import socket
import ssl
from ipaddress import ip_network
from pathlib import Path

import pytest

from node.config import ConnectionLimits
from node.connections import CROWDED_SECONDS, Acceptor, listen
from node.hoster.gateways.sockets import host_and_port
from support.agencies import found_agency
from support.crowds import FLOOD, MOST_MB, crowd, held, rss_mb
from support.gateways import proxy_header
from support.leap import leap
from support.processes import Cli, Running, free_port, wait_until

SPOKEN_FOR = (ip_network("127.0.0.1"),)


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return found_agency(tmp_path_factory.mktemp("agency"), name="fr", country="FR")


def port_of(node: Running) -> int:
    return int(str(node.answered["serving"]).rsplit(":", 1)[1])


def healthy(port: int, *, first: bytes = b"") -> bool:
    """Whether a client that asks in earnest is answered, after a try or a few."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 60) as plain:
        plain.sendall(first)
        try:
            with context.wrap_socket(plain) as link:
                link.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return b" 200 " in link.recv(100)
        except OSError:
            return False


@pytest.mark.slow
@pytest.mark.threat("silent connections")
def test_silent_connections_fill_no_memory_and_keep_nobody_out(agency: Cli) -> None:
    with Running(agency) as node, crowd(port_of(node)) as strangers:
        pid, port = node.process.pid, port_of(node)
        before = rss_mb(pid)
        strangers.comes(FLOOD)
        wait_until(lambda: held(port) > 400)
        assert rss_mb(pid) - before < MOST_MB, "each of them has a buffer of its own"
        wait_until(lambda: healthy(port))
        assert rss_mb(pid) - before < MOST_MB, "each that came and went left something behind"
        # One waits for a place. The kernel tells of its table in pieces: who goes and who comes instead may both count.
        wait_until(lambda: held(port) <= 512 + 1)


def test_a_console_is_kept_no_less(agency: Cli, tmp_path: Path) -> None:
    cli, port = agency.copied(tmp_path / "fr"), free_port()
    cli.edit("sigfed.toml", '8444/"\nenabled = false', '8444/"\nenabled = true')
    cli.edit("sigfed.toml", "8444", str(port))
    with Running(cli) as node, crowd(port) as strangers:
        pid = node.process.pid
        before = rss_mb(pid)
        strangers.says(b"GET /console/", 200)
        strangers.comes(FLOOD)
        wait_until(lambda: held(port) > 400)
        wait_until(lambda: is_shown(port))
        assert rss_mb(pid) - before < MOST_MB


def is_shown(port: int) -> bool:
    """Whether a console shows its first page."""
    asked = f"GET /console/ HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 60) as link:
        try:
            link.sendall(asked.encode())
            return link.recv(100).startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 303 "))
        except OSError:
            return False


@pytest.mark.threat("silent connections")
def test_one_address_has_its_share_and_others_the_rest(agency: Cli, tmp_path: Path) -> None:
    """Behind a proxy that says who they are: without that, all of them would be the proxy."""
    cli = agency.copied(tmp_path / "fr")
    cli.edit("sigfed.toml", "connections_per_address = 64", "connections_per_address = 8")
    cli.edit("sigfed.toml", "proxies = []", 'proxies = ["127.0.0.1/32"]')
    with Running(cli) as node, crowd(port_of(node)) as strangers:
        port = port_of(node)
        attackers = strangers.says(proxy_header("192.0.2.66"), 100)
        wait_until(lambda: sum(map(is_closed, attackers)) == 92)
        assert held(port) == 8
        assert not healthy(port, first=proxy_header("192.0.2.66"))
        assert healthy(port, first=proxy_header("192.0.2.1"))
        assert not healthy(port), "whoever speaks for nobody is not believed"


def test_how_often_an_address_may_ask_is_configured(agency: Cli, tmp_path: Path) -> None:
    cli = agency.copied(tmp_path / "fr")
    cli.edit("sigfed.toml", "requests_at_once = 300", "requests_at_once = 3")
    cli.edit("sigfed.toml", "requests_per_address = 600", "requests_per_address = 1")
    with Running(cli) as node:
        assert [healthy(port_of(node)) for _ in range(5)] == [True, True, True, False, False]


def is_closed(connection: socket.socket) -> bool:
    """Whether the node ended it; it is never sent anything on these."""
    connection.setblocking(False)
    try:
        return not connection.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.mark.threat("silent connections")
def test_who_is_no_configured_proxy_speaks_for_nobody(agency: Cli) -> None:
    with Running(agency) as node:
        assert healthy(port_of(node))
        assert not healthy(port_of(node), first=proxy_header("192.0.2.1"))


# ------------------------------------------------------------------ the acceptor alone


async def test_a_full_door_waits_a_little_then_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.connections.CROWDED_SECONDS", 0.1)
    held = asyncio.Event()

    async def hold(connection: socket.socket, _: str) -> None:
        await held.wait()
        await asyncio.get_running_loop().sock_sendall(connection, b"served")

    listening = await listen("127.0.0.1", 0)
    port = listening[0].getsockname()[1]
    limits = ConnectionLimits(connections=2, connections_per_address=2)
    async with Acceptor(listening, hold, limits, refusal=b"full"):
        open_ = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        assert await open_[2][0].read() == b"full"
        assert await open_[3][0].read() == b"full"
        held.set()
        assert [await one[0].read() for one in open_[:2]] == [b"served", b"served"]
        late = await asyncio.open_connection("127.0.0.1", port)
        assert await late[0].read() == b"served"
        for _, writer in [*open_, late]:
            writer.close()


async def test_nobody_is_turned_away_while_places_come_free() -> None:
    """A crowd may last: who waits longer for a place than one is waited for gets it all the same."""

    async def answer(connection: socket.socket, _: str) -> None:
        leap(CROWDED_SECONDS)
        await asyncio.get_running_loop().sock_sendall(connection, b"served")

    listening = await listen("127.0.0.1", 0)
    port = listening[0].getsockname()[1]
    limits = ConnectionLimits(connections=1, connections_per_address=1)
    async with Acceptor(listening, answer, limits, refusal=b"full"):
        open_ = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        assert [await reader.read() for reader, _ in open_] == [b"served"] * 10
        for _, writer in open_:
            writer.close()


async def test_nor_while_they_come_free_for_those_who_wait_at_another_address() -> None:
    served = asyncio.Queue[asyncio.Event]()

    async def answer(connection: socket.socket, _: str) -> None:
        end = asyncio.Event()
        served.put_nowait(end)
        await end.wait()
        await asyncio.get_running_loop().sock_sendall(connection, b"served")

    listening = [*await listen("127.0.0.1", 0), *await listen("127.0.0.2", 0)]
    limits = ConnectionLimits(connections=1, connections_per_address=9)
    async with asyncio.timeout(60), Acceptor(listening, answer, limits, refusal=b"full"):
        first = await asyncio.open_connection(*listening[0].getsockname())
        end = await served.get()
        waiting = [await asyncio.open_connection(*each.getsockname()) for each in listening]
        await asyncio.sleep(0.1)  # both are at the door
        for _ in waiting:
            leap(2 * CROWDED_SECONDS - 1)
            end.set()
            end = await served.get()
        end.set()
        assert [await reader.read() for reader, _ in [first, *waiting]] == [b"served"] * 3
        for _, writer in [first, *waiting]:
            writer.close()


async def test_places_are_given_back_however_a_connection_ends() -> None:
    seen: list[str] = []

    async def answer(connection: socket.socket, client: str) -> None:
        seen.append(client)
        if len(seen) % 3 == 0:
            raise RuntimeError("a defect of the handler")
        await asyncio.get_running_loop().sock_recv(connection, 1)

    listening = await listen("127.0.0.1", 0)
    port = listening[0].getsockname()[1]
    limits = ConnectionLimits(connections=1, connections_per_address=1, proxies=SPOKEN_FOR)
    async with Acceptor(listening, answer, limits):
        for sent in [
            b"",
            b"GET / HTTP/1.1\r\n",
            proxy_header("192.0.2.1"),
            proxy_header("192.0.2.1")[:20],
        ] * 4:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
    assert seen == ["192.0.2.1"] * 4


async def test_every_address_of_a_name_is_listened_on() -> None:
    listening = await listen("localhost", 0)
    try:
        assert len({each.getsockname()[1] for each in listening}) == 1
        assert host_and_port(f"127.0.0.1:{listening[0].getsockname()[1]}")
    finally:
        for each in listening:
            each.close()


async def test_a_connection_that_comes_as_a_server_stops_is_no_bug() -> None:
    """Of asyncio's own accepting, Python 3.11 journalled a traceback, and left the connection open."""
    wrong: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
    listening = await listen("127.0.0.1", 0)

    async def answer(connection: socket.socket, _: str) -> None:
        connection.close()

    acceptor = Acceptor(listening, answer, ConnectionLimits())
    acceptor.start()
    await asyncio.sleep(0)
    with socket.create_connection(listening[0].getsockname()) as client:
        client.settimeout(5)
        await asyncio.create_task(acceptor.close())
        await asyncio.sleep(0)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    await acceptor.end()
    assert wrong == []
