"""What takes two persons: who may ask and decide, once, in time, and whatever is cut off."""

from datetime import timedelta
from pathlib import Path

import pytest

from node.access.approvals import KINDS, Approvals
from node.access.persons import FREE_TRIES, MIN_PASSPHRASE, Persons
from node.app import recall
from node.app.approvals import CHANGES
from node.cli.persons.persons import app as person_commands
from node.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    GoneError,
    NotFoundError,
    RateLimitedError,
    StoreError,
    UnauthenticatedError,
    UsageError,
)
from node.objects.person_requests import change_payload
from node.store.accounts.records import Outcome, PersonRole
from node.store.store import Store
from support.persons import NOW, PASS, add_two, all_of, ask, join, made, make_persons
from support.times import SettableClock


@pytest.fixture
def persons(store: Store, clock: SettableClock) -> Persons:
    return make_persons(store, clock)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def two(persons: Persons) -> Persons:
    """Alice and Bruno, who decide about everything."""
    add_two(persons)
    return persons


@pytest.fixture
def approvals(store: Store, clock: SettableClock, two: Persons) -> Approvals:
    assert two.is_open()
    return Approvals(store, clock)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_decided_once_by_another(approvals: Approvals, store: Store, kind: str) -> None:
    asked = ask(approvals, kind)
    assert (asked.outcome, asked.decided_by) == (Outcome.OPEN, "")
    with pytest.raises(ForbiddenError, match="somebody else"):
        approvals.approve(asked.id, by="alice")
    with pytest.raises(ForbiddenError):
        approvals.reject(asked.id, by="alice", reason="mine")
    with pytest.raises(NotFoundError):
        approvals.approve(asked.id, by="nobody")
    decided = approvals.approve(asked.id, by="bruno")
    assert (decided.outcome, decided.decided_by) == (Outcome.APPROVED, "bruno")
    with store.write() as unit:
        approvals.note_acted(unit, decided, "done")
    with pytest.raises(ConflictError):
        approvals.approve(asked.id, by="bruno")
    with pytest.raises(ConflictError):
        approvals.reject(asked.id, by="bruno", reason="late")
    assert approvals.get(asked.id).result == "done"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_expires(approvals: Approvals, clock: SettableClock, kind: str) -> None:
    asked = ask(approvals, kind)
    clock.advance(timedelta(days=7) - timedelta(milliseconds=1))
    assert not approvals.is_expired(asked)
    clock.advance(timedelta(milliseconds=1))
    assert approvals.is_expired(asked)
    with pytest.raises(GoneError):
        approvals.approve(asked.id, by="bruno")
    assert approvals.reject(asked.id, by="bruno", reason="too late").outcome is Outcome.REJECTED


def test_what_was_decided_in_time_outlives_whoever_asked(
    approvals: Approvals, two: Persons, store: Store
) -> None:
    join(two, "carla", PersonRole.OPERATOR)
    cut_off, open_ = ask(approvals, by="carla"), ask(approvals, by="carla")
    approvals.approve(cut_off.id, by="bruno")
    with store.write() as unit:
        unit.persons.remove("carla")  # as earlier versions did, which left open what she had asked for
    with pytest.raises(GoneError, match="carla"):
        approvals.approve(open_.id, by="bruno")
    assert approvals.reject(open_.id, by="bruno", reason="she left").outcome is Outcome.REJECTED
    assert approvals.approve(cut_off.id, by="bruno").decided_by == "bruno"


@pytest.mark.parametrize("kind", KINDS)
def test_a_rejected_request_stays_rejected(approvals: Approvals, kind: str) -> None:
    asked = ask(approvals, kind)
    rejected = approvals.reject(asked.id, by="bruno", reason="not now")
    assert (rejected.outcome, rejected.reason) == (Outcome.REJECTED, "not now")
    with pytest.raises(ConflictError):
        approvals.approve(asked.id, by="bruno")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", PersonRole)
def test_roles_decide_what_the_table_says(
    approvals: Approvals, store: Store, two: Persons, kind: str, role: PersonRole
) -> None:
    join(two, "carla", role)
    asked = ask(approvals, kind)
    if role in KINDS[kind].may_approve:
        assert approvals.approve(asked.id, by="carla").decided_by == "carla"
        return
    with pytest.raises(ForbiddenError, match=role):
        approvals.approve(asked.id, by="carla")
    assert approvals.get(asked.id).outcome is Outcome.OPEN


