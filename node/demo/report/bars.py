"""Bytes that crossed the wire, as bars that can be compared."""

from collections.abc import Sequence

from node.demo.record import Record, Step
from node.demo.report.text import colour, safe, size

_LEFT, _RIGHT, _ROW = 460, 910, 36


def transfers(record: Record) -> str:
    """The picture of all transfers between nodes, in order."""
    steps = [step for step in record.steps if step.moved and step.source is not None]
    if not steps:
        return ""
    longest = max(step.moved or 0 for step in steps)
    rows = "".join(_bar(number, step, longest) for number, step in enumerate(steps))
    return (
        f'<svg class="picture" viewBox="0 0 1000 {_ROW * len(steps) + 4}" role="img"'
        f' aria-label="Bytes that crossed the wire">{rows}</svg>'
    )


def _bar(number: int, step: Step, longest: int) -> str:
    assert step.moved is not None
    assert step.source is not None
    y = _ROW * number
    width = max(3.0, (_RIGHT - _LEFT) * step.moved / longest)
    label = f"{step.source.title} to {step.who.title}"
    return (
        f'<g class="{colour(step.who, trouble=step.trouble)}">'
        f'<text class="strong party" x="0" y="{y + 22}">{safe(label)}</text>'
        f'<text class="soft" x="215" y="{y + 22}">{safe(step.note)}</text>'
        f'<rect class="bar" x="{_LEFT}" y="{y + 9}" width="{width:.1f}" height="18" rx="4"/>'
        f'<text x="{_LEFT + width + 10:.1f}" y="{y + 23}">{size(step.moved)}</text></g>'
    )


def total(steps: Sequence[Step]) -> int:
    """Bytes that crossed the wire in all."""
    return sum(step.moved or 0 for step in steps if step.source is not None)
