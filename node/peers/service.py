"""Serving peers the node's own lists, and openings that both grant and token cover.

The grant is read again for every caller, so a changed or damaged one takes effect at once; what a token was given
before never widens it.
"""

from dataclasses import replace

from node.access.grants import stored_grant
from node.clock import Clock
from node.errors import NotFoundError
from node.peers.log_service import CallerLogs
from node.ports.callers import Caller
from node.store.store import Store
from protocol.lists.grant import NOTHING, Grant


class ServedPeers:
    """Makes the API of one calling peer."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def for_caller(self, caller: Caller) -> CallerLogs:
        """What `caller` may read."""
        return CallerLogs(self._store, self._clock, self._grant(caller))

    def _grant(self, caller: Caller) -> Grant:
        try:
            with self._store.read() as unit:
                grant = stored_grant(unit.peers.get(caller.client))
        except NotFoundError:
            return NOTHING
        return replace(grant, collections=grant.collections & caller.collections)
