"""Doors before real hashing processes: what one client hands over keeps no other waiting, also after it left."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from node import connections
from node.connections import Acceptor, listen_tcp
from node.hashing import open_files
from node.hashing.open_files import HashProcesses
from node.hashing.plan import HashPlan
from node.hoster.gateways.clamd import ClamdService
from node.hoster.gateways.roots import Roots
from node.hoster.gateways.sockets import listen_path
from node.hoster.judge.inspection import LocalInspector
from node.hoster.judge.machine import STALLED_SECONDS, Judging
from node.ports.verdicts import Outcome, Verdict, Verdicts
from node.web.gateways.listener import served
from node.web.gateways.services import LocalServices
from protocol.digest import Algorithm, Digest
from support.gateways import LIMITS, exchanged
from support.leap import leap
from support.processes import wait_until

LISTED = b"listed content"
ASKED = b"zINSTREAM\0" + len(LISTED).to_bytes(4) + LISTED + bytes(4)
FOUND = b"stream: Sigfed.Baseline FOUND\0"
UPLOAD = b"POST /v1/scan HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nan upload"
HUGE = 63 * 2**30


class Knowing:
    """A judge that knows one file."""

    async def judge(self, parts: Any, name: str, *, handed: bool = False) -> Verdicts:
        known = Digest(Algorithm.SHA256, sha256(LISTED).digest())
        hit = Verdict(outcome=Outcome.HIT, collection="baseline")
        return Verdicts(tuple(hit if known in part else Verdict(outcome=Outcome.CLEAN) for part in parts))


class World:
    """Doors of one daemon."""

    def __init__(
        self, folder: Path, processes: HashProcesses, url: str, client: aiohttp.ClientSession
    ) -> None:
        self.path = str(folder / "clamd.sock")
        self.processes = processes
        self.url = url
        self.port = int(url.rpartition(":")[2])
        self.client = client

    async def asked(self, sent: bytes) -> bytes:
        return await asyncio.to_thread(exchanged, self.path, [sent])

    @contextmanager
    def passed(self, path: Path) -> Iterator[socket.socket]:
        """A client that handed over an open file and waits."""
        with socket.socket(socket.AF_UNIX) as link, path.open("rb") as file:
            link.connect(self.path)
            link.sendall(b"zFILDES\0")
            socket.send_fds(link, [b"x"], [file.fileno()])
            link.settimeout(20)
            yield link


@asynccontextmanager
async def doors(folder: Path, *, jobs: int = 1, wait_seconds: float = 60.0) -> AsyncIterator[World]:
    plan = HashPlan(images=False, archives=False)
    http = listen_tcp("127.0.0.1", 0)
    async with (
        asyncio.timeout(60),
        HashProcesses(jobs, plan, wait_seconds=wait_seconds) as processes,
        aiohttp.ClientSession() as client,
    ):
        inspector = LocalInspector(Knowing(), processes)
        clamd = ClamdService(inspector=inspector, roots=Roots([]), version=str, reload=_reload)
        services = LocalServices(inspector=inspector, standing=dict, metrics=bytes)
        url = f"http://127.0.0.1:{http.getsockname()[1]}"
        async with (
            Acceptor([listen_path(folder / "clamd.sock")], clamd.serve, LIMITS, drain_seconds=1.0),
            served(services, [http], limits=LIMITS),
        ):
            yield World(folder, processes, url, client)


async def _reload() -> None:
    raise AssertionError("nobody asked for it")


def hashing(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Have the processes do something before they hash the file `at`."""
    child = (
        "import os, time\nimport node.hashing.open_file_worker as child\nhashed = child._hashed\n"
        f"child._hashed = lambda at, plan: ({what}, hashed(at, plan))[1]\nchild.main()"
    )
    monkeypatch.setattr(open_files, "_CHILD", child)


def sized(folder: Path, size: int) -> Path:
    path = folder / f"{size}"
    path.write_bytes(b"x" * size)
    return path


@pytest.mark.threat("an upload that evades a door")
async def test_files_of_holes_stop_nobody(tmp_path: Path) -> None:
    hole = tmp_path / "hole"
    with hole.open("wb") as file:
        file.truncate(HUGE)
    async with doors(tmp_path, jobs=2) as world:
        with world.passed(hole) as one, world.passed(hole) as other:
            for link in (one, other):
                assert (await asyncio.to_thread(link.recv, 1000)).endswith(b"(sparse), not read ERROR\0")
            assert await world.asked(ASKED) == FOUND


async def test_what_is_mostly_there_is_read(tmp_path: Path) -> None:
    async with doors(tmp_path) as world:
        with world.passed(sized(tmp_path, 100_000)) as link:
            assert (await asyncio.to_thread(link.recv, 1000)).endswith(b": OK\0")


