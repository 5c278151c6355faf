"""Clients that keep asking while something is replaced under them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.fakes_api import LIST, Loopback

_PATIENCE_SECONDS = 60.0


class KeepAsking:
    """Clients of one node, each asking on a connection that stays and on new ones by turns; no request may fail."""

    def __init__(self, node: Loopback, pins: frozenset[bytes]) -> None:
        self._node = node
        self._pins = pins
        self._answered: list[int] = []

    async def ask(self) -> None:
        """Ask until the task is cancelled."""
        place = len(self._answered)
        self._answered.append(0)
        async with self._node.as_peer(pins=self._pins) as lasting:
            while True:
                assert await lasting.checkpoint(LIST, held=None)
                async with self._node.as_peer(pins=self._pins) as new:
                    assert await new.checkpoint(LIST, held=None)
                self._answered[place] += 1

    async def more(self) -> None:
        """Wait until every client was answered twice more."""
        before = list(self._answered)
        while not before or any(now < then + 2 for then, now in zip(before, self._answered, strict=True)):
            await asyncio.sleep(0.01)
            before = before or list(self._answered)


@asynccontextmanager
async def kept_asking(node: Loopback, *, pins: frozenset[bytes]) -> AsyncIterator[KeepAsking]:
    """Three clients that ask as long as the block runs; it ends with the failure of any of them."""
    load = KeepAsking(node, pins)
    async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        tasks = [group.create_task(load.ask()) for _ in range(3)]
        await asyncio.sleep(0)
        await load.more()
        yield load
        await load.more()
        for task in tasks:
            task.cancel()
