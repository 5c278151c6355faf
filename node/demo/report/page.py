"""The whole page: verdict, pictures, steps, claims; one file that needs nothing else and runs nothing."""

from collections.abc import Sequence

from node.demo.chapters.chapters import CHAPTERS, Chapter
from node.demo.claims import Finding
from node.demo.record import Record
from node.demo.report.bars import total, transfers
from node.demo.report.circles import circles
from node.demo.report.lanes import Scales, lanes
from node.demo.report.matrix import matrix
from node.demo.report.sights import views
from node.demo.report.style import STYLE
from node.pages.document import END, beginning
from node.pages.text import safe, size

_CHECK = "M2 9.5 L7 14.5 L16 3.5"
_CROSS = "M3 3 L15 15 M15 3 L3 15"


def page(record: Record, *, seconds: float) -> str:
    """The report of a walk that took `seconds`."""
    parts = (
        beginning("sigfed: what the demonstration showed", style=STYLE),
        _head(record, seconds),
        _lists(record),
        _poison(record),
        _sights(record),
        _wires(record),
        _claims(record.findings),
        _story(record),
        _foot(),
        END,
    )
    return "".join(parts)


def _head(record: Record, seconds: float) -> str:
    held = sum(finding.held for finding in record.findings)
    whole = len(record.findings)
    verdict = "held" if record.complete else "broken"
    words = (
        f"{'all ' if whole > 1 else ''}{whole} claim{'s' if whole > 1 else ''} held"
        if record.complete
        else f"{whole - held} of {whole} claims did NOT hold"
    )
    commands = sum(bool(step.command) for step in record.steps)
    files = (
        sum((tally.shared, 2 * tally.alone, tally.relied, 2 * tally.others)) if (tally := record.tally) else 0
    )
    facts = (
        (f"{files:,}", "made-up files; no real hash is in here"),
        (f"{commands}", "commands, as anybody types them"),
        (size(total(record.steps)), "over HTTPS with pinned keys"),
        (f"{seconds:.0f} s", "from nothing to this page"),
    )
    cells = "".join(f"<div><b>{number}</b><span>{text}</span></div>" for number, text in facts)
    return (
        f'<span class="verdict {verdict}">{_mark(held=record.complete)} {words}</span>'
        "<h1>Two agencies agree, a hoster asks, and nobody learns what they should not</h1>"
        '<p class="lead">Two police units of two countries each published a signed list of hashes of known material. '
        "What both list reached a hoster as a release that it can ask, but cannot read. It asked about five files; "
        f"the agency never learned which. {_then(record)}</p>"
        f'<div class="facts">{cells}</div>{_stop(record)}'
    )


def _then(record: Record) -> str:
    """What the walk went on to; only some chapters may have been asked for."""
    if "shredded-gone" not in record.expected:
        return ""
    return (
        "Then an intruder altered what the agency serves, a mistake was taken back, and somebody tried to poison "
        "the list."
    )


def _stop(record: Record) -> str:
    if not record.stopped:
        return ""
    return f'<div class="card broken"><b>The walk stopped early.</b> {safe(record.stopped)}</div>'


def _lists(record: Record) -> str:
    if "withdrawn-clean" not in record.expected:
        return ""
    return (
        "<h2>What is listed, and what the hoster was told</h2>"
        "<p class='soft'>A hash reaches partners when two countries list it on their own knowledge. "
        "One country is not enough, and taking over somebody else's word does not count.</p>"
        f'<div class="card">{circles(record)}</div>'
    )


def _poison(record: Record) -> str:
    if not record.views:
        return ""
    return (
        "<h2>A poisoned entry, as everybody saw it</h2>"
        "<p class='soft'>Somebody at FR listed a harmless logo that everybody has. After each step both agencies were "
        "asked who lists it and what blocks it, and the hoster looked it up. It was never a hit.</p>"
        f'<div class="card">{views(record)}</div>'
    )


def _sights(record: Record) -> str:
    if "partner-holds-no-digest" not in record.expected:
        return ""
    return (
        "<h2>Who saw what, and who did not</h2>"
        "<p class='soft'>The folders and journals of all three were searched, byte by byte, after chapter seven."
        "</p>"
        f'<div class="card">{matrix(record)}</div>'
    )


def _wires(record: Record) -> str:
    return (
        "<h2>What crossed the wire</h2>"
        "<p class='soft'>Bytes received, in order, headers and trust files included. Once a list or a release is "
        "held, only changes travel; what was altered was refused.</p>"
        f'<div class="card">{transfers(record)}</div>'
    )


def _claims(findings: Sequence[Finding]) -> str:
    rows = "".join(_claim(finding) for finding in findings)
    return f'<h2>What was claimed</h2><div class="card"><ul class="claims">{rows}</ul></div>'


def _claim(finding: Finding) -> str:
    tint = "" if finding.held else ' class="broken"'
    return (
        f"<li>{_mark(held=finding.held)}<div{tint}>{safe(finding.claim.sentence)} "
        f'<code>{finding.claim.name}</code><span class="detail">{safe(finding.detail)}</span></div></li>'
    )


def _mark(*, held: bool) -> str:
    path, ink, word = (_CHECK, "good", "held") if held else (_CROSS, "bad", "did not hold")
    return (
        f'<svg width="18" height="18" viewBox="0 0 18 18" role="img" aria-label="{word}"><path d="{path}" fill="none"'
        f' stroke="var(--{ink})" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )


def _story(record: Record) -> str:
    scales = Scales(record.steps)
    played = [chapter for chapter in CHAPTERS if chapter.name in record.chapters] or CHAPTERS
    chapters = "".join(_chapter(chapter, record, scales) for chapter in played)
    return (
        "<h2>Who did what</h2><p class='soft'>Every step, as it was typed. A line between lanes is data that crossed "
        f"the wire.</p>{chapters}"
    )


def _chapter(chapter: Chapter, record: Record, scales: Scales) -> str:
    steps = [step for step in record.steps if step.chapter == chapter.number]
    body = lanes(steps, scales) if steps else "<p class='soft'>The walk did not come this far.</p>"
    return (
        f"<h3>{chapter.number}. {safe(chapter.title)}</h3><p class='soft'>{safe(chapter.about)}</p>"
        f'<div class="card">{body}</div>'
    )


def _foot() -> str:
    return (
        "<footer>Made by <code>sigfed demo</code>. The folder beside this page holds everything that is spoken of: "
        "the homes of both nodes and of the hoster, their journals at the finest level, the exports and the files. "
        "Everything in it is made up and may be deleted.</footer>"
    )
