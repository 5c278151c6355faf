"""What can go wrong in what nodes say to each other.

Parsing raises `MalformedError` or returns; verification raises or returns the trusted value. Texts never hold
a digest, key bytes, a token or the input itself: whoever handles an error may log it.
"""

from keys.errors import SigfedError


class ProtocolError(SigfedError):
    """Any failure caused by what the other side sent; programmer's mistakes are `AssertionError`s."""


class MalformedError(ProtocolError):
    """Bytes that are not an encoding of anything."""


class NotCanonicalError(MalformedError):
    """Bytes that decode, but are not the one encoding of their value."""


class TooLargeError(MalformedError):
    """More bytes, items or digits than `protocol.limits` allows."""


class UntrustedError(ProtocolError):
    """Well formed, but not signed as it must be."""


class UnknownSignerError(UntrustedError):
    """No key that is known here signed it; one that began since may have."""


class UncosignedError(UntrustedError):
    """Signed by the log, and not by as many witnesses as must cosign; `missing` says how many more."""

    def __init__(self, missing: int) -> None:
        super().__init__("{missing} more witnesses must cosign", missing)
        self.missing = missing


class WrongOriginError(UntrustedError):
    """Signed, but for another log."""


class HistoryError(ProtocolError):
    """Signed, but contradicts what is held."""


class RollbackError(HistoryError):
    """A signed head that is smaller than the one held."""

    def __init__(self, *, held: int, offered: int, evidence: bytes = b"") -> None:
        super().__init__("rollback: the log was at size {held}, now claims {offered}", held, offered)
        self.held = held
        self.offered = offered
        self.evidence = evidence


class ForkError(HistoryError):
    """Two signed heads that cannot belong to one history; `evidence` holds both notes."""

    def __init__(self, *, size: int, evidence: bytes = b"") -> None:
        super().__init__("fork: two signed histories disagree at or below size {size}", size)
        self.size = size
        self.evidence = evidence


class FreezeError(HistoryError):
    """A head that is older than the follower tolerates."""


class RootMismatchError(HistoryError):
    """Entries that do not hash to the signed root."""


class EventRuleError(ProtocolError):
    """A signed event that breaks the rules of a list; `index` says which."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__("event {index}: {reason}", index, reason)
        self.index = index
        self.reason = reason


class FutureEventError(EventRuleError):
    """A signed event that is dated in the future, and keeps every other rule up to there."""


class OpeningError(ProtocolError):
    """An opening that is missing, was not asked for, or does not match its commitment."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__("opening {index}: {reason}", index, reason)
        self.index = index
        self.reason = reason


class ProofError(ProtocolError):
    """An inclusion or consistency proof that does not hold."""


class NotGrantedError(ProtocolError):
    """Outside the grant."""


class OprfError(ProtocolError):
    """A bad group element, scalar or DLEQ proof."""


class SubsetError(ProtocolError):
    """Release files that do not belong to their manifest."""


class OverlapError(HistoryError):
    """Entries that are held and differ in what a peer offers now."""
