"""Homes with something wrong in them, a full disk, and commands that are interrupted or killed in the middle."""

import resource
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from node.home import Home
from node.store import driver
from support.agencies import LIST, PASSPHRASE, found_agency, import_files, numbered, report, table, written
from support.processes import Cli, contents

PASSPHRASE_FILE = "fr-passphrase"


def own_passphrase(agency: Cli, text: str) -> None:
    """Give the copied home a passphrase file of its own."""
    path = agency.home / PASSPHRASE_FILE
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    (config,) = [
        line for line in (agency.home / "sigfed.toml").read_text().splitlines() if line.startswith("pass")
    ]
    agency.edit("sigfed.toml", config, f'passphrase_file = "{path}"')


def test_a_wrong_passphrase(waiting: Cli) -> None:
    own_passphrase(waiting, "not the passphrase")
    finished = waiting.refused(12, "passphrase", "publish")
    assert "not the passphrase" not in finished.err
    assert waiting.told("doctor").exit == 2
    (waiting.home / PASSPHRASE_FILE).write_text(PASSPHRASE + "\n")
    assert waiting.done("publish")["adds"] == 4


def test_a_passphrase_file_that_is_gone(waiting: Cli) -> None:
    own_passphrase(waiting, PASSPHRASE)
    (waiting.home / PASSPHRASE_FILE).rename(waiting.home / "moved")
    waiting.refused(2, f"{waiting.home / PASSPHRASE_FILE} does not exist", "publish")
    (waiting.home / "moved").rename(waiting.home / PASSPHRASE_FILE)
    assert waiting.done("publish")["adds"] == 4


def test_where_what_was_signed_cannot_be_read_nothing_is_signed_and_all_else_is_told(waiting: Cli) -> None:
    for state in (waiting.home / "signer").glob("*.json"):
        state.write_bytes(state.read_bytes()[:-9])
    waiting.refused(2, "the signer's state of", "publish")
    assert {waiting.run(*words).exit for words in (["status"], ["list", "ls"], ["witness", "ls"])} == {0}
    assert waiting.told("doctor").exit == 2


LOG_KEY = f"keys/log-lists-{LIST}-1.json"
SPOILT: dict[str, tuple[str, Callable[[bytes], bytes | None], int, str]] = {
    "misspelt setting": (
        "sigfed.toml",
        lambda data: data.replace(b"max_adds_per_day", b"max_ads_per_day"),
        2,
        "guards.max_ads_per_day",
    ),
    "configuration not TOML": ("sigfed.toml", lambda data: data.replace(b'"', b""), 2, "line 1"),
    "configuration not UTF-8": (
        "sigfed.toml",
        lambda data: data + b"# \xe9",
        2,
        "sigfed.toml cannot be read",
    ),
    "database overwritten": ("sigfed.db", lambda data: b"not a database" * 1000, 2, "the database"),
    "database damaged inside": (
        "sigfed.db",
        lambda data: data[:4096] + b"\x5a" * (len(data) - 4096),
        2,
        "the database",
    ),
    "database gone": ("sigfed.db", lambda data: None, 10, "there is no store at this address"),
    "changes gone": ("objects/pending/*/*", lambda data: None, 2, "is missing"),
    "changes damaged": ("objects/pending/*/*", lambda data: data[:-1] + bytes([data[-1] ^ 1]), 2, "object"),
    "root gone": ("trust/1.root.json", lambda data: None, 10, "has no root"),
}
"""What is damaged, how, and with which code and words the next command that needs it ends."""
SPOILT_KEYS: dict[str, tuple[Callable[[bytes], bytes | None], int, str]] = {
    "cut off": (lambda data: data[:-40], 2, "key file"),
    "altered": (lambda data: data.replace(b"fr.example", b"nl.example"), 12, "passphrase"),
    "gone": (lambda data: None, 2, f"log-lists-{LIST}-1.json does not exist"),
}


def spoil_file(path: Path, spoil: Callable[[bytes], bytes | None]) -> None:
    """Damage a file, or remove it."""
    spoilt = spoil(path.read_bytes())
    if spoilt is None:
        path.unlink()
    else:
        path.write_bytes(spoilt)


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_home_is_refused_and_untouched(queued: Cli, waiting: Cli, name: str) -> None:
    pattern, spoil, code, says = SPOILT[name]
    places = list(waiting.home.glob(pattern))
    assert places
    for path in places:
        spoil_file(path, spoil)
    finished = waiting.refused(code, says, "publish")
    assert len(finished.err) < 1000
    for path in places:
        path.write_bytes((queued.home / path.relative_to(waiting.home)).read_bytes())
    assert contents(waiting.home) == contents(queued.home), "what is mended is as it was"


@pytest.mark.parametrize("name", SPOILT_KEYS)
def test_without_its_key_nothing_is_published(queued: Cli, waiting: Cli, name: str) -> None:
    spoil, code, says = SPOILT_KEYS[name]
    spoil_file(waiting.home / LOG_KEY, spoil)
    finished = waiting.run("publish")
    assert (finished.exit, finished.out) == (code, "")
    assert says in finished.err
    held = report(waiting)
    assert (held.log.head.size, held.waiting) == (6, 4)
    shutil.copy2(queued.home / LOG_KEY, waiting.home / LOG_KEY)
    assert waiting.done("publish")["adds"] == 4


