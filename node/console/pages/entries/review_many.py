"""Many files of peers at once: what one statement about all of them would do, and making it.

They are chosen one by one, by boxes on the page of reviews, or as all that wait of one peer with the same basis. The
form names each file that was shown, with the mark of its hashes: what a peer lists meanwhile, be it under the name of a
shown file, is not endorsed unseen. Each is endorsed as by itself; all in one transaction, or none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlencode

from keys.message import Message
from node.access.notation import event_of
from node.access.sessions import Visitor
from node.acts import entries
from node.acts.act import ANALYSTS, Done, Node
from node.app.guards import open_guards
from node.console.languages import plural, translated_plural
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.pages.entries.places import Place, own_lists
from node.console.pages.entries.review import PATH, Alike, alike, wanted_in
from node.console.pages.entries.statements import bases, statement_from
from node.console.parts import Led, Page, Values
from node.console.world import World
from node.errors import ConflictError, UsageError
from node.judgement.endorse import Endorsed, File, NamedFile, endorse_named, mark_of, preview
from node.judgement.explain import basis_words
from node.judgement.queue import Files, WaitingFile, grouped
from node.lists.imports.intake import ImportReport

MOST: Final = 500
"""Files of one statement."""
_NAMED: Final = 10
"""Of the files that changed, in the sentence about them; all wait on the page of reviews."""
_MANY: Final = "/console/review/many"
_TICK: Final = "file-"
"""Before the number of a row in the name of its box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """What the page shows."""

    places: Sequence[Place]
    """The file of each, in the order of the queue."""
    named: str
    """The files with the marks of what they hold, as the form names them."""
    total: int
    """How many were meant, before the bound."""
    gone: int
    """Of those that were ticked: they wait no more."""
    hashes: int
    groups: Sequence[Alike]
    to: str
    """The own list they go into."""
    lists: Sequence[tuple[str, str]]
    """Each own list, and the query that shows this page for it."""
    report: ImportReport | None
    """What it would do in that list; None for who does not endorse, for every hash of every file is looked at."""
    bases: Sequence[tuple[str, str]]


def gather(world: World, visitor: Visitor, query: Values) -> Many | None:
    """What was chosen, or None for nothing; raises `UsageError` for what names no entry, list or filter."""
    origins = own_lists(world)
    if not query or not origins:
        return None
    to = query.text("to", origins[0])
    if to not in origins:
        raise UsageError("there is no such list")
    chosen = _chosen(world, query)
    rest = {name: value for name, value in query.items() if name != "to"}
    places = [Place(file.first.origin, file.first.index) for file in chosen.files]
    whole = [_whole(chosen.held, place) for place in places]
    return Many(
        places=places,
        named=" ".join(
            f"{place.origin}:{place.index}:{mark_of(entries)}"
            for place, (_collection, entries) in zip(places, whole, strict=True)
        ),
        total=chosen.total,
        gone=chosen.gone,
        hashes=sum(len(file.entries) for file in chosen.files),
        groups=alike(grouped(chosen.files)),
        to=to,
        lists=[(origin, urlencode(rest | {"to": origin})) for origin in origins],
        report=preview(world.store, to, whole, guards=open_guards(world.identity, world.store))
        if visitor.role in ANALYSTS
        else None,
        bases=bases(),
    )


class _Chosen(NamedTuple):
    """What the page is about."""

    held: Files
    files: Sequence[WaitingFile]
    """Those that it shows, in the order of the queue."""
    total: int
    gone: int


def _chosen(world: World, query: Values) -> _Chosen:
    ticked = [query[name] for name in query if name.startswith(_TICK)]
    if ticked:
        names = set(_named(" ".join(ticked)))
        held, found = world.judge.files(names)
        files = sorted(found, key=lambda file: file.place)
        return _Chosen(held, files[:MOST], len(files), len(names) - len(files))
    judged, wanted, basis = world.judge.latest(), wanted_in(query), query.text("basis")
    if judged is None:
        raise ConflictError(
            "what waits is still being found out", hint="open the page Review, which says when that is done"
        )
    members = judged.members
    queue = judged.waiting.narrow(
        lambda group: wanted.covers(group, members) and basis in {"", basis_words(group[2])}
    )
    held, files = world.judge.files(queue.places(0, MOST))
    return _Chosen(held, files, len(queue), 0)


def _whole(held: Files, place: Place) -> File:
    """The file with every hash that the peer lists of it, as it is endorsed."""
    entries = [each.entry for each in held.at(place.origin, place.index)]
    return entries[0].collection, entries


def _named(text: str) -> list[tuple[str, int]]:
    """Entries by list and index; raises `UsageError`."""
    return [event_of(word) for word in text.split()]


def endorse_many(world: World, visitor: Visitor, form: Values) -> Led:
    """Take the named files into an own list, each with every hash that it held when it was shown."""
    to, named = form.require("to", _("your list")), _shown(form.require("files", _("the files")))
    if len(named) > MOST:
        raise UsageError("at most {count} files are endorsed at once", MOST)
    statement = statement_from(form)

    def take(_node: Node) -> Done:
        done = endorse_named(
            world.store,
            to,
            named,
            statement=statement,
            now_ms=world.now_ms,
            guards=open_guards(world.identity, world.store),
        )
        said = " ".join(filter(None, _said(to, done)))
        facts = entries.endorsed(to, done.report) | {"changed": len(done.changed)}
        return Done(said=Message(said), facts=facts)

    sources = sorted({file.origin for file in named})
    given = entries.Endorsed(list=to, sources=sources, statement=statement, work=take)
    return Led(PATH, do(world, visitor, entries.endorse, given).said)


def _shown(text: str) -> list[NamedFile]:
    """Entries by list, index and the mark of what their file held; raises `UsageError`."""
    found = []
    for word in text.split():
        place, _colon, mark = word.rpartition(":")
        if not mark:  # without one, whatever the peer lists now would be meant
            raise UsageError("a file is named without what was shown of it")
        found.append(NamedFile(*event_of(place), mark))
    return found


def _said(to: str, done: Endorsed) -> Iterator[str]:
    report = done.report
    yield translated_plural(
        "{list}: {count} file was endorsed, its entries wait for publication.",
        "{list}: {count} files were endorsed, their entries wait for publication.",
        report.accepted,
    ).format(list=to, count=report.accepted)
    yield plural(
        "{count} was listed there already.", "{count} were listed there already.", report.already_listed
    )
    yield plural(
        "A guard set {count} aside: it stands in quarantine.",
        "A guard set {count} aside: they stand in quarantine.",
        report.quarantined,
    )
    yield plural(
        "{count} holds what was shredded here: it is not taken in.",
        "{count} hold what was shredded here: they are not taken in.",
        report.refused_total,
    )
    yield plural("{count} is not active any more.", "{count} are not active any more.", len(done.missing))
    if count := len(done.changed):
        more = ["…"] if count > _NAMED else []
        yield translated_plural(
            "{count} holds other hashes than were shown, and was not endorsed; look again: {places}.",
            "{count} hold other hashes than were shown, and were not endorsed; look again: {places}.",
            count,
        ).format(count=count, places=", ".join([*done.changed[:_NAMED], *more]))


PAGES: Final = (Page(name="review-many", path=_MANY, title="Many files to endorse", gather=gather),)

ACTIONS: Final = (
    action(
        entries.endorse,
        path="/console/review/endorse-many",
        page="review-many",
        name="endorse-many",
        by=endorse_many,
        most_bytes=256 * 1024,
    ),
)
