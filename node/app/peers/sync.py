"""Syncing an opened node with its peers over HTTPS, side by side: nobody's withdrawals wait behind a slow peer.

Each has its time, and what is wrong with one is that one's outcome alone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from keys.errors import KeysError, SigfedError
from keys.key import StatementPrivateKey
from node.app.guards import open_guards
from node.app.peers.evidence import open_gossiper
from node.app.peers.renewal import catch_up_with
from node.clock import Clock
from node.errors import (
    NodeError,
    PeerRefusedError,
    PeerUnreachableError,
    StoreError,
    UnauthenticatedError,
    WrongPinError,
)
from node.files import said_of
from node.group.load import load_hasher
from node.identity.audit import tell
from node.identity.identity import Identity
from node.identity.peer import reach_peer
from node.identity.witnesses import requiring
from node.lists.pace import FollowGuards
from node.peers.acknowledge import Acknowledger
from node.peers.gossip import GossipReport
from node.peers.sync.deadline import Deadline
from node.peers.sync.reports import ListOutcome, SyncReport
from node.peers.sync.sync import TRUST_MAX_AGE, Syncer
from node.remote.node import RemoteNode
from node.store.peers.records import PeerRecord
from node.store.store import Store
from protocol.api import PeerApi

PEER_SECONDS: Final = 1800.0
"""For one peer without anything more of a list that this node could take; the next sync goes on from what is staged."""
_TELL_SECONDS: Final = 60.0
"""For telling one peer what is held of its lists, which is one small request."""

_NOT_THERE = (PeerUnreachableError, WrongPinError, UnauthenticatedError)
_NOT_ITS_WORD = (PeerUnreachableError, PeerRefusedError, StoreError)
"""Failures that say nothing about what a peer shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSync:
    """A sync with one peer and what it moved over the network."""

    report: SyncReport
    sent: int
    received: int
    """Bytes above TLS, headers included."""
    unacknowledged: Exception | None = None
    """Why the peer was not told what is held of its lists."""
    gossip: GossipReport | None = None
    """What came of comparing what the peer holds; None when it could not be asked."""

    @property
    def lists(self) -> Sequence[ListOutcome]:
        """What happened to each list."""
        return self.report.lists

    @property
    def failure(self) -> Exception | None:
        """What went wrong first: with the peer or one of its lists, else with this node's own store behind that."""
        compared = self.gossip.error if self.gossip else None
        own = (exc for exc in (self.unacknowledged, compared) if isinstance(exc, StoreError))
        return self.report.failure or next(own, None)


