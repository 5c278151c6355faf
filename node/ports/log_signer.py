"""The signer of the node's own logs, as the publishing services see it."""

from collections.abc import Sequence
from typing import Protocol


class LogSigner(Protocol):
    """Appends leaf hashes to its own compact range and signs the head it computes itself."""

    def sign(self, origin: str, *, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
        """The signed note of `origin` grown from size `start` by `leaf_hashes`.

        Asked again for the batch it signed last it returns the same note. Raises `ConflictError` when `start` is not
        where the signer stands, or when the repeated batch differs.
        """
        ...


class HeadRenewer(Protocol):
    """Signs once more the head that it signed last."""

    def renew(self, origin: str) -> bytes:
        """The note of the head that was signed last, under the keys that sign now; empty when none was signed."""
        ...


class StandingLogSigner(LogSigner, HeadRenewer, Protocol):
    """A log signer that also tells where it stands."""

    def size(self, origin: str) -> int:
        """How many leaves of `origin` it has signed."""
        ...
