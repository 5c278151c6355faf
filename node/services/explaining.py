"""Explaining a hash: which held lists have it, on what basis, and whether it is effective or why not.

For people of the agency only: it opens what the log hides.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from keys.trust.members import Members
from node.services.effective import Current
from protocol.digest import Digest
from protocol.event import collection_name
from protocol.opening import Basis
from protocol.quorum import Blocked, Discounted, Excluded, Tombstoned, TooFewCountries, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One active entry of a digest."""

    origin: str
    index: int
    country: str | None
    collection: str
    basis: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What the federation says about one digest."""

    listed: tuple[Listed, ...]
    effective_in: tuple[str, ...]
    """Names of the collections in which it is effective."""
    why_not: tuple[str, ...]
    """Reasons in words, for the collections in which it is listed and not effective."""


def explain(current: Current, members: Members, digest: Digest) -> Explanation:
    """What held lists and the quorum say about `digest`."""
    countries = {member.node: member.country for member in members.members}
    listed = tuple(
        Listed(
            origin=entry.origin,
            index=entry.index,
            country=countries.get(held.node),
            collection=collection_name(entry.collection),
            basis=_basis(entry.ext.basis),
            time_ms=entry.time_ms,
        )
        for held in current.listings
        for entry in held.listing.entries.values()
        if entry.digest == digest
    )
    collections = sorted({number for number, found in current.decision.effective if found == digest})
    open_in = {
        entry.collection
        for held in current.listings
        for entry in held.listing.entries.values()
        if entry.digest == digest
    } - set(collections)
    return Explanation(
        listed=listed,
        effective_in=tuple(collection_name(number) for number in collections),
        why_not=tuple(words for number in sorted(open_in) for words in _reasons(current, number, digest)),
    )


def _reasons(current: Current, collection: int, digest: Digest) -> Iterator[str]:
    for why in current.decision.explain(collection, digest):
        yield f"{collection_name(collection)}: {_words(why)}"


def _words(why: Why) -> str:
    match why:
        case TooFewCountries():
            return f"{why.found} of {why.needed} countries list it on their own knowledge"
        case Discounted():
            return f"entry {why.ref.index} of {why.ref.origin} does not count: {why.reason.value}"
        case Blocked():
            return f"{why.node} blocks it ({why.kind.value}, entry {why.ref.index})"
        case Excluded():
            return "this node excludes it"
        case Tombstoned():
            return "it was shredded"


def _basis(basis: int | None) -> str:
    return Basis(basis).name.lower().replace("_", "-") if basis in set(Basis) else "none"
