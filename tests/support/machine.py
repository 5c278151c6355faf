"""What a run of the tests makes of the machine: its processors, its memory for temporary folders, nothing of its disk.

A folder of the run holds what its workers make once for all of them, and what nodes of each note until the machine
starts again.

No test cuts the power, so nothing waits for a disk: where there is room in memory, temporary folders are there; where
there is not, neither this process nor its forks ask the disk to have written.
"""

import atexit
import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from shutil import rmtree
from typing import Any
from unittest.mock import patch

import pytest

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that a whole run may take there; containers often have 64 MiB."""
MOST_WORKERS = 4
"""Each takes half a gigabyte."""
_SHARED = "SIGFED_RUN_FOLDER"
_THRESHOLDS = (5_000, 20, 20)
"""New objects until the garbage of each age is looked for; the interpreter's own are for small programs."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker a processor and two more for the whole suite, since many tests wait; none for what is named."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return min(len(os.sched_getaffinity(0)) + 2, MOST_WORKERS) if whole else 0


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put temporary folders into memory unless somebody chose a place, and what a session has there among them."""
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        os.environ["TMPDIR"], tempfile.tempdir = str(MEMORY), None
    if _SHARED not in os.environ:  # this process starts the workers, which find it there
        _share(config.add_cleanup)
    own_folder()
    hurry()
    gc.disable()  # what is collected stays


def own_folder() -> None:
    """Nodes of this worker note what stays until the machine starts again where those of no other do."""
    os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(dir=os.environ[_SHARED])


def pytest_collection_finish() -> None:
    """What is loaded by now stays: nobody looks through it for garbage again."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


@contextmanager
def made_once(name: str) -> Iterator[Path]:
    """A path that all workers of the run share; while the block runs, no other worker is in one of this name.

    A program that no test runs, such as a benchmark, is a run of its own.

    Whoever finds it there uses it, and changes nothing of it; else it makes it. Of what fails nothing stays.
    """
    if _SHARED not in os.environ:
        _share(atexit.register)
    folder = Path(os.environ[_SHARED])
    with (folder / f"{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        path = folder / name
        try:
            yield path
        except BaseException:
            rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            raise


def _share(at_end: Callable[[Callable[[], None]], object]) -> None:
    shared = tempfile.TemporaryDirectory()
    at_end(shared.cleanup)
    os.environ[_SHARED] = shared.name
    os.environ["NODE_COMPILE_CACHE"] = f"{shared.name}/compiled"  # each browser starts a Node.js program


def _has_room(folder: Path) -> bool:
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    starts_programs = not found.f_flag & os.ST_NOEXEC
    return starts_programs and found.f_bavail * found.f_frsize >= ROOM


def hurry() -> None:
    """From now on this process asks no disk to have written; of memory there is nothing to ask."""
    if Path(tempfile.gettempdir()).is_relative_to(MEMORY):
        return
    from node.store import driver

    prepare = driver._prepare_sqlite

    def prepared(connection: Any, record: object) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    patch.object(driver, "_prepare_sqlite", prepared).start()
    patch("os.fsync").start()
