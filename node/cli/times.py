"""Times as people read them."""

from datetime import UTC, datetime


def moment(time_ms: int) -> str:
    """A time for people, in UTC; `never` for 0."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC" if time_ms else "never"
