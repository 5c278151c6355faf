"""The part of all lists from which some digests are judged as they are from the whole.

A digest is judged by its own entries and by the blocks that apply to it. Which blocks of a list apply depends on its
other blocks, through the cap, and on the entries that overrule those; on nothing else. So the cost of judging what
changed follows what changed and how many blocks there are, and the rule stays one: `protocol.judgement.quorum.decide`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from protocol.digest import Digest
from protocol.judgement.voices import MemberListing
from protocol.lists.listing import Entry, Listing


def restrict(listings: Sequence[MemberListing], digests: frozenset[Digest]) -> tuple[MemberListing, ...]:
    """The lists without the entries that have no bearing on `digests`: `decide` says the same of these digests.

    What stays: every block, the entries of `digests` and of blocked digests, of which some may overrule a block, and in
    a list that continues a log the entries that take a block of that log back, whatever their digest.
    """
    judged = digests | {block.digest for held in listings for block in held.listing.blocks}
    return tuple(_restricted(held, judged) for held in listings)


def _restricted(held: MemberListing, judged: frozenset[Digest]) -> MemberListing:
    kept = {entry.index: entry for entry in _bearing(held.listing, judged)}
    return replace(held, listing=replace(held.listing, entries=kept))


def _bearing(listing: Listing, judged: frozenset[Digest]) -> Iterator[Entry]:
    for entry in listing.entries.values():
        if entry.digest in judged or _takes_back(listing, entry):
            yield entry


def _takes_back(listing: Listing, entry: Entry) -> bool:
    """Whether an entry names an event of the log that its list continues, in whichever of its versions."""
    if listing.continues is None:
        return False
    said = (entry.ext, *(ext for _, ext in entry.versions))
    return any(ref.origin == listing.continues.origin for ext in said for ref in ext.reaffirms)
