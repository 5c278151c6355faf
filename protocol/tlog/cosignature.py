"""Timestamped witness cosignatures: cosignature/v1, signature type 0x04 (C2SP tlog-cosignature).

A cosignature says: at this time, this is the largest consistent head that I saw of this log. The time is
under the signature, so it is worth as much as the witness's clock. Which witnesses suffice is `policy`'s
matter, how old they may be is `protocol.history`'s. Spec: docs/spec/log.md.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.key import WitnessPublicKey
from keys.signer import Signer
from protocol.errors import UntrustedError
from protocol.tlog.note import (
    SIGNATURE_BYTES,
    Note,
    NoteSignature,
    SignatureType,
    VerifierKey,
    check_signature,
    lines_of,
)

_TIME: Final = struct.Struct(">Q")
_MAX_TIME: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: whose, and its time in seconds since 1970-01-01 UTC."""

    witness: VerifierKey
    time_s: int


def cosigned_message(note_text: str, time_s: int) -> bytes:
    """The bytes a witness signs: header line, time line, the whole text of the checkpoint's note."""
    return f"cosignature/v1\ntime {time_s}\n{note_text}".encode()


def cosign(note_text: str, name: str, signer: Signer, time_s: int) -> NoteSignature:
    """The line of the witness `name` on a checkpoint's text at `time_s` (POSIX seconds)."""
    public = signer.public
    assert isinstance(public, WitnessPublicKey), "only a witness's key cosigns"
    assert 0 <= time_s <= _MAX_TIME, "a time outside the format"
    key_hash = VerifierKey.of_witness(name, public).key_hash
    return NoteSignature(
        name, key_hash, _TIME.pack(time_s) + signer.sign(cosigned_message(note_text, time_s))
    )


def verify_cosignatures(note: Note, witnesses: Sequence[VerifierKey]) -> tuple[Cosignature, ...]:
    """The cosignatures of those of `witnesses` that have a line, in the order of the lines; maybe none.

    Raises `UntrustedError` if any of their lines does not verify or one has two lines.
    """
    return tuple(_verify(note.text, witness, line.body) for witness, line in lines_of(note, witnesses))


def without_bad_lines(note: Note, witnesses: Sequence[VerifierKey]) -> Note:
    """The note without the lines of `witnesses` that do not verify.

    For whoever collects cosignatures: a line that was good under one key is bad under the next one of the same name and
    hash, and would make the note worthless to all who know that one.
    """
    known = {(witness.name, witness.key_hash): witness for witness in witnesses}

    def is_good(line: NoteSignature) -> bool:
        witness = known.get((line.name, line.key_hash))
        try:
            return witness is None or bool(_verify(note.text, witness, line.body))
        except UntrustedError:
            return False

    return Note(note.text, tuple(filter(is_good, note.signatures)))


def _verify(note_text: str, witness: VerifierKey, body: bytes) -> Cosignature:
    assert witness.type is SignatureType.COSIGNATURE, "not a witness's key"
    if len(body) != _TIME.size + SIGNATURE_BYTES:
        raise UntrustedError("a cosignature of a known witness that is not 72 bytes")
    (time_s,) = _TIME.unpack_from(body)
    if time_s > _MAX_TIME:
        raise UntrustedError("a cosignature whose time is outside the format")
    check_signature(witness, cosigned_message(note_text, time_s), body[_TIME.size :])
    return Cosignature(witness, time_s)
