"""`Client`: the methods of `AsyncClient` for programs without asyncio.

The work is done by an event loop in a thread of the client's own, so the client may be used from any number of threads,
and in a notebook whose own loop is running.
"""

import asyncio
import os
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from os import PathLike
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from node.errors import UsageError
from node.hashing.plan import HashPlan
from node.sdk.async_client import DEFAULT_JOBS, AsyncClient
from node.sdk.partition import Key, Row
from node.sdk.results import DisclosedResult, FileResult, HitResult, ReportResult, StatusResult, UpdateResult
from node.sdk.screen import Screen

_Value = TypeVar("_Value")


class Client:
    """Asks about files, and does what is to be done about hits. A context manager; any thread may use it."""

    def __init__(
        self,
        home: str | PathLike[str] | None = None,
        *,
        jobs: int = DEFAULT_JOBS,
        plan: HashPlan | None = None,
        subset: str = "",
    ) -> None:
        """As `AsyncClient`."""
        self._made = (home, jobs, plan, subset)
        self._worker: _Worker | None = None
        self._inner: AsyncClient | None = None

    def __enter__(self) -> Self:
        """As `AsyncClient.__aenter__`."""
        home, jobs, plan, subset = self._made
        self._worker = _Worker()
        try:
            self._inner = self._worker.run(_opened(AsyncClient(home, jobs=jobs, plan=plan, subset=subset)))
        except BaseException:
            self._worker.end()
            self._worker = None
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        worker, inner, self._worker, self._inner = self._worker, self._inner, None, None
        if worker is None or inner is None:
            return
        try:
            worker.run(inner.__aexit__(kind, error, trace))
        finally:
            worker.end()

    def check_file(self, path: str | PathLike[str], name: str = "") -> FileResult:
        """As `AsyncClient.check_file`."""
        return self._run(self._client.check_file(path, name))

    def check_bytes(self, data: bytes, name: str = "") -> FileResult:
        """As `AsyncClient.check_bytes`."""
        return self._run(self._client.check_bytes(data, name))

    def check_hashes(self, hashes: Mapping[str, str], name: str = "") -> FileResult:
        """As `AsyncClient.check_hashes`."""
        return self._run(self._client.check_hashes(hashes, name))

    def confirm(self, rows: Iterable[Row[Key]]) -> list[FileResult]:
        """As `AsyncClient.confirm`."""
        return self._run(self._client.confirm(list(rows)))

    def screen(self) -> Screen:
        """As `AsyncClient.screen`."""
        return self._run(self._client.screen())

    def hits(self) -> list[HitResult]:
        """As `AsyncClient.hits`."""
        return self._run(self._client.hits())

    def report(self, *ids: str, to: Sequence[str] = ()) -> ReportResult:
        """As `AsyncClient.report`."""
        return self._run(self._client.report(*ids, to=to))

    def disclose(self, *paths: str | PathLike[str]) -> list[DisclosedResult]:
        """As `AsyncClient.disclose`."""
        return self._run(self._client.disclose(*paths))

    def resolve(self, hit_id: str, action: str) -> HitResult:
        """As `AsyncClient.resolve`."""
        return self._run(self._client.resolve(hit_id, action))

    def dispute(self, hit_id: str, reason: str, contact: str = "") -> HitResult:
        """As `AsyncClient.dispute`."""
        return self._run(self._client.dispute(hit_id, reason, contact))

    def status(self) -> StatusResult:
        """As `AsyncClient.status`."""
        return self._run(self._client.status())

    def update(self) -> UpdateResult:
        """As `AsyncClient.update`."""
        return self._run(self._client.update())

    @property
    def _client(self) -> AsyncClient:
        if self._inner is None:
            raise UsageError("the client is not open", hint="use it in a with block")
        return self._inner

    def _run(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        assert self._worker is not None, "there is an inner client"
        return self._worker.run(work)


class _Worker:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._process = os.getpid()
        self._thread = Thread(target=self._loop.run_forever, name="sigfed", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        if os.getpid() != self._process:
            work.close()  # the thread is not in a forked process: waiting for it would never end
            raise UsageError(
                "the client was opened before this process was forked", hint="open one in each process"
            )
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:  # an interrupt among them: nobody waits for the answer any more
            future.cancel()
            raise

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


async def _opened(client: AsyncClient) -> AsyncClient:
    return await client.__aenter__()
