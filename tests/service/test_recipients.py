"""Who may fetch raw digests: what is refused, what one person may do alone, whose key is whose."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from node.access.stored_grant import KEY_LIFE, LONGEST_GRANT, stored_grant
from node.errors import AlreadyExistsError, ForbiddenError, NotFoundError, UnauthenticatedError, UsageError
from node.recipients.accreditation import (
    MOST,
    MOST_PURPOSE,
    OVERLAP,
    Recipients,
    Wanted,
    carry_out_grant,
    fetchable,
    recipient_payload,
    recognise,
    require_same,
    state_words,
)
from node.store.accounts.records import Approval
from node.store.partners.records import RecipientRecord
from node.store.store import Store
from protocol.digest import Algorithm
from protocol.lists.event import BASELINE, NATIONAL, PRIVATE_FROM
from protocol.lists.grant import NOTHING, Grant
from support.stores import make_store, sqlite_dsn
from support.times import SettableClock

NOW = datetime(2027, 3, 1, tzinfo=UTC)
MOMENT = timedelta(seconds=1)
LATER = NOW + timedelta(days=30)
BASE = Grant(collections=frozenset({BASELINE}), until=LATER)
ALL = replace(BASE, collections=frozenset({BASELINE, NATIONAL}))
HOTLINE = Wanted(name="hotline", grant=BASE, purpose="its own scanner")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = make_store(sqlite_dsn(tmp_path), tmp_path)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def recipients(store: Store, clock: SettableClock) -> Recipients:
    return Recipients(store, clock)


def approved(wanted: Wanted) -> Approval:
    payload = recipient_payload(wanted)
    return Approval(id=1, kind="", subject="", payload=payload, requested_by="alice", requested_ms=0)


def add(recipients: Recipients, wanted: Wanted) -> str:
    with recipients._store.write() as unit:
        return recipients.carry_out_add(unit, approved(wanted))


def accredit(recipients: Recipients, wanted: Wanted = HOTLINE) -> str:
    """Add a recipient as if a second person had approved it; its key."""
    add(recipients, wanted)
    return recipients.make_key(wanted.name, entropy=os.urandom)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (replace(HOTLINE, name="The Hotline"), "small letters"),
        (replace(HOTLINE, purpose="x" * (MOST_PURPOSE + 1)), "at most"),
        (replace(HOTLINE, grant=replace(BASE, collections=frozenset())), "which collections"),
        (replace(HOTLINE, grant=replace(BASE, collections=frozenset({BASELINE, PRIVATE_FROM}))), "private"),
        (replace(HOTLINE, grant=replace(BASE, until=None)), "has an end"),
        (replace(HOTLINE, grant=replace(BASE, until=NOW)), "has an end"),
        (
            replace(HOTLINE, grant=replace(BASE, until=NOW + LONGEST_GRANT + timedelta(seconds=1))),
            "has an end",
        ),
    ],
)
def test_what_cannot_be_asked_for(recipients: Recipients, wanted: Wanted, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        recipients.check_new(wanted)


def test_a_name_is_taken_once_and_there_is_a_last_one(recipients: Recipients, store: Store) -> None:
    recipients.check_new(HOTLINE)
    accredit(recipients)
    with pytest.raises(AlreadyExistsError):
        recipients.check_new(HOTLINE)
    with store.write() as unit:
        for number in range(MOST - 1):
            unit.recipients.add(RecipientRecord(name=f"r{number}", purpose="", grant="", added_ms=0))
    with pytest.raises(UsageError, match="at most 256"):
        recipients.check_new(replace(HOTLINE, name="another"))


def test_adding_replaces_nobody(recipients: Recipients) -> None:
    assert add(recipients, HOTLINE) == (
        "hotline may fetch baseline until 2027-03-31 00:00 UTC; it needs a key: sigfed recipient key hotline"
    )
    with pytest.raises(AlreadyExistsError):
        add(recipients, replace(HOTLINE, grant=ALL))
    assert stored_grant(recipients.get("hotline")) == BASE


@pytest.mark.threat("a recipient's copy")
def test_one_person_takes_away_and_gives_nothing(recipients: Recipients) -> None:
    accredit(recipients, replace(HOTLINE, grant=ALL))
    recipients.narrow("hotline", BASE)
    for wider in (ALL, replace(BASE, until=LATER + timedelta(days=1))):
        assert recipients.widens("hotline", wider)
        with pytest.raises(ForbiddenError):
            recipients.narrow("hotline", wider)
    assert stored_grant(recipients.get("hotline")) == BASE
    with recipients._store.write() as unit:
        said = carry_out_grant(unit, approved(replace(HOTLINE, grant=ALL)))
    assert said.startswith("hotline may fetch")
    assert stored_grant(recipients.get("hotline")) == ALL


def test_what_ended_is_nothing_so_any_grant_is_wider(recipients: Recipients, clock: SettableClock) -> None:
    accredit(recipients)
    clock.moment = LATER
    assert recipients.widens("hotline", BASE)


def test_a_key_is_kept_as_its_hash_and_replaces_the_one_before(recipients: Recipients, store: Store) -> None:
    first = accredit(recipients)
    held = recipients.get("hotline")
    assert held.key_sha256 == sha256(first.encode()).digest()
    assert first not in repr(held)
    assert held.key_sha256.hex() not in repr(held)
    second = recipients.make_key("hotline", entropy=os.urandom)
    assert (first.startswith("sfr_"), len(first), first != second) == (True, 47, True)
    assert recognise(store, second, NOW).name == "hotline"
    with pytest.raises(UnauthenticatedError):
        recognise(store, first, NOW)
    with pytest.raises(NotFoundError):
        recipients.make_key("nobody", entropy=os.urandom)


def test_a_recipient_changes_over_to_another_key_in_a_day(
    recipients: Recipients, store: Store, clock: SettableClock
) -> None:
    first = accredit(recipients)
    begun = recognise(store, first, NOW)
    second = recipients.change_key("hotline", entropy=os.urandom)
    require_same(store, begun, NOW)  # a download goes on
    for key in (first, second):
        assert recognise(store, key, NOW + OVERLAP - MOMENT).name == "hotline"
    with pytest.raises(UnauthenticatedError):
        recognise(store, first, NOW + OVERLAP)
    with pytest.raises(UnauthenticatedError):
        require_same(store, begun, NOW + OVERLAP)
    assert recognise(store, second, NOW + OVERLAP).name == "hotline"
    third = recipients.make_key("hotline", entropy=os.urandom)
    assert recognise(store, third, NOW).name == "hotline"
    for key in (first, second):
        with pytest.raises(UnauthenticatedError):
            recognise(store, key, NOW)


def test_a_key_ends_though_the_grant_goes_on(
    recipients: Recipients, store: Store, clock: SettableClock
) -> None:
    key = accredit(recipients)
    clock.moment = NOW + KEY_LIFE - MOMENT
    later = replace(BASE, until=clock.moment + LONGEST_GRANT)
    with store.write() as unit:
        carry_out_grant(unit, approved(replace(HOTLINE, grant=later)))
    assert recognise(store, key, clock.moment).name == "hotline"
    clock.moment += MOMENT
    with pytest.raises(UnauthenticatedError):
        recognise(store, key, clock.moment)
    assert state_words(recipients.get("hotline"), clock.moment).startswith("its key ended")
    recipients.make_key("hotline", entropy=os.urandom)
    assert state_words(recipients.get("hotline"), clock.moment) == "may fetch"


@pytest.mark.threat("a recipient's copy")
def test_all_refusals_are_alike(recipients: Recipients, store: Store, clock: SettableClock) -> None:
    keys = {name: accredit(recipients, replace(HOTLINE, name=name)) for name in ("one", "two", "three")}
    add(recipients, replace(HOTLINE, name="keyless"))
    recipients.set_suspended("one", suspended=True)
    recipients.remove("two", by="alice")
    with store.write() as unit:
        unit.recipients.set_grant("three", "no grant at all")
    ended = accredit(
        recipients, replace(HOTLINE, name="ended", grant=replace(BASE, until=NOW + LONGEST_GRANT))
    )
    clock.moment = NOW + LONGEST_GRANT
    shown = [*keys.values(), ended, "", "sfr_", keys["one"][:-1], "\udcff", "x" * 10_000]
    refusals = set()
    for key in shown:
        with pytest.raises(UnauthenticatedError) as caught:
            recognise(store, key, clock.now())
        refusals.add((type(caught.value), str(caught.value), caught.value.hint))
    assert len(refusals) == 1


def test_whoever_is_resumed_is_recognised_again(recipients: Recipients, store: Store) -> None:
    key = accredit(recipients)
    for suspended in (True, False):
        recipients.set_suspended("hotline", suspended=suspended)
    assert recognise(store, key, NOW).name == "hotline"


@pytest.mark.parametrize("change", ["suspend", "remove", "key", "narrow", "end"])
def test_what_is_under_way_is_not_continued_after_a_change(
    recipients: Recipients, store: Store, clock: SettableClock, change: str
) -> None:
    record = recognise(store, accredit(recipients, replace(HOTLINE, grant=ALL)), NOW)
    require_same(store, record, NOW)
    match change:
        case "suspend":
            recipients.set_suspended("hotline", suspended=True)
        case "remove":
            recipients.remove("hotline", by="alice")
        case "key":
            recipients.make_key("hotline", entropy=os.urandom)
        case "narrow":
            recipients.narrow("hotline", BASE)
        case _:
            clock.moment = LATER
    with pytest.raises(UnauthenticatedError):
        require_same(store, record, clock.now())


@pytest.mark.parametrize(
    ("stored", "opens"),
    [
        ("", frozenset()),
        ("{}", frozenset()),
        ("[" * 100_000, frozenset()),
        (json.dumps(BASE.to_json() | {"until": None}), frozenset()),
        (json.dumps(BASE.to_json() | {"until": "2027-02-28T00:00:00+00:00"}), frozenset()),
        (json.dumps(BASE.to_json() | {"collections": ["baseline", "1024", "2000"]}), {BASELINE}),
        (json.dumps(BASE.to_json()), {BASELINE}),
    ],
)
def test_what_a_stored_grant_opens(recipients: Recipients, stored: str, opens: set[int]) -> None:
    record = RecipientRecord(name="x", purpose="", grant=stored, added_ms=0)
    assert fetchable(record, NOW) == opens


def test_a_grant_that_cannot_be_read_is_nothing(recipients: Recipients, store: Store) -> None:
    key = accredit(recipients)
    with store.write() as unit:
        unit.recipients.set_grant("hotline", json.dumps(BASE.to_json())[:-1])
    assert stored_grant(recipients.get("hotline")) == NOTHING
    assert not recipients.any_entitled()
    with pytest.raises(UnauthenticatedError):
        recognise(store, key, NOW)


def test_how_each_stands_in_words(recipients: Recipients, clock: SettableClock) -> None:
    add(recipients, HOTLINE)

    def words() -> str:
        return state_words(recipients.get("hotline"), clock.now())

    assert (words(), recipients.any_entitled()) == ("has no key yet", True)
    recipients.make_key("hotline", entropy=os.urandom)
    assert words() == "may fetch"
    recipients.set_suspended("hotline", suspended=True)
    assert (words(), recipients.any_entitled()) == ("suspended", True)
    recipients.set_suspended("hotline", suspended=False)
    clock.moment = LATER
    assert (words(), recipients.any_entitled()) == ("ended 2027-03-31", False)
    damaged = RecipientRecord(name="x", purpose="", grant="", added_ms=0)
    assert state_words(damaged, NOW) == "its grant covers nothing, or cannot be read"


def test_an_algorithm_more_is_wider(recipients: Recipients) -> None:
    md5 = replace(BASE, algorithms=frozenset({Algorithm.MD5}))
    accredit(recipients, replace(HOTLINE, grant=md5))
    assert recipients.widens("hotline", BASE)
    assert not recipients.widens("hotline", md5)
