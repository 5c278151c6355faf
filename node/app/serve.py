"""A running node: its store, evaluator, web server and scheduler joined, until it is told to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, replace
from typing import Final

from keys.errors import SigfedError
from node.app.accounts import open_sessions
from node.app.health.storage import Storage
from node.app.metrics import facts
from node.app.partners.recipients import RunningRecipients
from node.app.partners.retention import forget_closed, purge_reports
from node.app.peers.sync import PeerSyncs
from node.app.services import require_answers, web_services
from node.app.subsets import keep_own_register, release_with
from node.audit.actors import NODE
from node.config import MetricsSettings
from node.errors import PeerUnreachableError, RestoredError, StoreError, SupersededError
from node.evaluator.process import EvaluatorProcess
from node.identity.audit import sign as sign_audit
from node.identity.audit import tell
from node.identity.home_copy import HomeCopying
from node.identity.identity import Identity
from node.identity.lease import release_lease, renew_lease
from node.identity.lock import running
from node.identity.logs import publish_own
from node.identity.restore_mark import require_joined
from node.identity.rollback import forget, is_confirmed, require_current
from node.identity.witnesses import cosign_own
from node.journal import Journal
from node.judgement.recall import has_waiting
from node.lists.corrections.erase import carry_out_everywhere
from node.metrics import Metrics
from node.objects.sweep import sweep
from node.rotation.epochs import let_go
from node.rotation.rotate import advance_keys
from node.rotation.storage_keys import reseal_some
from node.rotation.store import write_store
from node.scheduler import Job, Scheduler
from node.signing.epochs import epoch_secrets
from node.store.store import Store
from node.subsets.catalogue import report_subsets
from node.subsets.deltas import Deltas
from node.web.app import make_app
from node.web.listener import Listener
from node.web.metrics import serve_metrics
from node.web.server import RunningServer, serve
from node.web.services import WebServices
from node.web.settings import web_settings

_journal = Journal("run")
_SWEEP_MINUTES: Final = 24 * 60
_PURGE_MINUTES: Final = 60
"""Often, because a node that is restarted each day would never come to what it does once a day."""
_RECALL_MINUTES: Final = 1
_RECIPIENT_MINUTES: Final = 1
"""Commands beside the running node move lists too, and add recipients."""
_CERTIFICATE_MINUTES: Final = 1
"""Commands beside the running node rotate keys, too."""
_STAMP_MINUTES: Final = 60
_LEASE_MINUTES: Final = 1
_CONFIRM_MINUTES: Final = 1
_RESEAL_MINUTES: Final = 1
_EVALUATOR_MINUTES: Final = 1
"""A key that a command destroys beside the running node is let go of soon."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a running node is made of."""

    identity: Identity
    store: Store
    evaluator: EvaluatorProcess
    syncs: PeerSyncs
    deltas: Deltas
    recipients: RunningRecipients
    listener: Listener
    metrics: Metrics
    storage: Storage
    stopped: asyncio.Future[None]
    """Done once the node shall stop; its error, where it must."""

    def web(self) -> WebServices:
        """Everything behind the HTTP API."""
        return web_services(
            self.identity,
            self.store,
            evaluator=self.evaluator,
            deltas=self.deltas,
            recipients=self.recipients.service(),
            ready=self._answers,
            requested=self.metrics.requested,
        )

    def _answers(self) -> bool:
        """Whether what is added gets signed; raises `StoreDownError`."""
        require_answers(self.store)
        self.storage.require_database()
        return not self.storage.refusals() and (self.identity.alone or is_confirmed(self.identity))

    def jobs(self) -> list[Job]:
        """What the node does by itself."""
        schedule = self.identity.settings.schedule
        return [
            Job(name="publish", minutes=schedule.publish_minutes, work=self._publish),
            Job(name="sync", minutes=schedule.sync_minutes, work=self._sync),
            Job(name="release", minutes=schedule.release_minutes, work=self._release),
            Job(name="recall", minutes=min(schedule.publish_minutes, _RECALL_MINUTES), work=self._recall),
            Job(name="cosign", minutes=schedule.cosign_minutes, work=self._cosign),
            Job(name="recipients", minutes=self._recipient_minutes, work=self._lay_out),
            Job(name="reseal", minutes=_RESEAL_MINUTES, work=self._reseal),
            Job(name="evaluator", minutes=_EVALUATOR_MINUTES, work=self._let_go),
            Job(name="certificate", minutes=_CERTIFICATE_MINUTES, work=self._present),
            Job(name="stamp", minutes=_STAMP_MINUTES, work=self._stamp),
            Job(name="keys", minutes=_STAMP_MINUTES, work=self._keys),
            Job(name="lease", minutes=_LEASE_MINUTES, work=self._renew),
            Job(name="confirm", minutes=_CONFIRM_MINUTES, work=self._confirm),
            Job(name="purge", minutes=_PURGE_MINUTES, work=self._purge),
            Job(name="sweep", minutes=_SWEEP_MINUTES, work=self._sweep),
        ]

    @property
    def _recipient_minutes(self) -> int:
        return _RECIPIENT_MINUTES if self.recipients.enabled else 0

    async def _publish(self) -> None:
        await asyncio.to_thread(self._publish_all)
        await self._lay_out()
        await self._cosign()

    def _publish_all(self) -> None:
        for origin, failure in publish_own(self.identity, self.store).failed.items():
            _failed(origin, failure)

    async def _sync(self) -> None:
        # A peer that takes longer than a round is waited for beside the next one, which the others do not wait for.
        finished = await self.syncs.run(wait=50 * self.identity.settings.schedule.sync_minutes)
        await self._lay_out()
        for done in finished:
            _journal.info("synced", peer=done.report.peer, outcome=done.report.words, received=done.received)
            if done.gossip is not None and done.gossip.words:
                _journal.warning("gossip", peer=done.report.peer, outcome=done.gossip.words)
            if done.unacknowledged is not None:
                _journal.warning("unacknowledged", peer=done.report.peer, reason=str(done.unacknowledged))
        for done in finished:
            if isinstance(done.failure, StoreError):  # of this node, and no peer's
                raise done.failure

    async def _release(self) -> None:
        await asyncio.to_thread(self._release_all)
        await self._lay_out()
        with _each("witnesses"):
            await self._cosign()
        for peer, failure in (await self.syncs.acknowledge()).items():
            _journal.info("acknowledged", peer=peer, outcome=str(failure or "told"))

    async def _recall(self) -> None:
        """A withdrawal that waits is published and released at once, whoever queued it."""
        with _each("audit"):
            await asyncio.to_thread(sign_audit, self.identity, self.store)
        if await asyncio.to_thread(has_waiting, self.store):
            await self._release()

    async def _cosign(self) -> None:
        """New heads are cosigned soon after they stand, and old ones again before their cosignatures are too old."""
        for origin, standing in (await cosign_own(self.identity, self.store)).items():
            if standing.asked:
                _journal.info("cosigned", origin=origin, outcome=standing.words)

    async def _lay_out(self) -> None:
        """Recipients are served nothing from the moment a list moves until the copy says what it says."""
        async with self.recipients.turn:
            with _each("recipients"):
                await asyncio.to_thread(self.recipients.lay_out)

    def _release_all(self) -> None:
        self._publish_all()  # a release takes in published lists only
        with _each("members"):
            keep_own_register(self.identity, self.store)
        for report in report_subsets(self.store):
            with _each(report.subset.origin):
                release_with(self.identity, self.store, self.evaluator, report.subset.name)

    async def _reseal(self) -> None:
        """What older data keys sealed is sealed anew, some at a time."""
        done = await asyncio.to_thread(reseal_some, self.identity, self.store)
        if done.moved or done.stuck:
            _journal.info("resealed", moved=done.moved, older_keys=done.older, stuck=done.stuck)

    async def _let_go(self) -> None:
        """Secrets of epochs that were destroyed are held by nobody any more."""
        if await asyncio.to_thread(let_go, self.identity, self.evaluator):
            _journal.info("evaluator-renewed")

    async def _stamp(self) -> None:
        """TUF clients stop believing what nobody says again for a day."""
        if await asyncio.to_thread(self.identity.trust.stamp):
            _journal.info("stamped")

    async def _present(self) -> None:
        """A TLS key that has begun is served from the next handshake on, whoever let it begin."""
        if self.listener.present(await asyncio.to_thread(self.identity.tls)):
            _journal.info("certificate")

    async def _keys(self) -> None:
        """Keys begin and end when their time has come, whoever is there."""
        done = await asyncio.to_thread(advance_keys, self.identity, self.store)
        for alarm in done.alarms:
            about = alarm.lineage.of or alarm.lineage.role
            _journal.warning("key-alarm", about=about, role=alarm.lineage.role, reason=alarm.kind)

    async def _renew(self) -> None:
        """Whoever would take this node's place sees that it runs; where somebody has, it serves nobody any more.

        Nor where a newer version has changed the tables.
        """
        # A disk or bucket that refuses writes is journalled even where nobody asks for it.
        await asyncio.to_thread(self.storage.refusals)
        try:
            await asyncio.to_thread(self.store.standing)  # of a newer version's tables nothing else asks
            await asyncio.to_thread(renew_lease, self.identity.home, self.identity.settings)
        except SupersededError as exc:
            if not self.stopped.done():
                self.stopped.set_exception(exc)

    async def _confirm(self) -> None:
        """Members that were silent are asked again; a node that finds itself put back, serves nobody any more."""
        try:
            await asyncio.to_thread(_ask, self.identity, self.store, afresh=not is_confirmed(self.identity))
        except RestoredError as exc:
            if not self.stopped.done():
                self.stopped.set_exception(exc)

    async def _purge(self) -> None:
        """What partners reported and proposed is kept for as long as is configured."""
        with _each("reports"):
            done = await asyncio.to_thread(purge_reports, self.identity, self.store)
            if done.reports:
                _journal.info("purged", reports=done.reports, cases=done.cases)
        if forgotten := await asyncio.to_thread(forget_closed, self.identity, self.store):
            _journal.info("purged", proposals=forgotten)

    async def _sweep(self) -> None:
        now_ms = self.identity.now_ms
        deleted = shredded = 0
        with _each("home"):
            deleted += await asyncio.to_thread(self.identity.home.sweep)
        with _each("objects"):
            deleted += await asyncio.to_thread(sweep, self.store, now_ms=now_ms)
        with _each("shreddings"):
            shredded += await asyncio.to_thread(carry_out_everywhere, self.store, now_ms=now_ms)
        with _each("sessions"):
            await asyncio.to_thread(open_sessions(self.identity, self.store).sweep)
        _journal.info("swept", deleted=deleted, shredded=shredded)
        if await asyncio.to_thread(self.store.vacuum):
            _journal.info("vacuumed")


