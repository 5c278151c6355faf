"""Who did what: a row a step, with three lanes that join from row to row, and bars of time and bytes."""

from collections.abc import Iterable, Iterator
from math import log10
from typing import Final

from node.demo.parties import Party
from node.demo.record import Step
from node.pages.text import safe, size

_AT: Final = {Party.FR: 16, Party.NL: 50, Party.HOSTER: 84}
_SHORT: Final = {Party.FR: "FR", Party.NL: "NL", Party.HOSTER: "Hoster"}
_SMALLEST: Final = 100
"""Bytes at which a bar begins: bars of bytes are logarithmic."""


class Scales:
    """The longest bars."""

    def __init__(self, steps: Iterable[Step]) -> None:
        """Scales for all `steps` together, so that bars compare across chapters."""
        known = list(steps)
        self._seconds = max((step.seconds for step in known), default=0.0) or 1.0
        self._bytes = max((step.moved or 0 for step in known), default=0) or 1

    def seconds(self, step: Step) -> float:
        """Percent of the longest."""
        return 100 * step.seconds / self._seconds

    def moved(self, step: Step) -> float:
        """Percent of the longest, by logarithm."""
        whole = log10(max(self._bytes, 10 * _SMALLEST) / _SMALLEST)
        return 100 * log10(max(step.moved or 0, _SMALLEST) / _SMALLEST) / whole


def tint(step: Step) -> str:
    """The class that carries the colour of a step."""
    return "trouble" if step.trouble else step.who.value


def lanes(steps: Iterable[Step], scales: Scales) -> str:
    """The rows of a chapter."""
    return (
        f'<div class="steps">{_head()}{"".join(part for step in steps for part in _row(step, scales))}</div>'
    )


def _head() -> str:
    names = "".join(
        f'<text class="mid strong party {party.value}" x="{at}%" y="15">{_SHORT[party]}</text>'
        for party, at in _AT.items()
    )
    lanes_head = f'<div class="lanes head"><svg height="22" aria-hidden="true">{names}</svg></div>'
    return f'{lanes_head}<div class="head"></div><div class="head">time</div><div class="head">bytes (log scale)</div>'


def _row(step: Step, scales: Scales) -> Iterator[str]:
    seconds = f"{step.seconds:.1f} s" if step.seconds >= 0.05 else "—"
    yield f'<div class="lanes {tint(step)}">{_strip(step)}</div>'
    yield f'<div class="what {tint(step)}">{_what(step)}</div>'
    yield _amount(step, seconds, scales.seconds(step))
    yield _amount(step, size(step.moved), scales.moved(step)) if step.moved else '<div class="amount"></div>'


def _strip(step: Step) -> str:
    rails = "".join(f'<line class="lane" x1="{at}%" x2="{at}%" y1="0" y2="100%"/>' for at in _AT.values())
    here = _AT[step.who]
    wire = "" if step.source is None else _wire(_AT[step.source], here)
    return f'<svg aria-hidden="true">{rails}{wire}<circle class="act" cx="{here}%" cy="50%" r="8"/></svg>'


def _wire(start: int, end: int) -> str:
    """A line from where data came to who has it now, with a tip before the dot."""
    way = 1 if end > start else -1
    tip = "-22,-5 -12,0 -22,5" if way > 0 else "22,-5 12,0 22,5"
    # A nested svg is a movable origin: percentages cannot be mixed with lengths in points.
    return (
        f'<line class="wire" x1="{start}%" x2="{end}%" y1="50%" y2="50%"/>'
        f'<svg x="{end}%" y="50%" overflow="visible"><polygon class="tip" points="{tip}"/></svg>'
    )


def _what(step: Step) -> str:
    refused = ' class="refused"' if step.note.startswith("refused") else ' class="note"'
    note = f" <span{refused}>{safe(step.note)}</span>" if step.note else ""
    command = f"<code>{safe(_brief(step.command))}</code>" if step.command else ""
    return f"<b>{safe(step.who.title)}</b> {safe(step.what)}.{note}{command}"


def _brief(command: str) -> str:
    """A command without the folders of its files and without all words of a fingerprint."""
    words = [word.rsplit("/", 1)[-1] if word.startswith("/") else word for word in command.split(" ")]
    return " ".join(word if len(word) < 48 else f"{word[:12]}…" for word in words)


def _amount(step: Step, text: str, percent: float) -> str:
    bar = (
        '<svg aria-hidden="true"><rect class="rail" width="100%" height="7" rx="3.5"/>'
        f'<rect class="bar" width="{percent:.1f}%" height="7" rx="3.5"/></svg>'
    )
    return f'<div class="amount {tint(step)}">{text}{bar}</div>'
