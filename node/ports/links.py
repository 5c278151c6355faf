"""A connection to a peer, as syncing needs it."""

from typing import Protocol

from protocol.api import PeerApi


class PeerLink(PeerApi, Protocol):
    """What a peer offers us, and what it says that it lets us read."""

    async def granted(self) -> frozenset[int]:
        """Collections whose openings the peer gives us, in its own words: of these it must open every entry."""
        ...
