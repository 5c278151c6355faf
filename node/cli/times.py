"""Times as people read them."""

from node.clock import minute


def moment(time_ms: int) -> str:
    """A time for people, in UTC; `never` for 0."""
    return minute(time_ms) if time_ms else "never"
