import pytest

from protocol.encoding import encode_cbor
from protocol.errors import (
    ForkError,
    MalformedError,
    ProofError,
    RollbackError,
    TooLargeError,
    UntrustedError,
    WrongOriginError,
)
from protocol.evidence import Finding, encode_fork, encode_rollback, verify_evidence
from protocol.history import follow
from protocol.limits import MAX_EVIDENCE_BYTES
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.conflict import ConflictKind
from support.logs import (
    LOG,
    LOG_KEY,
    NEXT_LOG,
    NEXT_LOG_KEY,
    ORIGIN,
    WITNESS_KEYS,
    head,
    signed,
    signed_note,
    witness_key,
)


def judge(data: bytes) -> Finding:
    return verify_evidence(data, origin=ORIGIN, log_keys=[LOG_KEY], witnesses=WITNESS_KEYS)


def test_fork_convicts_the_log() -> None:
    finding = judge(encode_fork(signed_note(head(5)), signed_note(head(5, "other"))))
    assert (finding.kind, finding.origin, finding.log_at_fault) == (ConflictKind.FORK, ORIGIN, True)
    assert finding.witnesses_at_fault == ()
    assert finding.held.checkpoint == head(5)
    assert finding.offered.checkpoint == head(5, "other")


@pytest.mark.threat("witnesses that collude")
def test_fork_convicts_witnesses_of_both_sides() -> None:
    one = signed_note(head(5), {"c": 10, "a": 20, "b": 10})
    two = signed_note(head(5, "other"), {"a": 20, "c": 5})
    assert judge(encode_fork(one, two)).witnesses_at_fault == (witness_key("a"), witness_key("c"))


def test_fork_under_two_keys_of_the_log() -> None:
    # A log that changes its key stays one log: the two histories are its own all the same.
    data = encode_fork(signed_note(head(5)), signed_note(head(5, "other"), signers=[NEXT_LOG]))
    assert verify_evidence(data, origin=ORIGIN, log_keys=[LOG_KEY, NEXT_LOG_KEY]).log_at_fault
    with pytest.raises(UntrustedError):
        judge(data)


def test_rollback_alone_convicts_nobody() -> None:
    finding = judge(encode_rollback(signed_note(head(5)), signed_note(head(4))))
    assert (finding.kind, finding.log_at_fault) == (ConflictKind.ROLLBACK, False)
    assert finding.witnesses_at_fault == ()


@pytest.mark.parametrize(
    ("held", "offered", "guilty"),
    [
        pytest.param({"a": 10}, {"a": 11}, "a", id="later"),
        pytest.param({"a": 10}, {"a": 10}, "", id="same second"),
        pytest.param({"a": 10}, {"a": 9}, "", id="earlier"),
        pytest.param({"a": 10}, {"b": 11}, "", id="another witness"),
        pytest.param({"a": 10, "b": 10, "c": 10}, {"c": 11, "b": 9, "a": 12}, "ac", id="two of three"),
        pytest.param({}, {"a": 11}, "", id="new witness"),
    ],
)
def test_rollback_convicts_a_witness_that_went_back(
    held: dict[str, int], offered: dict[str, int], guilty: str
) -> None:
    finding = judge(encode_rollback(signed_note(head(5), held), signed_note(head(4), offered)))
    assert finding.witnesses_at_fault == tuple(map(witness_key, guilty))
    assert not finding.log_at_fault


def test_what_history_raises_can_be_judged() -> None:
    with pytest.raises(ForkError) as fork:
        follow(signed(5), signed(5, "other"))
    assert judge(fork.value.evidence).log_at_fault
    with pytest.raises(RollbackError) as rollback:
        follow(signed(5, cosigned={"a": 10}), signed(0, cosigned={"a": 20}))
    assert judge(rollback.value.evidence).witnesses_at_fault == (witness_key("a"),)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encode_fork(signed_note(head(5)), signed_note(head(5))), id="same note"),
        pytest.param(encode_fork(signed_note(head(5)), signed_note(head(5), {"a": 1})), id="same head"),
        pytest.param(encode_fork(signed_note(head(5)), signed_note(head(6))), id="two sizes"),
        pytest.param(encode_rollback(signed_note(head(5)), signed_note(head(5, "other"))), id="same size"),
        pytest.param(encode_rollback(signed_note(head(5)), signed_note(head(6))), id="larger"),
        pytest.param(encode_rollback(signed_note(head(0)), signed_note(head(0))), id="both empty"),
    ],
)
def test_notes_that_agree_prove_nothing(data: bytes) -> None:
    with pytest.raises(ProofError):
        judge(data)


def test_nobody_is_convicted_without_a_signature() -> None:
    unsigned = signed_note(head(5), signers=[NEXT_LOG])
    forged = signed_note(head(5)).replace(b"\n5\n", b"\n6\n")
    for bad in (unsigned, forged):
        with pytest.raises(UntrustedError):
            judge(encode_fork(signed_note(head(5, "other")), bad))
        with pytest.raises(UntrustedError):
            judge(encode_fork(bad, signed_note(head(5, "other"))))


def test_notes_of_another_log() -> None:
    stray = signed_note(Checkpoint("other.example/lists/main", 5, b"r" * 32), signers=[LOG])
    with pytest.raises(WrongOriginError):
        judge(encode_fork(signed_note(head(5)), stray))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(encode_cbor({}), id="empty map"),
        pytest.param(encode_cbor({0: 2, 1: 1, 2: b"", 3: b""}), id="version"),
        pytest.param(encode_cbor({0: 1, 1: 3, 2: b"", 3: b""}), id="kind"),
        pytest.param(encode_cbor({0: 1, 1: True, 2: b"", 3: b""}), id="kind true"),
        pytest.param(encode_cbor({0: True, 1: 1, 2: b"", 3: b""}), id="version true"),
        pytest.param(encode_cbor({0: 1, 1: 1, 2: b""}), id="no second note"),
        pytest.param(encode_cbor({0: 1, 1: 1, 2: b"", 3: "text"}), id="text"),
        pytest.param(encode_cbor({0: 1, 1: 1, 2: b"", 3: b"", 4: b""}), id="more"),
        pytest.param(encode_cbor({0: 1, 1: 1, 2: b"", 3: b""}) + b"\x00", id="bytes behind"),
        pytest.param(encode_fork(b"", b""), id="empty notes"),
    ],
)
def test_malformed_evidence(data: bytes) -> None:
    with pytest.raises(MalformedError):
        judge(data)


def test_bound_of_evidence() -> None:
    with pytest.raises(TooLargeError):
        judge(b"\xa1" * (MAX_EVIDENCE_BYTES + 1))