def test_an_analyst_decides_about_material_and_nothing_else() -> None:
    theirs = {kind for kind, row in KINDS.items() if PersonRole.ANALYST in row.may_approve}
    assert theirs == {"quarantine.release", "entry.shred", "entry.readmit"}
    assert all(PersonRole.OPERATOR in row.may_approve for row in KINDS.values()), "a team of two decides all"


def test_a_viewer_asks_for_nothing_and_decides_nothing(approvals: Approvals, two: Persons) -> None:
    join(two, "carla", PersonRole.VIEWER)
    assert two.authenticate("carla", PASS["carla"]) == "carla"
    assert all(PersonRole.VIEWER not in row.may_approve for row in KINDS.values())
    with pytest.raises(ForbiddenError, match="is a viewer"):
        ask(approvals, by="carla")


def test_a_viewer_is_not_one_of_the_two(persons: Persons, store: Store, clock: SettableClock) -> None:
    persons.add("alice", PersonRole.OPERATOR, PASS["alice"])
    join(persons, "carla", PersonRole.VIEWER)
    assert not persons.is_open()
    with pytest.raises(UsageError, match="two persons"):
        ask(Approvals(store, clock))
    persons.add("bruno", PersonRole.SECURITY, PASS["bruno"])
    assert persons.is_open()
    with pytest.raises(ConflictError, match="fewer than two"):
        leave(persons, "bruno")


def test_every_kind_has_its_handler() -> None:
    assert sorted([*CHANGES, recall.KIND]) == sorted(KINDS)


def test_an_approval_that_was_cut_off_is_finished_by_approving_again(
    approvals: Approvals, clock: SettableClock
) -> None:
    asked = ask(approvals)
    approvals.approve(asked.id, by="bruno")
    clock.advance(timedelta(days=30))
    again = approvals.approve(asked.id, by="bruno")
    assert (again.outcome, again.acted_ms) == (Outcome.APPROVED, None)
    with pytest.raises(ForbiddenError):
        approvals.approve(asked.id, by="alice")
    with pytest.raises(ConflictError):
        approvals.reject(asked.id, by="bruno", reason="changed my mind")


def test_nothing_is_asked_for_before_two_persons_exist(
    persons: Persons, store: Store, clock: SettableClock
) -> None:
    approvals = Approvals(store, clock)
    persons.add("alice", PersonRole.OPERATOR, PASS["alice"])
    with pytest.raises(UsageError, match="two persons") as caught:
        ask(approvals)
    assert "sigfed person add" in caught.value.hint
    persons.add("bruno", PersonRole.SECURITY, PASS["bruno"])
    with pytest.raises(NotFoundError):
        ask(approvals, by="stranger")
    assert ask(approvals).id == approvals.ls(Outcome.OPEN)[0].id


def test_requests_are_shown_without_their_payload(approvals: Approvals) -> None:
    asked = approvals.request("entry.shred", subject="one entry", payload=b"secret payload", by="alice")
    assert "secret payload" not in repr(asked)
    assert approvals.get(asked.id).payload == b"secret payload"


# -------------------------------------------------------------------------------------------------- persons


def test_the_first_two_are_added_by_the_operator_and_the_third_is_not(two: Persons) -> None:
    with pytest.raises(ConflictError):
        two.add("carla", PersonRole.OPERATOR, PASS["carla"])
    assert [person.name for person in all_of(two)] == ["alice", "bruno"]


