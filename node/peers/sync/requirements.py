"""What this node asks of a peer's head before it follows: enough members must have cosigned it, recently.

This node's own witness is one of the members. Before the policy is judged it is asked in process, by the rules by which
it answers everybody: it signs only what contains the last head it signed. So two agencies need nobody else, and a head
that this node sees first is no race. Sound, because the follower trusts its own witness in any case, and its word means
the same wherever it was asked: "this log showed me one history". A proof that it needs is read from the peer's tiles,
which nobody has to believe: the witness verifies it. Rules: docs/spec/witness.md, "Following".
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

from keys.message import Message
from keys.trust.members import Members
from keys.trust.node_document import NodeDocument
from node.errors import NotFoundError
from node.objects.logfiles import LogFiles
from node.store.peers.records import WitnessRecord
from node.store.store import Store
from node.witnesses.witness import Witness
from protocol.api import LogApi
from protocol.errors import MalformedError
from protocol.limits import BUNDLE_WIDTH, EVENT_BYTES
from protocol.pull.bundles import read_events
from protocol.pull.inputs import LogTrust, Witnessing
from protocol.tlog.hasher import HASH_BYTES, HASHLIB
from protocol.tlog.note import Note, NoteSignature, VerifierKey, parse_signatures
from protocol.tlog.policy import Policy
from protocol.tlog.tileproof import TileTree
from protocol.tlog.tiles import Tile, bundle_widths, new_hash_tiles
from protocol.witness.cosign import AddCheckpoint, Claim, Refuse, Status, cosigned_claim
from protocol.witness.policy import witness_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Requiring:
    """What the node `node` requires of others' heads."""

    store: Store
    node: str
    members: Callable[[], Members]
    documents: Callable[[], Mapping[str, NodeDocument]]
    witness: Callable[[], Witness | None]
    """This node's own; None if it has none."""
    forgot: Callable[[str], NoReturn]
    """Told, in words, of what it has cosigned and does not remember; raises `RestoredError`."""
    max_age: timedelta
    """How old a cosignature may be."""
    quorum: int | None = None
    """How many must cosign; None: as many as the register says."""

    async def trusting(self, trust: LogTrust, note: bytes | None, api: LogApi, now: datetime) -> LogTrust:
        """`trust` with the witnesses that must have cosigned `note`; `api` is the peer's.

        Raises:
            NodeError: the peer cannot be reached for a proof.
            ProtocolError: what it sent is none.
            RestoredError: this node's witness was put back to an older state.
        """
        policy = await asyncio.to_thread(self._policy, trust, now)
        own = [key for key in policy.witness_keys if key.name.startswith(f"{self.node}/")]
        lines = await self._own_lines(trust.origin, own, note, api, now) if own and note else ()
        return replace(trust, witnessing=Witnessing(policy=policy, max_age=self.max_age, own=lines))

    def _policy(self, trust: LogTrust, now: datetime) -> Policy:
        return witness_policy(
            trust.origin,
            self.members(),
            self.documents(),
            log_keys=trust.log_keys,
            now=now,
            quorum=self.quorum,
        )

    async def _own_lines(
        self, origin: str, keys: Sequence[VerifierKey], data: bytes, api: LogApi, now: datetime
    ) -> tuple[NoteSignature, ...]:
        """The line of this node's own witness on the note, if it signs; none if it may not."""
        witness = await asyncio.to_thread(self.witness)
        claim, note = _claim(data)
        if witness is None or claim is None or note is None or claim.origin != origin:
            return ()
        held = await asyncio.to_thread(witness.standing, origin)
        if held is not None and held.head.size > claim.size:
            return ()
        if (held is None or held.head.size < claim.size) and cosigned_claim(data, keys) is not None:
            self.forgot(
                Message(
                    "{witness} cosigned {count} entries of {origin}, and does not remember it",
                    keys[0].name,
                    f"{claim.size:,}",
                    origin,
                )
            )
        recent = _by(keys, self._recent(held, claim, now))
        return recent or _by(keys, await self._ask(witness, note, claim, held, api))

    def _recent(self, held: WitnessRecord | None, claim: Claim, now: datetime) -> str:
        """The line that was made before, if it is on the same head and young: a poll must not cost a write."""
        if held is None or (held.head.size, held.head.root) != (claim.size, claim.root):
            return ""
        young = held.head.time_s >= (now - self.max_age / 2).timestamp()
        return held.cosignature.decode() if young else ""

    async def _ask(
        self, witness: Witness, note: Note, claim: Claim, held: WitnessRecord | None, api: LogApi
    ) -> str:
        """The line that the own witness answers; once more when the log asked it meanwhile. Empty: it refuses."""
        old = held.head.size if held else 0
        for _ in range(2):
            proof = await fetch_proof(self.store, api, claim.origin, old=old, size=claim.size)
            body = AddCheckpoint(old, tuple(proof), note).to_bytes()
            answer = await asyncio.to_thread(witness.add, body)
            if not isinstance(answer, Refuse):
                return answer.decode()
            if answer.status is not Status.BEHIND or answer.size is None or answer.size > claim.size:
                return ""
            old = answer.size
        return ""


