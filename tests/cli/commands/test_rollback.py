"""A folder that was put back to an older day, by a plain copy, finds out before it signs anything."""

import json
import re
import shutil
import sqlite3
import time
from base64 import b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from node.app.health.checks import examine
from node.errors import SignerDownError
from node.home import Home
from node.identity.identity import open_identity
from node.identity.outside_note import OutsideNote
from node.lists.publish import publish
from node.rotation.store import write_store
from support.agencies import (
    LIST,
    Federation,
    asking_no_witness,
    fetch,
    import_files,
    numbered,
    publish_files,
    report,
    table,
    written,
)
from support.federated import federated
from support.processes import Cli, Running, contents, environment, free_port, wait_until

ORIGIN = f"fr.example/lists/{LIST}"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Federation]:
    with federated(tmp_path, running=["nl"]) as made:
        yield made


def grown(pair: Federation, name: str = "later") -> None:
    """More is published, and the other agency cosigns it."""
    import_files(pair.fr, numbered(name, 3))
    done = pair.fr.done("publish")
    assert (done["adds"], done["cosigned"]) == (6, 1)


def put_back(pair: Federation, copy: Path) -> None:
    """The folder of that day in the place of today's."""
    shutil.rmtree(pair.fr.home)
    copy.rename(pair.fr.home)


@pytest.mark.threat("an old state")
def test_a_copy_of_an_older_day_signs_nothing_and_says_what_to_do(pair: Federation, tmp_path: Path) -> None:
    pair.fr.copied(tmp_path / "monday")
    grown(pair)
    put_back(pair, tmp_path / "monday")
    import_files(pair.fr, numbered("another", 2))
    before = report(pair.fr, ORIGIN).log.head
    for words in ("publish", "contact nobody@fr.example", "subset release baseline", "run"):
        refused = pair.fr.run(*words.split())
        assert refused.exit == 2, (words, refused.err)
        assert "backup finish" in refused.err
    assert report(pair.fr, ORIGIN).log.head == before
    assert report(pair.fr, ORIGIN).log.pending is None
    doctor = pair.fr.run("doctor")
    assert doctor.exit == 2
    assert "backup finish" in doctor.out


def test_what_it_asks_for_brings_it_back(pair: Federation, tmp_path: Path) -> None:
    pair.fr.copied(tmp_path / "monday")
    grown(pair)
    with Running(pair.fr):
        pair.nl.done("peer", "sync")
    put_back(pair, tmp_path / "monday")
    assert pair.fr.run("publish").exit == 2
    pair.fr.done("backup", "finish", "--yes")
    grown(pair, "after")
    with Running(pair.fr):
        pair.nl.done("peer", "sync")


@pytest.mark.threat("an old state")
def test_newer_trust_files_tell_it_too(pair: Federation, tmp_path: Path) -> None:
    pair.fr.copied(tmp_path / "monday")
    with Running(pair.fr):
        pair.fr.done("contact", "duty@fr.example")
        pair.nl.done("peer", "sync")
    put_back(pair, tmp_path / "monday")
    serial = _serial(pair.fr)
    refused = pair.fr.run("contact", "nobody@fr.example")
    assert refused.exit == 2
    assert "nl.example holds node document" in refused.err
    assert _serial(pair.fr) == serial


@pytest.mark.threat("an old state")
def test_a_folder_that_is_overwritten_notices_with_nobody_to_ask(pair: Federation, tmp_path: Path) -> None:
    pair.fr.copied(tmp_path / "monday")
    grown(pair)
    pair.nl_node.stop()
    for path in (tmp_path / "monday").rglob("*"):
        if path.is_file():
            shutil.copy2(path, pair.fr.home / path.relative_to(tmp_path / "monday"))
    refused = pair.fr.run("publish")
    assert refused.exit == 2
    assert "put back while the machine ran" in refused.err


