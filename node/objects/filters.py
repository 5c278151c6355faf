"""Sets of look-up keys as files of sorted 64-bit integers, mapped when they are asked.

Building sorts in runs and merges range by range, so a set of a hundred million keys takes no more memory than one of
ten million. A file holds keyed hashes and nothing else: without the index key it lists no digest.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from node.clock import system_entropy
from node.errors import MissingObjectError, StoreError
from node.files import (
    holding_temporaries,
    is_locked,
    make_private_folder,
    refused,
    replace_private,
    sum_path,
)
from node.store.lists.columns import Keys

RUN: Final = 2**22
"""Keys sorted at a time: 32 MiB."""

_TYPE: Final = np.dtype("<i8")
_NAME: Final = re.compile(r"[a-z0-9-]{1,128}", re.ASCII)


class FolderFilters:
    """The sets in `folder`, which is made when the first one is built, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(self, name: str, chunks: Iterable[Keys]) -> int:
        """Keep the distinct keys of all chunks under a new name; durable on return. Returns their number."""
        make_private_folder(self._folder)
        target, token = self._path(name), system_entropy(8).hex()
        temporary = self._folder / f".tmp-{token}"
        runs: list[Path] = []
        try:
            with holding_temporaries(self._folder):
                try:
                    for run in _runs(chunks):
                        runs.append(self._folder / f".tmp-{token}-{len(runs)}")
                        _write(runs[-1], [run])
                    count, digest = _write(temporary, _merged([_mapped(path) for path in runs]))
                    temporary.replace(target)
                finally:
                    for path in (temporary, *runs):
                        path.unlink(missing_ok=True)
            replace_private(sum_path(target), digest.encode())
        except OSError as exc:
            raise refused("a filter", exc) from exc
        return count

    def load(self, name: str) -> Keys:
        """The keys, ascending, mapped from the file; raises `MissingObjectError`."""
        try:
            return _mapped(self._path(name))
        except FileNotFoundError:
            raise MissingObjectError(
                "the filter {name} is missing", name, hint="add the set again: sigfed guard benign add FILE"
            ) from None

    def adding(self) -> AbstractContextManager[None]:
        """Keep `sweep` from a set that is built and not recorded yet."""
        make_private_folder(self._folder)
        return holding_temporaries(self._folder)

    def sweep(self, recorded: Callable[[], Collection[str]]) -> None:
        """Delete the sets that are not `recorded`, by processes that were killed; none while somebody adds one."""
        found = [*self._folder.glob("*.keys*")]
        if not found or is_locked(self._folder):
            return
        known = recorded()  # whoever built what was found has recorded it by now, or never will
        for path in found:
            if path.name.partition(".")[0] not in known:
                path.unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        """Forget a set; whoever has it mapped keeps it until then."""
        for path in (self._path(name), sum_path(self._path(name))):
            path.unlink(missing_ok=True)

    def verify(self) -> Iterator[tuple[str, str]]:
        """Every set whose SHA-256 is kept, and that SHA-256: its name, and what is wrong with it, or nothing."""
        for path in sorted(self._folder.glob("*.keys")):
            if (said := sum_path(path)).exists():
                with path.open("rb") as file:
                    right = file_digest(file, "sha256").hexdigest().encode() == said.read_bytes()
                wrong = "" if right else f"it is not what {said.name} says"
                yield from ((name, wrong) for name in (path.name, said.name))

    def _path(self, name: str) -> Path:
        assert _NAME.fullmatch(name), "filters are named by this program"
        return self._folder / f"{name}.keys"


def _runs(chunks: Iterable[Keys]) -> Iterator[Keys]:
    """Sorted runs of distinct keys."""
    held: list[Keys] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= RUN:
            yield np.unique(np.concatenate(held))
            held, size = [], 0
    if size:
        yield np.unique(np.concatenate(held))


def _merged(runs: list[Keys]) -> Iterator[Keys]:
    """The runs as one, range by range; a range is about as long as one run, because keyed hashes are uniform."""
    if len(runs) < 2:
        yield from runs
        return
    bounds = [-(2**63) + at * (2**64 // len(runs)) for at in range(1, len(runs))]
    cuts = [[0, *(int(np.searchsorted(run, np.int64(bound))) for bound in bounds), len(run)] for run in runs]
    for at in range(len(runs)):
        parts = [run[cut[at] : cut[at + 1]] for run, cut in zip(runs, cuts, strict=True)]
        yield np.unique(np.concatenate(parts))


def _write(path: Path, parts: Iterable[Keys]) -> tuple[int, str]:
    """How many keys were written, and the SHA-256 of the file in hexadecimal."""
    count, digest = 0, sha256()
    with _private(path) as file:
        for part in parts:
            data = part.astype(_TYPE, copy=False).tobytes()
            file.write(data)
            digest.update(data)
            count += len(part)
        file.flush()
        os.fsync(file.fileno())
    return count, digest.hexdigest()


def _private(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def _mapped(path: Path) -> Keys:
    size = path.stat().st_size
    if size % _TYPE.itemsize:
        raise StoreError("{name} is damaged", path.name, hint="remove the set and add it again")
    if not size:  # an empty file cannot be mapped
        return np.empty(0, dtype=_TYPE)
    return np.memmap(path, dtype=_TYPE, mode="r")
