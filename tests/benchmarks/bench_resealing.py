"""What replacing a storage key costs: sealing with a numbered data key, and sealing everything anew.

Run it as `python -m benchmarks.bench_resealing` with `tests` and the repository on the path. The objects are openings
of 256 events each, as the lists of a node have them. Sealing is compared with the same cipher called directly under the
same name; sealing anew with reading each object and replacing it by the same bytes, as durably: what no program can do
without. Processor time is compared: a running node seals a thousand objects anew in a minute, so the disk can wait.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.results import Result, in_turns, report
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.objects.folder import FolderObjects
from node.objects.rekey import reseal, rewrap
from node.store.store import Store
from protocol.limits import BUNDLE_WIDTH

OBJECTS = 1_000
SEALINGS = 40_000
RUNS = 5
MOST_RATIO = 1.5
_BYTES = 58 * BUNDLE_WIDTH
"""Openings of SHA-256 digests: nonce, lengths, digest, extensions."""


def empty_store(folder: Path) -> Store:
    """An empty store."""
    dsn, objects = f"sqlite:///{folder}/sigfed.db", FolderObjects(folder / "objects")
    Store.create(dsn, objects=objects, storage_key=_storage_key("1"), entropy=os.urandom).dispose()
    return Store.open(dsn, objects=objects, storage_keys=_storage_key, entropy=os.urandom)


def _storage_key(label: str) -> bytes:
    return label.encode().ljust(32, b"\0")


class Resealing:
    """A store of which everything is sealed anew, again and again."""

    def __init__(self, folder: Path, objects: int) -> None:
        self._store = empty_store(folder)
        self._label = 1
        self._names = [f"openings/{'0' * 64}/{number:09}" for number in range(objects)]
        seal, data = self._store.vault.seal, os.urandom(_BYTES)
        self._store.objects.put_all((name, seal(name, data)) for name in self._names)

    def bare(self) -> float:
        """Processor time of reading every object and putting the same bytes in its place."""
        started = time.process_time()
        for name in self._names:
            data = self._store.objects.get(name)
            assert self._store.objects.exchange(name, data, data)
        return time.process_time() - started

    def anew(self) -> float:
        """Processor time of sealing every object with a new key."""
        self._label += 1
        assert rewrap(self._store, _storage_key, str(self._label), now_ms=self._label)
        started = time.process_time()
        done = reseal(self._store, now_ms=self._label, step=len(self._names) + 1)
        seconds = time.process_time() - started
        assert (done.moved, done.stuck) == (len(self._names), 0)
        return seconds

    def close(self) -> None:
        """Close the store."""
        assert isinstance(self._store, Store)
        self._store.dispose()


def seal_directly(names: Sequence[str], data: bytes) -> float:
    """Processor time of AES-256-GCM with a fresh nonce and the name beside it, and nothing else."""
    cipher = AESGCM(bytes(32))
    started = time.process_time()
    for name in names:
        nonce = os.urandom(12)
        nonce + cipher.encrypt(nonce, data, name.encode())
    return time.process_time() - started


def seal_numbered(store: Store, names: Sequence[str], data: bytes) -> float:
    """Processor time of the same with the store's vault."""
    started = time.process_time()
    for name in names:
        store.vault.seal(name, data)
    return time.process_time() - started


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Sealing, and sealing anew, each against its baseline."""
    with tempfile.TemporaryDirectory() as folder:
        yield _sealing(Path(folder), max(1, SEALINGS // divisor))
    with tempfile.TemporaryDirectory() as folder:
        yield _resealing(Path(folder), max(1, OBJECTS // divisor))


def _sealing(folder: Path, count: int) -> Result:
    store, data = empty_store(folder), os.urandom(_BYTES)
    names = [f"openings/{'0' * 64}/{number:09}" for number in range(count)]
    bare, numbered = in_turns(
        RUNS, lambda: seal_directly(names, data), lambda: seal_numbered(store, names, data)
    )
    assert isinstance(store, Store)
    store.dispose()
    return Result(
        name="sealing with a numbered key",
        value=median(own / other for own, other in zip(numbered, bare, strict=True)),
        limit=MOST_RATIO,
        detail=f"{count:,} objects of {_BYTES:,} B in {median(numbered):.2f} s of processor time"
        f" against {median(bare):.2f} s for the cipher alone",
    )


def _resealing(folder: Path, count: int) -> Result:
    store = Resealing(folder, count)
    bare, anew = in_turns(RUNS, store.bare, store.anew)
    store.close()
    return Result(
        name="sealing everything anew",
        value=median(own / other for own, other in zip(anew, bare, strict=True)),
        limit=MOST_RATIO,
        detail=f"{count:,} objects of {_BYTES:,} B in {median(anew):.2f} s of processor time"
        f" against {median(bare):.2f} s for reading and replacing them",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
