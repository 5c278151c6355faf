"""Who asks for a second person at the terminal needs the role that the same takes in the console."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

import pytest

from node.clock import SystemClock
from node.console.surface import ACTIONS
from node.store.accounts.records import PersonRole
from support.agencies import LIST, PARTNER, Federation
from support.federated import federated
from support.processes import Cli

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


def _passphrase(name: str) -> str:
    return f"the passphrase of {name}\n"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cli, Federation]]:
    """An agency with a person of each role that decides."""
    with federated(tmp_path_factory.mktemp("acts")) as made:
        fr = made.fr_copied(tmp_path_factory.mktemp("team") / "fr")
        for role in (PersonRole.OPERATOR, PersonRole.SECURITY):
            name = PERSONS[role]
            fr.done("person", "add", name, "--role", role, typed=2 * _passphrase(name))
        carla = ("person", "add", "carla", "--role", "analyst", "--as", "alice")
        asked = fr.done(*carla, typed=_passphrase("alice") + 2 * _passphrase("carla"))
        approve = ("approval", "approve", str(asked["approval"]), "--as", "bruno")
        fr.done(*approve, typed=_passphrase("bruno"))
        yield fr, made


@pytest.mark.threat("one person")
@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("role", PERSONS)
def test_asking_takes_the_role_that_it_takes_in_the_console(
    team: tuple[Cli, Federation], name: str, role: PersonRole
) -> None:
    fr, _ = team
    (row,) = [row for row in ACTIONS if row.name == name]
    words = (*ASKING[name], "--as", PERSONS[role])
    typed = _passphrase(PERSONS[role]) + 2 * _passphrase("somebody new")
    before = len(fr.run("approval", "ls").results)
    finished = fr.run(*words, typed=typed)
    if role in row.roles:
        assert (finished.exit, finished.first["kind"]) == (0, row.record)
    else:
        assert finished.exit == 12
        assert "not for that role" in finished.err
    assert len(fr.run("approval", "ls").results) == before + (role in row.roles)