@pytest.mark.parametrize(
    ("name", "role", "passphrase", "says"),
    [
        ("alice", PersonRole.ANALYST, PASS["alice"], "further ones"),
        ("alice", PersonRole.VIEWER, PASS["alice"], "further ones"),
        ("alice", PersonRole.OPERATOR, "x" * (MIN_PASSPHRASE - 1), "at least"),
        ("Alice", PersonRole.OPERATOR, PASS["alice"], "named with"),
        ("operator", PersonRole.OPERATOR, PASS["alice"], "named with"),
        ("a b", PersonRole.OPERATOR, PASS["alice"], "named with"),
        ("", PersonRole.OPERATOR, PASS["alice"], "named with"),
    ],
)
def test_who_cannot_be_a_first_person(
    persons: Persons, name: str, role: PersonRole, passphrase: str, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        persons.add(name, role, passphrase)
    assert all_of(persons) == []


def test_a_name_is_taken_once(persons: Persons) -> None:
    persons.add("alice", PersonRole.OPERATOR, PASS["alice"])
    with pytest.raises(AlreadyExistsError):
        persons.add("alice", PersonRole.OPERATOR, PASS["bruno"])


def test_a_person_is_known_by_the_passphrase(two: Persons) -> None:
    assert two.authenticate("alice", PASS["alice"]) == "alice"
    with pytest.raises(UnauthenticatedError):
        two.authenticate("alice", PASS["bruno"])
    with pytest.raises(NotFoundError):
        two.authenticate("carla", PASS["carla"])


@pytest.mark.threat("one person")
def test_guessing_is_slowed_down_and_ends_with_the_right_one(two: Persons, clock: SettableClock) -> None:
    def guess() -> None:
        two.authenticate("alice", "a wrong passphrase")

    for _ in range(FREE_TRIES):
        with pytest.raises(UnauthenticatedError):
            guess()
    with pytest.raises(RateLimitedError) as caught:
        two.authenticate("alice", PASS["alice"])
    assert caught.value.retry_after_seconds == 60
    assert two.authenticate("bruno", PASS["bruno"]) == "bruno"
    clock.advance(timedelta(seconds=60))
    with pytest.raises(UnauthenticatedError):
        guess()
    clock.advance(timedelta(seconds=60))
    with pytest.raises(RateLimitedError) as caught:
        guess()
    assert caught.value.retry_after_seconds == 60
    clock.advance(timedelta(hours=2))
    assert two.authenticate("alice", PASS["alice"]) == "alice"
    assert next(person.tries for person in all_of(two) if person.name == "alice") == 0


@pytest.mark.threat("a wrong clock")
def test_a_clock_that_was_ahead_shuts_nobody_out(two: Persons, clock: SettableClock) -> None:
    clock.advance(timedelta(days=365))
    for _ in range(FREE_TRIES):
        with pytest.raises(UnauthenticatedError):
            two.authenticate("alice", "a guess of hers")
    clock.advance(timedelta(days=-365))
    with pytest.raises(UnauthenticatedError):
        two.authenticate("alice", "a guess of hers")
    with pytest.raises(RateLimitedError):
        two.authenticate("alice", PASS["alice"])
    clock.advance(timedelta(minutes=3))
    assert two.authenticate("alice", PASS["alice"]) == "alice"


def test_a_verifier_of_one_person_is_none_of_another(two: Persons, store: Store) -> None:
    with store.write() as unit:
        unit.persons.set_verifier("bruno", unit.persons.get("alice").verifier)
    with pytest.raises(StoreError):
        two.authenticate("bruno", PASS["alice"])


def test_verifiers_are_sealed(two: Persons, tmp_path: Path) -> None:
    assert all(b"argon2" not in person.verifier for person in all_of(two))
    assert all(PASS[person.name] not in repr(person) for person in all_of(two))


def leave(persons: Persons, name: str) -> str:
    with persons._store.write() as unit:
        return persons.carry_out_remove(unit, made(change_payload(name)))


def test_nobody_leaves_when_too_few_would_decide(two: Persons, store: Store) -> None:
    with pytest.raises(ConflictError, match="fewer than two"):
        leave(two, "alice")
    join(two, "carla", PersonRole.ANALYST)
    with pytest.raises(ConflictError, match="fewer than two"):
        leave(two, "alice")
    join(two, "david", PersonRole.SECURITY)
    assert "no longer" in leave(two, "alice")
    assert [person.name for person in all_of(two)] == ["bruno", "carla", "david"]


def test_adding_replaces_nobody(two: Persons) -> None:
    join(two, "carla", PersonRole.ANALYST)
    with pytest.raises(AlreadyExistsError):
        join(two, "carla", PersonRole.OPERATOR)
    assert two.authenticate("carla", PASS["carla"]) == "carla"


def test_another_passphrase_takes_effect_and_ends_the_wait(
    two: Persons, store: Store, clock: SettableClock
) -> None:
    for _ in range(FREE_TRIES):
        with pytest.raises(UnauthenticatedError):
            two.authenticate("alice", "a wrong passphrase")
    new = two.sealed_verifier("alice", "quite another passphrase")
    with store.write() as unit:
        two.carry_out_reset(unit, made(change_payload("alice", verifier=new)))
    with pytest.raises(UnauthenticatedError):
        two.authenticate("alice", PASS["alice"])
    assert two.authenticate("alice", "quite another passphrase") == "alice"


@pytest.mark.threat("a leaking text")
def test_no_command_takes_a_passphrase_as_an_argument() -> None:
    verbs = ["add", "remove", "reset", "token", "ls"]
    assert [info.name for info in person_commands.registered_commands] == verbs
