"""Many files of peers at once: what one statement about all of them would do, and making it.

They are chosen one by one, by boxes on the page of reviews, or as all that wait of one peer with the same basis. The
form names each file that was shown: what a peer lists meanwhile is not endorsed unseen. Each is endorsed as by itself;
all in one transaction, or none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.console.languages import translated as _
from node.console.languages import translated_plural
from node.console.pages.places import Place, own_lists
from node.console.pages.review import PATH, Alike, alike, wanted_in
from node.console.pages.statements import bases, statement_from
from node.console.parts import ANALYSTS, Action, Done, Page, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.errors import UsageError
from node.runtime.guards import open_guards
from node.runtime.judged import Judgement
from node.services.lists.continuing import require_open
from node.services.lists.importing import ImportReport
from node.services.review.endorsing import endorse_places, preview
from node.services.review.explaining import basis_words
from node.services.review.reviewing import WaitingFile, grouped
from protocol.limits import MAX_LOG_SIZE

MOST: Final = 500
"""Files of one statement."""
_MANY: Final = "/console/review/many"
_TICK: Final = "file-"
"""Before the number of a row in the name of its box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """What the page shows."""

    places: Sequence[Place]
    """The file of each, in the order of the queue."""
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
    report: ImportReport
    """What it would do in that list."""
    bases: Sequence[tuple[str, str]]

    @property
    def named(self) -> str:
        """The files, as the form names them."""
        return " ".join(f"{place.origin}:{place.index}" for place in self.places)


def gather(world: World, _visitor: Visitor, query: Values) -> Many | None:
    """What was chosen, or None for nothing; raises `UsageError` for what names no entry, list or filter."""
    origins = own_lists(world)
    if not query or not origins:
        return None
    to = query.text("to", origins[0])
    if to not in origins:
        raise UsageError(_("there is no such list"))
    judged = world.judge.latest()
    found, gone = _chosen(judged, query)
    files = found[:MOST]
    rest = {name: value for name, value in query.items() if name != "to"}
    return Many(
        places=[Place(file.first.origin, file.first.index) for file in files],
        total=len(found),
        gone=gone,
        hashes=sum(len(file.entries) for file in files),
        groups=alike(grouped(files)),
        to=to,
        lists=[(origin, urlencode(rest | {"to": origin})) for origin in origins],
        report=_previewed(world, judged, files, to),
        bases=bases(),
    )


def _chosen(judged: Judgement, query: Values) -> tuple[list[WaitingFile], int]:
    ticked = [query[name] for name in query if name.startswith(_TICK)]
    if not ticked:
        basis, files = query.text("basis"), wanted_in(query).narrow(judged.waiting, judged.members)
        return [file for file in files if basis in {"", basis_words(file.first.ext.basis)}], 0
    names = set(_named(" ".join(ticked)))
    found = [file for file in judged.waiting if (file.first.origin, file.first.index) in names]
    return found, len(names) - len(found)


def _previewed(world: World, judged: Judgement, files: Sequence[WaitingFile], to: str) -> ImportReport:
    """With every hash that the peer lists of each, as they are endorsed."""
    whole = [
        (file.first.collection, [each.entry for each in judged.files.at(file.first.origin, file.first.index)])
        for file in files
    ]
    return preview(world.shelf, to, whole, guards=open_guards(world.identity, world.shelf))


def _named(text: str) -> list[tuple[str, int]]:
    """Entries by list and index; raises `UsageError`."""
    found = []
    for word in text.split():
        origin, _colon, index = word.rpartition(":")
        is_number = index.isascii() and index.isdigit() and len(index) < 16
        if not origin or not is_number or int(index) >= MAX_LOG_SIZE:
            raise UsageError(_("an entry is named by its list and index"))
        found.append((origin, int(index)))
    return found


def endorse_many(world: World, _visitor: Visitor, form: Values) -> Done:
    """Take the named files into an own list, each with every hash the peer lists of it."""
    to, named = form.require("to", _("your list")), _named(form.require("files", _("the files")))
    if len(named) > MOST:
        raise UsageError(_("at most {count} files are endorsed at once").format(count=MOST))
    statement = statement_from(form)
    require_open(world.identity.trust.document(), to)
    places: dict[str, set[int]] = {}
    for origin, index in named:
        places.setdefault(origin, set()).add(index)
    done = endorse_places(
        world.shelf,
        to,
        places,
        statement=statement,
        now_ms=world.now_ms,
        guards=open_guards(world.identity, world.shelf),
    )
    return Done(PATH, _said(to, done.report, len(done.missing)), facts=_facts(places, done.report))


def _facts(places: Mapping[str, object], done: ImportReport) -> Mapping[str, str]:
    return {"from": " ".join(sorted(places)), "files": str(done.accepted), "entries": str(done.entries)}


def _said(to: str, done: ImportReport, gone: int) -> str:
    said = [
        translated_plural(
            "{list}: {count} file was endorsed, its entries wait for publication.",
            "{list}: {count} files were endorsed, their entries wait for publication.",
            done.accepted,
        ).format(list=to, count=done.accepted)
    ]
    if done.already_listed:
        count = done.already_listed
        said.append(
            translated_plural(
                "{count} was listed there already.", "{count} were listed there already.", count
            ).format(count=count)
        )
    if done.quarantined:
        count = done.quarantined
        said.append(
            translated_plural(
                "A guard set {count} aside: it stands in quarantine.",
                "A guard set {count} aside: they stand in quarantine.",
                count,
            ).format(count=count)
        )
    if done.refused_total:
        count = done.refused_total
        said.append(
            translated_plural(
                "{count} holds what was shredded here: it is not taken in.",
                "{count} hold what was shredded here: they are not taken in.",
                count,
            ).format(count=count)
        )
    if gone:
        said.append(
            translated_plural(
                "{count} is not active any more.", "{count} are not active any more.", gone
            ).format(count=gone)
        )
    return " ".join(said)


PAGES: Final = (Page(name="review-many", path=_MANY, title="Many files to endorse", gather=gather),)

ACTIONS: Final = (
    Action(
        name="endorse-many",
        path="/console/review/endorse-many",
        page="review-many",
        act=endorse_many,
        roles=ANALYSTS,
        record="entry.endorse",
        most_bytes=256 * 1024,
        told=("to", "basis", "criteria", "review_by", "legality"),
    ),
)
