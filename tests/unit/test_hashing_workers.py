import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from node.errors import NodeError
from node.hashing import worker_link
from node.hashing.file_hashes import Fault, Hashed, Part
from node.hashing.outcomes import Outcome, dump, load, pack_hashed, pack_unreadable, unpack
from node.hashing.plan import Bounds, HashPlan
from node.hashing.read import hash_path
from node.hashing.worker_link import MAX_BATCH
from node.hashing.workers import HashWorkers, hash_files
from protocol.digest import Algorithm, Digest
from support.tables import md5

EXACT = HashPlan(images=False, archives=False)
ENDLESS = 1 << 36
"""Bytes of a sparse file that nobody hashes to its end."""


def many(folder: Path, number: int) -> list[Path]:
    paths = [folder / f"{n:05}" for n in range(number)]
    for n, path in enumerate(paths):
        path.write_bytes(b"made-up file %d" % n)
    return paths


def endless(path: Path) -> Path:
    with path.open("wb") as stream:
        stream.truncate(ENDLESS)
    return path


def pids(workers: HashWorkers) -> list[int]:
    return [link.pid for link in workers._links]


def test_every_file_once_with_its_own_hashes(tmp_path: Path) -> None:
    paths = many(tmp_path, 1500)
    with HashWorkers(2, EXACT) as workers:
        outcomes = list(workers.results(paths))
        assert len(pids(workers)) == 2
        again = list(workers.results(paths[:3]))
    assert sorted(outcome.place for outcome in outcomes) == list(range(1500))
    assert all(outcome.path == paths[outcome.place] for outcome in outcomes)
    assert all(outcome.hashed == hash_path(outcome.path, EXACT) for outcome in outcomes)
    assert sorted(outcome.place for outcome in again) == [0, 1, 2]


@pytest.mark.parametrize(("number", "size", "started"), [(3, 10, 1), (3, 100_000, 3), (200, 10, 3)])
def test_few_small_files_start_one_process(tmp_path: Path, number: int, size: int, started: int) -> None:
    paths = many(tmp_path, number)
    for path in paths:
        path.write_bytes(bytes(size))
    with HashWorkers(3, EXACT) as workers:
        outcomes = sorted(workers.results([*paths, tmp_path / "nowhere"]), key=lambda outcome: outcome.place)
        assert len(pids(workers)) == started
    assert [outcome.place for outcome in outcomes] == list(range(number + 1))
    assert [outcome.hashed is None for outcome in outcomes] == [False] * number + [True]


def test_named_files_come_in_their_order(tmp_path: Path) -> None:
    paths = many(tmp_path, 200)
    assert [outcome.path for outcome in hash_files(paths, EXACT)] == paths


