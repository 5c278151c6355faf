"""Members that lie with their own, valid keys, to one follower this and to another that.

A liar has a list for each lie, shown to a follower as a face: a history, what is said of it, and what becomes of the
answers on their way. Honest witnesses are asked to cosign every history by the client that honest nodes use, and liars
cosign each other's whatever it is. Which lies there are is `support.lies`'s.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from keys.key import LogPrivateKey, WitnessPrivateKey
from keys.trust.node_document import NodeDocument, sign_node_document
from keys.trust.tuf.target_files import NODE_FILE
from node.clock import Clock
from node.errors import NotFoundError
from node.ports.objects import ObjectStore
from node.trust.announce import announce_log
from node.trust.own import window
from node.trust.service import ServedTrust
from node.witnesses.cosigners import OwnHead, ask_witness
from protocol.api import WitnessApi
from protocol.digest import Algorithm
from protocol.errors import ProtocolError
from protocol.lists.event import BASELINE
from protocol.lists.grant import Grant
from protocol.pull.machine import GetBundle
from protocol.tlog.cosignature import cosign
from protocol.tlog.merkle import leaf_hash
from protocol.tlog.note import Note, NoteSignature, VerifierKey
from protocol.tlog.tileproof import TileTree
from protocol.tlog.tiles import Tile, cut_bundle, new_hash_tiles
from protocol.witness.cosign import AddCheckpoint
from support.federation import FoundedNode
from support.lists import ListWriter, digest
from support.logs import with_lines
from support.new_stores import MemoryObjects
from support.pulling import Served
from support.tuf_serving import ListsAnything

GRANTED = frozenset({BASELINE})

Twist = Callable[[bytes, bytes], tuple[bytes, bytes]]
"""What becomes of the entries and openings of a bundle."""


def straight(entries: bytes, openings: bytes) -> tuple[bytes, bytes]:
    """Change nothing."""
    return entries, openings


class History:
    """One history of a list, and the cosignatures that its newest head got."""

    def __init__(self, writer: ListWriter, key: LogPrivateKey) -> None:
        self.served = Served(writer, key)
        self.only: frozenset[str] | None = None
        """The honest witnesses that are asked; None: all of them."""
        self._lines: dict[str, tuple[NoteSignature, ...]] = {}
        self._cosigned: tuple[int, bytes] = (0, b"")

    @property
    def writer(self) -> ListWriter:
        return self.served.writer

    def add(self, *names: str) -> None:
        """List made-up files as the agency's own."""
        for name in names:
            self.writer.add(digest(name, Algorithm.SHA256))

    def branch(self, key: LogPrivateKey | None = None) -> "History":
        """Another history that is the same so far, signed by the same key or another."""
        copy = ListWriter(self.writer.origin)
        copy.events, copy.openings = list(self.writer.events), list(self.writer.openings)
        branch = History(copy, key or self.served.key)
        if key is None:
            branch._lines, branch._cosigned = dict(self._lines), self._cosigned
        return branch

    @property
    def head(self) -> tuple[int, bytes]:
        """Size and root of the newest head."""
        return self.served.size, self.served.tree().root()

    def note(self) -> bytes:
        """The newest head with all its cosignatures."""
        note = Note.parse(self.served.note())
        if self._cosigned == self.head:
            note = with_lines(note, [line for lines in self._lines.values() for line in lines])
        return note.to_bytes()

    def tiles(self) -> dict[Tile, bytes]:
        """All hash tiles."""
        return dict(new_hash_tiles(0, b"".join(map(leaf_hash, self.writer.events)), _never))

    async def ask(self, witness: WitnessApi, document: NodeDocument) -> None:
        """Have the newest head cosigned by the witness that a document names; a refusal is taken as it is."""
        if self._cosigned != self.head:
            self._lines, self._cosigned = {}, self.head
        if document.node in self._lines:
            return
        own = OwnHead(
            note=Note.parse(self.served.note()), tree=TileTree(self.served.size, self.tiles().__getitem__)
        )
        with suppress(ProtocolError):
            asked = await ask_witness(
                witness, own, witness=document.node, keys=witness_keys_of(document), guess=0
            )
            if asked.lines:
                self._lines[document.node] = asked.lines


def witness_keys_of(document: NodeDocument) -> list[VerifierKey]:
    """The keys of the witness that a document names."""
    assert document.witness is not None, "founded with one"
    return [VerifierKey.from_text(dated.vkey) for dated in document.witness.vkeys]


@dataclass(frozen=True, kw_only=True)
class Face:
    """A history as somebody is shown it."""

    history: History
    said: bytes | None = None
    """Served instead of the newest head."""
    granted: frozenset[int] = GRANTED
    twist: Twist = straight
    error: Exception | None = None
    """Raised instead of a bundle."""

    def note(self) -> bytes:
        """The head that is served."""
        return self.history.note() if self.said is None else self.said


def _never(_: Tile) -> bytes:
    raise AssertionError("a new log has no older tiles")


