"""Moving a node's tables into PostgreSQL: killed anywhere, nothing is lost, and nobody writes aside."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from node.clock import system_entropy
from node.config import load
from node.errors import NodeError
from node.home import Home
from node.identity.identity import open_identity
from node.identity.store import read_store
from node.store import driver
from node.store.store import Store
from support.agencies import found_agency, import_files, list_files, numbered, report
from support.new_stores import MemoryObjects
from support.postgres import PostgresServer, postgres_server
from support.processes import Cli, Running

END_MOVE = "end that: sigfed store move --to the database that they were moved to"
FILES = ("sigfed.db", "sigfed.db-wal", "sigfed.db-shm", "sigfed.db-moved")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """An agency with a published list, and changes that wait."""
    made = found_agency(tmp_path_factory.mktemp("founded"), name="fr", country="FR")
    list_files(made, numbered("listed", 3))
    import_files(made, numbered("waiting", 3))
    return made


@pytest.fixture
def agency(founded: Cli, tmp_path: Path) -> Cli:
    return founded.copied(tmp_path / "fr")


def require_moved(cli: Cli, dsn: str) -> None:
    """The node goes on in the database with all that it had, and can add to it."""
    assert load(cli.home).store.dsn == dsn
    assert not [name for name in FILES if (cli.home / name).exists()]
    cli.done("publish")
    assert report(cli).log.head.size == 12
    cli.done("audit", "verify")
    looked = cli.run("doctor", "--deep")
    assert looked.exit == 0, looked.out
    assert "store.move" in {one["action"] for one in cli.run("audit", "ls").results}


def test_all_rows_are_moved_and_read_back(agency: Cli, server: PostgresServer) -> None:
    dsn = server.database()
    done = agency.done("store", "move", "--to", dsn)
    assert done["to"] == dsn
    assert done["rows"] > 20
    assert agency.done("store", "move", "--to", dsn)["rows"] == 0
    agency.refused(2, "in another database already", "store", "move", "--to", server.database())
    require_moved(agency, dsn)


@pytest.mark.parametrize(
    "place",
    [
        "node.store.copy:migrate 0",
        "node.store.copy:migrate 1",
        "node.store.copy:_copy_rows 0",
        "node.store.copy:_sums 1",
        "node.store.copy:_sums 2",
        "node.app.move_tables:replace_private 0",
        "node.app.move_tables:is_moved 0",
        "node.app.move_tables:sync_folder 0",
        "node.app.move_tables:remove_private 0",
        "node.app.move_tables:remove_private 2",
    ],
)
def test_killed_anywhere_the_same_command_goes_on(place: str, agency: Cli, server: PostgresServer) -> None:
    dsn = server.database()
    agency.killed(place, "store", "move", "--to", dsn)
    agency.done("store", "move", "--to", dsn)
    require_moved(agency, dsn)


def test_what_is_written_between_is_moved_too(agency: Cli, server: PostgresServer) -> None:
    """Killed when all rows are in the database, while the file takes more."""
    dsn = server.database()
    agency.killed("node.store.copy:_sums 2", "store", "move", "--to", dsn)
    import_files(agency, numbered("between", 3))
    agency.done("store", "move", "--to", dsn)
    agency.done("publish")
    assert report(agency).log.head.size == 18


def test_once_nobody_writes_to_the_file_no_other_database_is_taken(
    agency: Cli, server: PostgresServer
) -> None:
    dsn = server.database()
    agency.killed("node.app.move_tables:replace_private 0", "store", "move", "--to", dsn)
    for words in (("publish",), ("run",)):
        agency.refused(11, f"were moved out of this file {END_MOVE}", *words)
    looked = agency.run("doctor")
    assert END_MOVE in str(looked.results), looked.results
    agency.refused(2, "moved to another database", "store", "move", "--to", server.database())
    agency.done("store", "move", "--to", dsn)
    require_moved(agency, dsn)


def test_who_still_has_the_file_open_fails_instead_of_writing_there(
    agency: Cli, server: PostgresServer
) -> None:
    with read_store(open_identity(Home(agency.home))) as store:
        agency.done("store", "move", "--to", server.database())
        with pytest.raises(Exception, match="database"), store.write():
            pytest.fail("nobody would read it")


@pytest.mark.parametrize("place", ["is_moved 0", "remove_private 0", "remove_private 1", "remove_private 2"])
def test_who_opens_what_is_left_of_the_file_writes_nothing(
    place: str, agency: Cli, server: PostgresServer
) -> None:
    """A command that waits for a passphrase has read where the tables were, and the move is killed meanwhile."""
    waiting = open_identity(Home(agency.home))
    dsn = server.database()
    agency.killed(f"node.app.move_tables:{place}", "store", "move", "--to", dsn)
    with pytest.raises(NodeError), read_store(waiting) as store, store.write():
        pytest.fail("nobody would read it")
    agency.done("store", "move", "--to", dsn)
    require_moved(agency, dsn)


def test_the_file_stays_while_somebody_reads_what_was_in_it(
    agency: Cli, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file without the log that was beside it, a command that knew it would take an older state for the newest."""
    monkeypatch.setattr(driver, "_BUSY_SECONDS", 1)
    waiting = open_identity(Home(agency.home))
    dsn = server.database()
    with closing(sqlite3.connect(agency.home / "sigfed.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM log").fetchone()
        moved = agency.run("store", "move", "--to", dsn)
        assert (moved.exit, "reads" in moved.err) == (11, True), moved.err
        with pytest.raises(NodeError), read_store(waiting) as store, store.write():
            pytest.fail("nobody would read it")
    agency.done("store", "move", "--to", dsn)
    require_moved(agency, dsn)


def test_another_store_is_never_written_over(agency: Cli, server: PostgresServer) -> None:
    dsn = server.database()
    Store.create(dsn, objects=MemoryObjects(), storage_key=bytes(32), entropy=system_entropy).dispose()
    agency.refused(2, "another store at this address", "store", "move", "--to", dsn)
    agency.refused(2, "tables move into PostgreSQL", "store", "move", "--to", "sqlite:////tmp/other.db")
    agency.done("publish")


def test_a_file_that_no_move_copied_is_never_deleted(agency: Cli, server: PostgresServer) -> None:
    dsn = server.database()
    agency.edit("sigfed.toml", 'dsn = ""', f'dsn = "{dsn}"')
    done = agency.run("store", "move", "--to", dsn)
    assert done.exit == 2
    assert (agency.home / "sigfed.db").exists()
    agency.edit("sigfed.toml", f'dsn = "{dsn}"', 'dsn = ""')
    agency.done("publish")


def test_a_node_that_runs_is_not_moved(agency: Cli, server: PostgresServer) -> None:
    with Running(agency):
        done = agency.run("store", "move", "--to", server.database())
    assert done.exit == 11, done.err
    assert (agency.home / "sigfed.db").exists()
