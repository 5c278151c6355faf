"""A small disk of its own for a folder, and what fills it to the last byte. It takes root."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Final

import pytest

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Acts:
    """How the ground gives way, and comes back."""

    gives_way: Callable[[], object]
    comes_back: Callable[[], object]
    later: Callable[[], object] = int
    """An hour passes."""


@contextmanager
def small_disk(path: Path) -> Iterator[Acts]:
    """A disk of its own for one home, and what fills it to the last byte."""
    path.mkdir(mode=0o700)
    mounted("-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", str(path))
    ballast = path / "ballast"
    full, over = Event(), Event()

    def keep_full() -> None:
        """What others give back, as a database does of its journal, is taken at once."""
        with ballast.open("ab", buffering=0) as file:
            while not over.wait(0.01):
                for size in (MIB, 4096, 1):
                    with suppress(OSError):
                        while True:
                            file.write(bytes(size))
                full.set()

    filling = Thread(target=keep_full, name="ballast")

    def fill() -> None:
        filling.start()
        assert full.wait(60)

    def make_room() -> None:
        over.set()
        if filling.ident:
            filling.join()
        ballast.unlink(missing_ok=True)

    try:
        yield Acts(fill, make_room)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def mounted(*words: str) -> None:
    """Mount; where that is not for this user, the test is skipped."""
    done = subprocess.run(["mount", *words], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"it mounts a disk, as root: {done.stderr.decode().strip()}")
