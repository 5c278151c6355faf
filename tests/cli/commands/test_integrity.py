"""`sigfed doctor --deep` names a wrong byte in any file that something vouches for: of a node, a signer, a partner."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from itertools import cycle, product
from pathlib import Path

import pytest

from keys.key import TokenPrivateKey
from node.files import create_private
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.hits.homes import unconfirmed_files
from node.hoster.store.database import FILE, PartnerStore
from node.hoster.store.kinds import Kind
from node.identity.identity import open_identity
from node.rotation import proposals
from node.rotation.store import write_store
from node.signing.process.restore_mark import RestoreMark
from node.signing.reference import Reference
from protocol.digest import Algorithm, Digest
from support.agencies import (
    LIST,
    SUBSET,
    Federation,
    import_files,
    lawful_table,
    numbered,
    publish_files,
    table,
    written,
)
from support.copies import let_go_on
from support.partner_rows import bodies
from support.processes import Cli
from support.sizes import THOROUGH

PLACES = {"start": 0.0, "middle": 0.5, "end": 1.0}
AT_ONCE = 16
"""Wrong bytes that one look must name."""
ELSEWHERE = "keys/token-elsewhere.json"
"""Says where a key lies."""
CLIENT = r"((allowance|state)\.json|access\.token|scan\.db)"
PLAIN = re.compile(
    r"fr/(sigfed\.toml|sigfed\.db|members/[^/]+/url|objects/(gossip|sweeps|reviews-due)/.*|proposals/.*)"
    rf"|fr/holders/[0-9a-f]+/partner/{CLIENT}"
    rf"|partner/(partner|followed/[^/]+)/{CLIENT}"
    rf"|signer/(signer\.toml|{ELSEWHERE})"
)
"""What nothing vouches for: `doctor` says that it cannot check it."""
SEALED = ("reviews/made-up", "staging/made-up", "recipients/made-up")
"""Kinds of objects of which this agency has none."""
EXPORT = Path(__file__).parents[3] / "docs/examples/icse-export.csv"


@pytest.fixture(scope="module")
def homes(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cli]:
    """An agency, a signer and a hoster that have something of every kind."""
    folder = tmp_path_factory.mktemp("whole")
    partner = hoster(federation, folder)
    fr = agency(federation, folder)
    shutil.copytree(partner.home / "partner", fr.home / "holders" / ("ab" * 32) / "partner")
    shutil.copytree(partner.home / "partner", partner.home / "followed" / f"fr.example+subsets+{SUBSET}")
    return {"fr": fr, "partner": partner, "signer": signer(fr.copied(folder / "split"), folder)}


def hoster(federation: Federation, folder: Path) -> Cli:
    partner = federation.new_partner(folder / "partner")
    partner.run("check", federation.files["both"])
    new = written(folder / "new.bin", b"new here")
    partner.run("propose", new, "--reason", "found", "--contact", "a@b.example", "--yes")
    partner.run("scan", federation.files["both"], "--redact", "--report", str(folder / "report.jsonl"))
    partner.done("console", "token", "Alice", "--role", "viewer")
    home = Home(partner.home)
    digest = Digest(Algorithm.SHA256, sha256(b"waits").digest())
    unconfirmed_files(home).keep([[digest]], name="waits", now_ms=1)
    kept = PartnerFolder(home.partner)
    member = kept.member("nl.example")
    assert member is not None
    kept.keep_evidence(b"two signed texts", member)
    return partner


def agency(federation: Federation, folder: Path) -> Cli:
    fr = federation.fr_copied(folder / "fr")
    lawful = written(folder / "lawful.csv", lawful_table(*numbered("lawful", 3)))
    fr.done("guard", "benign", "add", lawful)
    fr.run("entry", "import", str(EXPORT), "--list", LIST, "--basis", "own")
    fr.done("list", "create", "other")
    other = written(folder / "other.csv", table(b"of another list"))
    fr.done("entry", "import", other, "--list", "other", "--basis", "own")
    publish_files(fr, numbered("more", 150))
    fr.done("subset", "release", SUBSET)
    import_files(fr, numbered("waiting", 2))
    stolen = ("log-lists-other-1", "--reason", "compromise", "--last-good", "0", "--yes")
    fr.done("key", "revoke", *stolen)
    fr.done("key", "rotate", "statement")
    identity = open_identity(Home(fr.home))
    proposals.begin(identity, "nothing")[1].trust.revise_document(lambda old: old, signers=())
    with write_store(identity) as store:
        for name in SEALED:
            store.objects.put(name, store.vault.seal(name, b"made up"))
        store.objects.put(f"evidence/{sha256(b'made up').hexdigest()}.cbor", b"made up")
    return fr


def signer(fr: Cli, folder: Path) -> Cli:
    let_go_on(fr.home)
    passphrase = folder / "signer-passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("the signer's own\n")
    fr.done("signer", "split", str(folder / "signer"), "--passphrase-file", str(passphrase), "--yes")
    made = Cli(folder / "signer")
    public = TokenPrivateKey.from_seed(bytes(32)).public.to_text()
    RestoreMark(made.home).set(token_labels=[], backup="2026-01-01T00:00:00Z")
    create_private(made.home / ELSEWHERE, Reference("sshagent:SHA256:x", public).to_bytes())
    return made


def files(cli: Cli) -> list[str]:
    found = (path.relative_to(cli.home) for path in sorted(cli.home.rglob("*")) if path.is_file())
    return [path.as_posix() for path in found if not path.name.endswith(("-wal", "-shm", ".lock"))]


def kind(name: str) -> str:
    """Files that are checked in one way, as far as their names tell."""
    return re.sub(r"[0-9a-f]{16,}|[0-9]+", "N", name)


def chosen(names: list[str]) -> Iterator[tuple[str, str]]:
    """Every place of every file, or one place of one file of each kind, another one with each kind."""
    if THOROUGH:
        yield from product(names, PLACES)
        return
    first = {kind(name): name for name in names}
    yield from zip(first.values(), cycle(PLACES), strict=False)


def flip(path: Path, place: str) -> bytes:
    before = path.read_bytes()
    at = round(PLACES[place] * (len(before) - 1))
    if path.name == FILE:  # bytes between rows say nothing: see test_partner_store
        rows = sorted(body for kind in Kind for body in bodies(path.parent, kind).values())
        at = before.index(rows[round(PLACES[place] * (len(rows) - 1))][:20]) + 10
    path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
    return before


def checks(cli: Cli) -> tuple[int, list[dict[str, str]]]:
    done = cli.run("doctor", "--deep")
    return done.exit, done.results


def said_unchecked(whole: list[dict[str, str]]) -> set[str]:
    """Files, and folders with a slash at their end, that doctor says it cannot check."""
    lists = [check["words"].partition(": ")[2] for check in whole if check["check"] == "not checked"]
    return {each.partition(" ")[0] for each in ", ".join(lists).split(", ")}


def with_folders(name: str) -> list[str]:
    return [f"{folder}/" for folder in Path(name).parents]


def test_a_proposal_that_cannot_be_read_is_named(homes: dict[str, Cli]) -> None:
    [path] = (homes["fr"].home / "proposals").glob("*.proposal")
    before = flip(path, "start")
    done = homes["fr"].run("doctor", "--deep")
    path.write_bytes(before)
    assert (done.exit, f"proposals/{path.name}: " in done.out + done.err) == (2, True)


def test_a_backup_has_the_rows_of_one_moment(homes: dict[str, Cli], tmp_path: Path) -> None:
    """The file is rewritten in place: a second name would not hold it fast."""
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("of the backup\n")
    fr, again = homes["fr"], Cli(tmp_path / "again")
    options = ("--passphrase-file", str(passphrase))
    [folder] = (asker.partner for asker in Home(fr.home).askers)
    before = {kind: bodies(folder, kind) for kind in Kind}
    with PartnerStore(folder).writing() as rows:
        rows.put(Kind.FACT, "half", b"written")
        fr.done("backup", "create", str(tmp_path / "backup"), *options, "--kdf", "online")
        rows.remove(Kind.FACT, "half")
    again.done("backup", "restore", str(tmp_path / "backup"), *options)
    copy = again.home / folder.relative_to(fr.home)
    assert {kind: bodies(copy, kind) for kind in Kind} == before
    assert not list(copy.glob("*-journal"))


def test_numbers_of_entries_that_are_wrong_are_counted_anew(homes: dict[str, Cli], tmp_path: Path) -> None:
    fr = homes["fr"].copied(tmp_path / "fr")
    let_go_on(fr.home)
    right = fr.done("list", "ls")
    with closing(sqlite3.connect(fr.home / "sigfed.db")) as database, database:
        assert database.execute("UPDATE entry_count SET entries = entries + 7").rowcount > 0
    assert fr.done("list", "ls") != right
    code, found = checks(fr)
    [warned] = (each for each in found if each["check"] == "database")
    assert (code, warned["health"], "counted anew" in warned["words"]) == (0, "warn", True)
    assert fr.done("list", "ls") == right


def test_an_index_of_changes_that_lacks_rows_is_made_anew(homes: dict[str, Cli], tmp_path: Path) -> None:
    fr = homes["fr"].copied(tmp_path / "fr")
    let_go_on(fr.home)
    fr.done("entry", "withdraw", "--list", "other", "--index", "0", "--yes")
    fr.done("publish", "other")
    with closing(sqlite3.connect(fr.home / "sigfed.db")) as database, database:
        assert database.execute("DELETE FROM touch").rowcount > 0
    code, found = checks(fr)
    [warned] = (each for each in found if each["check"] == "database")
    assert (code, warned["health"], "was made anew" in warned["words"]) == (0, "warn", True)
    assert "sigfed subset release" in warned["step"]
    code, found = checks(fr)
    [whole] = (each for each in found if each["check"] == "database")
    assert (code, whole["health"]) == (0, "ok")


@pytest.mark.slow
@pytest.mark.threat("an altered file")
@pytest.mark.parametrize("who", ["fr", "partner", "signer"])
def test_a_wrong_byte_is_named(homes: dict[str, Cli], who: str) -> None:
    cli = homes[who]
    code, whole = checks(cli)
    assert code == 0, [check for check in whole if check["health"] == "fail"]
    plain = [name for name in files(cli) if re.fullmatch(PLAIN, f"{who}/{name}")]
    told = said_unchecked(whole)
    assert [name for name in plain if told.isdisjoint([name, *with_folders(name)])] == []
    flips = list(chosen([name for name in files(cli) if name not in plain]))
    groups = [flips[at : at + AT_ONCE] for at in range(0, len(flips), AT_ONCE)]
    assert [each for group in groups for each in unnamed(cli, group)] == []


def unnamed(cli: Cli, flips: list[tuple[str, str]]) -> list[tuple[str, str, int, str]]:
    """Those of several wrong bytes that are not named; where one hides others, as in a key, these are tried without."""
    before = {name: flip(cli.home / name, place) for name, place in flips}
    done = cli.run("doctor", "--deep")
    for name, data in before.items():
        (cli.home / name).write_bytes(data)
    failed = [each["words"] for each in done.results if each["health"] == "fail"]
    said = " ".join([*failed, done.err]) if done.exit else ""
    left = [each for each in flips if each[0] not in said]
    if len(left) < len(flips):
        return unnamed(cli, left) if left else []
    if len(flips) == 1:
        return [(*flips[0], done.exit, done.err)]
    half = len(flips) // 2
    return unnamed(cli, flips[:half]) + unnamed(cli, flips[half:])


def test_a_release_that_lists_something_else_than_the_lists_say_is_one_to_begin_from_no_more(
    homes: dict[str, Cli], tmp_path: Path
) -> None:
    fr = homes["fr"].copied(tmp_path / "fr")
    let_go_on(fr.home)
    fr.done("subset", "release", SUBSET)
    with closing(sqlite3.connect(fr.home / "sigfed.db")) as database, database:
        assert database.execute("UPDATE listed SET label = label + 1").rowcount > 0
    code, found = checks(fr)
    [warned] = (each for each in found if each["check"] == "database")
    assert (code, warned["health"], "otherwise than the lists say" in warned["words"]) == (0, "warn", True), (
        found
    )
    fr.done("subset", "release", SUBSET)
    code, found = checks(fr)
    assert (code, [each["health"] for each in found if each["check"] == "database"]) == (0, ["ok"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE listed SET tag = tag / 2", "lists are in none of its answers"),
        ("DELETE FROM listed", "lists are missing"),
    ],
)
def test_rows_that_are_not_what_the_newest_release_lists_are_named(
    homes: dict[str, Cli], tmp_path: Path, change: str, told: str
) -> None:
    fr = homes["fr"].copied(tmp_path / "fr")
    let_go_on(fr.home)
    with closing(sqlite3.connect(fr.home / "sigfed.db")) as database, database:
        assert database.execute(change).rowcount > 0
    code, found = checks(fr)
    wrong = [each["words"] for each in found if (each["check"], each["health"]) == ("database", "fail")]
    assert (code, len(wrong), told in wrong[0]) == (2, 1, True), found


def test_a_roster_of_an_older_version_that_is_not_whole_hides_nothing_else(
    homes: dict[str, Cli], tmp_path: Path
) -> None:
    fr = homes["fr"].copied(tmp_path / "fr")
    let_go_on(fr.home)
    with closing(sqlite3.connect(fr.home / "sigfed.db")) as database, database:
        for change in ("DELETE FROM listed", "UPDATE subset SET listed = 0", "DELETE FROM entry_index"):
            assert database.execute(change).rowcount > 0
    code, found = checks(fr)
    wrong = [each["words"] for each in found if each["check"] == "database"]
    assert code == 2
    assert any("is not whole" in words for words in wrong), wrong
    assert any("the look-up index lacks" in words for words in wrong), wrong
