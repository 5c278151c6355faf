"""Sessions of the console: how they end, what is kept of them, and that nothing in the store makes one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from node.access.persons import Persons
from node.access.sessions import IDLE, MOST, Sessions
from node.clock import milliseconds, system_entropy
from node.errors import NotFoundError, UsageError
from node.objects.person_requests import change_payload
from node.store.accounts.records import PersonRole, SessionRecord
from node.store.store import Store
from node.store.unit import Unit
from support.persons import NOW, add_two, join, made, make_persons
from support.times import SettableClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def persons(store: Store, clock: SettableClock) -> Persons:
    """Alice and Bruno."""
    made = make_persons(store, clock)
    add_two(made)
    return made


@pytest.fixture
def sessions(store: Store, clock: SettableClock, persons: Persons) -> Sessions:
    assert persons.is_open()
    return Sessions(store, clock, system_entropy)


def rows(store: Store, person: str = "alice") -> list[SessionRecord]:
    with store.read() as unit:
        return list(unit.console_sessions.ls(person))


def test_a_session_is_found_by_its_token(sessions: Sessions) -> None:
    opened, other = sessions.open("alice"), sessions.open("bruno")
    visitor = sessions.find(opened.token)
    assert visitor is not None
    assert (visitor.person, visitor.role, visitor.csrf) == ("alice", PersonRole.OPERATOR, opened.csrf)
    assert (visitor.proved_ms, visitor.language) == (0, "")
    assert [row.opened_ms for row in sessions.ls("alice")] == [milliseconds(NOW)]
    assert len({opened.token, opened.csrf, other.token, other.csrf}) == 4
    assert opened.token not in repr(opened)
    assert opened.csrf not in repr((opened, visitor))


@pytest.mark.parametrize(
    "token", ["", "0" * 64, "0" * 63, "g" * 64, "0" * 100_000, "é" * 64, "0" * 63 + "\n"]
)
def test_what_is_no_token_finds_nothing(sessions: Sessions, token: str) -> None:
    sessions.open("alice")
    assert sessions.find(token) is None


def test_the_store_has_no_token(sessions: Sessions, store: Store) -> None:
    opened = sessions.open("alice")
    (row,) = rows(store)
    assert row.token_hash == sha256(opened.token.encode()).digest()
    assert bytes.fromhex(opened.csrf) not in row.sealed_csrf
    assert sessions.find(row.token_hash.hex()) is None


def test_nobody_who_does_not_exist_has_a_session(sessions: Sessions) -> None:
    with pytest.raises(NotFoundError):
        sessions.open("nobody")


def test_it_ends_when_it_is_not_used(sessions: Sessions, clock: SettableClock) -> None:
    token = sessions.open("alice").token
    clock.advance(IDLE - timedelta(milliseconds=1))
    assert sessions.find(token) is not None
    clock.advance(IDLE - timedelta(milliseconds=1))
    assert sessions.find(token) is not None
    clock.advance(IDLE)
    assert sessions.find(token) is None
    assert sessions.ls("alice") == []


def test_when_it_was_used_is_put_right_with_the_clock(sessions: Sessions, clock: SettableClock) -> None:
    token = sessions.open("alice").token
    for step in (timedelta(minutes=20), timedelta(minutes=20), -timedelta(seconds=50)):
        clock.advance(step)
        assert sessions.find(token) is not None
    clock.advance(IDLE)
    assert sessions.find(token) is None


def test_what_asks_by_itself_does_not_keep_it_open(sessions: Sessions, clock: SettableClock) -> None:
    """A page that refreshes itself is left on a desk: half an hour later nobody else goes on with it."""
    token = sessions.open("alice").token
    for _ in range(29):
        clock.advance(MINUTE)
        visitor = sessions.glance(token)
        assert visitor is not None
        assert visitor.person == "alice"
    clock.advance(MINUTE)
    assert sessions.glance(token) is None
    assert sessions.find(token) is None


def test_looking_at_pages_writes_once_a_minute(
    sessions: Sessions, store: Store, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[None] = []
    write = store.write

    @contextmanager
    def counted() -> Iterator[Unit]:
        writes.append(None)
        with write() as unit:
            yield unit

    token = sessions.open("alice").token
    monkeypatch.setattr(store, "write", counted)
    for _ in range(30):
        clock.advance(timedelta(seconds=10))
        assert sessions.find(token) is not None
    assert len(writes) == 5


@pytest.mark.threat("a false sign-in")
def test_it_ends_with_its_person(sessions: Sessions, persons: Persons, store: Store) -> None:
    join(persons, "carla", PersonRole.OPERATOR)
    kept, ended = sessions.open("bruno").token, sessions.open("carla").token
    with store.write() as unit:
        persons.carry_out_remove(unit, made(change_payload("carla")))
    assert rows(store, "carla") == []
    assert sessions.find(ended) is None
    join(persons, "carla", PersonRole.OPERATOR)
    assert sessions.find(ended) is None, "whoever comes back signs in again"
    assert sessions.find(kept) is not None


def test_another_passphrase_ends_it(sessions: Sessions, persons: Persons) -> None:
    token = sessions.open("alice").token
    verifier = persons.sealed_verifier("alice", "quite another passphrase")
    with persons._store.write() as unit:
        persons.carry_out_reset(unit, made(change_payload("alice", verifier=verifier)))
    assert sessions.find(token) is None


def test_a_role_is_read_anew_each_time(sessions: Sessions, persons: Persons, store: Store) -> None:
    join(persons, "carla", PersonRole.VIEWER)
    token = sessions.open("carla").token
    with store.write() as unit:
        record = unit.persons.get("carla")
        unit.persons.remove("carla")
        unit.persons.add(replace(record, role=PersonRole.ANALYST))
    visitor = sessions.find(token)
    assert visitor is not None
    assert visitor.role is PersonRole.ANALYST


def test_closing_ends_one_or_all(sessions: Sessions) -> None:
    first, second, third = (sessions.open("alice").token for _ in range(3))
    sessions.close(first)
    sessions.close(first)
    assert sessions.find(first) is None
    left = sessions.find(second)
    assert left is not None
    with pytest.raises(NotFoundError):
        sessions.close_one("bruno", left.session)
    sessions.close_one("alice", left.session)
    assert sessions.find(second) is None
    assert sessions.find(third) is not None
    sessions.close_all("alice")
    assert sessions.find(third) is None


def test_nobody_has_more_than_so_many(sessions: Sessions, store: Store) -> None:
    tokens = [sessions.open("alice").token for _ in range(MOST + 2)]
    assert len(rows(store)) == MOST
    assert [sessions.find(token) is None for token in tokens] == [True] * 2 + [False] * MOST


def test_what_has_ended_is_swept(sessions: Sessions, store: Store, clock: SettableClock) -> None:
    sessions.open("alice")
    clock.advance(IDLE + MINUTE)
    assert len(rows(store)) == 1
    sessions.open("bruno")
    assert rows(store) == []
    clock.advance(IDLE + MINUTE)
    sessions.sweep()
    assert rows(store, "bruno") == []


def test_a_proof_is_dated(sessions: Sessions, clock: SettableClock) -> None:
    token, other = sessions.open("alice").token, sessions.open("alice").token
    clock.advance(MINUTE)
    sessions.prove(token)
    proved, not_proved = sessions.find(token), sessions.find(other)
    assert proved is not None
    assert not_proved is not None
    assert (proved.proved_ms, not_proved.proved_ms) == (milliseconds(NOW + MINUTE), 0)


def test_a_language_stays_with_the_session(sessions: Sessions) -> None:
    token = sessions.open("alice").token
    before = sessions.find(token)
    assert before is not None
    for language in ("fr", "fr-BE", ""):
        sessions.speak(before, language)
        visitor = sessions.find(token)
        assert visitor is not None
        assert visitor.language == language
    for bad in ("french", "f", "fr_FR", "fr\n", "<b>", "../en"):
        with pytest.raises(UsageError):
            sessions.speak(before, bad)


@pytest.mark.threat("a false sign-in")
def test_a_row_that_somebody_put_there_is_no_session(sessions: Sessions, store: Store) -> None:
    """Of his own session, under another's name; and one that he made up."""
    mine = sessions.open("bruno")
    (row,) = rows(store, "bruno")
    invented = "ab" * 32
    with store.write() as unit:
        unit.console_sessions.remove_all("bruno")
        unit.console_sessions.add(replace(row, person="alice"))
        forged = replace(row, person="alice", token_hash=sha256(invented.encode()).digest())
        unit.console_sessions.add(forged)
    assert sessions.find(mine.token) is None
    assert sessions.find(invented) is None
