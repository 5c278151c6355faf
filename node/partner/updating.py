"""Updating: follow the release log to its newest checkpoint, fetch what changed, verify, then put it in force.

Like a list's follower, the partner accepts only a checkpoint that continues the one it holds, and only the last
leaf of it. What was in force stays in force until the new release has been verified and written.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from keys.trust.members import Member, Members
from node.clock import Clock
from node.errors import VerificationError
from node.partner.following_releases import ReleaseLog, Step
from node.partner.knowing import Known, known, refresh
from node.partner.state import Cursor, Enrolment, PartnerFolder
from protocol.api import SubsetApi
from protocol.errors import ForkError, ProtocolError, RollbackError
from protocol.event import collection_name
from protocol.messages import ReleasePart
from protocol.subset.canary import LISTED
from protocol.subset.delta import align
from protocol.subset.files import Held, ReleaseFiles, read_release
from protocol.subset.identity import subset_id
from protocol.subset.label import LABEL_BYTES
from protocol.subset.manifest import Manifest

_HEADS: Final = 32
"""Heads of a file and of a delta, and the padding of codes."""
_HINT: Final = "the release held before stays in force; tell the agency, this may be an attack"


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


class Updater:
    """Keeps one enrolment up to date through `api`."""

    def __init__(self, folder: PartnerFolder, api: SubsetApi, clock: Clock) -> None:
        self._folder = folder
        self._api = api
        self._clock = clock

    async def update(self) -> UpdateReport:
        """Bring the newest verified release in force.

        Raises:
            VerificationError: something the node sent does not verify; what was in force stays in force. Evidence
                of a fork or rollback is kept in the folder.
        """
        enrolment, cursor = self._folder.load()
        held = self._folder.load_release(cursor.version) if cursor.version else None
        last = held.release.manifest if held else None
        now = self._clock.now()
        return await self._update(
            enrolment, cursor, held, lambda log: log.advance(cursor, last=last, now=now)
        )

    async def update_whole(self) -> UpdateReport:
        """The same when files here are damaged: everything is fetched again.

        Only the checkpoint held is relied on: what continues it replaces what is here, and nothing older does. Raises
        as `update`.
        """
        enrolment, cursor = self._folder.load()
        now = self._clock.now()
        return await self._update(enrolment, cursor, None, lambda log: log.again(cursor, now=now))

    async def _update(
        self,
        old: Enrolment,
        cursor: Cursor,
        held: Held | None,
        follow: Callable[[ReleaseLog], Awaitable[Step]],
    ) -> UpdateReport:
        enrolment = await refresh(old, self._api, self._clock.now())
        # Kept whatever comes: an update that fails for weeks must not lose the node's next keys.
        self._folder.save(replace(enrolment, members=old.members), cursor)
        found = known(enrolment)
        try:
            step = await follow(ReleaseLog(self._api, enrolment.origin, found))
            new = await self._fetch(enrolment, step, held, found)
        except (ForkError, RollbackError) as exc:
            raise self._convicted(enrolment, exc) from exc
        except ProtocolError as exc:
            raise VerificationError(f"{enrolment.subset}: {exc}", hint=_HINT) from exc
        self._put_in_force(enrolment, step.cursor, new)
        changes = member_changes(known(old).members, found.members)
        return _report(enrolment.subset, held, new or held, changes)

    def _convicted(self, enrolment: Enrolment, exc: ForkError | RollbackError) -> VerificationError:
        kept = self._folder.keep_evidence(exc.evidence, enrolment)
        return VerificationError(f"{enrolment.subset}: {exc}", hint=f"{_HINT}; the evidence is in {kept}")

    def _put_in_force(self, enrolment: Enrolment, cursor: Cursor, new: Held | None) -> None:
        if new is not None:
            self._folder.store_release(new)
        self._folder.save(enrolment, cursor)
        if new is not None:
            self._folder.forget_releases(but=new.version)

    async def _fetch(self, enrolment: Enrolment, step: Step, held: Held | None, found: Known) -> Held | None:
        manifest = step.manifest
        if manifest is None:
            return None
        self._check_manifest(enrolment, manifest, found)
        version = step.cursor.version
        screen, answers = [
            await self._part(enrolment, version, part, manifest, held)
            for part in (ReleasePart.SCREEN, ReleasePart.ANSWERS)
        ]
        labels = (
            await self._part(enrolment, version, ReleasePart.LABELS, manifest, held)
            if manifest.labels_root
            else None
        )
        files = ReleaseFiles(screen=screen, answers=answers, labels=labels)
        return Held(version, read_release(manifest, files, held=held))

    def _check_manifest(self, enrolment: Enrolment, manifest: Manifest, found: Known) -> None:
        if manifest.subset_id != subset_id(enrolment.origin):
            raise VerificationError("the newest manifest is of another subset")
        if manifest.pk != found.epoch_key(enrolment.subset, manifest.epoch):
            raise VerificationError("the manifest and the node document name different keys for one epoch")
        if manifest.rules.members != found.members.sha256:
            raise VerificationError(
                "the release was made with another members register than the node shows",
                hint="the federation changed and no release was made since: what is held stays in force;"
                " try again later, and tell the agency if it lasts",
            )

    async def _part(
        self, enrolment: Enrolment, version: int, part: ReleasePart, manifest: Manifest, held: Held | None
    ) -> bytes:
        return await self._api.release_part(
            enrolment.subset,
            version=version,
            part=part,
            since=held.version if held else None,
            max_bytes=part_limit(manifest, part, held),
        )


def part_limit(manifest: Manifest, part: ReleasePart, held: Held | None) -> int:
    """Bytes that a release file of `manifest` can have, whole or as a delta from `held`.

    A value costs its width and at most four bits more, a place that a delta names less than a byte. Without this a node
    could make the client hold as many bytes as any release may have.
    """
    old = held.release.manifest if held else None
    if part is ReleasePart.SCREEN:
        values, places = manifest.screen_count * (manifest.screen_width + 4), old.screen_count if old else 0
    elif part is ReleasePart.ANSWERS:
        values, places = (
            manifest.answers_count * (manifest.answers_width + 4),
            old.answers_count if old else 0,
        )
    else:
        values, places = manifest.answers_count * LABEL_BYTES * 8, manifest.answers_count if old else 0
    return _HEADS + values // 8 + places


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
    words += [text for node in sorted(after.keys() & before) for text in _changed(before[node], after[node])]
    if old.k != new.k:
        words.append(f"{new.k} countries must agree instead of {old.k}")
    if old.block_cap != new.block_cap:
        words.append(f"{new.block_cap} blocks of one list apply instead of {old.block_cap}")
    return tuple(words)


def _changed(old: Member, new: Member) -> Iterator[str]:
    if old.root_sha256 != new.root_sha256:
        yield f"{new.node} has another root"
    if old.country != new.country:
        yield f"{new.node} counts for {new.country or 'no country'} instead of {old.country or 'no country'}"
    for collection in sorted(new.authority_for ^ old.authority_for):
        verb = "is now" if collection in new.authority_for else "is no longer"
        yield f"{new.node} {verb} an authority for {collection_name(collection)}"
