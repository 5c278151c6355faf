"""Who saw what, and who did not: one picture, each line of it tested by a claim or following from the design."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.demo.parties import Party
from node.demo.record import Record
from node.demo.report.text import safe

ALL, PART, NONE = "all", "part", "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One thing that could be seen."""

    thing: str
    remark: str
    seen: Mapping[Party, str]
    claims: tuple[str, ...] = ()
    """What the walk tested of it; none: it follows from how the look-up is built."""


def _seen(fr: str, nl: str, hoster: str) -> Mapping[Party, str]:
    return {Party.FR: fr, Party.NL: nl, Party.HOSTER: hoster}


_LINES: Final = (
    _Line(
        thing="FR's baseline hashes",
        remark="NL was granted them; the hoster gets a release that cannot be read as a list",
        seen=_seen(ALL, ALL, NONE),
        claims=("partner-holds-no-digest",),
    ),
    _Line(
        thing="FR's other hashes",
        remark="NL sees that there are changes, when, and in which collection",
        seen=_seen(ALL, PART, NONE),
        claims=("grant-kept", "partner-holds-no-digest"),
    ),
    _Line(
        thing="Series, investigations, units of FR's export",
        remark="they enter no log",
        seen=_seen(ALL, NONE, NONE),
        claims=("case-data-stays",),
    ),
    _Line(
        thing="The hashes that the hoster asked about",
        remark="FR gets random-looking values, always at least 64 at once",
        seen=_seen(NONE, NONE, ALL),
        claims=("node-learned-nothing",),
    ),
    _Line(
        thing="Whether a file is a hit, and who lists it",
        remark="decided on the hoster's own machine; FR learns it if the hoster reports it",
        seen=_seen(NONE, NONE, ALL),
    ),
    _Line(
        thing="That the hoster asked, and when",
        remark="FR counts look-ups against a quota",
        seen=_seen(ALL, NONE, ALL),
    ),
)
_AT: Final = {Party.FR: 560, Party.NL: 670, Party.HOSTER: 780}
_TOP, _ROW = 46, 62


def matrix(record: Record) -> str:
    """The picture."""
    held = {finding.claim.name: finding.held for finding in record.findings}
    height = _TOP + _ROW * len(_LINES)
    return (
        f'<svg class="picture" viewBox="0 0 1000 {height}" role="img" aria-label="Who saw what">'
        f"{_head()}{''.join(_line(number, line, held) for number, line in enumerate(_LINES))}</svg>"
    )


def _head() -> str:
    names = "".join(
        f'<g class="{party.value}"><text class="mid strong party" x="{at}" y="22">{party.title}</text></g>'
        for party, at in _AT.items()
    )
    return names + '<text class="soft" x="858" y="22">how we know</text>'


def _line(number: int, line: _Line, held: Mapping[str, bool]) -> str:
    y = _TOP + _ROW * number
    marks = "".join(_mark(line.seen[party], at, y + 28, party) for party, at in _AT.items())
    return (
        f'<line x1="0" x2="1000" y1="{y}" y2="{y}" stroke="var(--line)"/>'
        f'<text class="strong" x="0" y="{y + 26}">{safe(line.thing)}</text>'
        f'<text class="soft" x="0" y="{y + 45}">{safe(line.remark)}</text>{marks}{_proof(line, y + 33, held)}'
    )


def _mark(seen: str, x: int, y: int, party: Party) -> str:
    if seen == NONE:
        return (
            f'<circle cx="{x}" cy="{y}" r="9" fill="none" stroke="var(--soft)" stroke-opacity="0.55"/>'
            f'<text class="soft mid" x="{x}" y="{y + 25}">not</text>'
        )
    if seen == PART:
        shape = (
            f'<circle cx="{x}" cy="{y}" r="9" fill="none" stroke="var(--party)" stroke-width="2"/>'
            f'<path d="M{x} {y - 9} a9 9 0 0 1 0 18 z" fill="var(--party)"/>'
        )
        return (
            f'<g class="{party.value}">{shape}</g><text class="soft mid" x="{x}" y="{y + 25}">in part</text>'
        )
    dot = f'<circle cx="{x}" cy="{y}" r="10" fill="var(--party)"/>'
    return f'<g class="{party.value}">{dot}</g><text class="soft mid" x="{x}" y="{y + 25}">saw</text>'


def _proof(line: _Line, y: int, held: Mapping[str, bool]) -> str:
    if not line.claims:
        return f'<text class="soft" x="858" y="{y}">by construction</text>'
    holds = all(held.get(claim, False) for claim in line.claims)
    words, tint = ("✔ tested here", "hoster") if holds else ("✘ did not hold", "trouble")
    return f'<g class="{tint}"><text class="strong party" x="858" y="{y}">{words}</text></g>'
