"""Assertions are used once: the port behind which their ids are kept until they expire.

A unique constraint over (issuer, id) implements it, so that several workers on one database cannot both
accept an assertion. See docs/spec/http.md.
"""

from datetime import datetime
from typing import Final, Protocol

MAX_ID_CHARS: Final = 64
"""Length of an assertion's id."""

MAX_LIVE_PER_ISSUER: Final = 1024
"""Ids of one issuer that are remembered: an issuer cannot fill the table."""


class ReplayGuard(Protocol):
    """Remembers which assertions were used."""

    def spend(self, issuer: str, jti: str, *, expires: datetime, now: datetime) -> None:
        """Record the first use of an id; ids that expired before `now` may be forgotten.

        Raises:
            ReplayedError: the id was used before.
            RateLimitedError: the issuer has `MAX_LIVE_PER_ISSUER` unexpired ids.
        """
        ...
