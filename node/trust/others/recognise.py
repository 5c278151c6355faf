"""A caller whose key is not known: perhaps its trust files are newer than those held here.

A peer that rotated its keys must not be locked out until the next sync, nor one whose keys were last confirmed more
than seven days ago. Anybody can name a peer, so its files are fetched once a minute at most, and the caller still has
to prove a key that they name. One that cannot be reached is tried again by whoever asks next: a node that starts asks
others before it serves. Whoever asks while it is tried waits for what comes of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from keys.errors import SigfedError
from node.clock import Clock
from node.errors import PeerUnreachableError
from node.journal import Journal
from node.store.store import Store

_SPAN: Final = timedelta(minutes=1)
_journal = Journal("callers")


class Recognising:
    """`node.ports.callers.Recognise` for the peers of this node; `renew` fetches the trust files of one."""

    def __init__(self, store: Store, clock: Clock, renew: Callable[[str], Awaitable[None]]) -> None:
        self._store = store
        self._clock = clock
        self._renew = renew
        self._tried: dict[str, datetime] = {}
        self._trying: dict[str, asyncio.Task[bool]] = {}

    async def __call__(self, client: str) -> bool:
        """Whether the trust files of the peer `client` were fetched just now, so that it is worth asking again."""
        trying = self._trying.get(client)
        if trying is None:
            now = self._clock.now()
            if abs(now - self._tried.get(client, now - _SPAN)) < _SPAN or not self._is_peer(client):
                return False
            self._tried[client] = now
            trying = self._trying[client] = asyncio.create_task(self._try(client))
        return await asyncio.shield(trying)

    async def _try(self, client: str) -> bool:
        try:
            await self._renew(client)
        except SigfedError as exc:
            _journal.info("not-renewed", peer=client, reason=str(exc))
            if isinstance(exc, PeerUnreachableError):
                del self._tried[client]
            return False
        finally:
            del self._trying[client]
        return True

    def _is_peer(self, client: str) -> bool:
        with self._store.read() as unit:
            return unit.peers.find(client) is not None