@pytest.mark.threat("an old state")
def test_a_running_node_serves_nobody_once_it_is_put_back(pair: Federation, tmp_path: Path) -> None:
    grown(pair)
    pair.fr.copied(tmp_path / "monday")
    grown(pair, "after")
    with Running(pair.fr, variables=often(tmp_path)) as node:
        shutil.copytree(tmp_path / "monday" / "signer", pair.fr.home / "signer", dirs_exist_ok=True)
        assert node.process.wait(60) == 2
    assert "put back while the machine ran" in node.journal.read_text()


def often(folder: Path) -> dict[str, str]:
    """The environment of a node that looks every second."""
    (folder / "sitecustomize.py").write_text("from node.app import serve\nserve._CONFIRM_MINUTES = 1 / 60\n")
    return {"PYTHONPATH": f"{folder}:{environment()['PYTHONPATH']}"}


def test_a_node_says_who_is_silent_until_they_answer(pair: Federation, tmp_path: Path) -> None:
    pair.nl_node.stop()
    put_back(pair, pair.fr.copied(tmp_path / "moved").home)
    port = free_port()
    pair.fr.edit("sigfed.toml", "enabled = false\nhost", "enabled = true\nhost")
    pair.fr.edit("sigfed.toml", "port = 9844", f"port = {port}")

    def told(node: Running) -> tuple[bytes, set[str], set[str]]:
        """By the page for monitors, by the metrics and by the status."""
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as reply:
            families = {one.name: one for one in text_string_to_metric_families(reply.read().decode())}
        ready, (confirmed,) = fetch(pair.fr, node, "/health/ready")[1], families["sigfed_confirmed"].samples
        silent = {one.labels["member"] for one in families["sigfed_silent_members"].samples}
        assert bool(silent) == (confirmed.value == 0)
        return ready, silent, set(pair.fr.run("status").first["silent"])

    with Running(pair.fr, variables=often(tmp_path)) as node:
        waiting = b'{"status":"ready","additions":"waiting"}'
        assert told(node) == (waiting, {"nl.example"}, {"nl.example"})
        assert "nl.example does not say whether this folder was put back" in pair.fr.told("status").out
        pair.nl_node = Running(pair.nl)
        wait_until(lambda: fetch(pair.fr, node, "/health/ready")[1] != waiting)
        assert told(node) == (b'{"status":"ready","additions":"signed"}', set(), set())


@pytest.mark.threat("an old state")
def test_with_nobody_to_ask_additions_wait_and_who_goes_on_alone_says_so(
    pair: Federation, tmp_path: Path
) -> None:
    pair.nl_node.stop()
    pair.fr.copied(tmp_path / "moved")
    put_back(pair, tmp_path / "moved")
    import_files(pair.fr, numbered("another", 2))
    before = contents(pair.fr.home / "signer")
    waiting = pair.fr.run("publish")
    assert waiting.exit == 16
    assert "--alone" in waiting.err
    assert contents(pair.fr.home / "signer") == before
    doctor = pair.fr.run("doctor")
    assert "nl.example" in doctor.out
    with Running(pair.fr):
        assert pair.fr.run("publish").exit == 16, "it serves, and asks anew"
    assert pair.fr.run("--alone", "publish").first["adds"] == 4
    assert pair.fr.run("publish").exit == 16, "that it went on alone is no answer of the members"


@pytest.mark.threat("an old state")
def test_a_node_that_starts_goes_by_no_answer_of_before(pair: Federation) -> None:
    """As in a machine that went back to a snapshot with its memory, and with what was noted outside of the folder."""
    grown(pair)
    import_files(pair.fr, numbered("another", 1))
    pair.nl_node.stop()
    assert OutsideNote.of_home(open_identity(Home(pair.fr.home))).read().sizes
    with Running(pair.fr) as node:
        assert b"waiting" in fetch(pair.fr, node, "/health/ready")[1]
        assert pair.fr.run("publish").exit == 16


