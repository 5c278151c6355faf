"""The table from failures to exit codes is total over the three error trees."""

import inspect

import pytest

from keys import errors as keys_errors
from node import errors as node_errors
from node.cli.exit_codes import ExitCode, exit_code
from protocol import errors as protocol_errors

TREES = [
    (keys_errors, keys_errors.KeysError),
    (protocol_errors, protocol_errors.ProtocolError),
    (node_errors, node_errors.NodeError),
]
LEAVES = [
    kind
    for module, root in TREES
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, root)
]

DOCUMENTED = {
    keys_errors.WrongPassphraseError: 12,
    keys_errors.BadSignatureError: 14,
    protocol_errors.ForkError: 14,
    protocol_errors.MalformedError: 14,
    node_errors.UsageError: 2,
    node_errors.ConfigError: 2,
    node_errors.InputRefusedError: 2,
    node_errors.PortTakenError: 2,
    node_errors.NotInitialisedError: 10,
    node_errors.StoreLockedError: 11,
    node_errors.UnauthenticatedError: 12,
    node_errors.TokenExpiredError: 12,
    node_errors.ClockSkewError: 12,
    node_errors.ForbiddenError: 12,
    node_errors.ListTooOldError: 13,
    node_errors.VerificationError: 14,
    node_errors.WrongPinError: 14,
    node_errors.OverQuotaError: 15,
    node_errors.PeerUnreachableError: 16,
}


def without_running_init(kind: type[Exception]) -> Exception:
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_error_has_an_exit_code(kind: type[Exception]) -> None:
    assert exit_code(without_running_init(kind)) in set(ExitCode) - {
        ExitCode.OK,
        ExitCode.HITS,
        ExitCode.PARTIAL,
    }


@pytest.mark.parametrize(
    ("kind", "code"), DOCUMENTED.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_documented_exit_codes(kind: type[Exception], code: int) -> None:
    assert exit_code(without_running_init(kind)) == code


def test_a_bug_has_none() -> None:
    with pytest.raises(LookupError):
        exit_code(ValueError("a bug"))
