"""clamd's protocol: the client of PyPI and Debian's clamdscan ask it unchanged, and a table says what is said."""

import asyncio
import errno
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clamd
import pytest

from node.config import ConnectionLimits
from node.connections import Acceptor, listen_tcp
from node.errors import PortTakenError, UsageError
from node.hoster.gateways.clamd import ClamdService
from node.hoster.gateways.patience import Patience
from node.hoster.gateways.roots import Roots
from node.hoster.gateways.sockets import host_and_port, listen_path, remove_path
from node.ports.inspection import Inspected
from support.gateways import (
    CLEAR,
    LIMITS,
    LISTED,
    TEST_FILE,
    UNANSWERED,
    KnowingInspector,
    KnowingUpload,
    endless_looks,
    exchanged,
    leaps_when_crowded,
    leaps_when_received,
)
from support.processes import wait_until
from support.programs import needed
from support.sockets import heard

VERSION = "sigfed 1/7/never"


@dataclass
class World:
    folder: Path
    inspector: KnowingInspector
    address: str
    port: int
    reloads: list[int]

    def file(self, name: str, content: bytes) -> str:
        path = self.folder / "allowed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)


@asynccontextmanager
async def serving(
    tmp_path: Path,
    *,
    fail_closed: bool = False,
    idle: float = 20.0,
    crowded: float = 5.0,
    limits: ConnectionLimits = LIMITS,
) -> AsyncIterator[World]:
    inspector, reloads = KnowingInspector(), [0]
    (tmp_path / "allowed").mkdir()

    async def reload() -> None:
        reloads[0] += 1

    service = ClamdService(
        inspector=inspector,
        roots=Roots([tmp_path / "allowed"]),
        version=lambda: VERSION,
        reload=reload,
        fail_closed=fail_closed,
        patience=Patience(idle, crowded_seconds=crowded),
    )
    unix, tcp = listen_path(tmp_path / "clamd.sock"), listen_tcp("127.0.0.1", 0)
    port = tcp.getsockname()[1]
    async with (
        Acceptor([unix], service.serve, limits, crowded=service.patience.crowded),
        Acceptor([tcp], service.serve, limits, crowded=service.patience.crowded),
    ):
        yield World(tmp_path, inspector, str(tmp_path / "clamd.sock"), port, reloads)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with serving(tmp_path) as made:
        yield made


def stream(content: bytes, *, piece: int = 7) -> bytes:
    pieces = [content[at : at + piece] for at in range(0, len(content), piece)]
    return b"".join(len(one).to_bytes(4) + one for one in pieces) + bytes(4)


def client_of(world: World, over: str) -> socket.socket:
    if over == "tcp":
        return socket.create_connection(("127.0.0.1", world.port), timeout=20)
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(20)
    link.connect(world.address)
    return link


async def asked(world: World, *pieces: bytes) -> bytes:
    return await asyncio.to_thread(exchanged, world.address, pieces)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"nPING\n", b"PONG\n"),
        (b"zPING\0", b"PONG\0"),
        (b"PING\n", b"PONG\n"),
        (b"PING\r\n", b"PONG\n"),
        (b"zVERSION\0", VERSION.encode() + b"\0"),
        (b"zSHUTDOWN\0", b"COMMAND UNAVAILABLE\0"),
        (b"zNONSENSE\0", b"UNKNOWN COMMAND\0"),
        (b"nSCAN\n", b"UNKNOWN COMMAND\n"),
        (b"\n", b"UNKNOWN COMMAND\n"),
        (b"\xff\xfe\n", b"UNKNOWN COMMAND\n"),
        (b"z" * 100_000, b""),
        (b"zFILDES\0not a file", b""),
        (b"zEND\0", b""),
        (b"nINSTREAM\n" + stream(CLEAR), b"stream: OK\n"),
        (b"zINSTREAM\0" + stream(LISTED), b"stream: Sigfed.Baseline FOUND\0"),
        (b"zINSTREAM\0" + stream(TEST_FILE), b"stream: Sigfed.TestFile FOUND\0"),
        (b"zINSTREAM\0" + stream(UNANSWERED), b"stream: OK\0"),
        (b"zINSTREAM\0" + stream(b""), b"stream: OK\0"),
        (b"zINSTREAM\0" + stream(b"x" * 2000), b"INSTREAM size limit exceeded. ERROR\0"),
        (b"zINSTREAM\0\xff\xff\xff\xff" + b"x" * 5000, b"INSTREAM size limit exceeded. ERROR\0"),
        (b"zIDSESSION\0zPING\0zINSTREAM\0" + stream(LISTED) + b"zVERSION\0zEND\0",
         b"1: PONG\x002: stream: Sigfed.Baseline FOUND\x003: " + VERSION.encode() + b"\0"),
        (b"nIDSESSION\nnIDSESSION\nnEND\n", b"1: UNKNOWN COMMAND\n"),
    ],
)  # fmt: skip
async def test_what_is_said(world: World, sent: bytes, said: bytes) -> None:
    assert await asked(world, sent) == said


