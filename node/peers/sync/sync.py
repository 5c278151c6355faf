"""Following peers: trust first, then each of their lists, and a report of what happened whatever it was.

A peer that cannot be reached or that lies is an outcome, kept and shown, never a crash, and never changes what is held.
Two heads that contradict each other are kept as evidence; after a proven fork the list stands still until an operator
has looked. Trust files are fetched again before any new head is judged, and at least once an hour, so that a poll that
finds nothing new costs one conditional request a list. Rules: docs/spec/sync.md.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from keys.errors import SigfedError
from keys.trust.node_document import NodeDocument
from node.clock import Clock, milliseconds
from node.errors import (
    ConflictError,
    NodeError,
    NotFoundError,
    PeerUnreachableError,
    StoreError,
    TrustForkError,
    UnauthenticatedError,
    VerificationError,
    WrongPinError,
)
from node.evidence.contradictions import Met, keep_contradiction, keep_trust_fork
from node.evidence.keep import suspend_convicted, suspended
from node.lists.guards import Guards
from node.peers.sync.deadline import Deadline
from node.peers.sync.follow import Committed, Follower, FollowGuards, HeldLog
from node.peers.sync.opened_grants import expect
from node.peers.sync.overlays import drop_overlay, overlay_head
from node.peers.sync.pull import ListPull
from node.peers.sync.reopen import Reopened, Reopening
from node.peers.sync.reports import ListOutcome, SyncReport
from node.peers.sync.requirements import Requiring
from node.store.lists.records import LogKind
from node.store.peers.records import PeerRecord
from node.store.store import Store
from node.trust.others.log_trust import log_trust
from node.trust.others.refresh import held_document, list_origins, newest_root, refresh_peer
from node.trust.others.revocations import renew, signing, withheld
from protocol.api import PeerApi
from protocol.errors import FreezeError, FutureEventError, ProtocolError, UncosignedError, UnknownSignerError
from protocol.limits import MAX_NODE_LISTS
from protocol.lists.grant import NOTHING, Grant
from protocol.pull.inputs import LogTrust
from protocol.tlog.hasher import HASHLIB, Hasher

TRUST_MAX_AGE: Final = timedelta(hours=1)
_SUCCESSOR_SECONDS: Final = 2.0
"""Until a key signs that follows one that was taken back: its node opens it, and signs the head anew."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a follower compares with, and how much it lets any peer change a day."""

    guards: Guards
    most: FollowGuards | None
    beyond_limits: bool
    """Whether the operator asks for what a peer's head brings beyond them, to be set aside."""
    hasher: Hasher = HASHLIB

    def follower(self, store: Store, document: NodeDocument, deadline: Deadline) -> Follower:
        """A follower of the node of `document`."""
        limits = FollowGuards.of(document.limits).at_most(self.most)
        return Follower(
            store, limits, self.guards, beyond_limits=self.beyond_limits, proceed=deadline.proceed
        )


