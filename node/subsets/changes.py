"""What a release has to judge again when nothing but events and fresh lists are new since the one before.

An event changes what is said of its digest. An event that blocks, ends or may overrule a block changes whatever is
blocked, through the cap of its list. A list that is fresh again brings in what waited for it; and on what became listed
while it was not, it is heard from the next release on. Nothing that is listed leaves with the freshness of a list, but
what is blocked may: who overrules that has to be fresh. And whether a digest is screened depends on the other digests
of its files, which content ids tell. Everything else that a judgement follows from has to be what it was
(`node.subsets.grounds`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from node.judgement.part import part_of, require_noted
from node.judgement.premises import HeldList, Premises
from node.lists.changes import content_id_of, digest_of
from node.lists.lookup import digests_named
from node.lists.touches import catch_up, touches_of
from node.objects.logfiles import Item, LogFiles
from node.store.store import Store
from node.store.unit import Unit
from node.subsets.basis import Basis
from node.subsets.grounds import Order, fingerprint, stale, tripwires_of
from protocol.digest import Digest
from protocol.limits import HEADER_BYTES
from protocol.lists.event import REFERRING, Header, Op

_SHARE: Final = 20
_MOST: Final = 10_000
"""Digests that are judged by themselves; or a twentieth of the events, if that is less: whole lists are faster."""
_FEW: Final = 256
"""As many in any case."""


class Affected(NamedTuple):
    """What is to be judged again, and by what that was found."""

    digests: frozenset[Digest]
    premises: Premises
    stale: frozenset[str]
    """Of `node.subsets.grounds`, by the premises."""


def affected(store: Store, order: Order, basis: Basis) -> Affected | None:
    """What is to be judged again since a release left this basis; None where everything is."""
    catch_up(store)
    with store.read() as unit:
        premises = Premises.of(unit)
        require_noted(premises)
        if fingerprint(premises, tripwires_of(unit), order) != basis.fingerprint:
            return None
        new = [(each, basis.sizes.get(each.origin, each.size)) for each in premises.lists]
        most = min(_MOST, max(_FEW, sum(basis.sizes.values()) // _SHARE))
        now_stale = stale(premises, order)
        again = {*basis.contradicted, *basis.unheard, *(basis.waiting if basis.stale - now_stale else ())}
        if sum(each.size - first for each, first in new) + len(again) > most:
            return None
        found = set(digests_named(store, unit, again).values())
        # A block that only a tombstone remembers counts while somebody lists its digest: a mere entry moves the cap.
        blocking = any(each.blocks for each in premises.tombstones) or bool(now_stale or basis.stale)
        for each, first in new:
            files_of = LogFiles(store.objects, store.vault, each.origin)
            items = list(files_of.items_at(range(first, each.size), size=each.size))
            if any(event[1] == Op.CONTINUE for _, event, _ in items):
                return None
            found |= set(_digests_of(files_of, each, items))
            blocking = blocking or _blocks(first, items)
        if blocking:
            found = set(part_of(store, unit, premises, found).digests)
        digests = _with_siblings(store, unit, premises.lists, found, most)
        return None if digests is None else Affected(digests, premises, now_stale)


def _blocks(first: int, items: Sequence[Item]) -> bool:
    """Whether some of these events, of which the first is at `first`, is more than one more entry."""
    openings = [opening or b"" for _, _, opening in items]
    return any(True for _ in touches_of(first, [event for _, event, _ in items], openings))


def _digests_of(files: LogFiles, held: HeldList, items: Iterable[Item]) -> Iterator[Digest]:
    """What events are about, as far as that is known."""
    refs: set[int] = set()
    for _, event, opening in items:
        header = Header.from_bytes(event[:HEADER_BYTES])
        if header.known and header.op in REFERRING:
            refs.add(header.ref)
        elif opening is not None and (digest := digest_of(opening)) is not None:
            yield digest
    for _, _, opening in files.items_at(sorted(refs), size=held.size):
        if opening is not None and (digest := digest_of(opening)) is not None:
            yield digest


def _with_siblings(
    store: Store, unit: Unit, lists: Iterable[HeldList], digests: set[Digest], most: int
) -> frozenset[Digest] | None:
    """With all digests of their files, and of the files of these, and so on; None for more than `most`."""
    readers = {each.log_id: (LogFiles(store.objects, store.vault, each.origin), each.size) for each in lists}
    found, new = set(digests), digests
    while new:
        places: dict[int, list[int]] = {}
        for hit in unit.entries.find(store.vault.keys_of(new).tolist()):
            if hit.collection > 0 and hit.log_id in readers and hit.position < readers[hit.log_id][1]:
                places.setdefault(hit.log_id, []).append(hit.position)
        siblings: set[Digest] = set()
        for log_id, positions in places.items():
            reader, size = readers[log_id]
            openings = (opening for _, _, opening in reader.items_at(sorted(positions), size=size) if opening)
            files = {store.vault.file_key_of(each) for each in map(content_id_of, openings) if each}
            runs = unit.file_runs.of(log_id, files)
            if sum(run.last + 1 - run.first for run in runs) > most:
                return None
            beside = sorted({place for run in runs for place in range(run.first, min(run.last + 1, size))})
            openings = (opening for _, _, opening in reader.items_at(beside, size=size) if opening)
            siblings |= {digest for digest in map(digest_of, openings) if digest is not None}
        new = siblings - found
        found |= new
        if len(found) > most:
            return None
    return frozenset(found)
