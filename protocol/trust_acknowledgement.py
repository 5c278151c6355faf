"""What a node tells another about that one's trust files: which root and which node document it holds of it.

It is the payload of a statement, signed with the node's statement key. Whoever lets a new key begin waits until its
peers have said that they hold a node document which lists it. Spec: docs/spec/acknowledgement.md, "Trust files".
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from protocol.encoding import CborValue, encode_cbor
from protocol.errors import MalformedError
from protocol.limits import MAX_ACKNOWLEDGEMENT_BYTES, MAX_ORIGIN_BYTES
from protocol.subset.fields import Fields

KIND: Final = "trust-acknowledgement"
"""Kind of the statement."""
FORMAT: Final = 1
_HASH_BYTES: Final = 32
_MAX_NUMBER: Final = 2**53 - 1


class _Key(IntEnum):
    FORMAT = 1
    NODE = 2
    OF = 3
    TIME_MS = 4
    ROOT_VERSION = 5
    SERIAL = 6
    DOCUMENT_SHA256 = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAcknowledgement:
    """One statement; raises `MalformedError` when a field is out of its range."""

    node: str
    """Who says so."""
    of: str
    """Whose trust files are held."""
    time_ms: int
    root_version: int
    """Of the newest root."""
    serial: int
    """Of the newest node document."""
    document_sha256: bytes
    """SHA-256 of its envelope, 32 bytes."""

    def __post_init__(self) -> None:
        for text in (self.node, self.of):
            if (
                not 0 < len(text.encode("utf-8", "surrogatepass")) <= MAX_ORIGIN_BYTES
                or not text.isprintable()
            ):
                raise MalformedError(f"{KIND}: not a name")
        if not all(0 < number <= _MAX_NUMBER for number in (self.root_version, self.serial)):
            raise MalformedError(f"{KIND}: a version out of range")
        if not 0 <= self.time_ms <= _MAX_NUMBER or len(self.document_sha256) != _HASH_BYTES:
            raise MalformedError(f"{KIND}: a time or hash out of range")

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        return encode_cbor(self._fields() | {int(_Key.TIME_MS): self.time_ms})

    def content(self) -> bytes:
        """The same without the time: what has not changed need not be said again."""
        return encode_cbor(self._fields())

    @classmethod
    def from_bytes(cls, data: bytes) -> "TrustAcknowledgement":
        """Parse; raises `MalformedError` for anything but the one encoding of such a statement."""
        fields = Fields(data, name=KIND, max_bytes=MAX_ACKNOWLEDGEMENT_BYTES)
        fields.number(_Key.FORMAT, minimum=FORMAT, maximum=FORMAT)
        found = cls(
            node=fields.text(_Key.NODE),
            of=fields.text(_Key.OF),
            time_ms=fields.number(_Key.TIME_MS, maximum=_MAX_NUMBER),
            root_version=fields.number(_Key.ROOT_VERSION, minimum=1, maximum=_MAX_NUMBER),
            serial=fields.number(_Key.SERIAL, minimum=1, maximum=_MAX_NUMBER),
            document_sha256=fields.octets(_Key.DOCUMENT_SHA256, _HASH_BYTES),
        )
        fields.finish()
        return found

    def _fields(self) -> dict[int, CborValue]:
        return {
            int(_Key.FORMAT): FORMAT,
            int(_Key.NODE): self.node,
            int(_Key.OF): self.of,
            int(_Key.ROOT_VERSION): self.root_version,
            int(_Key.SERIAL): self.serial,
            int(_Key.DOCUMENT_SHA256): self.document_sha256,
        }