def _by(keys: Sequence[VerifierKey], lines: str) -> tuple[NoteSignature, ...]:
    """Those of the lines that these keys made: a key that was taken back since made none."""
    known = {(key.name, key.key_hash) for key in keys}
    found = parse_signatures(lines) if lines else ()
    return tuple(line for line in found if (line.name, line.key_hash) in known)


def _claim(data: bytes) -> tuple[Claim | None, Note | None]:
    try:
        note = Note.parse(data)
        return Claim.from_text(note.text), note
    except MalformedError:
        return None, None  # for the pull to refuse


async def fetch_proof(store: Store, api: LogApi, origin: str, *, old: int, size: int) -> Sequence[bytes]:
    """The proof that a log of `size` contains its first `old` leaves, out of what `api` serves and what is held.

    Raises:
        MalformedError: tiles or entries of the wrong length.
    """
    if not 0 < old < size:
        return ()
    try:
        return await _proof_from_tiles(api, origin, old, size)
    except NotFoundError:
        # What was carried over an air gap has entries and no tiles.
        return await _proof_from_entries(store, api, origin, old, size)


async def _proof_from_tiles(api: LogApi, origin: str, old: int, size: int) -> Sequence[bytes]:
    tiles = {
        tile: await api.tile(origin, level=tile.level, index=tile.index, width=tile.width)
        for tile in _tiles_of_proof(old, size)
    }
    return TileTree(size, tiles.__getitem__).consistency_proof(old)


async def _proof_from_entries(store: Store, api: LogApi, origin: str, old: int, size: int) -> Sequence[bytes]:
    """Of what comes only the tiles of the proof are kept: whoever answers names a size that nobody has verified."""
    with store.read() as unit:
        held = unit.logs.get(origin).head.size
    files = LogFiles(store.objects, store.vault, origin)
    edge: dict[int, bytes] = {}
    grown: dict[Tile, bytes] = {}
    wanted = _tiles_of_proof(old, size)

    def grow(at: int, events: bytes) -> None:
        for tile, hashes in new_hash_tiles(at, HASHLIB.leaves(events), read_edge):
            edge[tile.level] = hashes
            if tile in wanted:
                grown[tile] = hashes

    def read_edge(tile: Tile) -> bytes:
        return edge[tile.level] if tile.level in edge else files.tile(tile, size=held)

    def read(tile: Tile) -> bytes:
        return grown[tile] if tile in grown else files.tile(tile, size=held)

    for index, width in bundle_widths(min(held, size), size):
        came = read_events(await api.entries(origin, index=index, width=width), width)
        start = index * BUNDLE_WIDTH
        await asyncio.to_thread(grow, max(held, start), came[max(held - start, 0) * EVENT_BYTES :])
    return await asyncio.to_thread(TileTree(size, read).consistency_proof, old)


def _tiles_of_proof(old: int, size: int) -> frozenset[Tile]:
    """What a proof reads: sizes alone say it; a dozen at most."""
    tiles = set[Tile]()

    def blank(tile: Tile) -> bytes:
        tiles.add(tile)
        return bytes(tile.width * HASH_BYTES)

    TileTree(size, blank).consistency_proof(old)
    return frozenset(tiles)
