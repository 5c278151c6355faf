"""Updating: follow the release log to its newest checkpoint, fetch what changed, verify, then put it in force.

Like a list's follower, the partner accepts only a checkpoint that continues the one it holds, and only the last
leaf of it. What was in force stays in force until the new release has been verified and written.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from keys.trust.members import Members
from node.clock import Clock
from node.errors import VerificationError
from node.partner.knowing import Known, known, refresh
from node.partner.state import Cursor, Enrolment, PartnerFolder
from protocol import limits
from protocol.api import SubsetApi
from protocol.errors import ProtocolError, RootMismatchError
from protocol.history import follow
from protocol.messages import ReleasePart
from protocol.subset.canary import LISTED
from protocol.subset.delta import align
from protocol.subset.files import Held, ReleaseFiles, read_release
from protocol.subset.identity import subset_id
from protocol.subset.manifest import Manifest
from protocol.subset.release import check_successor
from protocol.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.tiles import decode_bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateReport:
    """What an update changed; `new == old` when there was nothing new."""

    subset: str
    old: int
    new: int
    added: int
    removed: int
    entries: int
    """Digests in the new release, the published test file not counted."""
    not_after: datetime | None
    member_changes: tuple[str, ...]
    """Changes of the members register, in words: the partner trusts its node for it, so each is shown."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A release log followed to a newer checkpoint: the cursor there and the manifests on the way."""

    cursor: Cursor
    manifests: tuple[Manifest, ...]


