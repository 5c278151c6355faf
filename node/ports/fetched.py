"""Record of what partners fetched: of each the newest release of its subset alone, and since when.

Nothing is in it of what a partner looked up: that is not known to the node at all.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedRelease:
    """The newest release of which a partner was sent every file; whether it kept them is not known."""

    partner: str
    subset: str
    version: int
    fetched_ms: int
    """When the last of them was sent, for the first time."""
    made_ms: int
    """When the release was made."""
