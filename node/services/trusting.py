"""The node's own trust files: its root, node document and members register, read and revised.

A revision is a function from the old value to the new one, and one is made at a time; serial and version grow here and
nowhere else, and what was signed is verified before it replaces what was there. Targets keys are needed for every
revision, so a thief of the running node cannot change who it is or whom it counts.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, takewhile

from keys.signer import Signer
from keys.trust.members import Members, open_members, sign_members
from keys.trust.node_document import NodeDocument, open_node_document, sign_node_document
from keys.trust.root import TrustedRoot, open_roots
from keys.trust.target_files import is_target_name
from keys.trust.window import Window
from node.clock import Clock
from node.errors import NotFoundError
from node.ports.objects import ObjectStore
from node.services.tuf_repository import Freshness, TufRepository
from protocol.api import TrustApi

ROOT_NAME = "1.root.json"
"""The first root, which others pin."""
DOCUMENT_NAME = "node.json"
MEMBERS_NAME = "members.json"
DOCUMENT_DAYS = 180


def root_name(version: int) -> str:
    """File name of a version of the root."""
    return f"{version}.root.json"


def root_files(files: ObjectStore) -> tuple[bytes, ...]:
    """All roots in the folder of a node's own trust files, from the first to the newest."""
    later = takewhile(files.exists, map(root_name, count(2)))
    return (files.get(ROOT_NAME), *map(files.get, later))


Succeed = Callable[[NodeDocument, TrustedRoot], NodeDocument]


def _as_it_is(document: NodeDocument, _root: TrustedRoot) -> NodeDocument:
    return document


class OwnTrust:
    """The trust files in `files`, whose first root has this SHA-256.

    `freshness` opens the keys of a root that say what is current; `alone` keeps other processes from revising at the
    same time. `succeed` adds to a document that is about to be signed the keys that follow those in it.
    """

    def __init__(
        self,
        files: ObjectStore,
        clock: Clock,
        *,
        root_sha256: bytes,
        freshness: Callable[[TrustedRoot], Freshness],
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
        succeed: Succeed = _as_it_is,
    ) -> None:
        self._files = files
        self._clock = clock
        self._pinned = root_sha256
        self._freshness = freshness
        self._alone = alone
        self._succeed = succeed
        self._repository = TufRepository(files, clock)

    def roots(self) -> tuple[TrustedRoot, ...]:
        """All roots, from the one that this node was founded with to the newest."""
        return open_roots(root_files(self._files), self._pinned)

    def root(self) -> TrustedRoot:
        """The newest root."""
        return self.roots()[-1]

    def document(self) -> NodeDocument:
        """The newest node document."""
        return open_node_document(self._files.get(DOCUMENT_NAME), self.root())

    def members(self) -> Members:
        """The newest members register."""
        return open_members(self._files.get(MEMBERS_NAME), self.root())

    def revise_document(
        self, change: Callable[[NodeDocument], NodeDocument], *, signers: Sequence[Signer]
    ) -> NodeDocument:
        """Sign and store the next node document; its window starts now and lasts 180 days."""
        with self._alone():
            old, root = self.document(), self.root()
            valid = window(self._clock.now(), DOCUMENT_DAYS)
            changed = self._succeed(replace(change(old), serial=old.serial + 1, valid=valid), root)
            data = sign_node_document(changed, signers)
            open_node_document(data, root)
            self._replace(DOCUMENT_NAME, data, signers)
            return changed

    def revise_members(self, change: Callable[[Members], Members], *, signers: Sequence[Signer]) -> Members:
        """Sign and store the next members register."""
        with self._alone():
            old = self.members()
            changed = replace(change(old), version=old.version + 1)
            data = sign_members(changed, signers)
            open_members(data, self.root())
            self._replace(MEMBERS_NAME, data, signers)
            return changed

    def listed_files(self) -> dict[str, bytes]:
        """The trust files that are listed, by name: node document, register, and whatever else the holders signed."""
        names = (name for name in self._files.ls("") if is_target_name(name))
        return {name: self._files.get(name) for name in names}

    def replace_file(self, name: str, data: bytes, *, signers: Sequence[Signer]) -> None:
        """Put a trust file, or the next version of one, in force, and list it; what it says was checked before.

        For files with a name of `keys.trust.target_files` other than the two that have revisions of their own.
        """
        assert is_target_name(name), "only what clients may fetch is listed"
        assert name not in {DOCUMENT_NAME, MEMBERS_NAME}, "those have numbers that only grow"
        with self._alone():
            self._replace(name, data, signers)

    def stamp(self) -> bool:
        """Say to TUF clients that the trust files are current, unless that was said lately; whether it was said."""
        with self._alone():
            return self._stamp(self.root())

    def _replace(self, name: str, data: bytes, signers: Sequence[Signer]) -> None:
        """Replaced first: a file that was listed and then made anew under the same number would be a trust fork."""
        self._files.put(name, data)
        self._repository.list_files(self.root(), self.listed_files(), signers)
        self._stamp(self.root())

    def _stamp(self, root: TrustedRoot) -> bool:
        return self._repository.stamp(root, lambda: self._freshness(root))


class ServedTrust:
    """The trust files as other nodes may read them (`protocol.api.TrustApi`): as they were signed."""

    def __init__(self, files: ObjectStore) -> None:
        self._files = files

    async def root(self) -> bytes:
        """The node's `1.root.json`."""
        return self._files.get(ROOT_NAME)

    async def node_document(self, *, held: bytes = b"") -> bytes:
        """The signed envelope of the node document."""
        del held
        return self._files.get(DOCUMENT_NAME)

    async def members(self, *, held: bytes = b"") -> bytes:
        """The signed envelope of the members register."""
        del held
        return self._files.get(MEMBERS_NAME)

    async def member_root(self, node: str) -> bytes:
        """No member's: what a node holds of others is `node.services.relaying`'s to serve."""
        raise NotFoundError(f"no trust files of {node} are held here")

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        """No member's."""
        del held
        raise NotFoundError(f"no trust files of {node} are held here")


class ForwardedTrust:
    """The reads of the trust files, passed on to `trust`: what every served API begins with."""

    def __init__(self, trust: TrustApi) -> None:
        self._trust = trust

    async def root(self) -> bytes:
        """The node's `1.root.json`."""
        return await self._trust.root()

    async def node_document(self, *, held: bytes = b"") -> bytes:
        """The signed envelope of the node document."""
        return await self._trust.node_document(held=held)

    async def members(self, *, held: bytes = b"") -> bytes:
        """The signed envelope of the members register."""
        return await self._trust.members(held=held)

    async def member_root(self, node: str) -> bytes:
        """The `1.root.json` of a member."""
        return await self._trust.member_root(node)

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        """The signed envelope of a member's node document."""
        return await self._trust.member_document(node, held=held)


def window(start: datetime, days: int) -> Window:
    """From `start` (cut to whole seconds) for `days` days."""
    begin = start.replace(microsecond=0)
    return Window(begin, begin + timedelta(days=days))
