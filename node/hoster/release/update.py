"""Updating: follow the release log to its newest checkpoint, fetch what changed, verify, then put it in force.

Like a list's follower, the partner accepts only a checkpoint that continues the one it holds, and only the last
leaf of it, and only if enough of the other members stand behind it. What was in force stays in force until the new
release has been verified, tried (`self_test`) and written. Of a release that too few stand behind,
what it takes away comes in force at once (`removals`), and nothing else.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from keys.errors import KeysError, SigfedError
from keys.message import Message
from node.clock import Clock, moment_of
from node.errors import NotFoundError, OverQuotaError, TrustForkError, VerificationError
from node.hoster.folder import Cursor, Enrolment, MemberFiles, PartnerFolder
from node.hoster.lookup.chance import chance_anew
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.release.log import DisownedError, ReleaseLog, Step
from node.hoster.release.parts import fetch_part
from node.hoster.release.removals import take_away, waiting
from node.hoster.release.self_test import SelfTest, self_test
from node.hoster.store.release import MappedRelease
from node.hoster.trust.members import refresh_members
from node.hoster.trust.node import Known, OutdatedTrustError, known, refresh, with_register
from node.hoster.trust.register_changes import member_changes
from node.hoster.trust.witness_policy import Backing, Rule, other_policy, unwitnessed
from node.store.mapped_files import sparing
from protocol.api import SubsetApi
from protocol.errors import ForkError, ProtocolError, RollbackError, UnknownSignerError
from protocol.messages import ReleasePart
from protocol.subset.canary import LISTED
from protocol.subset.deltas.removals import same_answers
from protocol.subset.deltas.values import stretches
from protocol.subset.files import Held
from protocol.subset.filter import SubsetFilter
from protocol.subset.identity import subset_id
from protocol.subset.manifest import Manifest
from protocol.tlog.policy import Policy

Trial = Callable[[Enrolment, Known, Held], Awaitable[Sequence[bytes]]]
"""Looks the published test files up in a release before it comes in force; gives what they evaluate to.

