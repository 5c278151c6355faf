"""What this node tells its peers that it holds, and gives them when they ask for it by its SHA-256.

Told are the newest head of every log that is held or was cosigned, the trust files of every member, and the evidence
that anybody can verify. Claims are not told: they are somebody's word. Spec: docs/spec/gossip.md.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from keys.errors import KeysError
from keys.trust.fingerprint import fingerprint
from keys.trust.members import open_members
from keys.trust.node_document import open_node_document
from keys.trust.tuf.root import open_roots
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE
from node.errors import NotFoundError
from node.evidence.judgement import claimed_head
from node.ports.objects import ObjectStore
from node.store.lists.records import LogKind
from node.store.store import Store
from node.store.unit import Unit
from node.trust.others.documents import member_files
from node.trust.tuf.repository import root_files
from protocol.gossip import FileKind, Gossip, GossipFile, GossipHead, in_turn, is_name
from protocol.limits import MAX_GOSSIP_EVIDENCE

_KINDS: Final = (LogKind.OWN_LIST, LogKind.OWN_RELEASES, LogKind.PEER_LIST, LogKind.PEER_RELEASES)


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A trust file that is held, and what is told about it."""

    told: GossipFile
    data: bytes


class Telling:
    """Gossip of one node; `own` are its own trust files, `introductions` those of members that are not followed."""

    def __init__(self, store: Store, own: ObjectStore, introductions: ObjectStore) -> None:
        self._store = store
        self._own = own
        self._introductions = introductions

    def gossip(self) -> Gossip:
        """What is held now."""
        files = self.files()
        with self._store.read() as unit:
            heads = list(_heads(unit))
            kept = [one for one in unit.evidence.ls() if one.kind.convicts]
        newest = sorted(kept, key=lambda one: one.created_ms, reverse=True)
        told = in_turn(newest, lambda one: one.subject.partition("/")[0])[:MAX_GOSSIP_EVIDENCE]
        return Gossip.of(heads, (one.told for one in files), (bytes.fromhex(one.sha256) for one in told))

    def object(self, name: str) -> bytes:
        """Evidence, a trust file, or the revocations that one names, by SHA-256; raises `NotFoundError`."""
        if not is_name(name):
            raise NotFoundError("nothing has that name")
        with self._store.read() as unit:
            kept = [one for one in unit.evidence.ls() if one.sha256 == name and one.kind.convicts]
        if kept:
            return self._store.objects.get(kept[0].object)
        for held in self.files():
            if held.told.sha256.hex() == name:
                return held.data
        with self._store.read() as unit:
            revocations = [one for one in unit.revocations.ls() if one.envelope]
        for record in revocations:
            if sha256(record.envelope).hexdigest() == name:
                return record.envelope
        raise NotFoundError("no file that this node hands on has that name")

    def files(self) -> list[HeldFile]:
        """Every trust file that is held and verifies, this node's own among them."""
        roots, register = root_files(self._own), self._own.get(MEMBERS_FILE)
        root = open_roots(roots, fingerprint(roots[0]))[-1]
        members = open_members(register, root)
        found = list(_told(roots, self._own.get(NODE_FILE), register))
        with self._store.read() as unit:
            registers = {name: held.members for name, held in unit.peers.trust().items()}
        held = member_files(self._store, self._introductions, members, own=root.node)
        for name, files in held.items():
            found += _told(files.roots, files.envelope, registers.get(name, b""))
        return found


class ServedTelling:
    """`protocol.api.GossipApi` for every peer alike."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling

    async def gossip(self, *, held: bytes | None) -> bytes | None:
        """What is held, or None when it is byte for byte what the caller has."""
        told = await asyncio.to_thread(lambda: self._telling.gossip().to_bytes())
        return None if told == held else told

    async def evidence(self, name: str) -> bytes:
        """One object that gossip names."""
        return await asyncio.to_thread(self._telling.object, name)


def _heads(unit: Unit) -> Iterator[GossipHead]:
    """The larger of what is held and what was cosigned, for each log."""
    notes = {log.origin: log.note for log in unit.logs.ls(*_KINDS) if log.note is not None}
    for record in unit.witnessed.ls():
        note = notes.get(record.origin)
        if note is None or claimed_head(note).size < record.head.size:
            notes[record.origin] = record.head.note + record.cosignature
    yield from (GossipHead(origin, note) for origin, note in notes.items())


def _told(roots: Sequence[bytes], document: bytes, register: bytes) -> Iterator[HeldFile]:
    root = open_roots(roots, fingerprint(roots[0]))[-1]

    def held(kind: FileKind, version: int, data: bytes) -> HeldFile:
        return HeldFile(GossipFile(root.node, kind, root.sha256, version, sha256(data).digest()), data)

    yield held(FileKind.NODE, open_node_document(document, root).serial, document)
    with suppress(KeysError):  # a register that does not verify is not told
        if register:
            yield held(FileKind.MEMBERS, open_members(register, root).version, register)
