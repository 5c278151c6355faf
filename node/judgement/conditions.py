"""What a judgement follows from beside what events say: rows, by which two judgements tell what lies between them.

Each part of them says which places of lists and which look-up keys a difference in it has a bearing on, and whether
blocks may stand otherwise. Where it cannot say so, all is judged again. Whatever has a bearing on a judgement has to be
in a part: what is left out makes the next one wrong, not slow. A digest is there by its keyed hash alone.

That leads to digests: an event changes what is said of its digest, one that counts no more does, too. An event that
blocks, ends or may overrule a block changes whatever is blocked, through the cap of its list. And what is asked of a
digest may depend on the other digests of its files, which content ids tell.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from keys.trust.members import Members
from node.judgement.part import part_of, require_noted
from node.judgement.premises import Premises
from node.lists.changes import content_id_of
from node.lists.lookup import digests_about, digests_at, digests_with
from node.lists.openings import OpeningColumns
from node.lists.tombstones import MOST_HONOURED
from node.lists.touches import touches_of
from node.objects.logfiles import Item, LogFiles
from node.peers.sync.kept_overlays import overlay_items
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.lists.event import Op

_NONE: Final = 0
"""Of a tombstone: what was shredded has none, because it is not deleted yet, or because its list has made too many."""
_KEPT: Final = (1, 2)
"""It has one, which may block."""
_LIFTED: Final = 3
"""It had one."""

_SHARE: Final = 20
_MOST: Final = 10_000
"""Digests that are judged by themselves; or a twentieth of the events, if that is less: whole lists are faster."""
_FEW: Final = 256
"""So many are judged by themselves whatever share of the events they are."""

Row: TypeAlias = tuple[int | str, ...]
Rows: TypeAlias = frozenset[Row]
Conditions: TypeAlias = Mapping[str, Rows]
"""Rows by part."""


@dataclass(slots=True)
class Touched:
    """What a difference has a bearing on."""

    places: defaultdict[str, list[range]] = field(default_factory=lambda: defaultdict(list))
    """Of events, by the origin of their list, which may end before."""
    keys: set[int] = field(default_factory=set)
    """Look-up keys of digests."""
    files: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Keyed hashes of content ids, by the origin of the list that names them."""
    blocks: bool = False
    """Whether a block may apply that did not, or does no more."""


class Reach(NamedTuple):
    """How far a difference has a bearing."""

    digests: frozenset[Digest]
    """With all digests of their files."""
    places: Mapping[int, Sequence[int]]
    """Of events, by the id of their list: what is deleted there is of no digest any more."""


def conditions(
    store: Store, unit: Unit, premises: Premises, members: Members, *, rule: Row
) -> dict[str, Iterable[Row]]:
    """The conditions of a judgement by these premises; `rule` is what else everything follows from."""
    register = {member.node: member for member in members.members}
    voices = [(log.origin, register[log.node]) for log in premises.heads if log.node in register]
    return {
        "rule": [rule],
        "cap": [(members.block_cap,)],
        "size": [(each.origin, each.size) for each in premises.lists],
        "opened": [(each.origin, each.reopened) for each in premises.lists],
        "aside": [(each.origin, *run) for each in premises.lists for run in each.set_aside],
        "voice": [(origin, each.country or "", *sorted(each.authority_for)) for origin, each in voices],
        "revoked": [
            (origin, span.start, span.stop) for origin, spans in premises.revoked.items() for span in spans
        ],
        "shredded": list(_shredded(unit, premises)),
        "released": [(ref.origin, ref.index) for ref in premises.released],
        "overlay": _overlays(store, premises),
    }


def between(old: Conditions, new: Conditions) -> Touched | None:
    """What lies between the conditions of two judgements; None where it may have a bearing on everything."""
    found = Touched()
    if old.keys() != new.keys():
        return None
    for part, rows in new.items():
        changed = old[part] ^ rows
        if changed and not _PARTS[part](found, _Change(old, new, changed)):
            return None
    return found


@dataclass(frozen=True, slots=True)
class _Change:
    """One part that is not what it was."""

    old: Conditions
    new: Conditions
    rows: Rows
    """The rows that only one of the two has."""

    @property
    def held(self) -> Mapping[str, int]:
        """The sizes of the lists before."""
        return _sizes(self.old)


