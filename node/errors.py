"""What can go wrong while running a node or a partner's client, outside of the protocol's own rules.

Each leaf maps to one HTTP problem in `node.web.problems` and one exit code in `node.cli.main`; tests keep
both tables total. Texts say what to do next and never hold a digest, key or token.
"""

from pathlib import Path

from keys.errors import SigfedError


class NodeError(SigfedError):
    """Any failure of this package."""

    def __init__(self, message: str, /, *values: object, hint: str = "") -> None:
        super().__init__(message, *values)
        self.hint = hint or self.hint


class UsageError(NodeError):
    """The operator asked for something that makes no sense."""


class ConfigError(NodeError):
    """A configuration file that cannot be used."""


class NotInitialisedError(NodeError):
    """No node (or no enrolment) lives in this folder."""


def no_node(folder: Path) -> NotInitialisedError:
    """No node lives in `folder`."""
    return NotInitialisedError(
        "no node lives in {folder}",
        folder,
        hint="an agency starts with: sigfed init; a partner with: sigfed enroll",
    )


def no_partner(folder: Path) -> NotInitialisedError:
    """Nobody is enrolled in `folder`."""
    return NotInitialisedError("no partner is enrolled in {folder}", folder, hint="enrol with: sigfed enroll")


class AlreadyExistsError(NodeError):
    """Something that would have to be overwritten is there."""


class NotFoundError(NodeError):
    """A list, peer, subset, partner or entry of this name is not known."""


class MissingKeyError(NodeError):
    """A key of this node that should sign, or open something, is not here or has not begun.

    No `NotFoundError`: that one says of what was asked for, here or of another node, that it is not there.
    """


class NothingToDoError(NotFoundError):
    """A list says nothing of a hash that could be changed: whoever corrects many hashes goes on to the next."""


class InputRefusedError(NodeError):
    """An input file that cannot be read at all; `line` where it is known."""


class StoreError(NodeError):
    """The database or object store failed."""


class StoreDownError(StoreError):
    """The database cannot be reached or does nothing, or its disk, or that of the objects, takes nothing."""

    hint = "is it running, and is there room on its disk?"


class StoreLockedError(StoreError):
    """Another process holds the store or the scheduler."""


class SupersededError(StoreLockedError):
    """Another home, or a newer version of this program, has the database or the bucket: whoever runs here is to end."""


class ConflictError(StoreError):
    """A compare-and-swap lost: someone else moved the head."""


class MissingObjectError(StoreError):
    """An object that the catalogue names is not in the object store."""


class RestoredError(NodeError):
    """A home that came out of a backup, or is older than what its node has signed, and may not serve or sign yet."""


class UnauthenticatedError(NodeError):
    """No credential, or one that does not verify."""


class TokenExpiredError(UnauthenticatedError):
    """An access token past its end: get a new one and ask again."""


class WrongCertificateError(UnauthenticatedError):
    """A credential over a connection whose client certificate is missing, another one, or another client's."""


class ReplayedError(UnauthenticatedError):
    """An assertion that was used before."""


class ClockSkewError(UnauthenticatedError):
    """The client's clock is `ahead_seconds` ahead of the server's (behind, when negative)."""

    def __init__(self, message: str, /, *values: object, ahead_seconds: int, hint: str = "") -> None:
        super().__init__(message, *values, hint=hint)
        self.ahead_seconds = ahead_seconds


class ForbiddenError(NodeError):
    """A good credential whose scope or grant does not cover the request."""


class OverQuotaError(NodeError):
    """The partner's evaluations are used up; `retry_after_seconds` says for how long."""

    def __init__(self, message: str, /, *values: object, retry_after_seconds: int, hint: str = "") -> None:
        super().__init__(message, *values, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class RateLimitedError(NodeError):
    """Too many requests in a short time."""

    def __init__(self, message: str, /, *values: object, retry_after_seconds: int, hint: str = "") -> None:
        super().__init__(message, *values, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class GoneError(NodeError):
    """A retired epoch or a used-up enrolment code."""


class PeerUnreachableError(NodeError):
    """The other node did not answer in time, or not at all."""


class PeerRefusedError(NodeError):
    """The other node answered with a problem; `status` is its HTTP status."""

    def __init__(self, message: str, /, *values: object, status: int, hint: str = "") -> None:
        super().__init__(message, *values, hint=hint)
        self.status = status


class WrongPinError(NodeError):
    """The certificate presented is not the one pinned for this node."""


class VerificationError(NodeError):
    """What another node sent does not verify; the `ProtocolError` or `KeysError` is the cause."""


class TrustForkError(VerificationError):
    """A node shows two trust files of one version; `evidence` holds both, `pair` names their contents."""

    hint = "show the evidence to the other members: sigfed evidence ls"

    def __init__(self, message: str, /, *values: object, evidence: bytes, pair: str) -> None:
        super().__init__(message, *values)
        self.evidence = evidence
        self.pair = pair


class TripwireError(VerificationError):
    """A release would list what must never be released; nothing was added."""

    hint = (
        "if they are listed by mistake: sigfed entry withdraw for own ones, sigfed entry dispute for others'; "
        "if they belong on the list: sigfed guard tripwire remove NUMBER; then release again"
    )


class BeyondLimitsError(NodeError):
    """More at once than was announced or agreed: a publication of this node, or the head of a peer's list."""


class ListTooOldError(NodeError):
    """The partner's release is past its `not_after` and grace."""


class PortTakenError(NodeError):
    """The listening address is in use."""


class LibraryError(NodeError):
    """No usable libsodium: missing, without ristretto255, or failing its self-test."""

    hint = "install libsodium 1.0.18 or later (Debian: libsodium23), or the Python package rbcl"


class EvaluatorDownError(NodeError):
    """The evaluation process does not start, failed, or died with what was under way."""

    hint = "ask again; if it stays so, see the journal of the node"


class SignerDownError(NodeError):
    """What holds a private key (an agent, a token, the signer process) cannot be reached, or will not sign now."""

    hint = "nothing was lost; start it, or plug it in, and ask again"


class SignerRefusedError(NodeError):
    """The signer process was asked for something that it does not sign."""

    hint = "if nobody changed the node's own files, see the journal of the signer"
