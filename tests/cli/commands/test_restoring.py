"""A node that is gone comes back from a backup: behind everything that others have seen of it, and never beside it."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from node.runtime.home import Home
from node.runtime.opening import open_identity
from node.runtime.shelving import open_shelf
from node.services.logfiles import LogFiles
from support.agencies import (
    BOTH,
    LIST,
    SUBSET,
    Federation,
    cheapen,
    federate,
    import_files,
    numbered,
    report,
    written,
)
from support.processes import Cli, Running

ORIGIN = f"fr.example/lists/{LIST}"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Federation]:
    made = federate(tmp_path)
    for name in ("alice", "bob"):
        typed = f"the passphrase of {name}\n" * 2
        made.fr.done("person", "add", name, "--role", "operator", typed=typed)
    yield made
    made.stop()


def backup_of(cli: Cli) -> tuple[str, ...]:
    """A backup, as the arguments that read it."""
    secret = cli.home.with_name("backup-passphrase")
    secret.touch(mode=0o600)
    secret.write_text("made-up words for backups\n")
    path = str(cli.home.with_name("backup"))
    opened = ("--passphrase-file", str(secret))
    cli.done("backup", "create", path, *opened, "--kdf", "online")
    return (path, *opened)


def lost_and_restored(pair: Federation, backup: tuple[str, ...]) -> Cli:
    """The machine is gone; another one with what the backup had, and the keys of a holder from the safe."""
    pair.fr_node.stop()
    old = pair.fr.home.rename(pair.fr.home.with_name("gone"))
    new = Cli(pair.fr.home, pair.fr.clock_file)
    new.done("backup", "restore", *backup)
    offline = new.home / "keys/offline"
    offline.mkdir(mode=0o700)
    for key in (old / "keys/offline").glob("targets-1.json"):
        (offline / key.name).write_bytes(key.read_bytes())
        (offline / key.name).chmod(0o600)
    return new


def openings(cli: Cli) -> list[bool]:
    """Of which events of the own list the openings are held."""
    with open_shelf(open_identity(Home(cli.home))) as shelf:
        size = report(cli).log.head.size
        files = LogFiles(shelf.objects, shelf.vault, ORIGIN)
        return [opening is not None for _, _, opening in files.items(first=0, size=size)]


def shred(cli: Cli, content: bytes) -> None:
    hashes = written(cli.home.with_name("wrong.txt"), sha256(content).hexdigest() + "\n")
    words = ("entry", "shred", "--list", LIST, "--hash-from", hashes, "--yes", "--as", "alice")
    number = str(cli.done(*words, typed="the passphrase of alice\n")["approval"])
    cli.done("approval", "approve", number, "--as", "bob", typed="the passphrase of bob\n")


def accusations(cli: Cli) -> list[object]:
    return [*cli.run("evidence", "ls").results, *cli.run("quarantine", "ls").results]


def test_a_restored_node_goes_on_behind_all_that_its_peers_saw(pair: Federation) -> None:
    fr, nl = pair.fr, pair.nl
    backup = backup_of(fr)
    import_files(fr, numbered("after the backup", 5))
    fr.done("publish")
    shred(fr, BOTH)
    fr.done("subset", "release", SUBSET)
    nl.done("peer", "sync")
    fr.done("witness", "ask")
    seen = report(nl, ORIGIN).log.head

    new = lost_and_restored(pair, backup)
    assert report(new).log.head.size < seen.size
    refused = new.run("run")
    assert (refused.exit, "sigfed backup finish" in refused.err) == (2, True)
    finished = new.run("backup", "finish", "--yes")
    assert finished.exit == 0, finished.err
    by_origin = {one["origin"]: one for one in finished.results if "origin" in one}
    assert by_origin[ORIGIN] == {"origin": ORIGIN, "held": 2, "size": seen.size, "unopened": 0}
    last = finished.results[-1]
    assert last["asked"] == ["nl.example"]
    assert last["witness"] == "fr.example/w2"
    assert (report(new).log.head.size, report(new).log.head.root) == (seen.size, seen.root)
    held = openings(new)
    assert held[:2] == [False, False], "what was shredded after the backup stays gone"
    assert all(held[2:12]), "what was listed after the backup came back with its hashes"

    cheapen(new)
    import_files(new, numbered("after the restore", 3))
    assert new.done("publish")["size"] == seen.size + 6
    with Running(new):
        synced = nl.run("peer", "sync")
        assert synced.exit == 0, synced.err
        assert report(nl, ORIGIN).log.head.size == seen.size + 6
        assert accusations(nl) == []
        asked = new.run("witness", "ask")
        assert asked.exit == 0, asked.err
    assert accusations(new) == []
    assert new.run("doctor").exit == 0, new.run("doctor").out
    assert new.run("audit", "verify").exit == 0


def test_what_nobody_holds_is_said_and_no_size_is_signed_twice(pair: Federation) -> None:
    """The peer's witness saw a head whose entries nobody had fetched."""
    fr, nl = pair.fr, pair.nl
    backup = backup_of(fr)
    import_files(fr, numbered("seen by a witness alone", 4))
    fr.done("publish")
    fr.done("witness", "ask")
    size = report(fr).log.head.size
    held = report(nl, ORIGIN).log.head.size
    assert held < size

    new = lost_and_restored(pair, backup)
    finished = new.run("backup", "finish", "--yes")
    assert finished.exit == 0, finished.err
    lost = {one["origin"]: one for one in finished.results if "seen" in one}
    assert lost[ORIGIN] == {"origin": ORIGIN, "held": held, "seen": size, "by": "nl.example"}
    import_files(new, numbered("another", 1))
    refused = new.run("publish")
    assert (refused.exit, "never signed again" in refused.err) == (2, True)
    new.done("list", "create", "second")
    assert accusations(nl) == []


def test_a_member_that_does_not_answer_is_waited_for(pair: Federation) -> None:
    new = lost_and_restored(pair, backup_of(pair.fr))
    pair.nl_node.stop()
    refused = new.run("backup", "finish", "--yes")
    assert (refused.exit, "nl.example" in refused.err) == (16, True)
    assert (new.home / "restored.json").exists()
    done = new.run("backup", "finish", "--yes", "--without", "nl.example")
    assert done.exit == 0, done.err


def test_a_database_that_was_put_back_is_found_without_a_mark(waiting: Cli, tmp_path: Path) -> None:
    """Somebody copied an old database file over the new one."""
    old = waiting.copied(tmp_path / "old")
    waiting.done("publish")
    for path in old.home.glob("sigfed.db*"):
        (waiting.home / path.name).write_bytes(path.read_bytes())
    refused = waiting.run("run")
    assert (refused.exit, "older than what this node has signed" in refused.err) == (2, True)
    failed = [one for one in waiting.run("doctor").results if one["health"] == "fail"]
    assert ("store", "do not publish; sigfed backup finish") in {
        (one["check"], one["step"]) for one in failed
    }
    done = waiting.run("backup", "finish", "--yes")
    assert done.exit == 0, done.err
    assert ORIGIN in {one["origin"] for one in done.results if "seen" in one}
    assert waiting.run("publish").exit == 2
    assert next(one for one in waiting.run("doctor").results if one["check"] == "store")["health"] == "ok"
