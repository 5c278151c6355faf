"""What everybody saw of the poisoned entry after each step."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from node.demo.parties import Party
from node.demo.record import Record, Sight, View
from node.demo.report.columns import party_heads, party_name
from node.pages.text import safe

_CHECK: Final = '<path d="M2.5 9.5 L7 14 L15.5 4" fill="none" stroke="currentColor" stroke-width="2.4"/>'
_DISC: Final = '<circle cx="9" cy="9" r="7.5" fill="currentColor"/>'
_RING: Final = '<circle cx="9" cy="9" r="6.5" fill="none" stroke="currentColor" stroke-width="2"/>'
_HALF: Final = _RING + '<path d="M9 2.5 a6.5 6.5 0 0 1 0 13 z" fill="currentColor"/>'
_BARRED: Final = _RING + '<path d="M4.5 13.5 L13.5 4.5" stroke="currentColor" stroke-width="2"/>'
_TAKEN_BACK: Final = '<path d="M4 9 H14" stroke="currentColor" stroke-width="2.6"/>' + _RING
_CROSS: Final = '<path d="M4 4 L14 14 M14 4 L4 14" stroke="currentColor" stroke-width="2.4"/>'
_WARNING: Final = '<path d="M9 2 L16.5 15.5 H1.5 z" fill="currentColor"/>'
_MARKS: Final[Mapping[Sight, tuple[str, str]]] = MappingProxyType(
    {
        Sight.ABSENT: ("calm", _RING),
        Sight.WAITING: ("waits", _HALF),
        Sight.AGREED: ("alarm", _DISC),
        Sight.BLOCKED: ("stopped", _BARRED),
        Sight.WITHDRAWN: ("stopped", _TAKEN_BACK),
        Sight.GONE: ("calm", _CROSS),
        Sight.CLEAN: ("calm", _CHECK),
        Sight.HIT: ("alarm", _DISC),
        Sight.UNCLEAR: ("alarm", _WARNING),
    }
)
"""Colour and shape."""


def views(record: Record) -> str:
    """The table, a numbered row for each step, with a mark and words in every cell."""
    rows = "".join(_row(number, view) for number, view in enumerate(record.views, 1))
    return (
        '<table class="views" role="table"><caption>What each party saw of the logo after each step</caption>'
        '<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">after</th>'
        f'{party_heads()}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>'
    )


def _row(number: int, view: View) -> str:
    cells = "".join(_cell(party, view.seen[party]) for party in Party)
    return (
        f'<tr role="row"><th scope="row" role="rowheader"><span class="number">{number}</span>'
        f"{safe(view.after)}</th>{cells}</tr>"
    )


def _cell(party: Party, sight: Sight) -> str:
    tint, shape = _MARKS[sight]
    return (
        f'<td role="cell" class="{tint}">{party_name(party)}'
        f'<span class="sight"><svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">{shape}</svg>'
        f"<span>{safe(sight.value)}</span></span></td>"
    )
