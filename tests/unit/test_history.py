from datetime import UTC, datetime, timedelta, timezone

import pytest

from protocol.errors import ForkError, FreezeError, RollbackError, UntrustedError, WrongOriginError
from protocol.history import Follow, check_freshness, follow, fresh_cosignatures
from protocol.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, sign_checkpoint
from protocol.tlog.conflict import Conflict, ConflictKind
from protocol.tlog.cosignature import Cosignature
from protocol.tlog.note import VerifierKey
from protocol.tlog.policy import parse_policy
from support.logs import LOG, LOG_KEY, WITNESS_KEYS, policy_of, signed, witness_key

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
HOUR = timedelta(hours=1)
POLICY = policy_of(logs=[LOG_KEY], witnesses=WITNESS_KEYS, threshold=2)


@pytest.mark.parametrize(
    ("held", "offered", "result"),
    [
        (None, signed(0), Follow.ADVANCED),
        (None, signed(5), Follow.ADVANCED),
        (signed(0), signed(0), Follow.UNCHANGED),
        (signed(0), signed(1), Follow.ADVANCED),
        (signed(5), signed(5), Follow.UNCHANGED),
        (signed(5), signed(5, cosigned={"a": 1}), Follow.UNCHANGED),
        (signed(5), signed(6, "anything"), Follow.ADVANCED),
    ],
    ids=["first, empty", "first", "empty again", "out of empty", "same", "same, cosigned", "larger"],
)
def test_what_may_follow(held: SignedCheckpoint | None, offered: SignedCheckpoint, result: Follow) -> None:
    assert follow(held, offered) is result


@pytest.mark.parametrize("size", [0, 1, 4])
def test_a_smaller_tree_is_a_rollback(size: int) -> None:
    with pytest.raises(RollbackError) as caught:
        follow(signed(5), signed(size))
    assert (caught.value.held, caught.value.offered) == (5, size)
    evidence = Conflict.from_bytes(caught.value.evidence)
    assert evidence == Conflict(ConflictKind.ROLLBACK, signed(5).note, signed(size).note)


def test_another_root_at_one_size_is_a_fork() -> None:
    with pytest.raises(ForkError) as caught:
        follow(signed(5), signed(5, "other"))
    assert caught.value.size == 5
    evidence = Conflict.from_bytes(caught.value.evidence)
    assert evidence == Conflict(ConflictKind.FORK, signed(5).note, signed(5, "other").note)


def test_another_log_follows_nothing() -> None:
    origin = "other.example/lists/main"
    data = sign_checkpoint(Checkpoint(origin, 9, b"r" * 32), [LOG])
    other = open_checkpoint(data, origin=origin, log_keys=[VerifierKey.of_log(origin, LOG.public)])
    with pytest.raises(WrongOriginError):
        follow(signed(5), other)


@pytest.mark.parametrize(
    ("age_s", "fresh"),
    [(0, True), (3600, True), (3601, False), (-300, True), (-301, False), (10**9, False)],
    ids=["now", "just fresh", "just stale", "within skew", "beyond skew", "decades"],
)
def test_bounds_of_freshness(age_s: int, fresh: bool) -> None:
    given = [Cosignature(witness_key("a"), NOW_S - age_s)]
    assert bool(fresh_cosignatures(given, now=NOW, max_age=HOUR)) is fresh


def test_fresh_quorum_passes_in_any_zone() -> None:
    checkpoint = signed(5, cosigned={"a": NOW_S - 10, "b": NOW_S, "c": 0})
    check_freshness(checkpoint, POLICY, now=NOW, max_age=HOUR)
    check_freshness(checkpoint, POLICY, now=NOW.astimezone(timezone(HOUR)), max_age=HOUR)


@pytest.mark.parametrize(
    ("times", "newest"),
    [
        ({"a": NOW_S, "b": NOW_S - 7200}, "2027-03-01T12:00:00"),
        ({"a": 0, "b": 0, "c": 0}, "1970-01-01T00:00:00"),
        ({"a": NOW_S, "b": NOW_S + 301}, "2027-03-01T12:05:01"),
        ({"a": 2**63 - 1, "b": 0}, f"{2**63 - 1} s"),
    ],
    ids=["one is stale", "all are stale", "one is ahead", "beyond the calendar"],
)
def test_stale_quorum_is_a_freeze(times: dict[str, int], newest: str) -> None:
    with pytest.raises(FreezeError, match=newest):
        check_freshness(signed(5, cosigned=times), POLICY, now=NOW, max_age=HOUR)


def test_missing_quorum_is_not_a_freeze() -> None:
    with pytest.raises(UntrustedError):
        check_freshness(signed(5, cosigned={"a": NOW_S}), POLICY, now=NOW, max_age=HOUR)


def test_no_quorum_is_always_fresh() -> None:
    check_freshness(signed(5), parse_policy(b"quorum none\n"), now=NOW, max_age=HOUR)


def test_time_without_a_zone_is_a_programming_mistake() -> None:
    with pytest.raises(AssertionError):
        fresh_cosignatures([], now=NOW.replace(tzinfo=None), max_age=HOUR)
