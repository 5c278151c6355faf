"""Where the files are: two circles for two agencies' lists, and what the hoster was told about five files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.demo.record import Record, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    """One of the five files: where it lies, and what the hoster should be told."""

    claim: str
    x: int
    y: int
    what: str
    meant: str
    listed: bool = False


_SPOTS: Final = (
    _Spot(claim="quorum-hit", x=295, y=235, what="both agencies list it", meant="hit", listed=True),
    _Spot(
        claim="withdrawn-clean",
        x=295,
        y=275,
        what="both list it, then FR withdraws",
        meant="hit, then clean",
        listed=True,
    ),
    _Spot(claim="single-agency-clean", x=455, y=235, what="NL alone lists it", meant="clean"),
    _Spot(claim="relied-on-clean", x=135, y=290, what="FR lists it, NL only relies on it", meant="clean"),
    _Spot(claim="unlisted-clean", x=560, y=345, what="nobody lists it", meant="clean"),
)


def circles(record: Record) -> str:
    """The picture and the verdicts beside it, or nothing when the walk did not come that far."""
    if record.tally is None:
        return ""
    held = {finding.claim.name: finding.held for finding in record.findings}
    spots = "".join(_bullet(number, spot.x, spot.y) for number, spot in enumerate(_SPOTS, 1))
    return (
        '<div class="circles"><svg class="picture" viewBox="0 0 600 380" role="img"'
        f' aria-label="What each agency lists, and where the five files are">{_sets(record.tally)}{spots}</svg>'
        f"{_files(held)}</div>"
    )


def _sets(tally: Tally) -> str:
    return (
        '<circle cx="180" cy="190" r="172" fill="var(--fr-wash)" stroke="var(--fr)" stroke-width="2"/>'
        '<circle cx="410" cy="190" r="172" fill="var(--nl-wash)" stroke="var(--nl)" stroke-width="2"/>'
        + _count(125, 105, f"{tally.alone + tally.relied:,}", "only FR lists", "fr")
        + _count(465, 105, f"{tally.alone:,}", "only NL lists", "nl")
        + _count(295, 150, f"{tally.shared:,}", "both list", "hoster")
        + '<text class="soft mid" x="295" y="192">released</text>'
        '<ellipse cx="135" cy="252" rx="88" ry="66" fill="none" stroke="var(--nl)" stroke-width="1.5"'
        ' stroke-dasharray="4 5"/>'
        f'<text class="soft mid" x="135" y="225">NL relies on</text>'
        f'<text class="soft mid" x="135" y="246">a supplier for {tally.relied:,}</text>'
    )


def _count(x: int, y: int, number: str, text: str, tint: str) -> str:
    return (
        f'<text class="big mid party {tint}" x="{x}" y="{y}">{number}</text>'
        f'<text class="soft mid" x="{x}" y="{y + 20}">{text}</text>'
    )


def _files(held: Mapping[str, bool]) -> str:
    rows = "".join(_file(spot, holds=held.get(spot.claim, False)) for spot in _SPOTS)
    return (
        f'<div><p class="soft">What the hoster was told about its files</p><ol class="told">{rows}</ol></div>'
    )


def _file(spot: _Spot, *, holds: bool) -> str:
    told = spot.meant if holds else "something else"
    tint = "bad" if spot.listed or not holds else "good"
    return f'<li>{spot.what}<b class="{tint}">{told}</b></li>'


def _bullet(number: int, x: int, y: int) -> str:
    return (
        f'<circle cx="{x}" cy="{y}" r="12" fill="var(--ink)"/>'
        f'<text class="mid strong on" x="{x}" y="{y + 5}">{number}</text>'
    )