@contextmanager
def _each(origin: str) -> Iterator[None]:
    """One of several, by the origin of a log or by what it is: what stops it must not stop the others, which wait."""
    try:
        yield
    except (SigfedError, OSError) as exc:
        _failed(origin, exc)


def _failed(origin: str, exc: Exception) -> None:
    _journal.warning("log-failed", origin=origin, error=type(exc).__name__, reason=str(exc))


Beside = Callable[[Parts], AbstractAsyncContextManager[object]]
"""Something more that is served while the node runs."""


def _nothing(_: Parts) -> AbstractAsyncContextManager[object]:
    return nullcontext()


async def serve_until_stopped(
    identity: Identity, *, listening: Callable[[str], None], beside: Beside = _nothing
) -> None:
    """Serve until SIGTERM or SIGINT, and what is `beside` it; requests under way are finished.

    Raises:
        StoreLockedError: another process runs this node.
        PortTakenError: the address is in use.
        RestoredError: the folder was put back, as far as is known when it starts or while it runs.
    """
    require_joined(identity.home)
    identity = replace(identity, actor=NODE)
    with ExitStack() as stack:
        stack.enter_context(running(identity.home))
        forget(identity)  # a machine that goes back to a snapshot with its memory has the note of then
        store = stack.enter_context(write_store(identity))
        await asyncio.to_thread(store.objects.prepare)
        stack.enter_context(_leased(identity))
        await asyncio.to_thread(_ask, identity, store, afresh=True)
        evaluator = stack.enter_context(
            EvaluatorProcess(lambda: epoch_secrets(identity.keychain), identity.settings.group)
        )
        deltas = stack.enter_context(Deltas())
        recipients = RunningRecipients(identity, store)
        if not recipients.enabled:
            recipients.lay_out()  # which deletes what was laid out before they were switched off
        listener = Listener(identity.tls(), entropy=identity.entropy)
        syncs, storage = PeerSyncs(identity, store), Storage(identity, store)
        metrics = Metrics(lambda: facts(identity, store, storage, evaluator.group))
        stopped = asyncio.get_running_loop().create_future()
        parts = Parts(
            identity, store, evaluator, syncs, deltas, recipients, listener, metrics, storage, stopped
        )
        copying = HomeCopying(identity, store)
        await asyncio.to_thread(copying.follow)
        async with monitored(identity.settings.metrics, metrics), each_second(copying.follow), beside(parts):
            server = await serve(
                make_app(parts.web(), web_settings(identity.settings.listen)),
                ssl_context=listener.context,
                host=identity.settings.listen.host,
                port=identity.settings.listen.port,
                limits=identity.settings.listen,
            )
            scheduler = _begun(parts)
            _journal.info("serving", url=server.url)
            tell(identity, store, "node.run", identity.settings.node)
            try:
                await until_stopped(server, scheduler, stopped, lambda: listening(server.url))
            finally:
                await syncs.stop()
        tell(identity, store, "node.stop", identity.settings.node)


