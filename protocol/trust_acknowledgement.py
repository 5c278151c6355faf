"""What a node tells another about that one's trust files: which root and which node document it holds of it.

Whoever lets a new key begin waits until its peers have said that they hold a node document which lists it. Spec:
docs/spec/acknowledgement.md, "Trust files".
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from protocol.cbor_map import SHA256_BYTES, line, number, octets
from protocol.limits import MAX_ACKNOWLEDGEMENT_BYTES, MAX_ORIGIN_BYTES
from protocol.signed import Statement

_TIME: Final = 4
_MAX_NUMBER: Final = 2**53 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAcknowledgement(Statement):
    """One statement."""

    name: ClassVar[str] = "trust-acknowledgement"
    kind: ClassVar[str] = "trust-acknowledgement"
    max_bytes: ClassVar[int] = MAX_ACKNOWLEDGEMENT_BYTES
    format_key: ClassVar[int] = 1

    node: Annotated[str, line(2, MAX_ORIGIN_BYTES)]
    """Who says so."""
    of: Annotated[str, line(3, MAX_ORIGIN_BYTES)]
    """Whose trust files are held."""
    time_ms: Annotated[int, number(_TIME, _MAX_NUMBER)]
    root_version: Annotated[int, number(5, _MAX_NUMBER, minimum=1)]
    """Of the newest root."""
    serial: Annotated[int, number(6, _MAX_NUMBER, minimum=1)]
    """Of the newest node document."""
    document_sha256: Annotated[bytes, octets(7, SHA256_BYTES)]
    """SHA-256 of its envelope."""

    def content(self) -> bytes:
        """The same without the time: what has not changed need not be said again."""
        return self.bytes_without(_TIME)
