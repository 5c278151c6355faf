"""Which release each partner fetched last: written once for a partner and release, when it was sent every file of it.

The files are asked for one by one, and a partner that only learns what a release takes away asks for one of them; so
which were sent is remembered here, of the newest release of each partner, until it was all of them. A node that stops
in between has forgotten: then this release is not recorded, the next one is. What cannot be written keeps no partner
from its release.
"""

import asyncio
from collections.abc import Collection

from node.clock import Clock, milliseconds
from node.errors import NodeError
from node.journal import Journal
from node.store.store import Store
from protocol.messages import ReleasePart

_journal = Journal("fetched")


class Fetches:
    """What partners of one node were sent; used by one event loop, which no writing holds up."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._sent: dict[tuple[str, str], tuple[int, frozenset[ReleasePart]]] = {}
        """By partner and subset: as many at most as are enrolled."""

    async def sent(
        self, partner: str, subset: str, version: int, part: ReleasePart, *, parts: Collection[ReleasePart]
    ) -> None:
        """A partner was sent one of the `parts` of a release; raises nothing."""
        newest, before = self._sent.get((partner, subset), (0, frozenset()))
        if version < newest:
            return
        before = before if version == newest else frozenset()
        now = before | {part}
        self._sent[partner, subset] = (version, now)
        if now == before or now < frozenset(parts):
            return
        try:
            await asyncio.to_thread(self._record, partner, subset, version)
        except NodeError as exc:
            self._sent.pop((partner, subset), None)
            _journal.warning("unrecorded", partner=partner, subset=subset, release=version, reason=str(exc))

    def _record(self, partner: str, subset: str, version: int) -> None:
        with self._store.write() as unit:
            unit.fetched.put(partner, subset, version, now_ms=milliseconds(self._clock.now()))
