"""What a sync met that contradicts what is held, made into evidence where it can be and into a claim where not.

A fork at one size proves itself. A history that leaves the held one at a larger size is proved from the peer's own
tiles, if it gives them; otherwise both notes are kept as a claim, which convicts nobody. Spec: docs/spec/evidence.md.
"""

import asyncio
from dataclasses import dataclass

from keys.errors import SigfedError
from keys.message import Message
from keys.trust.node_document import NodeDocument
from node.errors import TrustForkError
from node.evidence.divergence import divergence, divergence_from_peer
from node.evidence.judgement import claimed_head, judge
from node.evidence.keep import Verdict, keep, of_log
from node.objects.logfiles import held_tree
from node.store.lists.records import LogRecord
from node.store.peers.records import EvidenceKind
from node.store.store import Store
from protocol.api import LogApi
from protocol.errors import ForkError, OverlapError, ProtocolError, RollbackError, RootMismatchError
from protocol.evidence import encode_fork, encode_rollback
from protocol.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from protocol.tlog.log_keys import log_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """One list as a sync met it: the note that is held, the note that was offered, and who says whose keys count."""

    origin: str
    held: bytes | None
    offered: bytes | None
    document: NodeDocument
    now_ms: int


async def keep_contradiction(store: Store, api: LogApi, met: Met, error: Exception) -> str | None:
    """Keep what the refusal of a pull shows; the name of the object, None when it shows nothing."""
    found = await _found(api, met, error)
    if found is None:
        return None
    data, verdict = found
    record = await asyncio.to_thread(keep, store, data, verdict, source="", now_ms=met.now_ms)
    return None if record is None else record.object


def keep_other_history(store: Store, log: LogRecord, other: SignedCheckpoint, *, now_ms: int) -> None:
    """Keep the proof that the key of an own log signed another history, whose head is no larger than the held one."""
    assert log.note is not None, "what nobody published has no other history"
    held = SignedCheckpoint(claimed_head(log.note), log.note, (), ())
    data: bytes | None
    if other.checkpoint.size == log.head.size:
        data, kind = encode_fork(log.note, other.note), EvidenceKind.FORK
    else:
        data, kind = divergence(other, held, held_tree(store, log)), EvidenceKind.DIVERGENCE
    assert data is not None, "it is another history"
    keep(store, data, of_log(data, kind), source="", now_ms=now_ms)


def keep_trust_fork(store: Store, error: TrustForkError, *, node: str, now_ms: int) -> str | None:
    """Keep two trust files of one version that a peer signed; the name of the object."""
    words = Message("{node} signed two trust files of one version", node)
    verdict = Verdict(kind=EvidenceKind.TRUST, subject=node, node=node, pair=error.pair, words=words)
    record = keep(store, error.evidence, verdict, source="", now_ms=now_ms)
    return None if record is None else record.object


async def _found(api: LogApi, met: Met, error: Exception) -> tuple[bytes, Verdict] | None:
    if isinstance(error, ForkError):
        return error.evidence, of_log(error.evidence, EvidenceKind.FORK)
    if isinstance(error, RollbackError):
        return error.evidence, of_log(error.evidence, EvidenceKind.ROLLBACK)
    if isinstance(error, OverlapError | RootMismatchError) and met.held and met.offered:
        return await _left(api, met, met.held, met.offered)
    return None


async def _left(api: LogApi, met: Met, held: bytes, offered: bytes) -> tuple[bytes, Verdict] | None:
    """Evidence that a larger head does not contain the held one, or both notes as a claim."""
    smaller = SignedCheckpoint(claimed_head(held), held, (), ())
    try:
        larger = open_checkpoint(offered, origin=met.origin, log_keys=log_keys(met.document, met.origin))
    except ProtocolError:
        return None
    if not 0 < smaller.checkpoint.size < larger.checkpoint.size:
        return None
    try:
        data = await divergence_from_peer(api, smaller, larger)
        if data is None:
            return None  # one history after all: what the peer sent between the heads was wrong
        # The key of the held note may be gone from the document: then it convicts nobody.
        judge(data, met.document)
    except SigfedError:
        claim = encode_rollback(offered, held)
        return claim, of_log(claim, EvidenceKind.UNPROVEN)
    return data, of_log(data, EvidenceKind.DIVERGENCE)
