"""Who may ask this node for something, and what a token of theirs may read.

Decides the vocabulary of scopes and how a scope is read; an unreadable scope reads nothing. Which credential
a peer or partner has, and which scopes go with it, is the directory's matter (the store's). What assertions and tokens
are called and how long they last is said here for client, server and signer. See docs/spec/http.md.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from keys.key import AuthPublicKey
from protocol.endpoints import Scope

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_TYP: Final = "client-authentication+jwt"
MAX_ASSERTION_SECONDS: Final = 60
TOKEN_TYP: Final = "at+jwt"  # noqa: S105 - a media type, not a password
TOKEN_SECONDS: Final = 600
LEEWAY_SECONDS: Final = 5
"""How much the clocks of two nodes may differ."""
MAX_SCOPE_CHARS: Final = 4096
LOG_READ: Final = Scope.LOG_READ.value
_COLLECTION_DIGITS: Final = 5  # collections are u16


class CallerKind(StrEnum):
    """The two kinds of clients."""

    PEER = "peer"
    PARTNER = "partner"


def open_scope(collection: int) -> str:
    """The scope to read openings of one collection."""
    return f"{Scope.OPEN.value}:{collection}"


def query_scope(subset: str) -> str:
    """The scope to follow one subset and have look-ups in it evaluated."""
    return f"{Scope.QUERY.value}:{subset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What the directory knows of one key of one client."""

    client: str
    kind: CallerKind
    key: AuthPublicKey
    scopes: frozenset[str]
    tls_spki_sha256: frozenset[bytes] = frozenset()
    """TLS keys that are the client's own, by their pins; a partner has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking, with the scopes of the token presented, not all those of the client."""

    client: str
    kind: CallerKind
    scopes: frozenset[str]

    @property
    def reads_logs(self) -> bool:
        """Whether checkpoints, tiles and entries of lists may be read."""
        return LOG_READ in self.scopes

    @property
    def collections(self) -> frozenset[int]:
        """Collections whose openings may be read."""
        return opened_collections(self.scopes)

    @property
    def subsets(self) -> frozenset[str]:
        """Names of the subsets that may be followed and queried."""
        return _arguments(self.scopes, Scope.QUERY)


class CallerDirectory(Protocol):
    """The clients that this node knows."""

    def credential(self, client: str, kid: str) -> Credential | None:
        """The credential of `client` whose key has this id, if it may be used now."""
        ...


Recognise = Callable[[str], Awaitable[bool]]
"""Told the name of a caller whose key is not known; whether more is known of it now, so that asking again may help."""


def opened_collections(scopes: frozenset[str]) -> frozenset[int]:
    """Collections whose openings these scopes read; an unreadable scope reads nothing."""
    return frozenset(int(text) for text in _arguments(scopes, Scope.OPEN) if _is_collection(text))


def _arguments(scopes: frozenset[str], kind: Scope) -> frozenset[str]:
    prefix = f"{kind.value}:"
    return frozenset(scope[len(prefix) :] for scope in scopes if scope.startswith(prefix) and scope != prefix)


def _is_collection(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _COLLECTION_DIGITS and str(int(text)) == text
