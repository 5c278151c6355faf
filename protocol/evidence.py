"""Judges portable evidence, offline, from keys that the judge trusts already.

A fork is two signed roots of one size, a divergence two signed sizes of which the larger, by a proof, does not
contain the smaller: proof against the log, whoever holds it. A rollback is only two signed sizes: a log signs many,
and the notes do not say which was served later, so it proves nothing against the log by itself. Where one witness
cosigned both sides of a contradiction, its own signatures convict it. What each kind proves is spelled out in
docs/spec/evidence.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.errors import ProofError
from protocol.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from protocol.tlog.conflict import Conflict, ConflictKind, Divergence, read_conflict
from protocol.tlog.merkle import verify_consistency
from protocol.tlog.note import VerifierKey


@dataclass(frozen=True, slots=True)
class Finding:
    """What verified evidence shows about the log `origin`; of a divergence, `held` is the smaller head.

    `log_at_fault` is whether the log's own signatures contradict each other; `witnesses_at_fault` are
    those whose cosignatures do. With neither, the evidence shows two genuine heads and no culprit.
    """

    kind: ConflictKind
    origin: str
    held: SignedCheckpoint
    offered: SignedCheckpoint
    log_at_fault: bool
    witnesses_at_fault: tuple[VerifierKey, ...]


def encode_fork(held: bytes, offered: bytes) -> bytes:
    """Evidence of a fork from the two notes."""
    return Conflict(ConflictKind.FORK, held, offered).to_bytes()


def encode_rollback(held: bytes, offered: bytes) -> bytes:
    """Evidence of a rollback from the larger note, which was held, and the smaller one offered after it."""
    return Conflict(ConflictKind.ROLLBACK, held, offered).to_bytes()


def encode_divergence(
    *, smaller: SignedCheckpoint, larger: SignedCheckpoint, root: bytes, proof: Sequence[bytes]
) -> bytes:
    """Evidence that the log of two opened heads left its own history; `root` is the larger tree's at the smaller size.

    Raises `ProofError` when that is not what root and proof show: nothing is written that would not convict.
    """
    evidence = Divergence(smaller=smaller.note, larger=larger.note, root=root, proof=tuple(proof))
    _check_divergence(smaller, larger, evidence)
    return evidence.to_bytes()


def verify_evidence(
    data: bytes, *, origin: str, log_keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = ()
) -> Finding:
    """What the evidence shows, both notes being signed by `log_keys`.

    Raises `MalformedError`, `WrongOriginError`, `UntrustedError`, or `ProofError` if the notes do not
    contradict each other in the way the evidence says.
    """
    conflict = read_conflict(data)
    held, offered = (
        open_checkpoint(note, origin=origin, log_keys=log_keys, witnesses=witnesses)
        for note in notes_of(conflict)
    )
    if isinstance(conflict, Divergence):
        return _divergence(held, offered, conflict)
    if conflict.kind is ConflictKind.FORK:
        return _fork(held, offered)
    return _rollback(held, offered)


def notes_of(conflict: Conflict | Divergence) -> tuple[bytes, bytes]:
    """Both notes, unread: held and offered, or smaller and larger."""
    if isinstance(conflict, Divergence):
        return conflict.smaller, conflict.larger
    return conflict.held, conflict.offered


def _fork(held: SignedCheckpoint, offered: SignedCheckpoint) -> Finding:
    a, b = held.checkpoint, offered.checkpoint
    if a.size != b.size or a.root == b.root:
        raise ProofError("two notes that are no fork: not one size with two roots")
    return _two_histories(ConflictKind.FORK, held, offered)


def _divergence(smaller: SignedCheckpoint, larger: SignedCheckpoint, evidence: Divergence) -> Finding:
    _check_divergence(smaller, larger, evidence)
    return _two_histories(ConflictKind.DIVERGENCE, smaller, larger)


def _check_divergence(smaller: SignedCheckpoint, larger: SignedCheckpoint, evidence: Divergence) -> None:
    a, b = smaller.checkpoint, larger.checkpoint
    if not 0 < a.size < b.size or evidence.root == a.root:
        raise ProofError("two notes that are no divergence: not two sizes with two histories")
    verify_consistency(
        old_size=a.size, old_root=evidence.root, new_size=b.size, new_root=b.root, proof=evidence.proof
    )


def _two_histories(kind: ConflictKind, one: SignedCheckpoint, other: SignedCheckpoint) -> Finding:
    """A witness on both sides cosigned two histories, in whichever order."""
    both = {c.witness for c in one.cosignatures} & {c.witness for c in other.cosignatures}
    return Finding(
        kind, one.checkpoint.origin, one, other, log_at_fault=True, witnesses_at_fault=_order(both)
    )


def _rollback(held: SignedCheckpoint, offered: SignedCheckpoint) -> Finding:
    """A cosignature names the largest head its witness knew at its time, so a later, smaller one is a lie."""
    if offered.checkpoint.size >= held.checkpoint.size:
        raise ProofError("two notes that are no rollback: the second is not smaller")
    seen = {c.witness: c.time_s for c in held.cosignatures}
    liars = {c.witness for c in offered.cosignatures if c.witness in seen and c.time_s > seen[c.witness]}
    return Finding(
        ConflictKind.ROLLBACK,
        held.checkpoint.origin,
        held,
        offered,
        log_at_fault=False,
        witnesses_at_fault=_order(liars),
    )


def _order(witnesses: set[VerifierKey]) -> tuple[VerifierKey, ...]:
    return tuple(sorted(witnesses, key=lambda key: (key.name, key.key_hash)))
