"""How everybody saw the poisoned entry after each step."""

from types import MappingProxyType
from typing import Final

from node.demo.record import Record, Sight, View
from node.demo.report.party_table import Cell, Row, party_table

_TINTS: Final = MappingProxyType(
    {
        Sight.ABSENT: "calm",
        Sight.WAITING: "waits",
        Sight.AGREED: "alarm",
        Sight.BLOCKED: "stopped",
        Sight.WITHDRAWN: "stopped",
        Sight.GONE: "calm",
        Sight.CLEAN: "calm",
        Sight.HIT: "alarm",
        Sight.UNCLEAR: "alarm",
    }
)
_RING: Final = '<circle cx="9" cy="9" r="6.5" fill="none" stroke="currentColor" stroke-width="2"/>'
_SHAPES: Final = MappingProxyType(
    {
        Sight.ABSENT: _RING,
        Sight.WAITING: _RING + '<path d="M9 2.5 a6.5 6.5 0 0 1 0 13 z" fill="currentColor"/>',
        Sight.AGREED: '<circle cx="9" cy="9" r="7.5" fill="currentColor"/>',
        Sight.BLOCKED: _RING + '<path d="M4.5 13.5 L13.5 4.5" stroke="currentColor" stroke-width="2"/>',
        Sight.WITHDRAWN: '<path d="M4 9 H14" stroke="currentColor" stroke-width="2.6"/>' + _RING,
        Sight.GONE: '<path d="M4 4 L14 14 M14 4 L4 14" stroke="currentColor" stroke-width="2.4"/>',
        Sight.CLEAN: '<path d="M2.5 9.5 L7 14 L15.5 4" fill="none" stroke="currentColor" stroke-width="2.4"/>',
        Sight.HIT: '<circle cx="9" cy="9" r="7.5" fill="currentColor"/>',
        Sight.UNCLEAR: '<path d="M9 2 L16.5 15.5 H1.5 z" fill="currentColor"/>',
    }
)


def views(record: Record) -> str:
    """The table, or nothing when the walk did not come that far."""
    if not record.views:
        return ""
    return party_table("What each party saw of the logo after each step", map(_row, record.views))


def _row(view: View) -> Row:
    cells = {
        party: Cell(tint=_TINTS[sight], shape=_SHAPES[sight], words=sight.value)
        for party, sight in view.seen.items()
    }
    return Row(after=view.after, cells=cells)
