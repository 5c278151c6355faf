"""What is in the memory of a process: whether something is still there that should be gone (Linux)."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

_RANGE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw")
_MOST = 1 << 30
_ENDED = (FileNotFoundError, ProcessLookupError)
"""What is said of a process or thread that ended since it was found: it has nothing in memory."""


def descendants(pid: int) -> list[int]:
    """Processes that a process started, and those that they started."""
    children = set[int]()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(*_ENDED):
            children |= set(map(int, task.read_text().split()))
    return [found for child in sorted(children) for found in (child, *descendants(child))]


def shown_of(pid: int) -> bytes:
    """Arguments and environment of a process, as far as this user may see them: of one with keys root alone."""
    shown = b""
    for name in ("cmdline", "environ"):
        with suppress(PermissionError):
            shown += Path(f"/proc/{pid}/{name}").read_bytes()
    return shown


def any_in_memory(pid: int, secrets: Sequence[bytes]) -> bool:
    """Whether a process has one of these anywhere in memory that it may write to, which is read once."""
    return any(secret in data for data in _ranges(pid) for secret in secrets)


def _ranges(pid: int) -> Iterator[bytes]:
    if os.geteuid() != 0:
        pytest.skip("needs root: nobody else looks into a process that holds keys")
    with suppress(*_ENDED), Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            found = _RANGE.match(line)
            if found is None:
                continue
            start, end = int(found[1], 16), int(found[2], 16)
            memory.seek(start)
            try:
                yield memory.read(min(end - start, _MOST))
            except OSError:  # of a device, or gone meanwhile
                continue
