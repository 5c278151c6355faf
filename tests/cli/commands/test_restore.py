"""A node that is gone comes back from a backup: behind everything that others have seen of it, and never beside it."""

import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from node.home import Home
from node.identity.identity import open_identity
from node.objects.logfiles import LogFiles
from node.rotation.store import write_store
from node.signing.process.service import LOGS
from node.signing.state_file import LogStates
from support.agencies import (
    BOTH,
    LIST,
    SUBSET,
    Federation,
    asking_no_witness,
    cheapen,
    import_files,
    numbered,
    publish_files,
    report,
    table,
    written,
)
from support.federated import federated
from support.processes import Cli, Running, passphrase_of
from support.signer_process import SignerProcess

ORIGIN = f"fr.example/lists/{LIST}"


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Federation]:
    """The first agency has two persons, and does not run."""
    with federated(tmp_path, running=["nl"]) as made:
        made.fr.add_persons("alice", "bruno")
        yield made


@pytest.fixture
def pair(stopped: Federation) -> Federation:
    stopped.fr_node = Running(stopped.fr)
    return stopped


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
    pair.fr.home.rename(pair.fr.home.with_name("gone"))
    new = Cli(pair.fr.home, pair.fr.clock_file)
    new.done("backup", "restore", *backup)
    brought(pair, new, "targets-1.json")
    return new


def brought(pair: Federation, new: Cli, files: str) -> None:
    """Holders' keys from their safes."""
    for key in (pair.fr.home.with_name("gone") / "keys/offline").glob(files):
        copy = new.home / "keys/offline" / key.name
        copy.write_bytes(key.read_bytes())
        copy.chmod(0o600)


def openings(cli: Cli) -> list[bool]:
    """Of which events of the own list the openings are held."""
    with write_store(open_identity(Home(cli.home))) as store:
        size = report(cli).log.head.size
        files = LogFiles(store.objects, store.vault, ORIGIN)
        return [opening is not None for _, _, opening in files.items(first=0, size=size)]


def shred(cli: Cli, content: bytes) -> None:
    hashes = written(cli.home.with_name("wrong.txt"), sha256(content).hexdigest() + "\n")
    cli.agreed("entry", "shred", "--list", LIST, "--hash-from", hashes, "--yes")


def accusations(cli: Cli) -> list[object]:
    return [*cli.run("evidence", "ls").results, *cli.run("quarantine", "ls").results]


def test_a_restored_node_goes_on_behind_all_that_its_peers_saw(pair: Federation) -> None:
    fr, nl = pair.fr, pair.nl
    backup = backup_of(fr)
    publish_files(fr, numbered("after the backup", 5))
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
    assert new.done("status")["alarms"] == [], "others cosigned more of a log that was given up"
    assert new.run("doctor").exit == 0, new.run("doctor").out
    assert new.run("audit", "verify").exit == 0


def test_a_key_that_was_taken_back_after_the_backup_stays_so_and_another_signs(pair: Federation) -> None:
    """Its list, the file of those taken back, is gone on with: who holds it believes none that begins anew."""
    fr, nl, partner = pair.fr, pair.nl, pair.partner
    stolen = f"log-lists-{LIST}-1"
    backup = backup_of(fr)
    fr.done("key", "revoke", stolen, "--reason", "lost", "--yes")
    nl.done("peer", "sync")
    partner.done("update")

    new = lost_and_restored(pair, backup)
    assert new.run("backup", "finish", "--yes").results[-1]["taken_back"] == [stolen]
    stages = {one["key"]: one["stage"] for one in new.run("key", "status").results}
    assert (stages[stolen], stages[f"log-lists-{LIST}-2"]) == ("lost", "active")
    cheapen(new)
    import_files(new, numbered("after the restore", 3))
    new.done("publish")
    with Running(new):
        assert nl.done("peer", "sync")["adds"] == 6
        partner.done("update")
    assert new.run("doctor").exit == 0


def test_a_key_that_was_taken_back_before_the_backup_is_none_that_was_since(office: Cli) -> None:
    """No key follows one of a witness: the witness goes on under another name, whose keys are others."""
    office.done("key", "revoke", "witness-1", "--reason", "compromise", "--yes")
    backup = backup_of(office)
    gone = office.home.rename(office.home.with_name("gone"))
    office.done("backup", "restore", *backup)
    shutil.copy(gone / "keys/offline/targets-1.json", office.home / "keys/offline")
    assert office.run("backup", "finish", "--yes").results[-1]["taken_back"] == []


