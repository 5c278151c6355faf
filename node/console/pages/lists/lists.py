"""The lists that are held, in numbers, and in words what this agency lists in which collection."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.access.sessions import Visitor
from node.console.parts import Page, Section, Values
from node.console.world import World
from node.lists.catalogue import report_lists
from node.lists.criteria import criteria_number
from node.store.lists.records import LogKind
from protocol.lists.event import collection_name

PATH: Final = "/console/lists"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow:
    """A list in numbers."""

    origin: str
    own: bool
    size: int
    """Published events."""
    waiting: int
    checked_ms: int | None
    active: Sequence[tuple[str, int]]
    """Entries by collection, those that wait for publication included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """What the page shows."""

    lists: Sequence[ListRow]
    criteria: Sequence[tuple[str, str]]
    """Collections with the text that this agency signed of each."""


def gather(world: World, _visitor: Visitor, _query: Values) -> Lists:
    """All lists, own ones first, and all criteria."""
    rows = [
        ListRow(
            origin=each.log.origin,
            own=each.log.kind is LogKind.OWN_LIST,
            size=each.log.head.size,
            waiting=each.waiting,
            checked_ms=each.log.checked_ms,
            active=[(collection_name(number), count) for number, count in sorted(each.active.items())],
        )
        for each in report_lists(world.store)
    ]
    return Lists(lists=sorted(rows, key=lambda row: (not row.own, row.origin)), criteria=_criteria(world))


def _criteria(world: World) -> list[tuple[str, str]]:
    found = []
    for name, data in sorted(world.identity.trust.in_force().files.items()):
        number = criteria_number(name)
        if number is not None:
            found.append((collection_name(number), data.decode("utf-8", "replace")))
    return found


PAGES: Final = (Page(name="lists", path=PATH, title="Lists", gather=gather, section=Section.FEDERATION),)
