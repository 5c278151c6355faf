"""Who looks: a person of this node with an open session."""

from typing import Protocol

from node.services.access.sessions import Visitor

__all__ = ("Door", "Visitor")


class Door(Protocol):
    """Knows sessions by their tokens."""

    def find(self, token: str) -> Visitor | None:
        """Whose open session this is; None for no, or no longer, one."""
        ...