def test_a_node_whose_auth_key_was_taken_back_after_the_backup_is_let_in_again(pair: Federation) -> None:
    """No peer lets it in before it has another, and what was taken back is in a file that everybody may fetch."""
    fr, nl = pair.fr, pair.nl
    backup = backup_of(fr)
    fr.done("key", "revoke", "auth-1", "--reason", "compromise", "--yes")
    nl.done("peer", "sync")

    new = lost_and_restored(pair, backup)
    refused = new.run("backup", "finish", "--yes")
    assert (refused.exit, "finish --without NODE, for each" in refused.err) == (16, True)
    done = new.run("backup", "finish", "--yes", "--without", "nl.example").results[-1]
    assert (done["silent"], done["taken_back"]) == (["nl.example"], ["auth-1", "auth-2", "auth-3"])
    with Running(new):
        nl.done("peer", "sync")
        new.done("peer", "sync")
        new.done("key", "revoke", "statement-1", "--reason", "lost", "--yes")
        nl.done("peer", "sync")


def test_a_backup_from_before_a_next_root_goes_on_under_the_one_after_it(pair: Federation) -> None:
    """Its online keys are gone with the machine, and its targets keys sign what the backup has."""
    fr, nl, partner = pair.fr, pair.nl, pair.partner
    backup = backup_of(fr)
    fr.done("key", "rotate", "targets", "--yes")
    fr.done("key", "revoke", "statement-1", "--reason", "lost", "--yes")
    nl.done("peer", "sync")
    new = lost_and_restored(pair, backup)
    refused = new.run("backup", "finish", "--yes")
    assert (refused.exit, "targets keys must sign" in refused.err) == (2, True)
    brought(pair, new, "targets-*.json")
    refused = new.run("backup", "finish", "--yes")
    assert (refused.exit, "root keys must sign" in refused.err) == (2, True)
    brought(pair, new, "root-*.json")
    assert new.run("backup", "finish", "--yes").results[-1]["taken_back"] == ["statement-1"]
    cheapen(new)
    import_files(new, numbered("after the restore", 3))
    new.done("publish")
    with Running(new):
        assert nl.done("peer", "sync")["adds"] == 6
        new.done("peer", "sync")
        partner.done("update")
    assert new.run("doctor").exit == 0
    assert accusations(nl) == []


def test_what_nobody_holds_is_said_and_no_size_is_signed_twice(pair: Federation) -> None:
    """The peer's witness saw a head whose entries nobody had fetched."""
    fr, nl = pair.fr, pair.nl
    backup = backup_of(fr)
    publish_files(fr, numbered("seen by a witness alone", 4))
    fr.done("witness", "ask")
    size = report(fr).log.head.size
    held = report(nl, ORIGIN).log.head.size
    assert held < size

    new = lost_and_restored(pair, backup)
    finished = new.run("backup", "finish", "--yes")
    assert finished.exit == 0, finished.err
    lost = {one["origin"]: one for one in finished.results if "seen" in one}
    assert lost[ORIGIN] == {"origin": ORIGIN, "held": held, "seen": size, "by": "nl.example"}
    assert new.done("publish", ORIGIN)["missing"] is None, (
        "nobody is asked to cosign a list that was given up"
    )
    import_files(new, numbered("another", 1))
    refused = new.run("publish")
    assert (refused.exit, "never signed again" in refused.err) == (2, True)

    # It goes on in another list, and everybody reads that one.
    assert new.run("list", "create", "second", "--continues", ORIGIN, typed="n\n").exit == 130
    done = new.done("list", "create", "second", "--continues", LIST, "--yes")
    assert done == {"origin": "fr.example/lists/second", "continues": ORIGIN}
    again = written(new.home.with_name("again.csv"), table(*numbered("seen by a witness alone", 4)))
    new.done("entry", "import", again, "--list", "second", "--basis", "own")
    new.done("publish")
    ended = new.run("publish", LIST)
    assert (ended.exit, "goes on in fr.example/lists/second" in ended.err) == (2, True)
    assert new.run("list", "create", "third", "--continues", LIST, "--yes").exit == 2
    with Running(new):
        synced = nl.run("peer", "sync")
        assert synced.exit == 0, synced.err
        hashes = written(nl.home.with_name("asked.csv"), table(BOTH))
        told = nl.run("entry", "explain", "--hash-from", hashes).out
        assert "the list was continued in another log" in told
        assert report(nl, "fr.example/lists/second").log.head.size == 9
    assert accusations(nl) == []


