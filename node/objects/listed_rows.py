"""What the newest release of a subset lists: rows by keyed hash, found by whoever has a digest.

It is the *previous effective set* of the quorum: what was listed stays while a list is stale, what is new needs fresh
lists. Older versions kept it in sealed objects beside the release, its *roster*, with digests and PRF outputs. Whoever
asks first makes rows of them (`catch_up`), in one transaction; then they are deleted.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from itertools import pairwise
from struct import Struct
from typing import Final

import numpy as np

from node.errors import ConflictError, StoreError
from node.objects.release_files import RELEASES, ReleaseFolder
from node.objects.sealed_names import is_roster
from node.store.index import gone_among
from node.store.lists.records import LogKind
from node.store.store import Store
from node.store.subsets.listed_rows import ListedRows
from node.store.subsets.records import Listed, ReleaseRecord, WideKey
from node.store.unit import Unit
from protocol.digest import Algorithm, Digest
from protocol.subset.canary import PRESENT
from protocol.subset.label import OUTPUT_BYTES, tag
from protocol.subset.lookup import Lookup
from protocol.subset.screen import screen_value

_PART: Final = 2**15
"""Digests in one object of a roster."""
_HEAD: Final = Struct(">BBB")
"""Of a row of a roster: algorithm, number of collections, length of the digest. All zero: it was shredded."""
_WORD: Final = 8
_AT_ONCE: Final = 2**15
"""Rows that are looked through at a time."""
_EVERY: Final = range(-(2**63), 2**63)
"""Look-up key."""


def listed_in(
    store: Store, unit: Unit, record: ReleaseRecord, digests: Collection[Digest]
) -> Mapping[Digest, Listed]:
    """What a newest release says of these digests, as far as it lists them.

    Raises `ConflictError` for one that is the newest no more: rows of what it alone listed are gone.
    """
    names = _names(store, digests)
    rows = _newest(unit, record).find(record.subset, record.version, (key for key, _ in names))
    return {names[row.name]: row for row in rows if row.name in names}


def effective_in(
    store: Store, unit: Unit, records: Iterable[ReleaseRecord], digests: Collection[Digest]
) -> frozenset[tuple[int, Digest]]:
    """Collection and digest of what is listed of these digests by newest releases, as `listed_in`."""
    releases = list(records)
    names = _names(store, digests if releases else ())
    found: set[tuple[int, Digest]] = set()
    for record in releases:
        rows = _newest(unit, record).find(record.subset, record.version, (key for key, _ in names))
        known = ((row.numbers, names[row.name]) for row in rows if row.name in names)
        found |= {(collection, digest) for numbers, digest in known for collection in numbers}
    return frozenset(found)


def rows_in(store: Store, record: ReleaseRecord, keys: range) -> Sequence[Listed]:
    """What a newest release lists whose look-up keys are in this range; raises as `listed_in`."""
    with store.read() as unit:
        return _newest(unit, record).between(record.subset, record.version, keys)


def erase(store: Store, unit: Unit, digests: Collection[Digest]) -> None:
    """Forget which digests these are, in all that releases list.

    The next release takes their answers and their values of the screen out. So it is told these values in the place of
    the look-up keys, hidden by a key of the vault, for whoever has the file could test them.
    """
    names = _names(store, digests)

    def rename(name: WideKey, tag: int) -> WideKey:
        value = screen_value(names[name]) ^ _veil(store, tag)
        return _signed(value.to_bytes(_WORD)), _signed(store.vault.entropy(_WORD))

    unit.listed.erase(names, rename)


def shredded_in(store: Store, unit: Unit, record: ReleaseRecord) -> Mapping[Listed, int]:
    """The rows of a newest release whose digests were shredded since, with their full values of the screen."""
    rows = _newest(unit, record).shredded(record.subset, record.version)
    return {row: row.key % 2**64 ^ _veil(store, row.tag) for row in rows}


def _veil(store: Store, tag: int) -> int:
    return int.from_bytes(store.vault.mac("shredded answer", tag.to_bytes(_WORD, signed=True))[:_WORD])


def _signed(word: bytes) -> int:
    return int.from_bytes(word, signed=True)


def of_kind_in(unit: Unit, record: ReleaseRecord, algorithm: Algorithm) -> Sequence[Listed]:
    """What a newest release lists of digests of one algorithm; raises as `listed_in`."""
    return _newest(unit, record).of_kind(record.subset, record.version, algorithm)


def count_strange(store: Store, record: ReleaseRecord) -> tuple[int, int]:
    """How many rows of a newest release have a tag that its answers lack, and how many are missing at least.

    What an older version shredded since it was made has no row. A peer may have shredded it before: there the row went
    when the others listed it no more.
    """
    answers = Lookup(ReleaseFolder(store, record).load().release)
    count = strange = 0
    with store.read() as unit:
        table = _newest(unit, record)
        for keys in _ranges(record.answers):
            rows = table.between(record.subset, record.version, keys)
            tags = np.array([row.tag for row in rows], dtype=np.int64).view(np.uint64)
            count += len(rows)
            strange += len(rows) - int(answers.answered(tags).sum())
        own = {log.id for log in unit.logs.ls(LogKind.OWN_LIST)}
        shredded = sum(
            each.log_id not in own or (each.erased_ms or record.created_ms) >= record.created_ms
            for each in unit.shreddings.ls()
        )
    return strange, max(record.answers - 1 - count - shredded, 0)


def _ranges(rows: int) -> Iterator[range]:
    """Ranges of look-up keys, which are as good as random, with `_AT_ONCE` rows on average."""
    parts = -(-rows // _AT_ONCE)
    ends = [_EVERY.start + (_EVERY.stop - _EVERY.start) * part // parts for part in range(parts + 1)]
    return (range(*pair) for pair in pairwise(ends))


def packed(collections: Iterable[int]) -> bytes:
    """Collections as a row has them."""
    return b"".join(collection.to_bytes(2) for collection in collections)


def tag_of(output: bytes) -> int:
    """The tag of a PRF output of 64 bytes, as a row has it."""
    return _signed(tag(output))


def mark_of(label: bytes) -> int:
    """What a row has of a label's 32 bytes: two that differ have the same with a probability of 2^-64. 0 for none."""
    return _signed(sha256(label).digest()[:_WORD]) if label else 0


