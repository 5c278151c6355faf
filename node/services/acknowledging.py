"""Who has applied what: peers' signed statements about the own lists, and whom they leave out."""

from collections.abc import Iterator
from dataclasses import dataclass

from node.ports.logs import LogRecord
from node.ports.storage import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A peer that has not applied an event of an own list."""

    peer: str
    held_size: int
    """0: it never acknowledged anything."""
    released_size: int | None
    """None: it releases nothing, or never acknowledged anything."""


def not_applied(unit: Unit, log: LogRecord, position: int) -> tuple[Behind, ...]:
    """The peers that do not hold the event at `position` of an own list, or whose releases are older than it."""
    return tuple(_behind(unit, log, position))


def _behind(unit: Unit, log: LogRecord, position: int) -> Iterator[Behind]:
    newest = {each.peer: each for each in unit.acknowledgements.ls(log.id)}
    for peer in unit.peers.ls():
        each = newest.get(peer.name)
        held = each.held_size if each else 0
        released = each.released_size if each else None
        if held <= position or (released is not None and released <= position):
            yield Behind(peer=peer.name, held_size=held, released_size=released)
