"""Record and table of what partners fetched: of each the newest release of its subset alone, and since when.

Nothing is in it of what a partner looked up: that is not known to the node at all.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


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


class FetchedTable(Protocol):
    """Which release each partner fetched last."""

    def put(self, partner: str, subset: str, version: int, *, now_ms: int) -> None:
        """Keep that a partner fetched a release, in place of an older one; of one that it has, nothing changes."""
        ...

    def of(self, partners: Collection[str]) -> Mapping[str, FetchedRelease]:
        """What each of some partners fetched last, by its name; who fetched nothing is not in it."""
        ...

    def counts(self, subset: str) -> Mapping[int, int]:
        """How many partners, suspended ones not among them, fetched last which version."""
        ...

    def behind(self, subset: str, version: int, *, limit: int) -> Sequence[tuple[str, FetchedRelease | None]]:
        """Partners of a subset that have not fetched `version`, with what they have, the furthest behind first.

        Suspended ones are not among them: they can fetch nothing.
        """
        ...
