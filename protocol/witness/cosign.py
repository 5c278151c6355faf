"""What a witness is asked, and whether it may cosign: the rules of C2SP tlog-witness v1.1, without its transport.

A witness remembers the last head of a log that it cosigned, and cosigns another only if that one is the same or
contains it. It judges consistency and nothing else: what a log lists is for its followers to judge. Remembering
before answering, and one answer at a time, are left to `node.witnesses.witness`. Spec:
docs/spec/witness.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, Self

from protocol.encoding import b64, parse_decimal, unb64
from protocol.errors import MalformedError, ProofError, ProtocolError, TooLargeError, UntrustedError
from protocol.limits import MAX_ADD_CHECKPOINT_BYTES, MAX_LOG_SIZE, MAX_WITNESS_PROOF_HASHES
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.conflict import Conflict, ConflictKind
from protocol.tlog.cosignature import verify_cosignatures, without_bad_lines
from protocol.tlog.hasher import HASH_BYTES
from protocol.tlog.merkle import EMPTY_ROOT, verify_consistency
from protocol.tlog.note import Note, VerifierKey, check_name, lines_of, verify_note
from protocol.tlog.proof import parse_hashes

_OLD: Final = "old "
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """Origin, size and root (32 bytes) of a checkpoint nobody has verified; the empty tree may have a false root."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The claim in a note's text; raises `MalformedError`. Extension lines are refused as everywhere here."""
        lines = text.split("\n")
        if len(lines) != _LINES + 1 or lines[_LINES]:
            raise MalformedError("a checkpoint that is not three lines")
        check_name(lines[0])
        claim = cls(lines[0], parse_decimal(lines[1], MAX_LOG_SIZE), unb64(lines[2]))
        if len(claim.root) != HASH_BYTES:
            raise MalformedError("a checkpoint with a root that is not 32 bytes")
        return claim


def cosigned_claim(data: bytes, keys: Sequence[VerifierKey]) -> Claim | None:
    """What a note says, if a witness with one of these keys cosigned it; None for whatever else somebody shows."""
    try:
        note = Note.parse(data)
        cosigned = verify_cosignatures(without_bad_lines(note, keys), keys)
        return Claim.from_text(note.text) if cosigned else None
    except ProtocolError:
        return None


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign `note`, with the proof (32 bytes a hash) that it contains the tree of `old_size`."""

    old_size: int
    proof: tuple[bytes, ...]
    note: Note

    @property
    def claim(self) -> Claim:
        """What the note says."""
        return Claim.from_text(self.note.text)

    def to_bytes(self) -> bytes:
        """The request's body."""
        lines = (f"{_OLD}{self.old_size}", *map(b64, self.proof), "", "")
        return "\n".join(lines).encode() + self.note.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The request in a body, nothing of which is verified yet; raises `MalformedError`."""
        if len(data) > MAX_ADD_CHECKPOINT_BYTES:
            raise TooLargeError("a request of more than {most} bytes", MAX_ADD_CHECKPOINT_BYTES)
        head, blank, note = data.partition(b"\n\n")
        if not blank or not head.isascii():
            raise MalformedError("no blank line before the checkpoint, or not ASCII above it")
        old, *hashes = head.decode("ascii").split("\n")
        if not old.startswith(_OLD):
            raise MalformedError("no line with the old size")
        if len(hashes) > MAX_WITNESS_PROOF_HASHES:
            raise TooLargeError("more than {most} proof hashes", MAX_WITNESS_PROOF_HASHES)
        old_size = parse_decimal(old.removeprefix(_OLD), MAX_LOG_SIZE)
        request = cls(old_size, parse_hashes(hashes), Note.parse(note))
        Claim.from_text(request.note.text)
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """The last head of a log that was cosigned: what a witness must never forget."""

    size: int
    root: bytes
    time_s: int
    """Of the cosignature, POSIX seconds."""
    note: bytes
    """The checkpoint under the log's own signatures."""


class Status(IntEnum):
    """Why a request is refused; the values are those of HTTP."""

    MALFORMED = 400
    UNTRUSTED = 403
    UNKNOWN = 404
    BEHIND = 409
    INCONSISTENT = 422


