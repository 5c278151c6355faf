"""A node whose keys are with a signer process: by commands, and while that process is away."""

import json
import signal
import ssl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from node.clock import SystemClock
from node.home import Home
from node.identity.restore_mark import is_restored
from node.signing.process.roles import SIGNED_HERE
from support.agencies import LIST, SUBSET, found_agency, import_files, numbered, publish_files, report
from support.agents import running_agent
from support.processes import Cli, Running, wait_until
from support.signer_process import SignerProcess


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = found_agency(tmp_path, name="fr", country="FR")
    made.done("list", "create", LIST)
    publish_files(made, numbered("first", 3))
    return made


@pytest.fixture
def signer(cli: Cli, tmp_path: Path) -> Iterator[SignerProcess]:
    folder, passphrase = tmp_path / "s", tmp_path / "signer-passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("the signer's own\n")
    done = cli.done("signer", "split", str(folder), "--passphrase-file", str(passphrase), "--yes")
    assert done["socket"] == str(folder / "socket")
    with (cli.home / "sigfed.toml").open("a") as config:
        config.write(f'\n[signer]\nsocket = "{folder / "socket"}"\n')
    running = SignerProcess(folder)
    try:
        yield running
    finally:
        running.stop()


def served(url: str) -> int:
    """Bytes of the node document, as anybody may read it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with urlopen(Request(f"{url}/trust/node.json"), context=context, timeout=30) as reply:
        return len(reply.read())


@pytest.mark.threat("the process taken over")
def test_a_node_signs_through_it_and_goes_on_when_it_comes_back(cli: Cli, signer: SignerProcess) -> None:
    # Nothing that signs is left with the node.
    left = {path.name.partition("-")[0] for path in (cli.home / "keys").glob("*-*.json")}
    assert left == {"tls", "storage"}
    assert not [*(cli.home / "signer").glob("*.json")]

    # Without it, commands say so and lose nothing.
    import_files(cli, numbered("second", 2))
    refused = cli.run("publish")
    assert refused.exit == 16
    assert "signer process cannot be reached" in refused.err
    assert "sigfed signer run" in refused.err
    assert cli.run("doctor").exit == 2

    # A node that starts without it serves what it has.
    node = Running(cli)
    try:
        url = node.answered["serving"]
        assert served(url) > 0
        assert cli.run("publish").exit == 16

        signer.start()
        shown = cli.run("signer", "show").results
        assert {one["role"] for one in shown} == set(SIGNED_HERE)
        done = cli.done("publish")
        assert report(cli).log.head.size == 10
        assert done["adds"] == 4

        # It is killed while the node runs; what waits is published once.
        signer.stop(signal.SIGKILL)
        import_files(cli, numbered("third", 1))
        assert cli.run("publish").exit == 16
        assert served(url) > 0
        signer.start()
        cli.done("publish")
        assert report(cli).log.head.size == 12
        assert cli.run("audit", "verify").exit == 0
    finally:
        assert node.stop() == 0


def test_keys_are_made_and_trust_files_stamped_there(cli: Cli, signer: SignerProcess) -> None:
    signer.start()
    before = {one["key"] for one in cli.run("signer", "show").results}
    cli.done("list", "create", "another")
    cli.done("subset", "create", SUBSET)
    after = {one["key"] for one in cli.run("signer", "show").results}
    assert after - before >= {"log-lists-another-1", f"log-subsets-{SUBSET}-1"}
    assert (cli.home / f"keys/oprf-subsets-{SUBSET}-1.json").exists()
    stamped = json.loads((cli.home / "trust/timestamp.json").read_bytes())
    assert stamped["signed"]["version"] >= 4
    assert "signer" in {one["check"]: one for one in cli.run("doctor").results}


def test_keys_move_back_with_what_they_signed(cli: Cli, signer: SignerProcess) -> None:
    signer.start()
    publish_files(cli, numbered("second", 2))
    arguments = ("signer", "join", str(signer.folder), "--yes")
    assert cli.run(*arguments).exit == 2, "the configuration still names it"
    config = cli.home / "sigfed.toml"
    config.write_text(config.read_text().partition("[signer]")[0])
    assert cli.run(*arguments).exit == 11, "it runs"
    signer.stop()
    assert cli.done(*arguments)["keys"] > len(SIGNED_HERE)
    assert not [*(signer.folder / "keys").glob("*.json")]
    publish_files(cli, numbered("third", 1))
    assert report(cli).log.head.size == 12
    assert cli.run("audit", "verify").exit == 0
    assert cli.run(*arguments).exit == 10, "there is no signer any more"


def test_keys_are_replaced_there(cli: Cli, signer: SignerProcess) -> None:
    signer.start()
    before = {one["key"] for one in cli.run("signer", "show").results}
    cli.done("key", "rotate", "auth")
    cli.done("key", "rotate", "timestamp", "--yes")
    after = {one["key"] for one in cli.run("signer", "show").results}
    # Of those that the root names, the replaced ones are gone.
    assert before - after == {"snapshot-1", "timestamp-1"}
    assert {"snapshot-2", "timestamp-2"} < after
    assert len(after - before) == 3
    stamped = json.loads((cli.home / "trust/timestamp.json").read_bytes())["signed"]
    cli.done("list", "create", "another")
    again = json.loads((cli.home / "trust/timestamp.json").read_bytes())["signed"]
    assert again["version"] == stamped["version"] + 1


def test_a_key_in_an_agent_is_brought_by_whoever_has_the_signers_folder(
    cli: Cli, signer: SignerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_agent(tmp_path, monkeypatch) as agent:
        signer.start()
        at_signer = Cli(signer.folder)
        uri = f"sshagent:{agent.make('log')}"
        named = ("key", "rotate", "log", "--of", LIST, "--key")
        said = cli.run(*named, uri)
        assert (said.exit, f"signer refer log-lists-{LIST}-2 URI" in said.err) == (2, True), said.err
        name = f"log-lists-{LIST}-3"  # the next label is free, too
        assert at_signer.done("signer", "refer", name, uri)["role"] == "log"
        assert at_signer.run("signer", "refer", name, uri).exit == 2, "it has this key"
        cli.refused(2, "no name of such a key", *named, "signer:log-audit-main-2")
        cli.refused(2, "is listed already", *named, f"signer:log-lists-{LIST}-1")
        cli.refused(2, "has no log key", *named, f"signer:log-lists-{LIST}-9")
        begins = datetime.fromisoformat(str(cli.done(*named, f"signer:{name}")["start"]))
        cli.refused(2, "is listed already", *named, f"signer:{name}")
        wait_until(lambda: SystemClock().now() >= begins)  # a second after the first one at the earliest
        assert cli.run("key", "advance").exit == 0
        publish_files(cli, numbered("second", 2))
        assert (report(cli).log.note or b"").count(b"\n\xe2\x80\x94 ") == 2

        # Without the agent nothing is published and nothing is lost.
        agent.stop()
        import_files(cli, numbered("third", 1))
        assert cli.run("publish").exit == 16
        agent.start()
        agent.load("log")
        cli.done("publish")


@pytest.mark.parametrize("name", ["root-1", "timestamp-2", "auth", "auth-", "auth-../../x", "tls-2", "x-1"])
def test_names_that_a_signer_does_not_take(cli: Cli, signer: SignerProcess, name: str) -> None:
    Cli(signer.folder).refused(2, "no name of such a key", "signer", "refer", name, "sshagent:SHA256:x")


def test_moving_asks_first_and_not_while_the_node_runs(cli: Cli, tmp_path: Path) -> None:
    passphrase = tmp_path / "signer-passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("the signer's own\n")
    arguments = ("signer", "split", str(tmp_path / "s"), "--passphrase-file", str(passphrase))
    assert cli.run(*arguments, typed="n\n").exit == 130
    assert not (tmp_path / "s").exists()
    node = Running(cli)
    try:
        assert cli.run(*arguments, "--yes").exit == 11
    finally:
        node.stop()
    cli.done(*arguments, "--yes")
    # Until the node knows of the signer it signs nothing, and is taken for no older copy of itself for ever.
    import_files(cli, numbered("second", 1))
    for words in (("publish",), ("contact", "a@fr.example")):
        refused = cli.run(*words, forked=True)
        assert (refused.exit, "add [signer] to" in refused.err) == (2, True), refused.err
    assert not is_restored(Home(cli.home))


def test_moving_that_was_killed_while_keys_were_deleted_goes_on(cli: Cli, tmp_path: Path) -> None:
    passphrase = tmp_path / "signer-passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("the signer's own\n")
    arguments = ("signer", "split", str(tmp_path / "s"), "--passphrase-file", str(passphrase), "--yes")
    cli.killed("node.signing.keychain:Keychain.destroy 3", *arguments)
    left = sorted((cli.home / "keys").glob("*-*.json"))
    assert not [path for path in left if path.name.startswith("log-audit-")]
    [cut] = [path for path in left if path.name.startswith("log-lists-")]
    cut.write_bytes(bytes(cut.stat().st_size))  # it is overwritten before it is deleted
    cli.done(*arguments)
    assert {path.name.partition("-")[0] for path in (cli.home / "keys").glob("*-*.json")} == {
        "tls",
        "storage",
    }
    assert not [*(cli.home / "signer").glob("*.json")]


def test_moving_twice_forgets_nothing_that_was_signed(
    cli: Cli, signer: SignerProcess, tmp_path: Path
) -> None:
    config, settings = cli.home / "sigfed.toml", signer.folder / "signer.toml"
    config.write_text(config.read_text().partition("[signer]")[0])
    before = {path: path.read_bytes() for path in signer.folder.rglob("*.json")}
    arguments = (
        "signer",
        "split",
        str(signer.folder),
        "--passphrase-file",
        str(tmp_path / "signer-passphrase"),
    )
    cli.refused(2, "were moved before", *arguments, "--yes")
    assert {path: path.read_bytes() for path in signer.folder.rglob("*.json")} == before

    # Of a move that was cut off before the keys here were deleted, the last word on the socket counts.
    cli.done("signer", "join", str(signer.folder), "--yes")
    settings.write_text("of an earlier try\n")
    settings.chmod(0o600)
    done = cli.done(*arguments, "--socket", str(tmp_path / "sock"), "--yes")
    assert done["socket"] in settings.read_text()


def test_keys_are_not_moved_to_a_folder_where_a_signer_runs(
    cli: Cli, signer: SignerProcess, tmp_path: Path
) -> None:
    signer.start()
    (tmp_path / "other").mkdir()
    other = found_agency(tmp_path / "other", name="nl", country="NL")
    passphrase = str(tmp_path / "signer-passphrase")
    said = other.run("signer", "split", str(signer.folder), "--passphrase-file", passphrase, "--yes")
    assert (said.exit, "another process signs" in said.err) == (11, True)
    assert [*(other.home / "keys").glob("auth-*.json")]
    assert cli.run("signer", "show").exit == 0


def test_a_folder_that_is_no_signers(cli: Cli) -> None:
    assert cli.run("signer", "run").exit == 10
    assert cli.run("signer", "show").exit == 2
