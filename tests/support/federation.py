"""Agencies on real services and SQLite stores, joined by links without sockets.

    federation = Federation(tmp_path)
    fr, nl = federation.peers("fr", "nl")
    nl.add("a file"); nl.publish()
    await federation.settle()

A link passes every answer through its `meddle`, which may change it, hold it back or raise: that is how a network, or
somebody in it, misbehaves. Nodes that lie with their own keys are in `support.adversary`.
"""

import asyncio
import atexit
import os
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import combinations
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from keys.key import LogPrivateKey, RootPrivateKey, TargetsPrivateKey
from keys.roles import Role
from keys.trust.fingerprint import to_words
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import NodeLimits
from keys.trust.tuf.root import RootContent, TrustedRoot
from node.access.callers import StoredCallers
from node.access.stored_grant import stored_grant
from node.clock import Clock, milliseconds
from node.errors import PeerRefusedError, PeerUnreachableError, StoreError
from node.formats.rows import ImportRow
from node.judgement.effective import Current
from node.lists.catalogue import create_list, list_origin
from node.lists.corrections.withdraw import withdraw
from node.lists.imports.intake import Statement, import_rows
from node.lists.publish import Published, publish
from node.objects.logfiles import LogFiles
from node.peers.log_service import CallerLogs
from node.peers.membership import Membership, introduce
from node.peers.sync.reports import SyncReport
from node.peers.sync.sync import Syncer
from node.signing.log_signer import FolderLogSigner
from node.store.lists.records import LogRecord
from node.store.peers.records import FetchedTrust, PeerRecord
from node.store.store import Store
from node.trust.announce import announce_log
from node.trust.foundation import found
from node.trust.own import OwnTrust, window
from node.trust.service import ServedTrust
from node.trust.tuf.repository import Freshness, root_name
from protocol.api import PeerApi
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Basis, Reason
from protocol.lists.grant import Grant
from protocol.lists.opening import Opening
from support.founding import MemoryKeys, founding_of
from support.lists import digest
from support.new_stores import MemoryObjects, new_store, open_store
from support.times import SettableClock
from support.trust import author_next_root
from support.tuf_serving import OfferedTrust, StampedTrust
from support.whole import current

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
EVERYTHING = Grant(collections=frozenset({BASELINE, NATIONAL}))
LIMITS = NodeLimits(max_adds_per_day=100_000, max_withdraws_per_day=1000, max_checkpoint_age_s=86_400)
LIST = "main"


