"""Replies that are not the answer: which error each becomes.

Nothing of the reply's text is repeated: a hostile node could put anything there, and errors are logged. Only the
problem's type, when it is one of ours, and numbers in a sensible range are taken.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from keys.message import Message
from node.errors import (
    ClockSkewError,
    ForbiddenError,
    GoneError,
    NodeError,
    NotFoundError,
    OverQuotaError,
    PeerRefusedError,
    PeerUnreachableError,
    RateLimitedError,
    ReplayedError,
    TokenExpiredError,
    UnauthenticatedError,
    WrongCertificateError,
)
from protocol.endpoints.endpoint import PROBLEM_TYPE

MAX_PROBLEM_BYTES: Final = 64 * 1024
_MAX_SECONDS: Final = 366 * 86_400
_DEFAULT_RETRY_SECONDS: Final = 60
_HOUR_SECONDS: Final = 3600
_CERTIFICATE_HINT: Final = (
    "it learns the key from our node document at its next sync; call its operators if that was hours ago"
)
_CLOCK_HINT: Final = Message("set this machine's clock (for example: timedatectl set-ntp true) and try again")

_PASSING: Final = frozenset({502, 503, 504})
"""Statuses that say something of the node now, and nothing of what was asked."""
_LATER: Final = Message("nothing was lost: do the same again later; if it stays so, call its operators")
_UNAUTHENTICATED: Final[dict[str, type[UnauthenticatedError]]] = {
    "token-expired": TokenExpiredError,
    "replayed": ReplayedError,
    "wrong-certificate": WrongCertificateError,
}
_BY_STATUS: Final[dict[int, Callable[[str], NodeError]]] = {
    403: lambda node: ForbiddenError("{node} does not allow this", node),
    404: lambda node: NotFoundError("{node} has no such thing", node),
    410: lambda node: GoneError("{node} says this is no longer valid", node),
}


@dataclass(frozen=True, slots=True)
class _Refusal:
    name: str
    facts: Mapping[str, object]

    def seconds(self, name: str, *, default: int) -> int:
        value = self.facts.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            return default
        return max(-_MAX_SECONDS, min(_MAX_SECONDS, value))


def refusal(node: str, *, status: int, body: bytes) -> NodeError:
    """The error for a reply with a status that is not a success; `node` is our name for whom we asked."""
    found = _read(body)
    if status == 401:
        return _unauthenticated(node, found)
    if status == 429:
        return _limited(node, found)
    if status in _BY_STATUS:
        return _BY_STATUS[status](node)
    if status in _PASSING:
        return PeerUnreachableError("{node} cannot answer now (status {status})", node, status, hint=_LATER)
    return PeerRefusedError("{node} refused the request with status {status}", node, status, status=status)


def _unauthenticated(node: str, found: _Refusal) -> NodeError:
    if found.name == "clock-skew":
        ahead = found.seconds("ahead_seconds", default=0)
        return ClockSkewError(
            "this machine's clock is {seconds} s ahead of the clock of {node}"
            if ahead > 0
            else "this machine's clock is {seconds} s behind the clock of {node}",
            abs(ahead),
            node,
            ahead_seconds=ahead,
            hint=_CLOCK_HINT,
        )
    cls = _UNAUTHENTICATED.get(found.name, UnauthenticatedError)
    if cls is WrongCertificateError:
        return WrongCertificateError(
            "{node} does not know the TLS key that this machine presented", node, hint=_CERTIFICATE_HINT
        )
    said = Message("{node} does not accept our credential", node)
    return cls(said, hint="ask its operators whether they ended this access")


def _limited(node: str, found: _Refusal) -> NodeError:
    wait = max(1, found.seconds("retry_after_seconds", default=_DEFAULT_RETRY_SECONDS))
    if found.name == "over-quota":
        return OverQuotaError(
            "the quota at {node} is used up: ask again in {time}", node, _time(wait), retry_after_seconds=wait
        )
    return RateLimitedError(
        "{node} asks us to slow down: ask again in {time}", node, _time(wait), retry_after_seconds=wait
    )


def _time(seconds: int) -> Message:
    if seconds <= _HOUR_SECONDS:
        return Message.counted("{count} minute", "{count} minutes", -(-seconds // 60))
    return Message.counted("{count} hour", "{count} hours", -(-seconds // _HOUR_SECONDS))


def _read(body: bytes) -> _Refusal:
    try:
        facts = json.loads(body[:MAX_PROBLEM_BYTES])
    except (ValueError, RecursionError):
        return _Refusal("", {})
    if not isinstance(facts, dict):
        return _Refusal("", {})
    kind = facts.get("type")
    name = kind.removeprefix(PROBLEM_TYPE) if isinstance(kind, str) else ""
    return _Refusal(name, facts)
