"""Reading a transfer: the files of a peer on a carried medium, in place of a connection to it.

Nothing is believed because it lies on the medium: the sync that reads it applies every rule of a sync over the
network, at the signed time of the export instead of now. That time is what keeps an old medium from passing as news:
it must not be ahead of this node's clock, and not behind what this node has seen itself. Rules: docs/spec/transfer.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from keys.key import StatementPublicKey
from keys.trust.follow import MAX_ROOTS_A_RUN
from keys.trust.held_trust import HeldTrust, open_held
from keys.trust.node_document import open_node_document
from keys.trust.statement import open_statement
from keys.trust.tuf.repository import SNAPSHOT_FILE, TARGETS_FILE
from keys.trust.tuf.root import MAX_ROOTS, TrustedRoot, open_next_root, open_roots
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE, REVOKED_FILE
from keys.trust.window import valid_at
from node.clock import moment_of
from node.errors import MissingObjectError, NotFoundError, StoreError, UsageError, VerificationError
from node.peers.sync.opened_grants import opened
from node.ports.objects import ObjectStore
from node.store.lists.records import LogKind
from node.store.peers.records import FetchedTrust, PeerRecord
from node.store.store import Store
from node.store.unit import Unit
from node.trust.others.revocations import signing
from protocol.limits import MAX_CLOCK_SKEW_MS
from protocol.lists.grant import NOTHING, Grant
from protocol.tlog.tiles import Tile, cut_bundle, entries_path, tile_path
from protocol.transfer import KIND, Transfer

HEAD: Final = "transfer.json"
TRUST: Final = "trust/"
"""Where the trust files of a transfer lie: roots by version, the newest of all other files by its name alone."""
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
    """`protocol.api.PeerApi` over the files of a transfer whose head was verified."""

    def __init__(self, files: ObjectStore, transfer: Transfer) -> None:
        self._files = files
        self.transfer = transfer

    @property
    def time(self) -> ExportTime:
        """When the heads were the newest."""
        return ExportTime(moment_of(self.transfer.time_ms))

    async def root(self) -> bytes:
        """The peer's `1.root.json`."""
        return self._read(f"{TRUST}1.root.json")

    async def tuf_metadata(self, name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:  # noqa: ARG002
        """A file of TUF metadata; the newest alone are there."""
        version, _, role = name.partition(".")
        is_named = role in {SNAPSHOT_FILE, TARGETS_FILE} and version.isdigit()
        return self._read(f"{TRUST}{role if is_named else name}")

    async def tuf_target(self, name: str, *, max_bytes: int | None = None) -> bytes:  # noqa: ARG002
        """A trust file."""
        return self._read(f"{TRUST}{name.partition('.')[2]}")

    async def revoked(self, sha256: bytes) -> bytes:  # noqa: ARG002
        """The signed envelope of its revocations; the newest alone is carried."""
        return self._read(f"{TRUST}{REVOKED_FILE}")

    async def member_root(self, node: str, *, version: int = 1) -> bytes:
        """A transfer carries nothing of others."""
        return self._read(f"trust/members/{node}/{version}.root.json")

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
            raise NotFoundError("the transfer lacks {name}", name, hint=hint) from None
        except StoreError as exc:  # the medium's failure, not that of our own store
            raise NotFoundError("the transfer cannot be read: {reason}", exc, hint="copy it again") from exc


def carried_trust(files: ObjectStore) -> FetchedTrust:
    """The trust files in a transfer, believed by nobody yet; the address is the one they name.

    Raises:
        NotFoundError: there are none.
        KeysError: they cannot be read.
    """
    later = (f"{TRUST}{version}.root.json" for version in range(2, MAX_ROOTS + 1))
    try:
        # Only what carries signatures of its own: nobody says until when the rest was current.
        signed = {name: files.get(f"{TRUST}{name}") for name in (NODE_FILE, MEMBERS_FILE)}
        first = files.get(f"{TRUST}1.root.json")
    except MissingObjectError:
        raise NotFoundError("there is no transfer in this folder", hint=_INCOMPLETE) from None
    trust = HeldTrust(roots=(first, *map(files.get, takewhile(files.exists, later))), files=signed)
    url = open_held(trust).document.endpoints[0].url
    return FetchedTrust(url=url, trust=trust, spki_sha256=None)


def receive(store: Store, files: ObjectStore, name: str, *, node: str, now: datetime) -> Carried:
    """The transfer in `files` from the peer `name` to this `node`, whose head is signed and newer than what is held.

    Raises:
        NotFoundError: `name` is no peer, or the export was not finished.
        VerificationError: for another node, from another one, or dated in the future.
        UsageError: older than what is held.
        KeysError, MalformedError: not signed by the peer, or damaged.
    """
    with store.read() as unit:
        peer = unit.peers.get(name)
        transfer = _open(unit, files, peer, node=node, now=now)
        _require_news(unit, transfer)
    return Carried(files, transfer)


def _open(unit: Unit, files: ObjectStore, peer: PeerRecord, *, node: str, now: datetime) -> Transfer:
    try:
        head, document_data = files.get(HEAD), files.get(f"{TRUST}{NODE_FILE}")
    except MissingObjectError:
        raise NotFoundError("there is no finished transfer in this folder", hint=_INCOMPLETE) from None
    document = signing(unit, open_node_document(document_data, _newest_root(files, peer)))
    transfer = _signed(head, [dated.key for dated in document.statement_keys])
    moment = moment_of(transfer.time_ms)
    if moment > now + _SKEW:
        raise VerificationError("the transfer is dated in the future", hint="compare the two nodes' clocks")
    document.valid.require(moment, f"the node document of {document.node}")
    _signed(head, [dated.key for dated in valid_at(document.statement_keys, moment)])
    if (transfer.node, transfer.peer) != (peer.name, node):
        raise VerificationError(
            "this transfer is not from {name} to {node}", peer.name, node, hint="is it the right medium?"
        )
    return transfer


def _newest_root(files: ObjectStore, peer: PeerRecord) -> TrustedRoot:
    """The one that the roots on the medium lead to from those that are held."""
    root = open_roots(peer.trust.roots, peer.trust.pin)[-1]
    for _ in range(MAX_ROOTS_A_RUN):
        name = f"{TRUST}{root.version + 1}.root.json"
        if not files.exists(name):
            break
        root = open_next_root(root, files.get(name))
    return root


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
                "this transfer is older than what is held of {origin}", origin, hint="ask for a new export"
            )


def held_lists(store: Store, name: str) -> dict[str, HeldList]:
    """How far the lists of the peer `name` are held, by origin: what its next export may leave out.

    Raises:
        NotFoundError: there is no such peer.
    """
    with store.read() as unit:
        unit.peers.get(name)
        logs = [log for log in unit.logs.ls(LogKind.PEER_LIST) if log.node == name]
    return {log.origin: HeldList(log.head.size, opened(store, log.origin).under) for log in logs}
