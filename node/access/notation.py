"""What people type when they say whom they mean, what one may have, and what they say of an entry."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from keys.errors import MalformedTrustError
from keys.trust.fingerprint import from_words
from node.errors import UsageError
from node.formats.cells import HASH_COLUMNS
from protocol.digest import Algorithm
from protocol.errors import MalformedError
from protocol.limits import MAX_LOG_SIZE
from protocol.lists.event import collection_number
from protocol.lists.ext import Basis, Reason
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


def basis_of(name: str) -> Basis:
    """The basis of that name; raises `UsageError`."""
    try:
        return Basis[name.upper().replace("-", "_")]
    except KeyError:
        raise UsageError("the basis is one of: own, reviewed, relies-on") from None


def reason_of(name: str) -> Reason:
    """The reason of that name, of a withdrawal or a dispute; raises `UsageError`."""
    try:
        return Reason[name.upper()]
    except KeyError:
        raise UsageError("the reason is one of: error, legal, duplicate, other") from None


def event_of(text: str) -> tuple[str, int]:
    """The list and the index of an event `ORIGIN:INDEX`; raises `UsageError`."""
    origin, _, index = text.rpartition(":")
    is_number = index.isascii() and index.isdecimal() and len(index) < 16
    if origin.count("/") != 2 or not is_number or int(index) >= MAX_LOG_SIZE:
        raise UsageError(
            "an entry is named by its list and index", hint="for example: nl.example/lists/national:12"
        )
    return origin, int(index)


def day_of(text: str) -> date:
    """A day `YYYY-MM-DD`; raises `UsageError`."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as exc:
        raise UsageError("a day is written YYYY-MM-DD") from exc


def start_of_day(text: str) -> datetime | None:
    """The beginning of a day `YYYY-MM-DD` in UTC; None for an empty text; raises `UsageError`."""
    return datetime.combine(day_of(text), time(), UTC) if text else None


def end_of_day(text: str) -> datetime | None:
    """The end of a day `YYYY-MM-DD` in UTC; None for an empty text; raises `UsageError`."""
    start = start_of_day(text)
    return None if start is None else start + timedelta(days=1)


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
