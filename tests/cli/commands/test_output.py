"""What every command prints: JSON lines alone on standard output, and no secret or hash where it was not asked for.

All commands are run once, as talkative as they can be. What they and the running nodes said is searched for the hashes
and secrets concerned, in any spelling; what is visible of the processes (arguments, environment) too.
"""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import md5, sha256
from pathlib import Path

import pytest
import typer.main

from keys.key import AuthPrivateKey
from keys.roles import Role
from node.cli.main import app
from node.clock import SystemClock
from node.home import Home
from node.identity.identity import open_identity
from support.agencies import (
    BOTH,
    LIST,
    PASSPHRASE,
    ROOT_PASSPHRASE,
    SINGLE,
    SUBSET,
    UNLISTED,
    Federation,
    lawful_table,
    numbered,
    table,
    written,
)
from support.cli_reference import commands, notes, shapes
from support.digest_search import DigestSearch
from support.disclosed import pictures_in
from support.federated import federated
from support.memory import shown_of
from support.processes import ROOT, Cli, Finished, Running

FILES = (BOTH, SINGLE, UNLISTED, *numbered("printed", 4))
ASK_MORE = ("peer", "grant", "nl.example", "--grant", "baseline,national", "--as", "alice")
REJECT = ("approval", "reject", "--reason", "not asked for")
HOLDERS = ("entry", "holders", "--hash-from", "-")
ELSEWHERE = {
    ("agent",),
    ("console", "run"),
    ("icap",),
    ("demo",),
    ("run",),
    ("evidence", "verify"),
    ("signer", "backup"),
    ("signer", "drill"),
    ("signer", "join"),
    ("signer", "refer"),
    ("signer", "restore"),
    ("signer", "run"),
    ("signer", "show"),
    ("signer", "split"),
    ("store", "move"),
}
"""Commands that are not run here: the demonstration, the signer process and buckets have their own tests, nodes run
already, evidence needs a culprit."""


