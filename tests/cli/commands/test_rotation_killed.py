"""`sigfed key rotate` killed with SIGKILL and typed again: one successor, as if it had never been killed."""

import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from support.agencies import LIST, SUBSET, cheapen
from support.processes import Cli

pytestmark = pytest.mark.slow

ROLES = {
    "auth": ("auth",),
    "log": ("log", "--of", LIST),
    "oprf": ("oprf", "--of", SUBSET),
    "tls": ("tls",),
    "storage": ("storage",),
}


@pytest.fixture(scope="module")
def releasing(founded: Cli, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """An agency with a subset; never changed."""
    cli = founded.copied(tmp_path_factory.mktemp("releasing") / "fr")
    cli.done("subset", "create", SUBSET)
    cheapen(cli)
    time.sleep(1)  # a key begins a second after the one before it at the earliest
    return cli


def keys(cli: Cli) -> Counter[tuple[str, str]]:
    """Every key of the ring with its stage, and every key file."""
    ring = Counter((str(key["key"]), str(key["stage"])) for key in cli.run("key", "status", "--all").results)
    return ring + Counter((path.name, "file") for path in (cli.home / "keys").glob("*.json"))


@pytest.fixture(scope="module")
def rotated(
    releasing: Cli, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Counter[tuple[str, str]]]:
    """The keys after a role's were replaced and nobody was killed."""

    @cache
    def after(role: str) -> Counter[tuple[str, str]]:
        whole = releasing.copied(tmp_path_factory.mktemp(role) / "fr")
        whole.done("key", "rotate", *ROLES[role])
        return keys(whole)

    return after


KILLS = [
    *((role, place) for role in ("auth", "log") for place in ("key-made", "key-listed", "key-stepped")),
    ("oprf", "key-listed"),
    ("oprf", "key-stepped"),
    ("tls", "key-stepped"),
    ("storage", "key-made"),
    ("storage", "key-stepped"),
]
"""Each rotation at each step that it takes."""


@pytest.mark.parametrize(("role", "place"), KILLS)
def test_the_same_command_finishes_it(
    releasing: Cli, rotated: Callable[[str], Counter[tuple[str, str]]], tmp_path: Path, role: str, place: str
) -> None:
    killed = releasing.copied(tmp_path / "killed")
    killed.killed(place, "key", "rotate", *ROLES[role])
    done = killed.done("key", "rotate", *ROLES[role])
    assert keys(killed) == rotated(role)
    assert done["key"] in {key for key, _ in keys(killed)}
    assert not list(killed.home.glob("rotation-*.json"))
