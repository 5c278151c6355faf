"""Bytes that crossed the wire, as bars that can be compared; on a telephone each bar lies below its words."""

from collections.abc import Sequence
from typing import Final

from node.demo.record import Record, Step
from node.demo.report.lanes import tint
from node.pages.text import safe, size

_WIDEST: Final = 75
"""Percent that the longest bar takes: its number needs the rest."""


def transfers(record: Record) -> str:
    """The bars of all transfers between nodes, in order."""
    steps = [step for step in record.steps if step.moved and step.source is not None]
    if not steps:
        return ""
    longest = max(step.moved or 0 for step in steps)
    return f'<ol class="bars">{"".join(_bar(step, longest) for step in steps)}</ol>'


def _bar(step: Step, longest: int) -> str:
    assert step.moved is not None
    assert step.source is not None
    label = f"{step.source.title} to {step.who.title}"
    return (
        f'<li class="{tint(step)}"><b>{safe(label)}</b>'
        f'<span class="note">{safe(step.note)}</span><span class="load">'
        f'<svg class="length" width="{_WIDEST * step.moved / longest:.1f}%" height="17" aria-hidden="true"></svg>'
        f'<span class="bytes">{size(step.moved)}</span></span></li>'
    )


def total(steps: Sequence[Step]) -> int:
    """Bytes that crossed the wire in all."""
    return sum(step.moved or 0 for step in steps if step.source is not None)
