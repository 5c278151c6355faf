"""Record and table of what this node cosigned as a witness: the last head of each log, and nothing older."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from protocol.witness import AddCheckpoint, Witnessed


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessRecord:
    """The last head of the log `origin` that was cosigned."""

    origin: str
    head: Witnessed
    cosignature: bytes
    """The signature line that was answered, with its newline."""


class Cosigner(Protocol):
    """What holds the keys of this node's witness."""

    def cosign(self, request: AddCheckpoint, head: Witnessed) -> WitnessRecord:
        """`head`, which the request was judged to be, cosigned.

        Raises `ConflictError` where the cosigner remembers a later head itself.
        """
        ...

    def standing(self, origin: str) -> WitnessRecord | None:
        """What it remembers having cosigned last of a log; None too for one that remembers nothing."""
        ...


class WitnessTable(Protocol):
    """One record for each log."""

    def find(self, origin: str) -> WitnessRecord | None:
        """What was cosigned last of a log; None if nothing ever was."""
        ...

    def get(self, origin_sha256: str) -> WitnessRecord:
        """The record by the SHA-256 of its origin in hexadecimal digits; raises `NotFoundError`."""
        ...

    def ls(self) -> Sequence[WitnessRecord]:
        """All records, by origin."""
        ...

    def replace(self, old: WitnessRecord | None, new: WitnessRecord) -> None:
        """Put `new` in the place of `old`; raises `ConflictError` when another came in between."""
        ...
