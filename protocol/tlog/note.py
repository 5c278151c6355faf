"""Signed notes and verifier keys, read strictly (C2SP signed-note).

A note is text under Ed25519 signature lines. Rules kept here: unknown keys are ignored, a known key with
a bad signature rejects the whole note, so do two lines of one known key; base64 is canonical. Stricter
than C2SP: only the signature types 0x01 and 0x04 exist in a verifier key. What the text means is
`checkpoint`'s matter, what a timestamped line signs is `cosignature`'s. Spec: docs/spec/log.md.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final, Self

from keys.errors import BadSignatureError, MalformedKeyError
from keys.key import LogPublicKey, WitnessPublicKey
from keys.signer import Signer
from protocol.encoding import b64, unb64
from protocol.errors import MalformedError, TooLargeError, UnknownSignerError, UntrustedError
from protocol.limits import MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES, MAX_ORIGIN_BYTES

KEY_HASH_BYTES: Final = 4
SIGNATURE_BYTES: Final = 64
_LINE_START: Final = "\u2014 "
_NOT_IN_NAMES: Final = re.compile(r"[+\s\x00-\x1f]")
_NOT_IN_NOTES: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class SignatureType(IntEnum):
    """First byte of a verifier key's material: which message its signatures sign."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name, as in C2SP vkeys: a log's key (0x01) or a witness's key (0x04)."""

    name: str
    type: SignatureType
    key: LogPublicKey | WitnessPublicKey

    def __post_init__(self) -> None:
        check_name(self.name)
        wanted = LogPublicKey if self.type is SignatureType.ED25519 else WitnessPublicKey
        assert isinstance(self.key, wanted), "a key that serves another purpose"

    @classmethod
    def of_log(cls, origin: str, key: LogPublicKey) -> Self:
        """The key a log signs its checkpoints with; its name is the log's origin."""
        return cls(origin, SignatureType.ED25519, key)

    @classmethod
    def of_witness(cls, name: str, key: WitnessPublicKey) -> Self:
        """The key a witness cosigns with."""
        return cls(name, SignatureType.COSIGNATURE, key)

    @property
    def material(self) -> bytes:
        """Signature type and public key, 33 bytes."""
        return bytes([self.type]) + self.key.raw

    @property
    def key_hash(self) -> bytes:
        """The key ID of C2SP signed-note, 4 bytes: a hint which key to try, never a proof of identity."""
        return sha256(self.name.encode() + b"\n" + self.material).digest()[:KEY_HASH_BYTES]

    def to_text(self) -> str:
        """The vkey `name+hash+base64`."""
        return f"{self.name}+{self.key_hash.hex()}+{b64(self.material)}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The key that `to_text` wrote; raises `MalformedError`, also for keys that are not admissible."""
        name, _, rest = text.partition("+")
        hash_text, _, material_text = rest.partition("+")
        material = unb64(material_text)
        try:
            kind = SignatureType(material[0])
            public = LogPublicKey if kind is SignatureType.ED25519 else WitnessPublicKey
            verifier = cls(name, kind, public.from_bytes(material[1:]))
        except (IndexError, ValueError, MalformedKeyError):
            raise MalformedError("a verifier key of an unknown type or without an admissible key") from None
        if verifier.key_hash.hex() != hash_text:
            raise MalformedError("a verifier key whose hash does not fit")
        return verifier


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, key hash (4 bytes) and what follows it (64 bytes for a log's key)."""

    name: str
    key_hash: bytes
    body: bytes

    def to_line(self) -> str:
        """The line with its newline."""
        return f"{_LINE_START}{self.name} {b64(self.key_hash + self.body)}\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """The signature in one line without its newline; raises `MalformedError`."""
        if not line.startswith(_LINE_START):
            raise MalformedError("a signature line that does not start with an em dash and a space")
        name, _, encoded = line.removeprefix(_LINE_START).partition(" ")
        check_name(name)
        data = unb64(encoded)
        if len(data) <= KEY_HASH_BYTES:
            raise MalformedError("a signature line without a signature")
        return cls(name, data[:KEY_HASH_BYTES], data[KEY_HASH_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """Text ending in a newline, and its signature lines in order. Nothing of it is trusted yet."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The note in `data`; raises `MalformedError`. Its `to_bytes` is `data` again."""
        content = _decode(data)
        text, blank, lines = content.rpartition("\n\n")
        if not blank:
            raise MalformedError("a note without signatures")
        return cls(text + "\n", parse_signatures(lines))

    def to_bytes(self) -> bytes:
        """Text, blank line, signature lines."""
        return f"{self.text}\n{''.join(s.to_line() for s in self.signatures)}".encode()

    def renewed(self, more: Iterable[NoteSignature]) -> "Note":
        """The same text with `more` lines, each in the place of an older line of its key.

        A note with two lines of one key is refused by whoever knows the key, so a new cosignature must not stand
        beside the one it follows.
        """
        lines = {(line.name, line.key_hash): line for line in (*self.signatures, *more)}
        return Note(self.text, tuple(lines.values()))


def parse_signatures(lines: str) -> tuple[NoteSignature, ...]:
    """One or more signature lines, each with its newline, as a witness answers; raises `MalformedError`."""
    if not lines.endswith("\n"):
        raise MalformedError("signature lines that do not end in a newline")
    single = lines[:-1].split("\n")
    if len(single) > MAX_NOTE_SIGNATURES:
        raise TooLargeError("more than {most} signature lines", MAX_NOTE_SIGNATURES)
    return tuple(map(NoteSignature.from_line, single))


def sign_note(text: str, name: str, signer: Signer) -> NoteSignature:
    """The Ed25519 line of a log's `signer` on `text`."""
    public = signer.public
    assert isinstance(public, LogPublicKey), "only a log's key signs notes"
    assert text.endswith("\n"), "a note's text ends in a newline"
    return NoteSignature(name, VerifierKey.of_log(name, public).key_hash, signer.sign(text.encode()))


def verify_note(note: Note, verifiers: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Those of the log keys `verifiers` that signed the note's text, in the order of its lines.

    Raises `UnknownSignerError` if none did, `UntrustedError` if any of their lines does not verify or one key has two.
    """
    signed: list[VerifierKey] = []
    for verifier, signature in lines_of(note, verifiers):
        assert verifier.type is SignatureType.ED25519, "cosignatures sign another message"
        check_signature(verifier, note.text.encode(), signature.body)
        signed.append(verifier)
    if not signed:
        raise UnknownSignerError("no trusted key signed the note")
    return tuple(signed)


def lines_of(note: Note, verifiers: Sequence[VerifierKey]) -> list[tuple[VerifierKey, NoteSignature]]:
    """The lines that name one of `verifiers`, each with its key; lines of unknown keys are left out.

    Raises `UntrustedError` for two lines of one key: a second line would let a stranger vary a note's
    bytes.
    """
    known = {(v.name, v.key_hash): v for v in verifiers}
    if len(known) < len(set(verifiers)):
        # Four bytes of hash collide after some 2^32 tries: never guess which of two keys is meant.
        raise UntrustedError("two trusted keys with one name and hash")
    lines = [(known[s.name, s.key_hash], s) for s in note.signatures if (s.name, s.key_hash) in known]
    if len({verifier for verifier, _ in lines}) < len(lines):
        raise UntrustedError("two signature lines of one key")
    return lines


def check_signature(verifier: VerifierKey, message: bytes, signature: bytes) -> None:
    """Raise `UntrustedError` unless `signature` (64 bytes) is this key's on `message`."""
    if len(signature) != SIGNATURE_BYTES:
        raise UntrustedError("a signature of a known key that is not 64 bytes")
    try:
        verifier.key.verify(message, signature)
    except BadSignatureError:
        raise UntrustedError("a bad signature under a known key") from None


def check_name(name: str) -> None:
    """Raise `MalformedError` unless `name` can name a key: not empty, no plus, no space, no control character."""
    if not name or _NOT_IN_NAMES.search(name):
        raise MalformedError("a key name that is empty or has a space, plus or control character")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:  # lone surrogates come in through JSON escapes
        raise MalformedError("a key name that has no UTF-8 form") from None
    if length > MAX_ORIGIN_BYTES:
        raise TooLargeError("a key name of more than {most} bytes", MAX_ORIGIN_BYTES)


def _decode(data: bytes) -> str:
    if len(data) > MAX_NOTE_BYTES:
        raise TooLargeError("a note of {count} bytes, at most {most} allowed", len(data), MAX_NOTE_BYTES)
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError("a note that is not UTF-8") from None
    if _NOT_IN_NOTES.search(content):
        raise MalformedError("a note with control characters")
    return content
