"""Following a release log: from what is held to its newest checkpoint, manifest by manifest.

Only a checkpoint that continues the one held is accepted, every manifest on the way must be allowed to follow the one
before, and together they must hash to the signed root. Only the last is kept: a log of any length costs the memory of
one bundle. A head that too few witnesses stand behind is followed too, beside the one held: it must continue the last
such head, and if the witnessed history turns out not to contain it, that is a fork. Which files belong to a manifest,
and what of it comes in force, is `update`'s matter.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from node.clock import milliseconds
from node.errors import VerificationError
from node.hoster.folder import Cursor
from node.hoster.trust.node import Known
from node.hoster.trust.witness_policy import Backing, backing, backing_of
from protocol.api import LogApi
from protocol.errors import ForkError, MalformedError, RootMismatchError, UntrustedError
from protocol.history import follow
from protocol.limits import BUNDLE_WIDTH
from protocol.subset.manifest import Manifest
from protocol.subset.release import check_successor
from protocol.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from protocol.tlog.conflict import Divergence
from protocol.tlog.merkle import CompactRange, consistency_proof, leaf_hash, root_of
from protocol.tlog.note import Note
from protocol.tlog.policy import Policy
from protocol.tlog.tiles import bundle_widths, decode_bundle

MAX_NEW_RELEASES: Final = 1_000_000
"""A release an hour for a hundred years; a log that claims more is a way to keep a partner busy for ever."""


class DisownedError(ForkError):
    """The history that witnesses stand behind does not contain the head that was followed ahead of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where the log is now; `manifest` is its last leaf, None when that is held already.

    `backing` says who stands behind the newest head. When they are too few, the cursor names that head as `ahead`, and
    is otherwise the one held.
    """

    cursor: Cursor
    manifest: Manifest | None
    backing: Backing


@dataclass(slots=True)
class _Walk:
    """The leaves taken so far: the tree over them, those of the last partial bundle, and the last manifest."""

    tree: CompactRange
    tail: list[bytes]
    last: Manifest | None
    roots: dict[int, bytes | None] = field(default_factory=dict)
    """By size, the roots at heads that are held and lie on the way; None until they are passed."""

    def take(self, leaf: bytes) -> None:
        manifest = Manifest.from_bytes(leaf)
        if self.last is not None:
            check_successor(self.last, manifest)
        self.last = manifest
        self.tree.extend([leaf_hash(leaf)])
        self.tail = [*self.tail, leaf] if self.tree.size % BUNDLE_WIDTH else []
        if self.tree.size in self.roots:
            self.roots[self.tree.size] = self.tree.root()

    def passed(self, head: SignedCheckpoint | None) -> bool:
        """Whether the leaves taken are those of `head`."""
        return head is None or self.roots.get(head.checkpoint.size) == head.checkpoint.root


class ReleaseLog:
    """The release log `origin`, read through `api` and believed because of `known` and of the witnesses in `policy`."""

    def __init__(self, api: LogApi, origin: str, known: Known, policy: Policy) -> None:
        self._api = api
        self._origin = origin
        self._known = known
        self._policy = policy

    async def advance(self, cursor: Cursor, *, last: Manifest | None, now: datetime) -> Step:
        """What follows after `cursor`, whose last manifest is `last`.

        Raises:
            RollbackError, ForkError: the node signed something that contradicts a checkpoint held.
            DisownedError: the same, and witnesses stand behind the new one only.
            ProtocolError: something else does not verify.
            VerificationError: there is no checkpoint, or one that claims more releases than there can be.
        """
        newest = cursor.ahead or cursor
        note = await self._api.checkpoint(self._origin, held=newest.note or None)
        if note is None and newest.note:
            return Step(cursor=cursor, manifest=None, backing=self.backing(newest.note, now))
        offered, behind = self._open(note, now)
        passed = self._follow(cursor, offered, behind)
        if offered.checkpoint.size == newest.version and (cursor.ahead is None or behind.missing):
            return Step(cursor=self._same(cursor, offered, behind, now), manifest=None, backing=behind)
        tree = CompactRange.from_bytes(cursor.frontier) if cursor.frontier else CompactRange()
        walk = await self._walk(_Walk(tree, list(cursor.tail), last), offered, behind, passed)
        step = _step(cursor, walk, offered, behind, now)
        if passed is not cursor.ahead:  # witnesses are on their way to the head that is ahead
            return replace(step, cursor=replace(step.cursor, ahead=cursor.ahead))
        return step

    async def again(self, cursor: Cursor, *, now: datetime) -> Step:
        """Everything from the first release on, as if nothing but the checkpoints at `cursor` were held.

        Raises as `advance`.
        """
        offered, behind = self._open(await self._api.checkpoint(self._origin, held=None), now)
        passed = self._follow(cursor, offered, behind)
        held = self._held(cursor)
        walk = _Walk(CompactRange(), [], None)
        if held is not None:
            walk.roots[held.checkpoint.size] = None
        await self._walk(walk, offered, behind, passed)
        if not walk.passed(held):
            raise RootMismatchError("the manifests do not hash to the signed root of the release held")
        if offered.checkpoint.size != cursor.version:
            return _step(Cursor(), walk, offered, behind, now)
        step = _step(Cursor(), walk, offered, replace(behind, missing=0), now)  # as when it came in force
        return replace(step, cursor=replace(step.cursor, seen_ms=cursor.seen_ms or step.cursor.seen_ms))

    def backing(self, note: bytes, now: datetime) -> Backing:
        """Who stands behind a checkpoint that is held."""
        return backing_of(note, self._known, self._origin, self._policy, now)

    def _open(self, note: bytes | None, now: datetime) -> tuple[SignedCheckpoint, Backing]:
        if note is None:
            raise VerificationError("the node says that its checkpoint is the one held, and none is held")
        offered = open_checkpoint(
            note,
            origin=self._origin,
            log_keys=self._known.log_keys(self._origin, now),
            witnesses=self._policy.witness_keys,
        )
        if offered.checkpoint.size == 0:
            raise VerificationError("the release log is empty: it has a checkpoint and no release")
        return offered, backing(self._policy, offered, now)

    def _held(self, cursor: Cursor | None) -> SignedCheckpoint | None:
        """The checkpoint held. Its signatures were verified when it was accepted; their key may be gone, or stolen."""
        if cursor is None or not cursor.note:
            return None
        return SignedCheckpoint(Checkpoint.from_text(Note.parse(cursor.note).text), cursor.note, (), ())

    def _follow(self, cursor: Cursor, offered: SignedCheckpoint, behind: Backing) -> Cursor | None:
        """Check `offered` against both heads that are held; gives the one ahead if `offered` must contain it.

        A head that witnesses stand behind may lie between the two. If it could not, whoever signed one head far ahead
        would keep all that follows from this partner.
        """
        follow(self._held(cursor), offered)
        if cursor.ahead is None or (
            not behind.missing and cursor.version < offered.checkpoint.size < cursor.ahead.version
        ):
            return None
        try:
            follow(self._held(cursor.ahead), offered)
        except ForkError as exc:
            if behind.missing:
                raise
            raise DisownedError(size=exc.size, evidence=exc.evidence) from exc
        return cursor.ahead

    def _same(self, cursor: Cursor, offered: SignedCheckpoint, behind: Backing, now: datetime) -> Cursor:
        """The cursor with the new note of the newest head: under newer keys, or with newer cosignatures.

        Kept, because old keys leave the node document one day; but not in exchange for the word of witnesses.
        """
        newest = cursor.ahead or cursor
        if behind.missing and self._is_backed(newest.note, now):
            return cursor
        if cursor.ahead is not None:
            return replace(cursor, ahead=replace(cursor.ahead, note=offered.note))
        return replace(cursor, note=offered.note)

    def _is_backed(self, note: bytes, now: datetime) -> bool:
        """Whether witnesses stand behind a held note that is still the log's: a stolen key's is nobody's."""
        try:
            return not self.backing(note, now).missing
        except UntrustedError:
            return False

    async def _walk(
        self, walk: _Walk, offered: SignedCheckpoint, behind: Backing, ahead: Cursor | None
    ) -> _Walk:
        size = offered.checkpoint.size
        if size - walk.tree.size > MAX_NEW_RELEASES:
            raise VerificationError("the release log claims {size} releases, more than there can be", size)
        on_the_way = self._held(ahead)
        if on_the_way is not None:
            walk.roots[on_the_way.checkpoint.size] = None
        while walk.tree.size < size:
            for leaf in await self._next_leaves(walk, size):
                walk.take(leaf)
        if walk.tree.root() != offered.checkpoint.root:
            raise RootMismatchError("the manifests do not hash to the signed root of the release log")
        if on_the_way is not None and not walk.passed(on_the_way):
            raise await self._diverged(on_the_way, offered, behind)
        return walk

    async def _diverged(
        self, held: SignedCheckpoint, offered: SignedCheckpoint, behind: Backing
    ) -> ForkError:
        """The log signed `held`, and then a larger tree that does not contain it: both notes, and the proof."""
        leaves = await self._leaf_hashes(offered.checkpoint.size)
        old = held.checkpoint.size
        if root_of(leaves) != offered.checkpoint.root:
            raise RootMismatchError("the release log shows other manifests than a moment ago")
        evidence = Divergence(
            smaller=held.note,
            larger=offered.note,
            root=root_of(leaves[:old]),
            proof=tuple(consistency_proof(leaves, old, len(leaves))),
        )
        kind = ForkError if behind.missing else DisownedError
        return kind(size=old, evidence=evidence.to_bytes())

    async def _leaf_hashes(self, size: int) -> list[bytes]:
        hashes: list[bytes] = []
        for index, width in bundle_widths(0, size):
            data = await self._api.entries(self._origin, index=index, width=width)
            hashes += map(leaf_hash, decode_bundle(data, width))
        return hashes

    async def _next_leaves(self, walk: _Walk, size: int) -> list[bytes]:
        """The leaves of the next bundle, those that were taken left out: the root says whether they are the same."""
        index, taken = walk.tree.size // BUNDLE_WIDTH, len(walk.tail)
        width = min(BUNDLE_WIDTH, size - index * BUNDLE_WIDTH)
        data = await self._api.entries(self._origin, index=index, width=width, first=taken)
        try:
            return decode_bundle(data, width - taken)
        except MalformedError:
            leaves = decode_bundle(data, width)  # a version of the node that knows whole bundles only
        if leaves[:taken] != walk.tail:
            raise RootMismatchError("the release log changed manifests that were already followed")
        return leaves[taken:]


def _step(cursor: Cursor, walk: _Walk, offered: SignedCheckpoint, behind: Backing, now: datetime) -> Step:
    reached = Cursor(
        version=offered.checkpoint.size,
        note=offered.note,
        frontier=walk.tree.to_bytes(),
        tail=tuple(walk.tail),
        seen_ms=milliseconds(min(behind.oldest or now, now)),
    )
    new = replace(cursor, ahead=reached) if behind.missing else reached
    return Step(cursor=new, manifest=walk.last, backing=behind)