def test_what_cannot_be_read_is_an_outcome(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    names = ["link", "gone", os.fsdecode(b"\xff\n")]
    (tmp_path / names[2]).write_bytes(b"x")
    with HashWorkers(1, EXACT) as workers:
        found = {outcome.place: outcome for outcome in workers.results(tmp_path / name for name in names)}
    assert (found[0].hashed, found[0].unreadable) == (None, "a symbolic link, not followed")
    assert (found[1].hashed, found[1].unreadable) == (None, "No such file or directory")
    assert found[2].hashed == hash_path(tmp_path / names[2], EXACT)


def test_a_stop_ends_the_results_in_the_middle_of_a_file(tmp_path: Path) -> None:
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(1 << 36)
    (tmp_path / "first").write_bytes(b"x")
    with HashWorkers(1, EXACT) as workers:
        results = workers.results([tmp_path / "first", tmp_path / "endless"])
        assert next(results).path == tmp_path / "first"  # although a worker has both
        workers.stop()
        assert list(results) == []


def test_no_files_start_no_process() -> None:
    with HashWorkers(2, EXACT) as workers:
        assert list(workers.results([])) == []
        assert pids(workers) == []


def test_paths_are_taken_as_workers_become_free(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    taken = []

    def paths() -> Iterator[Path]:
        for number in count():
            taken.append(number)
            yield tmp_path / "a"

    with HashWorkers(2, EXACT) as workers:
        results = workers.results(paths())
        for seen in range(1, 5000):
            next(results)
            assert len(taken) - seen <= 2 * 2 * MAX_BATCH
        results.close()
        assert len(list(workers.results([tmp_path / "a"]))) == 1


def test_a_file_that_takes_too_long_is_told(tmp_path: Path) -> None:
    with (tmp_path / "slow").open("wb") as stream:
        stream.truncate(60 * 2**20)
    with HashWorkers(2, replace(EXACT, bounds=Bounds(seconds=0.02))) as workers:
        (found,) = workers.results([tmp_path / "slow"])
    assert (found.hashed, found.unreadable) == (None, "it took longer than 0.02 seconds")


def killed(workers: HashWorkers, path: Path) -> None:
    """Kill each worker that reads `path`, until none does."""
    for pid in pids(workers):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            if link.is_symlink() and link.readlink() == path:
                os.kill(pid, signal.SIGKILL)
                return


@pytest.mark.threat("a file that evades a scan")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees what a process that leaves no core reads")
def test_a_file_on_which_workers_die_costs_itself_alone(tmp_path: Path) -> None:
    from threading import Event, Thread

    paths = many(tmp_path, 300)
    paths.insert(150, endless(tmp_path / "endless"))
    over = Event()
    with HashWorkers(2, EXACT) as workers:

        def hunt() -> None:
            while not over.wait(0.02):
                try:
                    killed(workers, paths[150])
                except OSError:  # it ended just now
                    continue

        hunter = Thread(target=hunt)
        hunter.start()
        try:
            found = {outcome.place: outcome for outcome in workers.results(paths)}
        finally:
            over.set()
            hunter.join()
    assert sorted(found) == list(range(301))
    assert found.pop(150).unreadable == "its worker process ended by SIGKILL"
    assert all(outcome.hashed == hash_path(outcome.path, EXACT) for outcome in found.values())


RUN = """
import sys
from pathlib import Path
from node.hashing.plan import HashPlan
from node.hashing.workers import HashWorkers
with HashWorkers(2, HashPlan(images=False, archives=False)) as workers:
    results = workers.results(Path(path) for path in sys.argv[1:])
    next(results)
    print(*[link.pid for link in workers._links], flush=True)
    for _ in results:
        pass
"""


def started(paths: list[Path]) -> "tuple[subprocess.Popen[str], list[int]]":
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, paths)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def left_over(started_by: list[int]) -> list[int]:
    """Those that do not end by themselves within a minute; they are killed, for they would work for hours."""
    for _ in range(600):
        if all(map(gone, started_by)):
            return []
        time.sleep(0.1)
    left = [pid for pid in started_by if not gone(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return left


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    process, workers = started([*many(tmp_path, 1), endless(tmp_path / "a"), endless(tmp_path / "b")])
    assert len(workers) == 2
    if how is signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does: to everybody
    else:
        process.kill()
    _, errors = process.communicate()
    assert process.returncode in {-how, 130}
    if how is signal.SIGINT:
        assert errors.splitlines().count("KeyboardInterrupt") == 1  # of the parent alone
    assert left_over(workers) == []


def test_an_interrupt_that_ends_no_wait_is_not_slept_through(tmp_path: Path) -> None:
    """As one that comes just before the wait begins: here another thread gets it."""

    def interrupt() -> None:
        time.sleep(0.3)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    with HashWorkers(1, EXACT) as workers:
        began, late = time.monotonic(), threading.Timer(30, workers.stop)
        late.start()
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            list(workers.results([endless(tmp_path / "a")]))
        assert time.monotonic() - began < 20
        late.cancel()
        thread.join()


def digest(name: str) -> Digest:
    return Digest.from_hex(Algorithm.MD5, md5(name))


BAD = {
    "ends at once": "raise SystemExit(3)",
    "tells what is no message": "import sys; sys.stdout.write('made up' * 9)",
    "tells of more files than it had": 'import sys; sys.stdout.buffer.write(b\'\\0\\0\\0\\x0d["a","b","c"]\')',
    "tells what is no outcome": "import sys; sys.stdout.buffer.write(b'\\0\\0\\0\\x05[[1]]')",
}


@pytest.mark.parametrize("how", BAD)
def test_workers_that_do_not_work_end_the_run_in_words(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_link, "_CHILD", BAD[how])
    with HashWorkers(1, EXACT) as workers, pytest.raises(NodeError, match="no worker process starts"):
        list(workers.results(many(tmp_path, 2)))


OUTCOMES = [
    Hashed(0, ()),
    Hashed(3, (Part("", (digest("a"), digest("b"))), Part("in/a.gif#2", (digest("c"),))), (Fault("x", "y"),)),
]


@pytest.mark.parametrize("hashed", OUTCOMES)
def test_an_outcome_survives_the_pipe(hashed: Hashed) -> None:
    (packed,) = load(dump([pack_hashed(hashed)]))
    assert unpack(packed, place=3, path=Path("a")) == Outcome(3, Path("a"), hashed)


def test_a_reason_survives_the_pipe() -> None:
    (packed,) = load(dump([pack_unreadable("why")]))
    assert unpack(packed, place=3, path=Path("a")) == Outcome(3, Path("a"), None, "why")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a hundred million pixels in a hundred kilobytes."""
    image = pytest.importorskip("PIL.Image", reason="needs the images extra: pip install -e '.[images]'")
    path = tmp_path_factory.mktemp("large") / "large"
    image.new("RGB", (9_999, 9_999), (7, 8, 9)).save(path, "PNG", compress_level=1)
    return path


def test_a_picture_that_takes_too_long_keeps_its_exact_hashes(tmp_path: Path, large: Path) -> None:
    (tmp_path / "after").write_bytes(b"x")
    with HashWorkers(1, HashPlan(bounds=Bounds(seconds=0.25))) as workers:
        slow, after = workers.results([large, tmp_path / "after"])
    slow, after = sorted([slow, after], key=lambda outcome: outcome.place)
    fault = Fault("", "not looked into: it took longer than 0.25 seconds")
    assert slow.hashed == replace(hash_path(large, EXACT), faults=(fault,))
    assert after.hashed == hash_path(tmp_path / "after", EXACT)


def test_a_picture_that_takes_too_much_memory_is_told(large: Path) -> None:
    with HashWorkers(1, HashPlan(bounds=Bounds(memory_bytes=400 * 2**20))) as workers:
        (found,) = workers.results([large])
    assert found.hashed is not None
    assert found.hashed.parts == hash_path(large, EXACT).parts
    assert found.hashed.faults == (Fault("", "a picture that takes more memory than it may: no PDQ"),)