def test_a_member_that_cosigned_another_history_is_no_remark(pair: Federation, tmp_path: Path) -> None:
    pair.fr.copied(tmp_path / "monday")
    grown(pair)
    put_back(pair, tmp_path / "monday")
    pair.nl_node.stop()
    import_files(pair.fr, numbered("another", 3))
    assert pair.fr.run("--alone", "publish").exit == 0
    pair.nl_node = Running(pair.nl)
    import_files(pair.fr, numbered("one more", 1))
    refused = pair.fr.run("publish")
    assert refused.exit == 14
    assert "nl.example cosigned another history" in refused.err
    assert pair.fr.run("backup", "finish", "--yes").exit == 14
    done = pair.fr.run("--alone", "backup", "finish", "--yes")
    assert done.exit == 0, done.err
    assert {one["origin"] for one in done.results if "seen" in one} == {ORIGIN, "fr.example/audit/main"}
    continued(pair)


def dating(folder: Path, time_s: int) -> dict[str, str]:
    """The environment of a node whose witness dates so whatever it cosigns."""
    (folder / "sitecustomize.py").write_text(
        "from node.witnesses import witness\n"
        "signed = witness.cosign\n"
        f"witness.cosign = lambda text, name, signer, _: signed(text, name, signer, {time_s})\n"
    )
    return {"PYTHONPATH": f"{folder}:{environment()['PYTHONPATH']}"}


@pytest.mark.threat("an old state")
@pytest.mark.parametrize("time_s", [253_402_300_800, 2**63 - 1], ids=["the year 10000", "the last second"])
def test_a_witness_that_dates_beyond_the_calendar_hides_nothing(
    pair: Federation, tmp_path: Path, time_s: int
) -> None:
    fr = pair.fr
    pair.nl_node.stop()
    fr.copied(tmp_path / "monday")
    pair.nl_node = Running(pair.nl, variables=dating(tmp_path, time_s))
    import_files(fr, numbered("later", 3))
    assert fr.run("publish").first["adds"] == 6
    told = fr.told("witness", "ls")
    assert (told.exit, "nl.example" in told.out) == (0, True), told.err
    checked = fr.run("doctor")
    assert [one["health"] for one in checked.results if one["check"] == "ends"] == ["ok"], checked.out
    put_back(pair, tmp_path / "monday")
    for _ in range(2):
        refused = fr.run("publish")
        assert refused.exit == 2, refused.err
        assert f"nl.example has seen 8 entries of {ORIGIN}, cosigned {time_s * 1000} ms" in refused.err
        assert "backup finish" in refused.err


