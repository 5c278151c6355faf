"""A federation at work while somebody changes its keys: partners ask, peers sync, operators list and withdraw.

    with Load(folder) as load:
        load.flow()                      # everybody has done something
        load.fr.done("key", "rotate", …)
        load.days_pass(2)
        load.flow()
    load.require_nothing_failed()

Two real nodes answer real HTTPS. Clients run in threads of the test, with the product's own code, so that each request
can be recorded with its result and with the keys that were shown for it. An operator's commands are processes. No
request is made twice here: what the product's clients try again by themselves is theirs, everything else that fails is
a failure.
"""

import asyncio
import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5, sha256
from pathlib import Path
from ssl import PEM_cert_to_DER_cert, get_server_certificate
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeVar
from unittest.mock import patch

import aiohttp
from typing_extensions import override

from keys.trust.lifecycle import Advance, Stage
from node.app.peers.sync import PeerSyncs
from node.errors import NodeError, VerificationError
from node.home import Home
from node.hoster import client
from node.identity.identity import open_identity
from node.rotation.rotate import advance_keys
from node.rotation.store import write_store
from node.signing.ring import get_key
from node.tls import Traffic, spki_sha256
from protocol.digest import Algorithm, Digest
from support.agencies import (
    BOTH,
    LIST,
    SUBSET,
    UNLISTED,
    Federation,
    numbered,
    publish_files,
    table,
    written,
)
from support.federated import federated
from support.moving_time import MovingTime
from support.processes import Cli

T = TypeVar("T")
_TCP_CONNECTOR = aiohttp.TCPConnector

WITHDRAWN_LATER = numbered("withdrawn while keys change", 12)
"""Both agencies list them; each withdrawal takes one."""
_PATIENT_UPDATES = 10
_PATIENCE = 300.0
"""For everybody's next rounds, in seconds: machines that do other things, too, take minutes."""
_PAUSE = 0.8
"""Between two rounds of a client, in seconds: faster ones are asked to slow down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Something that somebody wanted of a node, what became of it, and the keys that were shown with it."""

    at: datetime
    who: str
    what: str
    failure: str
    keys: frozenset[str]
    """`auth KID` of assertions, `token KID` of access tokens."""


_WIRES: ContextVar[list["_Wire"]] = ContextVar("_WIRES")
_ADDRESS = ContextVar("_ADDRESS", default="127.0.0.1")
"""Where a client calls from: nodes count requests by address."""


class _Wire(Traffic):
    """What a client sends, above TLS."""

    def __init__(self) -> None:
        super().__init__()
        self.out = bytearray()
        _WIRES.get([]).append(self)

    @override
    def on_sent(self, data: memoryview) -> None:
        super().on_sent(data)
        self.out += data

    def asked(self) -> list[str]:
        """What was asked for, in order."""
        return [path.decode() for path in re.findall(rb"(?:GET|POST) (\S+) HTTP/1.1\r\n", self.out)]

    def signed_by(self) -> Iterator[str]:
        """The keys whose signatures are in it."""
        for role, pattern in (("auth", rb"client_assertion=([\w.-]+)"), ("token", rb"Bearer ([\w.-]+)")):
            for found in re.findall(pattern, self.out):
                head = found.split(b".")[0]
                yield f"{role} {json.loads(urlsafe_b64decode(head + b'=' * (-len(head) % 4)))['kid']}"


def _connector(**options: Any) -> aiohttp.TCPConnector:
    return _TCP_CONNECTOR(local_addr=(_ADDRESS.get(), 0), **options)


