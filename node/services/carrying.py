"""Reading a transfer: the files of a peer on a carried medium, in place of a connection to it.

Nothing is believed because it lies on the medium: the sync that reads it applies every rule of a sync over the
network, at the signed time of the export instead of now. That time is what keeps an old medium from passing as news:
it must not be ahead of this node's clock, and not behind what this node has seen itself. Rules: docs/spec/transfer.md.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from keys.key import StatementPublicKey
from keys.trust.fingerprint import fingerprint
from keys.trust.node_document import open_node_document
from keys.trust.root import open_root
from keys.trust.statement import open_statement
from keys.trust.window import valid_at
from node.errors import MissingObjectError, NotFoundError, StoreError, UsageError, VerificationError
from node.ports.logs import LogKind
from node.ports.objects import ObjectStore
from node.ports.peers import PeerRecord
from node.ports.storage import Unit
from node.services.honouring import signing
from node.services.membership import FetchedTrust
from node.services.opened import opened
from node.services.refreshing import pinned_root
from node.services.shelf import Shelf
from protocol.grant import NOTHING, Grant
from protocol.limits import MAX_CLOCK_SKEW_MS
from protocol.tlog.tiles import Tile, cut_bundle, entries_path, tile_path
from protocol.transfer import KIND, Transfer

HEAD: Final = "transfer.json"
TRUST: Final = {"root": "trust/1.root.json", "document": "trust/node.json", "members": "trust/members.json"}
REVOKED: Final = "trust/revoked.json"
"""On the medium of a node that ever took a key back."""
_SKEW: Final = timedelta(milliseconds=MAX_CLOCK_SKEW_MS)
_INCOMPLETE: Final = "let the other agency finish it: sigfed transfer export, with the same folder"
_OUTDATED: Final = f"{_INCOMPLETE}, or anew with what `sigfed --json transfer held` says here now"
"""For openings of older bundles, which an export may leave out."""


def folder_of(origin: str) -> str:
    """Where the files of a list lie: `lists/NAME`."""
    return origin.partition("/")[2]


def openings_path(index: int, width: int) -> str:
    """Where the openings of a bundle lie in the folder of a list."""
    return entries_path(index, width).replace("tile/entries/", "openings/")


@dataclass(frozen=True, slots=True)
class ExportTime:
    """A clock that stands at the signed time of an export."""

    moment: datetime

    def now(self) -> datetime:
        """That time."""
        return self.moment


@dataclass(frozen=True, slots=True)
class HeldList:
    """How far a follower holds a list."""

    size: int = 0
    opened: Grant = NOTHING
    """Everything that this covers is open, below that size."""


class Carried:
    """`node.ports.links.PeerLink` over the files of a transfer whose head was verified."""

    def __init__(self, files: ObjectStore, transfer: Transfer) -> None:
        self._files = files
        self.transfer = transfer

    @property
    def time(self) -> ExportTime:
        """When the heads were the newest."""
        return ExportTime(_moment(self.transfer))

    async def root(self) -> bytes:
        """The peer's `1.root.json`."""
        return self._read(TRUST["root"])

    async def node_document(self, *, held: bytes = b"") -> bytes:  # noqa: ARG002
        """The signed envelope of its node document."""
        return self._read(TRUST["document"])

    async def members(self, *, held: bytes = b"") -> bytes:  # noqa: ARG002
        """The signed envelope of its members register."""
        return self._read(TRUST["members"])

    async def revoked(self, sha256: bytes) -> bytes:  # noqa: ARG002
        """The signed envelope of its revocations; the newest alone is carried."""
        return self._read(REVOKED)

    async def member_root(self, node: str) -> bytes:
        """A transfer carries nothing of others."""
        return self._read(f"trust/members/{node}/1.root.json")

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:  # noqa: ARG002
        """A transfer carries nothing of others."""
        return self._read(f"trust/members/{node}/node.json")

    async def granted(self) -> Grant:
        """What of it is opened, in its own words."""
        return self.transfer.grant

    async def checkpoint(self, origin: str, *, held: bytes | None) -> bytes | None:
        """The newest signed note, or None when it is the `held` one."""
        if origin not in self.transfer.lists:
            raise NotFoundError("it is not in this transfer", hint="it had not been published then")
        note = self._read(f"{folder_of(origin)}/checkpoint")
        return None if note == held else note

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        """Hashes of a tile; a transfer carries none."""
        return self._read(f"{folder_of(origin)}/{tile_path(Tile(level, index, width))}")

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """An entry bundle without its `first` entries; the file is whole. Raises `MalformedError` for another."""
        return cut_bundle(self._read(f"{folder_of(origin)}/{entries_path(index, width)}"), width, first)

    async def openings(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """The openings of a bundle without the `first`; length 0 is withheld. Raises `MalformedError`."""
        name = f"{folder_of(origin)}/{openings_path(index, width)}"
        return cut_bundle(self._read(name, hint=_OUTDATED), width, first)

    def _read(self, name: str, *, hint: str = _INCOMPLETE) -> bytes:
        try:
            return self._files.get(name)
        except MissingObjectError:
            raise NotFoundError(f"the transfer lacks {name}", hint=hint) from None
        except StoreError as exc:  # the medium's failure, not that of our own store
            raise NotFoundError(f"the transfer cannot be read: {exc}", hint="copy it again") from exc


def carried_trust(files: ObjectStore) -> FetchedTrust:
    """The trust files in a transfer, believed by nobody yet; the address is the one they name.

    Raises:
        NotFoundError: there are none.
        KeysError: they cannot be read.
    """
    try:
        root, document, members = [files.get(name) for name in TRUST.values()]
    except MissingObjectError:
        raise NotFoundError("there is no transfer in this folder", hint=_INCOMPLETE) from None
    named = open_node_document(document, open_root(root, fingerprint(root)))
    return FetchedTrust(
        url=named.endpoints[0].url, root=root, node_document=document, members=members, spki_sha256=None
    )


def receive(shelf: Shelf, files: ObjectStore, name: str, *, node: str, now: datetime) -> Carried:
    """The transfer in `files` from the peer `name` to this `node`, whose head is signed and newer than what is held.

    Raises:
        NotFoundError: `name` is no peer, or the export was not finished.
        VerificationError: for another node, from another one, or dated in the future.
        UsageError: older than what is held.
        KeysError, MalformedError: not signed by the peer, or damaged.
    """
    with shelf.storage.read() as unit:
        peer = unit.peers.get(name)
        transfer = _open(unit, files, peer, node=node, now=now)
        _require_news(unit, transfer)
    return Carried(files, transfer)


def _open(unit: Unit, files: ObjectStore, peer: PeerRecord, *, node: str, now: datetime) -> Transfer:
    try:
        head, document_data = files.get(HEAD), files.get(TRUST["document"])
    except MissingObjectError:
        raise NotFoundError("there is no finished transfer in this folder", hint=_INCOMPLETE) from None
    document = signing(unit, open_node_document(document_data, pinned_root(peer)))
    transfer = _signed(head, [dated.key for dated in document.statement_keys])
    moment = _moment(transfer)
    if moment > now + _SKEW:
        raise VerificationError("the transfer is dated in the future", hint="compare the two nodes' clocks")
    document.valid.require(moment, f"the node document of {document.node}")
    _signed(head, [dated.key for dated in valid_at(document.statement_keys, moment)])
    if (transfer.node, transfer.peer) != (peer.name, node):
        raise VerificationError(
            f"this transfer is not from {peer.name} to {node}", hint="is it the right medium?"
        )
    return transfer


def _signed(head: bytes, keys: list[StatementPublicKey]) -> Transfer:
    return Transfer.from_bytes(open_statement(head, KIND, keys))


def _require_news(unit: Unit, transfer: Transfer) -> None:
    """An old medium is no attack and no evidence of one: it is refused before its heads are judged."""
    for origin in transfer.lists:
        try:
            log = unit.logs.get(origin)
        except NotFoundError:
            continue
        if transfer.time_ms < log.checked_ms:
            raise UsageError(
                f"this transfer is older than what is held of {origin}", hint="ask for a new export"
            )


def _moment(transfer: Transfer) -> datetime:
    return datetime.fromtimestamp(transfer.time_ms / 1000, UTC)


def held_lists(shelf: Shelf, name: str) -> dict[str, HeldList]:
    """How far the lists of the peer `name` are held, by origin: what its next export may leave out.

    Raises:
        NotFoundError: there is no such peer.
    """
    with shelf.storage.read() as unit:
        unit.peers.get(name)
        logs = [log for log in unit.logs.ls(LogKind.PEER_LIST) if log.node == name]
    return {log.origin: HeldList(log.head.size, opened(shelf, log.origin).under) for log in logs}