class Updater:
    """Keeps one enrolment up to date through `api`."""

    def __init__(self, folder: PartnerFolder, api: SubsetApi, clock: Clock) -> None:
        self._folder = folder
        self._api = api
        self._clock = clock

    async def update(self) -> UpdateReport:
        """Bring the newest verified release in force.

        Raises:
            VerificationError: something the node sent does not verify; what was in force stays in force.
        """
        enrolment, cursor = self._folder.load()
        before = known(enrolment).members
        enrolment = await refresh(enrolment, self._api, self._clock.now())
        found = known(enrolment)
        changes = member_changes(before, found.members)
        try:
            step = await self._follow(enrolment, cursor, found)
            held = self._held(cursor)
            new = None if step is None else await self._fetch(enrolment, step, held, found)
        except ProtocolError as exc:
            raise VerificationError(
                f"{enrolment.subset}: {exc}",
                hint="the release held before stays in force; tell the agency, this may be an attack",
            ) from exc
        self._put_in_force(enrolment, cursor if step is None else step.cursor, new)
        return _report(enrolment.subset, held, new or held, changes)

    def _held(self, cursor: Cursor) -> Held | None:
        return self._folder.load_release(cursor.version) if cursor.version else None

    def _put_in_force(self, enrolment: Enrolment, cursor: Cursor, new: Held | None) -> None:
        if new is not None:
            self._folder.store_release(new)
        self._folder.save(enrolment, cursor)
        if new is not None:
            self._folder.forget_releases(but=new.version)

    async def _follow(self, enrolment: Enrolment, cursor: Cursor, found: Known) -> _Step | None:
        keys = found.log_keys(enrolment.origin, self._clock.now())
        note = await self._api.checkpoint(enrolment.origin, held=cursor.note or None)
        if note is None:
            return None
        offered = open_checkpoint(note, origin=enrolment.origin, log_keys=keys)
        follow(_open_held(enrolment, cursor, found), offered)
        if offered.checkpoint.size == cursor.version:
            return None
        return await self._advance(enrolment.origin, cursor, offered)

    async def _advance(self, origin: str, cursor: Cursor, offered: SignedCheckpoint) -> _Step:
        size = offered.checkpoint.size
        leaves = await self._leaves(origin, cursor, size)
        tree = CompactRange.from_bytes(cursor.frontier) if cursor.frontier else CompactRange()
        tree.extend(leaf_hash(leaf) for leaf in leaves)
        if tree.root() != offered.checkpoint.root:
            raise RootMismatchError("the manifests do not hash to the signed root of the release log")
        partial = size % limits.BUNDLE_WIDTH
        tail = (*cursor.tail, *leaves)[-partial:] if partial else ()
        return _Step(
            cursor=Cursor(version=size, note=offered.note, frontier=tree.to_bytes(), tail=tail),
            manifests=tuple(map(Manifest.from_bytes, leaves)),
        )

    async def _leaves(self, origin: str, cursor: Cursor, size: int) -> list[bytes]:
        """The leaves after the cursor; what overlaps with those held must be equal."""
        leaves: list[bytes] = []
        first = cursor.version // limits.BUNDLE_WIDTH
        for index in range(first, (size - 1) // limits.BUNDLE_WIDTH + 1):
            width = min(limits.BUNDLE_WIDTH, size - index * limits.BUNDLE_WIDTH)
            data = await self._api.entries(origin, index=index, width=width)
            leaves += decode_bundle(data, width)
        overlap = len(cursor.tail)
        if tuple(leaves[:overlap]) != cursor.tail:
            raise RootMismatchError("the release log changed manifests that were already followed")
        return leaves[overlap:]

    async def _fetch(self, enrolment: Enrolment, step: _Step, held: Held | None, found: Known) -> Held:
        chain = [held.release.manifest] if held else []
        for old, new in pairwise([*chain, *step.manifests]):
            check_successor(old, new)
        manifest = step.manifests[-1]
        self._check_manifest(enrolment, manifest, found)
        version = step.cursor.version
        since = held.version if held else None
        files = ReleaseFiles(
            screen=await self._part(enrolment, version, ReleasePart.SCREEN, since),
            answers=await self._part(enrolment, version, ReleasePart.ANSWERS, since),
            labels=await self._part(enrolment, version, ReleasePart.LABELS, since)
            if manifest.labels_root
            else None,
        )
        return Held(version, read_release(manifest, files, held=held))

    def _check_manifest(self, enrolment: Enrolment, manifest: Manifest, found: Known) -> None:
        if manifest.subset_id != subset_id(enrolment.origin):
            raise VerificationError("the newest manifest is of another subset")
        if manifest.pk != found.epoch_key(enrolment.subset, manifest.epoch):
            raise VerificationError("the manifest and the node document name different keys for one epoch")
        if manifest.rules.members != found.members.sha256:
            raise VerificationError("the release was made with another members register than the node shows")

    async def _part(self, enrolment: Enrolment, version: int, part: ReleasePart, since: int | None) -> bytes:
        return await self._api.release_part(enrolment.subset, version=version, part=part, since=since)


def _open_held(enrolment: Enrolment, cursor: Cursor, found: Known) -> SignedCheckpoint | None:
    """The checkpoint held, opened under every key that the node document has for the log, past ones too."""
    if not cursor.note:
        return None
    return open_checkpoint(
        cursor.note, origin=enrolment.origin, log_keys=found.all_log_keys(enrolment.origin)
    )


def _report(subset: str, old: Held | None, new: Held | None, changes: tuple[str, ...]) -> UpdateReport:
    manifest = new.release.manifest if new else None
    added, removed = _difference(old, new)
    return UpdateReport(
        subset=subset,
        old=old.version if old else 0,
        new=new.version if new else 0,
        added=added,
        removed=removed,
        entries=manifest.answers_count - len(LISTED) if manifest else 0,
        not_after=datetime.fromtimestamp(manifest.not_after_ms / 1000, UTC) if manifest else None,
        member_changes=changes,
    )


def _difference(old: Held | None, new: Held | None) -> tuple[int, int]:
    if new is None or old is new:
        return 0, 0
    if old is None:
        return len(new.release.answers) - len(LISTED), 0
    before, after = old.release, new.release
    if (before.manifest.epoch, before.manifest.answers_width) != (
        after.manifest.epoch,
        after.manifest.answers_width,
    ):
        grown = len(after.answers) - len(before.answers)
        return max(grown, 0), max(-grown, 0)
    alignment = align(before.answers, after.answers)
    return len(alignment.inserted), len(alignment.removed)


def member_changes(old: Members, new: Members) -> tuple[str, ...]:
    """What changed between two registers, in words."""
    before = {member.node: member for member in old.members}
    after = {member.node: member for member in new.members}
    words = [
        f"{node} joined for {after[node].country or 'no country'}" for node in sorted(after.keys() - before)
    ]
    words += [f"{node} left" for node in sorted(before.keys() - after)]
    words += [f"{node} changed" for node in sorted(after.keys() & before) if after[node] != before[node]]
    if old.k != new.k:
        words.append(f"{new.k} countries must agree instead of {old.k}")
    return tuple(words)
