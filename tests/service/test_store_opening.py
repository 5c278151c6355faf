"""Creating and opening a store, on both databases."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, LargeBinary, String, Table, delete, event, insert, select, text
from sqlalchemy.exc import IntegrityError

from node.errors import (
    AlreadyExistsError,
    ConfigError,
    ConflictError,
    NotInitialisedError,
    StoreDownError,
    StoreError,
    StoreLockedError,
)
from node.store import driver
from node.store import store as stores
from node.store.driver import connect, parse_dsn
from node.store.lists.records import LogKind
from node.store.migrate import migrate, newest_revision
from node.store.partners.allowances import AllowanceRows
from node.store.partners.partners import PartnerRows
from node.store.store import Store, connected
from node.store.tables import every_table
from protocol.digest import Algorithm, Digest
from support.new_stores import MemoryObjects, new_store, open_store
from support.older import upgrade
from support.postgres import PostgresServer
from support.preloaded import barrier, start_in_fork, wait_for_forked
from support.programs import needed
from support.stores import STORAGE_KEY, sha256_digest, sqlite_dsn

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def _migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every migration is run: tables that were made once are for other tests."""
    monkeypatch.setattr(stores, "migrate", migrate)


@pytest.fixture
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address where nothing is: here the tables are made."""
    if request.param == "sqlite":
        return sqlite_dsn(tmp_path)
    needed("initdb")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


def create(dsn: str) -> Store:
    return new_store(dsn, storage_key=STORAGE_KEY)


def reopen(dsn: str, key: bytes = STORAGE_KEY) -> Store:
    return open_store(dsn, storage_key=key)


def test_what_was_stored_is_there_after_opening(dsn: str) -> None:
    store = create(dsn)
    with store.write() as unit:
        unit.logs.create(origin="a/lists/b", kind=LogKind.OWN_LIST, node="a", name="b")
    store.dispose()
    again = reopen(dsn)
    with again.read() as unit:
        assert unit.logs.get("a/lists/b").node == "a"
    again.dispose()


def test_the_look_up_keys_survive_opening_and_differ_between_stores(dsn: str, tmp_path: Path) -> None:
    digest = Digest(Algorithm.MD5, bytes(range(16)))
    store = create(dsn)
    other = create(f"sqlite:///{tmp_path}/other.db")
    again = reopen(dsn)
    assert again.vault.key_of(digest) == store.vault.key_of(digest)
    assert other.vault.key_of(digest) != store.vault.key_of(digest)
    for each in (store, other, again):
        each.dispose()


def test_refuses_to_create_twice(dsn: str) -> None:
    create(dsn).dispose()
    with pytest.raises(AlreadyExistsError):
        create(dsn)


def test_refuses_to_open_what_is_not_there(dsn: str, tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError):
        reopen(dsn)
    assert not (tmp_path / "sigfed.db").exists()


@pytest.mark.threat("a stolen disk")
def test_refuses_another_storage_key(dsn: str) -> None:
    create(dsn).dispose()
    store = reopen(dsn, bytes(32))
    with pytest.raises(StoreError, match="storage key"):
        store.vault.unlock()
    with pytest.raises(StoreError, match="storage key"):
        store.vault.unseal("x", b"\x02\0\0\0\x01" + bytes(40))
    with pytest.raises(StoreError, match="storage key"):
        store.vault.key_of(sha256_digest("a"))
    store.dispose()


def test_whoever_counts_rows_is_asked_for_no_storage_key(dsn: str) -> None:
    create(dsn).dispose()
    store = Store.open(dsn, objects=MemoryObjects(), storage_keys=never_asked, entropy=os.urandom)
    with store.read() as unit:
        assert unit.logs.ls(LogKind.OWN_LIST) == []
    store.dispose()


def never_asked(label: str) -> bytes:
    raise AssertionError(f"storage key {label} was asked for")


def test_refuses_a_store_of_a_newer_version(dsn: str) -> None:
    store = create(dsn)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.dispose()
    with pytest.raises(StoreError, match="newer version"):
        reopen(dsn)


def test_a_creation_that_was_cut_off_before_the_keys_can_be_started_again(dsn: str) -> None:
    store = create(dsn)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM data_key")
    store.dispose()
    with pytest.raises(StoreError, match="no index key"):
        reopen(dsn)
    create(dsn).dispose()
    reopen(dsn).dispose()


def test_migrations_make_the_tables_that_the_models_declare(dsn: str) -> None:
    store = create(dsn)
    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), every_table()) == []
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    assert version == newest_revision()
    store.dispose()


def test_what_people_name_by_a_number_never_gets_that_of_another(dsn: str) -> None:
    """In tables that were there before as well, whose rows stay."""
    numbered = {"console_session": "number", "passkey": "number", "tripwire": "id"}
    migrated(dsn, to="0033")
    with connected(parse_dsn(dsn)) as engine:
        with engine.begin() as connection:
            tables = {name: every_table().tables[name] for name in numbered}
            made = {name: [_added(connection, table, n) for n in (1, 2)] for name, table in tables.items()}
        migrate(engine)
        with engine.begin() as connection:
            for name, table in tables.items():
                key = table.c[numbered[name]]
                assert connection.execute(select(key).order_by(key)).scalars().all() == made[name]
                connection.execute(delete(table).where(key == made[name][1]))
                assert _added(connection, table, 3) > made[name][1]
                with pytest.raises(IntegrityError), connection.begin_nested():
                    _added(connection, table, 1)
        engine.dispose()


def _added(connection: Connection, table: Table, number: int) -> int:
    values = {
        column.name: number.to_bytes() if isinstance(column.type, LargeBinary) else number
        for column in table.columns
        if not column.primary_key
    }
    texts = {column.name: "x" for column in table.columns if isinstance(column.type, String)}
    made = connection.execute(insert(table).values(values | texts)).inserted_primary_key
    assert made is not None
    return int(made[0])


def migrated(dsn: str, *, to: str) -> None:
    with connected(parse_dsn(dsn)) as engine:
        migrate(engine, to=to)
        engine.dispose()


def test_the_page_of_the_store_names_every_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "store.md").read_text("utf-8")
    rows = page.partition("## Tables\n")[2].partition("\nA **look-up key**")[0]
    named = re.findall(r"^\| (`[^|]+) \|", rows, flags=re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(named))) == sorted(every_table().tables)


def test_two_that_upgrade_at_once_upgrade_once(dsn: str) -> None:
    """Without a lock the second makes tables that the first has made meanwhile."""
    engine = connect(parse_dsn(dsn))
    migrate(engine, to="0010")
    together = barrier(3)
    processes = [start_in_fork(upgrade, dsn, together) for _ in range(3)]
    assert [wait_for_forked(process, 60) for process in processes] == [0, 0, 0]
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    engine.dispose()
    assert found == [newest_revision()]


def test_a_store_that_was_lost_is_restored_and_not_made_anew(dsn: str) -> None:
    with pytest.raises(NotInitialisedError) as lost:
        reopen(dsn)
    assert "sigfed backup restore" in lost.value.hint
    assert "init" not in lost.value.hint


def test_trust_files_of_peers_are_taken_over_from_an_older_store(dsn: str) -> None:
    """Until revision 0015 a peer's row held one root, its document and its register."""
    rows = (
        {"name": "de.example", "root": b"{1}", "node": b"{2}", "members": b"", "added": 7, "synced": 0},
        {"name": "nl.example", "root": b"{3}", "node": b"{4}", "members": b"{5}", "added": 7, "synced": 9},
    )
    url = parse_dsn(dsn)
    with connected(url) as engine:
        migrate(engine, to="0015")
        with engine.begin() as connection:
            for row in rows:
                connection.execute(
                    text(
                        "INSERT INTO peer (name, url, root, node_document, serial, members, grant_json,"
                        " added_ms, synced_ms) VALUES"
                        " (:name, 'https://x/', :root, :node, 3, :members, '{}', :added, :synced)"
                    ),
                    row,
                )
        migrate(engine)
        with engine.connect() as connection:
            kept = connection.exec_driver_sql("SELECT peer, name, content FROM peer_file").all()
            peers = connection.exec_driver_sql(
                "SELECT name, serial, confirmed_ms FROM peer ORDER BY name"
            ).all()
        engine.dispose()
    assert {(peer, name): bytes(content) for peer, name, content in kept} == {
        ("de.example", "1.root.json"): b"{1}",
        ("de.example", "node.json"): b"{2}",
        ("nl.example", "1.root.json"): b"{3}",
        ("nl.example", "node.json"): b"{4}",
        ("nl.example", "members.json"): b"{5}",
    }
    assert [tuple(row) for row in peers] == [("de.example", 3, 7), ("nl.example", 3, 9)]


