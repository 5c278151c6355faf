"""Asking one witness about one head of this node (the client's side of C2SP tlog-witness).

The proof is made from this node's own tiles. Where the witness stands is a guess first; it tells when the guess was
wrong, and is asked once more with that, so that no answer can keep the dialogue going. Its line is verified before it
is believed, and its refusals become words. Rules: docs/spec/witness.md, "Collecting".
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from keys.message import Message
from protocol.api import WitnessApi
from protocol.errors import MalformedError, UntrustedError
from protocol.tlog.cosignature import verify_cosignatures
from protocol.tlog.note import Note, NoteSignature, VerifierKey, lines_of, parse_signatures
from protocol.tlog.tileproof import TileTree
from protocol.witness.cosign import AddCheckpoint, Refuse, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnHead:
    """A published head: its note under the log's own signatures, and the tree to prove it from."""

    note: Note
    tree: TileTree

    def request(self, old_size: int) -> bytes:
        """The body that asks for a cosignature of whoever cosigned `old_size` last."""
        proof = self.tree.consistency_proof(old_size) if 0 < old_size < self.tree.size else ()
        return AddCheckpoint(old_size, tuple(proof), self.note).to_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessAnswer:
    """How one witness answered about one head."""

    witness: str
    """Name of its node."""
    words: str
    lines: tuple[NoteSignature, ...] = ()
    """Its verified cosignature; two while its key rotates."""
    cosigned_s: int = 0
    """Time of it, POSIX seconds."""
    size: int | None = None
    """Of the head it cosigned last, as far as it told."""
    early: bool = False
    """Its cosignature is dated so far ahead that it counts nowhere yet."""
    alarm: bool = False
    """It claims another history of the log."""


async def ask_witness(
    api: WitnessApi, head: OwnHead, *, witness: str, keys: Sequence[VerifierKey], guess: int
) -> WitnessAnswer:
    """How `witness`, whose keys these are, answers when it is asked to cosign `head`.

    Raises:
        ProtocolError: its answer is no verified cosignature.
        NodeError: it cannot be reached, or refuses in a way that is not the protocol's.
    """
    answer = await _submit(api, head, guess)
    told = answer.size if isinstance(answer, Refuse) and answer.status is Status.BEHIND else None
    if told is not None and told != guess and told <= head.tree.size:
        answer = await _submit(api, head, told)
    if isinstance(answer, Refuse):
        return _refused(witness, answer, head.tree.size)
    return _accepted(witness, answer, head, keys)


async def _submit(api: WitnessApi, head: OwnHead, old_size: int) -> bytes | Refuse:
    return await api.add_checkpoint(await asyncio.to_thread(head.request, old_size))


def _accepted(witness: str, answer: bytes, head: OwnHead, keys: Sequence[VerifierKey]) -> WitnessAnswer:
    try:
        note = Note(head.note.text, parse_signatures(answer.decode()))
    except UnicodeDecodeError:
        raise MalformedError("signature lines that are not UTF-8") from None
    cosignatures = verify_cosignatures(note, keys)
    if not cosignatures:
        raise UntrustedError("an answer without a cosignature by the witness's key")
    return WitnessAnswer(
        witness=witness,
        words=Message("cosigned"),
        lines=tuple(line for _, line in lines_of(note, keys)),
        cosigned_s=max(cosignature.time_s for cosignature in cosignatures),
        size=head.tree.size,
    )


_WORDS = {
    Status.MALFORMED: Message("could not read the request"),
    Status.UNTRUSTED: Message("does not accept the key of this log"),
    Status.UNKNOWN: Message("does not witness this log; this node must be its peer"),
    Status.BEHIND: Message("did not settle on a size"),
    Status.INCONSISTENT: Message("says that it cosigned another history of this log"),
}


def _refused(witness: str, refused: Refuse, size: int) -> WitnessAnswer:
    if refused.status is Status.BEHIND and (refused.size or 0) > size:
        words = f"says that it cosigned size {refused.size:,}, which is more than this log has"
        return WitnessAnswer(witness=witness, words=words, size=refused.size, alarm=True)
    alarm = refused.status is Status.INCONSISTENT
    return WitnessAnswer(witness=witness, words=_WORDS[refused.status], size=refused.size, alarm=alarm)
