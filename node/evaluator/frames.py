"""What a node and its evaluation process say to each other: numbered requests and replies over two pipes.

A frame is its length as u32 and that many bytes. A request is number u64, kind u8, epoch u32, length of the subset's
name u8, the name, a body; a reply is number u64, status u8, a body. Both ends are of one version and trust each other,
so a frame that does not fit is a programmer's mistake.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import IO, Final

from node.ports.evaluator import EpochSecret
from protocol.oprf.suite import OUTPUT_BYTES, SEED_BYTES
from protocol.slices import slices

_LENGTH: Final = Struct(">I")
_REQUEST: Final = Struct(">QBIB")
_REPLY: Final = Struct(">QB")
_SECRET: Final = Struct(">IB")
_INPUT_LENGTH: Final = 2


class Kind(IntEnum):
    """What is asked for."""

    HOLD = 1
    """Body: the secrets; reply: the public keys, 32 bytes each."""
    EVALUATE = 2
    """Body: elements, 32 bytes each; reply: as many elements, then the proof."""
    OUTPUTS = 3
    """Body: inputs, each behind its length as u16; reply: outputs, 64 bytes each."""


class Status(IntEnum):
    """How it went."""

    DONE = 0
    GONE = 1
    REFUSED = 2
    """A batch that is not admissible; the body says why."""
    FAILED = 3
    """Something else; the body names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; its body may be secret."""

    number: int
    kind: Kind
    subset: str = ""
    epoch: int = 0
    body: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """The frame's bytes."""
        name = self.subset.encode("ascii")
        return _REQUEST.pack(self.number, self.kind, self.epoch, len(name)) + name + self.body

    @classmethod
    def from_bytes(cls, data: bytes) -> "Request":
        """Read a frame's bytes."""
        number, kind, epoch, length = _REQUEST.unpack_from(data)
        start = _REQUEST.size + length
        name = data[_REQUEST.size : start].decode("ascii")
        return cls(number=number, kind=Kind(kind), subset=name, epoch=epoch, body=data[start:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply."""

    number: int
    status: Status
    body: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """The frame's bytes."""
        return _REPLY.pack(self.number, self.status) + self.body

    @classmethod
    def from_bytes(cls, data: bytes) -> "Reply":
        """Read a frame's bytes."""
        number, status = _REPLY.unpack_from(data)
        return cls(number=number, status=Status(status), body=data[_REPLY.size :])


def write_frame(stream: IO[bytes], data: bytes) -> None:
    """Write one frame and flush it."""
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame; None when the other end is gone, in the middle of a frame too."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return data if len(data) == length else None


def pack_secrets(secrets: Sequence[EpochSecret]) -> bytes:
    """Secrets as the body of `HOLD`."""
    return b"".join(
        _SECRET.pack(secret.epoch, len(secret.subset)) + secret.subset.encode("ascii") + secret.seed
        for secret in secrets
    )


def unpack_secrets(body: bytes) -> list[EpochSecret]:
    """What `pack_secrets` packed."""
    secrets, at = [], 0
    while at < len(body):
        epoch, length = _SECRET.unpack_from(body, at)
        name, at = at + _SECRET.size, at + _SECRET.size + length
        seed, at = body[at : at + SEED_BYTES], at + SEED_BYTES
        secrets.append(EpochSecret(subset=body[name : name + length].decode("ascii"), epoch=epoch, seed=seed))
    return secrets


def pack_inputs(inputs: Sequence[bytes]) -> bytes:
    """Inputs as the body of `OUTPUTS`."""
    return b"".join([len(one).to_bytes(_INPUT_LENGTH) + one for one in inputs])


def unpack_inputs(body: bytes) -> list[bytes]:
    """What `pack_inputs` packed."""
    inputs, at = [], 0
    while at < len(body):
        start = at + _INPUT_LENGTH
        at = start + int.from_bytes(body[at:start])
        inputs.append(body[start:at])
    return inputs


def unpack_outputs(body: bytes) -> list[bytes]:
    """The outputs of a reply to `OUTPUTS`."""
    return list(slices(body, OUTPUT_BYTES))
