"""Logs and witnesses with fixed keys, so that a test names only what it is about."""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from keys.key import LogPrivateKey, WitnessPrivateKey
from protocol.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, sign_checkpoint
from protocol.tlog.cosignature import cosign
from protocol.tlog.merkle import EMPTY_ROOT
from protocol.tlog.note import Note, NoteSignature, VerifierKey
from protocol.tlog.policy import NO_QUORUM, Group, Policy

C2SP_NOTES: dict[str, Any] = json.loads(
    Path(__file__).parents[1].joinpath("vectors", "c2sp_notes.json").read_text("utf-8")
)
"""Examples of the C2SP texts; the file names their source."""

ORIGIN = "agency.example/lists/main"
LOG = LogPrivateKey.from_seed(b"l" * 32)
NEXT_LOG = LogPrivateKey.from_seed(b"n" * 32)
WITNESSES = {name: WitnessPrivateKey.from_seed(name.encode() * 32) for name in "abc"}

LOG_KEY = VerifierKey.of_log(ORIGIN, LOG.public)
NEXT_LOG_KEY = VerifierKey.of_log(ORIGIN, NEXT_LOG.public)


def witness_key(name: str) -> VerifierKey:
    """Key of the witness `name`, one of a, b, c."""
    return VerifierKey.of_witness(f"{name}.example/witness", WITNESSES[name].public)


WITNESS_KEYS = tuple(map(witness_key, WITNESSES))


def head(size: int, salt: str = "") -> Checkpoint:
    """A head with a root that depends on size and salt alone."""
    root = sha256(f"{size}{salt}".encode()).digest() if size else EMPTY_ROOT
    return Checkpoint(ORIGIN, size, root)


def signed_note(
    checkpoint: Checkpoint, cosigned: dict[str, int] | None = None, signers: Sequence[LogPrivateKey] = (LOG,)
) -> bytes:
    """The note of a head under `signers`, cosigned by the witnesses named, at the second given for each."""
    note = Note.parse(sign_checkpoint(checkpoint, signers))
    lines = (
        cosign(note.text, witness_key(name).name, WITNESSES[name], time_s)
        for name, time_s in (cosigned or {}).items()
    )
    return with_lines(note, lines).to_bytes()


def with_lines(note: Note, more: Iterable[NoteSignature]) -> Note:
    """The note with `more` lines at the end, but for those it already has."""
    return Note(note.text, tuple(dict.fromkeys((*note.signatures, *more))))


def policy_of(
    *, logs: Sequence[VerifierKey] = (), witnesses: Sequence[VerifierKey] = WITNESS_KEYS, threshold: int
) -> Policy:
    """Any of `logs`, and `threshold` of `witnesses` in one group."""
    names = {b"w%d" % number: key for number, key in enumerate(witnesses, 1)}
    groups = {b"witnesses": Group(threshold, tuple(names))} if threshold else {}
    return Policy(tuple(logs), names, groups, b"witnesses" if threshold else NO_QUORUM)


def signed(size: int, salt: str = "", cosigned: dict[str, int] | None = None) -> SignedCheckpoint:
    """A head that was signed and opened with all keys of this module."""
    data = signed_note(head(size, salt), cosigned)
    return open_checkpoint(data, origin=ORIGIN, log_keys=[LOG_KEY], witnesses=WITNESS_KEYS)