def test_a_list_that_can_go_on_is_not_continued_elsewhere(waiting: Cli) -> None:
    refused = waiting.run("list", "create", "second", "--continues", LIST, "--yes")
    assert (refused.exit, "can go on" in refused.err) == (2, True)
    assert [one["origin"] for one in waiting.run("list", "ls").results] == [ORIGIN]


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


# ---------------------------------------------------------------- a node whose signer is a process of its own


class Split:
    """The signer of a node, in a folder of its own."""

    def __init__(self, cli: Cli) -> None:
        self.folder = cli.home.with_name("s")
        self.cli = Cli(self.folder)
        secret = cli.home.with_name("signer-passphrase")
        secret.touch(mode=0o600)
        secret.write_text("the signer's own\n")
        cli.done("signer", "split", str(self.folder), "--passphrase-file", str(secret), "--yes")
        with (cli.home / "sigfed.toml").open("a") as config:
            config.write(f'\n[signer]\nsocket = "{self.folder / "socket"}"\n')
        self.process = SignerProcess(self.folder)
        self.process.start()

    def backup(self, name: str) -> tuple[str, ...]:
        """A backup of its folder while it runs, as the arguments that read it."""
        secret = self.folder.with_name("signer-backup-passphrase")
        secret.touch(mode=0o600)
        secret.write_text("made-up words for the signer's backups\n")
        path, opened = str(self.folder.with_name(name)), ("--passphrase-file", str(secret))
        self.cli.done("signer", "backup", path, *opened, "--kdf", "online")
        return (path, *opened)

    def lost_and_restored(self, backup: tuple[str, ...]) -> None:
        self.process.stop()
        self.folder.rename(self.folder.with_name("gone-signer"))
        self.cli.done("signer", "restore", *backup)
        assert (self.folder / "restored.json").exists()


@pytest.fixture
def split_pair(stopped: Federation) -> Iterator[tuple[Federation, Split]]:
    signer = Split(stopped.fr)
    stopped.fr_node = Running(stopped.fr)
    yield stopped, signer
    signer.process.stop()


def test_a_node_and_its_signer_come_back_from_backups_of_different_days(
    split_pair: tuple[Federation, Split],
) -> None:
    pair, signer = split_pair
    fr, nl = pair.fr, pair.nl
    older = signer.backup("signer-monday")
    publish_files(fr, numbered("of Tuesday", 2))
    backup = backup_of(fr)
    assert fr.run("backup", "drill", *backup).exit == 0, "of the keys that are with the node"
    publish_files(fr, numbered("of Wednesday", 3))
    nl.done("peer", "sync")
    fr.done("witness", "ask")
    seen = report(nl, ORIGIN).log.head

    tried = signer.cli.run("signer", "drill", *older)
    assert (tried.exit, {one["tried"] for one in tried.results}) == (
        0,
        {"keys", "logs", "witness", "trust files"},
    )
    new = lost_and_restored(pair, backup)
    signer.lost_and_restored(older)
    away = new.run("backup", "finish", "--yes")
    assert (away.exit, "sigfed signer run" in away.err) == (16, True)
    signer.process.start()
    finished = new.run("backup", "finish", "--yes")
    assert finished.exit == 0, finished.err
    assert not (signer.folder / "restored.json").exists()
    assert finished.results[-1]["witness"] == "fr.example/w2"
    assert (report(new).log.head.size, report(new).log.head.root) == (seen.size, seen.root)

    import_files(new, numbered("after the restore", 1))
    assert new.done("publish")["size"] == seen.size + 2
    with Running(new):
        synced = nl.run("peer", "sync")
        assert synced.exit == 0, synced.err
        assert report(nl, ORIGIN).log.head.size == seen.size + 2
        asked = new.run("witness", "ask")
        assert asked.exit == 0, asked.err
    assert accusations(nl) == []
    assert accusations(new) == []
    assert new.run("audit", "verify").exit == 0


