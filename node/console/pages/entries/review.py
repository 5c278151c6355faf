"""The review desk: files of peers that wait for this agency's word, own entries to look at again, and what to publish.

Its queue was judged before, and the files that it shows are judged again: what waits no more is left out. Which file
waits is decided in `node.judgement.queue`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final
from urllib.parse import urlencode

from node.access.sessions import Visitor
from node.acts.act import ANALYSTS, OPERATORS
from node.console.languages import translated as _
from node.console.languages import translated_plural
from node.console.pages.entries.places import Place
from node.console.parts import Action, Led, Page, Section, Values
from node.console.words import choices, number
from node.console.world import World
from node.errors import UsageError
from node.identity.logs import publish_one
from node.judgement.explain import basis_words
from node.judgement.queue import Group, WaitingFile, Wanted
from node.judgement.queue_rows import EMPTY
from node.judgement.reminders import due
from node.lists.catalogue import own_list
from node.lists.continuation import is_closed
from node.store.lists.records import LogKind
from protocol.errors import MalformedError
from protocol.lists.event import BASELINE, INVESTIGATIVE, NATIONAL, OTHER, collection_name, collection_number

ROWS: Final = 50
DUE_ROWS: Final = 20
GROUPS: Final = 8
DUE_DAYS: Final = 30
PATH: Final = "/console/review"
_COLLECTIONS: Final = (BASELINE, NATIONAL, INVESTIGATIVE, OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A peer's file that waits, as a row says it."""

    place: Place
    node: str
    collection: str
    hashes: int
    basis: str
    since_ms: int
    countries: Sequence[str]
    missing: int
    others: Sequence[str]
    """Countries of the register whose word would help."""
    legality: Sequence[str]
    queued: bool
    """Whether this agency listed it, and has not published that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """An own entry to look at again."""

    place: Place
    review_by: date
    past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingList:
    """An own list with changes that nobody else sees yet."""

    origin: str
    changes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What the page shows."""

    files: Sequence[FileRow]
    is_judged: bool
    """False while it is found out for the first time since the start what waits."""
    total: int
    at: int
    """How many files stand before the first row."""
    first: str
    next: str
    filtered: Mapping[str, str]
    collections: Sequence[tuple[str, str]]
    peers: Sequence[tuple[str, str]]
    countries: Sequence[tuple[str, str]]
    due: Sequence[DueRow]
    due_total: int
    days: int
    lists: Sequence[WaitingList]
    alike: Sequence["Alike"]
    """Files of the filter that may be endorsed together, the many first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Files of one agency, in one collection, with the same basis."""

    node: str
    collection: str
    basis: str
    files: int

    @property
    def query(self) -> str:
        """Of the page that shows them together."""
        return urlencode({"peer": self.node, "collection": self.collection, "basis": self.basis})


def gather(world: World, _visitor: Visitor, query: Values) -> Review:
    """Everything, as it stands now; raises `UsageError` for a filter that is none."""
    judged, members, wanted = world.judge.latest(), world.identity.trust.members(), wanted_in(query)
    queue = EMPTY if judged is None else judged.waiting.narrow(partial(wanted.covers, members=judged.members))
    at = query.number("from", most=10**9)
    filtered = {name: query.text(name) for name in ("collection", "peer", "country") if query.text(name)}
    waiting, (_files, rows) = _due(world), world.judge.files(queue.places(at, at + ROWS))
    queued = _queued(world, rows)
    names = [member.node for member in members.members if member.node != world.node]
    codes = sorted({member.country for member in members.members if member.country})
    return Review(
        files=[_row(file, queued=place in queued) for place, file in enumerate(rows)],
        is_judged=judged is not None,
        total=len(queue),
        at=at,
        first=urlencode(filtered or {"from": 0}) if at else "",
        next=urlencode(filtered | {"from": at + ROWS}) if at + ROWS < len(queue) else "",
        filtered=filtered,
        collections=_options(_("any collection"), map(collection_name, _COLLECTIONS)),
        peers=_options(_("any agency"), names),
        countries=_options(_("any country"), codes),
        due=waiting[:DUE_ROWS],
        due_total=len(waiting),
        days=DUE_DAYS,
        lists=_waiting_lists(world),
        alike=[each for each in alike(queue.groups) if each.files > 1][:GROUPS],
    )


