"""What a node tells another that it holds of it: of a list, and of its trust files. Spec: docs/spec/acknowledgement.md.

`released_size` is the smallest size of the list that one of the node's subsets was last judged by; a node that releases
nothing leaves it out. Whoever lets a new key begin waits until its peers have said that they hold a node document which
lists it.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from protocol.cbor_map import SHA256_BYTES, line, number, octets, optional_number
from protocol.errors import MalformedError
from protocol.limits import MAX_ACKNOWLEDGEMENT_BYTES, MAX_LOG_SIZE, MAX_ORIGIN_BYTES
from protocol.signed_map import Statement

_TIME: Final = 4
_MAX_NUMBER: Final = 2**53 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement(Statement):
    """How far a list is held and followed; raises `MalformedError` when releases follow more than is held."""

    name: ClassVar[str] = "acknowledgement"
    kind: ClassVar[str] = "acknowledgement"
    max_bytes: ClassVar[int] = MAX_ACKNOWLEDGEMENT_BYTES
    format_key: ClassVar[int] = 1

    node: Annotated[str, line(2, MAX_ORIGIN_BYTES)]
    """Who says so."""
    origin: Annotated[str, line(3, MAX_ORIGIN_BYTES)]
    time_ms: Annotated[int, number(_TIME, 2**53)]
    held_size: Annotated[int, number(5, MAX_LOG_SIZE)]
    held_root: Annotated[bytes, octets(6, SHA256_BYTES)]
    """Root of the list at that size."""
    released_size: Annotated[int | None, optional_number(7, MAX_LOG_SIZE)] = None

    def __post_init__(self) -> None:
        if self.released_size is not None and self.released_size > self.held_size:
            raise MalformedError("acknowledgement: releases follow more than is held")

    def content(self) -> bytes:
        """The same without the time: what has not changed need not be said again."""
        return self.bytes_without(_TIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAcknowledgement(Statement):
    """Which root and which node document are held."""

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