@dataclass(frozen=True, slots=True)
class Refuse:
    """No cosignature. `size` is that of the head remembered, where the answer has to tell it (409)."""

    status: Status
    reason: str
    size: int | None = None
    evidence: bytes | None = None
    """Both notes (`protocol.tlog.conflict`), if the log signed two roots of one size."""


def judge(
    request: AddCheckpoint,
    *,
    log_keys: Sequence[VerifierKey] | None,
    held: Witnessed | None,
    now_s: int,
    final: Checkpoint | None = None,
) -> Witnessed | Refuse:
    """What to remember and cosign, or why not, in the order of checks of tlog-witness.

    `log_keys` are the keys of the claimed origin that are valid now, None for a log that is not witnessed; `held` is
    what was remembered of it, `final` the last head of a log that was closed. A cosignature is never dated before the
    last one: a clock that went back would make this witness contradict itself.
    """
    claim = request.claim
    if log_keys is None:
        return Refuse(Status.UNKNOWN, "this log is not witnessed here")
    assert all(key.name == claim.origin for key in log_keys), "keys of another log"
    try:
        verify_note(request.note, log_keys)
    except UntrustedError as error:
        return Refuse(Status.UNTRUSTED, str(error))
    # Lines of strangers are dropped: with them anybody could make more and more evidence out of one fork.
    signatures = tuple(signature for _, signature in lines_of(request.note, log_keys))
    return judge_growth(
        replace(request, note=Note(request.note.text, signatures)), held=held, now_s=now_s, final=final
    )


def judge_growth(
    request: AddCheckpoint, *, held: Witnessed | None, now_s: int, final: Checkpoint | None = None
) -> Witnessed | Refuse:
    """What to remember of a request whose note's signatures somebody else has verified, or why not, as `judge` says."""
    claim, note = request.claim, request.note.to_bytes()
    return _refused_growth(request, note, held, final) or Witnessed(
        size=claim.size, root=claim.root, time_s=max(now_s, held.time_s if held else 0), note=note
    )


def _refused_growth(
    request: AddCheckpoint, note: bytes, held: Witnessed | None, final: Checkpoint | None
) -> Refuse | None:
    """Why the head that the log signed may not follow the one remembered; None if it may."""
    claim = request.claim
    evidence = _evidence(claim, note, held)
    if request.old_size > claim.size:
        return Refuse(Status.MALFORMED, "the old size is larger than the checkpoint", None, evidence)
    held_size = held.size if held else 0
    if request.old_size != held_size:
        return Refuse(Status.BEHIND, "another size was cosigned last", held_size, evidence)
    try:
        _check_consistency(request, claim, held)
        _check_final(claim, final)
    except ProofError as error:
        return Refuse(Status.INCONSISTENT, str(error), None, evidence)
    return None


def _evidence(claim: Claim, note: bytes, held: Witnessed | None) -> bytes | None:
    """Two roots of one size convict the log, whatever else is wrong with the request.

    Of size 0 there is one root only: a note with another is no checkpoint that anybody would read as evidence.
    """
    if held is None or claim.size == 0 or held.size != claim.size or held.root == claim.root:
        return None
    return Conflict(ConflictKind.FORK, held.note, note).to_bytes()


def _check_consistency(request: AddCheckpoint, claim: Claim, held: Witnessed | None) -> None:
    if claim.size == 0 and claim.root != EMPTY_ROOT:
        raise ProofError("a checkpoint of the empty tree with another root")
    if held is None or held.size == 0:
        if request.proof:
            raise ProofError("a proof from the empty tree, which every tree contains")
        return
    verify_consistency(
        old_size=held.size, old_root=held.root, new_size=claim.size, new_root=claim.root, proof=request.proof
    )


def _check_final(claim: Claim, final: Checkpoint | None) -> None:
    """Whoever stole the key of a closed log can sign, but not have it cosigned."""
    if final and (claim.size > final.size or (claim.size == final.size and claim.root != final.root)):
        raise ProofError("the log was closed with another head")