def test_a_node_alone_is_lost_and_its_signer_knows_more_than_anybody(
    split_pair: tuple[Federation, Split],
) -> None:
    pair, _ = split_pair
    fr, nl = pair.fr, pair.nl
    backup = backup_of(fr)
    held = report(nl, ORIGIN).log.head.size
    import_files(fr, numbered("seen by nobody", 2))
    pair.nl_node.stop()
    fr.done("publish")
    size = report(fr).log.head.size
    pair.nl_node = Running(nl)

    new = lost_and_restored(pair, backup)
    finished = new.run("backup", "finish", "--yes")
    assert finished.exit == 0, finished.err
    lost = {one["origin"]: one for one in finished.results if "seen" in one}
    assert lost[ORIGIN] == {"origin": ORIGIN, "held": held, "seen": size, "by": "its own signer"}
    import_files(new, numbered("another", 1))
    assert new.run("publish").exit == 2
    with Running(new):
        assert nl.run("peer", "sync").exit == 0
    assert accusations(nl) == []


def copied(fr: Cli, signer: Split, folder: Path) -> tuple[Cli, SignerProcess]:
    """The same agency once more, with a signer of its own that runs."""
    other = folder / "other-signer"
    shutil.copytree(signer.folder, other)
    twin = fr.copied(folder / "twin")
    twin.edit("sigfed.toml", str(signer.folder / "socket"), str(other / "socket"))
    theirs = SignerProcess(other)
    theirs.start()
    return twin, theirs


def test_a_signer_gives_up_what_was_signed_twice(
    split_pair: tuple[Federation, Split], tmp_path: Path
) -> None:
    """Whoever copied both folders has his own entries cosigned, while this agency publishes others."""
    pair, signer = split_pair
    fr = pair.fr
    pair.fr_node.stop()
    signer.process.stop()
    thief, theirs = copied(fr, signer, tmp_path)
    signer.process.start()
    pair.nl_node.stop()
    for name in ("own", "more of its own"):
        publish_files(fr, numbered(name, 3))
    pair.nl_node = Running(pair.nl)
    import_files(thief, numbered("planted", 1))
    assert thief.done("publish")["cosigned"] == 1
    theirs.stop()
    finished = fr.run("--alone", "backup", "finish", "--yes")
    assert finished.exit == 0, finished.err
    lost = {one["origin"] for one in finished.results if "seen" in one}
    assert ORIGIN in lost
    kept = LogStates(signer.folder / LOGS)
    assert {
        origin for origin in map(kept.origin_of, kept.paths()) if kept.lost_at(origin) is not None
    } == lost


@pytest.mark.parametrize(
    ("planted", "witnessed"),
    [(2, True), (3, True), (3, False)],
    ids=["as much was planted", "more was planted", "more, and no witness saw its own"],
)
def test_a_signer_that_knows_the_true_history_lets_finishing_end(
    split_pair: tuple[Federation, Split], tmp_path: Path, planted: int, *, witnessed: bool
) -> None:
    """The folder is put back, its signer is not, and a peer followed whoever copied both."""
    pair, signer = split_pair
    fr, nl = pair.fr, pair.nl
    pair.fr_node.stop()
    signer.process.stop()
    thief, theirs = copied(fr, signer, tmp_path)
    signer.process.start()
    fr.copied(tmp_path / "monday")
    if not witnessed:
        pair.nl_node.stop()
    for number in range(2):
        import_files(fr, numbered(f"own {number}", 1))
        assert fr.done("publish")["cosigned"] == witnessed
    pair.nl_node.stop()
    for number in range(planted):
        import_files(thief, numbered(f"planted {number}", 1))
        assert thief.run("--alone", "publish").exit == 0
    asking_no_witness(nl)
    with Running(thief):
        nl.done("peer", "sync")
    theirs.stop()
    pair.nl_node = Running(nl)
    shutil.rmtree(fr.home)
    (tmp_path / "monday").rename(fr.home)
    assert fr.run("publish").exit == 2
    assert fr.run("backup", "finish", "--yes").exit == 14
    finished = fr.run("--alone", "backup", "finish", "--yes")
    assert finished.exit == 0, finished.err
    assert not (fr.home / "restored.json").exists()
    assert ORIGIN in {one["origin"] for one in finished.results if "seen" in one}
    assert LogStates(signer.folder / LOGS).lost_at(ORIGIN) is not None


