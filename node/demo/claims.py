"""What the demonstration claims, by stable names; a claim that does not hold fails the whole walk."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence about the product that the walk tests."""

    name: str
    """Stable: scripts read it."""
    sentence: str
    chapter: str
    """Name of the chapter that tests it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A claim, whether it held, and what was seen."""

    claim: Claim
    held: bool
    detail: str


_SENTENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "meet": {
        "grant-kept": "A peer reads the collections it was granted, and of the others only that something changed."
    },
    "agree": {
        "only-agreed-released": "Partners get what both countries list on their own knowledge, no more, no less.",
        "heads-cosigned": "Every head of a list or of releases is cosigned by the other agency's witness.",
    },
    "ask": {
        "quorum-hit": "A file that both agencies list is a hit.",
        "label-countries": "The hit says its collection, baseline, and the two countries, FR and NL.",
        "single-agency-clean": "A file that a single agency lists is not a hit.",
        "relied-on-clean": "A file that the second agency only relied on is not a hit: copying does not count.",
        "unlisted-clean": "A file that nobody lists is not a hit.",
        "one-value-a-file": "Offline the hoster's folder knows a listed file by one hash, and passes few others.",
        "hit-evidence-verifies": "The evidence of a reported hit verifies offline, from fingerprint words alone.",
        "altered-evidence-refused": "With one bit altered the evidence is refused.",
    },
    "cheat": {
        "altered-manifest-refused": "An altered manifest is refused.",
        "altered-screen-refused": "An altered screen is refused.",
        "altered-answers-refused": "Altered answers are refused.",
        "altered-labels-refused": "Altered labels are refused.",
        "old-release-stays": "After refused updates the partner still works with the release it had.",
        "put-back-signs-nothing": "A node whose folder is put back to an older day signs nothing, and says so.",
    },
    "correct": {
        "withdrawn-clean": "After a withdrawal and one update the file is clean, and other hits remain.",
        "withdrawn-not-reported": "A hit that waits when its file is withdrawn is closed, and reported to nobody.",
        "delta-small": "An update moves what changed, a small part of the whole release.",
        "partner-holds-no-digest": "The partner's folder holds none of the listed hashes.",
        "node-learned-nothing": "The agency's journal and folder hold none of the hashes that the partner asked about.",
        "case-data-stays": "Names of series, investigations and units of an export stay with who imports it.",
    },
    "poison": {
        "lone-poison-clean": "What one agency lists reaches no partner, also when another relies on it.",
        "tripwire-stops-release": "A release that would list a tripwire's hash is refused, and the entries are named.",
        "dispute-blocks": "One agency's dispute blocks the hashes everywhere, though two countries list them.",
        "withdrawal-followed": "Who withdraws sees who has not followed yet, until everybody has.",
        "shredded-gone": "After the shredding no folder holds a hash of the file, or an opening that hid one.",
        "shredded-stays-out": "Neither agency can import what was shredded again.",
        "audit-names-both": "The audit log verifies, and names who asked for the shredding and who approved it.",
    },
}
"""By the name of the chapter that tests them."""

CLAIMS: Final = MappingProxyType(
    {
        name: Claim(name=name, sentence=sentence, chapter=chapter)
        for chapter, sentences in _SENTENCES.items()
        for name, sentence in sentences.items()
    }
)
"""Every claim, in the order in which the chapters come to them."""
