"""What the federation says about one hash: who lists it and how they know, what blocks it, and how far it got.

A hash is named by the list and index of an entry or dispute of it. One that is typed in is sent in a form, looked up,
and answered with the page of its entry; the whole of it is shown on demand, once, and never without a record of who
asked. Which words the federation has is decided in `node.judgement.explain`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.access.sessions import Visitor
from node.acts import entries
from node.acts.act import JUDGES
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.pages.entries.places import LISTS, Place, digest_at, own_lists, place_in, place_of
from node.console.pages.entries.statements import bases, reasons
from node.console.parts import Action, Led, Page, Values
from node.console.words import choices
from node.console.world import World
from node.errors import NotFoundError, UsageError
from node.formats.hash_queries import typed_hash_queries
from node.judgement.coverage import Verdict, listed_entries, verdicts
from node.judgement.explain import Explanation, explain
from node.judgement.history import Happened, history
from node.judgement.queue import Files
from node.lists.lookup import Finder, Found
from node.store.lists.records import LogKind
from protocol.digest import Digest
from protocol.judgement.blocks import Standing
from protocol.lists.listing import BlockKind, Entry

PATH: Final = "/console/entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """Another hash of the same file."""

    place: Place
    algorithm: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One hash, as the page shows it."""

    place: Place
    found: Explanation
    siblings: Sequence[Sibling]
    history: Sequence[Happened]
    today: date
    active: Sequence[Place]
    """Own entries that stand, those that wait for publication included."""
    deletable: Place | None
    """An own entry or dispute, also one that ended."""
    disputing: Sequence[str]
    """Own lists that dispute it."""
    examinable: Place | None
    """A peer's entry that this agency may examine and endorse."""
    receivers: Sequence[Verdict]
    """Of own entries that stand: which peers and subsets get them, and why others do not."""
    overrulable: bool
    """Whether others block it."""

    @property
    def active_lists(self) -> list[tuple[str, str]]:
        """Own lists with entries that stand, for a choice."""
        return choices(dict.fromkeys(place.origin for place in self.active))

    @property
    def disputing_lists(self) -> list[tuple[str, str]]:
        """Own lists that dispute it, for a choice."""
        return choices(self.disputing)

    @property
    def state(self) -> str:
        """In one word: effective, shredded, blocked, waits or gone."""
        if self.found.effective_in:
            return "effective"
        if self.found.shredded:
            return "shredded"
        if self.applying:
            return "blocked"
        return "waits" if self.found.listed else "gone"

    @property
    def applying(self) -> bool:
        """Whether a block does something."""
        return _applies(self.found)

    def is_blocked_in(self, collection: int) -> bool:
        """Whether a block applies in a collection."""
        return _is_blocked_in(self.found, collection)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """What the page shows."""

    explained: Explained | None
    """None: nothing was named, and the page asks."""
    lists: Sequence[tuple[str, str]]
    """Held lists, for the look-up by index."""
    own: Sequence[tuple[str, str]]
    """Own lists that take entries."""
    bases: Sequence[tuple[str, str]]
    reasons: Sequence[tuple[str, str]]


def gather(world: World, _visitor: Visitor, query: Values) -> EntryPage:
    """The hash at the place in the query, or what asks for one; raises `NotFoundError` for a place without a hash."""
    place = place_in(query)
    with world.store.read() as unit:
        origins = [log.origin for log in unit.logs.ls(*LISTS)]
        digest = None if place is None else digest_at(world, unit, place)
    return EntryPage(
        explained=None if place is None or digest is None else explained(world, place, digest),
        lists=choices(origins),
        own=choices(own_lists(world)),
        bases=bases(),
        reasons=reasons(),
    )


def explained(world: World, place: Place, digest: Digest) -> Explained:
    """Everything about one hash."""
    current, files = world.judge.some_file(place.origin, digest)
    found = explain(world.store, current, {digest})[digest]
    own = own_blocks(found, world.node)
    active = own_entries(found, world.node)
    ended = [
        Place(each.origin, each.index) for each in found.ended if each.origin.partition("/")[0] == world.node
    ]
    disputes = [
        Place(ref.origin, ref.index)
        for seen in found.blocks
        if seen.block.node == world.node
        for ref in seen.block.refs
    ]
    return Explained(
        place=place,
        found=found,
        siblings=_siblings(files, place),
        history=history(world.store, found),
        today=world.identity.clock.now().date(),
        active=active,
        deletable=next(iter([*active, *ended, *disputes]), None),
        disputing=own,
        examinable=None if own or _applies(found) else _examinable(found, world.node),
        receivers=[
            verdict
            for entry in listed_entries(world.store, digest)
            for verdict in verdicts(world.store, entry, digest, current, now=world.identity.clock.now())
        ],
        overrulable=any(
            seen.block.node != world.node and seen.block.standing is not Standing.LIFTED
            for seen in found.blocks
        ),
    )


