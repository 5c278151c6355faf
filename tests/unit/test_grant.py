import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from protocol.digest import Algorithm
from protocol.errors import MalformedError
from protocol.event import BASELINE, NATIONAL, NO_COLLECTION
from protocol.grant import NOTHING, Grant, read_grant

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