def test_a_database_that_somebody_writes_for_long_is_told_of(
    agency: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while it is written anew, which takes minutes of a large one."""
    monkeypatch.setattr(driver, "_BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(agency.home / "sigfed.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = agency.run("list", "create", "second")
    assert (done.exit, done.out) == (11, "")
    assert "the store is in use by another process" in done.err
    assert "try again" in done.err


def test_doctor_finds_what_is_gone(waiting: Cli) -> None:
    (waiting.home / LOG_KEY).unlink()
    for path in waiting.home.glob("objects/pending/*/*"):
        path.unlink()
    before = contents(waiting.home)
    finished = waiting.run("doctor")
    assert finished.exit == 2
    failed = [(one["words"], one["step"]) for one in finished.results if one["health"] == "fail"]
    assert failed == [
        (f"the key of fr.example/lists/{LIST} is gone", "restore keys/ from a backup"),
        (f"1 objects of fr.example/lists/{LIST} are gone", "restore objects/ from a backup"),
    ]
    assert contents(waiting.home) == before


REPLACED = "is not the one that this node was founded with"


def test_a_root_that_was_altered(agency: Cli) -> None:
    spoil_file(agency.home / "trust/1.root.json", lambda data: data[:-1])
    agency.refused(14, REPLACED, "member", "ls")
    agency.refused(14, REPLACED, "doctor")


def test_a_root_that_was_replaced_by_another_in_order(agency: Cli, tmp_path: Path) -> None:
    """All trust files of a node of the same name: each verifies under the others."""
    (tmp_path / "thief").mkdir()
    thief = found_agency(tmp_path / "thief", name="fr", country="FR")
    for name in ("1.root.json", "node.json", "members.json"):
        shutil.copy2(thief.home / "trust" / name, agency.home / "trust" / name)
    agency.refused(14, REPLACED, "member", "ls")
    agency.refused(14, REPLACED, "run")


def test_a_configuration_that_does_not_name_the_root_works_and_is_mended(agency: Cli) -> None:
    written = (agency.home / "sigfed.toml").read_text()
    (line,) = [line for line in written.splitlines(keepends=True) if line.startswith("root_sha256")]
    agency.edit("sigfed.toml", line, "")
    assert agency.done("list", "ls")
    (warned,) = [one for one in agency.run("doctor").results if one["check"] == "root"]
    assert warned["health"] == "warn"
    assert line.strip() in warned["step"]


def test_an_untouched_home_publishes(waiting: Cli) -> None:
    """What every spoilt home above is again, once it is mended."""
    assert waiting.done("publish") == {
        "origin": f"fr.example/lists/{LIST}",
        "size": 10,
        "adds": 4,
        "withdrawals": 0,
        "others": 0,
        "cosigned": 0,
        "missing": 0,
    }


def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let children run without coverage: what measures a process fails with its disk and waits on its signals."""
    for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "command",
    [("publish",), ("list", "create", "other"), ("entry", "import", "FILE", "--list", LIST)],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_full_disk(
    waiting: Cli, tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that may not grow stand for it: every account can make that, and writes fail the same way."""
    unmeasured(monkeypatch)
    before = contents(waiting.home)
    arguments = [
        written(tmp_path / "new.csv", table(*numbered("new", 2000))) if w == "FILE" else w for w in command
    ]
    limit = (100, resource.RLIM_INFINITY)
    finished = waiting.run(*arguments, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert (finished.exit, finished.out) == (2, "")
    assert finished.err.startswith("sigfed: ")
    assert contents(waiting.home) == before
    waiting.done(*arguments)


def test_an_import_that_is_interrupted_has_not_happened(
    agency: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmeasured(monkeypatch)
    before = contents(agency.home)
    path = written(tmp_path / "new.csv", table(*numbered("many", 2000)))
    words = ("entry", "import", path, "--list", LIST, "--basis", "own")
    agency.interrupted("node.lists.queue:Queue.list_digests 0", *words)
    assert contents(agency.home) == before


@pytest.mark.parametrize("place", ["objects", "commit"])
def test_an_import_that_is_killed_is_done_once_by_the_next(agency: Cli, tmp_path: Path, place: str) -> None:
    words = ("entry", "import", written(tmp_path / "f.csv", table(*numbered("new", 5))), "--list", LIST)
    agency.killed(place, *words)
    assert agency.done(*words)["accepted"] == 5
    assert report(agency).waiting == 10
    assert agency.done("publish")["adds"] == 10


def test_the_note_of_what_was_killed_before_it_began_is_swept(waiting: Cli) -> None:
    waiting.killed("pathlib:Path.rename 1", "guard", "tripwire", "remove", "1")
    notes = waiting.home / "audit-gaps"
    assert len([*notes.iterdir()]) == 1
    assert Home(waiting.home).sweep() == 1
    assert not [*notes.iterdir()]


@pytest.mark.parametrize("place", ["objects", "signature"])
def test_a_publication_that_is_killed_is_finished_by_the_next(waiting: Cli, place: str) -> None:
    waiting.killed(place, "publish")
    assert report(waiting).log.head.size == 6, "nothing is published that is not signed and stored"
    import_files(waiting, numbered("after", 1))
    assert waiting.done("publish")["size"] == 12
    assert waiting.done("publish")["adds"] == 0
    held = report(waiting)
    assert (held.waiting, sum(held.active.values())) == (0, 12)
