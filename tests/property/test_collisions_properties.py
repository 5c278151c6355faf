"""Weak hashes that stand for two files: what is found for all entries of a pull at once is what is found one by one."""

import tracemalloc
from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.clock import system_entropy
from node.lists import collisions
from node.lists.changes import content_id_of, digest_of
from node.lists.collisions import STRONGER, Arrivals, Neighbours, Siblings, among_arrivals, words
from node.peers.sync.intake import EventIntake
from node.store.lists.columns import LISTED, Keys, Listed
from node.store.lists.records import IndexHit
from node.store.spool import Spool
from node.store.vault import LookUpKeys, Vault
from protocol.digest import Algorithm
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.event import BASELINE, Header, Op
from protocol.lists.ext import Ext
from protocol.lists.opening import Opening
from support.lists import digest

VAULT = Vault(None, lambda: LookUpKeys(bytes(32), bytes(32)), bytes)  # type: ignore[arg-type]  # nothing is sealed
FIRST = 10
"""Position of the first new entry."""

ENTRIES = st.lists(
    st.tuples(
        st.sampled_from([Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.PDQ, None]),
        st.integers(0, 2),
        st.integers(0, 3),
    ),
    max_size=24,
)
"""Kind and value of a digest, None where the opening is not held, and content id, 0 for none."""


def _openings(entries: Sequence[tuple[Algorithm | None, int, int]]) -> list[bytes]:
    made = []
    for algorithm, value, number in entries:
        ext = Ext(criteria=1, content_id=bytes([number]) * 16 if number else None)
        opening = Opening(bytes(16), digest(str(value), algorithm), ext) if algorithm else None
        made.append(opening.to_bytes() if opening else b"")
    return made


class Held(Siblings):
    """Held lists of these openings, by number."""

    def __init__(self, lists: Sequence[Sequence[bytes]], aside: Sequence[int]) -> None:
        logs = {at: SimpleNamespace(id=at, origin=f"list {at}") for at in range(len(lists))}
        readers = [_reader(rows) for rows in lists]
        self._logs = logs  # type: ignore[assignment]
        self._finder = SimpleNamespace(reader=lambda log: readers[log.id])  # type: ignore[assignment]
        spans = collisions._Spans.of([(position, position) for position in aside])
        self._aside = dict.fromkeys(range(len(lists)), spans)


def _reader(rows: Sequence[bytes]) -> SimpleNamespace:
    def raw(position: int) -> bytes:
        return rows[position] if position < len(rows) else b""

    def bundle(index: int) -> list[bytes]:
        return [raw(index * BUNDLE_WIDTH + at) for at in range(BUNDLE_WIDTH)]

    return SimpleNamespace(raw=raw, bundle=bundle)


def _hits(lists: Sequence[Sequence[bytes]], ended: Sequence[int]) -> list[IndexHit]:
    return [
        IndexHit(VAULT.key_of(found), number, position, BASELINE, 99 if position in ended else None)
        for number, rows in enumerate(lists)
        for position, data in enumerate(rows)
        if data and (found := digest_of(data)) is not None
    ]


_Pair = tuple[Algorithm, Algorithm, list[tuple[int, int, int]]]
"""A weak and a stronger algorithm; position, weak and stronger key of each file that has both."""


def _pairs(new: Sequence[bytes]) -> list[_Pair]:
    files: dict[int, dict[Algorithm, tuple[int, int]]] = {}
    number, last = 0, b""
    for position, data in enumerate(new, FIRST):
        found = digest_of(data) if data else None
        if found is not None:
            content_id = content_id_of(data)
            number += not content_id or content_id != last
            last = content_id
            files.setdefault(number, {}).setdefault(found.algorithm, (position, VAULT.key_of(found)))
    return [
        (
            weak,
            stronger,
            [(*file[weak], file[stronger][1]) for file in files.values() if {weak, stronger} <= {*file}],
        )
        for weak, others in STRONGER.items()
        for stronger in others
    ]


