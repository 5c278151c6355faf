"""A process that only serves, on another machine than the node's own: its web server, and no scheduler that acts.

Nothing is signed here that takes a key of the node's own machine; what is queued is signed there. See docs/adr/0031.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from keys.key import TokenPrivateKey
from keys.trust.window import valid_at
from node.app.partners.recipients import RunningRecipients
from node.app.serve import each_second, monitored, until_stopped
from node.app.services import answering_epochs, require_answers, web_services
from node.audit.actors import NODE
from node.errors import ConfigError, SupersededError
from node.evaluator.process import EvaluatorProcess
from node.home import Home
from node.identity.audit import tell
from node.identity.lock import running
from node.identity.web import WebNode, open_web
from node.journal import Journal
from node.metrics import Metrics
from node.rotation.epochs import let_go
from node.scheduler import Job, Scheduler
from node.signing.epochs import epoch_secrets
from node.store.lease import Standing
from node.subsets.deltas import Deltas
from node.web.app import make_app
from node.web.listener import Listener
from node.web.server import serve
from node.web.settings import web_settings

_journal = Journal("run")
_KEYS_MINUTES = 1
"""Key files are copied here by hand, and deleted when the node has destroyed its own."""


@dataclass(slots=True)
class _Serving:
    """What such a process is made of."""

    node: WebNode
    evaluator: EvaluatorProcess
    listener: Listener
    stopped: asyncio.Future[None]
    standing: Standing

    def follow(self) -> None:
        """Read what is new; serve nobody any more where the node has moved, or with a key that must not be here."""
        try:
            self.node.require_few()
            self.standing = self.node.store.standing()
        except (ConfigError, SupersededError) as exc:
            self.stopped.get_loop().call_soon_threadsafe(self._stop, exc)
        self.node.follow()

    def _stop(self, exc: ConfigError | SupersededError) -> None:
        if not self.stopped.done():
            self.stopped.set_exception(exc)

    async def keys(self) -> None:
        """Serve with the certificate of now, and let go of evaluation keys that are gone."""
        identity = self.node.identity
        if self.listener.present(await asyncio.to_thread(identity.tls)):
            _journal.info("certificate")
        if await asyncio.to_thread(let_go, identity, self.evaluator):
            _journal.info("evaluator-renewed")

    def answers(self) -> bool:
        """Whether what is added gets signed soon; raises what keeps this process from answering."""
        identity = self.node.identity
        require_answers(self.node.store)
        identity.signer(TokenPrivateKey)
        self.node.store.vault.reload()
        epochs, now = answering_epochs(identity), identity.clock.now()
        for subset in identity.trust.document().subsets:
            for epoch in valid_at(subset.epochs, now):
                epochs.require(subset.name, epoch.epoch, now=now)
        return self.standing.runs


async def serve_web_until_stopped(home: Home, *, listening: Callable[[str, str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `listening` hears the address and the node's name.

    Raises:
        StoreLockedError: another process serves from this folder, or the node has moved to another home.
        ConfigError: a key was copied here that must not be.
        PortTakenError: the address is in use.
        NodeError: as `open_web`.
    """
    with ExitStack() as stack:
        stack.enter_context(running(home))
        node = stack.enter_context(open_web(home))
        node = replace(node, identity=replace(node.identity, actor=NODE))
        identity, store = node.identity, node.store
        evaluator = stack.enter_context(
            EvaluatorProcess(lambda: epoch_secrets(identity.keychain), identity.settings.group)
        )
        _require_epochs(node, evaluator)
        deltas = stack.enter_context(Deltas())
        listener = Listener(identity.tls(), entropy=identity.entropy)
        stopped = asyncio.get_running_loop().create_future()
        serving = _Serving(node, evaluator, listener, stopped, store.standing())
        metrics = Metrics(lambda: ())
        services = web_services(
            identity,
            store,
            evaluator=evaluator,
            deltas=deltas,
            recipients=RunningRecipients(identity, store).service(),
            ready=serving.answers,
            requested=metrics.requested,
        )
        listen = identity.settings.listen
        async with monitored(identity.settings.metrics, metrics), each_second(serving.follow):
            server = await serve(
                make_app(services, web_settings(listen)),
                ssl_context=listener.context,
                host=listen.host,
                port=listen.port,
                limits=listen,
            )
            scheduler = Scheduler(
                [Job(name="keys", minutes=_KEYS_MINUTES, work=serving.keys)], told=metrics.worked
            )
            scheduler.start()
            tell(identity, store, "web.run", node.place)
            await until_stopped(
                server, scheduler, stopped, lambda: listening(server.url, identity.settings.node)
            )
        tell(identity, store, "web.stop", node.place)


def _require_epochs(node: WebNode, evaluator: EvaluatorProcess) -> None:
    """Check that each evaluation key here is the one that partners are told of; raises `ConfigError`."""
    for subset in node.identity.trust.document().subsets:
        for epoch in subset.epochs:
            held = (subset.name, epoch.epoch) in evaluator.held
            if held and evaluator.public(subset.name, epoch.epoch) != epoch.pk:
                raise ConfigError(
                    "no key of this node: that of epoch {epoch} of {subset}",
                    epoch.epoch,
                    subset.name,
                    hint="copy its own, from its own home",
                )
