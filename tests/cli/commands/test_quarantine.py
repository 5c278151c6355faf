"""When a member lies or leaves, as people type it: evidence, what stands still, letting it in again, removal."""

import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keys.key import LogPrivateKey
from node.app import approvals
from node.app.peers.evidence import accused_of
from node.evidence.keep import keep, verify
from node.home import Home
from node.identity import audit
from node.identity.identity import open_identity
from node.rotation.store import write_store
from node.store.accounts.approvals import ApprovalRows
from node.trust.foundation import log_label
from protocol.evidence import encode_fork
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from support.agencies import BOTH, LIST, SUBSET, Federation, written
from support.federated import federated
from support.processes import PROGRAM, Cli, environment

NL_LIST = f"nl.example/lists/{LIST}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two running agencies of their own: in these tests they fall out with each other."""
    with federated(tmp_path_factory.mktemp("quarantine")) as made:
        yield made


def released(cli: Cli, name: str) -> str:
    """Ask for it as one person, approve it as another; what came of it."""
    return str(cli.agreed("quarantine", "release", name, "--reason", "they explained it")["result"])


def fork_of(cli: Cli, size: int = 5) -> bytes:
    """Two heads of one size, signed with the key of a node's list."""
    keychain = open_identity(Home(cli.home)).keychain
    key = keychain.signer(LogPrivateKey, log_label(NL_LIST))
    one, other = (sign_checkpoint(Checkpoint(NL_LIST, size, root * 32), [key]) for root in (b"1", b"2"))
    return encode_fork(one, other)


def tell(cli: Cli, evidence: bytes) -> None:
    """As if a third member had told it."""
    identity = open_identity(Home(cli.home))
    with write_store(identity) as store:
        verdict = verify(evidence, accused_of(identity, store))
        assert keep(store, evidence, verdict, source="de.example", now_ms=1) is not None


def test_a_proved_lie_stops_a_list_until_two_people_let_it_in(pair: Federation, tmp_path: Path) -> None:
    fr, nl = pair.fr, pair.nl
    assert fr.run("quarantine", "ls").results == []
    tell(fr, fork_of(nl))
    [record] = fr.run("evidence", "ls").results
    assert (record["kind"], record["about"], record["standing"]) == ("fork", NL_LIST, "proof")
    name = record["evidence"]
    assert fr.done("evidence", "show", name[:12])["source"] == "de.example"

    [aside] = fr.run("quarantine", "ls").results
    assert (aside["kind"], aside["origin"], aside["evidence"]) == ("log", NL_LIST, [name])
    shown = fr.run("quarantine", "show", aside["id"])
    assert shown.first["reason"].startswith(NL_LIST)
    assert f"sigfed evidence export {name[:16]}" in fr_talk(fr, "quarantine", "show", aside["id"])
    assert fr.done("status")["set_aside"] == 1
    health = {one["check"]: one["health"] for one in fr.run("doctor").results}
    assert health["evidence"] == "warn"
    refused = fr.run("peer", "sync", "nl.example")
    assert refused.exit == 14
    assert "contradicted itself" in refused.first["outcome"]

    folder = tmp_path / "case"
    fr.killed("pathlib:Path.write_bytes 1", "evidence", "export", name[:12], str(folder))
    fr.done("evidence", "export", name[:12], str(folder))
    assert [path.name for path in tmp_path.iterdir()] == ["case"]
    words = nl.done("member", "ls")["fingerprint"]
    files = ("--root", str(folder / "1.root.json"), "--document", str(folder / "node.json"), "--words", words)
    elsewhere = Cli(tmp_path / "nowhere")
    finding = elsewhere.done("evidence", "verify", str(folder / "evidence.cbor"), *files)
    assert (finding["kind"], finding["at_fault"]) == ("fork", ["the log"])
    assert fr.run("evidence", "export", name[:12], str(folder)).exit == 2, "it exists"

    alone = fr.run_as("alice", "quarantine", "release", aside["id"], "--reason", "nobody else is here")
    assert alone.exit == 2
    fr.add_persons("alice", "bruno")
    asked = fr.run_as("alice", "quarantine", "release", aside["id"], "--reason", "they explained the fork")
    tell(fr, fork_of(nl, size=6))
    late = fr.run_as("bruno", "approval", "approve", str(asked.first["approval"]))
    assert (late.exit, late.out) == (2, ""), "nobody explained the second fork"
    assert "is not what it was when this was asked for" in late.err
    before = fr.run_as("alice", "quarantine", "release", aside["id"], "--reason", "both were explained")
    assert NL_LIST in released(fr, aside["id"])
    assert fr.run("quarantine", "ls").results == []
    assert [one["standing"] for one in fr.run("evidence", "ls").results] == ["released"] * 2
    assert fr.run("peer", "sync", "nl.example").exit == 0
    again = fr.run_as("alice", "quarantine", "release", aside["id"], "--reason", "twice")
    assert again.exit == 2
    assert "released already" in again.err

    tell(fr, fork_of(nl, size=7))
    late = fr.run_as("bruno", "approval", "approve", str(before.first["approval"]))
    assert (late.exit, late.out) == (2, ""), "nobody explained the third fork"
    assert "released already" in late.err
    assert "proof" in [one["standing"] for one in fr.run("evidence", "ls").results]
    [aside] = fr.run("quarantine", "ls").results
    assert NL_LIST in released(fr, aside["id"])


