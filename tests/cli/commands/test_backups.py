"""Backups: written beside a node that works, whole or not there, and tried without touching anything."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from node.backup import write
from node.home import Home
from node.hoster.store.database import PartnerStore
from node.hoster.store.kinds import FactName, Kind
from support.agencies import LIST, import_files, numbered
from support.postgres import postgres_server
from support.processes import Cli, Running, contents

PASSPHRASE = "made-up words for backups"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "backup-passphrase"
    path.touch(mode=0o600)
    path.write_text(PASSPHRASE + "\n")
    return path


def create(cli: Cli, target: Path, secret: Path, *more: str) -> Path:
    done = cli.done(
        "backup", "create", str(target), "--passphrase-file", str(secret), "--kdf", "online", *more
    )
    return Path(done["backup"])


def read(cli: Cli, verb: str, backup: Path, secret: Path) -> tuple[str, ...]:
    return ("backup", verb, str(backup), "--passphrase-file", str(secret))


def restored(cli: Cli, backup: Path, secret: Path, home: Path) -> Cli:
    new = Cli(home)
    new.done("backup", "restore", str(backup), "--passphrase-file", str(secret))
    return new


def test_a_drill_tries_everything_and_changes_nothing(waiting: Cli, tmp_path: Path, secret: Path) -> None:
    backup = create(waiting, tmp_path, secret)
    assert backup.name.startswith("sigfed-fr.example-")
    assert backup.stat().st_mode & 0o777 == 0o600
    before = contents(waiting.home), backup.read_bytes()
    assert waiting.done(*read(waiting, "verify", backup, secret))["node"] == "fr.example"
    nowhere = Cli(tmp_path / "nowhere")
    finished = nowhere.run(*read(waiting, "drill", backup, secret))
    assert finished.exit == 0, finished.out
    tried = {one["tried"]: one["words"] for one in finished.results}
    assert tried[f"fr.example/lists/{LIST}"] == "6 entries give the root of its signed head"
    assert "key files open" in tried["keys"]
    assert (contents(waiting.home), backup.read_bytes()) == before
    assert not nowhere.home.exists()


def test_a_backup_holds_no_secret_in_the_clear_and_no_offline_key(
    agency: Cli, tmp_path: Path, secret: Path
) -> None:
    small, whole = tmp_path / "small", tmp_path / "whole"
    create(agency, small, secret)
    create(agency, whole, secret, "--offline-keys")
    assert b"fr.example/lists" not in small.read_bytes()
    for backup, count in ((small, 0), (whole, 4)):
        home = restored(agency, backup, secret, tmp_path / f"from-{backup.name}").home
        assert len(list(home.glob("keys/offline/*.json"))) == count
        assert not list(home.rglob("*passphrase*"))
        assert not list(home.rglob("*.lock"))


def test_a_backup_is_never_written_over_anything(agency: Cli, tmp_path: Path, secret: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("something")
    words = ("--passphrase-file", str(secret), "--kdf", "online")
    assert agency.run("backup", "create", str(taken), *words).exit == 2
    assert taken.read_text() == "something"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data[:-1], "cut off"),
        (lambda data: data[: len(data) // 2], "cut off"),
        (lambda data: data[:-200] + bytes([data[-200] ^ 1]) + data[-199:], "altered"),
        (lambda data: data + data[-100:], "altered"),
        (lambda data: data.replace(b'"fr.example"', b'"nl.example"', 1), "altered"),
        (lambda data: data[5:], "not a backup"),
    ],
    ids=["a byte short", "half", "a bit", "something more", "another node", "no header"],
)
def test_a_spoilt_backup_is_refused_and_leaves_nothing(
    founded: Cli, tmp_path: Path, secret: Path, spoil: object, says: str
) -> None:
    assert callable(spoil)
    source = founded.copied(tmp_path / "fr")
    backup, spoilt = create(source, tmp_path / "good", secret), tmp_path / "spoilt"
    spoilt.write_bytes(spoil(backup.read_bytes()))
    new = Cli(tmp_path / "new")
    for verb in ("verify", "drill", "restore"):
        finished = new.run(*read(new, verb, spoilt, secret))
        assert finished.exit in {2, 14}, finished.err
        assert says in finished.err
    assert not new.home.exists()
    assert not list(tmp_path.glob(".*"))


def test_another_passphrase_opens_nothing(agency: Cli, tmp_path: Path, secret: Path) -> None:
    backup = create(agency, tmp_path / "b", secret)
    secret.write_text("another passphrase\n")
    finished = agency.run(*read(agency, "verify", backup, secret))
    assert (finished.exit, "passphrase is wrong" in finished.err) == (14, True)


def test_a_home_that_was_restored_neither_serves_nor_signs(
    waiting: Cli, tmp_path: Path, secret: Path
) -> None:
    new = restored(waiting, create(waiting, tmp_path / "b", secret), secret, tmp_path / "new")
    for words in (("run",), ("publish",), ("peer", "sync")):
        finished = new.run(*words)
        if words == ("peer", "sync"):
            continue  # it has no peers
        assert finished.exit == 2, finished.err
        assert "was restored from a backup" in finished.err
    assert new.done("list", "ls")
    assert new.run("backup", "restore", str(tmp_path / "b"), "--passphrase-file", str(secret)).exit == 2


def test_a_backup_is_of_one_moment_while_the_node_works(waiting: Cli, tmp_path: Path, secret: Path) -> None:
    """Imports and publications go on while backups are written; each backup is whole."""
    waiting.edit("sigfed.toml", "publish_minutes = 0", "publish_minutes = 1")
    with Running(waiting):
        backups = []
        for round_ in range(3):
            import_files(waiting, numbered(f"round {round_}", 300))
            publishing = waiting.begin("publish")
            backups.append(create(waiting, tmp_path / f"b{round_}", secret))
            publishing.communicate(timeout=60)
        for backup in backups:
            finished = waiting.run(*read(waiting, "drill", backup, secret))
            assert finished.exit == 0, finished.out


def test_a_backup_that_was_killed_is_not_there_and_the_next_one_is(
    waiting: Cli, tmp_path: Path, secret: Path
) -> None:
    target = tmp_path / "b"
    words = ["backup", "create", str(target), "--passphrase-file", str(secret), "--kdf", "online"]
    waiting.killed("node.backup.write:_is_destroyed 3", *words)
    assert (waiting.home / "backup-scratch/home").exists()
    assert not target.exists()
    create(waiting, target, secret)
    assert not (waiting.home / "backup-scratch").exists()
    assert waiting.run(*read(waiting, "drill", target, secret)).exit == 0


def test_a_drill_finds_what_was_broken_before_the_backup(waiting: Cli, tmp_path: Path, secret: Path) -> None:
    for path in waiting.home.glob("objects/logs/*/tile/entries/*.p/*"):
        *others, last = path.read_bytes()
        path.write_bytes(bytes([*others, last ^ 1]))
    backup = create(waiting, tmp_path / "b", secret)
    finished = waiting.run(*read(waiting, "drill", backup, secret))
    assert finished.exit == 14
    assert not all(one["good"] for one in finished.results)


@pytest.mark.parametrize(
    ("place", "filled"), [("node.store.copy:_copy_rows", False), ("node.backup.restore:mark_restored", True)]
)
def test_a_restore_that_was_killed_is_done_by_the_next(
    founded: Cli, tmp_path: Path, secret: Path, place: str, *, filled: bool
) -> None:
    backup, new = create(founded.copied(tmp_path / "fr"), tmp_path / "b", secret), Cli(tmp_path / "new")
    with postgres_server() as server:
        words = (*read(new, "restore", backup, secret), "--store")
        dsn = server.database()
        new.killed(f"{place} 0", *words, dsn)
        assert "delete it if none is" in new.run(*words, dsn).err
        shutil.rmtree(tmp_path / ".new.restoring")
        if filled:
            assert "an empty one" in new.run(*words, dsn).err
            dsn = server.database()
        new.done(*words, dsn)
        assert "restored" in new.run("publish").err


def test_a_backup_goes_into_postgresql_and_out_of_it(waiting: Cli, tmp_path: Path, secret: Path) -> None:
    with postgres_server() as server:
        first = create(waiting, tmp_path / "first", secret)
        moved = Cli(tmp_path / "moved")
        moved.done(
            "backup", "restore", str(first), "--passphrase-file", str(secret), "--store", server.database()
        )
        assert not (moved.home / "sigfed.db").exists()
        (moved.home / "restored.json").unlink()  # nobody has seen anything of it
        assert moved.done("publish")["adds"] == 4
        import_files(moved, numbered("on PostgreSQL", 2))
        left = Home(moved.home).moved_database
        left.write_bytes(b"a move to PostgreSQL was killed before this was deleted")
        second = create(moved, tmp_path / "second", secret)
    taken_out = Cli(tmp_path / "out")
    taken_out.done("backup", "restore", str(second), "--passphrase-file", str(secret))
    assert not (taken_out.home / left.name).exists()
    finished = waiting.run(*read(waiting, "drill", second, secret))
    assert finished.exit == 0, finished.out
    assert "10 entries give" in " ".join(one["words"] for one in finished.results)


def asker(cli: Cli, name: str) -> Path:
    """What an agency keeps as a client of a member, with something in it; its rows."""
    store = PartnerStore(Home(cli.home).asking(bytes.fromhex(name * 32)).partner)
    with store.writing() as rows:
        rows.put(Kind.FACT, FactName.STATE, name.encode())
    return store.path


def test_a_damaged_client_of_another_member_is_in_the_backup_as_it_is(
    founded: Cli, tmp_path: Path, secret: Path
) -> None:
    fr = founded.copied(tmp_path / "fr")
    damaged, whole = asker(fr, "ab"), asker(fr, "cd")
    damaged.write_bytes(b"noise" + damaged.read_bytes()[5:])
    new = restored(fr, create(fr, tmp_path / "b", secret), secret, tmp_path / "new").home
    assert (new / damaged.relative_to(fr.home)).read_bytes() == damaged.read_bytes()
    with PartnerStore((new / whole.relative_to(fr.home)).parent).reading() as rows:
        assert rows.body(Kind.FACT, FactName.STATE) == b"cd"


def test_a_client_that_is_made_while_a_backup_begins_ends_none(
    founded: Cli, tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr = founded.copied(tmp_path / "fr")
    left_out = write._left_out

    def then_made(*given: Any, **named: Any) -> frozenset[Path]:
        found = left_out(*given, **named)
        asker(fr, "ef")
        return found

    monkeypatch.setattr(write, "_left_out", then_made)
    new = restored(fr, create(fr, tmp_path / "b", secret), secret, tmp_path / "new").home
    made = Home(new).asking(bytes.fromhex("ef" * 32)).partner
    with PartnerStore(made).reading() as rows:
        assert rows.body(Kind.FACT, FactName.STATE) == b"ef"
