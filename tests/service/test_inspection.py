"""Files that are handed over: hashed in a process that may crash or hang, judged by their exact hashes all the same."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from hashlib import md5, sha1, sha256
from pathlib import Path
from threading import Event

import pytest

from node.hashing import open_files
from node.hashing.file_hashes import Hashed
from node.hashing.open_file_worker import decode, encode
from node.hashing.open_files import HashProcesses
from node.hashing.plan import Bounds, HashPlan
from node.hoster.judge.inspection import MAX_FILE_BYTES, LocalInspector
from node.ports.inspection import signature
from node.ports.verdicts import CLEAN, Outcome, Verdict, Verdicts
from protocol.digest import Algorithm, Digest
from support.processes import wait_until

CONTENT = b"a made-up file"
EXACT = (
    Digest(Algorithm.MD5, md5(CONTENT, usedforsecurity=False).digest()),
    Digest(Algorithm.SHA1, sha1(CONTENT, usedforsecurity=False).digest()),
    Digest(Algorithm.SHA256, sha256(CONTENT).digest()),
)
PLAN = HashPlan(bounds=Bounds(seconds=0.5))
PATIENT = HashPlan(bounds=Bounds(seconds=60))
"""Of what ends by itself, however busy the machine is."""


class Listed:
    """A judge that knows one file."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def judge(self, parts: Sequence[Sequence[Digest]], name: str, *, handed: bool = False) -> Verdicts:
        assert not handed, "it was hashed here"
        self.names.append(name)
        hit = Verdict(outcome=Outcome.HIT, collection="baseline")
        return Verdicts(tuple(hit if EXACT[2] in part else CLEAN for part in parts))


@pytest.fixture
async def processes() -> AsyncIterator[HashProcesses]:
    async with HashProcesses(1, HashPlan()) as made:
        yield made


async def inspected(processes: HashProcesses, content: bytes) -> tuple[Outcome, tuple[str, ...]]:
    inspector = LocalInspector(Listed(), processes, max_bytes=MAX_FILE_BYTES)
    async with inspector.receiving() as upload:
        assert upload.write(content)
        found = await upload.inspect("upload")
    return found.verdict.outcome, found.faults


@pytest.mark.parametrize(
    ("content", "outcome"), [(CONTENT, Outcome.HIT), (b"another", Outcome.CLEAN), (b"", Outcome.CLEAN)]
)
async def test_what_is_received_is_judged(processes: HashProcesses, content: bytes, outcome: Outcome) -> None:
    assert await inspected(processes, content) == (outcome, ())


async def test_a_process_hashes_one_file_after_another(processes: HashProcesses) -> None:
    found = await asyncio.gather(*(inspected(processes, CONTENT) for _ in range(5)))
    assert found == [(Outcome.HIT, ())] * 5


