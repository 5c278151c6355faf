"""Who looks: a person of this node with an open session."""

from dataclasses import dataclass
from typing import Protocol

from node.ports.persons import PersonRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A person with an open session."""

    person: str
    role: PersonRole
    csrf: str
    """What each of its forms must hold."""
    proved_ms: int
    """When it last showed a passkey."""
    language: str = ""
    """Chosen by the person; empty: as the browser asks."""


class Door(Protocol):
    """Knows sessions by their tokens."""

    def find(self, token: str) -> Visitor | None:
        """Whose open session this is; None for no, or no longer, one."""
        ...
