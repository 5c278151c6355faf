"""Mistyped names and options, homes that are not there, help, and that no secret or hash is ever an argument."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer.main

from node.cli.main import app, run
from support.agencies import LIST, numbered, table, written
from support.processes import Cli, Finished, contents

WORDS = "-".join(["babab"] * 8)
"""A fingerprint as people write it."""


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that name it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, one in inner.items():
        yield from commands(one, *path, name)


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert len((COMMANDS[words].help or "").split()) >= 4
    for parameter in COMMANDS[words].params:
        if parameter.param_type_name == "option":
            assert parameter.help, parameter.name
            assert parameter.opts[0] in shown


@pytest.mark.parametrize(
    ("words", "shows"),
    {
        "version": (["--version"], f"sigfed {version('sigfed')}\n"),
        "its short form": (["-V"], f"sigfed {version('sigfed')}\n"),
        "short help": (["-h"], " [OPTIONS] COMMAND "),
        "short help of a noun": (["entry", "-h"], " entry [OPTIONS] "),
        "short help of a command": (["entry", "import", "-h"], " entry import [OPTIONS] "),
        "help as a word": (["help"], " [OPTIONS] COMMAND "),
        "help of a noun": (["help", "entry"], " entry [OPTIONS] "),
        "help of a command": (["help", "entry", "import"], " entry import [OPTIONS] "),
    }.values(),
)
def test_what_a_newcomer_types_first(
    words: list[str], shows: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 0
    shown = capsys.readouterr()
    assert shows in shown.out
    assert shown.err == ""


def test_no_parameter_is_a_secret_or_a_hash() -> None:
    """Arguments are seen by every user of the machine: what is secret comes by file, standard input or prompt."""
    sensitive = re.compile(r"hash|digest|md5|sha|pass|secret|token|key|pin|invitation|string")
    # A folder, an address of a token.
    by_file = re.compile(r".*_file|hash_from|root_kdf|hash_profile|keys|key_at")
    found = {
        (words, parameter.name)
        for words, command in COMMANDS.items()
        for parameter in command.params
        if sensitive.search(parameter.name)
        and not by_file.fullmatch(parameter.name)
        and not getattr(parameter, "is_flag", False)
    }
    assert not found


NO_HOME = {
    ("list", "create", "csam"),
    ("entry", "import", "FILE", "--list", "csam"),
    ("entry", "withdraw", "--list", "csam", "--hash-from", "FILE", "--yes"),
    ("member", "ls"),
    ("peer", "sync"),
    ("subset", "release", "baseline"),
    ("run",),
    ("status",),
    ("doctor",),
    ("update",),
    ("check", "FILE"),
}


def test_commands_on_an_empty_home_say_how_to_make_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    file = written(tmp_path / "file.csv", table(*numbered("asked", 1)))

    def attempt(words: tuple[str, ...]) -> Finished:
        return Cli(home).run(*(file if word == "FILE" else word for word in words))

    done = {words: attempt(words) for words in sorted(NO_HOME)}
    wrong = {
        words: finished
        for words, finished in done.items()
        if (finished.exit, finished.out) != (10, "")
        or ("sigfed init" not in finished.err and "sigfed enroll" not in finished.err)
    }
    assert not wrong
    assert list(home.iterdir()) == []


BOTH_WAYS = "by a hash or by an index, not by both"
TWICE = ("--list", LIST, "--hash-from", "FILE", "--index", "0", "--yes")
ENDORSE = ("endorse", "--list", LIST, "--basis", "reviewed", "--yes")
PLACE = "nl.example/lists/csam:1"

MISTYPED: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "list to show": (2, "fr.example/lists/cams", ("list", "show", "cams")),
    "list to import into": (2, "fr.example/lists/cams", ("entry", "import", "FILE", "--list", "cams")),
    "list that exists": (2, "exists", ("list", "create", LIST)),
    "list with a bad name": (2, "small letters, digits", ("list", "create", "C S A M")),
    "index of no entry": (2, "999", ("entry", "withdraw", "--list", LIST, "--index", "999", "--yes")),
    "index below the first": (
        2,
        "greater than or equal to",
        ("entry", "withdraw", "--list", LIST, "--index", "-1", "--yes"),
    ),
    "hash and index to withdraw": (2, BOTH_WAYS, ("entry", "withdraw", *TWICE)),
    "hash and index to resolve": (2, BOTH_WAYS, ("entry", "resolve", *TWICE)),
    "hash and index to amend": (2, BOTH_WAYS, ("entry", "amend", *TWICE, "--criteria", "2")),
    "hash and index to shred": (2, BOTH_WAYS, ("entry", "shred", *TWICE, "--as", "alice")),
    "entry and peer to endorse": (2, "one with --only", (*ENDORSE, "--only", PLACE, "--from", "nl.example")),
    "entry and hash to endorse": (2, "one with --only", (*ENDORSE, "--only", PLACE, "--hash-from", "FILE")),
    "entry and collection to endorse": (
        2,
        "one with --only",
        (*ENDORSE, "--only", PLACE, "--collection", "other"),
    ),
    "entry and list to endorse": (2, "one with --only", (*ENDORSE, "--only", PLACE, "--peer-list", "other")),
    "basis to reaffirm on": (
        2,
        "a block is overruled on own knowledge alone",
        ("entry", "reaffirm", "--list", LIST, "--basis", "relies-on", "--hash-from", "FILE", "--yes"),
    ),
    "criteria": (
        2,
        "greater than or equal to",
        ("entry", "amend", "--list", LIST, "--index", "0", "--criteria", "0"),
    ),
    "hash that is not listed": (
        2,
        "not (any more) in fr.example/lists/csam",
        ("entry", "withdraw", "--list", LIST, "--hash-from", "UNLISTED", "--yes"),
    ),
    "reason": (
        2,
        "the reason is one of: error, legal, duplicate, other",
        ("entry", "withdraw", "--list", LIST, "--hash-from", "FILE", "--yes", "--reason", "eror"),
    ),
    "basis": (
        2,
        "the basis is one of: own, reviewed, relies-on",
        ("entry", "import", "FILE", "--list", LIST, "--basis", "mine"),
    ),
    "collection": (
        2,
        "no such collection",
        ("entry", "import", "FILE", "--list", LIST, "--collection", "basline"),
    ),
    "grant": (2, "no such collection", ("peer", "add", "nl.example", "--grant", "basline")),
    "end of a grant": (
        2,
        "a day is written YYYY-MM-DD",
        ("peer", "add", "nl.example", "--grant", "baseline", "--until", "31.12.2030"),
    ),
    "member to follow": (2, "nl.example", ("peer", "add", "nl.example", "--grant", "baseline")),
    "member to remove": (2, "nl.example is not a member", ("member", "remove", "nl.example", "--yes")),
    "own node to remove": (2, "a node counts itself", ("member", "remove", "fr.example", "--yes")),
    "peer to sync with": (2, "nl.example", ("peer", "sync", "nl.example")),
    "subset to release": (2, "basline", ("subset", "release", "basline")),
    "subset to invite to": (2, "basline", ("partner", "invite", "hoster", "--subset", "basline")),
    "screen of a subset": (2, "--screen-bits", ("subset", "create", "s", "--screen-bits", "99")),
    "too few fingerprint words": (
        2,
        "a fingerprint has eight words",
        ("member", "add", "https://127.0.0.1:9/", "--words", "no-such-words", "--country", "NL"),
    ),
    "a fingerprint word": (
        2,
        "mistyped words: word 8 of the fingerprint is not one of ours",
        ("member", "add", "https://127.0.0.1:9/", "--words", f"{WORDS}x", "--country", "NL"),
    ),
    "fingerprint words of evidence": (
        2,
        "a fingerprint has eight words",
        ("evidence", "verify", "FILE", "--root", "nowhere", "--document", "nowhere", "--words", "x"),
    ),
    "fingerprint words of an audit log": (
        2,
        "a fingerprint has eight words",
        ("audit", "verify", "FILE", "--words", "x"),
    ),
    "address": (2, "https", ("member", "add", "ftp://nl.example", "--words", WORDS, "--country", "NL")),
    "file to judge": (
        2,
        "cannot be read",
        ("evidence", "verify", "nowhere", "--root", "nowhere", "--document", "nowhere", "--words", "x"),
    ),
    "period": (2, "no such period", ("report", "transparency", "--period", "2026H3")),
    "period to come": (2, "has not begun", ("report", "transparency", "--period", "2099")),
    "form of a report": (
        2,
        "a report ends in",
        ("report", "transparency", "--period", "2026", "-o", "r.pdf"),
    ),
    "invitation": (14, "invitation", ("enroll", "--stdin")),
    "folder to hash": (2, "does not exist", ("hash", "nowhere")),
    "option": (2, "No such option", ("list", "ls", "--al")),
    "number": (2, "should be a valid integer", ("entry", "withdraw", "--list", LIST, "--index", "one")),
    "folder that is a node": (
        2,
        "a node, or part of one, is in this folder",
        ("init", "--node", "x.example", "--country", "FR", "--url", "https://x.example/"),
    ),
}


def test_mistyped_names_are_named_and_change_nothing(agency: Cli, tmp_path: Path) -> None:
    places = {
        "FILE": written(tmp_path / "file.csv", table(*numbered("published", 1))),
        "UNLISTED": written(tmp_path / "unlisted.csv", table(*numbered("unlisted", 1))),
    }
    before = contents(agency.home)

    def attempt(name: str) -> Finished:
        words = [places.get(word, word) for word in MISTYPED[name][2]]
        return agency.run(*words, typed="not an invitation\n")

    done = {name: attempt(name) for name in MISTYPED}
    wrong = {
        name: finished
        for name, finished in done.items()
        if (finished.exit, finished.out) != (MISTYPED[name][0], "")
        or MISTYPED[name][1] not in " ".join(finished.err.split())
    }
    assert not wrong
    assert contents(agency.home) == before
    agency.done("entry", "withdraw", "--list", LIST, "--hash-from", places["FILE"], "--yes")


NOTHING = {
    ("approval", "ls"): "no requests",
    ("guard", "benign", "ls"): "no known-benign sets",
    ("guard", "tripwire", "ls"): "no tripwires",
    ("hit", "ls"): "no reports",
    ("holders", "ls"): "no member can be asked",
    ("partner", "ls"): "no partners",
    ("passkey", "ls"): "no passkeys",
    ("peer", "ls"): "no peers",
    ("peer", "sync"): "no peers",
    ("person", "ls"): "no persons",
    ("shredding", "ls"): "no shreddings",
    ("shredding", "ls", "--open"): "no shreddings are open",
    ("subset", "ls"): "no subsets",
    ("withdrawal", "ls"): "no withdrawals",
}


def test_where_there_is_nothing_people_are_told_so_and_not_shown_an_empty_table(agency: Cli) -> None:
    def attempt(words: tuple[str, ...]) -> tuple[int, str]:
        said = agency.told(*words)
        return said.exit, (said.out + said.err).partition("\n")[0]

    assert {words: attempt(words) for words in NOTHING} == {
        words: (0, says) for words, says in NOTHING.items()
    }


def test_stopping_at_the_question_changes_nothing(agency: Cli, tmp_path: Path) -> None:
    asked = written(tmp_path / "asked.csv", table(*numbered("published", 1)))
    before = contents(agency.home)
    words = ("entry", "withdraw", "--list", LIST, "--hash-from", asked)
    finished = agency.run(*words, typed="n\n")
    assert (finished.exit, finished.out) == (130, "")
    assert "stopped; nothing was changed" in finished.err
    assert contents(agency.home) == before
    assert agency.done(*words, typed="y\n")["withdrawals"] == 2


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("--country", "FRA", "country"),
        ("--node", "no-dots", "node"),
        ("--port", "0", "port"),
        ("--profile", "medium", "profile"),
        ("--root-kdf", "none", "--root-kdf is one of: offline, online"),
        ("--passphrase-file", "nowhere", "nowhere does not exist"),
        ("--store", "mysql://host/db", "SQLite file or PostgreSQL"),
    ],
)
def test_init_refuses_what_cannot_be_a_node(tmp_path: Path, field: str, value: str, says: str) -> None:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("a long passphrase\n")
    answers = {
        "--node": "fr.example",
        "--country": "FR",
        "--url": "https://fr.example/",
        "--root-kdf": "online",
    }
    answers |= {"--passphrase-file": str(secret), "--root-passphrase-file": str(secret)}
    options = [part for pair in (answers | {field: value}).items() for part in pair]
    finished = Cli(tmp_path / "home").run("init", *options)
    assert (finished.exit, finished.out) == (2, "")
    assert says in finished.err
    assert not (tmp_path / "home").exists()


def test_a_passphrase_that_others_can_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("a long passphrase\n")
    secret.chmod(0o644)
    options = ["--node", "fr.example", "--country", "FR", "--url", "https://fr.example/"]
    finished = Cli(tmp_path / "home").run("init", *options, "--passphrase-file", str(secret))
    assert (finished.exit, finished.out) == (2, "")
    assert f"{secret} can be read by others" in finished.err
    assert f"chmod 600 {secret}" in finished.err
    assert not (tmp_path / "home").exists()


BAD_HASHES = {
    "empty": (b"", "there are no hashes in it"),
    "a header alone": (b"sha256,md5\n", "there are no hashes in it"),
    "words": (b"hello\n", "line 1 is not a hash"),
    "a short hash": (b"sha256,md5\nabcd,\n", "line 2: "),
    "two columns of one name": (b"md5,md5\n", "one column twice"),
    "a picture": (b"\x89PNG\r\n\x1a\n\xff", "line 1 is not a hash"),
}
ASKING = [
    ("entry", "amend", "--list", LIST, "--hash-profile", "pdq/1/full"),
    ("entry", "dispute", "--list", LIST, "--yes"),
    ("entry", "explain"),
    ("entry", "holders"),
    ("entry", "reaffirm", "--list", LIST, "--basis", "own", "--yes"),
    ("entry", "resolve", "--list", LIST, "--yes"),
    ("entry", "withdraw", "--list", LIST, "--reason", "error", "--yes"),
    ("grant", "explain"),
    ("guard", "tripwire", "add"),
]


@pytest.mark.parametrize("bad", BAD_HASHES)
@pytest.mark.parametrize("words", ASKING, ids=lambda words: " ".join(words[:2]))
def test_a_file_without_hashes_is_refused_by_all_that_read_some(
    agency: Cli, tmp_path: Path, words: tuple[str, ...], bad: str
) -> None:
    content, says = BAD_HASHES[bad]
    agency.refused(2, says, *words, "--hash-from", written(tmp_path / "bad", content))
