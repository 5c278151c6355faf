"""What a release follows from beside what events say: rows, by which two releases tell what lies between them.

Each part of them says which places of lists and which look-up keys a difference in it has a bearing on, and whether
blocks may stand otherwise. Where it cannot say so, all is judged again. Whatever has a bearing on a judgement has to be
in a part: what is left out makes the next release wrong, not slow. A digest is there by its keyed hash alone.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Final, TypeAlias

from node.judgement.premises import Premises
from node.lists.lookup import digests_about
from node.lists.tombstones import MOST_HONOURED
from node.peers.sync.kept_overlays import overlay_items
from node.store.store import Store
from node.store.unit import Unit
from node.subsets.grounds import Order, tripwires_of

_RULE: Final = 1
"""Of judging, choosing and screening: whoever changes what these give counts on, and the next release is made whole, as
it is by another version of the program."""
_NONE: Final = 0
"""Of a tombstone: what was shredded has none, because it is not deleted yet, or because its list has made too many."""
_KEPT: Final = (1, 2)
"""It has one, which may block."""
_LIFTED: Final = 3
"""It had one."""

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


def conditions(store: Store, unit: Unit, premises: Premises, order: Order) -> Conditions | None:
    """The conditions of a release that is judged by these premises; None where it may follow from other things, too."""
    subset, members = order.subset, {member.node: member for member in order.members.members}
    if subset.filter.holdings:
        return None
    voices = [(log.origin, members[log.node]) for log in premises.heads if log.node in members]
    filter_sha256 = subset.filter.sha256().hex()
    found: Mapping[str, Iterable[Row]] = {
        "rule": [(_RULE, _program(), subset.name, subset.epoch, filter_sha256, order.members.k)],
        "cap": [(order.members.block_cap,)],
        "size": [(each.origin, each.size) for each in premises.lists],
        "opened": [(each.origin, each.reopened) for each in premises.lists],
        "aside": [(each.origin, *run) for each in premises.lists for run in each.set_aside],
        "voice": [(origin, each.country or "", *sorted(each.authority_for)) for origin, each in voices],
        "revoked": [
            (origin, span.start, span.stop) for origin, spans in premises.revoked.items() for span in spans
        ],
        "shredded": list(_shredded(unit, premises)),
        "released": [(ref.origin, ref.index) for ref in premises.released],
        "excluded": store.vault.wide_keys_of(order.exclusions),
        "tripwire": [(key,) for key in tripwires_of(unit)],
        "overlay": _overlays(store, premises),
    }
    return {part: frozenset(rows) for part, rows in found.items()}


@cache
def _program() -> str:
    """The version of what runs, read from disk once."""
    return version("sigfed")


def between(old: Conditions, new: Conditions) -> Touched | None:
    """What lies between the conditions of two releases; None where it may have a bearing on everything."""
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


def size_of_lists(said: Conditions) -> int:
    """How many events all lists have."""
    return sum(_sizes(said).values())


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
    "cap": _blocks,
    "size": _events,
    "opened": _openings,
    "aside": _runs,
    "voice": _lists,
    "revoked": _spans,
    "shredded": _shreddings,
    "released": _blocks,
    "excluded": _keys,
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
