"""Objects in a bucket, listed and read as a stream.

Credentials, region and endpoint come from the environment (`AWS_…`), as other tools have them, and never from a command
line. An object whose ETag and size are those of before is not read again. What is not too large is hashed in a process
of its own, like any file; a larger one while it arrives, without a look into it. Nothing of it touches a disk.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from node.errors import UsageError
from node.hashing.file_hashes import Fault, Hashed
from node.hashing.open_files import HashProcesses, write_whole
from node.hashing.plan import HashPlan
from node.hashing.read import StreamHasher
from node.hoster.scan.reader import Hashing, Read
from node.hoster.scan.sources import Item
from node.objects.bucket import SCHEME, s3_store

if TYPE_CHECKING:
    from obstore import ObjectMeta

_HELD_BYTES: Final = 64 * 2**20
"""Larger objects are not held in memory, so nothing looks into them."""
_LARGE: Final = f"not looked into: larger than {_HELD_BYTES // 2**20} MiB, and in a bucket"
_CHUNK_BYTES: Final = 4 * 2**20
_AHEAD: Final = 4
"""Objects for each process that are fetched at the same time."""
_PAGE: Final = 1000
_PATIENCE: Final = timedelta(seconds=30)
"""For one request, with all its repetitions."""


class Bucket:
    """What lies below `s3://bucket/prefix`; a prefix ends where a slash does."""

    def __init__(self, source: str) -> None:
        name, _, prefix = source.removeprefix(SCHEME).partition("/")
        if not name:
            raise UsageError("{source} names no bucket", source, hint="s3://BUCKET or s3://BUCKET/PREFIX")
        self._source = source
        self._name = name
        self._prefix = prefix.strip("/")
        self._store = s3_store(name, retry_config={"max_retries": 4, "retry_timeout": _PATIENCE})

    def items(self) -> Iterator[Item]:
        """All objects in the order of their keys; a listing that breaks off is a result of its own.

        A key that the client cannot name, as of a folder without a name, breaks off the listing it is in. Whoever
        uploads chooses keys: then each folder is listed by itself, and the one with that key is the result.
        """
        empty = True
        try:
            for page in self._store.list(self._prefix or None, chunk_size=_PAGE):
                for found in page:
                    empty = False
                    yield self._item(found)
            if empty and self._prefix:
                yield self._item(self._store.head(self._prefix))
        except Exception as exc:  # noqa: BLE001 - whatever the storage does is no end of a run
            if type(exc).__name__ == _UNNAMEABLE:
                yield from self._folders()
            else:
                yield Item(self._source, os.fsencode(self._source), 0, "", _words(exc))

    def _folders(self) -> Iterator[Item]:
        """The same, a folder after the other."""
        waiting = [self._prefix]
        while waiting:
            folder = waiting.pop()
            try:
                found = self._store.list_with_delimiter(folder or None)
            except Exception as exc:  # noqa: BLE001 - as above
                yield Item(self._source, os.fsencode(f"{SCHEME}{self._name}/{folder}"), 0, "", _words(exc))
                continue
            yield from map(self._item, found["objects"])
            waiting += reversed(found["common_prefixes"])

    def hashing(self, jobs: int, plan: HashPlan) -> Hashing:
        """Reads the objects that `items` gave."""

        def hashing(items: Iterator[Item]) -> Iterator[Read]:
            with asyncio.Runner() as runner:
                reading = self._read_all(items, jobs, plan)
                while (read := runner.run(_next(reading))) is not None:
                    yield read

        return hashing

    async def _read_all(self, items: Iterator[Item], jobs: int, plan: HashPlan) -> AsyncIterator[Read]:
        waiting: set[asyncio.Future[Read]] = set()
        async with HashProcesses(jobs, plan) as processes:
            try:
                for item in items:
                    waiting.add(asyncio.create_task(self._read(item, processes, plan)))
                    if len(waiting) < jobs * _AHEAD:
                        continue
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        yield task.result()
                for task in asyncio.as_completed(waiting):
                    yield await task
            finally:
                for each in waiting:
                    each.cancel()

    async def _read(self, item: Item, processes: HashProcesses, plan: HashPlan) -> Read:
        if not item.size:  # as the markers of folders, which cannot be fetched: their keys end in a slash
            return Read(item, Hashed(0, ()))
        key = os.fsdecode(item.path).removeprefix(f"{SCHEME}{self._name}/")
        try:
            got = await self._store.get_async(key)
            now = self._item(got.meta)
            stream = got.stream(min_chunk_size=_CHUNK_BYTES)
            if now.size > _HELD_BYTES:
                hashed = await _hash_stream(stream, plan)
            else:
                hashed = await _hash_held(stream, processes)
        except Exception as exc:  # noqa: BLE001 - one object must not end a run
            return Read(item, None, _words(exc))
        return Read(item, hashed, now=None if item.mark.startswith(f"{now.mark}:") else now)

    def _item(self, found: "ObjectMeta") -> Item:
        mark = found["e_tag"] or str(found["last_modified"])
        path = os.fsencode(f"{SCHEME}{self._name}/{found['path']}")
        return Item(self._source, path, found["size"], f"{mark}:{found['size']}")


async def _hash_held(stream: AsyncIterator[bytes], processes: HashProcesses) -> Hashed:
    descriptor = os.memfd_create("object", os.MFD_CLOEXEC)
    try:
        async for chunk in stream:
            write_whole(descriptor, chunk)
        return await processes.hash(descriptor)
    finally:
        os.close(descriptor)


async def _hash_stream(stream: AsyncIterator[bytes], plan: HashPlan) -> Hashed:
    """Exact hashes alone: no decoder runs in this process, so a hostile object takes no more than its time."""
    hasher = StreamHasher(replace(plan, images=False, archives=False))
    async for chunk in stream:
        await asyncio.to_thread(hasher.update, bytes(chunk))
    hashed = hasher.finish()
    # Of what has no kind, as of a film, there is nothing to look into.
    if hasher.kind is not None and (plan.images or plan.archives):
        return replace(hashed, faults=(*hashed.faults, Fault("", _LARGE)))
    return hashed


async def _next(reading: AsyncIterator[Read]) -> Read | None:
    return await anext(reading, None)


def _words(error: Exception) -> str:
    """Why an object cannot be read. What the storage itself says may hold addresses with credentials in them."""
    return _REASONS.get(type(error).__name__, f"the storage failed ({type(error).__name__})")


_UNNAMEABLE: Final = "InvalidPathError"
_DENIED: Final = "the storage denies access: see the AWS_ variables of the environment"
_REASONS: Final = {
    "NotFoundError": "there is no such bucket or object",
    "FileNotFoundError": "there is no such bucket or object",
    _UNNAMEABLE: "a key in it has a part that is empty, . or .., which cannot be listed: rename that object",
    "PermissionDeniedError": _DENIED,
    "UnauthenticatedError": _DENIED,
}