def all_commands() -> set[tuple[str, ...]]:
    """The words of every command."""
    found = set()

    def walk(command: object, words: tuple[str, ...]) -> None:
        inner: Mapping[str, object] | None = getattr(command, "commands", None)
        if inner is None:
            found.add(words)
        for name, one in (inner or {}).items():
            walk(one, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A command that was run, and what it printed."""

    words: tuple[str, ...]
    finished: Finished


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """One of its own: everything is done to it, and others may have shown its peers another history."""
    with federated(tmp_path_factory.mktemp("federation")) as made:
        yield made


@pytest.fixture(scope="module")
def typed(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> list[Typed]:
    """Every command once."""
    return list(_type_all(federation, tmp_path_factory.mktemp("typed")))


def _type_all(federation: Federation, folder: Path) -> Iterator[Typed]:
    fr, partner, files = federation.fr, federation.partner, federation.files

    def run(cli: Cli, *words: str, typed: str = "", code: int = 0) -> Typed:
        finished = cli.run("-vv", *words, typed=typed)
        assert finished.exit == code, (words, finished.err)
        return Typed(words=words, finished=finished)

    asked = written(folder / "asked.csv", table(BOTH, SINGLE))
    new = written(folder / "new.csv", table(*numbered("printed", 4)))
    wrong = written(folder / "wrong.csv", table(UNLISTED)[:-20])
    yield run(Cli(folder / "be"), "init", *_answers(federation, folder))
    yield run(fr, "list", "create", "other")
    yield run(fr, "entry", "import", new, "--list", "other", "--basis", "own")
    yield run(fr, "entry", "import", wrong, "--list", "other", "--dry-run", code=3)
    yield run(fr, "entry", "explain", "--hash-from", asked)
    yield run(fr, "entry", "amend", "--list", "other", "--index", "7", "--review-by", "2030-01-31")
    yield run(fr, "publish")
    yield run(
        fr, "entry", "withdraw", "--list", "other", "--hash-from", "-", "--yes", typed=_hexes("printed 0")
    )
    yield from _analysts_acts(fr, run)
    yield run(fr, "endorse", "--from", "nl.example", "--list", LIST, "--basis", "relies-on")
    yield run(fr, "list", "ls")
    yield run(fr, "criteria", "set", "baseline", written(folder / "criteria.md", "# Baseline\n"))
    yield run(fr, "criteria", "show", "baseline")
    yield run(fr, "criteria", "ls")
    yield run(fr, "list", "show", "other")
    yield run(fr, "member", "ls")
    yield run(fr, "member", "add", *_introduction(federation), code=2)
    for person in ("alice", "bruno"):
        yield run(fr, "person", "add", person, typed=_typed(person, person))
    yield run(fr, *ASK_MORE, typed=_typed("alice"))
    yield run(fr, "approval", "ls")
    yield run(fr, "approval", "show", "1")
    yield run(fr, "approval", "approve", "1", "--as", "bruno", typed=_typed("bruno"))
    yield run(fr, "person", "reset", "bruno", "--as", "alice", typed=_typed("alice", "bruno", "bruno"))
    yield run(fr, *REJECT, "2", "--as", "bruno", typed=_typed("bruno"))
    yield run(fr, "person", "remove", "alice", "--as", "bruno", typed=_typed("bruno"), code=2)
    yield from _recipients(fr, run)
    yield run(fr, "person", "ls")
    yield run(fr, "person", "token", "alice")
    yield run(fr, "passkey", "ls")
    yield run(fr, "passkey", "remove", "1", code=2)
    yield from _of_liars(fr, run, folder)
    yield from _guards(fr, run, folder)
    yield run(fr, "audit", "start")
    yield run(fr, "audit", "ls", "--action", "list")
    yield run(fr, "audit", "show", "0")
    yield run(fr, "audit", "verify")
    yield run(fr, "audit", "export", "-o", str(folder / "audit.jsonl"))
    yield from _backups(fr, run, folder)
    yield run(fr, "peer", "remove", "nl.example")
    yield run(fr, "peer", "add", "nl.example", "--grant", "baseline")
    yield run(fr, "peer", "ls")
    yield run(fr, "peer", "sync")
    yield run(fr, "subset", "create", "second")
    yield run(fr, "subset", "release", "second")
    yield run(fr, "subset", "ls")
    invited = run(fr, "partner", "invite", "second", "--subset", SUBSET)
    yield invited
    yield run(fr, "partner", "ls")
    yield run(fr, "status")
    yield run(fr, "doctor")
    yield run(fr, "hash", files["both"])
    yield run(Cli(folder / "second"), "enroll", typed=invited.finished.first["invitation"] + "\n")
    yield run(fr, "partner", "suspend", "second")
    yield run(fr, "partner", "resume", "second")
    yield run(fr, "partner", "quota", "second", "--files-per-day", "10")
    with pictures_in(fr, SUBSET):
        yield run(fr, "partner", "disclose", "second", "--values-per-day", "0")
    yield run(partner, "update")
    yield run(partner, "renew")
    yield run(partner, "check", *files.values(), code=1)
    yield run(partner, "check", "--hash-from", asked, code=1)
    yield run(partner, "disclose", *files.values(), code=2)
    yield run(partner, "scan", str(folder), *files.values(), code=1)
    yield run(partner, "status")
    yield run(partner, "console", "token", "Alice", "--role", "viewer")
    yield from _of_hits(fr, partner, run, folder)
    yield from _of_proposals(fr, partner, run, folder)
    fetched = written(folder / "fetched", '{"digests":0}\n')
    value = f"pdq:{sha256(b'a picture').hexdigest()}\n"
    yield run(Cli(folder / "hotline"), "recipient", "near", fetched, "--hash-from", "-", typed=value)
    yield from _of_other_agencies(federation, run, folder)
    yield from _of_holders(fr, run, folder)


def _of_hits(fr: Cli, partner: Cli, run: Callable[..., Typed], folder: Path) -> Iterator[Typed]:
    """One hit, from the report to the answer of a dispute."""
    found = run(partner, "hit", "ls")
    yield found
    hit = found.finished.first["hit"]
    yield run(partner, "hit", "report", "--all")
    yield run(partner, "hit", "evidence", hit, "-o", str(folder / "hit.evidence"))
    yield run(partner, "hit", "dispute", hit, "--reason", "our logo")
    yield run(fr, "hit", "ls")
    yield run(fr, "hit", "show", hit)
    yield run(fr, "case", "ls")
    yield run(fr, "case", "show", hit)
    yield run(fr, "report", "transparency", "--period", str(SystemClock().now().year))
    yield run(fr, "status")
    yield run(fr, "case", "answer", hit, "--outcome", "rejected", "--reason", "it is not", "--yes")
    yield run(partner, "hit", "show", hit)
    yield run(partner, "hit", "resolve", hit, "--action", "removed")
    yield run(fr, "hit", "show", hit)
    yield run(fr, "hit", "precision")
    for cli in (fr, partner):
        yield run(cli, "hit", "hold", hit)
        yield run(cli, "hit", "unhold", hit)
        yield run(cli, "hit", "purge")
    yield run(fr, "hit", "close", hit)


def _of_proposals(fr: Cli, partner: Cli, run: Callable[..., Typed], folder: Path) -> Iterator[Typed]:
    """One file taken up, one refused, one taken back."""
    new = written(folder / "proposed.csv", table(*numbered("printed", 3)))
    told = ("--reason", "found by us", "--contact", "abuse@hoster.example", "--collection", "baseline")
    proposed = run(partner, "propose", "--from", new, *told, "--yes")
    yield proposed
    proposal = proposed.finished.first["proposal"]
    where = ("--list", "other", "--collection", "baseline", "--basis", "reviewed", "--file", "1")
    yield run(partner, "proposal", "ls")
    yield run(partner, "proposal", "send", "--all")
    yield run(fr, "proposal", "ls")
    yield run(fr, "proposal", "show", proposal)
    yield run(fr, "proposal", "take", proposal, *where, "--yes")
    yield run(fr, "proposal", "refuse", proposal, "--file", "2", "--reason", "an advertisement")
    yield run(partner, "proposal", "withdraw", proposal)
    yield run(partner, "proposal", "show", proposal)


def _of_holders(fr: Cli, run: Callable[..., Typed], folder: Path) -> Iterator[Typed]:
    """Keys that people hold, and what these sign elsewhere."""
    proposal, keys = str(folder / "proposal"), fr.home / "keys/offline"
    passphrase = str(fr.home.with_name("fr-root-passphrase"))
    made = ("--node", "fr.example", "--keys", str(folder / "stick"), "--passphrase-file", passphrase)
    yield run(fr, "key", "holder", "new", "3", *made)
    yield run(fr, "key", "rehearse")
    ceremony = written(folder / "ceremony.toml", (ROOT / "docs/examples/ceremony.toml").read_bytes())
    yield run(fr, "key", "ceremony", ceremony, "--rehearse", typed="y\n" * 6)
    yield run(fr, "key", "propose", proposal, "--holder", str(folder / "stick/holder-3.card"))
    yield run(fr, "key", "changes", proposal)
    yield run(fr, "key", "sign", proposal, "--keys", str(keys), "--passphrase-file", passphrase, "--yes")
    yield run(fr, "key", "publish", proposal, "--yes")


def _of_other_agencies(federation: Federation, run: Callable[..., Typed], folder: Path) -> Iterator[Typed]:
    """Witnesses, what peers apply, what is carried to them, and what they are asked."""
    fr = federation.fr
    yield run(fr, "witness", "ask")
    yield run(fr, "witness", "ls")
    yield run(fr, "withdrawal", "ls")
    shred = ("entry", "shred", "--list", "other", "--index", "7", "--as", "alice", "--yes")
    asked = run(fr, *shred, typed=_typed("alice"))
    yield asked
    yield run(fr, *REJECT, str(asked.finished.first["approval"]), "--as", "bruno", typed=_typed("bruno"))
    single = written(folder / "single.txt", sha256(SINGLE).hexdigest())
    yield run(fr, "entry", "readmit", "--hash-from", single, "--as", "alice", typed=_typed("alice"), code=2)
    yield run(fr, "shredding", "ls")
    yield run(fr, "contact", "duty desk")
    yield run(fr, "holders", "join", "--stdin", typed=federation.invitation + "\n", code=2)
    yield run(fr, "holders", "ls")
    yield run(fr, *HOLDERS, typed=_hexes("asked"))
    yield run(fr, "transfer", "introduce", str(folder / "introduction"))
    yield run(fr, "transfer", "export", "--for", "nl.example", "--to", str(folder / "carried"))
    yield run(federation.nl, "transfer", "held", "fr.example")
    yield run(fr, "key", "status")
    yield run(fr, "key", "advance")
    rotated = run(fr, "key", "rotate", "statement")
    yield rotated
    yield run(fr, "key", "allow", rotated.finished.first["key"])
    yield run(federation.nl, "transfer", "import", str(folder / "carried"), "--from", "fr.example")
    stolen = ("log-lists-other-1", "--reason", "compromise", "--last-good", "0", "--yes")
    yield run(fr, "key", "revoke", *stolen)
    yield run(fr, "key", "resume", "other", code=2)


def _backups(fr: Cli, run: Callable[..., Typed], folder: Path) -> Iterator[Typed]:
    secret, backup = folder / "backup-passphrase", str(folder / "backup")
    secret.touch(mode=0o600)
    secret.write_text("made-up words for backups\n")
    opened = ("--passphrase-file", str(secret))
    yield run(fr, "backup", "create", backup, *opened, "--kdf", "online")
    yield run(fr, "backup", "verify", backup, *opened)
    yield run(fr, "backup", "drill", backup, *opened)
    yield run(Cli(folder / "restored"), "backup", "restore", backup, *opened)
    yield run(Cli(folder / "restored"), "backup", "finish", "--yes", code=2)  # no holder is there


def _of_liars(fr: Cli, run: Callable[..., Typed], folder: Path) -> Iterator[Typed]:
    """Nobody lied: there is nothing to let in, to hand on, or to remove."""
    release = ("quarantine", "release", "99", "--reason", "explained", "--as", "alice")
    yield run(fr, "evidence", "ls")
    yield run(fr, "evidence", "show", "0123456789", code=2)
    yield run(fr, "evidence", "export", "0123456789", str(folder / "evidence"), code=2)
    yield run(fr, "quarantine", "ls")
    yield run(fr, "quarantine", "show", "99", code=2)
    yield run(fr, *release, typed=_typed("alice"), code=2)
    yield run(fr, "member", "remove", "nobody.example", "--yes", code=2)


def _guards(fr: Cli, run: Callable[..., Typed], folder: Path) -> Iterator[Typed]:
    """What is compared with, and taken back."""
    lawful = written(folder / "lawful.csv", lawful_table(*numbered("lawful", 2)) + "\n,\n")
    yield run(fr, "guard", "benign", "add", lawful, code=3)
    yield run(fr, "guard", "benign", "ls")
    yield run(fr, "guard", "benign", "remove", "lawful")
    yield run(fr, "guard", "tripwire", "add", "--hash-from", "-", "--note", "a logo", typed=_hexes("logo"))
    yield run(fr, "guard", "tripwire", "ls")
    yield run(fr, "guard", "tripwire", "remove", "1")
    yield run(fr, "grant", "ls")
    yield run(fr, "grant", "explain", "--hash-from", "-", typed=sha256(BOTH).hexdigest() + "\n")
    yield run(fr, "grant", "diff", "nl.example", "--grant", "national", "--algorithms", "md5,sha256")


def _recipients(fr: Cli, run: Callable[..., Typed]) -> Iterator[Typed]:
    """From the request to the end."""
    until = ("--until", str(SystemClock().now().date() + timedelta(days=100)))
    asked = ("recipient", "add", "hotline", "--grant", "baseline", *until, "--purpose", "a scanner")
    added = run(fr, *asked, "--as", "alice", typed=_typed("alice"))
    yield added
    number = str(added.finished.first["approval"])
    yield run(fr, "approval", "approve", number, "--as", "bruno", typed=_typed("bruno"))
    yield run(fr, "recipient", "key", "hotline")
    yield run(fr, "recipient", "suspend", "hotline")
    yield run(fr, "recipient", "resume", "hotline")
    yield run(fr, "recipient", "grant", "hotline", "--grant", "baseline", *until, "--algorithms", "md5")
    yield run(fr, "recipient", "ls")
    yield run(fr, "recipient", "remove", "hotline")


def _analysts_acts(fr: Cli, run: Callable[..., Typed]) -> Iterator[Typed]:
    """What leaves the lists as they were."""
    of_single = ("--list", "other", "--hash-from", "-", "--yes")
    single = sha256(SINGLE).hexdigest() + "\n"
    yield run(fr, "review", "ls")
    yield run(fr, "review", "show", f"nl.example/lists/{LIST}:2")
    yield run(fr, "review", "due", "--days", "36500")
    yield run(fr, "entry", "dispute", *of_single, typed=single)
    yield run(fr, "entry", "resolve", *of_single, typed=single)
    yield run(fr, "entry", "reaffirm", *of_single, "--basis", "reviewed", typed=single, code=2)


def _answers(federation: Federation, folder: Path) -> list[str]:
    secrets = federation.folder / "fr-passphrase", federation.folder / "fr-root-passphrase"
    answers = [
        "--node",
        "be.example",
        "--country",
        "BE",
        "--url",
        "https://be.example/",
        "--root-kdf",
        "online",
    ]
    return [*answers, "--passphrase-file", str(secrets[0]), "--root-passphrase-file", str(secrets[1])]


def _introduction(federation: Federation) -> tuple[str, ...]:
    words = federation.nl.done("member", "ls")["fingerprint"]
    url = open_identity(Home(federation.nl.home)).settings.listen.url
    return (url, "--country", "NL", "--words", words)


def _typed(*persons: str) -> str:
    return "".join(f"the passphrase of {person}\n" for person in persons)


def _hexes(text: str) -> str:
    return sha256(text.encode()).hexdigest() + "\n"


def test_every_command_is_run_here(typed: list[Typed]) -> None:
    run = {words for one in typed for words in (one.words[:1], one.words[:2], one.words[:3])}
    assert all_commands() - ELSEWHERE - run == set()


def test_results_are_json_lines_and_nothing_else(typed: list[Typed]) -> None:
    for one in typed:
        if one.words[0] == "hash":
            continue  # its result is a table, whoever asks
        for line in one.finished.out.splitlines():
            assert isinstance(json.loads(line), dict), one.words
        silent = one.words[1:] == ("ls",) or one.words == HOLDERS
        nothing = one.finished.exit in {2, 14} or (silent and not one.finished.out)
        assert nothing or one.finished.out.endswith("\n"), one.words
        assert "next:" not in one.finished.err


def test_results_have_the_fields_that_the_reference_shows_for_the_command(typed: list[Typed]) -> None:
    said, known = notes(), commands()
    undocumented: dict[str, list[str]] = {}
    for one in typed:
        words = next(words for n in (3, 2, 1) if (words := f"sigfed {' '.join(one.words[:n])}") in known)
        shown = shapes(words, said)
        if one.words[0] == "hash":
            continue
        for result in one.finished.results:
            if frozenset(result) not in shown:
                undocumented.setdefault(words, []).append(json.dumps(result, separators=(",", ":")))
    assert not undocumented, "\n".join(
        f"{words}: {line}" for words in undocumented for line in undocumented[words]
    )


def secrets_of(federation: Federation) -> list[bytes]:
    """Private keys of all three parties."""
    found = []
    for cli in (federation.fr, federation.nl):
        identity = open_identity(Home(cli.home))
        for role in Role:
            found += [identity.keychain.secret(role, label) for label in identity.keychain.labels(role)]
        roots = identity.root_keychain
        found += [roots.secret(Role.ROOT, label) for label in roots.labels(Role.ROOT)]
    key = (federation.partner.home / "partner" / "auth.key").read_text()
    return [*found, AuthPrivateKey.from_text(key).seed]


def search(federation: Federation, *, hashes: bool) -> DigestSearch:
    """Looks for the parties' keys, and for the hashes of all files concerned."""
    digests = [make(file).digest() for file in FILES for make in (md5, sha256)] if hashes else []
    return DigestSearch([*secrets_of(federation), *digests])


def check_text(federation: Federation, text: bytes) -> None:
    """No passphrase, token or invitation is in `text`."""
    assert PASSPHRASE.encode() not in text
    assert b"the passphrase of" not in text
    assert ROOT_PASSPHRASE.encode() not in text
    assert not re.search(rb"eyJ[\w-]{8,}\.[\w-]{8,}", text), "a token"
    assert federation.invitation.split("#")[1].encode() not in text
    assert not re.search(rb"sfr_[\w-]{8,}", text), "a recipient's key"


def test_nothing_is_printed_that_was_not_asked_for(typed: list[Typed], federation: Federation) -> None:
    looking = search(federation, hashes=True)
    asked_for = {("hash",), ("partner", "invite"), ("recipient", "key")}
    invitation = next(one for one in typed if one.words[:2] == ("partner", "invite")).finished.first[
        "invitation"
    ]
    for one in typed:
        said = one.finished.err.encode()
        if one.words[:1] not in asked_for and one.words[:2] not in asked_for:
            said += one.finished.out.encode()
        assert not looking.sightings(said, " ".join(one.words))
        check_text(federation, said)
        assert invitation.split("#")[1].encode() not in said, one.words


def test_the_audit_log_holds_nothing_secret(
    typed: list[Typed], federation: Federation, tmp_path: Path
) -> None:
    assert typed
    looking = search(federation, hashes=True)
    export = tmp_path / "audit.jsonl"
    federation.fr.done("audit", "export", "-o", str(export))
    records = [json.loads(line) for line in export.read_text().splitlines()[1:]]
    told = b"".join(b64decode(record["record"]) for record in records)
    assert {
        "list.create",
        "entry.withdraw",
        "person.add",
        "approval.approve",
        "peer.grant",
        "partner.invite",
        "recipient.add",
        "recipient.key",
    } <= {record["action"] for record in records}
    assert not looking.sightings(told, "audit log")
    check_text(federation, told)
    invited = next(one for one in typed if one.words[:2] == ("partner", "invite"))
    assert invited.finished.first["invitation"].split("#")[1].encode() not in told


def test_the_journals_of_running_nodes_hold_nothing_secret(
    typed: list[Typed], federation: Federation
) -> None:
    assert typed
    looking = search(federation, hashes=True)
    for node in (federation.fr_node, federation.nl_node):
        journal = node.journal.read_bytes()
        assert b"serving" in journal
        assert b"DEBUG" in journal or b"INFO" in journal
        assert not looking.sightings(journal, node.journal.name)
        check_text(federation, journal)


def test_a_planted_secret_is_found(federation: Federation) -> None:
    looking = search(federation, hashes=True)
    secret = secrets_of(federation)[0]
    assert looking.sightings(b"key=" + secret.hex().encode(), "planted")
    with pytest.raises(AssertionError):
        check_text(federation, f"passphrase={PASSPHRASE}".encode())
    with pytest.raises(AssertionError):
        check_text(federation, federation.invitation.encode())
    with pytest.raises(AssertionError):
        check_text(federation, b"the key sfr_" + b"x" * 43)


def processes(pid: int) -> Iterator[int]:
    """A process and those it started."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from processes(int(child))


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc (Linux)")
def test_processes_show_no_secret(federation: Federation) -> None:
    looking = search(federation, hashes=True)
    federation.fr_node.stop()
    federation.fr_node = Running(federation.fr, apart=True)  # a fork would show what it was forked from
    pids = list(processes(federation.fr_node.process.pid))
    assert len(pids) > 1, "the evaluator is a process of its own"
    for pid in pids:
        shown = shown_of(pid)
        assert not looking.sightings(shown, "arguments and environment")
        check_text(federation, shown)
