"""Who holds the OPRF keys: the port behind which evaluations are made.

Keys are asked for by subset and epoch and never seen here. A retired epoch is unknown to whoever evaluates.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from protocol.oprf.server import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochSecret:
    """The seed of one epoch of a subset."""

    subset: str
    epoch: int
    seed: bytes = field(repr=False)
    """32 bytes."""


class Evaluator(Protocol):
    """Evaluates with the keys it was given."""

    def public(self, subset: str, epoch: int) -> bytes:
        """The public key of an epoch (32 bytes); raises `GoneError`. May block as `outputs` does."""
        ...

    def reserved(self, count: int) -> AbstractContextManager[None]:
        """Room for a batch of `count` elements while the block lasts, taken before anything is spent on it.

        Raises:
            RateLimitedError: so much waits already that the batch would be late.
        """
        ...

    async def evaluate(self, subset: str, epoch: int, elements: bytes) -> Evaluation:
        """Evaluate and prove one batch of elements (32 bytes each).

        Raises:
            GoneError: there is no key for this epoch.
            OprfError: the batch is empty, or an element is not canonical or is the identity.
            RateLimitedError: it waited for longer than its client does.
        """
        ...

    def outputs(self, subset: str, epoch: int, inputs: Sequence[bytes]) -> list[bytes]:
        """The PRF outputs (64 bytes each) of the node's own inputs; blocks, so it is called in a thread.

        Raises:
            GoneError: there is no key for this epoch.
        """
        ...
