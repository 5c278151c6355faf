"""Homes that are made once a run: a test that changes one takes a copy."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.agencies import Federation, cheapen, found_agency, import_files, list_files, numbered
from support.federated import federated
from support.processes import Cli


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """An agency with three published files; never changed."""
    cli = found_agency(tmp_path_factory.mktemp("agency"), name="fr", country="FR")
    list_files(cli, numbered("published", 3))
    time.sleep(1)  # a key begins a second after the one before it at the earliest
    return cli


@pytest.fixture
def agency(founded: Cli, tmp_path: Path) -> Cli:
    """A copy of that agency for one test."""
    return founded.copied(tmp_path / "fr")


@pytest.fixture(scope="session")
def named(founded: Cli, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """That agency with two persons; never changed."""
    cli = founded.copied(tmp_path_factory.mktemp("named") / "fr")
    cli.add_persons("alice", "bruno")
    return cli


@pytest.fixture
def team(named: Cli, tmp_path: Path) -> Cli:
    """A copy of the agency with two persons."""
    return named.copied(tmp_path / "team")


@pytest.fixture
def office(tmp_path: Path) -> Cli:
    """An agency of its own, where keys that are made open quickly."""
    cli = found_agency(tmp_path, name="fr", country="FR")
    cheapen(cli)
    return cli


@pytest.fixture(scope="session")
def queued(founded: Cli, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """That agency with four changes that wait for publication; never changed."""
    cli = founded.copied(tmp_path_factory.mktemp("queued") / "fr")
    import_files(cli, numbered("waiting", 2))
    return cli


@pytest.fixture
def waiting(queued: Cli, tmp_path: Path) -> Cli:
    """A copy of the agency where changes wait."""
    return queued.copied(tmp_path / "fr")


@pytest.fixture(scope="session")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two running agencies and a partner; a test leaves it as it found it."""
    with federated(tmp_path_factory.mktemp("federation")) as made:
        yield made


@pytest.fixture
def partner(federation: Federation, tmp_path: Path) -> Cli:
    """A copy of the enrolled partner for one test."""
    return federation.new_partner(tmp_path / "partner")
