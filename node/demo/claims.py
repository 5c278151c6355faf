"""What the demonstration claims, by stable names; a claim that does not hold fails the whole walk."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence about the product that the walk tests."""

    name: str
    """Stable: scripts read it."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A claim, whether it held, and what was seen."""

    claim: Claim
    held: bool
    detail: str


_SENTENCES: Final = {
    "grant-kept": "A peer reads the collections it was granted, and of the others only that something changed.",
    "only-agreed-released": "What partners get is what both countries list on their own knowledge, no more, no less.",
    "quorum-hit": "A file that both agencies list is a hit.",
    "label-countries": "The hit says its collection, baseline, and the two countries, FR and NL.",
    "single-agency-clean": "A file that a single agency lists is not a hit.",
    "relied-on-clean": "A file that the second agency only relied on is not a hit: copying does not count.",
    "unlisted-clean": "A file that nobody lists is not a hit.",
    "altered-manifest-refused": "An altered manifest is refused.",
    "altered-screen-refused": "An altered screen is refused.",
    "altered-answers-refused": "Altered answers are refused.",
    "altered-labels-refused": "Altered labels are refused.",
    "old-release-stays": "After refused updates the partner still works with the release it had.",
    "withdrawn-clean": "After a withdrawal and one update the file is clean, and other hits remain.",
    "delta-small": "An update moves what changed, a small part of the whole release.",
    "partner-holds-no-digest": "The partner's folder holds none of the listed hashes.",
    "node-learned-nothing": "The agency's journal and folder hold none of the hashes that the partner asked about.",
    "case-data-stays": "Names of series, investigations and units of an export stay with the agency that imported it.",
}

CLAIMS: Final = MappingProxyType(
    {name: Claim(name=name, sentence=sentence) for name, sentence in _SENTENCES.items()}
)
"""Every claim, in the order in which the walk comes to them."""
