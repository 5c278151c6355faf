"""Following a release log: from what is held to its newest checkpoint, manifest by manifest.

Only a checkpoint that continues the one held is accepted, every manifest on the way must be allowed to follow the one
before, and together they must hash to the signed root. Only the last is kept: a log of any length costs the memory of
one bundle. Which files belong to it is `updating`'s matter.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from node.errors import VerificationError
from node.partner.knowing import Known
from node.partner.state import Cursor
from protocol.api import LogApi
from protocol.errors import RootMismatchError
from protocol.history import follow
from protocol.limits import BUNDLE_WIDTH
from protocol.subset.manifest import Manifest
from protocol.subset.release import check_successor
from protocol.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.tiles import decode_bundle

MAX_NEW_RELEASES: Final = 1_000_000
"""A release an hour for a hundred years; a log that claims more is a way to keep a partner busy for ever."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where the log is now; `manifest` is its last leaf, None when that is held already."""

    cursor: Cursor
    manifest: Manifest | None


@dataclass(slots=True)
class _Walk:
    """The leaves taken so far: the tree over them, those of the last partial bundle, and the last manifest."""

    tree: CompactRange
    tail: list[bytes]
    last: Manifest | None
    must_pass: tuple[int, bytes] | None = None
    """Size and root of a checkpoint that is held and lies ahead."""
    seen: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        self.seen = self.must_pass is None

    def take(self, leaf: bytes) -> None:
        manifest = Manifest.from_bytes(leaf)
        if self.last is not None:
            check_successor(self.last, manifest)
        self.last = manifest
        self.tree.extend([leaf_hash(leaf)])
        self.tail = [*self.tail, leaf] if self.tree.size % BUNDLE_WIDTH else []
        if self.must_pass is not None and self.tree.size == self.must_pass[0]:
            self.seen = self.tree.root() == self.must_pass[1]


class ReleaseLog:
    """The release log `origin`, read through `api` and believed because of `known`."""

    def __init__(self, api: LogApi, origin: str, known: Known) -> None:
        self._api = api
        self._origin = origin
        self._known = known

    async def advance(self, cursor: Cursor, *, last: Manifest | None, now: datetime) -> Step:
        """What follows after `cursor`, whose last manifest is `last`.

        Raises:
            RollbackError, ForkError: the node signed something that contradicts the checkpoint held.
            ProtocolError: something else does not verify.
            VerificationError: there is no checkpoint, or one that claims more releases than there can be.
        """
        note = await self._api.checkpoint(self._origin, held=cursor.note or None)
        if note is None and cursor.note:
            return Step(cursor, None)
        offered = self._open(note, now)
        follow(self._held(cursor), offered)
        if offered.checkpoint.size == cursor.version:
            # The same head under newer keys: kept, because the old ones leave the node document one day.
            return Step(replace(cursor, note=offered.note), None)
        tree = CompactRange.from_bytes(cursor.frontier) if cursor.frontier else CompactRange()
        return await self._walk(_Walk(tree, list(cursor.tail), last), offered)

    async def again(self, cursor: Cursor, *, now: datetime) -> Step:
        """Everything from the first release on, as if nothing but the checkpoint at `cursor` were held.

        Raises as `advance`.
        """
        offered = self._open(await self._api.checkpoint(self._origin, held=None), now)
        held = self._held(cursor)
        follow(held, offered)
        passing = None if held is None else (held.checkpoint.size, held.checkpoint.root)
        return await self._walk(_Walk(CompactRange(), [], None, passing), offered)

    def _open(self, note: bytes | None, now: datetime) -> SignedCheckpoint:
        if note is None:
            raise VerificationError("the node says that its checkpoint is the one held, and none is held")
        offered = open_checkpoint(note, origin=self._origin, log_keys=self._known.log_keys(self._origin, now))
        if offered.checkpoint.size == 0:
            raise VerificationError("the release log is empty: it has a checkpoint and no release")
        return offered

    def _held(self, cursor: Cursor) -> SignedCheckpoint | None:
        """The checkpoint held, opened under every key that the node document has for the log, past ones too."""
        if not cursor.note:
            return None
        keys = self._known.all_log_keys(self._origin)
        return open_checkpoint(cursor.note, origin=self._origin, log_keys=keys)

    async def _walk(self, walk: _Walk, offered: SignedCheckpoint) -> Step:
        size = offered.checkpoint.size
        if size - walk.tree.size > MAX_NEW_RELEASES:
            raise VerificationError(f"the release log claims {size} releases, more than there can be")
        while walk.tree.size < size:
            for leaf in await self._next_leaves(walk, size):
                walk.take(leaf)
        if walk.tree.root() != offered.checkpoint.root or not walk.seen:
            raise RootMismatchError("the manifests do not hash to the signed root of the release log")
        cursor = Cursor(version=size, note=offered.note, frontier=walk.tree.to_bytes(), tail=tuple(walk.tail))
        return Step(cursor, walk.last)

    async def _next_leaves(self, walk: _Walk, size: int) -> list[bytes]:
        """The leaves of the next bundle; what overlaps with those taken must be equal."""
        index = walk.tree.size // BUNDLE_WIDTH
        width = min(BUNDLE_WIDTH, size - index * BUNDLE_WIDTH)
        leaves = decode_bundle(await self._api.entries(self._origin, index=index, width=width), width)
        overlap = len(walk.tail)
        if list(leaves[:overlap]) != walk.tail:
            raise RootMismatchError("the release log changed manifests that were already followed")
        return list(leaves[overlap:])
