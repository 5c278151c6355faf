"""Making the deltas that are asked for and not there: each once, on a thread of its own.

After a release all partners ask within minutes. A delta takes seconds of computing, so those who ask for the same one
wait for it together, and none of it runs on the threads that check tokens and read the store.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from node.objects.release_files import ReleaseFolder
from node.store.subsets.records import ReleaseRecord


class Deltas:
    """Makes deltas for one event loop. A context manager: leaving it waits for the one being made."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="deltas")
        self._running: dict[tuple[str, int], asyncio.Future[None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    async def make(self, folder: ReleaseFolder, since: ReleaseRecord) -> None:
        """See that the deltas of a release from `since` are there; raises `StoreError` for a damaged release."""
        key = (folder.prefix, since.version)
        running = self._running.get(key)
        if running is None:
            loop = asyncio.get_running_loop()
            running = self._running[key] = loop.run_in_executor(self._executor, folder.make_deltas, since)
            running.add_done_callback(lambda done: self._forget(key, done))
        await asyncio.shield(running)  # one who hangs up must not stop it for the others

    def _forget(self, key: tuple[str, int], done: asyncio.Future[None]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # seen by those who wait, or by nobody when all of them have left
