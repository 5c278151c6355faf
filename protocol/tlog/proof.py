"""Offline proofs that a leaf is logged: the text format of C2SP tlog-proof v1.

A proof is an index, the hashes from leaf to root and the checkpoint as it was served. It needs nothing
but the verifier's own keys and policy. Extra data is carried and never believed. Spec: docs/spec/log.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from protocol.encoding import b64, parse_decimal, unb64
from protocol.errors import MalformedError, TooLargeError
from protocol.limits import MAX_LOG_SIZE, MAX_PROOF_HASHES, MAX_TLOG_PROOF_BYTES
from protocol.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from protocol.tlog.hasher import HASH_BYTES
from protocol.tlog.merkle import verify_inclusion
from protocol.tlog.note import VerifierKey
from protocol.tlog.policy import Policy, require_quorum

_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_EXTRA: Final = "extra "
_INDEX: Final = "index "


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Index of the leaf, hashes from its sibling up (32 bytes each), checkpoint note, optional extra data."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def to_bytes(self) -> bytes:
        """The proof's text."""
        extra = () if self.extra is None else (_EXTRA + b64(self.extra),)
        lines = (_FIRST_LINE, *extra, f"{_INDEX}{self.index}", *map(b64, self.hashes), "", "")
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The proof in `data`, whose checkpoint is not read yet; raises `MalformedError`."""
        if len(data) > MAX_TLOG_PROOF_BYTES:
            raise TooLargeError(
                "a proof of {count} bytes, at most {most} allowed", len(data), MAX_TLOG_PROOF_BYTES
            )
        head, blank, checkpoint = data.partition(b"\n\n")
        if not blank or not head.isascii():
            raise MalformedError("a proof without a blank line before its checkpoint, or not ASCII above it")
        first, *lines = head.decode("ascii").split("\n")
        if first != _FIRST_LINE:
            raise MalformedError("not a tlog-proof v1")
        extra = None
        if lines and lines[0].startswith(_EXTRA):
            extra = unb64(lines.pop(0).removeprefix(_EXTRA))
        if not lines or not lines[0].startswith(_INDEX):
            raise MalformedError("a proof without an index line")
        index = parse_decimal(lines.pop(0).removeprefix(_INDEX), MAX_LOG_SIZE)
        return cls(index, parse_hashes(lines), checkpoint, extra)


def parse_hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    """One base64 tree hash a line, as in tlog-proof and tlog-witness; raises `MalformedError`."""
    if len(lines) > MAX_PROOF_HASHES:
        raise TooLargeError("more than {most} proof hashes", MAX_PROOF_HASHES)
    hashes = tuple(map(unb64, lines))
    if any(len(node) != HASH_BYTES for node in hashes):
        raise MalformedError("a proof hash that is not 32 bytes")
    return hashes


def verify_proof(
    proof: TlogProof, leaf: bytes, *, origin: str, log_keys: Sequence[VerifierKey], policy: Policy
) -> SignedCheckpoint:
    """The trusted checkpoint that the leaf hash `leaf` is proved to be under.

    Signed by one of `log_keys`, cosigned as `policy` asks. Raises `MalformedError`, `WrongOriginError`,
    `UntrustedError` or `ProofError`. Times of cosignatures are not judged.
    """
    signed = open_checkpoint(
        proof.checkpoint, origin=origin, log_keys=log_keys, witnesses=policy.witness_keys
    )
    require_quorum(policy, [c.witness for c in signed.cosignatures])
    head = signed.checkpoint
    verify_inclusion(index=proof.index, size=head.size, leaf=leaf, proof=proof.hashes, root=head.root)
    return signed
