"""What a release has to judge again since the one before.

What lies between the conditions of both (`node.subsets.conditions`) leads to digests: an event changes what is said of
its digest, one that counts no more does, too. An event that blocks, ends or may overrule a block changes whatever is
blocked, through the cap of its list. A list that is fresh again brings in what waited for it; and on what became listed
while it was not, it is heard from the next release on. Nothing that is listed leaves with the freshness of a list, but
what is blocked may: who overrules that has to be fresh. And whether a digest is screened depends on the other digests
of its files, which content ids tell.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from node.judgement.part import part_of, require_noted
from node.judgement.premises import Premises
from node.lists.changes import content_id_of
from node.lists.lookup import digests_about, digests_at, digests_with
from node.lists.openings import OpeningColumns
from node.lists.touches import catch_up, touches_of
from node.objects.logfiles import Item, LogFiles
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.store.unit import Unit
from node.subsets.basis import Basis
from node.subsets.conditions import Conditions, Touched, between, conditions, size_of_lists
from node.subsets.grounds import Order, stale
from protocol.digest import Digest
from protocol.lists.event import Op

_SHARE: Final = 20
_MOST: Final = 10_000
"""Digests that are judged by themselves; or a twentieth of the events, if that is less: whole lists are faster."""
_FEW: Final = 256
"""So many are judged by themselves whatever share of the events they are."""


class Affected(NamedTuple):
    """What is to be judged again, and by what that was found."""

    digests: frozenset[Digest]
    premises: Premises
    conditions: Conditions
    stale: frozenset[str]
    """Of `node.subsets.grounds`, by the premises."""


def affected(store: Store, order: Order, basis: Basis) -> Affected | None:
    """What is to be judged again since a release left this basis; None where everything is."""
    catch_up(store)
    with store.read() as unit:
        premises = Premises.of(unit)
        now, now_stale = conditions(store, unit, premises, order), stale(premises, order)
        touched = None if now is None else between(basis.conditions, now)
        if now is None or touched is None:
            return None
        require_noted(premises)
        again = (basis.unheard, basis.waiting) if basis.stale - now_stale else (basis.unheard,)
        most = min(_MOST, max(_FEW, size_of_lists(basis.conditions) // _SHARE))
        if sum(map(len, again)) > most:
            return None
        touched.keys.update(key for names in again for key in names[:, 0].tolist())
        touched.blocks |= bool(now_stale or basis.stale)
        found = _digests(store, unit, premises, touched, most)
        return None if found is None else Affected(found, premises, now, now_stale)


def _digests(
    store: Store, unit: Unit, premises: Premises, touched: Touched, most: int
) -> frozenset[Digest] | None:
    """The digests on which something has a bearing; None where these are more than `most`, or everything."""
    places = {log.id: _below(log, touched.places.get(log.origin, ()), most) for log in premises.heads}
    known = [each for each in places.values() if each is not None]
    if len(known) < len(places) or sum(map(len, known)) + len(touched.keys) > most:
        return None
    found, blocks = digests_with(store, unit, sorted(touched.keys)), touched.blocks
    for log in premises.heads:
        files = LogFiles(store.objects, store.vault, log.origin)
        items = list(files.items_at(places[log.id] or (), size=log.head.size))
        if any(event[1] == Op.CONTINUE for _, event, _ in items):
            return None
        found |= digests_about(store, log, items)
        blocks = blocks or _may_block(items)
    # A block that only a tombstone remembers counts while somebody lists its digest: a mere entry moves the cap.
    if blocks or (found and any(each.blocks for each in premises.tombstones)):
        found = set(part_of(store, unit, premises, found).digests)
    files_of = {log.id: touched.files.get(log.origin, set()) for log in premises.heads}
    return _with_siblings(store, unit, premises.heads, found, files_of, most)


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
            runs = unit.file_runs.of(log.id, wanted | files.pop(log.id, set()))
            if sum(run.last + 1 - run.first for run in runs) > most:
                return None
            beside = (place for run in runs for place in range(run.first, run.last + 1))
            siblings |= set(digests_at(store, log, beside))
        new = siblings - found
        found |= new
        if len(found) > most:
            return None
    return frozenset(found)