def alike(groups: Mapping[Group, int]) -> list[Alike]:
    """Files by agency, collection and basis, the many first."""
    return [
        Alike(node=node, collection=collection_name(collection), basis=basis_words(basis), files=count)
        for (node, collection, basis), count in Counter(groups).most_common()
    ]


def published(world: World, form: Values) -> str:
    """Sign and publish what waits in one own list; how much that was, in words."""
    origin = form.require("list", _("the list"))
    with world.store.read() as unit:
        own_list(unit, origin)
    done = publish_one(world.identity, world.store, origin)
    count = done.adds + done.withdrawals + done.others
    return translated_plural(
        "{list}: {count} change was published", "{list}: {count} changes were published", count
    ).format(list=origin, count=number(count))


def publish(world: World, _visitor: Visitor, form: Values) -> Led:
    """Publish; the page that is shown then says what came of it."""
    said = published(world, form)
    then = _("Peers fetch that now; partners get what enough countries list with the next release.")
    return Led(PATH, f"{said}. {then}")


def wanted_in(query: Values) -> Wanted:
    """The files that a filter asks for; raises `UsageError` for a filter that is none."""
    name = query.text("collection")
    try:
        collection = collection_number(name) if name else None
    except MalformedError as exc:
        raise UsageError("there is no such collection") from exc
    return Wanted(collection=collection, peer=query.text("peer"), country=query.text("country").upper())


def _options(anything: str, values: Iterable[str]) -> list[tuple[str, str]]:
    return [("", anything), *choices(values)]


def _row(file: WaitingFile, *, queued: bool) -> FileRow:
    first = file.first
    return FileRow(
        place=Place(first.origin, first.index),
        node=file.node,
        collection=collection_name(first.collection),
        hashes=len(file.entries),
        basis=basis_words(first.ext.basis),
        since_ms=file.since_ms,
        countries=file.countries,
        missing=file.missing,
        others=file.others,
        legality=sorted({code for entry in file.entries for code in entry.ext.legality}),
        queued=queued,
    )


def _queued(world: World, files: Sequence[WaitingFile]) -> frozenset[int]:
    """Which of these files own lists hold unpublished, by look-up keys: good enough for a mark on a row."""
    of_file = [(at, entry.digest) for at, file in enumerate(files) for entry in file.entries]
    keys = world.store.vault.keys_of(digest for _, digest in of_file).tolist()
    with world.store.read() as unit:
        sizes = {log.id: log.head.size for log in unit.logs.ls(LogKind.OWN_LIST)}
        hits = unit.entries.find(keys) if keys else ()
    queued = {
        hit.key
        for hit in hits
        if hit.log_id in sizes
        and hit.position >= sizes[hit.log_id]
        and hit.collection > 0
        and hit.ended is None
    }
    return frozenset(at for (at, _), key in zip(of_file, keys, strict=True) if key in queued)


def _due(world: World) -> list[DueRow]:
    today = world.identity.clock.now().date()
    found = due(world.store, until=today + timedelta(days=DUE_DAYS))
    return [
        DueRow(place=Place(each.origin, each.index), review_by=each.review_by, past=each.review_by <= today)
        for each in found
    ]


def _waiting_lists(world: World) -> list[WaitingList]:
    document = world.identity.trust.document()
    with world.store.read() as unit:
        logs = unit.logs.ls(LogKind.OWN_LIST)
    return [
        WaitingList(origin=log.origin, changes=log.tail - log.head.size)
        for log in logs
        if log.tail > log.head.size and not is_closed(document, log.origin)
    ]


PUBLISHERS: Final = ANALYSTS | OPERATORS

PAGES: Final = (Page(name="review", path=PATH, title="Review", gather=gather, section=Section.WORK),)

ACTIONS: Final = (
    Action(
        name="review-publish",
        path="/console/review/publish",
        page="review",
        act=publish,
        roles=PUBLISHERS,
        fresh=True,
    ),
)