@pytest.mark.parametrize(
    ("what_it_does", "fault"),
    [
        pytest.param("os._exit(1)", "their decoder failed", id="leaves"),
        pytest.param("os.kill(os.getpid(), 9)", "their decoder failed", id="is killed"),
        pytest.param("time.sleep(60)", "they took more than 0.5 s", id="hangs"),
        pytest.param("b'nonsense'", "their decoder answered nonsense", id="lies"),
        pytest.param("b'[' * 100_000", "their decoder answered nonsense", id="lies deeply"),
        pytest.param("b'[Infinity, [], []]'", "their decoder answered nonsense", id="lies endlessly"),
        pytest.param("b' ' * 2000 + b'[1, [], []]'", "their decoder answered nonsense", id="says too much"),
    ],
)
async def test_a_picture_that_ends_its_decoder_is_judged_by_its_exact_hashes(
    monkeypatch: pytest.MonkeyPatch, what_it_does: str, fault: str
) -> None:
    child = (
        "import os, signal, time\nimport node.hashing.open_file_worker as child\n"
        "whole, encode = child._hashed, child.encode\n"
        f"child._hashed = lambda at, plan: ({what_it_does}) if plan.images else whole(at, plan)\n"
        "child.encode = lambda found: found if isinstance(found, bytes) else encode(found)\n"
        "child.main()"
    )
    monkeypatch.setattr(open_files, "_CHILD", child)
    monkeypatch.setattr(open_files, "_MAX_ANSWER", 1000)
    if "took" in fault:
        hurry(monkeypatch)
    async with HashProcesses(1, PATIENT) as processes:
        told = await inspected(processes, CONTENT)
        assert told == (Outcome.HIT, (f"its pictures were not looked at: {fault}",))
        assert await inspected(processes, b"the next one") == (Outcome.CLEAN, told[1])


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pictures take half a second; a process that must start again has longer for what is exact."""
    real = open_files.HashProcess._asked

    def asked(process: open_files.HashProcess, descriptor: int, plan: HashPlan, seconds: float) -> Hashed:
        return real(process, descriptor, plan, 0.5 if plan.images else seconds)

    monkeypatch.setattr(open_files.HashProcess, "_asked", asked)


async def test_a_file_that_never_can_be_hashed_is_an_error_and_not_clean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_files, "_CHILD", "raise SystemExit(1)")
    async with HashProcesses(1, PATIENT) as processes:
        with pytest.raises(OSError, match="it cannot be hashed: their decoder failed"):
            await inspected(processes, CONTENT)


def _doing(what: str) -> str:
    """The code of a process that does something before it hashes a file."""
    return (
        "import os, signal, time\nimport node.hashing.open_file_worker as child\n"
        f"hashed = child._hashed\nchild._hashed = lambda at, plan: ({what}, hashed(at, plan))[1]\nchild.main()"
    )


async def test_ctrl_c_is_not_for_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "_CHILD", _doing("os.kill(os.getpid(), signal.SIGINT)"))
    async with HashProcesses(1, PATIENT) as processes:
        assert await inspected(processes, CONTENT) == (Outcome.HIT, ())


async def test_nor_for_one_that_only_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end before it knows that it is not meant, and its file pass without a look at its pictures."""
    monkeypatch.setattr(
        open_files, "_CHILD", f"import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n{open_files._CHILD}"
    )
    async with HashProcesses(1, PATIENT) as processes:
        assert await inspected(processes, CONTENT) == (Outcome.HIT, ())


def test_a_process_without_its_parent_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(open_files, "_CHILD", _doing("time.sleep(300)"))
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    child = open_files.HashProcess(PLAN)
    with path.open("rb") as file, pytest.raises(open_files._ChildFailedError, match="decoder failed"):
        child._asked(file.fileno(), PLAN, 60)


async def test_nobody_waits_for_a_file_at_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    monkeypatch.setattr(open_files, "_CHILD", _doing(f"(open({str(begun)!r}, 'w'), time.sleep(300))"))
    async with asyncio.timeout(60):
        async with HashProcesses(1, HashPlan()) as processes:
            asking = [asyncio.create_task(inspected(processes, CONTENT)) for _ in range(2)]
            await asyncio.to_thread(wait_until, begun.exists)
        assert [type(each) for each in await asyncio.gather(*asking, return_exceptions=True)] == [OSError] * 2


async def test_a_file_that_nobody_waits_for_any_more_keeps_no_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    once = f"os.path.exists({str(begun)!r}) or (open({str(begun)!r}, 'w'), time.sleep(300))"
    monkeypatch.setattr(open_files, "_CHILD", _doing(once))
    async with asyncio.timeout(60), HashProcesses(1, HashPlan()) as processes:
        asking = asyncio.create_task(inspected(processes, CONTENT))
        await asyncio.to_thread(wait_until, begun.exists)
        asking.cancel()
        assert await inspected(processes, CONTENT) == (Outcome.HIT, ())
        assert asking.cancelled()


@pytest.mark.threat("an upload that evades a door")
async def test_who_leaves_as_its_file_is_done_disturbs_not_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "_CHILD", _doing("time.sleep(0.3)"))
    async with asyncio.timeout(60), HashProcesses(1, HashPlan()) as processes:
        idle = processes._small.idle
        give_back = idle.put_nowait

        def leave(process: open_files.HashProcess) -> None:
            give_back(process)
            first.cancel()

        monkeypatch.setattr(idle, "put_nowait", leave)
        first = asyncio.create_task(inspected(processes, CONTENT))
        await asyncio.sleep(0)
        assert await inspected(processes, CONTENT) == (Outcome.HIT, ())
        assert first.cancelled()