async def test_a_stream_that_ends_too_early_is_no_verdict(world: World) -> None:
    def cut_off() -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.connect(world.address)
            link.sendall(b"zINSTREAM\0" + stream(LISTED)[:-4])
            link.shutdown(socket.SHUT_WR)
            return link.recv(100)

    assert await asyncio.to_thread(cut_off) == b""
    assert world.inspector.contents == []


@pytest.mark.parametrize("over", ["unix", "tcp"])
async def test_a_client_that_ends_sending_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch, over: str
) -> None:
    """As `nc -N` and socat do, also when they have long ended it before the answer is there."""
    ended = asyncio.Event()

    async def inspect(upload: KnowingUpload, name: str) -> Inspected:
        await ended.wait()
        await asyncio.sleep(0.1)  # so that its end is noticed, were it taken for the client's
        return upload._inspector.judged(LISTED, name)

    monkeypatch.setattr(KnowingUpload, "inspect", inspect)
    with client_of(world, over) as link:
        link.sendall(b"zINSTREAM\0" + stream(LISTED))
        link.shutdown(socket.SHUT_WR)
        ended.set()
        assert await asyncio.to_thread(link.recv, 1000) == b"stream: Sigfed.Baseline FOUND\0"


@pytest.mark.threat("an upload that evades a door")
@pytest.mark.parametrize("over", ["unix", "tcp"])
async def test_nothing_is_hashed_for_a_client_that_left(
    world: World, monkeypatch: pytest.MonkeyPatch, over: str
) -> None:
    monkeypatch.setattr("node.connections.PROBE_SECONDS", 1)
    begun, left = endless_looks(monkeypatch)
    async with asyncio.timeout(30):
        with client_of(world, over) as link:
            if over == "tcp":  # its system forgets the connection then, and not in a minute
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, 1)
            link.sendall(b"zINSTREAM\0" + stream(LISTED))
            await begun.wait()
        assert await left.wait()


async def test_a_silent_client_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    leaps_when_received(monkeypatch, 20)
    assert await asked(world, b"zINSTREAM\0") == b"COMMAND READ TIMED OUT\0"


async def test_whoever_sends_byte_by_byte_is_not_waited_for_anew(tmp_path: Path) -> None:
    async with serving(tmp_path, idle=0.5) as world:

        def trickled() -> float:
            began = time.monotonic()
            with socket.socket(socket.AF_UNIX) as link, suppress(OSError):
                link.connect(world.address)
                while time.monotonic() < began + 10:
                    link.sendall(b"x")
                    time.sleep(0.05)
            return time.monotonic() - began

        assert await asyncio.to_thread(trickled) < 10


@pytest.mark.parametrize("held", [b"", b"zIDSESSION\0", b"zINSTREAM\0"], ids=["silent", "session", "stream"])
async def test_held_connections_give_their_places_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: bytes
) -> None:
    """Every place is taken by somebody who sends nothing more, for two minutes if one waited for it."""
    leaps_when_crowded(monkeypatch, 5)
    limits = ConnectionLimits(connections=3, connections_per_address=3)
    async with serving(tmp_path, idle=120.0, limits=limits) as world:
        with ExitStack() as stack:
            for _ in range(3):
                link = stack.enter_context(socket.socket(socket.AF_UNIX))
                link.connect(world.address)
                link.sendall(held)
            assert await asked(world, b"zPING\0") == b"PONG\0"


