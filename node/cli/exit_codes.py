"""The one table from failures to exit codes; a test keeps it total over the tree of errors."""

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from keys import errors as keys_errors
from node import errors as node_errors
from protocol import errors as protocol_errors

if TYPE_CHECKING:
    from node.hoster.turns import Turns


class ExitCode(IntEnum):
    """What the process says to its caller."""

    OK = 0
    HITS = 1
    FATAL = 2
    PARTIAL = 3
    NOT_INITIALISED = 10
    STORE_LOCKED = 11
    AUTH_REFUSED = 12
    LIST_TOO_OLD = 13
    VERIFICATION_FAILED = 14
    QUOTA = 15
    UNREACHABLE = 16
    INTERRUPTED = 130


_TABLE: dict[type[Exception], ExitCode] = {
    keys_errors.KeysError: ExitCode.VERIFICATION_FAILED,
    keys_errors.WrongPassphraseError: ExitCode.AUTH_REFUSED,
    keys_errors.MalformedKeyFileError: ExitCode.FATAL,
    keys_errors.MalformedKeyError: ExitCode.FATAL,
    protocol_errors.ProtocolError: ExitCode.VERIFICATION_FAILED,
    protocol_errors.NotGrantedError: ExitCode.AUTH_REFUSED,
    node_errors.NodeError: ExitCode.FATAL,
    node_errors.NotInitialisedError: ExitCode.NOT_INITIALISED,
    node_errors.StoreLockedError: ExitCode.STORE_LOCKED,
    node_errors.UnauthenticatedError: ExitCode.AUTH_REFUSED,
    node_errors.ForbiddenError: ExitCode.AUTH_REFUSED,
    node_errors.ListTooOldError: ExitCode.LIST_TOO_OLD,
    node_errors.VerificationError: ExitCode.VERIFICATION_FAILED,
    node_errors.WrongPinError: ExitCode.VERIFICATION_FAILED,
    node_errors.OverQuotaError: ExitCode.QUOTA,
    node_errors.RateLimitedError: ExitCode.QUOTA,
    node_errors.PeerUnreachableError: ExitCode.UNREACHABLE,
    node_errors.SignerDownError: ExitCode.UNREACHABLE,
    node_errors.SignerRefusedError: ExitCode.VERIFICATION_FAILED,
}


def exit_code(error: Exception) -> ExitCode:
    """The exit code of a failure: that of its nearest ancestor in the table.

    Raises:
        LookupError: not one of our errors, so a bug that deserves its traceback.
    """
    for kind in type(error).__mro__:
        if kind in _TABLE:
            return _TABLE[kind]
    raise LookupError(type(error).__name__)


def unfinished(turns: "Turns[Any]", *, some: bool) -> ExitCode:
    """The exit code of turns with a problem, whether `some` were done: of what ended them, else of the first."""
    if turns.stopped is None and some:
        return ExitCode.PARTIAL
    return exit_code(turns.stopped or turns.failed[0][1])