async def test_a_process_that_was_killed_behind_its_answer_is_another_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered, go = Event(), Event()
    whole = open_files.HashProcess.hash

    def hash_and_wait(process: open_files.HashProcess, descriptor: int) -> Hashed:
        found = whole(process, descriptor)
        answered.set()
        go.wait(60)
        return found

    monkeypatch.setattr(open_files.HashProcess, "hash", hash_and_wait)
    async with asyncio.timeout(60), HashProcesses(1, HashPlan()) as processes:
        leaving = asyncio.create_task(inspected(processes, CONTENT))
        await asyncio.to_thread(answered.wait, 60)
        leaving.cancel()
        await asyncio.to_thread(wait_until, lambda: processes._small.processes[0].interrupted)
        go.set()
        assert await inspected(processes, CONTENT) == (Outcome.HIT, ())


async def test_hashing_keeps_no_thread_that_others_wait_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    begun, go = tmp_path / "begun", tmp_path / "go"
    waiting = f"[time.sleep(0.01) for _ in iter(lambda: os.path.exists({str(go)!r}), True)]"
    monkeypatch.setattr(open_files, "_CHILD", _doing(f"(open({str(begun)!r}, 'w'), {waiting})"))
    async with asyncio.timeout(60), HashProcesses(2, HashPlan()) as processes:
        asking = [asyncio.create_task(inspected(processes, CONTENT)) for _ in range(2)]
        await asyncio.to_thread(wait_until, begun.exists)
        await asyncio.to_thread(go.touch)
        assert await asyncio.gather(*asking) == [(Outcome.HIT, ())] * 2


async def test_the_processes_know_nothing_of_their_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGFED_PASSPHRASE_FILE", "/run/secret")
    monkeypatch.setattr(open_files, "_CHILD", _doing("1 / ('SIGFED_PASSPHRASE_FILE' not in os.environ)"))
    async with HashProcesses(1, PATIENT) as processes:
        assert await inspected(processes, CONTENT) == (Outcome.HIT, ())


async def test_what_is_longer_than_may_be_is_not_taken(processes: HashProcesses) -> None:
    inspector = LocalInspector(Listed(), processes, max_bytes=10)
    async with inspector.receiving() as upload:
        assert upload.write(b"12345")
        assert not upload.write(b"678901")
        assert upload.write(b"67890")


async def test_slow_senders_keep_nobody_waiting_and_memory_is_bounded(processes: HashProcesses) -> None:
    inspector = LocalInspector(Listed(), processes, max_bytes=10, longest_at_once=2)
    async with AsyncExitStack() as slow:
        uploads = [await slow.enter_async_context(inspector.receiving()) for _ in range(40)]
        assert [upload.write(b"x") for upload in uploads] == [True] * 20 + [False] * 20
    async with inspector.receiving() as upload:
        assert upload.write(b"0123456789")


async def test_a_file_with_holes_that_is_too_large_keeps_no_process(
    processes: HashProcesses, tmp_path: Path
) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(2**40)
    with path.open("rb") as file, pytest.raises(OSError, match="larger than"):
        await LocalInspector(Listed(), processes).inspect(file.fileno(), "sparse")


async def test_an_open_file_keeps_its_place_and_a_pipe_is_refused(
    processes: HashProcesses, tmp_path: Path
) -> None:
    inspector = LocalInspector(Listed(), processes)
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with path.open("rb") as file:
        file.seek(3)
        assert (await inspector.inspect(file.fileno(), "f")).verdict.outcome is Outcome.HIT
        assert file.tell() == 3
    reading, writing = os.pipe()
    with pytest.raises(OSError, match="not a regular file"):
        await inspector.inspect(reading, "pipe")
    os.close(reading)
    os.close(writing)


def test_an_answer_is_read_as_it_was_written() -> None:
    from node.hashing.file_hashes import Fault, Hashed, Part

    hashed = Hashed(14, (Part("", EXACT), Part("a/ä.jpg#2", EXACT[:1])), (Fault("b", "too deep"),))
    assert decode(encode(hashed)) == hashed


@pytest.mark.parametrize(
    ("verdict", "name"),
    [
        (CLEAN, ""),
        (Verdict(outcome=Outcome.UNKNOWN, reason="down"), ""),
        (Verdict(outcome=Outcome.TEST_FILE), "Sigfed.TestFile"),
        (Verdict(outcome=Outcome.HIT, collection="baseline"), "Sigfed.Baseline"),
        (Verdict(outcome=Outcome.HIT, collection="national:fr FOUND\n"), "Sigfed.Listed"),
        (Verdict(outcome=Outcome.HIT), "Sigfed.Listed"),
    ],
)
def test_names_as_virus_scanners_give_them(verdict: Verdict, name: str) -> None:
    assert signature(verdict) == name
