"""Two copies of one folder on one PostgreSQL: the second is refused by the first's name, until the node moves there."""

import json
import signal
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.new_stores import database_with_tables
from support.postgres import PostgresServer, postgres_server
from support.processes import Cli, Running, free_port

_ROWS = "id,sha256\n" + "".join(f"{n},{n:064x}\n" for n in range(0x11111111, 0x11111119))
_OTHER = "id,sha256\n" + "".join(f"{n},{n:064x}\n" for n in range(0x31111111, 0x31111114))
_MORE = "id,sha256\n" + "".join(f"{n},{n:064x}\n" for n in range(0x21111111, 0x21111114))


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def first(tmp_path: Path, server: PostgresServer) -> Cli:
    """A node with a published list, whose tables are in PostgreSQL."""
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("correct horse battery\n")
    (tmp_path / "rows.csv").write_text(_ROWS)
    (tmp_path / "more.csv").write_text(_MORE)
    (tmp_path / "other.csv").write_text(_OTHER)
    cli, port = Cli(tmp_path / "first", cheap_keys=True), free_port()
    founding = (
        f"init --node fr.example --country FR --url https://127.0.0.1:{port}/ --port {port}"
        f" --store {database_with_tables(server)}"
    )
    for words in (
        f"{founding} --passphrase-file {secret} --root-passphrase-file {secret} --root-kdf online",
        "list create csam",
        f"entry import {tmp_path / 'rows.csv'} --list csam --basis own",
        "publish",
    ):
        cli.done(*words.split())
    return cli


_WRITES = [
    "publish",
    "contact a@fr.example",
    "key rotate token",
    "entry import {other} --list csam --basis own",
]


@pytest.mark.threat("two folders, one node")
@pytest.mark.parametrize("runs", [False, True])
def test_a_copy_of_the_folder_is_refused_by_the_first_one_s_name(first: Cli, runs: bool) -> None:
    copy = first.copied(first.home.with_name("copy"))
    first.done("entry", "import", str(first.home.with_name("more.csv")), "--list", "csam", "--basis", "own")
    running = Running(first) if runs else None
    try:
        for words in _WRITES:
            refused = copy.run(*words.format(other=first.home.with_name("other.csv")).split())
            assert refused.exit == 11, (words, refused.err)
            assert str(first.home) in refused.err
        assert copy.run("run").exit == 11
        assert first.done("publish")["size"] == 11
    finally:
        if running:
            running.stop()
    assert _serial(first) == 2  # of the list; the copy signed no second document of that number, and no third
    assert _serial(copy) == 2
    assert str(first.home) in copy.run("doctor").out


def test_a_killed_node_starts_again_and_none_of_its_commands_is_refused(first: Cli) -> None:
    """Its claim to the database is still there, and is its own."""
    before = _serial(first)
    running = Running(first)
    running.process.send_signal(signal.SIGKILL)
    assert running.process.wait(20) == -signal.SIGKILL
    copy = first.copied(first.home.with_name("copy"))
    first.done("contact", "a@fr.example")
    with Running(first):
        first.done("contact", "b@fr.example")
    assert _serial(first) == before + 2
    assert copy.run("contact", "c@fr.example").exit == 11


@pytest.mark.threat("two folders, one node")
def test_the_lease_passes_on_once_the_first_has_stopped(first: Cli) -> None:
    with Running(first):
        copy = first.copied(first.home.with_name("copy"))
        early = copy.run("backup", "finish", "--yes")
        assert early.exit == 11
        assert str(first.home) in early.err
    stale = copy.run("backup", "finish", "--yes")
    assert stale.exit == 14, "what came after the copy is missing in it"
    first.done("contact", "a@fr.example")
    moved = first.copied(first.home.with_name("moved"))
    moved.done("backup", "finish", "--yes")
    moved.done("publish")
    with Running(moved):
        late = first.run("contact", "a@fr.example")
    assert late.exit == 11
    assert str(moved.home) in late.err


def test_a_home_whose_keys_do_not_open_the_database_takes_it_from_nobody(first: Cli, tmp_path: Path) -> None:
    copy = first.copied(first.home.with_name("copy"))
    for key in (copy.home / "keys").glob("storage-*.json"):
        key.unlink()
    assert copy.run("backup", "finish", "--yes").exit != 0
    first.done("contact", "a@fr.example")


def _serial(cli: Cli) -> int:
    envelope = json.loads((cli.home / "trust" / "node.json").read_bytes())
    return int(json.loads(b64decode(envelope["payload"]))["serial"])