class NoSigner:
    """A signer that does not answer."""

    def sign(self, _origin: str, *, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
        raise SignerDownError("the signer does not answer")


def believing_any_date(folder: Path) -> dict[str, str]:
    """The environment of a command that follows lists from the future."""
    (folder / "sitecustomize.py").write_text(
        "from protocol.lists import sequence\nsequence.MAX_CLOCK_SKEW_MS = 10**9\n"
    )
    return {"PYTHONPATH": f"{folder}:{environment()['PYTHONPATH']}"}


def published_by_a_thief(pair: Federation, folder: Path) -> None:
    """Whoever copied the folder has his own entries cosigned, and this agency publishes meanwhile; then it restarts."""
    grown(pair)
    thief = pair.fr.copied(folder)
    pair.nl_node.stop()
    for name in ("own", "more of its own"):
        publish_files(pair.fr, numbered(name, 3))
    pair.nl_node = Running(pair.nl)
    import_files(thief, numbered("planted", 1))
    assert thief.done("publish")["cosigned"] == 1
    OutsideNote.of_home(open_identity(Home(pair.fr.home))).drop()


@pytest.mark.threat("an old state")
def test_a_thief_who_made_a_second_history_keeps_no_key_from_being_taken_back(
    pair: Federation, tmp_path: Path
) -> None:
    published_by_a_thief(pair, tmp_path / "thief")
    good = str(report(pair.nl, ORIGIN).log.head.size)
    fr, stolen = pair.fr, ("--reason", "compromise", "--yes", "--last-good")
    import_files(fr, numbered("waiting", 1))
    for words in (
        "publish",
        f"key revoke log-lists-{LIST}-1 {' '.join(stolen)} {good}",
        "contact a@fr.example",
    ):
        refused = fr.run(*words.split())
        assert (refused.exit, "another history" in refused.err) == (14, True), (words, refused.err)
        assert "--alone key revoke" in refused.err
    assert fr.run("--alone", "publish").exit == 14
    for key in (f"log-lists-{LIST}-1", "log-audit-main-1"):
        size = good if "lists" in key else "0"
        taken = fr.run("--alone", "key", "revoke", key, *stolen, size)
        assert taken.exit == 0, taken.err
    assert fr.run("contact", "a@fr.example").exit == 0
    continued(pair)


def continued(pair: Federation) -> None:
    """What was signed twice goes on in another list, which the other agency follows."""
    fr = pair.fr
    done = fr.run("list", "create", "second", "--continues", LIST, "--yes")
    assert done.exit == 0, done.err
    again = written(fr.home.with_name("again.csv"), table(*numbered("own", 3)))
    fr.done("entry", "import", again, "--list", "second", "--basis", "own")
    published = fr.run("publish")
    assert published.exit == 0, published.err
    with Running(fr):
        synced = pair.nl.run("peer", "sync")
    assert report(pair.nl, "fr.example/lists/second").log.head.size == 7, (synced.out, synced.err)


@pytest.mark.threat("an old state")
@pytest.mark.parametrize("held", [True, False], ids=["which a peer followed", "which nobody holds"])
def test_a_thief_who_goes_on_in_the_log_is_told_beside_a_folder_put_back_and_ends(
    pair: Federation, tmp_path: Path, *, held: bool
) -> None:
    grown(pair)
    fr, good = pair.fr, report(pair.fr, ORIGIN).log.head.size
    thief = fr.copied(tmp_path / "thief")
    import_files(thief, numbered("planted", 1))
    assert thief.done("publish")["cosigned"] == 1
    if held:
        with Running(thief):
            pair.nl.done("peer", "sync")
    OutsideNote.of_home(open_identity(Home(fr.home))).drop()
    refused = fr.run("publish")
    seen = (
        r"It was put back, or somebody else signs with its keys: .*"
        rf"nl.example has seen {good + 2} entries of {ORIGIN}, cosigned \d{{4}}-.* UTC;"
        rf" here are {good}, published .* UTC"
    )
    assert re.search(seen, refused.err)
    assert refused.err.count(f"{good + 2} entries") == 1
    for said in (refused, fr.run("contact", "duty@fr.example")):
        assert said.exit == 2
        assert (
            "sigfed backup finish; if nobody put it back, somebody else has its keys: sigfed key revoke"
            in said.err
        )
    key = f"log-lists-{LIST}-1"
    words = ("key", "revoke", key, "--reason", "compromise", "--last-good", str(good))
    assert (
        f"if nobody put this folder back: sigfed {' '.join(words)}\n"
        in fr.told("backup", "finish", "--yes").err
    )
    taken = fr.told(*words, "--yes")
    assert taken.exit == 0, taken.err
    assert f"log-lists-{LIST}-2 signs from now on" in taken.out
    if held:
        with Running(fr):
            pair.nl.run("peer", "sync")
            assert fr.done("key", "resume", LIST)["size"] == good + 2
            publish_files(fr, numbered("own", 1))
            pair.nl.done("peer", "sync")
        assert report(pair.nl, ORIGIN).log.head.size == good + 4
    else:
        assert f"next: sigfed list create NAME --continues {LIST}" in taken.err
        assert fr.run(*words, "--yes").exit == 0, "a second time it does nothing"
        continued(pair)


@pytest.mark.threat("an old state")
def test_what_a_thief_published_before_and_after_a_peer_synced_is_no_good_size(
    pair: Federation, tmp_path: Path
) -> None:
    grown(pair)
    fr, good = pair.fr, report(pair.fr, ORIGIN).log.head.size
    thief = fr.copied(tmp_path / "thief")
    import_files(thief, numbered("planted", 1))
    assert thief.done("publish")["cosigned"] == 1
    with Running(thief):
        pair.nl.done("peer", "sync")
    import_files(thief, numbered("planted later", 1))
    assert thief.done("publish")["cosigned"] == 1
    OutsideNote.of_home(open_identity(Home(fr.home))).drop()
    assert fr.run("publish").exit == 2
    told = fr.told("backup", "finish", "--yes").err
    assert f"sigfed key revoke log-lists-{LIST}-1 --reason compromise --last-good {good}\n" in told


@pytest.mark.threat("an old state")
def test_what_was_good_is_known_however_often_finishing_stops(pair: Federation, tmp_path: Path) -> None:
    """What a peer holds is had back before finishing stops at two histories; what the folder held counts."""
    fr, nl = pair.fr, pair.nl
    fr.copied(tmp_path / "monday")
    good = report(fr, ORIGIN).log.head.size
    thief = fr.copied(tmp_path / "thief")
    grown(pair)
    pair.nl_node.stop()
    for name in ("planted", "more that was planted", "the last"):
        import_files(thief, numbered(name, 3))
        assert thief.run("--alone", "publish").exit == 0
    asking_no_witness(nl)
    with Running(thief):
        nl.done("peer", "sync")
    pair.nl_node = Running(nl)
    put_back(pair, tmp_path / "monday")
    OutsideNote.of_home(open_identity(Home(fr.home))).drop()
    assert fr.run("publish").exit == 2
    stopped = fr.run("backup", "finish", "--yes")
    assert stopped.exit == 14, stopped.err
    told = fr.told("--alone", "backup", "finish", "--yes")
    assert told.exit == 0, told.err
    assert re.findall(rf"key revoke log-lists-{LIST}-1 --reason compromise --last-good (\d+)", told.err) == [
        str(good)
    ]


@pytest.mark.threat("an old state")
def test_what_a_thief_dated_in_the_future_is_not_gone_on_from(pair: Federation, tmp_path: Path) -> None:
    """With a member that helps him: behind such an entry all that this agency publishes would wait for that day."""
    fr, nl = pair.fr, pair.nl
    pair.nl_node.stop()
    thief = fr.copied(tmp_path / "thief")
    import_files(thief, numbered("planted", 1))
    assert thief.run("--alone", "publish", clock="+8h").exit == 0
    asking_no_witness(nl)
    with Running(thief, "--alone"):
        helped = nl.run("peer", "sync", variables=believing_any_date(tmp_path))
        assert helped.exit == 0, helped.err
    pair.nl_node = Running(nl)
    size = report(fr, ORIGIN).log.head.size
    assert report(nl, ORIGIN).log.head.size == size + 2
    OutsideNote.of_home(open_identity(Home(fr.home))).drop()
    import_files(fr, numbered("waiting", 1))
    refused = fr.run("publish")
    assert (refused.exit, f"{size + 2} entries of {ORIGIN}" in refused.err) == (2, True), refused.err
    for _ in range(2):
        stopped = fr.run("backup", "finish", "--yes")
        assert stopped.exit == 14, stopped.err
        assert f"event {size}: is dated in the future" in stopped.err
        assert "sigfed --alone backup finish" in stopped.err
    done = fr.run("--alone", "backup", "finish", "--yes")
    assert done.exit == 0, done.err
    assert {one["origin"]: one["seen"] for one in done.results if "seen" in one} == {ORIGIN: size + 2}
    continued(pair)


@pytest.mark.threat("an old state")
def test_what_was_dated_in_the_future_is_given_up_although_it_waits_in_the_folder(
    pair: Federation, tmp_path: Path
) -> None:
    """A clock was wrong: the folder is of the moment in which that publication was begun."""
    fr, nl = pair.fr, pair.nl
    pair.nl_node.stop()
    size = report(fr, ORIGIN).log.head.size
    import_files(fr, numbered("dated", 1))
    with write_store(open_identity(Home(fr.home))) as store, pytest.raises(SignerDownError):
        publish(store, ORIGIN, signer=NoSigner(), now_ms=time.time_ns() // 10**6 + 8 * 3600 * 1000)
    later = fr.copied(tmp_path / "later")
    assert later.run("--alone", "publish").exit == 0
    asking_no_witness(nl)
    with Running(later, "--alone"):
        helped = nl.run("peer", "sync", variables=believing_any_date(tmp_path))
        assert helped.exit == 0, helped.err
    pair.nl_node = Running(nl)
    log = report(fr, ORIGIN).log
    assert log.pending is not None
    assert (log.head.size, log.pending.size) == (size, report(nl, ORIGIN).log.head.size)
    stopped = fr.run("backup", "finish", "--yes")
    assert (stopped.exit, "sigfed --alone backup finish" in stopped.err) == (14, True), stopped.err
    done = fr.run("--alone", "backup", "finish", "--yes")
    assert done.exit == 0, done.err
    assert {one["origin"]: one["seen"] for one in done.results if "seen" in one} == {ORIGIN: size + 2}
    continued(pair)


def cosigned_by_fr(pair: Federation, name: str) -> None:
    """The other agency publishes more, and the witness of this one cosigns it."""
    with Running(pair.fr):
        import_files(pair.nl, numbered(name, 2))
        assert pair.nl.done("publish")["cosigned"] == 1


def put_witness_back(pair: Federation) -> None:
    """What its witness remembers is of an older day, and all else is of today."""
    database = sqlite3.connect(pair.fr.home / "sigfed.db")
    with database:
        database.execute("DELETE FROM witnessed_log")
    database.close()


@pytest.mark.threat("a witness that forgot")
def test_a_witness_that_forgot_what_it_cosigned_goes_on_under_another_name(pair: Federation) -> None:
    cosigned_by_fr(pair, "first")
    put_witness_back(pair)
    refused = pair.fr.run("run")
    assert refused.exit == 2
    assert "nl.example shows that fr.example/w1 cosigned" in refused.err
    assert "backup finish" in refused.err
    assert pair.fr.run("peer", "sync").exit == 2
    assert pair.fr.run("backup", "finish", "--yes").results[-1]["witness"] == "fr.example/w2"
    with Running(pair.fr):
        pair.nl.done("peer", "sync")
    cosigned_by_fr(pair, "second")
    assert pair.fr.run("peer", "sync").exit == 0, "what the old name has cosigned binds nobody"


@pytest.mark.threat("a witness that forgot")
def test_a_sync_shows_what_the_witness_forgot_too(pair: Federation) -> None:
    cosigned_by_fr(pair, "first")
    put_witness_back(pair)
    refused = pair.fr.run("peer", "sync")
    assert refused.exit == 2
    assert "fr.example/w1 cosigned" in refused.first["outcome"]
    assert pair.fr.run("publish").exit == 2


def test_who_looks_beside_a_running_node_leaves_it_its_gate(agency: Cli) -> None:
    """As the console does: a gate that asks a closed store would open it again, and nobody would close it."""
    identity = open_identity(Home(agency.home))
    with write_store(identity):
        gate = identity.trust.before_signing
        assert list(examine(identity))
        assert identity.trust.before_signing is gate


def _serial(cli: Cli) -> int:
    envelope = json.loads((cli.home / "trust" / "node.json").read_bytes())
    return int(json.loads(b64decode(envelope["payload"]))["serial"])