class LyingList:
    """One list of a liar, and how each follower is shown it: honestly, unless something else is said."""

    def __init__(self, liar: "Liar", origin: str) -> None:
        self.liar = liar
        self.origin = origin
        self.history = History(ListWriter(origin), liar.key)
        self._shown: dict[str, Face] = {}
        self._honest = self.history

    def keep(self) -> None:
        """Remember what it is now: an honest list."""
        self._honest = self.history.branch()

    def rewind(self) -> None:
        """Be what was remembered."""
        self.history = self._honest.branch()
        self._shown.clear()

    def face(self, follower: str) -> Face:
        """What a follower is shown."""
        return self._shown.get(follower) or Face(history=self.history)

    def histories(self) -> list[History]:
        """Every history that there is of it."""
        shown = (face.history for face in self._shown.values())
        return list({id(one): one for one in (self.history, *shown)}.values())

    def show(self, face: Face, followers: Iterable[str]) -> None:
        """Show a face to these followers from now on."""
        self._shown |= dict.fromkeys(followers, face)


class Liar:
    """A founded node whose keys sign whatever it wants."""

    def __init__(self, name: str, country: str, clock: Clock) -> None:
        self.identity = FoundedNode(name, country, clock)
        self.name, self.country = name, country
        self.clock = clock
        self.key = LogPrivateKey.from_seed(name.encode().ljust(32, b"."))
        self.lists: dict[str, LyingList] = {}
        self.files: dict[str, ObjectStore] = {}
        """Trust files that somebody is shown instead of the first."""
        self.repository = ListsAnything(self.identity)

    def begin(self, name: str) -> LyingList:
        """A new list, announced like any other."""
        origin = f"{self.name}/lists/{name}"
        valid = window(self.clock.now(), 730)
        identity = self.identity
        announce_log(identity.trust, origin, self.key.public, valid=valid, signers=identity.signers)
        self.lists[origin] = LyingList(self, origin)
        return self.lists[origin]

    def show_document(self, change: Callable[[NodeDocument], NodeDocument], followers: Iterable[str]) -> None:
        """Show these followers a next node document of their own."""
        document = self.identity.trust.document()
        changed = change(replace(document, serial=document.serial + 1))
        files = MemoryObjects()
        signed = sign_node_document(changed, self.identity.signers)
        files.data = {**self.identity.files.data, NODE_FILE: signed}
        self.files |= dict.fromkeys(followers, files)

    def rewind(self) -> None:
        """Show everybody the first trust files, and be honest."""
        self.files.clear()
        for there in self.lists.values():
            there.rewind()

    def cosign(self, body: bytes) -> bytes:
        """The line of the liar's witness on any checkpoint at all."""
        info = self.identity.trust.document().witness
        assert info is not None, "founded with one"
        key = self.identity.keys.key(WitnessPrivateKey, "1")
        text = AddCheckpoint.from_bytes(body).note.text
        return cosign(text, info.name, key, int(self.clock.now().timestamp())).to_line().encode()

    def link(self, follower: str) -> "LiarLink":
        """What a follower reaches."""
        return LiarLink(self, follower)


class LiarLink:
    """A connection of one follower to a liar (`protocol.api.PeerApi`)."""

    def __init__(self, liar: Liar, follower: str) -> None:
        self._liar = liar
        self._follower = follower

    async def granted(self) -> Grant:
        faces = map(self._face, self._liar.lists)
        return Grant(collections=GRANTED.union(*(face.granted for face in faces)))

    async def tuf_metadata(self, name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:
        del held, max_bytes
        return self._liar.repository.metadata(self._files, name)

    async def tuf_target(self, name: str, *, max_bytes: int | None = None) -> bytes:
        del max_bytes
        return self._liar.repository.target(name)

    async def root(self) -> bytes:
        return self._files.get("1.root.json")

    async def revoked(self, sha256: bytes) -> bytes:
        return await ServedTrust(self._files).revoked(sha256)

    async def member_root(self, node: str, *, version: int = 1) -> bytes:
        del version
        raise NotFoundError(f"a liar relays nothing of {node}")

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        raise NotFoundError(f"a liar relays nothing of {node}, {len(held)} bytes are held")

    async def checkpoint(self, origin: str, *, held: bytes | None) -> bytes | None:
        note = self._face(origin).note()
        return None if note == held else note

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        found = self._face(origin).history.tiles().get(Tile(level, index, width))
        if found is None:
            raise NotFoundError("no such tile")
        return found

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        return self._bundle(origin, index, width, first)[0]

    async def openings(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        return self._bundle(origin, index, width, first)[1]

    @property
    def _files(self) -> ObjectStore:
        return self._liar.files.get(self._follower, self._liar.identity.files)

    def _face(self, origin: str) -> Face:
        return self._liar.lists[origin].face(self._follower)

    def _bundle(self, origin: str, index: int, width: int, first: int) -> tuple[bytes, bytes]:
        face = self._face(origin)
        if face.error is not None:
            raise face.error
        request = GetBundle(origin, index, width, openings=True)
        entries, openings = face.history.served.bundle(request, granted=face.granted)
        assert openings is not None, "they were asked for"
        return face.twist(cut_bundle(entries, width, first), cut_bundle(openings, width, first))