@pytest.mark.threat("an upload that evades a door")
@pytest.mark.parametrize(
    "sizes", [[2000] * 5, [4000] * 5, [2000, 4000] * 5], ids=["large", "largest", "both"]
)
async def test_large_files_keep_no_small_one_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    monkeypatch.setattr(open_files, "SMALL_BYTES", 1000)
    monkeypatch.setattr(open_files, "LARGE_BYTES", 3000)
    begun = tmp_path / "begun"
    hashing(monkeypatch, f"os.fstat(at).st_size > 1000 and (open({str(begun)!r}, 'w'), time.sleep(300))")
    async with doors(tmp_path) as world:
        with ExitStack() as held:
            for size in sizes:
                held.enter_context(world.passed(sized(tmp_path, size)))
            await asyncio.to_thread(wait_until, begun.exists)
            assert await world.asked(ASKED) == FOUND


async def test_the_largest_keep_no_large_one_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "SMALL_BYTES", 1000)
    monkeypatch.setattr(open_files, "LARGE_BYTES", 3000)
    begun = tmp_path / "begun"
    hashing(monkeypatch, f"os.fstat(at).st_size > 3000 and (open({str(begun)!r}, 'w'), time.sleep(300))")
    async with doors(tmp_path) as world:
        with world.passed(sized(tmp_path, 4000)), world.passed(sized(tmp_path, 2000)) as link:
            assert (await asyncio.to_thread(link.recv, 1000)).endswith(b": OK\0")
            await asyncio.to_thread(wait_until, begun.exists)


@pytest.mark.threat("an upload that evades a door")
async def test_a_file_whose_client_left_is_not_hashed_any_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PROBE_SECONDS", 1)
    begun = tmp_path / "begun"
    once = f"os.path.exists({str(begun)!r}) or (open({str(begun)!r}, 'w'), time.sleep(300))"
    hashing(monkeypatch, once)
    async with doors(tmp_path) as world:
        with world.passed(sized(tmp_path, 10)):
            await asyncio.to_thread(wait_until, begun.exists)
        assert await world.asked(ASKED) == FOUND
        begun.unlink()
        with socket.create_connection(("127.0.0.1", world.port)) as link:
            # Its system forgets the connection then, and not in a minute.
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, 1)
            link.sendall(UPLOAD)
            await asyncio.to_thread(wait_until, begun.exists)
        assert await world.asked(ASKED) == FOUND


async def test_no_more_large_files_wait_than_there_are_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_files, "SMALL_BYTES", 1000)
    monkeypatch.setattr(open_files, "MAX_WAITING", 1)
    hashing(monkeypatch, "os.fstat(at).st_size > 1000 and time.sleep(300)")
    async with doors(tmp_path) as world:
        with ExitStack() as held:
            links = [held.enter_context(world.passed(sized(tmp_path, 2000))) for _ in range(3)]
            told = [asyncio.create_task(asyncio.to_thread(link.recv, 1000)) for link in links]
            first, _ = await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
            assert [
                each.result().endswith(b"too many files wait to be hashed ERROR\0") for each in first
            ] == [True]
            assert await world.asked(ASKED) == FOUND
            for link in links:
                link.shutdown(socket.SHUT_RDWR)
            await asyncio.wait(told)


async def test_nobody_waits_for_ever_and_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = tmp_path / "begun"
    hashing(monkeypatch, f"(open({str(begun)!r}, 'w'), time.sleep(300))")
    async with doors(tmp_path, wait_seconds=10) as world:

        async def wait_too_long() -> None:
            await asyncio.to_thread(wait_until, lambda: world.processes.waited_seconds > 0)
            leap(10)

        assert world.processes.waited_seconds == 0
        with world.passed(sized(tmp_path, 10)):
            await asyncio.to_thread(wait_until, begun.exists)
            said, _ = await asyncio.gather(world.asked(ASKED), wait_too_long())
            assert said == b"stream: too many files wait to be hashed ERROR\0"
            upload = world.client.post(f"{world.url}/v1/scan", data=b"an upload")
            reply, _ = await asyncio.gather(upload, wait_too_long())
            assert reply.status == 503
            assert int(reply.headers["Retry-After"]) > 0
        assert world.processes.waited_seconds == 0


@pytest.mark.parametrize(("waited", "serving"), [(0.0, True), (STALLED_SECONDS + 1, False)])
def test_health_notices_that_files_wait(waited: float, serving: bool) -> None:
    def current() -> None:
        """It is."""

    in_force = SimpleNamespace(
        examiner=lambda: SimpleNamespace(require_current=current, require_tried=lambda *, images: None),
        version=7,
        entries=3,
        not_after_ms=1,
    )
    followed = SimpleNamespace(
        name="baseline", in_force=in_force, judge=SimpleNamespace(failure="", waiting=0)
    )
    judging = Judging(
        followed=cast("Any", (followed,)),
        judge=cast("Any", None),
        inspector=cast("Any", None),
        processes=cast("Any", SimpleNamespace(waited_seconds=waited)),
        images=True,
        fail_closed=False,
    )
    standing = judging.standing()
    assert (standing["serving"], bool(standing["reason"])) == (serving, not serving)
