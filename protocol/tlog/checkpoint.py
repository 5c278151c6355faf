"""Checkpoints: the signed, cosigned head of a log (C2SP tlog-checkpoint).

Stricter than C2SP, as only our own kind of log is read here: no extension lines (nobody audits them), key
name equal to the origin, size at most 2^48, the empty tree only with its own root. A `SignedCheckpoint`
is the proof that the checks were made; whether it may follow the one held is `protocol.history`'s matter.
Spec: docs/spec/log.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from keys.signer import Signer
from protocol.encoding import b64, parse_decimal, unb64
from protocol.errors import MalformedError, WrongOriginError
from protocol.limits import MAX_LOG_SIZE
from protocol.tlog.cosignature import Cosignature, verify_cosignatures
from protocol.tlog.hasher import HASH_BYTES
from protocol.tlog.merkle import EMPTY_ROOT
from protocol.tlog.note import Note, VerifierKey, check_name, sign_note, verify_note

_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head: the log's origin, its number of leaves and its root (32 bytes). Unsigned, so only a claim."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_name(self.origin)
        if not 0 <= self.size <= MAX_LOG_SIZE or len(self.root) != HASH_BYTES:
            raise MalformedError("a checkpoint with an impossible size or root")
        if self.size == 0 and self.root != EMPTY_ROOT:
            # The empty tree precedes every tree, so a follower would check nothing against this root.
            raise MalformedError("a checkpoint of the empty tree with another root")

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The checkpoint in a note's text; raises `MalformedError`."""
        lines = text.split("\n")
        if len(lines) != _LINES + 1 or lines[_LINES]:
            raise MalformedError("a checkpoint that is not three lines")
        origin, size, root = lines[:_LINES]
        return cls(origin, parse_decimal(size, MAX_LOG_SIZE), unb64(root))


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint whose signatures were verified: the note's bytes, who signed, who cosigned and when."""

    checkpoint: Checkpoint
    note: bytes
    signers: tuple[VerifierKey, ...]
    cosignatures: tuple[Cosignature, ...]


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
    """The note of `checkpoint` under all of the log's `signers` (two during a key's overlap)."""
    text = checkpoint.text()
    return Note(text, tuple(sign_note(text, checkpoint.origin, s) for s in signers)).to_bytes()


def open_checkpoint(
    data: bytes, *, origin: str, log_keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = ()
) -> SignedCheckpoint:
    """The checkpoint in `data`, if at least one of `log_keys` signed it and no known key's line is bad.

    The caller chooses keys that are valid now. Raises `MalformedError`, `WrongOriginError` or
    `UntrustedError`.
    """
    note = Note.parse(data)
    checkpoint = Checkpoint.from_text(note.text)
    if checkpoint.origin != origin or any(key.name != origin for key in log_keys):
        raise WrongOriginError("a checkpoint or key of another log")
    signers = verify_note(note, log_keys)
    return SignedCheckpoint(checkpoint, data, signers, verify_cosignatures(note, witnesses))
