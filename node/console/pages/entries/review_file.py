"""One file of a peer: what the peer says of each of its hashes, and this agency's word on it.

The file is named by one of its entries. It is endorsed whole: each hash stands alone before the quorum. Whether the
guards let it in, and what each basis counts for, is decided by the services that the command uses as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from keys.message import Message
from node.access.sessions import Visitor
from node.acts import entries
from node.acts.act import Done, Node
from node.app.guards import open_guards
from node.console.languages import translated as _
from node.console.languages import translated_plural
from node.console.pages.acts import action, do
from node.console.pages.entries.corrections import dispute
from node.console.pages.entries.places import Place, own_lists, place_in, place_of
from node.console.pages.entries.review import PATH
from node.console.pages.entries.statements import bases, reasons, statement_from
from node.console.parts import Led, Page, Values
from node.console.words import choices
from node.console.world import World
from node.errors import ConflictError, NotFoundError
from node.judgement.effective import Current
from node.judgement.endorse import NamedFile, endorse_named, mark_of
from node.judgement.explain import basis_words, statement_words
from node.judgement.own_disputes import own_disputes
from node.judgement.queue import Examined
from node.lists.imports.intake import ImportReport
from protocol.lists.event import collection_name


@dataclass(frozen=True, slots=True, kw_only=True)
class HashRow:
    """One hash of the file."""

    place: Place
    algorithm: str
    value: bytes
    """Shown shortened only."""
    state: str
    """`effective`, `withheld` or `waits`."""
    countries: Sequence[str]
    basis: str
    criteria: int | None
    since_ms: int
    said: Sequence[Message]
    """What else the entry says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedFile:
    """What the page shows of a file."""

    place: Place
    node: str
    country: str
    collection: str
    hashes: Sequence[HashRow]
    shown: str
    """The mark of these hashes, which its form carries: what the peer adds later is not endorsed unseen."""
    own: bool
    """Whether it stands in a list of this node."""
    disputed: bool
    """Whether this agency disputes a hash of it, or somebody's block keeps all of them out: it is not endorsed now."""
    needed: int
    """Countries that must agree."""
    lists: Sequence[tuple[str, str]]
    """Own lists that take entries, for a choice."""
    bases: Sequence[tuple[str, str]]
    reasons: Sequence[tuple[str, str]]


def gather(world: World, _visitor: Visitor, query: Values) -> ReviewedFile | None:
    """The file of the entry in the query, or None; raises `NotFoundError` for an entry that is not active."""
    place = place_in(query)
    if place is None:
        return None
    current, found = world.judge.file(place.origin, place.index)
    node = place.origin.partition("/")[0]
    members = current.members
    today = world.identity.clock.now().date()
    return ReviewedFile(
        place=place,
        node=node,
        country=next((member.country or "" for member in members.members if member.node == node), ""),
        collection=collection_name(found[0].entry.collection),
        hashes=[_row(each, today) for each in found],
        shown=mark_of(each.entry for each in found),
        own=node == world.node,
        disputed=_is_disputed(world, current, found),
        needed=members.k,
        lists=choices(own_lists(world)),
        bases=bases(),
        reasons=reasons(),
    )


def _is_disputed(world: World, current: Current, found: Sequence[Examined]) -> bool:
    ours = {each.digest for each in own_disputes(world.store, current, world.node)}
    return all(each.withheld for each in found) or any(each.entry.digest in ours for each in found)


def _row(each: Examined, today: date) -> HashRow:
    entry, ext = each.entry, each.entry.ext
    return HashRow(
        place=Place(entry.origin, entry.index),
        algorithm=entry.digest.algorithm.name.lower(),
        value=entry.digest.value,
        state="effective" if each.effective else "withheld" if each.withheld else "waits",
        countries=each.countries,
        basis=basis_words(ext.basis),
        criteria=ext.criteria,
        since_ms=entry.time_ms,
        said=tuple(statement_words(ext, today)),
    )


def endorse_file(world: World, visitor: Visitor, form: Values) -> Led:
    """Take the file into an own list, with every hash that was shown of it."""
    place, to = place_of(form), form.require("to", _("your list"))
    file = NamedFile(place.origin, place.index, form.require("shown", _("what was shown of the file")))
    statement = statement_from(form)

    def take(_node: Node) -> Done:
        done = endorse_named(
            world.store,
            to,
            [file],
            statement=statement,
            now_ms=world.now_ms,
            guards=open_guards(world.identity, world.store),
        )
        if done.missing:
            raise NotFoundError("{place} is not active any more", file.place)
        if done.changed:
            raise ConflictError(
                "{place} holds other hashes than the page showed",
                file.place,
                hint="look at the file again: the peer has changed it since",
            )
        return Done(said=Message(_endorsed(to, done.report)), facts=entries.endorsed(to, done.report))

    given = entries.Endorsed(list=to, sources=[place.origin], statement=statement, work=take)
    return Led(PATH, do(world, visitor, entries.endorse, given).said)


def _endorsed(to: str, done: ImportReport) -> str:
    if done.quarantined:
        return _("A guard set the file aside: it stands in quarantine until two persons let it in")
    if not done.entries:
        return _("{list} lists this file already").format(list=to)
    return translated_plural(
        "{list}: {count} entry of this file waits for publication",
        "{list}: {count} entries of this file wait for publication",
        done.entries,
    ).format(list=to, count=done.entries)


PAGES: Final = (
    Page(name="review-file", path="/console/review/file", title="A file to review", gather=gather),
)

ACTIONS: Final = (
    action(
        entries.endorse, path="/console/review/endorse", page="review-file", name="endorse", by=endorse_file
    ),
    action(
        entries.dispute, path="/console/review/dispute", page="review-file", name="review-dispute", by=dispute
    ),
)