class Client:
    """One party that does the same again and again, in a thread of its own."""

    def __init__(
        self, load: "Load", who: str, acts: dict[str, Callable[[], None]], *, address: str = "127.0.0.1"
    ) -> None:
        self.who = who
        self._address = address
        self._load = load
        self._acts = acts
        self.rounds = 0
        self.counted = True
        """Whether the others wait for it."""
        self.turn = Lock()
        """Held while it does something."""
        self._thread = Thread(target=self._run, name=who)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive(), f"{self.who} does not end"

    def _run(self) -> None:
        _ADDRESS.set(self._address)
        while not self._load.over.wait(_PAUSE):
            if self._load.is_ahead(self):
                continue
            for what, act in self._acts.items():
                with self.turn, self._load.time.standing():
                    self._record(what, act)
            self.rounds += 1

    def _record(self, what: str, act: Callable[[], None]) -> None:
        wires: list[_Wire] = []
        token = _WIRES.set(wires)
        at, failure = self._load.time.now(), ""
        try:
            act()
        except (NodeError, AssertionError) as exc:
            failure = f"{type(exc).__name__}: {exc}"
        except Exception as exc:  # noqa: BLE001  # a bug is a failed request, and must not end the thread in silence
            failure = f"BUG {type(exc).__name__}: {exc}"
        finally:
            _WIRES.reset(token)
        if failure:
            failure += (
                f" (asked for {', '.join(path for wire in wires for path in wire.asked()[-3:])} at last)"
            )
        keys = frozenset(key for wire in wires for key in wire.signed_by())
        self._load.requests.append(Request(at=at, who=self.who, what=what, failure=failure, keys=keys))


