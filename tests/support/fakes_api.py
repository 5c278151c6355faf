"""Small in-memory implementations of `protocol.api` and of the web server's ports, and a node of them on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import ClassVar, TypeVar

from typing_extensions import override

from keys.key import AuthPrivateKey, AuthPublicKey, TokenPrivateKey
from node.clock import system_entropy
from node.errors import GoneError, NotFoundError, ReplayedError
from node.ports.callers import LOG_READ, Caller, CallerKind, Credential, Recognise, open_scope, query_scope
from node.recipients.service import RecipientService
from node.remote.auth import Credentials
from node.remote.limits import RemoteLimits
from node.remote.node import RemoteNode
from node.tls import TlsIdentity, Traffic, create_identity
from node.web.app import make_app
from node.web.listener import Listener
from node.web.server import RunningServer, serve
from node.web.services import WebServices
from node.web.settings import WebSettings
from protocol.api import DisclosedApi, GossipApi, HitApi, ProposalApi, TufApi, WitnessApi
from protocol.lists.grant import Grant
from protocol.messages import (
    EnrolmentReply,
    EnrolmentRequest,
    EvaluationReply,
    EvaluationRequest,
    ReleasePart,
)
from protocol.witness.cosign import Refuse
from support.gossiping import ToldByHand

_Service = TypeVar("_Service")
NODE = "fr.example"
URL = f"https://{NODE}:8443/"
LIST = f"{NODE}/lists/main"
RELEASES = f"{NODE}/subsets/baseline"
ORIGIN_SHA256 = sha256(b"nl.example/lists/main").hexdigest()
PEER = "nl.example"
PARTNER = "hoster-1"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PEER_KEY = AuthPrivateKey.from_seed(b"p" * 32)
PARTNER_KEY = AuthPrivateKey.from_seed(b"q" * 32)
TOKEN_KEY = TokenPrivateKey.from_seed(b"t" * 32)
IDENTITY = create_identity(NODE, now=START)
PEER_TLS = create_identity(PEER, now=START)
QUICK = RemoteLimits(
    attempts=3,
    backoff_seconds=0.002,
    max_pause_seconds=1.0,
    max_release_bytes=1024 * 1024,
)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = START) -> None:
        self.moment = start

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class MemoryDirectory:
    """The clients known, by name and key id."""

    def __init__(self, *credentials: Credential) -> None:
        self.known = {(each.client, each.key.kid): each for each in credentials}
        self.asked = 0

    def credential(self, client: str, kid: str) -> Credential | None:
        self.asked += 1
        return self.known.get((client, kid))


class MemoryReplays:
    """Ids of assertions that were used."""

    def __init__(self) -> None:
        self.used: set[tuple[str, str]] = set()

    def spend(self, issuer: str, jti: str, *, expires: datetime, now: datetime) -> None:
        assert expires > now
        if (issuer, jti) in self.used:
            raise ReplayedError("the assertion was used before")
        self.used.add((issuer, jti))


TARGET = "ab" * 32 + ".node.json"
"""A trust file by its TUF name."""


class MemoryTuf:
    """A TUF repository of two files."""

    tuf: ClassVar[dict[str, bytes]] = {"timestamp.json": b'{"timestamp":1}', TARGET: b'{"node":1}'}

    async def tuf_metadata(self, name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:
        del held, max_bytes
        return self._read(name)

    async def tuf_target(self, name: str, *, max_bytes: int | None = None) -> bytes:
        del max_bytes
        return self._read(name)

    def _read(self, name: str) -> bytes:
        if name not in self.tuf:
            raise NotFoundError("there is no such file")
        return self.tuf[name]


@dataclass
class MemoryTrust(MemoryTuf):
    """Trust files."""

    files: dict[str, bytes] = field(
        default_factory=lambda: {
            "root": b'{"root":1}',
            "node": b'{"node":1}',
            "members": b'{"members":1}',
            "nl.example root": b'{"root":2}',
            "nl.example document": b'{"node":2}',
        }
    )

    async def root(self) -> bytes:
        return self.files["root"]

    async def node_document(self) -> bytes:
        return self.files["node"]

    async def members(self) -> bytes:
        return self.files["members"]

    async def revoked(self, sha256: bytes) -> bytes:
        return self._of_member(f"revoked {sha256.hex()}")

    async def member_root(self, node: str, *, version: int = 1) -> bytes:
        return self._of_member(f"{node} root" if version == 1 else f"{node} root {version}")

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        del held
        return self._of_member(f"{node} document")

    def _of_member(self, name: str) -> bytes:
        if name not in self.files:
            raise NotFoundError("no such member here")
        return self.files[name]


@dataclass
class MemoryLogs:
    """Logs whose tiles and bundles are made from their own coordinates."""

    notes: dict[str, bytes] = field(
        default_factory=lambda: {
            LIST: b"fr.example/lists/main\n3\nroot\n",
            RELEASES: b"fr.example/subsets/b\n1\nr\n",
        }
    )

    async def checkpoint(self, origin: str, *, held: bytes | None) -> bytes | None:
        if origin not in self.notes:
            raise NotFoundError("no such log here")
        return None if self.notes[origin] == held else self.notes[origin]

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        return sha256(f"{origin} {level} {index}".encode()).digest() * width

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        return f"{origin} entries {index} {width}{_part(first)}".encode()


def _part(first: int) -> str:
    return f" from {first}" if first else ""


@dataclass
class MemoryPeer(MemoryLogs):
    """What a peer may see: openings name the collections of its grant, and nothing else."""

    caller: Caller | None = None

    async def openings(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        assert self.caller is not None
        of = sorted(self.caller.collections)
        return f"{origin} openings {index} {width}{_part(first)} of {of}".encode()

    async def granted(self) -> Grant:
        assert self.caller is not None
        return Grant(collections=self.caller.collections)


@dataclass
class MemorySubset(MemoryLogs):
    """What a partner may see: its release files and an evaluator that adds one to every byte."""

    parts: dict[ReleasePart, bytes] = field(
        default_factory=lambda: {part: bytes(range(256)) * 200 for part in ReleasePart}
    )
    asked: list[EvaluationRequest] = field(default_factory=list)

    async def release_part(
        self, subset: str, *, version: int, part: ReleasePart, since: int | None, max_bytes: int | None = None
    ) -> bytes:
        assert max_bytes is None, "a limit is for the one who asks and not sent"
        if since is not None:
            return f"{subset} {version} {part} since {since}".encode()
        return self.parts[part]

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        if request.epoch != 1:
            raise GoneError("this epoch is retired: update first")
        self.asked.append(request)
        elements = bytes((byte + 1) % 256 for byte in request.elements)
        return EvaluationReply(
            epoch=request.epoch, request_id=request.request_id, elements=elements, proof=b"\1" * 64
        )


@dataclass
class SlowSubset(MemorySubset):
    """The same, whose evaluations end when they are let."""

    started: asyncio.Event = field(default_factory=asyncio.Event)
    finish: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        self.started.set()
        await self.finish.wait()
        return await super().evaluate(subset, request)


@dataclass
class MemoryEnrolment:
    """An invitation that is good once."""

    used: bool = False

    async def enrol(self, request: EnrolmentRequest) -> EnrolmentReply:
        if self.used:
            raise GoneError("this invitation was used")
        self.used = True
        assert len(request.auth_key) == 32
        return EnrolmentReply(
            partner=PARTNER, subset="baseline", origin=RELEASES, evaluations_per_day=1000, grace_days=7
        )


def peer_credential(key: AuthPublicKey = PEER_KEY.public) -> Credential:
    scopes = frozenset({LOG_READ, open_scope(1), open_scope(2)})
    pins = frozenset({PEER_TLS.spki_sha256})
    return Credential(client=PEER, kind=CallerKind.PEER, key=key, scopes=scopes, tls_spki_sha256=pins)


def partner_credential() -> Credential:
    scopes = frozenset({query_scope("baseline")})
    return Credential(client=PARTNER, kind=CallerKind.PARTNER, key=PARTNER_KEY.public, scopes=scopes)


class MemoryWitness:
    """A witness that answers what a test wants."""

    def __init__(self) -> None:
        self.answer: bytes | Refuse = b"\xe2\x80\x94 fr.example/w1 AAAA\n"
        self.asked: list[bytes] = []

    async def add_checkpoint(self, body: bytes) -> bytes | Refuse:
        self.asked.append(body)
        return self.answer

    async def witnessed(self, origin_sha256: str) -> bytes:
        if origin_sha256 != ORIGIN_SHA256:
            raise NotFoundError("no checkpoint of this log was cosigned here")
        return b"nl.example/lists/main\n3\nroot\n"


async def _knows_no_more(_client: str) -> bool:
    return False


class MemoryNode:
    """All of it together; tests change what they need before `make_services`."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.directory = MemoryDirectory(peer_credential(), partner_credential())
        self.replays = MemoryReplays()
        self.trust = MemoryTrust()
        self.peer = MemoryPeer()
        self.subset = MemorySubset()
        self.enrolment = MemoryEnrolment()
        self.witness: WitnessApi | None = MemoryWitness()
        self.hits: HitApi | None = None
        self.proposals: ProposalApi | None = None
        self.disclosed: DisclosedApi | None = None
        self.gossip: GossipApi = ToldByHand()
        self.recipients: RecipientService | None = None
        self.tuf: TufApi = MemoryTuf()
        self.recognise: Recognise = _knows_no_more
        self.callers: list[Caller] = []
        self.certificates_required = False

    def services(self) -> WebServices:
        return WebServices(
            node=NODE,
            url=URL,
            clock=self.clock,
            entropy=system_entropy,
            token_signer=lambda: TOKEN_KEY,
            token_keys=lambda: (TOKEN_KEY.public,),
            callers=self.directory,
            replays=self.replays,
            certificates_required=self.certificates_required,
            trust=self.trust,
            peer=self._peer,
            partner=self._partner,
            enrolment=self.enrolment,
            witness=self.witness,
            hits=lambda caller: self._for(caller, self.hits),
            proposals=lambda caller: self._for(caller, self.proposals),
            disclosed=lambda caller: self._for(caller, self.disclosed),
            gossip=self.gossip,
            acknowledgements=lambda caller: self._for(caller, None),
            trust_acknowledgements=lambda caller: self._for(caller, None),
            renewals=lambda caller: self._for(caller, None),
            held=lambda caller: self._for(caller, None),
            recipients=self.recipients,
            tuf=self.tuf,
            recognise=self.recognise,
        )

    def _peer(self, caller: Caller) -> MemoryPeer:
        self.callers.append(caller)
        self.peer.caller = caller
        return self.peer

    def _partner(self, caller: Caller) -> MemorySubset:
        self.callers.append(caller)
        return self.subset

    def _for(self, caller: Caller, service: _Service | None) -> _Service:
        self.callers.append(caller)
        assert service is not None, "a test that asks has set it"
        return service


