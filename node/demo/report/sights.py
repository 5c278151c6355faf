"""What everybody saw after each step: of the poisoned entry, and of keys that were replaced."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from node.demo.record import KeySight, KeyView, Knowing, Record, Sight, View
from node.demo.report.party_table import Cell, Row, party_table

_CHECK: Final = '<path d="M2.5 9.5 L7 14 L15.5 4" fill="none" stroke="currentColor" stroke-width="2.4"/>'
_TWO_CHECKS: Final = (
    '<path d="M1 9.5 L4.5 13.5 L11 5 M7.5 12.5 L8.5 13.5 L16.5 4" fill="none" stroke="currentColor"'
    ' stroke-width="2.2"/>'
)
_PEN: Final = '<path d="M2 16 L4 10.5 L12.5 2 L16 5.5 L7.5 14 z" fill="currentColor"/>'
_DISC: Final = '<circle cx="9" cy="9" r="7.5" fill="currentColor"/>'
_RING: Final = '<circle cx="9" cy="9" r="6.5" fill="none" stroke="currentColor" stroke-width="2"/>'
_HALF: Final = _RING + '<path d="M9 2.5 a6.5 6.5 0 0 1 0 13 z" fill="currentColor"/>'
_BARRED: Final = _RING + '<path d="M4.5 13.5 L13.5 4.5" stroke="currentColor" stroke-width="2"/>'
_TAKEN_BACK: Final = '<path d="M4 9 H14" stroke="currentColor" stroke-width="2.6"/>' + _RING
_CROSS: Final = '<path d="M4 4 L14 14 M14 4 L4 14" stroke="currentColor" stroke-width="2.4"/>'
_DASH: Final = '<path d="M4 9 H14" stroke="currentColor" stroke-width="2.4"/>'
_WARNING: Final = '<path d="M9 2 L16.5 15.5 H1.5 z" fill="currentColor"/>'
_MARKS: Final[Mapping[Sight | Knowing, tuple[str, str]]] = MappingProxyType(
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
        Knowing.SIGNS: ("calm", _PEN),
        Knowing.OPENS: ("calm", _PEN),
        Knowing.WAITS: ("waits", _HALF),
        Knowing.ACKNOWLEDGED: ("calm", _TWO_CHECKS),
        Knowing.KNOWN: ("calm", _CHECK),
        Knowing.UNKNOWN: ("alarm", _WARNING),
        Knowing.NEED_NOT: ("stopped", _DASH),
        Knowing.NONE_COUNT: ("calm", _CHECK),
        Knowing.SOME_COUNT: ("waits", _HALF),
    }
)
"""Colour and shape."""


def views(record: Record) -> str:
    """The table of the poisoned entry."""
    return party_table("What each party saw of the logo after each step", map(_row, record.views))


def successions(record: Record) -> str:
    """The table of the keys."""
    return party_table("What each party held of the keys after each step", map(_key_row, record.key_views))


def _row(view: View) -> Row:
    return Row(
        after=view.after,
        cells={party: _cell(sight, sight.value) for party, sight in view.seen.items()},
    )


def _key_row(view: KeyView) -> Row:
    cells = {party: _key_cell(sight) for party, sight in view.seen.items()}
    return Row(after=view.after, small=_unbroken(view.change), cells=cells)


def _key_cell(sight: KeySight) -> Cell:
    return _cell(sight.knowing, _unbroken(sight.words), small=sight.files)


def _cell(mark: Sight | Knowing, words: str, *, small: str = "") -> Cell:
    tint, shape = _MARKS[mark]
    return Cell(tint=tint, shape=shape, words=words, small=small)


def _unbroken(text: str) -> str:
    """With every key's name on one line."""
    return text.replace("-", "\N{NON-BREAKING HYPHEN}")
