"""Stores of both databases: a test that asks for `store` or `agency` runs on SQLite, and can on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keys.key import LogPrivateKey
from node.store.store import Store
from support.cheap_node import CheapNode
from support.new_stores import database_with_tables
from support.postgres import PostgresServer, postgres_server
from support.programs import needed
from support.releases import ReleasingAgency
from support.seaweedfs import S3Server, seaweedfs
from support.sizes import THOROUGH
from support.stores import Agency, make_store, sqlite_dsn


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with seaweedfs() as server:
        yield server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is about the store itself, or about several processes in it, runs on both databases also in quick runs."""
    item = metafunc.definition
    given = any("dsn" in mark.args[0] for mark in item.iter_markers("parametrize"))
    if "dsn" in metafunc.fixturenames and not given:
        both = THOROUGH or item.get_closest_marker("both_databases") is not None
        metafunc.parametrize("dsn", ["sqlite", "postgresql"] if both else ["sqlite"], indirect=True)


@pytest.fixture
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address where no store is yet; a server's database has the tables already."""
    if request.param == "sqlite":
        return sqlite_dsn(tmp_path)
    needed("initdb")
    server: PostgresServer = request.getfixturevalue("postgres")
    return database_with_tables(server)


@pytest.fixture
def store(dsn: str, tmp_path: Path) -> Iterator[Store]:
    made = make_store(dsn, tmp_path)
    yield made
    made.dispose()


@pytest.fixture
def agency(store: Store, tmp_path: Path) -> Agency:
    """An agency with an empty list."""
    return Agency(store, tmp_path)


@pytest.fixture
def fr(store: Store, tmp_path: Path) -> Iterator[ReleasingAgency]:
    """An agency that makes releases."""
    made = ReleasingAgency(store, tmp_path / "fr")
    yield made
    made.evaluator.close()


@pytest.fixture
def node(tmp_path: Path) -> CheapNode:
    """A founded node, none of whose keys takes long to open."""
    return CheapNode.founded(tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Agency]:
    """A second agency, of another country, always on SQLite."""
    folder = tmp_path / "other"
    folder.mkdir()
    made = make_store(sqlite_dsn(folder), folder)
    yield Agency(made, folder, node="nl.example", key=LogPrivateKey.from_seed(b"n" * 32))
    made.dispose()
