"""Who saw what, and who did not: a table, each line of it tested by a claim or following from the design."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.demo.parties import Party
from node.demo.record import Record
from node.demo.report.columns import party_heads, party_name
from node.pages.text import safe

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
        remark="decided on the hoster's own machine; FR learned of the one hit that was reported",
        seen=_seen(PART, NONE, ALL),
    ),
    _Line(
        thing="That the hoster asked, and when",
        remark="FR counts look-ups against a quota",
        seen=_seen(ALL, NONE, ALL),
    ),
)
_WORDS: Final = {ALL: "saw", PART: "in part", NONE: "not"}
_SHAPES: Final = {
    ALL: '<circle cx="11" cy="11" r="10" fill="var(--party)"/>',
    PART: '<circle cx="11" cy="11" r="9" fill="none" stroke="var(--party)" stroke-width="2"/>'
    '<path d="M11 2 a9 9 0 0 1 0 18 z" fill="var(--party)"/>',
    NONE: '<circle cx="11" cy="11" r="9" fill="none" stroke="var(--soft)" stroke-opacity="0.55"/>',
}


def matrix(record: Record) -> str:
    """The table."""
    held = {finding.claim.name: finding.held for finding in record.findings}
    return (
        '<table class="sights" role="table"><caption>Who saw what</caption><thead role="rowgroup"><tr role="row">'
        f'<th scope="col" role="columnheader">what</th>{party_heads()}'
        '<th scope="col" role="columnheader">how we know</th>'
        f'</tr></thead><tbody role="rowgroup">{"".join(_row(line, held) for line in _LINES)}</tbody></table>'
    )


def _row(line: _Line, held: Mapping[str, bool]) -> str:
    return (
        f'<tr role="row"><th scope="row" role="rowheader"><b>{safe(line.thing)}</b>'
        f'<span class="remark">{safe(line.remark)}</span></th>'
        f"{''.join(_mark(line.seen[party], party) for party in Party)}{_proof(line, held)}</tr>"
    )


def _mark(seen: str, party: Party) -> str:
    return (
        f'<td role="cell" class="{party.value}">{party_name(party)}'
        f'<svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">{_SHAPES[seen]}</svg>'
        f"<span>{_WORDS[seen]}</span></td>"
    )


def _proof(line: _Line, held: Mapping[str, bool]) -> str:
    if not line.claims:
        return '<td role="cell" class="proof">by construction</td>'
    holds = all(held.get(claim, False) for claim in line.claims)
    words, tint = ("✔ tested here", "good") if holds else ("✘ did not hold", "bad")
    return f'<td role="cell" class="proof {tint}">{words}</td>'