class Syncer:
    """Syncs one node with its peers; it remembers when each peer's trust files were last fetched."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        requiring: Requiring | None = None,
        guards: Guards | None = None,
        most: FollowGuards | None = None,
        beyond_limits: bool = False,
        hasher: Hasher = HASHLIB,
    ) -> None:
        self._store = store
        self._watch = Watch(guards or Guards(store), most, beyond_limits, hasher)
        self._requiring = requiring
        self._clock = clock
        self._refreshed: dict[str, datetime] = {}

    async def sync(self, name: str, link: PeerApi, deadline: Deadline | None = None) -> SyncReport:
        """Bring the lists of the peer `name` up to date over `link`; by default it has as long as it takes.

        What the peer does wrong is in the report; raises `NotFoundError` for a name that is not a peer, and what the
        own store raises.
        """
        now = self._clock.now()
        peer = await asyncio.to_thread(self._peer, name)
        age = now - self._refreshed.get(name, now - TRUST_MAX_AGE)
        # A clock that was ahead must not make them young for days.
        fresh = timedelta(0) <= age < TRUST_MAX_AGE and not await asyncio.to_thread(self._lacks, name)
        deadline = deadline or Deadline()
        session = _Session(self._store, link, peer, now, self._requiring, self._watch, deadline)
        report = await session.run(refresh=not fresh)
        if session.refreshed:
            self._refreshed[name] = now
        await deadline.work(self._note, report, now)
        return report

    async def note(self, report: SyncReport) -> None:
        """Keep the report of a sync that was ended from outside, like that of any other; raises as the store does."""
        await asyncio.to_thread(self._note, report, self._clock.now())

    def _lacks(self, name: str) -> bool:
        """Whether revocations of the peer are missing."""
        with self._store.read() as unit:
            return name in withheld(unit)

    def _peer(self, name: str) -> PeerRecord:
        with self._store.read() as unit:
            return unit.peers.get(name)

    def _note(self, report: SyncReport, now: datetime) -> None:
        synced_ms = milliseconds(now) if report.succeeded else None
        with self._store.write() as unit:
            unit.peers.note_sync(report.peer, synced_ms=synced_ms, outcome=report.words)


class _Session:
    """One sync with one peer, at one moment."""

    def __init__(
        self,
        store: Store,
        link: PeerApi,
        peer: PeerRecord,
        now: datetime,
        requiring: Requiring | None,
        watch: Watch,
        deadline: Deadline,
    ) -> None:
        self._store = store
        self._requiring = requiring
        self._watch = watch
        self._deadline = deadline
        self._link = link
        self._peer = peer
        self._now = now
        self._grant: Grant | None = None
        self.refreshed = False
        self._withheld: VerificationError | None = None

    async def run(self, *, refresh: bool) -> SyncReport:
        """Trust, then every list; a failure that concerns the peer as a whole ends it."""
        lists: list[ListOutcome] = []
        error: Exception | None = None
        try:
            held = self._refresh() if refresh else self._honoured(held_document(self._peer, self._now))
            document = await held
            for origin in await asyncio.to_thread(self._followed, document):
                lists.append(await self._sync_list(origin, document))  # noqa: PERF401  # keep what came before a failure
        except SigfedError as exc:
            if _is_ours(exc):
                raise
            error = exc
            if isinstance(exc, TrustForkError):
                await self._deadline.work(self._keep_trust_fork, exc)
        return SyncReport(peer=self._peer.name, lists=tuple(lists), error=error or self._withheld)

    def _followed(self, document: NodeDocument) -> Sequence[str]:
        """The lists of the document that are held, and the first others up to `MAX_NODE_LISTS`."""
        named = list_origins(document)
        with self._store.read() as unit:
            held = {log.origin for log in unit.logs.ls(LogKind.PEER_LIST) if log.node == document.node}
        new = [origin for origin in named if origin not in held]
        beyond = new[max(MAX_NODE_LISTS - len(held), 0) :]
        if beyond:
            self._withheld = self._withheld or VerificationError(
                "{node} names more than {most} lists, and the others are not followed",
                document.node,
                MAX_NODE_LISTS,
            )
        return [origin for origin in named if origin not in beyond]

    def _keep_trust_fork(self, error: TrustForkError) -> None:
        keep_trust_fork(self._store, error, node=self._peer.name, now_ms=milliseconds(self._now))

    async def _refresh(self) -> NodeDocument:
        document = await refresh_peer(self._peer, self._link, self._store, self._now)
        self.refreshed = True
        try:
            self._peer = await asyncio.to_thread(self._stored)
            await renew(self._store, newest_root(self._peer), document, self._link.revoked)
        except VerificationError as exc:
            self._withheld = exc  # additions wait, removals do not
        return await self._honoured(document)

    def _stored(self) -> PeerRecord:
        with self._store.read() as unit:
            return unit.peers.get(self._peer.name)

    async def _honoured(self, document: NodeDocument) -> NodeDocument:
        """The document without the keys that the peer took back."""

        def read() -> NodeDocument:
            with self._store.read() as unit:
                return signing(unit, document)

        return await asyncio.to_thread(read)

    async def _sync_list(self, origin: str, document: NodeDocument) -> ListOutcome:
        """As the head says; asked for once more with newer trust files where no key signed it that they named.

        A key may have taken over between the two. Of one that was taken back the trust files say so before its
        successor has signed the head.
        """
        outcome = await self._pulled(origin, document)
        if not isinstance(outcome.error, UnknownSignerError):
            return outcome
        newest = await self._refresh()
        if newest.revoked_sha256 != document.revoked_sha256:
            await asyncio.sleep(_SUCCESSOR_SECONDS)
        again = await self._pulled(origin, newest)
        return replace(again, received=outcome.received + again.received)

    async def _pulled(self, origin: str, document: NodeDocument) -> ListOutcome:
        follower = self._watch.follower(self._store, document, self._deadline)
        held = await self._deadline.work(self._held, follower, origin)
        outcome = _committed(
            ListOutcome(origin=origin, old_size=held.size, new_size=held.size), held.finished
        )
        pull: ListPull | None = None
        note: bytes | None = None
        short: Exception | None
        try:
            halted = await asyncio.to_thread(self._halted, origin)
            note = await self._newest_head(origin, held)
            if note is not None and not self.refreshed:
                document = await self._refresh()
            pull = await self._pull_of(follower, origin, document, changed=note is not None)
            if halted is None:
                pull.trust = await self._witnessed(pull.trust, note or held.note)
                committed, short = await self._taken(pull, follower, held, note)
            else:
                committed, short = await self._taken_away(pull, follower, held, note, halted)
        except (NodeError, ProtocolError) as exc:
            if _is_ours(exc) or isinstance(exc, _WHOLE_PEER):
                raise
            evidence = await self._keep(exc, held, note, document)
            outcome = replace(outcome, error=exc, evidence=evidence)
        else:
            outcome = replace(_committed(outcome, committed), error=short, overlaid=short is not None)
            fork = await self._deadline.work(drop_overlay, self._store, origin) if committed else None
            if fork is not None:
                outcome = replace(outcome, evidence=await self._keep(fork, held, note, document))
            if short is None:
                outcome = await self._reopened(outcome, follower, pull)
        return replace(outcome, received=0 if pull is None else pull.received)

    async def _keep(
        self, error: Exception, held: HeldLog, note: bytes | None, document: NodeDocument
    ) -> str | None:
        """Keep what a refusal shows; the name of the evidence."""
        met = Met(
            origin=held.origin,
            held=held.note,
            offered=note,
            document=document,
            now_ms=milliseconds(self._now),
        )
        return await keep_contradiction(self._store, self._link, met, error)

    async def _witnessed(self, trust: LogTrust, note: bytes | None) -> LogTrust:
        """Whose cosignatures the head needs; nobody's if this node asks for none."""
        if self._requiring is None:
            return trust
        return await self._requiring.trusting(trust, note, self._link, self._now)

    async def _taken(
        self, pull: ListPull, follower: Follower, held: HeldLog, note: bytes | None
    ) -> tuple[Committed | None, ProtocolError | None]:
        """What was taken over; or why it was not, where the removals of the head apply nevertheless."""
        try:
            return await pull.run(held, note), None
        except (UncosignedError, FreezeError, FutureEventError) as exc:
            if note is None or not held.size:
                raise
            if not await overlay_head(self._store, follower, pull, held, note):
                raise
            return None, exc

    async def _taken_away(
        self, pull: ListPull, follower: Follower, held: HeldLog, note: bytes | None, halted: VerificationError
    ) -> tuple[None, VerificationError]:
        """Of a list that stands still, the removals of a head that continues the held one: they wait for nobody.

        Raises `halted` when there are none: what else its heads show convicts nobody anew.
        """
        try:
            if note is not None and held.size and await overlay_head(self._store, follower, pull, held, note):
                return None, halted
        except ProtocolError as exc:
            raise halted from exc
        raise halted

    async def _newest_head(self, origin: str, held: HeldLog) -> bytes | None:
        try:
            return await self._link.checkpoint(origin, held=held.note)
        except NotFoundError as exc:
            if held.note is not None:
                raise
            hint = "its operator runs: sigfed publish"
            raise NotFoundError("it has not been published yet", hint=hint) from exc

    async def _pull_of(
        self, follower: Follower, origin: str, document: NodeDocument, *, changed: bool
    ) -> ListPull:
        grant = await self._granted() if changed else NOTHING
        if changed:
            await self._deadline.work(expect, self._store, origin, grant)
        return ListPull(
            follower=follower,
            api=self._link,
            trust=log_trust(document, origin, self._now),
            granted=grant.collections,
            algorithms=grant.algorithms,
            now=self._now,
            hasher=self._watch.hasher,
            deadline=self._deadline,
        )

    async def _granted(self) -> Grant:
        """What the peer lets us read now, asked once."""
        if self._grant is None:
            told = await self._link.granted()
            now = told.collections_at(self._now)
            self._grant = Grant(collections=now, algorithms=told.algorithms)
        return self._grant

    async def _reopened(self, outcome: ListOutcome, follower: Follower, pull: ListPull) -> ListOutcome:
        """What was withheld of older events and is granted by now: looked for whenever the grant was asked for.

        Nothing that goes wrong with it takes back what was taken over before.
        """
        if self._grant is None and not self.refreshed:
            return outcome
        done, error = Reopened(), None
        try:
            reopening = Reopening(
                store=self._store,
                follower=follower,
                guards=self._watch.guards,
                api=self._link,
                origin=pull.trust.origin,
                grant=await self._granted(),
                now_ms=milliseconds(self._now),
                deadline=self._deadline,
            )
            done = reopening.done
            await reopening.run()
        except (NodeError, ProtocolError) as exc:
            if _is_ours(exc):
                raise
            error = exc
        pull.received += done.received
        return replace(
            outcome,
            opened=done.openings,
            quarantined=outcome.quarantined + done.quarantined,
            unopened=error is not None or not done.finished,
            error=error,
        )

    def _held(self, follower: Follower, origin: str) -> HeldLog:
        follower.follow(origin, node=self._peer.name)
        suspend_convicted(self._store, origin, now_ms=milliseconds(self._now))
        return follower.held(origin, now_ms=milliseconds(self._now))

    def _halted(self, origin: str) -> VerificationError | None:
        """Why a list stands still; None when it does not."""
        with self._store.read() as unit:
            if suspended(unit, unit.logs.get(origin)) is None:
                return None
        return VerificationError(
            "{origin} contradicted itself and is not followed until somebody has looked",
            origin,
            hint="see what was found: sigfed quarantine ls; tell the other members",
        )


_WHOLE_PEER: Final = (PeerUnreachableError, WrongPinError, UnauthenticatedError)
"""What would meet every other list as well."""


def _is_ours(error: Exception) -> bool:
    """Whether our own store failed; losing a race to another pull is no failure."""
    return isinstance(error, StoreError) and not isinstance(error, ConflictError)


def _committed(outcome: ListOutcome, committed: Committed | None) -> ListOutcome:
    if committed is None:
        return outcome
    return replace(
        outcome,
        old_size=min(outcome.old_size, committed.old_size),
        new_size=committed.new_size,
        adds=outcome.adds + committed.adds,
        withdrawals=outcome.withdrawals + committed.withdrawals,
        quarantined=outcome.quarantined + committed.quarantined,
    )
