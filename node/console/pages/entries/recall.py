"""Taking a file off an own list: one person withdraws it at once; shredding it everywhere takes a second.

Each has a page that says what will end before it is done. Both are about whole files: an entry left behind would
still name it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.access.approvals import LEAST_PERSONS
from node.access.sessions import Visitor
from node.acts import entries
from node.console.languages import translated as _
from node.console.pages.acts import action, do, requested
from node.console.pages.entries.places import Place, digest_at, place_in, place_of
from node.console.pages.entries.statements import reason_from, reasons
from node.console.parts import Led, Page, Values
from node.console.world import World
from node.judgement.trace import trace
from node.lists.catalogue import own_list
from node.lists.corrections.shred import ShredPlan, prepare_at
from node.lists.families import Family
from node.store.accounts.records import PersonRole
from protocol.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawing:
    """What a withdrawal would end."""

    place: Place
    digest: Digest
    entries: int
    hashes: int
    released: Sequence[str]
    """Subsets whose newest release has the hash."""
    reasons: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredding:
    """What a shredding would delete."""

    place: Place
    digest: Digest
    plan: ShredPlan
    enough: bool
    """Whether there are persons enough for two to decide."""
    reasons: Sequence[tuple[str, str]]


def gather_withdrawing(world: World, _visitor: Visitor, query: Values) -> Withdrawing | None:
    """What would end, or None; raises `NotFoundError` for an entry that does not stand in an own list."""
    place = place_in(query)
    if place is None:
        return None
    with world.store.read() as unit:
        log = own_list(unit, place.origin)
        digest = digest_at(world, unit, place)
        hits = Family(world.store, unit, log).active(digest)
    traced = trace(world.store, [digest])[digest]
    return Withdrawing(
        place=place,
        digest=digest,
        entries=len(hits),
        hashes=len({hit.key for hit in hits}),
        released=[each.subset.name for each in traced if each.since],
        reasons=reasons(),
    )


def withdraw(world: World, visitor: Visitor, form: Values) -> Led:
    """Withdraw the file of an own entry; publish it and release every subset where that is asked for."""
    place = place_of(form)
    given = entries.Withdrawn(
        list=place.origin, index=place.index, reason=reason_from(form), now=form.ticked("now")
    )
    done = do(world, visitor, entries.withdraw, given)
    return Led(place.entry, "; ".join(map(_, done.notes or [done.said])))


def gather_shredding(world: World, _visitor: Visitor, query: Values) -> Shredding | None:
    """What would be deleted, or None; raises `NotFoundError` for an entry that an own list never had."""
    place = place_in(query)
    if place is None:
        return None
    with world.store.read() as unit:
        own_list(unit, place.origin)
        digest = digest_at(world, unit, place)
        persons = sum(person.role is not PersonRole.VIEWER for person in unit.persons.ls())
    return Shredding(
        place=place,
        digest=digest,
        plan=prepare_at(world.store, place.origin, place.index),
        enough=persons >= LEAST_PERSONS,
        reasons=reasons(),
    )


def shred(world: World, visitor: Visitor, form: Values) -> Led:
    """Ask a second person to have the file deleted at every node."""
    place = place_of(form)
    given = entries.Shredded(
        list=place.origin,
        index=place.index,
        reason=reason_from(form),
        plans=[prepare_at(world.store, place.origin, place.index)],
    )
    return requested(do(world, visitor, entries.shred, given))


PAGES: Final = (
    Page(
        name="entry-withdraw",
        path="/console/entry/withdraw",
        title="Withdraw a file",
        gather=gather_withdrawing,
        roles=entries.RECALLERS,
    ),
    Page(
        name="entry-shred",
        path="/console/entry/shred",
        title="Shred a file",
        gather=gather_shredding,
        roles=entries.RECALLERS,
    ),
)

ACTIONS: Final = (
    action(
        entries.withdraw, path="/console/entry/withdraw", page="entry-withdraw", name="withdraw", by=withdraw
    ),
    action(entries.shred, path="/console/entry/shred", page="entry-shred", name="shred", by=shred),
)
