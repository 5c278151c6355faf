"""What this agency itself lists, effective or not: what another agency may ask about, one hash at a time.

An investigator who finds a file wants to know which agency to talk to. That one agency lists it is reason enough to
talk, and no reason to remove anything, so holdings are released to agencies only, in subsets of their own.
"""

from collections.abc import Mapping, Sequence

from keys.trust.members import Members
from node.store.lists.records import LogKind, LogRecord
from protocol.digest import Digest
from protocol.judgement.quorum import Support
from protocol.judgement.voices import MemberListing
from protocol.lists.listing import Entry


def held_here(
    heads: Sequence[LogRecord], listings: Sequence[MemberListing], members: Members
) -> Mapping[tuple[int, Digest], Support]:
    """The active entries of the own lists as they would support a digest, whatever their basis, by collection."""
    countries = {member.node: member.country for member in members.members}
    found: dict[tuple[int, Digest], list[Entry]] = {}
    node = ""
    for log, held in zip(heads, listings, strict=True):
        if log.kind is LogKind.OWN_LIST:
            node = log.node
            for entry in held.listing.entries.values():
                found.setdefault((entry.collection, entry.digest), []).append(entry)
    country = countries.get(node)
    return {
        key: Support(
            collection=key[0],
            digest=key[1],
            countries={} if country is None else {country: tuple(entries)},
            authorities={} if country is not None else {node: tuple(entries)},
        )
        for key, entries in found.items()
    }