class FoundedNode:
    """The identity of a node: its keys and trust files, in memory."""

    def __init__(self, name: str, country: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.files = MemoryObjects()
        self.keys, self.root_keys = MemoryKeys(), MemoryKeys()
        self.pin = os.urandom(32)
        founding = founding_of(name, country, pin=self.pin, limits=LIMITS)
        self.founded = found(
            founding, keychain=self.keys, root_keychain=self.root_keys, files=self.files, clock=clock
        )
        self.trust = self._own_trust()

    def _own_trust(self) -> OwnTrust:
        return OwnTrust(
            self.files, self.clock, root_sha256=self.founded.root_sha256, freshness=self.keys.freshness
        )

    @property
    def signers(self) -> list[TargetsPrivateKey]:
        return [self.root_keys.key(TargetsPrivateKey, "1")]

    @property
    def holders(self) -> list[RootPrivateKey]:
        """Whose signatures make the next root."""
        return [self.root_keys.key(RootPrivateKey, "1")]

    @property
    def origin(self) -> str:
        """Origin of the node's first list."""
        return list_origin(self.name, LIST)

    def announce(self, origin: str, key: LogPrivateKey) -> None:
        """Name a log and its key in the node document."""
        valid = window(self.clock.now(), 730)
        announce_log(self.trust, origin, key.public, valid=valid, signers=self.signers)

    def revise(self, change: Callable[[NodeDocument], NodeDocument]) -> NodeDocument:
        """Sign another node document."""
        return self.trust.revise_document(change, signers=self.signers)

    @property
    def root_sha256(self) -> bytes:
        """What others pin."""
        return self.founded.root_sha256

    def rotate_root(self, **changes: Any) -> None:
        """Publish the next root, by default the same again; holders and successors are keys at hand."""
        newest = self.trust.root()
        fields = {name: getattr(newest, name) for name in RootContent.__dataclass_fields__}
        data = author_next_root(newest, RootContent(**fields | changes), self.root_signers)
        self.files.put(root_name(newest.version + 1), data)

    @property
    def root_signers(self) -> list[RootPrivateKey]:
        """Everybody who is or was a holder of the root."""
        labels = [label for role, label in self.root_keys.secrets if role is Role.ROOT]
        return [self.root_keys.key(RootPrivateKey, label) for label in labels]

    def freshness(self, root: TrustedRoot) -> Freshness:
        """The keys that say what is current."""
        return self.keys.freshness(root)

    def fetched(self) -> FetchedTrust:
        """The trust files as somebody finds them at the node's address."""
        return FetchedTrust(url=f"https://{self.name}/", trust=self.trust.current(), spki_sha256=self.pin)


class Agency(FoundedNode):
    """A whole node: identity, store, one list of its own, and those of its peers."""

    def __init__(self, name: str, country: str, folder: Path, clock: SettableClock) -> None:
        super().__init__(name, country, clock)
        self.country = country
        self.time = clock
        folder.mkdir(parents=True)
        self.objects, self.introductions = MemoryObjects(), MemoryObjects()
        self.log_key = LogPrivateKey.from_seed(os.urandom(32))
        self.log_keys = [self.log_key]
        self._storage_key = os.urandom(32)
        self._settle_in(folder, new_store(_dsn(folder), storage_key=self._storage_key, objects=self.objects))
        create_list(self.store, name, LIST)
        self.announce(self.origin, self.log_key)

    def _settle_in(self, folder: Path, store: Store) -> None:
        self._folder, self.store = folder, store
        self.signer = FolderLogSigner(folder / "signer", lambda _: self.log_keys)
        self.membership = Membership(self.trust, store, self.introductions, self.clock)
        self.syncer = Syncer(store, self.clock)

    def taken_up(self, folder: Path, clock: SettableClock) -> Self:
        """The same agency in another folder, as it is now; nobody may be at work here."""
        copytree(self._folder, folder)
        made = copy(self)
        made.clock = made.time = clock
        made.keys, made.root_keys = self.keys.copied(), self.root_keys.copied()
        made.log_keys = [*self.log_keys]
        made.files, made.objects, made.introductions = (
            MemoryObjects(each.data) for each in (self.files, self.objects, self.introductions)
        )
        made.trust = made._own_trust()
        store = open_store(_dsn(folder), storage_key=self._storage_key, objects=made.objects)
        made._settle_in(folder, store)
        return made

    @property
    def now_ms(self) -> int:
        return milliseconds(self.clock.now())

    def add(
        self,
        *names: str,
        collection: int = BASELINE,
        basis: Basis = Basis.OWN,
        algorithm: Algorithm = Algorithm.SHA256,
    ) -> None:
        """Queue made-up files, one digest each."""
        rows = [
            ImportRow(at, (digest(name, algorithm),), collection, {}, "") for at, name in enumerate(names, 2)
        ]
        statement = Statement(basis=basis, criteria=1)
        import_rows(self.store, self.origin, rows, statement=statement, now_ms=self.now_ms)

    def withdraw(self, name: str, reason: Reason = Reason.OTHER) -> None:
        """Queue the withdrawal of a made-up file."""
        withdraw(self.store, self.origin, digest(name, Algorithm.SHA256), reason=reason)

    def publish(self, *names: str, **how: Any) -> Published:
        """Publish what waits, these files with it; `how` is as `add` takes it."""
        if names:
            self.add(*names, **how)
        return publish(self.store, self.origin, signer=self.signer, now_ms=self.now_ms)

    def know(self, other: FoundedNode, *, country: str, grant: Grant) -> None:
        """Make `other` a member, and a peer that may read what `grant` covers."""
        introduced = introduce(other.fetched(), to_words(other.founded.root_sha256), self.clock)
        self.membership.add_member(
            introduced, country=country, authority_for=frozenset(), signers=self.signers
        )
        self.membership.add_peer(other.name, grant)

    def callers(self) -> StoredCallers:
        """Who may call it."""
        return StoredCallers(self.store, self.clock)

    def grant_of(self, peer: str) -> Grant:
        with self.store.read() as unit:
            return stored_grant(unit.peers.get(peer))

    def log(self, origin: str | None = None) -> LogRecord:
        with self.store.read() as unit:
            return unit.logs.get(origin or self.origin)

    def items(self, origin: str) -> list[tuple[int, bytes, bytes | None]]:
        """Everything held of a list: index, event, opening."""
        files = LogFiles(self.objects, self.store.vault, origin)
        return list(files.items(first=0, size=self.log(origin).head.size))

    def digests(self, origin: str) -> set[Digest]:
        """Digests in the held openings of a list."""
        opened = (Opening.from_bytes(opening).digest for _, _, opening in self.items(origin) if opening)
        return {found for found in opened if found is not None}

    def judged(self, max_age: timedelta = timedelta(days=1)) -> Current:
        """What all that it holds comes to, by its own register."""
        return current(self.store, self.trust.members(), now=self.clock.now(), max_age=max_age)

    def effective(self) -> set[Digest]:
        """What is effective in any collection."""
        return {found for _, found in self.judged().decision.effective}

    def serve(self, caller: str) -> "ServedTo":
        """What this agency offers `caller`."""
        return ServedTo(
            StampedTrust(self.files, self.trust), CallerLogs(self.store, self.clock, self.grant_of(caller))
        )


def _dsn(folder: Path) -> str:
    return f"sqlite:///{folder}/sigfed.db"


class ServedTo(OfferedTrust):
    """Trust files and logs of an agency, for one caller."""

    def __init__(self, trust: ServedTrust, logs: CallerLogs) -> None:
        super().__init__(trust)
        self.checkpoint = logs.checkpoint
        self.tile = logs.tile
        self.entries = logs.entries
        self.openings = logs.openings
        self.granted = logs.granted


@dataclass(frozen=True, slots=True)
class Call:
    """One request over a link."""

    what: str
    origin: str = ""
    index: int = 0
    width: int = 0
    first: int = 0


_TRUST_FILES = {"node.json": "node_document", "members.json": "members"}
"""What a call for a trust file is named."""

Meddle = Callable[[Call, bytes], bytes]
"""Sees an answer on its way and returns what arrives, or raises."""


def honest(_call: Call, answer: bytes) -> bytes:
    """Change nothing."""
    return answer


class Link:
    """A connection from one node to another (`protocol.api.PeerApi`), with somebody in between."""

    def __init__(self, api: Callable[[], PeerApi], grant: Callable[[], Grant]) -> None:
        self._api = api
        self._grant = grant
        self.meddle: Meddle = honest
        self.delay: Callable[[Call], int] = lambda _: 0
        """How many turns of the event loop an answer takes."""
        self.calls: list[Call] = []
        self.first: Callable[[int], int] = lambda first: first
        """What the asked makes of the entry that a bundle is wanted from."""

    async def granted(self) -> Grant:
        return self._grant()

    async def tuf_metadata(self, name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:
        what = "next_root" if name.endswith(".root.json") else name.removesuffix(".json").rpartition(".")[2]
        return await self._pass(
            Call(what), lambda api: api.tuf_metadata(name, held=held, max_bytes=max_bytes)
        )

    async def tuf_target(self, name: str, *, max_bytes: int | None = None) -> bytes:
        what = _TRUST_FILES.get(name.partition(".")[2], "trust_file")
        return await self._pass(Call(what), lambda api: api.tuf_target(name, max_bytes=max_bytes))

    async def root(self) -> bytes:
        return await self._pass(Call("root"), lambda api: api.root())

    async def revoked(self, sha256: bytes) -> bytes:
        return await self._pass(Call("revoked"), lambda api: api.revoked(sha256))

    async def member_root(self, node: str, *, version: int = 1) -> bytes:
        call = Call("member_root", node)
        return await self._pass(call, lambda api: api.member_root(node, version=version))

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        call = Call("member_document", node)
        return await self._pass(call, lambda api: api.member_document(node, held=held))

    async def checkpoint(self, origin: str, *, held: bytes | None) -> bytes | None:
        note = await self._pass(Call("checkpoint", origin), lambda api: _note(api, origin))
        return None if note == held else note

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        call = Call("tile", origin, index, width)
        return await self._pass(call, lambda api: api.tile(origin, level=level, index=index, width=width))

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        call = Call("entries", origin, index, width, first)
        return await self._pass(
            call, lambda api: api.entries(origin, index=index, width=width, first=self.first(first))
        )

    async def openings(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        call = Call("openings", origin, index, width, first)
        return await self._pass(
            call, lambda api: api.openings(origin, index=index, width=width, first=self.first(first))
        )

    async def _pass(self, call: Call, ask: Callable[[PeerApi], Awaitable[bytes]]) -> bytes:
        self.calls.append(call)
        try:
            answer = await ask(self._api())
        except StoreError as exc:  # over HTTP the other node's own failures are a status, never ours
            raise PeerRefusedError("the node failed", status=500) from exc
        for _ in range(self.delay(call)):
            await asyncio.sleep(0)
        return self.meddle(call, answer)


async def _note(api: PeerApi, origin: str) -> bytes:
    note = await api.checkpoint(origin, held=None)
    assert note is not None
    return note


def unreachable_from(first: int) -> Meddle:
    """The connection breaks at the call `first` (counted from 0) and stays down."""
    seen = iter(range(10**9))

    def meddle(call: Call, answer: bytes) -> bytes:
        if next(seen) >= first:
            raise PeerUnreachableError(f"no answer to {call.what}")
        return answer

    return meddle


def unreachable_at(place: Call) -> Meddle:
    """The connection breaks at one call."""

    def meddle(call: Call, answer: bytes) -> bytes:
        if call == place:
            raise PeerUnreachableError(f"no answer to {call.what}")
        return answer

    return meddle


def on(what: str, change: Callable[[bytes], bytes]) -> Meddle:
    """Change the answers to one kind of call."""
    return lambda call, answer: change(answer) if call.what == what else answer


def flip(at: int) -> Callable[[bytes], bytes]:
    """Flip the lowest bit of a byte, counted from either end."""
    return lambda data: (
        bytes(byte ^ 1 if place == at % len(data) else byte for place, byte in enumerate(data))
        if data
        else data
    )


class Federation:
    """Agencies, the links between them, and the time they share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clock = SettableClock(START)
        self.agencies: list[Agency] = []
        self.links: dict[tuple[str, str], Link] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for agency in self.agencies:
            agency.store.dispose()

    def taken_up(self, folder: Path) -> "Federation":
        """The same federation in another folder, as it is now; its lines are good ones. Nobody may be at work here."""
        made = Federation(folder)
        made._take_up(self)
        return made

    def _take_up(self, other: "Federation") -> None:
        self.clock.moment = other.clock.moment
        for agency in other.agencies:
            self.agencies.append(agency.taken_up(self._folder / agency.name, self.clock))
        named = {agency.name: agency for agency in self.agencies}
        for asker, asked in other.links:
            self.connect(named[asker], named[asked])

    def agency(self, name: str, country: str) -> Agency:
        """Another agency with an empty list: the same one in each federation of a run that is at its beginning."""
        folder = self._folder / name
        if self.clock.moment == START:
            made = _agency(name, country).taken_up(folder, self.clock)
        else:
            made = Agency(name, country, folder, self.clock)
        self.agencies.append(made)
        return made

    def peers(self, *codes: str, grant: Grant = EVERYTHING, back: Grant = EVERYTHING) -> list[Agency]:
        """Agencies of these countries, all introduced to each other: the same ones in each new federation of a run."""
        if self.agencies or self.clock.moment != START:
            return self._founded(codes, grant, back)
        self._take_up(_introduced(codes, grant, back))
        return [*self.agencies]

    def _founded(self, codes: tuple[str, ...], grant: Grant, back: Grant) -> list[Agency]:
        made = [self.agency(f"{code}.example", code.upper()) for code in codes]
        for one, other in combinations(made, 2):
            self.introduce(one, other, grant=grant, back=back)
        return made

    def introduce(
        self, one: Agency, other: Agency, *, grant: Grant = EVERYTHING, back: Grant = EVERYTHING
    ) -> None:
        """Make two agencies peers: `other` may read `grant` of `one`, and `one` reads `back` of `other`."""
        one.know(other, country=other.country, grant=grant)
        other.know(one, country=one.country, grant=back)
        for asker, asked in ((one, other), (other, one)):
            self.connect(asker, asked)

    def connect(self, asker: Agency, asked: Agency) -> Link:
        """The line over which one peer asks another."""
        link = Link(lambda: asked.serve(asker.name), lambda: asked.grant_of(asker.name))
        self.links[asker.name, asked.name] = link
        return link

    def link(self, asker: Agency, asked: Agency) -> Link:
        return self.links[asker.name, asked.name]

    async def sync(self, asker: Agency, asked: Agency) -> SyncReport:
        """Let `asker` fetch what `asked` has."""
        return await asker.syncer.sync(asked.name, self.link(asker, asked))

    async def settle(self) -> list[SyncReport]:
        """Everybody syncs with all peers once; nothing they hold depends on the order."""
        named = {agency.name: agency for agency in self.agencies}
        return [await self.sync(named[asker], named[asked]) for asker, asked in self.links]

    def advance(self, **delta: float) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(**delta))

    def require_converged(self) -> None:
        """Everybody holds exactly what everybody else published."""
        named = {agency.name: agency for agency in self.agencies}
        for asker, asked in self.links:
            check_follows(named[asker], named[asked])


def scratch_folder() -> Path:
    """A folder that goes with this process."""
    scratch = TemporaryDirectory()
    atexit.register(scratch.cleanup)
    return Path(scratch.name)


@cache
def _agency(name: str, country: str) -> Agency:
    """To found one takes longer than many tests; it comes to the same each time."""
    made = Agency(name, country, scratch_folder() / name, SettableClock(START))
    made.store.dispose()
    return made


@cache
def _introduced(codes: tuple[str, ...], grant: Grant, back: Grant) -> Federation:
    """To introduce them takes as long."""
    with Federation(scratch_folder()) as made:
        made._founded(codes, grant, back)
    return made


def remember(store: Store, peer: FoundedNode, url: str) -> None:
    """Follow a peer as it is now, at an address."""
    now_ms = milliseconds(peer.clock.now())
    record = PeerRecord(
        name=peer.name,
        url=url,
        trust=peer.trust.current(),
        serial=peer.trust.document().serial,
        grant="",
        added_ms=now_ms,
        confirmed_ms=now_ms,
    )
    with store.write() as unit:
        unit.peers.add(record)


def check_follows(follower: Agency, source: Agency) -> None:
    """What `follower` holds of the list of `source` is what that published, opened as granted."""
    held, own = follower.log(source.origin), source.log()
    assert (held.head.size, held.head.root, held.note) == (own.head.size, own.head.root, own.note)
    collections = source.grant_of(follower.name).collections
    expected = [
        (index, event, opening if int.from_bytes(event[2:4]) in collections else None)
        for index, event, opening in source.items(source.origin)
    ]
    assert follower.items(source.origin) == expected
