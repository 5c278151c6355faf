import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.digest import Algorithm
from protocol.errors import MalformedError
from protocol.limits import MAX_GRANT_BYTES
from protocol.lists.event import BASELINE, NATIONAL, NO_COLLECTION, Op
from protocol.lists.grant import NOTHING, Grant, decode_grant, encode_grant, read_grant

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GRANT = Grant(
    collections=frozenset({BASELINE, 2000}),
    algorithms=frozenset({Algorithm.MD5, Algorithm.PDQ}),
    until=NOW + timedelta(days=1),
)
FIELDS: dict[str, Any] = {"collections": ["baseline"], "algorithms": None, "until": None}


@pytest.mark.parametrize("grant", [GRANT, NOTHING, Grant(collections=frozenset({1}))])
def test_round_trip(grant: Grant) -> None:
    assert Grant.from_json(json.loads(json.dumps(grant.to_json()))) == grant
    assert read_grant(grant.to_json()) == grant


def test_the_stored_form_has_names() -> None:
    assert GRANT.to_json() == {
        "collections": ["baseline", "2000"],
        "algorithms": ["md5", "pdq"],
        "until": "2026-06-02T00:00:00+00:00",
    }


def test_what_a_grant_covers() -> None:
    assert GRANT.covers(BASELINE, NOW)
    assert GRANT.covers(2000, NOW)
    assert GRANT.covers(NO_COLLECTION, NOW)
    assert not GRANT.covers(NATIONAL, NOW)


def test_a_grant_ends() -> None:
    assert GRANT.until is not None
    for collection in (BASELINE, NO_COLLECTION):
        assert GRANT.covers(collection, GRANT.until - timedelta(microseconds=1))
        assert not GRANT.covers(collection, GRANT.until)


def test_nothing_covers_nothing() -> None:
    assert not any(NOTHING.covers(collection, NOW) for collection in range(2000))


def test_algorithms_limit_digests_and_nothing_else() -> None:
    assert GRANT.covers_algorithm(Algorithm.MD5)
    assert GRANT.covers_algorithm(Algorithm.HIDDEN)
    assert not GRANT.covers_algorithm(Algorithm.SHA1)
    assert NOTHING.covers_algorithm(Algorithm.SHA1)


def test_times_are_read_in_any_zone() -> None:
    grant = Grant.from_json(FIELDS | {"until": "2026-06-01T02:00:00+02:00"})
    assert grant.until == NOW
    assert grant.until.tzinfo is UTC
    assert datetime(2026, 6, 1, 2, tzinfo=timezone(timedelta(hours=2))) == grant.until


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "baseline",
        {},
        {"collections": ["baseline"]},
        FIELDS | {"more": 1},
        FIELDS | {"collections": None},
        FIELDS | {"collections": "baseline"},
        FIELDS | {"collections": [1]},
        FIELDS | {"collections": ["0"]},
        FIELDS | {"collections": ["everything"]},
        FIELDS | {"algorithms": "md5"},
        FIELDS | {"algorithms": ["md6"]},
        FIELDS | {"algorithms": ["hidden"]},
        FIELDS | {"until": 1},
        FIELDS | {"until": ""},
        FIELDS | {"until": "tomorrow"},
        FIELDS | {"until": "2026-06-01T00:00:00"},
        FIELDS | {"until": "0001-01-01T00:00:00+14:00"},
    ],
    ids=str,
)
def test_what_cannot_be_read_covers_nothing(value: object) -> None:
    with pytest.raises(MalformedError):
        Grant.from_json(value)
    assert read_grant(value) is NOTHING


SHOWN = [algorithm for algorithm in Algorithm if algorithm is not Algorithm.HIDDEN]
GRANTS = st.builds(
    Grant,
    collections=st.frozensets(st.sampled_from([BASELINE, NATIONAL, 2000])),
    algorithms=st.none() | st.frozensets(st.sampled_from(SHOWN[:3])),
)
PLACES = [
    (collection, op, algorithm)
    for collection in (NO_COLLECTION, BASELINE, NATIONAL, 2000)
    for op, algorithm in [(Op.WITHDRAW, Algorithm.HIDDEN), *((Op.ADD, each) for each in SHOWN)]
]
"""Every kind of event that says what it is."""


