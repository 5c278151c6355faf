"""Serving peers: trust files, the node's own lists, and openings that both grant and token cover.

The grant is read again for every caller, so a changed or damaged one takes effect at once; what a token was given
before never widens it.
"""

from dataclasses import replace

from node.clock import Clock
from node.errors import NotFoundError
from node.ports.callers import Caller
from node.services.access.callers import stored_grant
from node.services.peers.holding import CallerLogs, Holding
from node.services.storage.shelf import Shelf
from node.services.trust.serving_trust import ForwardedTrust
from protocol.api import PeerApi, TrustApi
from protocol.grant import NOTHING, Grant


class ServedPeers:
    """Makes the API of one calling peer."""

    def __init__(self, shelf: Shelf, trust: TrustApi, clock: Clock) -> None:
        self._shelf = shelf
        self._trust = trust
        self._clock = clock

    def for_caller(self, caller: Caller) -> PeerApi:
        """What `caller` may read."""
        logs = Holding(self._shelf, self._clock).for_caller(self._grant(caller))
        return ServedPeer(self._trust, logs)

    def _grant(self, caller: Caller) -> Grant:
        try:
            with self._shelf.storage.read() as unit:
                grant = stored_grant(unit.peers.get(caller.client))
        except NotFoundError:
            return NOTHING
        return replace(grant, collections=grant.collections & caller.collections)


class ServedPeer(ForwardedTrust):
    """`protocol.api.PeerApi` for one caller."""

    def __init__(self, trust: TrustApi, logs: CallerLogs) -> None:
        super().__init__(trust)
        self._logs = logs

    async def checkpoint(self, origin: str, *, held: bytes | None) -> bytes | None:
        """The newest signed note, or None when it is the `held` one."""
        return await self._logs.checkpoint(origin, held=held)

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        """`width * 32` bytes of hashes."""
        return await self._logs.tile(origin, level=level, index=index, width=width)

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """The entry bundle `index` with `width` entries, without the `first` ones."""
        return await self._logs.entries(origin, index=index, width=width, first=first)

    async def openings(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """`width` openings without the `first` ones; length 0 is withheld."""
        return await self._logs.openings(origin, index=index, width=width, first=first)

    async def granted(self) -> Grant:
        """What the caller may read: its grant, as far as its token covers it."""
        return await self._logs.granted()