def own_entries(found: Explanation, node: str) -> list[Place]:
    """This node's entries that nothing ended, those that wait for publication included."""
    ended = {(each.origin, each.index) for each in found.ended}
    published = [(each.entry.origin, each.entry.index) for each in found.listed if each.node == node]
    waiting = [(each.origin, each.index) for each in found.waiting if each.kind == "entry"]
    return [Place(*each) for each in dict.fromkeys([*published, *waiting]) if each not in ended]


def own_blocks(found: Explanation, node: str) -> list[str]:
    """Own lists that dispute the hash, and have not queued the end of that."""
    resolving = {each.origin for each in found.waiting if each.kind == "resolution"}
    published = [
        ref.origin
        for seen in found.blocks
        if seen.block.node == node and seen.block.kind is BlockKind.DISPUTE
        for ref in seen.block.refs
    ]
    waiting = [each.origin for each in found.waiting if each.kind == "dispute"]
    return [origin for origin in dict.fromkeys([*published, *waiting]) if origin not in resolving]


def _applies(found: Explanation) -> bool:
    """Whether a block does something, in a collection where there is a rule."""
    if found.rules:
        return any(_is_blocked_in(found, rule.collection) for rule in found.rules)
    return any(seen.block.standing is Standing.APPLIES for seen in found.blocks)


def _is_blocked_in(found: Explanation, collection: int) -> bool:
    return any(seen.standing_in(collection) is Standing.APPLIES for seen in found.blocks)


def _examinable(found: Explanation, node: str) -> Place | None:
    if found.shredded or own_entries(found, node):
        return None
    others = [each.entry for each in found.listed if each.node != node]
    return Place(others[0].origin, others[0].index) if others else None


def _siblings(files: Files, place: Place) -> list[Sibling]:
    try:
        entries = [each.entry for each in files.at(place.origin, place.index)]
    except NotFoundError:  # it ended, waits for publication, or is a dispute
        return []
    return [_sibling(entry) for entry in entries if entry.index != place.index]


def _sibling(entry: Entry) -> Sibling:
    return Sibling(
        place=Place(entry.origin, entry.index),
        algorithm=entry.digest.algorithm.name.lower(),
        value=entry.digest.value,
    )


def look_up(world: World, _visitor: Visitor, form: Values) -> Led:
    """Find the entry of a hash that was typed; its page is named by list and index."""
    digest = _typed(form)
    with world.store.read() as unit:
        place = _best(Finder(world.store, unit).find([digest]))
        gone = {each.mac for each in unit.tombstones.ls()} if place is None else frozenset()
    if place is not None:
        return Led(place.entry, _("A list held here has this hash"))
    if world.store.vault.tombstone_of(digest) in gone:
        return Led(PATH, _("This hash was shredded: it is never effective here, and no import takes it in"))
    return Led(PATH, _("No list held here has this hash"))


def _typed(form: Values) -> Digest:
    asked = typed_hash_queries(form.require("hash", _("the hash")))
    if len(asked) != 1 or len(asked[0][1]) != 1:
        raise UsageError("one hash at a time is looked up here")
    return asked[0][1][0]


def _best(found: Collection[Found]) -> Place | None:
    """What stands before what ended, entries before disputes, own ones before those of peers."""

    def rank(each: Found) -> tuple[bool, bool, bool]:
        return each.hit.ended is not None, each.hit.collection < 0, each.log.kind is not LogKind.OWN_LIST

    best = min(found, key=rank, default=None)
    return None if best is None else Place(best.log.origin, best.hit.position)


def reveal(world: World, visitor: Visitor, form: Values) -> Led:
    """Say the whole hash of an entry, on the next page that is shown and never again."""
    place = place_of(form)
    with world.store.read() as unit:
        given = entries.Revealed(entry=place.text, digest=digest_at(world, unit, place))
    return Led(place.entry, _(do(world, visitor, entries.reveal, given).said))


PAGES: Final = (Page(name="entry", path=PATH, title="Entry", gather=gather),)

ACTIONS: Final = (
    Action(name="entry-look-up", path="/console/entry/look-up", page="entry", act=look_up, roles=JUDGES),
    action(entries.reveal, path="/console/entry/reveal", page="entry", by=reveal),
)