async def test_a_slow_sender_is_told_that_it_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while it goes on sending: a connection that was reset would take the words with it."""
    monkeypatch.setattr("node.hoster.gateways.clamd.WHOLE_SECONDS", 0.2)

    def slow() -> Iterator[bytes]:
        yield b"nINSTREAM\n" + (2**20).to_bytes(4)
        for _ in range(20):
            yield b"x"
            time.sleep(0.02)

    said = await asyncio.to_thread(exchanged, ("127.0.0.1", world.port), slow())
    assert said == b"COMMAND READ TIMED OUT\n"


async def test_unknown_files_are_errors_where_they_must_not_pass(tmp_path: Path) -> None:
    async with serving(tmp_path, fail_closed=True) as world:
        said = await asked(world, b"nINSTREAM\n" + stream(UNANSWERED))
    assert said == b"stream: not looked up, fr.example cannot be reached ERROR\n"


async def test_paths_below_the_named_folders(world: World, tmp_path: Path) -> None:
    listed, clear = world.file("a/listed", LISTED), world.file("b/clear", CLEAR)
    folder = str(tmp_path / "allowed")
    outside = tmp_path / "outside"
    outside.write_bytes(LISTED)
    (tmp_path / "allowed" / "link").symlink_to(outside)
    rows = {
        f"SCAN {listed}": f"{listed}: Sigfed.Baseline FOUND\n",
        f"SCAN {clear}": f"{clear}: OK\n",
        f"CONTSCAN {folder}": f"{listed}: Sigfed.Baseline FOUND\n",
        f"MULTISCAN {folder}/b": f"{folder}/b: OK\n",
        f"SCAN {outside}": f"{outside}: File path check failure, Access denied. ERROR\n",
        f"SCAN {folder}/link": f"{folder}/link: File path check failure, Access denied. ERROR\n",
        f"SCAN {folder}/../outside": f"{folder}/../outside: File path check failure, Access denied. ERROR\n",
        f"SCAN {folder}/gone": f"{folder}/gone: File path check failure, No such file or directory ERROR\n",
        "SCAN relative": "relative: File path check failure, Access denied. ERROR\n",
        "SCAN /dev/zero": "/dev/zero: File path check failure, Access denied. ERROR\n",
        "SCAN a\0b": "a?b: File path check failure, not a path ERROR\n",
    }
    for command, said in rows.items():
        assert (await asked(world, f"n{command}\n".encode())).decode() == said
    assert str(outside) not in world.inspector.names


async def test_a_name_ends_no_reply(world: World) -> None:
    name = world.file("a\nb: Sigfed.Listed FOUND", CLEAR)
    said = await asked(world, f"zSCAN {name}\0".encode())
    assert b"\n" not in said
    assert said.endswith(b": OK\0")


async def test_a_folder_that_cannot_be_read_is_not_clean(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Path(world.file("closed/a", LISTED)).parent
    world.file("open/b", CLEAR)
    scandir = os.scandir

    def refusing(path: str) -> Any:
        if str(path) == str(closed):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    said = (await asked(world, f"nCONTSCAN {world.folder / 'allowed'}\n".encode())).decode()
    assert said.startswith(f"{closed}: ")
    assert said.endswith("ERROR\n")


async def test_a_stream_passes_no_open_files_along(world: World, tmp_path: Path) -> None:
    def passed() -> int:
        count = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link, (tmp_path / "x").open("w") as file:
            link.connect(world.address)
            link.sendall(b"zINSTREAM\0")
            link.settimeout(0.01)
            with suppress(OSError):
                while count < 200:
                    socket.send_fds(link, [(1).to_bytes(4) + b"x"], [file.fileno()] * 3)
                    count += 1
                    with suppress(TimeoutError):
                        if not link.recv(1):
                            break
        return count

    assert await asyncio.to_thread(passed) < 200


async def test_the_client_of_pypi_works_unchanged(world: World) -> None:
    listed = world.file("listed", LISTED)

    def ask(client: Any) -> None:
        assert client.ping() == "PONG"
        assert client.version() == VERSION
        assert client.reload() == "RELOADING"
        assert "STATE: VALID PRIMARY" in client.stats()
        assert client.instream(io.BytesIO(LISTED)) == {"stream": ("FOUND", "Sigfed.Baseline")}
        assert client.instream(io.BytesIO(CLEAR)) == {"stream": ("OK", None)}
        assert client.scan(listed) == {listed: ("FOUND", "Sigfed.Baseline")}
        assert client.contscan(listed) == client.multiscan(listed) == client.scan(listed)
        with pytest.raises(clamd.BufferTooLongError):
            client.instream(io.BytesIO(b"x" * 2000))

    for client in (clamd.ClamdUnixSocket(world.address), clamd.ClamdNetworkSocket("127.0.0.1", world.port)):
        await asyncio.to_thread(ask, client)
    assert world.reloads == [2]


def _clamdscan(world: World, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    needed("clamdscan")
    config = tmp_path / "clamd.conf"
    config.write_text(f"LocalSocket {world.address}\n")
    command = ["clamdscan", f"--config-file={config}", "--no-summary", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("how", ["--fdpass", "--stream", "--multiscan"])
async def test_debians_clamdscan_works_unchanged(world: World, tmp_path: Path, how: str) -> None:
    files = [world.file("listed", LISTED), world.file("clear", CLEAR), world.file("test", TEST_FILE)]
    done = await asyncio.to_thread(_clamdscan, world, tmp_path, how, *files)
    assert done.returncode == 1, done.stderr
    assert sorted(done.stdout.split("\n")) == sorted(
        [f"{files[0]}: Sigfed.Baseline FOUND", f"{files[1]}: OK", f"{files[2]}: Sigfed.TestFile FOUND", ""]
    )
    folder = await asyncio.to_thread(_clamdscan, world, tmp_path, how, str(tmp_path / "allowed"))
    assert folder.returncode == 1, folder.stderr
    assert folder.stdout.count("FOUND") == 2


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_descriptors_that_are_not_asked_for_are_not_kept(world: World, tmp_path: Path) -> None:
    sent: list[int] = []

    def flood() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link, (tmp_path / "x").open("w") as file:
            link.connect(world.address)
            with suppress(OSError):  # it is let go before it has sent all
                sent.extend(socket.send_fds(link, [b"zPIN"], [file.fileno()] * 3) for _ in range(20))
                link.shutdown(socket.SHUT_WR)
                heard(link)

    before = open_descriptors()
    await asyncio.to_thread(flood)
    assert sent, "it came as far as sending some"
    await asyncio.to_thread(wait_until, lambda: open_descriptors() <= before)


async def test_what_is_under_way_is_finished_when_the_daemon_ends(tmp_path: Path) -> None:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    async with serving(tmp_path) as world:
        await asyncio.to_thread(link.connect, world.address)
        await asyncio.to_thread(link.sendall, b"zINSTREAM\0")
        await asyncio.sleep(0.05)
        asyncio.get_running_loop().call_later(0.1, link.sendall, stream(LISTED))
    assert link.recv(100) == b"stream: Sigfed.Baseline FOUND\0"
    link.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("localhost:1", "not an address"),
        ("127.0.0.1", "not an address"),
        ("127.0.0.1:x", "not an address"),
        ("127.0.0.1:70000", "not a port"),
        ("0.0.0.0:3310", "other machines would reach"),
        ("[::]:3310", "other machines would reach"),
    ],
)
def test_addresses_that_are_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        host_and_port(text)


def test_addresses_that_are_taken() -> None:
    assert host_and_port("127.0.0.1:3310") == ("127.0.0.1", 3310)
    assert host_and_port("[::1]:0") == ("::1", 0)
    assert host_and_port("0.0.0.0:1", beyond_loopback=True) == ("0.0.0.0", 1)


def _left_behind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))


@pytest.mark.parametrize(
    ("before", "refused"),
    [(_left_behind, None), (Path.touch, UsageError), (Path.mkdir, UsageError)],
    ids=["left behind", "a file", "a folder"],
)
def test_what_lies_at_the_path(
    tmp_path: Path, before: Callable[[Path], object], refused: type[Exception] | None
) -> None:
    path = tmp_path / "s"
    before(path)
    if refused is not None:
        with pytest.raises(refused, match="not a socket"):
            listen_path(path)
        return
    with listen_path(path):
        assert path.stat().st_mode & 0o777 == 0o660
        with pytest.raises(PortTakenError, match="another process"):
            listen_path(path)


def test_only_the_socket_that_was_made_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listen_path(path):
        made = path.lstat()
    with listen_path(path):  # by the process that follows
        remove_path(path, made)
        assert path.exists()
        remove_path(path, path.lstat())
    assert not path.exists()
    remove_path(path, made)


def test_sockets_of_the_service_manager_that_others_reach_are_refused(tmp_path: Path) -> None:
    program = """
import os
from node.hoster.gateways.patience import Patience
from node.connections import listen_tcp
from node.hoster.gateways.sockets import passed_sockets
os.dup2(listen_tcp("0.0.0.0", 0).detach(), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
for _, passed in passed_sockets(beyond_loopback=True): passed.detach()
try: passed_sockets()
except Exception as exc: print(type(exc).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout == "UsageError\n"


def test_sockets_of_the_service_manager_are_taken_over(tmp_path: Path) -> None:
    program = """
import os, socket
from node.hoster.gateways.patience import Patience
from node.connections import listen_tcp
from node.hoster.gateways.sockets import listen_path, named_address, passed_sockets
os.dup2(listen_path(__import__("pathlib").Path("s")).detach(), 3)
os.dup2(listen_tcp("127.0.0.1", 0).detach(), 4)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="clamd:http")
print([(name, named_address(passed).split(":")[0]) for name, passed in passed_sockets()])
os.environ.update(LISTEN_PID="1")
print(passed_sockets())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.splitlines() == ["[('clamd', 's'), ('http', '127.0.0.1')]", "[]"], done.stderr