@pytest.mark.threat("one person")
def test_what_comes_while_a_release_is_carried_out_is_not_released_with_it(
    pair: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is anything released that is not written down as that, wherever it is cut off."""
    fr, begin = pair.fr_copied(tmp_path / "fr"), audit.begin
    for name in ("alice", "bruno"):
        fr.run("person", "add", name, typed=2 * f"the passphrase of {name}\n")  # or they are there already
    tell(fr, fork_of(pair.nl, size=20))

    def state() -> object:
        asides = [one["id"] for one in fr.run("quarantine", "ls").results]
        return asides, [one["standing"] for one in fr.run("evidence", "ls").results]

    def asked(name: str) -> str:
        asking = fr.run_as("alice", "quarantine", "release", name, "--reason", "explained")
        return str(asking.first["approval"])

    def told_meanwhile(*given: Any, **named: Any) -> None:
        tell(fr, fork_of(pair.nl, size=21))
        begin(*given, **named)

    [aside] = fr.run("quarantine", "ls").results
    number = asked(aside["id"])
    with monkeypatch.context() as patched:
        patched.setattr(audit, "begin", told_meanwhile)
        late = fr.run_as("bruno", "approval", "approve", number)
    assert (late.exit, late.out) == (2, ""), "nobody has looked at the second fork"
    assert "is not what it was when this was asked for" in late.err
    assert [one["id"] for one in fr.run("quarantine", "ls").results] == [aside["id"]], "it stands still"
    assert [one["standing"] for one in fr.run("evidence", "ls").results].count("proof") == 2
    assert "is not finished" in fr.run_as("bruno", "approval", "approve", number).err

    fr.done("member", "remove", "nl.example", "--yes")
    for one in fr.run("quarantine", "ls").results:
        before, number = state(), asked(one["id"])
        cut_off(fr, number)
        assert state() == before, one
        assert fr.run_as("bruno", "approval", "approve", number).exit == 0
        assert state() != before, one
    assert fr.run("quarantine", "ls").results == []


def cut_off(cli: Cli, number: str) -> None:
    """Bob approves it, and it is cut off before it is written down that it was carried out."""
    identity = open_identity(Home(cli.home))
    with write_store(identity) as store, pytest.MonkeyPatch.context() as patched:
        patched.setattr(ApprovalRows, "note_acted", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            approvals.approve(identity, store, int(number), by="bruno")


def _cut_off(*_: object, **__: object) -> str:
    raise KeyboardInterrupt


def fr_talk(cli: Cli, *words: str) -> str:
    """What a command says to people."""
    command = [*PROGRAM, "--home", str(cli.home), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True, timeout=60)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("nothing is quarantined", ("quarantine", "show", "99")),
        ("nothing of de.example is set aside", ("quarantine", "show", "de.example")),
        ("no such evidence", ("evidence", "show", "0123456789ab")),
        ("at least 6 digits", ("evidence", "show", "01")),
        ("no such evidence", ("evidence", "export", "0123456789ab", "folder")),
        ("is not a member", ("member", "remove", "de.example", "--yes")),
        ("cannot be removed here", ("member", "remove", "fr.example", "--yes")),
    ],
)
def test_what_is_not_there(agency: Cli, says: str, words: tuple[str, ...]) -> None:
    agency.refused(2, says, *words)


@pytest.mark.threat("blocking what others list")
def test_a_member_leaves_and_its_blocks_stay_until_two_people_end_them(pair: Federation) -> None:
    """After the others: the federation of two ends here."""
    fr, nl = pair.fr, pair.nl
    hashes = written(nl.home.with_name("hash.txt"), digest_of(BOTH) + "\n")
    nl.done("entry", "withdraw", "--list", LIST, "--hash-from", hashes, "--reason", "error", "--yes")
    nl.done("publish")
    fr.done("peer", "sync")
    assert fr.run("member", "remove", "nl.example", typed="no\n").exit == 130
    removed = fr.done("member", "remove", "nl.example", "--yes")
    assert removed["members"] == 1
    assert fr.run("peer", "ls").results == []
    [aside] = fr.run("quarantine", "ls").results
    assert (aside["id"], aside["kind"]) == ("nl.example", "blocks")
    assert aside["count"] >= 1
    assert fr.done("quarantine", "show", "nl.example")["origin"] == NL_LIST
    if not fr.run("person", "ls").results:
        fr.add_persons("alice", "bruno")

    asked = fr.run_as("alice", "quarantine", "release", "nl.example", "--reason", "it is gone")
    url, words = open_identity(Home(nl.home)).settings.listen.url, nl.done("member", "ls")["fingerprint"]
    fr.done("member", "add", url, "--words", words, "--country", "NL")
    number = str(asked.first["approval"])
    late = fr.run_as("bruno", "approval", "approve", number)
    assert (late.exit, late.out) == (2, "")
    assert "is a member: its blocks are its own" in late.err
    assert fr.done("approval", "show", number)["state"] == "open", (
        "decided for a day on which it is gone again"
    )
    assert fr.run_as("bruno", "approval", "reject", number, "--reason", "it is back").exit == 0
    fr.done("member", "remove", "nl.example", "--yes")
    assert "blocks of nl.example" in released(fr, "nl.example")
    assert fr.run("quarantine", "ls").results == []
    fr.done("subset", "release", SUBSET)


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()
