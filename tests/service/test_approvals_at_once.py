"""Deciding and guessing at once, on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from node.access.approvals import Approvals
from node.access.persons import FREE_TRIES, Persons
from node.errors import ConflictError, RateLimitedError, UnauthenticatedError
from node.store.accounts.records import Approval, PersonRole
from node.store.store import Store
from support.persons import NOW, add_two, ask, join, make_persons
from support.times import SettableClock

pytestmark = pytest.mark.both_databases


@pytest.fixture
def two(store: Store) -> Persons:
    """Alice and Bruno, who decide about everything."""
    persons = make_persons(store, SettableClock(NOW))
    add_two(persons)
    return persons


def test_of_two_that_decide_at_once_one_is_told(store: Store, two: Persons) -> None:
    approvals = Approvals(store, SettableClock(NOW))
    join(two, "carla", PersonRole.SECURITY)
    for number in range(4):
        asked = ask(approvals)

        def decide(name: str, asked: Approval = asked) -> str:
            try:
                if name == "bruno":
                    return approvals.reject(asked.id, by=name, reason="no").decided_by
                return approvals.approve(asked.id, by=name).decided_by
            except ConflictError:
                return ""

        with ThreadPoolExecutor(2) as pool:
            done = set(pool.map(decide, ("bruno", "carla")))
        assert len(done) == 2, number
        assert approvals.get(asked.id).decided_by in done


@pytest.mark.threat("one person")
def test_guesses_at_once_gain_nothing(two: Persons) -> None:
    def guess(_: int) -> type[Exception] | None:
        try:
            two.authenticate("alice", "a wrong passphrase")
        except (UnauthenticatedError, RateLimitedError) as error:
            return type(error)
        return None

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(guess, range(16)))
    assert done.count(UnauthenticatedError) == FREE_TRIES
    assert done.count(RateLimitedError) == 16 - FREE_TRIES