def opened(grant: Grant) -> set[tuple[int, int, int]]:
    """What of `PLACES` must be opened."""
    return {place for place in PLACES if grant.opens(*place)}


@given(GRANTS, GRANTS)
def test_a_grant_that_includes_another_opens_all_that_it_opens(one: Grant, other: Grant) -> None:
    if one.includes(other):
        assert opened(one) >= opened(other)
    assert one.includes(one)
    assert one.includes(NOTHING)


@given(GRANTS, GRANTS)
def test_what_opens_more_and_nothing_less_includes(one: Grant, other: Grant) -> None:
    """But for grants of no algorithm at all, of which each opens some of another kind."""
    if opened(one) >= opened(other) and other.algorithms != frozenset():
        assert one.includes(other) or not opened(other)


@given(GRANTS, GRANTS)
def test_the_meet_opens_what_both_open(one: Grant, other: Grant) -> None:
    both = one.meet(other)
    assert both == other.meet(one)
    assert one.includes(both)
    assert other.includes(both)
    adds = {place for place in opened(one) & opened(other) if place[0] != NO_COLLECTION}
    assert opened(both) >= adds


@given(GRANTS, GRANTS)
def test_the_join_claims_nothing_that_neither_opens(old: Grant, new: Grant) -> None:
    joined = old.join(new)
    assert joined.includes(new)
    assert opened(joined) <= opened(old) | opened(new)


@pytest.mark.parametrize(
    ("old", "new", "joined"),
    [
        (GRANT, NOTHING, Grant(collections=GRANT.collections, algorithms=GRANT.algorithms)),
        (NOTHING, GRANT, Grant(collections=GRANT.collections, algorithms=GRANT.algorithms)),
        (
            Grant(collections=frozenset({BASELINE})),
            Grant(collections=frozenset({NATIONAL})),
            Grant(collections=frozenset({BASELINE, NATIONAL})),
        ),
        (
            Grant(collections=frozenset({BASELINE}), algorithms=frozenset({Algorithm.MD5})),
            Grant(collections=frozenset({NATIONAL})),
            Grant(collections=frozenset({NATIONAL})),
        ),
    ],
    ids=["nothing more", "from nothing", "two collections", "what no one grant says"],
)
def test_joins(old: Grant, new: Grant, joined: Grant) -> None:
    assert old.join(new) == joined


@pytest.mark.parametrize(
    ("collection", "op", "algorithm", "may", "must"),
    [
        (BASELINE, Op.ADD, Algorithm.MD5, True, True),
        (BASELINE, Op.ADD, Algorithm.SHA1, False, False),
        (BASELINE, Op.ADD, Algorithm.HIDDEN, True, False),
        (BASELINE, Op.DISPUTE, Algorithm.HIDDEN, True, False),
        (BASELINE, Op.WITHDRAW, Algorithm.HIDDEN, True, True),
        (NO_COLLECTION, Op.CONTINUE, Algorithm.HIDDEN, True, True),
        (NATIONAL, Op.ADD, Algorithm.MD5, False, False),
        (NATIONAL, Op.WITHDRAW, Algorithm.HIDDEN, False, False),
    ],
)
def test_what_may_and_what_must_be_opened(
    collection: int, op: int, algorithm: int, *, may: bool, must: bool
) -> None:
    assert GRANT.may_open(collection, algorithm) is may
    assert GRANT.opens(collection, op, algorithm) is must


def test_a_grant_of_all_algorithms_opens_what_hides_its_own() -> None:
    assert Grant(collections=frozenset({BASELINE})).opens(BASELINE, Op.ADD, Algorithm.HIDDEN)
    assert not NOTHING.may_open(NO_COLLECTION, Algorithm.HIDDEN)


def test_the_collections_at_a_time() -> None:
    assert GRANT.collections_at(NOW) == GRANT.collections
    assert GRANT.collections_at(NOW + timedelta(days=1)) == frozenset()


@given(GRANTS)
def test_over_the_wire(grant: Grant) -> None:
    assert decode_grant(encode_grant(grant)) == grant


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 60_000, b" " * (MAX_GRANT_BYTES + 1)])
def test_what_is_no_grant_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_grant(data)
