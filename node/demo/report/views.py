"""How everybody saw the poisoned entry after each step: a table with a mark and words in every cell.

It is a table for who listens to it, and on a telephone each row becomes a card.
"""

from types import MappingProxyType
from typing import Final

from node.demo.parties import Party
from node.demo.record import Record, Sight, View
from node.demo.report.text import safe

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
    heads = "".join(
        f'<th scope="col" role="columnheader" class="{party.value}">{party.title}</th>' for party in Party
    )
    rows = "".join(_row(number, view) for number, view in enumerate(record.views, 1))
    return (
        '<table class="views" role="table"><caption>What each party saw of the logo after each step</caption>'
        f'<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">after</th>{heads}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table>'
    )


def _row(number: int, view: View) -> str:
    cells = "".join(_cell(party, view.seen[party]) for party in Party)
    return (
        f'<tr role="row"><th scope="row" role="rowheader"><span class="number">{number}</span>'
        f"{safe(view.after)}</th>{cells}</tr>"
    )


def _cell(party: Party, sight: Sight) -> str:
    return (
        f'<td role="cell" class="{_TINTS[sight]}">'
        f'<span class="who {party.value}" aria-hidden="true">{party.title}</span>'
        f'<span class="sight"><svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">{_SHAPES[sight]}</svg>'
        f"{safe(sight.value)}</span></td>"
    )
