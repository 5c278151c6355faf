"""What people type when they say whom they mean and what one may have: collections, days, grants, fingerprints."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from keys.errors import MalformedTrustError
from keys.trust.fingerprint import from_words
from node.errors import UsageError
from node.formats.cells import HASH_COLUMNS
from protocol.digest import Algorithm
from protocol.errors import MalformedError
from protocol.lists.event import collection_number
from protocol.lists.grant import Grant


def collection_of(name: str) -> int:
    """The collection of that name or number; raises `UsageError`."""
    try:
        return collection_number(name)
    except MalformedError as exc:
        raise UsageError("no such collection: {reason}", exc) from exc


def columns_of(texts: Iterable[str]) -> dict[str, str] | None:
    """Titles of columns by what they hold, of texts like `sha256=SHA-256 hash`; None for none. Raises `UsageError`."""
    pairs = [text.strip().partition("=") for text in texts if text.strip()]
    if any(not found for _, found, _ in pairs):
        raise UsageError("a column is named like this: --column sha256='SHA-256 hash'")
    return {name: title for name, _, title in pairs} or None


def end_of_day(text: str) -> datetime | None:
    """The end of a day `YYYY-MM-DD` in UTC; None for an empty text; raises `UsageError`."""
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as exc:
        raise UsageError("a day is written YYYY-MM-DD") from exc
    return day + timedelta(days=1)


def grant_of(collections: str, algorithms: str, until: str) -> Grant:
    """The grant of names between commas and a last day; no algorithms: all, no day: no end. Raises `UsageError`."""
    return Grant(
        collections=frozenset(collection_of(name.strip()) for name in collections.split(",")),
        algorithms=frozenset(_algorithm(name.strip()) for name in algorithms.split(","))
        if algorithms
        else None,
        until=end_of_day(until),
    )


def _algorithm(name: str) -> Algorithm:
    if name not in HASH_COLUMNS:
        raise UsageError("hashes are: {names}", ", ".join(HASH_COLUMNS))
    return HASH_COLUMNS[name]


def typed_members(texts: Iterable[str]) -> dict[str, bytes]:
    """Fingerprints by node name, of texts like `nl.example=WORDS`; raises `UsageError`."""
    pairs = [text.partition("=") for text in texts]
    if any(not words for _, _, words in pairs):
        raise UsageError("a member is named like this: --member nl.example=WORDS")
    return {node.strip(): typed_words(words) for node, _, words in pairs}


def typed_words(text: str) -> bytes:
    """The 16 bytes that eight words stand for; raises `UsageError` where they are none. Comparing is the caller's."""
    try:
        return from_words(text)
    except MalformedTrustError as exc:
        raise UsageError(
            "mistyped words: {reason}",
            exc,
            hint="eight words of five letters, as sigfed member ls shows them on a node that counts that one",
        ) from exc
