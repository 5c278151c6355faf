"""A disk that is full or read-only is told in one way, whatever was to be written: an object, a row, a file."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from node.cli import main
from node.errors import StoreDownError
from node.objects.folder import FolderObjects
from node.store.store import Store
from support.new_stores import database_with_tables
from support.postgres import PostgresServer
from support.stores import Agency, make_store, rows, sqlite_dsn

SAYS = {
    errno.ENOSPC: ("no room is left on its disk", "make room"),
    errno.EROFS: ("it is read-only", "mount its disk writable"),
}
PRAGMAS = {errno.ENOSPC: "max_page_count=1", errno.EROFS: "query_only=ON"}


@pytest.mark.parametrize("number", SAYS)
def test_an_object(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = FolderObjects(tmp_path)

    def write(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", write)
    require_told(number, lambda: objects.put("a/b", b"x"), "the object folder")


@pytest.mark.parametrize("number", SAYS)
def test_a_row_of_a_real_database(number: int, tmp_path: Path) -> None:
    agency = Agency(make_store(sqlite_dsn(tmp_path), tmp_path), tmp_path)
    store = agency.store
    assert isinstance(store, Store)
    engine = store._engine
    engine.dispose()

    @event.listens_for(engine, "connect")
    def refuse(connection: object, _record: object) -> None:
        connection.execute(f"PRAGMA {PRAGMAS[number]}")  # type: ignore[attr-defined]

    many = rows(*(f"f{n}" for n in range(3000)))
    require_told(number, lambda: agency.add(many), "the database")
    store.dispose()


def test_a_row_of_a_server_that_takes_nothing(postgres: PostgresServer, tmp_path: Path) -> None:
    """As one that follows another: it answers, and every write is refused."""
    agency = Agency(make_store(database_with_tables(postgres), tmp_path), tmp_path)
    store = agency.store
    assert isinstance(store, Store)

    @event.listens_for(store._engine, "begin")
    def refuse(connection: Connection) -> None:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    require_told(errno.EROFS, lambda: agency.add(rows("f")), "the database")
    store.dispose()


@pytest.mark.parametrize("number", SAYS)
def test_a_file_of_a_command(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(*_: object, **__: object) -> object:
        raise OSError(number, os.strerror(number), "/srv/report.html")

    monkeypatch.setattr(main, "command_line", lambda: command)
    assert main.run(["status"]) == 2
    told = capsys.readouterr().err
    assert f"/srv/report.html cannot be written: {SAYS[number][0]}" in told
    assert SAYS[number][1] in told


def require_told(number: int, work: Callable[[], object], what: str) -> None:
    with pytest.raises(StoreDownError) as told:
        work()
    assert str(told.value) == f"{what} cannot be written: {SAYS[number][0]}"
    assert SAYS[number][1] in told.value.hint
