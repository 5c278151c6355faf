"""One line of the table of endpoints, and what lines have in common."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from protocol import limits

BIN: Final = "application/octet-stream"
JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
PROBLEM: Final = "application/problem+json"
PROBLEM_TYPE: Final = "urn:sigfed:problem:"
"""How the type of a problem begins; its name follows."""
TILE_BYTES: Final = limits.BUNDLE_WIDTH * 32
"""A whole tile of hashes."""


class Scope(StrEnum):
    """Kinds of access token scope; `OPEN` and `QUERY` take an argument (`open:1`, `query:NAME`)."""

    LOG_READ = "log:read"
    OPEN = "open"
    QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One line of the HTTP API."""

    name: str
    method: str = "GET"
    path: str
    scope: Scope | None
    """None: public."""
    media_type: str
    max_reply_bytes: int
    summary: str
