"""TUF repositories of nodes in tests: said to be current whenever somebody asks, as a running node does every hour.

A liar lists whatever trust files he shows: he has all keys of his node, so that what is wrong with his files is not
their listing.
"""

from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from keys.signer import Signer
from keys.trust.tuf.root import TrustedRoot, open_roots
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE
from node.clock import Clock
from node.errors import NotFoundError
from node.ports.objects import ObjectStore
from node.trust.own import OwnTrust
from node.trust.service import ServedTrust
from node.trust.tuf.repository import Freshness, TufRepository, root_files
from protocol.api import ReleaseApi


class StampedTrust(ServedTrust):
    """A node's own trust files, with a timestamp of now."""

    def __init__(self, files: ObjectStore, trust: OwnTrust) -> None:
        super().__init__(files)
        self._own = trust

    @override
    async def tuf_metadata(self, name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:
        if name == "timestamp.json":
            self._own.stamp()
        return await super().tuf_metadata(name, held=held, max_bytes=max_bytes)


class OfferedTrust:
    """Trust files of an agency, beside whatever else it offers one caller."""

    def __init__(self, trust: ServedTrust) -> None:
        self.tuf_metadata = trust.tuf_metadata
        self.tuf_target = trust.tuf_target
        self.root = trust.root
        self.node_document = trust.node_document
        self.members = trust.members
        self.revoked = trust.revoked
        self.member_root = trust.member_root
        self.member_document = trust.member_document


class OfferedSubset(OfferedTrust):
    """`protocol.api.SubsetApi`: trust files and releases of an agency, for one partner."""

    def __init__(self, trust: ServedTrust, releases: ReleaseApi) -> None:
        super().__init__(trust)
        self.checkpoint = releases.checkpoint
        self.tile = releases.tile
        self.entries = releases.entries
        self.release_part = releases.release_part
        self.evaluate = releases.evaluate


class Liable(Protocol):
    """A node whose keys are at hand."""

    clock: Clock

    @property
    def files(self) -> ObjectStore: ...

    @property
    def root_sha256(self) -> bytes: ...

    @property
    def signers(self) -> Sequence[Signer]: ...

    def freshness(self, root: TrustedRoot) -> Freshness: ...


class ListsAnything:
    """The repository of a node, which lists whatever node document and register are shown at the moment."""

    def __init__(self, node: Liable) -> None:
        self._node = node
        self._files = node.files
        self._repository = TufRepository(node.files, node.clock)

    def metadata(self, shown: ObjectStore, name: str) -> bytes:
        """A file of metadata, as a reader of these trust files gets it."""
        if name.endswith(".root.json"):
            return _get(shown, name)
        if name == "timestamp.json":
            self._list({each: shown.get(each) for each in (NODE_FILE, MEMBERS_FILE)}, shown)
        return _get(self._files, name)

    def target(self, name: str) -> bytes:
        """A trust file that is or was listed."""
        return _get(self._files, f"targets/{name}")

    def _list(self, files: dict[str, bytes], shown: ObjectStore) -> None:
        roots = open_roots(root_files(shown), self._node.root_sha256)
        self._repository.stamp(roots[-1], lambda: self._node.freshness(roots[-1]))
        if files != self._repository.current(roots).files:
            self._repository.list_files(roots[-1], files, self._node.signers)
            self._repository.stamp(roots[-1], lambda: self._node.freshness(roots[-1]))


def _get(files: ObjectStore, name: str) -> bytes:
    if not files.exists(name):
        raise NotFoundError(f"there is no {name}")
    return files.get(name)
