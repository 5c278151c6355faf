"""What happened to a hash, in the order of time: listed, amended, withdrawn, disputed and resolved, by which list.

Read from the events of held lists. What waits for publication has no time yet and is not history; what was shredded
leaves its events and not what they said.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from node.errors import NotFoundError
from node.judgement.explain import Explanation, reason_words
from node.lists.lookup import Finder, Found
from node.store.store import Store
from protocol.limits import HEADER_BYTES
from protocol.lists.event import Header


class What(StrEnum):
    """What an event did."""

    LISTED = "listed"
    AMENDED = "amended"
    WITHDRAWN = "withdrawn"
    DISPUTED = "disputed"
    RESOLVED = "dispute resolved"


@dataclass(frozen=True, slots=True, order=True)
class Happened:
    """One published event about a hash."""

    time_ms: int
    origin: str
    index: int
    """Of the event."""
    what: What
    reason: str = ""
    """Of a withdrawal or dispute, in one word."""


def history(store: Store, explanation: Explanation) -> tuple[Happened, ...]:
    """Every published event about the explained digest in held lists, oldest first."""
    with store.read() as unit:
        finder = Finder(store, unit)
        found = finder.find([explanation.digest])
        logs = {each.log.origin: each for each in found}
        events = [(each, place, what) for each in found for place, what in _events(each)]
        for listed in explanation.listed:
            if listed.entry.origin in logs:
                each = logs[listed.entry.origin]
                events += [(each, place, What.AMENDED) for place, _ in listed.entry.versions[1:]]
        return tuple(sorted(_told(finder, events)))


def _events(found: Found) -> Iterator[tuple[int, What]]:
    entry = found.hit.collection > 0
    yield found.hit.position, What.LISTED if entry else What.DISPUTED
    if found.hit.ended is not None:
        yield found.hit.ended, What.WITHDRAWN if entry else What.RESOLVED


def _told(finder: Finder, events: Iterable[tuple[Found, int, What]]) -> Iterator[Happened]:
    for found, place, what in events:
        if place >= found.log.head.size:
            continue
        reader = finder.reader(found.log)
        time_ms = Header.from_bytes(reader.event(place)[:HEADER_BYTES]).time_ms
        reason = ""
        if what in {What.WITHDRAWN, What.DISPUTED}:
            try:
                reason = reason_words(reader.opening(place).ext.reason)
            except NotFoundError:
                reason = ""
        yield Happened(time_ms, found.log.origin, place, what, reason)