@pytest.mark.parametrize(
    ("month", "months", "evaluations"),
    [
        ("2026-02", ("2026-03",), 5),
        ("2026-02", ("2026-02", "2026-03"), None),
        ("2026-02", ("2026-01",), None),
        ("", ("2026-02", "2026-03"), 5),
    ],
)
def test_months_before_they_were_counted_are_not_recorded(
    dsn: str, month: str, months: tuple[str, ...], evaluations: int | None
) -> None:
    """Until revision 0020 each partner's last month alone was known; an empty month: nobody had asked."""
    with connected(parse_dsn(dsn)) as engine:
        migrate(engine, to="0020")
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO partner (name, subset, auth_key, evaluations_per_day, added_ms, seen_ms, suspended,"
                    " key_ms, old_until_ms, level, level_ms, month, used)"
                    " VALUES ('one', 's', :key, 9, 1, 1, false, 0, 0, 0, 0, :month, 3)"
                ),
                {"key": bytes(32), "month": month},
            )
        migrate(engine)
        for count in (2, 3):
            with driver.bare_transaction(engine) as bare:
                AllowanceRows(bare).add_to_month("2026-03", count)
        with engine.begin() as connection:
            assert PartnerRows(connection).evaluations(months) == evaluations
        engine.dispose()


@pytest.mark.parametrize("dsn", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_refuses_other_databases(dsn: str) -> None:
    with pytest.raises(ConfigError):
        create(dsn)


def test_a_unit_that_fails_changes_nothing(dsn: str) -> None:
    store = create(dsn)
    with pytest.raises(AlreadyExistsError), store.write() as unit:
        [unit.logs.create(origin=origin, node="a", name="b", kind=LogKind.OWN_LIST) for origin in "xyx"]
    with store.read() as unit:
        assert unit.logs.ls(LogKind.OWN_LIST) == []
    store.dispose()


def waiting(dsn: str) -> Engine:
    """The database, with connections that wait for the disk, as those of tests do not."""
    url = parse_dsn(dsn)
    if url.get_backend_name() == driver.POSTGRESQL:
        return connect(url.update_query_dict({"options": "-c synchronous_commit=on"}))
    engine = connect(url)
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=FULL"))
    return engine


def waits(connection: Any) -> bool:
    """Whether what is committed now over a driver's connection is on the disk before anybody is told so."""
    on_sqlite = isinstance(connection, sqlite3.Connection)
    (found,) = connection.execute("PRAGMA synchronous" if on_sqlite else "SHOW synchronous_commit").fetchone()
    return str(found) in {"2", "on"}


def waits_when_writing(engine: Engine) -> bool:
    """The same within an ordinary transaction."""
    with driver.begin_writing(engine) as connection, connection.begin():
        return waits(connection.connection.driver_connection)


def refuse_after_writing(engine: Engine) -> None:
    with driver.bare_transaction(engine) as bare:
        AllowanceRows(bare).add_to_month("2026-11", 5)
        raise ConflictError("refused")


def test_only_a_spent_quota_is_committed_without_waiting_for_the_disk(dsn: str) -> None:
    create(dsn).dispose()
    engine = waiting(dsn)
    assert waits_when_writing(engine)
    with driver.bare_transaction(engine) as bare:
        assert not waits(bare.raw)
    assert waits_when_writing(engine), "whoever gets the connection next claims heads"
    with pytest.raises(ConflictError):
        refuse_after_writing(engine)
    assert waits_when_writing(engine)
    with engine.connect() as connection:
        assert PartnerRows(connection).evaluations(["2026-11"]) == 0, "what was refused was not written"
    engine.dispose()


def test_what_a_driver_fails_at_is_told_without_the_statement(dsn: str) -> None:
    create(dsn).dispose()
    engine = connect(parse_dsn(dsn))
    with pytest.raises(StoreError) as caught, driver.translated(), driver.bare_transaction(engine) as bare:
        bare.first("SELECT secret FROM nowhere")
    assert "secret" not in str(caught.value)
    with driver.bare_transaction(engine) as bare:
        assert bare.first("SELECT holder FROM lease WHERE name = :name", name="home") is None
    engine.dispose()


def test_a_connection_that_the_server_ended_is_told_and_not_used_again(
    request: pytest.FixtureRequest,
) -> None:
    needed("initdb")
    server: PostgresServer = request.getfixturevalue("postgres")
    store = create(server.database())
    with pytest.raises(StoreDownError), store.write_allowances() as rows:
        rows._bare.first("SELECT pg_terminate_backend(pg_backend_pid())")
    with store.write_allowances() as rows:
        rows.add_to_month("2026-11", 5)
    store.dispose()


def test_a_store_that_cannot_be_connected_to_says_so_whichever_way_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    store = create(f"sqlite:///{tmp_path}/here/x.db")
    store.dispose()
    (tmp_path / "here").rename(tmp_path / "gone")
    for write in (store.write, store.write_allowances):
        with pytest.raises(StoreError), write():
            pass
    store.dispose()


def test_a_spent_quota_waits_for_another_writer_and_says_so_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "_BUSY_SECONDS", 0.05)
    dsn = f"sqlite:///{tmp_path}/x.db"
    one, two = create(dsn), reopen(dsn)
    with one.write(), pytest.raises(StoreLockedError), two.write_allowances():
        pass
    with two.write_allowances() as rows:
        rows.add_to_month("2026-11", 5)
    one.dispose()
    two.dispose()