class Load:
    """Two agencies and a hoster at work, from `with` on until its end."""

    def __init__(self, folder: Path) -> None:
        self.time = MovingTime(folder / "clock")
        self.requests: list[Request] = []
        self.over = Event()
        self.withdrawn: list[bytes] = []
        self._folder = folder
        self._rest = list(WITHDRAWN_LATER)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.time.here())
            self.federation: Federation = stack.enter_context(
                federated(self._folder, shared=WITHDRAWN_LATER, clock_file=self.time.file)
            )
            for module in ("node.remote.node", "node.hoster.client"):
                stack.enter_context(patch(f"{module}.Traffic", _Wire))
            stack.enter_context(patch.object(aiohttp, "TCPConnector", _connector))
            self._clients = self._make_clients()
            stack.callback(self.stop)
            for client in self._clients:
                client.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is None:
                self.stop()
                self._catch_up()
                self._require_withdrawals_arrived()

    @property
    def fr(self) -> Cli:
        return self.federation.fr

    @property
    def nl(self) -> Cli:
        return self.federation.nl

    @property
    def hoster(self) -> Cli:
        return self.federation.partner

    def _make_clients(self) -> list[Client]:
        return [
            Client(self, "hoster", {"updates": self._update, "looks up": self._look_up}, address="127.0.0.2"),
            Client(self, "nl.example", {"syncs": self._sync}, address="127.0.0.3"),
            Client(self, "fr.example", {"lists": self._list, "withdraws": self._withdraw}),
        ]

    def stop(self) -> None:
        """Let everybody end; called twice, it does no more."""
        self.over.set()
        for each in self._clients:
            each.join()

    def is_ahead(self, client: Client) -> bool:
        """Whether others have to catch up: what one does more often than everybody only takes their time."""
        return any(other.counted and other.rounds < client.rounds for other in self._clients)

    # ------------------------------------------------------------------ what they do

    def _update(self) -> None:
        """A release waits for the members that cosign it, as the partner manual says; nothing else may fail."""
        for left in reversed(range(_PATIENT_UPDATES)):
            try:
                _wait_for(client.update(Home(self.hoster.home)))
            except VerificationError as waits:
                if "waits for" not in str(waits) or not left:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def _look_up(self) -> None:
        named = [_digests(BOTH), _digests(UNLISTED)]
        listed, unlisted = _wait_for(client.look_up(Home(self.hoster.home), named))
        assert listed is not None, "what both agencies list is no hit"
        assert unlisted is None, "what nobody lists is a hit"

    def _sync(self) -> None:
        identity = open_identity(Home(self.nl.home))
        with write_store(identity) as store:
            for done in _wait_for(PeerSyncs(identity, store).run()):
                failure = done.failure or done.unacknowledged
                assert failure is None, f"{done.report.words}: {failure}"
                assert done.gossip is None or not done.gossip.words, done.gossip

    def _list(self) -> None:
        publish_files(self.fr, numbered(f"listed in round {len(self.requests)}", 1))

    def _withdraw(self) -> None:
        if not self._rest:
            return
        content = self._rest.pop()
        hashes = written(self._folder / "withdrawn.csv", table(content))
        self.fr.done("entry", "withdraw", "--list", LIST, "--hash-from", hashes, "--now", "--yes")
        self.fr.done("witness", "ask")
        self.withdrawn.append(content)

    # ------------------------------------------------------------------ what a story asks for

    def flow(self, rounds: int = 2) -> None:
        """Wait until everybody has begun and finished something since now; minutes pass on the way."""
        with self.time.stopped():
            self.time.put_forward(minutes=2)
        wanted = {client: client.rounds + rounds for client in self._clients}
        end = time.monotonic() + _PATIENCE
        while any(client.rounds < count for client, count in wanted.items()):
            assert time.monotonic() < end, "somebody does not come to an end"
            time.sleep(_PAUSE / 10)

    def days_pass(self, days: float) -> None:
        """Let days pass, in which nodes do by themselves what they do every few minutes."""
        with self.time.stopped():
            self.time.put_forward(days=days)
            for cli in (self.fr, self.nl):
                open_identity(Home(cli.home), clock=self.time).trust.stamp()
            self._catch_up()

    @contextmanager
    def at_the_desk(self) -> Iterator[None]:
        """FR's operator does something else: nothing is listed or withdrawn meanwhile, and others go on asking."""
        operator = self._clients[-1]
        with operator.turn:
            operator.counted = False
            yield
            operator.counted = True

    def is_hit(self, content: bytes) -> bool:
        """Whether a file is a hit for the hoster once it has updated."""
        with self.time.stopped():
            self._update()
            [hit] = _wait_for(client.look_up(Home(self.hoster.home), [_digests(content)]))
        return hit is not None

    def job(self, cli: Cli) -> Advance:
        """What the job of a running node does with its keys every hour."""
        identity = open_identity(Home(cli.home), clock=self.time)
        with write_store(identity) as store:
            return advance_keys(identity, store)

    def wait_for_certificate(self) -> None:
        """Until FR's running node presents its youngest TLS key: it looks every minute, by the plain clock."""
        identity = open_identity(Home(self.fr.home), clock=self.time)
        wanted, port = identity.tls().spki_sha256, identity.settings.listen.port
        end, presented = time.monotonic() + _PATIENCE, b""
        while presented != wanted:
            assert time.monotonic() < end, "the running node goes on presenting an old certificate"
            time.sleep(_PAUSE)
            node = self.federation.fr_node
            assert node.process.poll() is None, node.journal.read_text()
            presented = spki_sha256(PEM_cert_to_DER_cert(get_server_certificate(("127.0.0.1", port))))

    def stage(self, cli: Cli, key: str) -> Stage:
        """Where a key of an agency is in its life."""
        return get_key(open_identity(Home(cli.home)).ring.read(), key).stage

    def _catch_up(self) -> None:
        for cli in (self.fr, self.nl):
            open_identity(Home(cli.home), clock=self.time).trust.stamp()
        for cli in (self.fr, self.nl):
            cli.done("publish")
        for cli in (self.fr, self.nl):
            cli.done("peer", "sync")
            cli.done("witness", "ask")
        self.fr.done("subset", "release", SUBSET)

    def shown(self, role: str, who: str) -> list[str]:
        """The kids of the keys of a role shown in somebody's requests, in order of their first appearance."""
        kids = [
            key.removeprefix(f"{role} ")
            for request in self.requests
            if request.who == who
            for key in sorted(request.keys)
            if key.startswith(f"{role} ")
        ]
        return list(dict.fromkeys(kids))

    # ------------------------------------------------------------------ what must hold

    def require_nothing_failed(self) -> None:
        """Everybody asked something, and every request was answered."""
        failed = [
            f"{one.at:%Y-%m-%d} {one.who} {one.what}: {one.failure}" for one in self.requests if one.failure
        ]
        assert not failed, "\n".join(failed)
        asked = {(one.who, one.what) for one in self.requests}
        assert len(asked) == 5, asked

    def _require_withdrawals_arrived(self) -> None:
        """Called when nobody asks any more."""
        assert self.withdrawn, "nothing was withdrawn"
        self._update()
        named = [_digests(content) for content in (*self.withdrawn, *self._rest, BOTH)]
        hits = _wait_for(client.look_up(Home(self.hoster.home), named))
        found = [hit is not None for hit in hits]
        assert found == [False] * len(self.withdrawn) + [True] * (len(self._rest) + 1)


def _wait_for(coroutine: Coroutine[object, object, T]) -> T:
    return asyncio.run(coroutine)


def _digests(content: bytes) -> list[Digest]:
    return [
        Digest(Algorithm.SHA256, sha256(content).digest()),
        Digest(Algorithm.MD5, md5(content, usedforsecurity=False).digest()),
    ]
