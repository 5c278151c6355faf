"""Limits of the server that an operator may want to change, with defaults for one machine."""

from dataclasses import dataclass

from node.config import Listener


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Rates are per minute; bursts are what may come at once after a quiet time."""

    peer_per_minute: int = 30_000
    """Requests of one agency: a first sync of ten million events asks for 80,000 bundles and openings."""
    partner_per_minute: int = 6000
    caller_burst: int = 3000
    """Of any authenticated client."""
    address_per_minute: int = 600
    """Requests from one address without a token that was verified lately (trust files, enrolment, new tokens)."""
    address_burst: int = 300
    """A partner's first update asks for three files of each member, and several partners may share an address."""
    body_seconds: float = 30.0
    """Time for a request body to arrive."""


def web_settings(listener: Listener) -> WebSettings:
    """What the configuration of a listener says."""
    return WebSettings(
        address_per_minute=listener.requests_per_address, address_burst=listener.requests_at_once
    )


MAX_FORM_BYTES = 16 * 1024
"""Body of a token request: an assertion is about 400 bytes."""

KEEPALIVE_SECONDS = 75.0
"""Idle connections, and those whose first request does not arrive, are closed after this."""

STALL_SECONDS = 60.0
"""A client that takes nothing of its reply for this long is cut off."""

MAX_HEADERS = 64
MAX_HEADER_BYTES = 8190
"""Of one line of a head: before anything is known of a client, it makes the server hold as many as `MAX_HEADERS`."""
