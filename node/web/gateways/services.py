"""What stands behind the daemon's HTTP side, and what its handlers share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from node.ports.inspection import Inspector
from node.ports.verdicts import Outcome, Verdict, blocks

RETRY_SECONDS: Final = 60
"""The node is asked again at least this often, whatever happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServices:
    """Made by whoever runs the daemon."""

    inspector: Inspector
    standing: Callable[[], Mapping[str, Any]]
    """What `/health` answers; `serving` says whether verdicts are given."""
    metrics: Callable[[], bytes]
    bearer: bytes = b""
    """What a request must show; empty: nothing is asked for."""
    hosts: frozenset[str] = frozenset()
    """Names under which it is reached, beside those of the loopback."""
    fail_closed: bool = False
    piece_seconds: float = 30.0
    """Between two pieces of a body."""
    body_seconds: float = 300.0
    """For a whole body."""

    def blocks(self, verdict: Verdict) -> bool:
        """Whether a file must not pass."""
        return blocks(verdict, fail_closed=self.fail_closed)


def is_match(verdict: Verdict) -> bool:
    """Whether a file is told as a match in shapes that know nothing else; raises 503 for what is unknown.

    Whoever asks in such a shape would read "no match" as "not on the list".
    """
    if verdict.outcome is Outcome.UNKNOWN:
        raise unavailable(verdict.reason)
    return verdict.outcome in {Outcome.HIT, Outcome.TEST_FILE}


def unavailable(reason: str) -> web.HTTPServiceUnavailable:
    """A 503 for a file that may be asked about again."""
    return web.HTTPServiceUnavailable(
        text=f"not looked up: {reason}", headers={"Retry-After": str(RETRY_SECONDS)}
    )


SERVICES: Final = web.AppKey("local-services", LocalServices)


def services_of(request: web.Request) -> LocalServices:
    """The services of the application that got the request."""
    return request.app[SERVICES]