class PeerSyncs:
    """Syncs with all peers; keeps what a running node remembers between its runs.

    `clock`, the node's own by default, says at which time what comes is judged; `seconds` is the time of each peer
    without anything more of a list.
    With `beyond_limits` a head is fetched that brings more than the guards expect; they set the excess aside.
    """

    def __init__(
        self,
        identity: Identity,
        store: Store,
        clock: Clock | None = None,
        *,
        seconds: float = PEER_SECONDS,
        beyond_limits: bool = False,
    ) -> None:
        self._identity = identity
        self._seconds = seconds
        self._under_way: dict[str, asyncio.Task[PeerSync]] = {}
        self._clock = clock or identity.clock
        self._store = store
        self._syncer = Syncer(
            store,
            clock or identity.clock,
            requiring=requiring(identity, store),
            guards=open_guards(identity, store),
            most=FollowGuards.of(identity.settings.guards),
            beyond_limits=beyond_limits,
            hasher=load_hasher(identity.settings.group),
        )
        self._gossiper = open_gossiper(identity, store, self._clock)

    async def run(self, *, only: str = "", wait: float | None = None) -> list[PeerSync]:
        """Sync with every peer, or with the one named; what came of it, in the order of their names.

        After `wait` seconds it returns what is done: the others go on, and are in what a later run returns.

        Raises:
            NotFoundError: `only` is not a peer.
        """
        for peer in await asyncio.to_thread(self._peers, only):
            if peer.name not in self._under_way:
                self._under_way[peer.name] = asyncio.create_task(self._sync_in_time(peer))
        try:
            if self._under_way:
                await asyncio.wait(self._under_way.values(), timeout=wait)
        except asyncio.CancelledError:
            await self.stop()
            raise
        done = sorted(name for name, task in self._under_way.items() if task.done())
        return [self._under_way.pop(name).result() for name in done]

    async def run_for(self, name: str, *, seconds: float) -> PeerSync:
        """Sync with one peer for so long at most, whatever it brings; what came of it.

        Raises:
            NotFoundError: it is not a peer.
        """
        [peer] = await asyncio.to_thread(self._peers, name)
        try:
            return await asyncio.wait_for(self._sync_in_time(peer), seconds)
        except TimeoutError:
            return await self._given_up(name, _too_slow(name))

    async def stop(self) -> None:
        """End what is under way; what was staged is kept."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        self._under_way.clear()

    async def acknowledge(self) -> Mapping[str, Exception | None]:
        """Tell peers what has changed since they were told last, as after a release; why it failed, by peer."""
        acknowledger = await asyncio.to_thread(self._acknowledger)
        peers = await asyncio.to_thread(self._peers, "")
        told: dict[str, Exception | None] = {}
        await asyncio.gather(*(self._tell_in_time(peer, acknowledger, told) for peer in peers))
        return told

    async def run_over(self, name: str, link: PeerApi) -> SyncReport:
        """Sync with one peer over a link that is there already."""
        return await self._syncer.sync(name, link)

    async def _tell_in_time(
        self, peer: PeerRecord, acknowledger: Acknowledger, told: dict[str, Exception | None]
    ) -> None:
        try:
            if not await asyncio.to_thread(acknowledger.due, peer.name):
                return
            async with (
                asyncio.timeout(min(self._seconds, _TELL_SECONDS)),
                reach_peer(self._identity, peer) as link,
            ):
                told[peer.name] = await acknowledger.tell(peer.name, link)
        except TimeoutError:
            told[peer.name] = _too_slow(peer.name)
        except (SigfedError, OSError) as exc:
            told[peer.name] = said_of(exc)

    async def _sync_in_time(self, peer: PeerRecord) -> PeerSync:
        deadline = Deadline(self._seconds, most=TRUST_MAX_AGE.total_seconds())
        try:
            async with deadline.limited():
                return await self._sync_caught_up(peer, deadline)
        except TimeoutError:
            return await self._given_up(peer.name, _too_slow(peer.name))
        except (SigfedError, OSError) as exc:  # as where what is held of it is damaged, or takes no room
            return await self._given_up(peer.name, said_of(exc))

    async def _given_up(self, name: str, error: Exception) -> PeerSync:
        report = SyncReport(peer=name, error=error)
        with suppress(SigfedError):  # of the own store, which may be what failed
            await self._syncer.note(report)
        return PeerSync(report=report, sent=0, received=0)

    async def _sync_caught_up(self, peer: PeerRecord, deadline: Deadline) -> PeerSync:
        """Sync; with a peer that replaced its TLS key while nobody looked, after what it signed about that."""
        done = await self._sync(peer, deadline)
        refused = done.report.error
        if not isinstance(refused, WrongPinError):
            return done
        try:
            await catch_up_with(self._identity, self._store, peer, refused)
        except (NodeError, KeysError):
            return done
        [newer] = await asyncio.to_thread(self._peers, peer.name)
        return await self._sync(newer, deadline)

    async def _sync(self, peer: PeerRecord, deadline: Deadline) -> PeerSync:
        async with reach_peer(self._identity, peer) as link:
            report = await self._syncer.sync(peer.name, link, deadline)
            await asyncio.to_thread(self._tell_refused, peer, report)
            unacknowledged = report.error or await self._acknowledged(peer.name, link)
            gossip = None
            if not isinstance(report.error, _NOT_THERE):
                gossip = await self._compared(peer.name, link)
            return PeerSync(
                report=report,
                gossip=gossip,
                sent=link.traffic.sent,
                received=link.traffic.received,
                unacknowledged=unacknowledged,
            )

    async def _acknowledged(self, name: str, link: RemoteNode) -> Exception | None:
        """Why the peer could not be told what is held: that is held whatever becomes of this."""
        try:
            acknowledger = await asyncio.to_thread(self._acknowledger)
            failure = await acknowledger.tell(name, link)
            return await acknowledger.tell_trust(name, link) or failure
        except (SigfedError, OSError) as exc:
            return said_of(exc)

    async def _compared(self, name: str, link: RemoteNode) -> GossipReport:
        try:
            return await self._gossiper.ask(name, link)
        except (SigfedError, OSError) as exc:
            return GossipReport(peer=name, error=said_of(exc))

    def _tell_refused(self, peer: PeerRecord, report: SyncReport) -> None:
        """Record that what a peer shows is refused, once for each reason: it is tried again all day."""
        failure = report.failure
        if failure is None or isinstance(failure, _NOT_ITS_WORD) or report.words == peer.outcome:
            return
        details = {"reason": str(failure)}
        if overlaid := [one.origin for one in report.lists if one.overlaid]:
            details["overlaid"] = " ".join(overlaid)  # withdrawals and disputes apply nevertheless
        tell(self._identity, self._store, "peer.sync", peer.name, outcome="refused", details=details)

    def _acknowledger(self) -> Acknowledger:
        identity = self._identity
        signer = identity.signer(StatementPrivateKey)
        return Acknowledger(self._store, self._clock, node=identity.settings.node, signer=signer)

    def _peers(self, only: str) -> list[PeerRecord]:
        with self._store.read() as unit:
            return [unit.peers.get(only)] if only else list(unit.peers.ls())


def _too_slow(name: str) -> PeerUnreachableError:
    return PeerUnreachableError(
        "{name} was not finished in time",
        name,
        hint="what came is kept, and the next sync goes on from there",
    )