def _one_by_one(new: Sequence[bytes], hits: Sequence[IndexHit], held: Held) -> dict[int, str]:
    """Each pair of a weak and a stronger digest of a new file, against each other and against each listed file."""
    told: dict[int, str] = {}
    for weak, stronger, files in _pairs(new):
        for position, key, other in files:
            if any(key == theirs and other != another for _, theirs, another in files):
                told[position] = words(weak, stronger) + ", in the same list"
    for hit in sorted(hits, key=lambda hit: (hit.log_id, hit.position)):
        if hit.ended is None and not held.is_aside(hit):
            for position, why in _against(hit, _pairs(new), held):
                where = f"entry {hit.position} of {held.log(hit.log_id).origin}"
                told.setdefault(position, f"{why}: {where}")
    return told


def _against(hit: IndexHit, pairs: Sequence[_Pair], held: Held) -> Iterator[tuple[int, str]]:
    listed = [(each.algorithm, VAULT.key_of(each)) for each in held.of(hit.log_id, hit.position)]
    for weak, stronger, files in pairs:
        theirs = {key for algorithm, key in listed if algorithm is stronger}
        for position, key, other in files:
            if key == hit.key and theirs and (weak, key) in listed and other not in theirs:
                yield position, words(weak, stronger)


def _arrivals(new: Sequence[bytes]) -> Arrivals:
    events = [Header(op=Op.ADD, collection=BASELINE, time_ms=1).to_bytes() + bytes(32)] * len(new)
    intake = EventIntake(VAULT, FIRST)
    intake.take(FIRST, events, new)
    return intake.taken({}).arrivals()


def _among_arrivals(arrivals: Arrivals, hits: Sequence[IndexHit], held: Held) -> dict[int, str]:
    def find(keys: Keys) -> Listed:
        rows = [(hit.log_id, hit.position, hit.key) for hit in hits if hit.ended is None and hit.key in keys]
        return np.array(rows, dtype=LISTED)

    with Spool(system_entropy) as spool:
        return among_arrivals(arrivals, find, held, Neighbours(held, VAULT, spool))


@pytest.fixture(scope="module", params=[1, 1 << 18], ids=["one at a time", "all at once"])
def _sizes(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        for name in ("_KEYS", "_LISTED", "_MOST_PAIRS"):
            patched.setattr(collisions, name, request.param)
        yield


@pytest.mark.usefixtures("_sizes")
@given(
    new=ENTRIES,
    lists=st.lists(ENTRIES, min_size=1, max_size=2),
    ended=st.lists(st.integers(0, 23), max_size=3),
    aside=st.lists(st.integers(0, 23), max_size=3),
)
def test_all_at_once_is_one_by_one(
    new: list[tuple[Algorithm | None, int, int]],
    lists: list[list[tuple[Algorithm | None, int, int]]],
    ended: list[int],
    aside: list[int],
) -> None:
    openings, rows = _openings(new), [_openings(entries) for entries in lists]
    held, hits = Held(rows, aside), _hits(rows, ended)
    found = _among_arrivals(_arrivals(openings), hits, held)
    assert found == _one_by_one(openings, hits, held)
    assert np.all([position >= FIRST for position in found])


@pytest.mark.threat("a flood")
def test_a_file_that_is_listed_often_fills_no_memory() -> None:
    """A peer lists one file a thousand times, and then its MD5 beside another SHA-256 ten thousand times."""
    listed, new = _openings(_copies(1_000, 1)), _openings(_copies(10_000, 2))
    held, hits, arrivals = Held([listed], ()), _hits([listed], ()), _arrivals(new)
    tracemalloc.start()
    try:
        found = _among_arrivals(arrivals, hits, held)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    reason = f"{words(Algorithm.MD5, Algorithm.SHA256)}: entry 0 of list 0"
    assert found == dict.fromkeys(range(FIRST, FIRST + len(new), 2), reason)
    assert most < 100 << 20


def _copies(times: int, value: int) -> list[tuple[Algorithm | None, int, int]]:
    """Files, each an MD5, always the same, and a SHA-256."""
    return [
        one
        for number in range(times)
        for one in ((Algorithm.MD5, 0, number % 255 + 1), (Algorithm.SHA256, value, number % 255 + 1))
    ]
