"""The rows that a partner's client keeps: private, durable, whole or said to be damaged, and of one moment."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from threading import Thread

import pytest

from node.errors import ConfigError, StoreDownError, StoreError, StoreLockedError
from node.hoster.folder import PartnerFolder
from node.hoster.store import database
from node.hoster.store.database import PartnerStore, Rows
from node.hoster.store.kinds import FactName, Kind
from support.sizes import size

STEP = size(quick=37, thorough=1)
"""Of so many bytes one is altered."""


@pytest.fixture
def store(tmp_path: Path) -> PartnerStore:
    made = PartnerStore(tmp_path / "partner")
    with made.writing() as rows:
        for number in range(8):
            rows.put(
                Kind.HIT, f"{number:02x}", bytes([number + 1]) * (200 * number + 10), mark=f"{number % 3}"
            )
    return made


def test_reading_makes_nothing(tmp_path: Path) -> None:
    with PartnerStore(tmp_path / "nobody").reading() as rows:
        assert (rows.body(Kind.HIT, "00"), rows.count(Kind.HIT), rows.ls(Kind.HIT)) == (None, 0, [])
    assert list(tmp_path.iterdir()) == []


def test_rows_are_found(store: PartnerStore) -> None:
    with store.reading() as rows:
        assert rows.body(Kind.HIT, "03") == b"\x04" * 610
        assert [row.name for row in rows.ls(Kind.HIT, after="02", limit=2)] == ["03", "04"]
        assert {row.name for row in rows.marked(Kind.HIT, "1")} == {"01", "04", "07"}
        assert [row.name for row in rows.beginning(Kind.HIT, "0")] == [f"{number:02x}" for number in range(8)]
        assert (rows.count(Kind.HIT), rows.count(Kind.PROPOSAL)) == (8, 0)


def test_who_asks_by_a_mark_reads_no_other_rows(store: PartnerStore) -> None:
    asked: list[str] = []
    with store.reading() as rows:
        rows._db.set_trace_callback(asked.append)
        rows.marked(Kind.HIT, "1")
        rows._db.set_trace_callback(None)
        plan = rows._db.execute(f"EXPLAIN QUERY PLAN {asked[-1]}").fetchall()
    assert "USING INDEX marked (kind=? AND mark=?)" in str(plan)


def test_rows_are_kept_replaced_and_removed(store: PartnerStore) -> None:
    with store.writing() as rows:
        rows.put(Kind.HIT, "00", b"other")
        rows.add(Kind.HIT, "01", b"not taken")
        assert [rows.remove(Kind.HIT, "02") for _ in range(2)] == [True, False]
    with store.reading() as rows:
        found = {row.name: row.body for row in rows.ls(Kind.HIT, limit=2)}
    assert found == {"00": b"other", "01": b"\x02" * 210}


def test_nothing_is_kept_of_a_block_that_fails(store: PartnerStore) -> None:
    def fail() -> None:
        with store.writing() as rows:
            rows.put(Kind.HIT, "00", b"other")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.reading() as rows:
        assert rows.body(Kind.HIT, "00") == b"\x01" * 10


def test_what_is_written_waits_for_the_disk_and_what_is_purged_is_gone(store: PartnerStore) -> None:
    extra, on = 3, 1
    with store.writing() as rows:
        assert rows._db.execute("PRAGMA synchronous").fetchone() == (extra,)
        assert rows._db.execute("PRAGMA secure_delete").fetchone() == (on,)
        rows.put(Kind.HIT, "ff", b"the name of a file")
    with store.writing() as rows:
        rows.remove(Kind.HIT, "ff")
    assert b"the name of a file" not in store.path.read_bytes()
    assert [path.name for path in store.folder.iterdir() if "state.db" in path.name] == ["state.db"]


def test_no_page_keeps_what_was_purged(store: PartnerStore) -> None:
    """Where SQLite rebuilds a page, `secure_delete` does not overwrite the copy of a row that moved."""
    digests = [sha256(b"2/%d" % number).digest() for number in range(1500)]
    bodies = {digest.hex(): digest * (8 + digest[0] % 23) for digest in digests}
    with store.writing() as rows:
        for name, body in bodies.items():
            rows.put(Kind.HIT, name, body, mark="open")
    for name in list(bodies)[::3]:
        with store.writing() as rows:
            rows.put(Kind.HIT, name, bodies[name] + bytes(64), mark="done")
    gone = sorted(bodies)[::2]
    for name in gone:
        _remove(store, Kind.HIT, name)
    store.scrub()
    data = store.path.read_bytes()
    assert [name for name in gone if name.encode() in data or bodies[name][:32] in data] == []
    with store.reading() as rows:
        assert {row.name for row in rows.ls(Kind.HIT)} > bodies.keys() - set(gone)


@pytest.mark.parametrize("kind", [Kind.HIT, Kind.UNCONFIRMED, Kind.PROPOSAL, Kind.CONSOLE_TOKEN])
def test_the_file_is_written_anew_once_after_a_row_is_gone(store: PartnerStore, kind: Kind) -> None:
    with store.writing() as rows:
        rows.put(kind, "ff", b"the name of a file" * 1000)
    before = store.path.read_bytes()
    store.scrub()
    _remove(store, Kind.HIT, "fe")
    store.scrub()
    assert store.path.read_bytes() == before, "nothing was removed"
    _remove(store, kind, "ff")
    assert store.path.stat().st_size == len(before)
    store.scrub()
    assert store.path.stat().st_size < len(before)
    after = store.path.read_bytes()
    store.scrub()
    assert store.path.read_bytes() == after, "once"


def test_what_is_removed_while_the_file_is_written_anew_has_it_written_once_more(
    store: PartnerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = database._run
    _remove(store, Kind.HIT, "07")

    def meanwhile(connection: sqlite3.Connection, *statements: str) -> None:
        run(connection, *statements)
        if "VACUUM" in statements:
            monkeypatch.undo()
            _remove(store, Kind.HIT, "06")

    monkeypatch.setattr(database, "_run", meanwhile)
    store.scrub()
    before = store.path.read_bytes()
    store.scrub()
    assert store.path.read_bytes() != before


def _remove(store: PartnerStore, kind: Kind, name: str) -> None:
    with store.writing() as rows:
        rows.remove(kind, name)


def test_who_reads_sees_one_moment_and_who_writes_waits(store: PartnerStore) -> None:
    with store.reading() as rows:
        before = rows.ls(Kind.HIT)
        writer = Thread(target=_remove, args=(store, Kind.HIT, "00"))
        writer.start()
        assert rows.ls(Kind.HIT) == before
    writer.join()
    with store.reading() as rows:
        assert len(rows.ls(Kind.HIT)) == len(before) - 1


def test_who_waits_for_too_long_is_told(store: PartnerStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.01)
    with store.writing(), pytest.raises(StoreLockedError, match="in use by another process"), store.writing():
        pass


def test_a_full_disk_is_told_and_loses_nothing(store: PartnerStore) -> None:
    def fill() -> None:
        with store.writing() as rows:
            rows._db.execute("PRAGMA max_page_count = 1")
            rows.put(Kind.HIT, "ff", bytes(10**6))

    with pytest.raises(StoreDownError, match="no room is left on its disk"):
        fill()
    with store.reading() as rows:
        assert rows.count(Kind.HIT) == 8


def _opened_to_others(path: Path) -> None:
    path.chmod(0o640)


def _elsewhere(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("meddle", "says"), [(_opened_to_others, "can be read by others"), (_elsewhere, "must not be a link")]
)
def test_a_file_that_is_not_ours_alone_is_refused(
    store: PartnerStore, meddle: Callable[[Path], None], says: str
) -> None:
    meddle(store.path)
    with pytest.raises(ConfigError, match=says), store.reading():
        pass


def test_another_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 7")
    with pytest.raises(StoreError, match="not written by this version"), PartnerStore(tmp_path).reading():
        pass


def test_a_key_is_made_once_and_is_private(store: PartnerStore) -> None:
    keys = {store.key("hits") for _ in range(2)}
    assert len(keys) == 1
    assert store.key_path("hits").stat().st_mode & 0o777 == 0o600
    assert store.key("proposals") not in keys


def all_of(rows: Rows) -> list[tuple[object, ...]]:
    return rows._db.execute("SELECT kind, name, mark, body, sum FROM kept ORDER BY kind, name").fetchall()


def test_an_altered_byte_is_noticed_or_says_nothing(store: PartnerStore, tmp_path: Path) -> None:
    with store.reading() as rows:
        whole = all_of(rows)
    data = store.path.read_bytes()
    other = PartnerStore(tmp_path / "other")
    shutil.copytree(store.folder, other.folder)
    handle = os.open(other.path, os.O_WRONLY)
    noticed = 0
    try:
        for at in range(0, len(data), STEP):
            os.pwrite(handle, bytes([data[at] ^ (1, 0x80)[at % 2]]), at)
            try:
                with other.reading() as rows:
                    damaged = bool(other.damage()) or any(not row.body for row in rows.ls(Kind.HIT))
                    assert damaged or all_of(rows) == whole, f"byte {at}"
            except StoreError:
                damaged = True
            noticed += damaged
            os.pwrite(handle, data[at : at + 1], at)
    finally:
        os.close(handle)
    assert noticed > len(data) // STEP // 5


def _in_schema(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b"CREATE TABLE kept (", b"CREATE TABLE kept \xd7"))


def _mark_of_bytes(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE kept SET mark = x'00ff'")


def _name_of_state(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE kept SET name = 'stbte' WHERE kind = 'fact'")


def _kind_of_state(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE kept SET kind = 'fbct' WHERE kind = 'fact'")


@pytest.mark.parametrize("spoil", [_in_schema, _mark_of_bytes, _name_of_state, _kind_of_state])
def test_damage_is_told_as_damage_and_never_as_nobody(
    store: PartnerStore, spoil: Callable[[Path], None]
) -> None:
    with store.writing() as rows:
        rows.put(Kind.FACT, FactName.STATE, b"{}")
    spoil(store.path)
    before = store.path.read_bytes()
    folder = PartnerFolder(store.folder)
    with pytest.raises(StoreError, match="damaged"):
        folder.load()
    with suppress(StoreError):
        assert folder.exists
    assert store.path.read_bytes() == before


def test_a_damaged_mark_costs_one_hit(store: PartnerStore) -> None:
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE kept SET mark = x'00ff' WHERE name = '01'")
    with store.reading() as rows:
        assert [row.name for row in rows.ls(Kind.HIT) if not row.body] == ["01"]
