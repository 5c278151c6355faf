"""What stands behind the daemon's HTTP side, and what its handlers share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.ports.inspecting import Inspector
from node.ports.judging import Outcome, Verdict, blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServices:
    """Made by whoever runs the daemon."""

    inspector: Inspector
    standing: Callable[[], Mapping[str, str | int | bool]]
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


def is_match(services: LocalServices, verdict: Verdict) -> bool:
    """Whether a file is told as a match in shapes that know nothing else.

    What is unknown is none where files pass; where they must not, 503 is raised.
    """
    if verdict.outcome is Outcome.UNKNOWN and services.fail_closed:
        raise web.HTTPServiceUnavailable(text=f"not looked up: {verdict.reason}")
    return verdict.outcome in {Outcome.HIT, Outcome.TEST_FILE}


SERVICES: Final = web.AppKey("local-services", LocalServices)


def services_of(request: web.Request) -> LocalServices:
    """The services of the application that got the request."""
    return request.app[SERVICES]
