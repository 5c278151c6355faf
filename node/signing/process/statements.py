"""Which statements the signer makes: those of a kind that this node has, with a payload of that kind, in its own name.

A kind is signed together with its payload, so a receipt never passes for an acknowledgement; here a payload must also
read as what it is said to be. Whether what it says is true, the signer cannot know.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from keys.trust.envelope import pre_authentication
from node.signing.process.frames import refused
from protocol import transfer
from protocol.acknowledgement import Acknowledgement, TrustAcknowledgement
from protocol.encoding import decode_cbor
from protocol.errors import MalformedError
from protocol.hit_evidence.bundle import FORMATS, SEAL_KIND
from protocol.statement.case import CaseAnswer
from protocol.statement.end import ReportEnd
from protocol.statement.proposal_receipt import ProposalReceipt
from protocol.statement.receipt import Receipt
from protocol.statement.resolution import ResolutionReceipt
from protocol.transfer import Transfer

_SHA256_BYTES: Final = 32
_MAX_SEAL_BYTES: Final = 128

Named = Callable[[bytes], str | None]
"""Reads a payload, and gives the node in whose name it speaks where it says that; raises `MalformedError`."""


def statement_message(kind: str, payload: bytes, *, node: str) -> bytes:
    """The bytes to sign for a statement of `node`; raises `SignerRefusedError`."""
    read = KINDS.get(kind)
    if read is None:
        raise refused("a statement of unknown kind")
    try:
        speaker = read(payload)
    except MalformedError as exc:
        raise refused(f"this as {kind}: {exc}") from None
    if speaker is not None and speaker != node:
        raise refused("a statement in another's name")
    return pre_authentication(f"application/vnd.sigfed.{kind}.v1+cbor", payload)


def split_statement(message: bytes) -> tuple[str, bytes]:
    """The kind and payload of bytes that are to be signed; raises `SignerRefusedError` for others."""
    for kind in KINDS:
        head = pre_authentication(f"application/vnd.sigfed.{kind}.v1+cbor", b"").rpartition(b" 0 ")[0]
        if message.startswith(head + b" "):
            _, _, payload = message[len(head) + 1 :].partition(b" ")
            if pre_authentication(f"application/vnd.sigfed.{kind}.v1+cbor", payload) == message:
                return kind, payload
    raise refused("a statement of unknown kind")


def _seal(payload: bytes) -> None:
    fields = decode_cbor(payload, max_bytes=_MAX_SEAL_BYTES)
    digest = fields.get(1)
    if (
        fields.keys() != {0, 1}
        or fields[0] not in FORMATS
        or not isinstance(digest, bytes)
        or len(digest) != _SHA256_BYTES
    ):
        raise MalformedError("hit evidence: not the seal of a file")


def _answer(payload: bytes) -> None:
    CaseAnswer.from_bytes(payload)


KINDS: Final[Mapping[str, Named]] = MappingProxyType(
    {
        Receipt.kind: lambda payload: Receipt.from_bytes(payload).node,
        ProposalReceipt.kind: lambda payload: ProposalReceipt.from_bytes(payload).node,
        ReportEnd.kind: lambda payload: ReportEnd.from_bytes(payload).node,
        CaseAnswer.kind: _answer,
        ResolutionReceipt.kind: lambda payload: ResolutionReceipt.from_bytes(payload).node,
        Acknowledgement.kind: lambda payload: Acknowledgement.from_bytes(payload).node,
        TrustAcknowledgement.kind: lambda payload: TrustAcknowledgement.from_bytes(payload).node,
        transfer.KIND: lambda payload: Transfer.from_bytes(payload).node,
        SEAL_KIND: _seal,
    }
)
"""Kinds of statements that a node makes, with how each is read."""