def catch_up(store: Store, subset: str | None = None) -> None:
    """Make rows of what older versions kept of the newest releases of one subset or of all; once."""
    with store.read() as unit:
        behind = [record for record in unit.releases.unlisted() if subset in (None, record.subset)]
    for record in behind:
        _catch_up(store, record)
    if behind:
        forget_rosters(store)


def _catch_up(store: Store, record: ReleaseRecord) -> None:
    try:
        rows = list(rows_of_roster(store, record))
    except StoreError:
        if ReleaseFolder(store, record).prefix in _unlisted(store):
            raise
        return  # another process made rows of it, and deleted it under this one
    with store.write() as unit:
        if unit.listed.reach(record.subset, record.version):  # nobody else did, and shredded some since
            gone = gone_among(store.vault, unit, (digest for digest, _ in rows))
            _advance(unit, record, {row.name: row for digest, row in rows if digest not in gone})


def forget_rosters(store: Store) -> None:
    """Delete what rows were made of, and a crash left; `tidy` does, too, when a release is published."""
    waiting = _unlisted(store)
    for name in [name for name in store.objects.ls(RELEASES) if is_roster(name)]:
        if not name.startswith(waiting):
            store.objects.delete(name)


def erase_from_rosters(store: Store, is_gone: Callable[[Digest], bool]) -> None:
    """Take digests out of what no rows were made of yet.

    A part that does not open is passed over: nothing is to be had from it, and `catch_up` looks again at what a backup
    brings back.
    """
    for prefix in _unlisted(store):
        for name in [name for name in store.objects.ls(prefix) if is_roster(name)]:
            with suppress(StoreError):
                store.rewrite(name, partial(_without, is_gone=is_gone))


def _unlisted(store: Store) -> tuple[str, ...]:
    """The folders of releases that no rows are of yet."""
    with store.read() as unit:
        return tuple(ReleaseFolder(store, record).prefix for record in unit.releases.unlisted())


def _advance(unit: Unit, record: ReleaseRecord, rows: Mapping[WideKey, Listed]) -> None:
    """The first one's rows are all new; a pending one, made by the version before, follows it."""
    before = {row.name: row for row in unit.listed.all(record.subset)}
    unit.listed.advance(
        record.subset,
        record.version,
        ended=[name for name, row in before.items() if rows.get(name) != row],
        new=[row for name, row in rows.items() if before.get(name) != row],
    )


def _newest(unit: Unit, record: ReleaseRecord) -> ListedRows:
    newest = unit.releases.newest(record.subset)
    if newest is None or newest.version != record.version:
        raise ConflictError("{name} was released meanwhile", record.subset, hint="run the command again")
    return unit.listed


def _names(store: Store, digests: Collection[Digest]) -> dict[WideKey, Digest]:
    return dict(zip(store.vault.wide_keys_of(digests), digests, strict=True))


def rows_of_roster(store: Store, record: ReleaseRecord) -> Iterator[tuple[Digest, Listed]]:
    """The digests of a roster and their rows, with what tells the labels that its outputs open."""
    lookup = Lookup(ReleaseFolder(store, record).load().release)
    for data in _parts(store, record):
        part = [
            (digest, numbers, output) for digest, numbers, output, _ in _unpack(data) if digest != PRESENT
        ]
        names = store.vault.wide_keys_of(digest for digest, _, _ in part)
        for (key, rest), (digest, numbers, output), met in zip(
            names, part, lookup.match([output for _, _, output in part]), strict=True
        ):
            mark = mark_of(b"" if met is None or met.label is None else met.label.to_bytes())
            yield digest, Listed(key, rest, tag_of(output), mark, digest.algorithm, numbers)


def _parts(store: Store, record: ReleaseRecord) -> Iterator[bytes]:
    names = sorted(name for name in store.objects.ls(ReleaseFolder(store, record).prefix) if is_roster(name))
    if len(names) != -(-record.answers // _PART):
        raise StoreError(
            "the roster of release {version} of {subset} is not whole",
            record.version,
            record.subset,
            hint="restore the object folder from a backup",
        )
    return (store.vault.unseal(name, store.objects.get(name)) for name in names)


def _without(data: bytes, *, is_gone: Callable[[Digest], bool]) -> bytes:
    return b"".join(row for digest, _, _, row in _unpack(data) if not is_gone(digest))


def _unpack(data: bytes) -> Iterator[tuple[Digest, bytes, bytes, bytes]]:
    """Digest, collections and PRF output of each row of a roster that was not shredded, and the whole row."""
    at = 0
    while at < len(data):
        algorithm, collections, length = _HEAD.unpack_from(data, at)
        start, value = at, at + _HEAD.size
        if not algorithm:
            at = value
            continue
        numbers = value + length
        output = numbers + 2 * collections
        at = output + OUTPUT_BYTES
        digest = Digest(Algorithm(algorithm), data[value:numbers])
        yield digest, data[numbers:output], data[output:at], data[start:at]
