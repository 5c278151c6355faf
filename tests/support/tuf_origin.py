"""A node's TUF repository with everybody's keys at hand, served over HTTP: its holders, and whoever stole a key."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aiohttp.test_utils import TestServer
from tuf.api.metadata import Metadata, Timestamp

from keys.key import (
    PrivateKey,
    PublicKey,
    RootPrivateKey,
    SnapshotPrivateKey,
    TargetsPrivateKey,
    TimestampPrivateKey,
)
from keys.signer import Signer
from keys.trust.fingerprint import fingerprint
from keys.trust.members import Member, Members, sign_members
from keys.trust.node_document import sign_node_document
from keys.trust.tuf.root import RootContent, TrustedRoot, open_roots
from keys.trust.tuf.write_root import author_root, sign_metadata
from keys.trust.window import Window
from node.trust.tuf.repository import Freshness, ServedTuf, TufRepository
from node.web.app import make_app
from node.web.settings import WebSettings
from support.fakes_api import HandClock, MemoryNode
from support.new_stores import MemoryObjects
from support.trust import author_next_root, node_document

Key = TypeVar("Key", bound=PrivateKey[PublicKey])

UNLIMITED = WebSettings(address_per_minute=100_000, address_burst=100_000)
TARGETS = "trust/node.json", "trust/members.json"


def keys(kind: type[Key], letters: bytes) -> list[Key]:
    """One key for each letter."""
    return [kind.from_seed(bytes([letter]) * 32) for letter in letters]


HOLDERS = keys(RootPrivateKey, b"123")
"""Of whom two must sign."""
SUCCESSORS = keys(RootPrivateKey, b"456")
STRANGERS = keys(RootPrivateKey, b"789")
TARGETS_HOLDERS = keys(TargetsPrivateKey, b"abc")
TARGETS_SUCCESSORS = keys(TargetsPrivateKey, b"jkl")
SNAPSHOTS, TIMESTAMPS = keys(SnapshotPrivateKey, b"st"), keys(TimestampPrivateKey, b"uv")
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
ONLINE, NEXT_ONLINE = map(Freshness, SNAPSHOTS, TIMESTAMPS)


class TufOrigin:
    """The repository of one node; its clock is a hand's, beside the real one that clients go by."""

    def __init__(self) -> None:
        self.files = MemoryObjects()
        self.clock = HandClock(datetime.now(UTC))
        self.repository = TufRepository(self.files, self.clock)
        self.online = ONLINE
        self.contents: dict[str, bytes] = {}
        content = RootContent(
            node="fr.example",
            expires=self.clock.now() + timedelta(days=365),
            root_keys=tuple(key.public for key in HOLDERS),
            threshold=2,
            targets_keys=tuple(key.public for key in TARGETS_HOLDERS),
            targets_threshold=2,
            snapshot_keys=(SNAPSHOTS[0].public,),
            timestamp_keys=(TIMESTAMPS[0].public,),
        )
        self.files.put("1.root.json", author_root(content, HOLDERS[:2]))
        self.revise(serial=1)

    @property
    def roots(self) -> tuple[TrustedRoot, ...]:
        """All that were made, whoever follows."""
        count = sum(name.endswith(".root.json") for name in self.files.data)
        files = [self.files.get(f"{version}.root.json") for version in range(1, count + 1)]
        return open_roots(files, fingerprint(files[0]))

    def revise(
        self,
        signers: Sequence[Signer] = TARGETS_HOLDERS[:2],
        *,
        serial: int = 2,
        version: int = 1,
        **changes: Any,
    ) -> None:
        """Sign the trust files, the node document with other fields, list them and say that they are current."""
        self.sign(signers, serial=serial, version=version, **changes)
        self.repository.list_files(self.roots[-1], self.contents, signers)
        self.stamp()

    def sign(self, signers: Sequence[Signer], *, serial: int, version: int = 1, **changes: Any) -> None:
        """Make a node document and a register of these numbers, which nobody lists yet."""
        valid = Window(START, START + timedelta(days=730))
        document = replace(node_document(), serial=serial, valid=valid, **changes)
        own = Member(node=document.node, root_sha256=self.roots[0].sha256, country="FR")
        register = Members(version=version, k=2, block_cap=100, members=(own,))
        self.contents["node.json"] = sign_node_document(document, signers)
        self.contents["members.json"] = sign_members(register, signers)

    def stamp(self) -> bool:
        """What the running node does every hour."""
        return self.repository.stamp(self.roots[-1], lambda: self.online)

    def rotate(self, signers: Sequence[Signer], **changes: Any) -> None:
        """Publish the next root."""
        newest = self.roots[-1]
        fields = {name: getattr(newest, name) for name in RootContent.__dataclass_fields__}
        data = author_next_root(newest, RootContent(**fields | changes), signers)
        self.files.put(f"{newest.version + 1}.root.json", data)

    def rotate_online(self) -> None:
        """Publish a root with other online keys, and sign with them."""
        self.online = NEXT_ONLINE
        self.rotate(HOLDERS[:2], snapshot_keys=(SNAPSHOTS[1].public,), timestamp_keys=(TIMESTAMPS[1].public,))
        self.stamp()

    def forge_timestamp(self, signer: Signer, *, version: int, hours: int = 24) -> None:
        """Serve the timestamp under another version, signed by whoever has the key, for so long."""
        metadata = Metadata[Timestamp].from_bytes(self.files.get("timestamp.json"))
        metadata.signed.version = version
        metadata.signed.expires = self.clock.now().replace(microsecond=0) + timedelta(hours=hours)
        metadata.signatures.clear()
        self.files.put("timestamp.json", sign_metadata(metadata, [signer]))

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """The URL at which clients find it meanwhile."""
        memory = MemoryNode()
        memory.tuf = ServedTuf(self.files)
        async with TestServer(make_app(memory.services(), UNLIMITED), host="127.0.0.1") as server:
            yield str(server.make_url("/tuf"))


def replaced(count: int) -> dict[str, Any]:
    """A root whose first holders are replaced by successors."""
    holders = [*SUCCESSORS[:count], *HOLDERS[count:]]
    return {"root_keys": tuple(key.public for key in holders)}