It is called once an epoch. Raises `VerificationError` when that does not work, `OverQuotaError` when it cannot be
tried.
"""

_NO_EPOCH: Final = (
    "what is held stays in force. If this machine's clock is right, the agency let a key run out and made no release"
    " since: tell it, and try again later"
)
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
    """Changes of the members register, for which the partner trusts its node, and of members' witnesses, in words."""
    warnings: tuple[str, ...]
    """What is not as it should be and did not stop the update, in words."""
    backing: Backing
    """Who stands behind the newest head of the log."""
    ahead: int
    """A later release of which only what it takes away is in force; 0: none."""
    gone: int
    """Answers that it took away."""
    tested: SelfTest
    """How the published test files were looked up in a new release."""
    anew: float = 0.0
    """With which probability a hash that was looked up before has to be asked about now, by chance."""
    made_by: SubsetFilter | None = None
    """The filter of the release in force; None where the node serves none, and without a release."""
    held: MappedRelease | None = field(default=None, repr=False, compare=False)
    """The release in force, verified; what a head without witnesses took away is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remarks:
    """What to say besides the release."""

    changes: tuple[str, ...]
    warnings: tuple[str, ...]
    step: Step
    gone: int
    tested: SelfTest


@dataclass(slots=True)
class _News:
    """What is new about members: nobody would tell it later, as it is kept."""

    register: tuple[str, ...] = ()
    witnesses: list[str] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[str, ...]:
        return (*self.register, *self.witnesses)


async def untried(_enrolment: Enrolment, _known: Known, _release: Held) -> Sequence[bytes]:
    """No trial: for whoever looks nothing up."""
    return ()


class Updater:
    """Keeps one enrolment up to date through `api`; `rule` says whose cosignatures it asks for."""

    def __init__(
        self,
        folder: PartnerFolder,
        api: SubsetApi,
        clock: Clock,
        *,
        rule: Rule = unwitnessed,
        trial: Trial = untried,
    ) -> None:
        self._folder = folder
        self._releases = HeldReleases(folder)
        self._api = api
        self._clock = clock
        self._rule = rule
        self._trial = trial

    async def update(self) -> UpdateReport:
        """Bring the newest verified release in force.

        Raises:
            VerificationError: something the node sent does not verify, or too few witnesses stand behind it; what was
                in force stays in force, without what a newer release took away. Evidence of a fork or rollback is kept
                in the folder.
        """
        enrolment, cursor = self._folder.load()
        held = self._releases.load(cursor.version) if cursor.version else None
        last = held.release.manifest if held else None
        return await self._update(
            enrolment, cursor, held, lambda log: log.advance(cursor, last=last, now=self._clock.now())
        )

    async def update_whole(self) -> UpdateReport:
        """The same when files here are damaged: everything is fetched again.

        Only the checkpoint held is relied on: what continues it replaces what is here, and nothing older does. Raises
        as `update`.
        """
        enrolment, cursor = self._folder.load()
        return await self._update(
            enrolment, cursor, None, lambda log: log.again(cursor, now=self._clock.now())
        )

    async def _update(
        self,
        old: Enrolment,
        cursor: Cursor,
        held: MappedRelease | None,
        follow: Callable[[ReleaseLog], Awaitable[Step]],
    ) -> UpdateReport:
        """As newer trust files say, where those fetched do not explain what is found: both may change meanwhile."""
        news = _News()
        enrolment = await self._refreshed(old, old, cursor)
        try:
            try:
                return await self._brought_up(old, enrolment, cursor, held, follow, news)
            except OutdatedTrustError:
                newer = await self._refreshed(enrolment, old, cursor)
                if known(newer) == known(enrolment):
                    raise
            return await self._brought_up(old, newer, cursor, held, follow, news)
        except SigfedError as exc:
            # Else nobody would hear of it.
            exc.hint = "; ".join(filter(None, (exc.hint, *news.changes, *news.warnings)))
            raise

    async def _brought_up(
        self,
        old: Enrolment,
        enrolment: Enrolment,
        cursor: Cursor,
        held: MappedRelease | None,
        follow: Callable[[ReleaseLog], Awaitable[Step]],
        news: _News,
    ) -> UpdateReport:
        """What the update came to, judged by the trust files of `enrolment`."""
        now, found = self._clock.now(), known(enrolment)
        news.register = member_changes(known(old).members, found.members)
        relayed = await refresh_members(self._folder, found, self._api, now)
        news.witnesses += relayed.changes
        news.warnings = relayed.warnings
        policy = self._rule(found, enrolment.origin, relayed.documents, now)
        with self._releases.arriving():
            step, reached, new, (tested, untested) = await self._follow(
                enrolment, cursor, held, found, policy, follow
            )
        told = _Remarks(
            changes=news.changes,
            warnings=(
                *news.warnings,
                *other_policy(step.manifest, policy),
                *untested,
                *_doubted_in_force(found, enrolment.origin, new or held),
            ),
            step=replace(step, cursor=reached),
            gone=len(self._releases.gone(reached)),
            tested=tested,
        )
        return _report(enrolment.subset, held, new or held, told)

    async def _refreshed(self, held: Enrolment, told: Enrolment, cursor: Cursor) -> Enrolment:
        """`held` with what the node signed since; `told` has the register that people were told of.

        Raises why that is not to be had.
        """
        enrolment, failure = await refresh(held, self._api, self._clock.now())
        # Kept whatever comes: an update that fails for weeks must not lose the node's next keys.
        self._folder.save(with_register(enrolment, told), cursor)
        if isinstance(failure, TrustForkError):
            judged_by = MemberFiles(enrolment.trust.roots, enrolment.trust.node_document)
            kept = self._folder.keep_evidence(failure.evidence, judged_by)
            failure.hint = f"{_HINT}; the evidence is in {kept}"
        if failure is not None:
            raise failure
        return enrolment

    async def _follow(
        self,
        enrolment: Enrolment,
        cursor: Cursor,
        held: MappedRelease | None,
        found: Known,
        policy: Policy,
        follow: Callable[[ReleaseLog], Awaitable[Step]],
    ) -> tuple[Step, Cursor, MappedRelease | None, tuple[SelfTest, tuple[str, ...]]]:
        """Follow the log and put in force what may be.

        Gives the step, where it ended, a new release, how it was tried and why it could not be.
        """
        try:
            step = await follow(ReleaseLog(self._api, enrolment.origin, found, policy))
            _refuse_doubted(enrolment, found, step)
            new = None if step.backing.missing else await self._fetch(enrolment, step, held, found)
            reached = await self._taken(enrolment, step, cursor, held)
        except (ForkError, RollbackError) as exc:
            raise self._convicted(enrolment, cursor, exc) from exc
        except UnknownSignerError as exc:
            raise OutdatedTrustError("{subset}: {reason}", enrolment.subset, exc, hint=_HINT) from exc
        except ProtocolError as exc:
            raise VerificationError("{subset}: {reason}", enrolment.subset, exc, hint=_HINT) from exc
        tried = await self._try(enrolment, found, new)
        if new is not None:
            self._releases.put_in_place(new.version)
            self._carry_over(cursor, reached, held, new)
        self._folder.save(enrolment, reached)
        if new is not None:
            self._releases.forget(but=new.version)
        if reached.ahead is not None and reached.ahead.waits:
            raise waiting(enrolment, reached.ahead.version, new or held, step.backing)
        return step, reached, new, tried

    async def _try(
        self, enrolment: Enrolment, found: Known, new: MappedRelease | None
    ) -> tuple[SelfTest, tuple[str, ...]]:
        """Try a new release: how, and why it was not.

        Withdrawals must not wait until there are evaluations again.
        """
        if new is None:
            return SelfTest.NOT, ()
        try:
            ask = partial(self._trial, enrolment, found, new)
            return await self_test(self._folder.folder, new, ask), ()
        except OverQuotaError:
            return SelfTest.NOT, (
                "the new key was not tried with the test files: the evaluations are used up",
            )

    def _convicted(
        self, enrolment: Enrolment, cursor: Cursor, exc: ForkError | RollbackError
    ) -> VerificationError:
        judged_by = MemberFiles(enrolment.trust.roots, enrolment.trust.node_document)
        kept = self._folder.keep_evidence(exc.evidence, judged_by)
        hint = _HINT
        if isinstance(exc, DisownedError):
            self._folder.save(enrolment, replace(cursor, ahead=None))
            hint = (
                "witnesses stand behind one of the two; what the other took away is back. Give the evidence to another"
                " member of the federation, and run sigfed update again"
            )
        return VerificationError(
            "{subset}: {reason}",
            enrolment.subset,
            exc,
            hint=Message("{hint}; the evidence is in {kept}", hint, kept),
        )

    async def _taken(
        self, enrolment: Enrolment, step: Step, cursor: Cursor, held: MappedRelease | None
    ) -> Cursor:
        """The cursor to keep, after what a head without enough witnesses takes away was written."""
        ahead = step.cursor.ahead
        if step.manifest is None or not step.backing.missing or ahead is None:
            return step.cursor
        if held is None:
            raise waiting(enrolment, ahead.version, None, step.backing, damaged=cursor.version)
        taken = await take_away(
            self._api,
            enrolment.subset,
            ahead.version,
            step.manifest,
            held=held,
            files=self._releases.new(ahead.version, step.manifest, held),
            before=self._releases.gone(cursor),
        )
        self._releases.keep_gone(held.version, taken.gone)
        return replace(step.cursor, ahead=replace(ahead, waits=taken.waits))

    def _carry_over(self, cursor: Cursor, reached: Cursor, held: MappedRelease | None, new: Held) -> None:
        """Keep gone what a head that is still ahead took away."""
        if reached.ahead is not None and held is not None:
            gone = self._releases.gone(cursor)
            self._releases.keep_gone(new.version, same_answers(gone, held.release, new.release))

    async def _fetch(
        self, enrolment: Enrolment, step: Step, held: MappedRelease | None, found: Known
    ) -> MappedRelease | None:
        manifest = step.manifest
        if manifest is None:
            return None
        self._check_manifest(enrolment, manifest, found)
        version = step.cursor.version
        files = self._releases.new(version, manifest, held)
        for part in (ReleasePart.SCREEN, ReleasePart.ANSWERS, ReleasePart.LABELS):
            if part is not ReleasePart.LABELS or manifest.labels_root:
                data = await fetch_part(
                    self._api, enrolment.subset, version, part, manifest=manifest, held=held
                )
                files.write(part, data)
        made_by = await self._filter(enrolment.subset, version, manifest, held)
        if made_by is not None:
            files.write(ReleasePart.FILTER, made_by)
        return files.load()

    async def _filter(self, subset: str, version: int, manifest: Manifest, held: Held | None) -> bytes | None:
        """The filter of a release; None from a node of a version that serves none."""
        before = held.release.filter if held is not None else None
        if before is not None and before.sha256() == manifest.rules.filter:
            return before.to_bytes()
        try:
            data = await fetch_part(
                self._api, subset, version, ReleasePart.FILTER, manifest=manifest, held=None
            )
            return bytes(data)
        except NotFoundError:
            return None

    def _check_manifest(self, enrolment: Enrolment, manifest: Manifest, found: Known) -> None:
        if manifest.subset_id != subset_id(enrolment.origin):
            raise VerificationError("the newest manifest is of another subset")
        epoch = found.epoch(enrolment.subset, manifest.epoch)
        if manifest.pk != epoch.pk:
            raise VerificationError("the manifest and the node document name different keys for one epoch")
        try:
            epoch.valid.require(self._clock.now(), f"the key of the newest release of {enrolment.subset}")
        except KeysError as exc:
            raise VerificationError(exc.message, hint=_NO_EPOCH) from exc
        if manifest.rules.members != found.members.sha256:
            raise OutdatedTrustError(
                "the release was made with another members register than the node shows",
                hint="the federation changed and no release was made since: what is held stays in force;"
                " try again later, and tell the agency if it lasts",
            )


def _refuse_doubted(enrolment: Enrolment, found: Known, step: Step) -> None:
    """A release that a thief may have signed says nothing, not even what it takes away."""
    version = (step.cursor.ahead or step.cursor).version
    if step.manifest is not None and _is_doubted(found, enrolment.origin, version):
        raise VerificationError(
            "{subset}: release {version} may be that of a thief: the key of its log was stolen",
            enrolment.subset,
            version,
            hint="the release held before stays in force; the agency has to make another",
        )


def _doubted_in_force(found: Known, origin: str, held: Held | None) -> tuple[str, ...]:
    if held is None or not _is_doubted(found, origin, held.version):
        return ()
    return (
        f"release {held.version}, which is in force, may be that of a thief: the key of its log was stolen",
    )


def _is_doubted(found: Known, origin: str, version: int) -> bool:
    """Whether a release is one of those between the last good one and where another key goes on."""
    return any(version - 1 in span for span in found.revocations.doubted(origin))


def _report(
    subset: str, old: MappedRelease | None, new: MappedRelease | None, told: _Remarks
) -> UpdateReport:
    manifest = new.release.manifest if new else None
    added, removed = _difference(old, new)
    return UpdateReport(
        subset=subset,
        old=old.version if old else 0,
        new=new.version if new else 0,
        added=added,
        removed=removed,
        entries=manifest.answers_count - len(LISTED) if manifest else 0,
        not_after=moment_of(manifest.not_after_ms) if manifest else None,
        member_changes=told.changes,
        warnings=told.warnings,
        backing=told.step.backing,
        ahead=told.step.cursor.ahead.version if told.step.cursor.ahead else 0,
        gone=told.gone,
        tested=told.tested,
        anew=chance_anew(old.release if old else None, new.release) if new and new is not old else 0.0,
        made_by=new.release.filter if new else None,
        held=new,
    )


def _difference(old: MappedRelease | None, new: MappedRelease | None) -> tuple[int, int]:
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
    pieces = sparing(stretches(before.answers, after.answers), old.maps + new.maps)
    changes = [(len(each.alignment.inserted), len(each.alignment.removed)) for each in pieces]
    return sum(added for added, _ in changes), sum(removed for _, removed in changes)
