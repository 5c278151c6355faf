"""Record of what this node cosigned as a witness: the last head of each log, and nothing older."""

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
