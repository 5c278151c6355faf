"""A pull that is taken over slice by slice: wherever it is cut off, in the end all is as after a pull at once."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from node.peers.sync import slices
from node.peers.sync.follow import Delivery, Follower, StagedBundle
from protocol.digest import SIZES, Algorithm, Digest
from protocol.lists.event import BASELINE, SHRED, Header, Op
from protocol.lists.ext import Ext, Reason
from protocol.lists.opening import Opening
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.tiles import bundle_widths, encode_bundle
from support.lists import ListWriter, digest
from support.new_stores import MemoryObjects, new_store
from support.stores import GUARDS, NOW_MS, STORAGE_KEY, sqlite_dsn

KINDS = [Algorithm.MD5, Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.PDQ]
TABLES = (
    "log",
    "entry_index",
    "entry_count",
    "quarantine",
    "intake",
    "shredding",
    "tombstone",
    "standing",
    "touch",
    "file_run",
)
DAY_LATER = NOW_MS + 2 * 24 * 60 * 60 * 1000


class CutOffError(Exception):
    """Stands for the end of the process."""


class Dying(MemoryObjects):
    """Objects of a process that dies when it has changed something so many times; of many it may write some."""

    def __init__(self) -> None:
        super().__init__()
        self.left = -1

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise CutOffError

    @override
    def put(self, name: str, data: bytes) -> None:
        self.step()
        super().put(name, data)

    @override
    def put_all(self, items: Iterable[tuple[str, bytes]]) -> None:
        for name, data in items:
            self.put(name, data)

    @override
    def delete(self, name: str) -> None:
        self.step()
        super().delete(name)


class Node:
    """A store that follows lists which nobody verified: `protocol.pull` has its own tests."""

    def __init__(self, folder: Path) -> None:
        self.objects = Dying()
        numbers = count()
        self.store = new_store(
            sqlite_dsn(folder),
            storage_key=STORAGE_KEY,
            objects=self.objects,
            entropy=lambda size: next(numbers).to_bytes(size),
        )
        self.file = folder / "sigfed.db"
        self.follower = Follower(self.store, GUARDS)

    def pull(self, written: ListWriter, size: int, *, now_ms: int, deaths: Sequence[int] = ()) -> None:
        """Take over the first `size` events, in as many processes as it takes."""
        self.follower.follow(written.origin, node=written.origin.partition("/")[0])
        for left in (*deaths, -1):
            self.objects.left = left
            try:
                if self.follower.held(written.origin, now_ms=now_ms).size < size:
                    self.follower.commit(written.origin, self._stage(written, size), now_ms=now_ms)
                self.follower.held(written.origin, now_ms=now_ms)
            except CutOffError:
                self.follower = Follower(self.store, GUARDS)

    def _stage(self, written: ListWriter, size: int) -> Delivery:
        events, openings = written.events[:size], [opening or b"" for opening in written.openings[:size]]
        tree = CompactRange()
        tree.extend(map(leaf_hash, events))
        with self.store.read() as unit:
            held = unit.logs.get(written.origin).head.size
        for index, width in bundle_widths(held, size):
            span = slice(256 * index, 256 * index + width)
            bundle = StagedBundle(
                index=index,
                width=width,
                entries=encode_bundle(events[span]),
                openings=encode_bundle(openings[span]),
            )
            self.follower.stage(written.origin, bundle)
        return Delivery(note=b"a note", size=size, root=tree.root(), frontier=tree.to_bytes())

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything that the tables say of lists."""
        with closing(sqlite3.connect(self.file)) as database:
            return {name: sorted(map(_shown, database.execute(f"SELECT * FROM {name}"))) for name in TABLES}

    def files(self) -> dict[str, bytes]:
        """Bundles, tiles and openings, opened."""
        names = [*self.objects.ls("logs/"), *self.objects.ls("openings/")]
        return {
            name: self.store.vault.unseal(name, self.objects.data[name])
            if name.startswith("openings/")
            else self.objects.data[name]
            for name in names
        }


def _shown(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(map(repr, row))


def _written(random: Random, origin: str, size: int) -> ListWriter:
    """Entries of few files, whose digests stand side by side over and over, ended and shredded now and then."""
    written, adds, disputes = ListWriter(origin), list[int](), list[int]()
    content_id, values = 0, max(size // 8, 4)
    for at in range(size):
        made, header_ms = random.random(), NOW_MS + at
        if made < 0.85 or not adds:
            content_id = content_id if random.random() < 0.7 else random.randrange(200)
            kind, value = random.choice(KINDS), random.randrange(values)
            ext = Ext(criteria=1, content_id=bytes([content_id]) * 16 if content_id else None)
            opening = Opening(bytes(16), digest(str(value), kind), ext).to_bytes()
            if random.random() < 0.02:
                opening = Opening(bytes(16), Digest(kind, bytes(SIZES[kind])), ext).to_bytes()
            closed = random.random() < 0.1
            op = Op.DISPUTE if random.random() < 0.03 else Op.ADD
            header = Header(op=op, collection=BASELINE, time_ms=header_ms)
            (disputes if op is Op.DISPUTE else adds).append(at)
            written.put(header, b"" if closed else opening)
        else:
            reason = Opening(bytes(16), None, Ext(reason=Reason.ERROR)).to_bytes()
            flags = SHRED if random.random() < 0.1 else 0
            resolves = disputes and random.random() < 0.2
            op, refs = (Op.RESOLVE, disputes) if resolves else (Op.WITHDRAW, adds)
            ref = random.choice(refs)
            written.put(Header(op=op, collection=BASELINE, time_ms=header_ms, ref=ref, flags=flags), reason)
    return written


@contextmanager
def _sizes(events: int, rows: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(slices, "EVENTS", events)
        patched.setattr(slices, "_ROWS", rows)
        patched.setattr(slices, "_ARRIVALS", rows)
        patched.setattr("node.peers.sync.stage._PART", 2)
        yield


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    before=st.integers(0, 700),
    new=st.integers(1, 1300),
    events=st.sampled_from([256, 512]),
    rows=st.sampled_from([1, 64, 10_000]),
    deaths=st.lists(st.integers(1, 60), max_size=4),
)
def test_cut_off_anywhere_it_is_a_pull_at_once(
    seed: int, before: int, new: int, events: int, rows: int, deaths: list[int]
) -> None:
    random = Random(seed)
    other, written = (
        _written(random, "be.example/lists/main", 300),
        _written(random, "nl.example/lists/main", before + new),
    )
    with TemporaryDirectory() as one, TemporaryDirectory() as another:
        whole, cut = Node(Path(one)), Node(Path(another))
        for node, died, sizes in ((whole, [], (2**16, 2**18)), (cut, deaths, (events, rows))):
            with _sizes(*sizes):
                node.pull(other, 300, now_ms=NOW_MS)
                if before:
                    node.pull(written, before, now_ms=NOW_MS)
                node.pull(written, before + new, now_ms=DAY_LATER, deaths=died)
        assert cut.rows() == whole.rows()
        expected, found = whole.files(), cut.files()
        assert expected == {name: found.get(name) for name in expected}, (
            "a dying process may leave older ones"
        )
        assert not list(cut.objects.ls("staging/"))
        whole.store.dispose()
        cut.store.dispose()