def _sizes(said: Conditions) -> Mapping[str, int]:
    return {str(origin): int(size) for origin, size in said["size"]}


def most_again(said: Conditions) -> int:
    """So many digests are judged by themselves: where more are to be judged again, whole lists are faster."""
    return min(_MOST, max(_FEW, sum(_sizes(said).values()) // _SHARE))


def _everything(found: Touched, change: _Change) -> bool:  # noqa: ARG001 - as every part
    return False


def _blocks(found: Touched, change: _Change) -> bool:  # noqa: ARG001 - as every part
    found.blocks = True
    return True


def _events(found: Touched, change: _Change) -> bool:
    """What is new in lists; none becomes shorter or is held no more."""
    before, now = change.held, _sizes(change.new)
    for origin, size in now.items():
        found.places[origin].append(range(before.get(origin, 0), size))
    return all(now.get(origin, -1) >= size for origin, size in before.items())


def _openings(found: Touched, change: _Change) -> bool:  # noqa: ARG001 - as every part
    """Which openings came late nobody noted; those of a list that is new are new."""
    return all(origin not in change.held for origin, _ in change.rows)


def _runs(found: Touched, change: _Change) -> bool:
    """Runs of events that count no more, or again."""
    for origin, *_, first, last in change.rows:
        found.places[str(origin)].append(range(int(first), int(last) + 1))
    return True


def _spans(found: Touched, change: _Change) -> bool:
    """What a thief may have signed neither blocks nor ends a block."""
    for origin, start, stop in change.rows:
        found.places[str(origin)].append(range(int(start), int(stop)))
    return True


def _lists(found: Touched, change: _Change) -> bool:
    """Lists that speak for somebody else: a country, an authority, nobody."""
    now = _sizes(change.new)
    for origin, *_ in change.rows:
        found.places[str(origin)].append(range(now.get(str(origin), 0)))
    return _blocks(found, change)


def _shreddings(found: Touched, change: _Change) -> bool:
    """The digest where somebody lists it still, and the others of its file; of the rest its answer says it.

    Who lists it is forgotten when it is readmitted: then the row of before has to say it.
    """
    known = {row[:2] for row in change.rows & change.old["shredded"] if row[3] in _KEPT}
    for origin, position, file, tombstone, _, *standing in change.rows:
        if tombstone == _LIFTED and (origin, position) not in known:
            return False
        if file:
            found.files[str(origin)].add(int(file))
        places = iter([origin, position, *standing])
        for at, place in zip(places, places, strict=True):
            found.places[str(at)].append(range(int(place), int(place) + 1))
    return _blocks(found, change)


def _keys(found: Touched, change: _Change) -> bool:
    found.keys |= {int(row[0]) for row in change.rows}
    return True


def _laid(found: Touched, change: _Change) -> bool:
    found.keys |= {int(key) for row in change.rows for key in row[3:]}
    return _blocks(found, change)


_PARTS: Final[Mapping[str, Callable[[Touched, _Change], bool]]] = {
    "rule": _everything,
    "before": _everything,
    "cap": _blocks,
    "size": _events,
    "opened": _openings,
    "aside": _runs,
    "voice": _lists,
    "revoked": _spans,
    "shredded": _shreddings,
    "released": _blocks,
    "tripwire": _keys,
    "overlay": _laid,
}


def _shredded(unit: Unit, premises: Premises) -> Iterator[Row]:
    """What was shredded, and where each digest is listed still: origin and position, one after the other."""
    origins = {log.id: log.origin for log in premises.heads}
    standing: defaultdict[bytes | None, Row] = defaultdict(tuple)
    for each in unit.tombstones.still_listed():
        if each.log_id in origins:
            standing[each.mac] += origins[each.log_id], each.position
    kept = {(each.mac, each.log_id): _KEPT[each.blocks] for each in premises.tombstones}
    full = {log_id for log_id, count in Counter(each[1] for each in kept).items() if count >= MOST_HONOURED}
    for one in premises.shreddings:
        if one.log_id in origins:
            without = _NONE if one.mac is None or one.log_id in full else _LIFTED
            tombstone = kept.get((one.mac or b"", one.log_id), without)
            place = origins[one.log_id], one.position, one.file or 0
            yield *place, tombstone, one.erased_ms or 0, *standing[one.mac]


def _overlays(store: Store, premises: Premises) -> Iterator[Row]:
    """What lies upon lists now, with the look-up keys of its digests: they cannot be asked for once it is gone."""
    for log in premises.heads:
        items = overlay_items(store.vault, log, premises.overlays)
        if items:
            record = next(each for each in premises.overlays if each.log_id == log.id)
            keys = store.vault.keys_of(sorted(set(digests_about(store, log, items))))
            yield log.origin, record.size, record.root.hex(), *keys.tolist()


def reach(store: Store, unit: Unit, premises: Premises, touched: Touched, most: int) -> Reach | None:
    """How far something has a bearing; None where that is more than `most` digests, or everything.

    Raises `ConflictError` for a list that `catch_up` has not read to its end.
    """
    require_noted(premises)
    places = {log.id: _below(log, touched.places.get(log.origin, ()), most) for log in premises.heads}
    known = {log_id: each for log_id, each in places.items() if each is not None}
    if len(known) < len(places) or sum(map(len, known.values())) + len(touched.keys) > most:
        return None
    found, blocks = digests_with(store, unit, sorted(touched.keys)), touched.blocks
    for log in premises.heads:
        files = LogFiles(store.objects, store.vault, log.origin)
        items = list(files.items_at(known[log.id], size=log.head.size))
        if any(event[1] == Op.CONTINUE for _, event, _ in items):
            return None
        found |= digests_about(store, log, items)
        blocks = blocks or _may_block(items)
    # A block that only a tombstone remembers counts while somebody lists its digest: a mere entry moves the cap.
    if blocks or (found and any(each.blocks for each in premises.tombstones)):
        found = set(part_of(store, unit, premises, found).digests)
    files_of = {log.id: touched.files.get(log.origin, set()) for log in premises.heads}
    digests = _with_siblings(store, unit, premises.heads, found, files_of, most)
    return None if digests is None else Reach(digests, known)


def _below(log: LogRecord, spans: Iterable[range], most: int) -> Sequence[int] | None:
    """The places in these spans that a list has, ascending; None for more than `most`."""
    found: set[int] = set()
    for span in spans:
        found.update(range(span.start, min(span.stop, log.head.size))[: most + 1])
        if len(found) > most:
            return None
    return sorted(found)


def _may_block(items: Sequence[Item]) -> bool:
    """Whether some of these events is more than one more entry."""
    openings = OpeningColumns([opening or b"" for _, _, opening in items])
    return any(True for _ in touches_of(0, [event for _, event, _ in items], openings))


def _with_siblings(
    store: Store,
    unit: Unit,
    lists: Sequence[LogRecord],
    digests: set[Digest],
    files: dict[int, set[int]],
    most: int,
) -> frozenset[Digest] | None:
    """With all digests of their files, and of the files of these, and so on; None for more than `most`.

    `files` are more files, by list, as `file_run` names them.
    """
    found, new = set(digests), digests
    while new or any(files.values()):
        places: dict[int, list[int]] = {}
        for hit in unit.entries.find(store.vault.keys_of(new).tolist()):
            if hit.collection > 0:
                places.setdefault(hit.log_id, []).append(hit.position)
        siblings: set[Digest] = set()
        for log in lists:
            reader, size = LogFiles(store.objects, store.vault, log.origin), log.head.size
            below = sorted(place for place in places.get(log.id, ()) if place < size)
            openings = (opening for _, _, opening in reader.items_at(below, size=size) if opening)
            wanted = {store.vault.file_key_of(each) for each in map(content_id_of, openings) if each}
            wanted |= files.pop(log.id, set())
            if unit.file_runs.count(log.id, wanted) > most:
                return None
            runs = unit.file_runs.of(log.id, wanted)
            beside = (place for run in runs for place in range(run.first, run.last + 1))
            siblings |= set(digests_at(store, log, beside))
        new = siblings - found
        found |= new
        if len(found) > most:
            return None
    return frozenset(found)
