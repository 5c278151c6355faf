"""Who asks for a second person at the terminal needs the role that the same takes in the console."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from typing import Final

import pytest

from node.clock import SystemClock
from node.console.surface import ACTIONS
from node.errors import StoreDownError
from node.store.accounts.records import PersonRole
from node.store.store import Store
from support.agencies import LIST, PARTNER, SUBSET, Federation
from support.federated import federated
from support.processes import Cli, passphrase_of

PERSONS: Final[Mapping[PersonRole, str]] = {
    PersonRole.OPERATOR: "alice",
    PersonRole.SECURITY: "bruno",
    PersonRole.ANALYST: "carla",
}
SOON: Final = str(SystemClock().now().date() + timedelta(days=100))
ASKING: Final[Mapping[str, tuple[str, ...]]] = {
    "recipient-add": ("recipient", "add", "hotline", "--grant", "baseline", "--until", SOON),
    "person-add": ("person", "add", "dora"),
    "person-remove": ("person", "remove", "carla"),
    "person-reset": ("person", "reset", "carla"),
    "partner-quota": ("partner", "quota", PARTNER, "--files-per-day", "90000000"),
    "peer-grant": ("peer", "grant", "nl.example", "--grant", "baseline,national"),
    "shred": ("entry", "shred", "--list", LIST, "--index", "0", "--yes"),
}
"""What is typed for what takes two persons, by the action that does the same in the console."""


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cli, Federation]]:
    """An agency with a person of each role that decides."""
    with federated(tmp_path_factory.mktemp("acts")) as made:
        fr = made.fr_copied(tmp_path_factory.mktemp("team") / "fr")
        for role in (PersonRole.OPERATOR, PersonRole.SECURITY):
            name = PERSONS[role]
            fr.done("person", "add", name, "--role", role, typed=2 * passphrase_of(name))
        fr.agreed("person", "add", "carla", "--role", "analyst", typed=2 * passphrase_of("carla"))
        yield fr, made


@pytest.fixture(scope="module")
def handing_out(team: tuple[Cli, Federation]) -> Cli:
    """With a recipient that two of them let in."""
    fr, _ = team
    fr.agreed(*ASKING["recipient-add"])
    return fr


@pytest.mark.threat("one person")
@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("role", PERSONS)
def test_asking_takes_the_role_that_it_takes_in_the_console(
    team: tuple[Cli, Federation], name: str, role: PersonRole
) -> None:
    fr, _ = team
    (row,) = [row for row in ACTIONS if row.name == name]
    words = (*ASKING[name], "--as", PERSONS[role])
    typed = passphrase_of(PERSONS[role]) + 2 * passphrase_of("somebody new")
    before = len(fr.run("approval", "ls").results)
    finished = fr.run(*words, typed=typed)
    if role in row.roles:
        assert (finished.exit, finished.first["kind"]) == (0, row.performs and row.performs.name)
    else:
        assert finished.exit == 12
        assert "not for that role" in finished.err
    assert len(fr.run("approval", "ls").results) == before + (role in row.roles)


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("invitation", ("partner", "invite", "hoster-{}", "--subset", SUBSET)),
        ("key", ("recipient", "key", "hotline")),
        ("token", ("person", "token", "alice")),
    ],
)
def test_what_is_shown_once_is_shown_if_it_was_made_whatever_fails_then(
    handing_out: Cli, monkeypatch: pytest.MonkeyPatch, secret: str, words: tuple[str, ...], failing: int
) -> None:
    closed, close = count(1), Store.dispose

    def fails(store: Store) -> None:
        close(store)
        if next(closed) == failing:
            raise StoreDownError("the database is gone")

    def recorded() -> int:
        acts = [one["action"] for one in handing_out.run("audit", "ls").results]
        return acts.count(f"{words[0]}.{words[1]}")

    before = recorded()
    with monkeypatch.context() as patched:
        patched.setattr(Store, "dispose", fails)
        finished = handing_out.run(*(word.format(failing) for word in words))
    assert next(closed) > 1, "it ran elsewhere"
    assert [secret in one for one in finished.results] == [True] * (recorded() - before)