def test_a_spent_quota_outlives_the_process_that_wrote_it(dsn: str) -> None:
    create(dsn).dispose()
    script = f"""
import os, signal
from node.store.store import Store
store = Store.open({dsn!r}, objects=None, storage_keys=lambda _: {STORAGE_KEY!r}, entropy=os.urandom)
with store.write_allowances() as rows:
    rows.add_to_month("2026-11", 5)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    again = reopen(dsn)
    with again.read() as unit:
        assert unit.partners.evaluations(["2026-11"]) == 5
    again.dispose()


def test_who_still_uses_a_store_that_is_disposed_of_leaves_no_connection(dsn: str) -> None:
    store = create(dsn)
    with store.read() as unit:
        raw = unit.logs._connection.connection.driver_connection
        assert raw is not None
        store.dispose()
        assert unit.logs.ls(LogKind.OWN_LIST) == []
    with pytest.raises(Exception, match="closed"):
        raw.execute("SELECT 1")
    with store.read() as unit:
        again = unit.logs._connection.connection.driver_connection
    with store.read() as unit:  # whoever goes on with the store is given a connection that is kept
        assert unit.logs._connection.connection.driver_connection is again
    store.dispose()


def test_who_was_given_no_connection_yet_leaves_none_of_a_store_that_is_disposed_of(dsn: str) -> None:
    store = create(dsn)
    store.dispose()
    event.listen(store._engine, "connect", lambda *_: store.dispose(), once=True)
    with store.read() as unit:
        raw = unit.logs._connection.connection.driver_connection
        assert raw is not None
    with pytest.raises(Exception, match="closed"):
        raw.execute("SELECT 1")
    store.dispose()


def test_a_locked_sqlite_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_BUSY_SECONDS", 0.05)
    dsn = f"sqlite:///{tmp_path}/x.db"
    one, two = create(dsn), reopen(dsn)
    with one.write(), pytest.raises(StoreLockedError), two.write():
        pass
    one.dispose()
    two.dispose()


def test_the_sqlite_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    create(f"sqlite:///{tmp_path}/x.db").dispose()
    assert (tmp_path / "x.db").stat().st_mode & 0o077 == 0


def test_database_errors_do_not_show_values(store: Store) -> None:
    assert isinstance(store, Store)
    with pytest.raises(StoreError) as caught, store.write() as unit:
        unit.logs._connection.exec_driver_sql("INSERT INTO nowhere VALUES ('secret')")
    assert "secret" not in str(caught.value)


def test_a_store_on_sqlite_loads_no_driver_of_another_database(tmp_path: Path) -> None:
    create(f"sqlite:///{tmp_path}/sigfed.db").dispose()
    address = f"'sqlite:///{tmp_path}/sigfed.db', objects=None, storage_keys=lambda _: {STORAGE_KEY!r}"
    opened = f"Store.open({address}, entropy=None)"
    ask = (
        f"import sys; from node.store.store import Store; {opened}.dispose(); print('psycopg' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True, text=True)
    assert done.stdout == "False\n"


def test_a_database_of_before_is_written_anew_once_in_little_memory(tmp_path: Path) -> None:
    dsn = f"sqlite:///{tmp_path}/sigfed.db"
    create(dsn).dispose()
    with closing(sqlite3.connect(tmp_path / "sigfed.db")) as rows, rows:
        rows.execute("CREATE TABLE large (value BLOB)")
        rows.executemany("INSERT INTO large VALUES (randomblob(2000))", [()] * 30_000)
        rows.execute("PRAGMA user_version = 0")
    opened = f"Store.open({dsn!r}, objects=None, storage_keys=lambda _: {STORAGE_KEY!r}, entropy=None)"
    script = f"""
from resource import RUSAGE_SELF, getrusage
from node.store.store import Store
store = {opened}
before = getrusage(RUSAGE_SELF).ru_maxrss
print(store.vacuum(), store.vacuum(), (getrusage(RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    first, again, grown = done.stdout.split()
    assert (first, again) == ("True", "False")
    assert int(grown) < 20, "MiB"
