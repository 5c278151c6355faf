"""Asking peers what they hold, and comparing: so that whoever shows two people two things is found out.

Everything told is untrusted. A head counts when its log's key signed it, a trust file when its pinned root did,
evidence when it verifies; nothing else is kept, and of what is kept there is little for each log. A head that is larger
than what is held is remembered until the log's own node shows as much; when it does not for long, both notes are kept
as a claim that it holds something back. Spec: docs/spec/gossip.md.
"""

import asyncio
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from keys.errors import KeysError, ThresholdError
from keys.trust.envelope import open_envelope, read_payload
from keys.trust.members import KIND as MEMBERS
from keys.trust.node_document import KIND as NODE
from keys.trust.node_document import open_node_document
from keys.trust.tuf.root import TrustedRoot
from keys.trust.tuf.target_files import NODE_FILE
from node.clock import Clock, milliseconds
from node.errors import MissingObjectError, NodeError, NotFoundError, StoreError, VerificationError
from node.evidence.keep import Verdict, accused_nodes, verify
from node.peers.gossip_heads import Asking, Hearing
from node.peers.holdings import HeldFile, Telling
from node.ports.objects import ObjectStore
from node.store.store import Store
from node.trust.others.refresh import newest_root
from node.trust.others.revocations import accept, believable
from node.trust.own import OwnTrust
from protocol.api import GossipApi
from protocol.errors import ProtocolError
from protocol.gossip import FileKind, Gossip, GossipFile
from protocol.trustfork import TrustFork

