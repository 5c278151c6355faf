"""Serving partners: the release logs and files of their subsets, evaluation in their name."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from node.errors import GoneError, MissingObjectError, NotFoundError
from node.objects.logfiles import LogFiles, read_at_head
from node.objects.release_files import ReleaseFolder
from node.partners.evaluate import Evaluating
from node.partners.fetches import Fetches
from node.partners.parameters import require_subset
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord
from node.subsets.deltas import Deltas
from protocol.api import ReleaseApi
from protocol.errors import TooLargeError
from protocol.messages import EvaluationReply, EvaluationRequest, ReleasePart
from protocol.subset.spliced_octets import Laid
from protocol.tlog.tiles import Tile, cut_bundle


@dataclass(frozen=True, slots=True)
class ServedSubsets:
    """Makes the API of one calling partner."""

    store: Store
    evaluating: Evaluating
    deltas: Deltas
    fetches: Fetches

    def for_partner(self, partner: str, subsets: frozenset[str]) -> ReleaseApi:
        """What `partner` may follow and ask: these subsets."""
        return ServedSubset(self, partner, subsets)


class ServedSubset:
    """`protocol.api.ReleaseApi` for one partner."""

    def __init__(self, services: ServedSubsets, partner: str, subsets: frozenset[str]) -> None:
        self._services = services
        self._store = services.store
        self._partner = partner
        self._subsets = subsets

    async def checkpoint(self, origin: str, *, held: bytes | None) -> bytes | None:
        """The newest signed note of a release log, or None when it is the `held` one.

        Raises:
            NotFoundError: not a subset of this partner, or not released yet.
        """
        log = await asyncio.to_thread(self._log, origin)
        if log.note is None:
            raise NotFoundError("this subset has no release yet", hint="the agency makes the first one")
        return None if log.note == held else log.note

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        """`width * 32` bytes of hashes; raises `NotFoundError` beyond the log."""
        return await asyncio.to_thread(
            self._read, origin, lambda files, size: files.tile(Tile(level, index, width), size=size)
        )

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """The bundle `index` of manifests with `width` entries, without the `first`; raises `NotFoundError`."""
        if not 0 <= first < width:
            raise NotFoundError("the log has no such entry")
        data = await asyncio.to_thread(
            self._read, origin, lambda files, size: files.entries(index, width, size=size)
        )
        return cut_bundle(data, width, first)

    async def release_part(
        self, subset: str, *, version: int, part: ReleasePart, since: int | None, max_bytes: int | None = None
    ) -> Laid:
        """One file of a release: whole, or the delta from version `since` where there is one.

        That the partner was sent all of a release is recorded, once.

        Raises:
            NotFoundError: not a subset of this partner, no such release, or no such file in it.
            GoneError: the release is so old that its files are not kept.
            TooLargeError: the file has more than `max_bytes`.
        """
        folder, base, parts = await asyncio.to_thread(self._find, subset, version, part, since)
        if part is ReleasePart.FILTER:
            base = None
        if base is not None and not await asyncio.to_thread(folder.has_deltas, base):
            await self._services.deltas.make(folder, base)
        try:
            data = await asyncio.to_thread(folder.part, part, since=base)
        except MissingObjectError as exc:
            if part is not ReleasePart.FILTER:
                raise
            raise NotFoundError("this release was made without a filter that could be served") from exc
        if max_bytes is not None and len(data) > max_bytes:
            raise TooLargeError("release file: more than {max_bytes} bytes", max_bytes)
        if part in parts:
            await self._services.fetches.sent(self._partner, subset, version, part, parts=parts)
        return data

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        """Evaluate a batch of blinded elements; raises as `Evaluating.evaluate`."""
        require_subset(subset, self._subsets)
        return await self._services.evaluating.evaluate(self._partner, subset, request)

    def _log(self, origin: str) -> LogRecord:
        with self._store.read() as unit:
            for subset in sorted(self._subsets):
                record = unit.subsets.get(subset)
                if record.origin == origin:
                    return unit.logs.get(origin)
        raise NotFoundError("this partner has no such subset")

    def _read(self, origin: str, read: Callable[[LogFiles, int], bytes]) -> bytes:
        return read_at_head(self._store, lambda: self._log(origin), read)

    def _find(
        self, subset: str, version: int, part: ReleasePart, since: int | None
    ) -> tuple[ReleaseFolder, ReleaseRecord | None, Collection[ReleasePart]]:
        require_subset(subset, self._subsets)
        with self._store.read() as unit:
            parts = _parts(has_labels=unit.subsets.get(subset).filter.labels)
            releases = {record.version: record for record in unit.releases.ls(subset)}
        if version not in releases:
            raise NotFoundError("this subset has no such release", hint="ask for its newest checkpoint first")
        if part is ReleasePart.LABELS and part not in parts:
            raise NotFoundError("the releases of this subset carry no labels")
        folder = ReleaseFolder(self._store, releases[version])
        if not folder.exists():
            raise GoneError(
                "the files of this release are not kept any more", hint="fetch the newest release"
            )
        return folder, self._base(releases.get(since or 0), version), parts

    def _base(self, since: ReleaseRecord | None, version: int) -> ReleaseRecord | None:
        """What a delta can start from: an earlier release whose files are kept."""
        if since is None or since.version >= version:
            return None
        return since if ReleaseFolder(self._store, since).exists() else None


def _parts(*, has_labels: bool) -> Collection[ReleasePart]:
    both = (ReleasePart.SCREEN, ReleasePart.ANSWERS)
    return (*both, ReleasePart.LABELS) if has_labels else both
