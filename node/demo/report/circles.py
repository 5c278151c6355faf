"""Where the files are: two circles for two agencies' lists, and what the hoster was told about five files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.demo.record import Record, Tally

_WIDTH, _HEIGHT = 1000, 380


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
    """The picture, or nothing when the walk did not come that far."""
    if record.tally is None:
        return ""
    held = {finding.claim.name: finding.held for finding in record.findings}
    return (
        f'<svg class="picture" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        ' aria-label="What each agency lists, and what the hoster was told about five files">'
        f"{_sets(record.tally)}{_files(held)}</svg>"
    )


def _sets(tally: Tally) -> str:
    return (
        '<circle cx="180" cy="190" r="172" fill="var(--fr-wash)" stroke="var(--fr)" stroke-width="2"/>'
        '<circle cx="410" cy="190" r="172" fill="var(--nl-wash)" stroke="var(--nl)" stroke-width="2"/>'
        + _count(125, 105, f"{tally.alone + tally.relied:,}", "only FR lists", "fr")
        + _count(465, 105, f"{tally.alone:,}", "only NL lists", "nl")
        + _count(295, 150, f"{tally.shared:,}", "both list", "hoster")
        + '<text class="soft mid" x="295" y="188">released</text>'
        '<ellipse cx="135" cy="252" rx="88" ry="66" fill="none" stroke="var(--nl)" stroke-width="1.5"'
        ' stroke-dasharray="4 5"/>'
        f'<text class="soft mid" x="135" y="227">NL relies on</text>'
        f'<text class="soft mid" x="135" y="244">a supplier for {tally.relied:,}</text>'
    )


def _count(x: int, y: int, number: str, text: str, tint: str) -> str:
    return (
        f'<text class="big mid party {tint}" x="{x}" y="{y}">{number}</text>'
        f'<text class="soft mid" x="{x}" y="{y + 20}">{text}</text>'
    )


def _files(held: Mapping[str, bool]) -> str:
    head = (
        '<text class="soft" x="640" y="52">What the hoster was told about its files</text>'
        '<line x1="640" x2="1000" y1="64" y2="64" stroke="var(--line)"/>'
    )
    return head + "".join(
        _file(number, spot, holds=held.get(spot.claim, False)) for number, spot in enumerate(_SPOTS, 1)
    )


def _file(number: int, spot: _Spot, *, holds: bool) -> str:
    y = 98 + 56 * (number - 1)
    told = spot.meant if holds else "something else"
    tint = "trouble" if spot.listed or not holds else "hoster"
    return (
        f"{_bullet(number, spot.x, spot.y)}{_bullet(number, 652, y)}"
        f'<text x="676" y="{y - 3}">{spot.what}</text>'
        f'<g class="{tint}"><text class="strong party" x="676" y="{y + 16}">{told}</text></g>'
    )


def _bullet(number: int, x: int, y: int) -> str:
    return (
        f'<circle cx="{x}" cy="{y}" r="12" fill="var(--ink)"/>'
        f'<text class="mid strong" x="{x}" y="{y + 5}" style="fill:var(--card)">{number}</text>'
    )