_MAX_REFUSED: Final = 1024
_KINDS: Final = {FileKind.NODE: NODE, FileKind.MEMBERS: MEMBERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class GossipReport:
    """What came of asking one peer."""

    peer: str
    found: tuple[Verdict, ...] = ()
    """What is kept since, proofs and claims."""
    refused: int = 0
    """Things told that do not verify."""
    error: Exception | None = None

    @property
    def words(self) -> str:
        """For people, in one line; empty when there is nothing to say."""
        said = [one.words for one in self.found]
        if self.refused:
            said.append(f"{self.refused} things it told do not verify")
        if self.error is not None:
            said.append(f"its gossip: {self.error}")
        return "; ".join(said)


class Gossiper:
    """The asking side of one node; it remembers what was refused, so that it is fetched once."""

    def __init__(
        self, store: Store, trust: OwnTrust, clock: Clock, *, own: ObjectStore, introductions: ObjectStore
    ) -> None:
        self._store = store
        self._trust = trust
        self._clock = clock
        self._introductions = introductions
        self._telling = Telling(store, own, introductions)
        self._hearing = Hearing(store)
        self._refused: set[str] = set()

    async def ask(self, name: str, link: GossipApi) -> GossipReport:
        """Ask the peer `name`, compare, and keep what it shows; what it does wrong is in the report."""
        asking = await asyncio.to_thread(self._begin, name)
        await asyncio.to_thread(self._hearing.review, asking)
        error: Exception | None = None
        try:
            told = await self._told(name, link)
            if told is not None:
                # Files first: whose keys count must not wait behind what a convicted liar makes without end.
                await self._take_files(asking, told, link)
                await self._take_evidence(asking, told, link)
                await asyncio.to_thread(self._hearing.take, asking, told)
        except (NodeError, ProtocolError) as exc:
            if isinstance(exc, StoreError):
                raise
            error = exc
        await asyncio.to_thread(self._hearing.review, asking)
        return GossipReport(peer=name, found=tuple(asking.found), refused=asking.refused, error=error)

    def _begin(self, name: str) -> Asking:
        accused = accused_nodes(self._store, self._introductions, self._trust)
        return Asking(name, milliseconds(self._clock.now()), dict(accused))

    async def _told(self, name: str, link: GossipApi) -> Gossip | None:
        """What the peer tells: the same as last time costs next to nothing; None when it does not gossip."""
        place = f"gossip/{sha256(name.encode()).hexdigest()}.cbor"
        held = await asyncio.to_thread(self._last, place)
        try:
            data = await link.gossip(held=held)
        except NotFoundError:
            return None
        if data is None:
            return Gossip.from_bytes(held or b"")
        told = Gossip.from_bytes(data)
        await asyncio.to_thread(self._store.objects.put, place, data)
        return told

    def _last(self, place: str) -> bytes | None:
        try:
            return self._store.objects.get(place)
        except MissingObjectError:
            return None

    # evidence

    async def _take_evidence(self, asking: Asking, told: Gossip, link: GossipApi) -> None:
        known = await asyncio.to_thread(self._known)
        for digest in told.evidence:
            if digest.hex() in known or digest.hex() in self._refused:
                continue
            data = await self._fetch(asking, digest, link)
            if data is not None:
                await asyncio.to_thread(self._take, asking, data)

    def _known(self) -> set[str]:
        with self._store.read() as unit:
            return {record.sha256 for record in unit.evidence.ls()}

    async def _fetch(self, asking: Asking, digest: bytes, link: GossipApi) -> bytes | None:
        """An object that was named; None when it does not come, is another, or enough was asked for."""
        if not asking.fetches:
            return None
        asking.fetches -= 1
        try:
            data = await link.evidence(digest.hex())
        except NotFoundError:  # another took its place since it was named, which is told the next time
            self._forget_about(digest.hex())
            return None
        if sha256(data).digest() == digest:
            return data
        self._refuse(asking, digest.hex())
        return None

    def _take(self, asking: Asking, data: bytes) -> None:
        """Keep evidence that somebody told, if it convicts and verifies."""
        name = sha256(data).hexdigest()
        try:
            verdict = verify(data, asking.accused)
        except (ProtocolError, KeysError, VerificationError):
            self._refuse(asking, name)
            return
        if not verdict.kind.convicts or not asking.keep(self._store, data, verdict, source=asking.peer):
            self._forget_about(name)  # true, but kept already or more than is kept: not worth fetching again

    def _refuse(self, asking: Asking, name: str) -> None:
        asking.refused += 1
        self._forget_about(name)

    def _forget_about(self, name: str) -> None:
        if len(self._refused) >= _MAX_REFUSED:
            self._refused.clear()
        self._refused.add(name)

    # trust files

    async def _take_files(self, asking: Asking, told: Gossip, link: GossipApi) -> None:
        held = {(one.told.node, one.told.kind): one for one in await asyncio.to_thread(self._telling.files)}
        for other in told.files:
            ours = held.get((other.node, other.kind))
            if ours is None or ours.told.root_sha256 != other.root_sha256:
                continue  # not counted here, or pinned to another root: those who compared words have to talk
            if other.version < ours.told.version or other.sha256 == ours.told.sha256:
                continue
            if other.sha256.hex() in self._refused:
                continue
            data = await self._fetch(asking, other.sha256, link)
            if data is not None:
                await asyncio.to_thread(self._take_file, asking, ours, other, data)
        await self._take_revocations(asking, link)

    async def _take_revocations(self, asking: Asking, link: GossipApi) -> None:
        """What a held document names and its own node did not give: any member that has it gives it as well."""
        for node, named in await asyncio.to_thread(self._missing):
            if node not in asking.accused or not asking.fetches:
                continue
            asking.fetches -= 1
            try:
                data = await link.evidence(named.hex())
            except NotFoundError:
                continue  # it never said that it has it; the next one may
            try:
                await asyncio.to_thread(accept, self._store, asking.accused[node].root, data)
            except VerificationError:
                asking.refused += 1

    def _missing(self) -> list[tuple[str, bytes]]:
        with self._store.read() as unit:
            return [(one.node, one.named) for one in unit.revocations.ls() if one.missing and one.named]

    def _take_file(self, asking: Asking, ours: HeldFile, other: GossipFile, data: bytes) -> None:
        """Two files of one version convict; a newer document says whose keys count now, whoever brings it."""
        name = other.sha256.hex()
        root = self._newest_root(other.node) or asking.accused[other.node].root
        try:
            content = open_envelope(data, _KINDS[other.kind], root)
        except ThresholdError:
            self._forget_about(name)  # by keys that were replaced, or that only its own next root names
        except KeysError:
            self._refuse(asking, name)
        else:
            if other.version > ours.told.version:
                self._take_newer(asking, other, data, root)
            elif content == read_payload(ours.data):
                self._forget_about(name)  # signed again by other holders
            else:
                fork = TrustFork(node=other.node, what=_KINDS[other.kind], one=ours.data, other=data)
                self._take(asking, fork.to_bytes())

    def _newest_root(self, node: str) -> TrustedRoot | None:
        """Of a peer; it may be newer than the root that the document held is signed under."""
        with self._store.read() as unit:
            peer = unit.peers.find(node)
            return None if peer is None else newest_root(peer)

    def _take_newer(self, asking: Asking, other: GossipFile, data: bytes, root: TrustedRoot) -> None:
        if other.kind is not FileKind.NODE:
            return
        node, accused = other.node, asking.accused[other.node]
        try:
            document = open_node_document(data, root)
            document.valid.require(self._clock.now(), "the node document")
        except KeysError:
            self._refuse(asking, other.sha256.hex())
            return
        if document.serial <= accused.document.serial:
            return
        with self._store.write() as unit:
            unit.revocations.name(node, document.revoked_sha256)
            asking.accused[node] = replace(accused, document=believable(unit, document))
            for peer in unit.peers.ls():
                if peer.name == node and peer.serial < document.serial:
                    trust = replace(peer.trust, files={**peer.trust.files, NODE_FILE: data})
                    unit.peers.update_trust(node, trust, serial=document.serial)