def _ask(identity: Identity, store: Store, *, afresh: bool) -> None:
    """Whether this folder was put back; where too few members say so, the node serves, and additions wait."""
    try:
        require_current(identity, store, afresh=afresh)
    except PeerUnreachableError as exc:
        _journal.warning("unconfirmed", reason=str(exc))


@contextmanager
def _leased(identity: Identity) -> Iterator[None]:
    """Say to another home on the same database that the node runs here, until it stops."""
    renew_lease(identity.home, identity.settings)
    try:
        yield
    finally:
        release_lease(identity.home, identity.settings)


def _begun(parts: Parts) -> Scheduler:
    """The scheduler of a node that serves, with what must not wait for its time."""
    scheduler = Scheduler(parts.jobs(), told=parts.metrics.worked)
    scheduler.start()
    scheduler.run_now("stamp")  # a node that was down for a day is believed again at once
    scheduler.run_now("keys")
    scheduler.run_now("sweep")  # also of a node that is restarted each day
    # Members that started together could not answer each other before they served.
    scheduler.run_now("confirm")
    if parts.recipients.enabled:
        scheduler.run_now("recipients")
    return scheduler


@asynccontextmanager
async def each_second(work: Callable[[], object]) -> AsyncIterator[None]:
    """Do it each second while the block lasts; what fails is journalled once, and tried again."""
    task = asyncio.create_task(_each_second(work))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _each_second(work: Callable[[], object]) -> None:
    failed = ""
    while True:
        before, failed = failed, ""
        try:
            await asyncio.to_thread(work)
        except Exception as exc:  # noqa: BLE001 - whoever stopped looking would let keys count that were taken back
            failed = str(exc)
            if failed != before:
                _journal.warning("copy-failed", error=type(exc).__name__, reason=failed)
        await asyncio.sleep(1)


@asynccontextmanager
async def monitored(settings: MetricsSettings, metrics: Metrics) -> AsyncIterator[None]:
    """Serve the metrics while the block lasts, where they are switched on."""
    if not settings.enabled:
        yield
        return
    server = await serve_metrics(metrics.text, host=settings.host, port=settings.port)
    _journal.info("metrics", host=settings.host, port=settings.port)
    try:
        yield
    finally:
        await server.stop()


async def until_stopped(
    server: RunningServer, scheduler: Scheduler, stopped: asyncio.Future[None], listening: Callable[[], None]
) -> None:
    """Wait for SIGTERM, SIGINT or what `stopped` says, and finish requests that are under way."""

    def stop() -> None:
        if not stopped.done():
            stopped.set_result(None)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        listening()
        await stopped
    finally:
        _journal.info("stopping")
        scheduler.stop()
        await server.stop()