def test_an_audit_log_that_its_signer_knows_otherwise_goes_on_in_another(
    split_pair: tuple[Federation, Split], tmp_path: Path
) -> None:
    """The folder comes from a copy that was used, with a signer of its own, while nobody was there to see it."""
    pair, signer = split_pair
    fr = pair.fr
    for process in (pair.fr_node, signer.process, pair.nl_node):
        process.stop()
    twin, theirs = copied(fr, signer, tmp_path)
    signer.process.start()
    for cli, names in ((fr, ("carol",)), (twin, ("dora", "emil", "fay"))):
        for name in names:
            words = ("--alone", "person", "add", name, "--role", "viewer")
            cli.done_as("alice", *words, typed=2 * passphrase_of(name))
    theirs.stop()
    twin.edit("sigfed.toml", str(theirs.folder / "socket"), str(signer.folder / "socket"))
    shutil.rmtree(fr.home)
    twin.home.rename(fr.home)
    pair.nl_node = Running(pair.nl)

    stopped = fr.run("backup", "finish", "--yes")
    assert (stopped.exit, "sigfed --alone backup finish" in stopped.err) == (14, True), stopped.err
    finished = fr.run("--alone", "backup", "finish", "--yes")
    assert finished.exit == 0, finished.err
    assert {one["origin"] for one in finished.results if "seen" in one} == {"fr.example/audit/main"}
    import_files(fr, numbered("goes on", 1))
    assert fr.done("publish")["adds"] == 2
    assert fr.run("audit", "verify").exit == 0
    assert fr.run("audit", "ls").results
    with Running(fr):
        assert pair.nl.run("peer", "sync").exit == 0
    assert accusations(pair.nl) == []


def test_a_signer_alone_is_lost_and_its_node_brings_it_forward(split_pair: tuple[Federation, Split]) -> None:
    pair, signer = split_pair
    fr = pair.fr
    older = signer.backup("signer-monday")
    publish_files(fr, numbered("of Tuesday", 2))
    size = report(fr).log.head.size
    signer.lost_and_restored(older)
    signer.process.start()
    import_files(fr, numbered("of Wednesday", 1))
    refused = fr.run("publish")
    assert (refused.exit, "restored from a backup" in refused.err) == (14, True)
    finished = fr.run("backup", "finish", "--yes")
    assert finished.exit == 0, finished.err
    assert fr.done("publish")["size"] == size + 2
    assert accusations(pair.nl) == []


@pytest.mark.parametrize("verb", ["restore", "drill"])
def test_a_backup_of_a_home_is_none_of_a_signer(waiting: Cli, verb: str) -> None:
    home, signer = backup_of(waiting), Cli(waiting.home.with_name("s"))
    refused = signer.run("signer", verb, *home)
    assert (refused.exit, "no part of a signer" in refused.err) == (14, True)
    assert not signer.home.exists()


@pytest.mark.parametrize("signer_lost", [True, False], ids=["with its signer", "alone"])
def test_a_node_from_before_a_next_root_and_a_revocation_goes_on_with_its_signer(
    split_pair: tuple[Federation, Split], *, signer_lost: bool
) -> None:
    """The signer that was not lost has the keys of that root, and of what took the place of the other."""
    pair, signer = split_pair
    fr, nl = pair.fr, pair.nl
    older = signer.backup("signer-monday")
    backup = backup_of(fr)
    fr.done("key", "rotate", "timestamp", "--yes")
    fr.done("key", "revoke", f"log-lists-{LIST}-1", "--reason", "lost", "--yes")
    nl.done("peer", "sync")
    new = lost_and_restored(pair, backup)
    brought(pair, new, "root-*.json")
    if signer_lost:
        signer.lost_and_restored(older)
        signer.process.start()
    finished = new.run("backup", "finish", "--yes")
    assert finished.exit == 0, finished.err
    import_files(new, numbered("after the restore", 3))
    new.done("publish")
    with Running(new):
        assert nl.done("peer", "sync")["adds"] == 6
        new.done("peer", "sync")
    assert new.run("doctor").exit == 0