@dataclass
class Loopback:
    """A served node and the ways to reach it."""

    memory: MemoryNode
    server: RunningServer
    listener: Listener

    @property
    def url(self) -> str:
        return self.server.url

    def as_peer(self, **changes: object) -> RemoteNode:
        return self._remote(Credentials(PEER, PEER_KEY), {"presents": PEER_TLS} | changes)

    def as_partner(self, **changes: object) -> RemoteNode:
        return self._remote(Credentials(PARTNER, PARTNER_KEY), changes)

    def as_nobody(self, **changes: object) -> RemoteNode:
        return self._remote(None, changes)

    def _remote(self, credentials: Credentials | None, changes: dict[str, object]) -> RemoteNode:
        return remote_to(self.url, credentials=credentials, **({"clock": self.memory.clock} | changes))


def remote_to(url: str, *, credentials: Credentials | None = None, **changes: object) -> RemoteNode:
    """A remote node that knows `IDENTITY` at `url`."""
    arguments: dict[str, object] = {
        "node": NODE,
        "base_url": url,
        "pins": frozenset({IDENTITY.spki_sha256}),
        "credentials": credentials,
        "clock": HandClock(),
        "entropy": system_entropy,
        "limits": QUICK,
    }
    build: Callable[..., RemoteNode] = RemoteNode
    return build(**(arguments | changes))


@asynccontextmanager
async def node_on_loopback(
    memory: MemoryNode | None = None, *, settings: WebSettings | None = None, identity: TlsIdentity = IDENTITY
) -> AsyncIterator[Loopback]:
    """A node of in-memory parts behind real HTTPS."""
    memory = memory or MemoryNode()
    app = make_app(memory.services(), settings or WebSettings())
    listener = Listener(identity, entropy=system_entropy)
    server = await serve(app, ssl_context=listener.context, host="127.0.0.1", port=0, drain_seconds=1.0)
    try:
        yield Loopback(memory, server, listener)
    finally:
        await server.stop()


class RecordingTraffic(Traffic):
    """Keeps every byte above TLS."""

    def __init__(self) -> None:
        super().__init__()
        self.sent_bytes = bytearray()
        self.received_bytes = bytearray()

    @override
    def on_sent(self, data: memoryview) -> None:
        super().on_sent(data)
        self.sent_bytes += data

    @override
    def on_received(self, data: memoryview) -> None:
        super().on_received(data)
        self.received_bytes += data
