"""Who looks: a person of this node with an open session."""

from typing import Protocol

from node.services.access.sessions import Visitor

__all__ = ("Door", "Visitor")


class Door(Protocol):
    """Knows sessions by their tokens."""

    def find(self, token: str) -> Visitor | None:
        """Whose open session this is, which is used now; None for no, or no longer, one."""
        ...

    def glance(self, token: str) -> Visitor | None:
        """As `find`, for a page that asks by itself: that is no use."""
        ...
