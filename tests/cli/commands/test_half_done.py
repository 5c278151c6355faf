"""What fails halfway: what was done is told, and on record as done in part."""

import io
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from errno import ENOSPC
from hashlib import sha256
from pathlib import Path

import pytest

from node.errors import StoreError
from node.formats import read_rows
from node.home import Home
from node.identity.identity import Identity, open_identity
from node.lists.imports.intake import Statement, import_rows
from node.lists.queue import Queue
from node.rotation.revoke import confirm_by_witnesses
from node.rotation.store import write_store
from node.store.store import Store
from node.witnesses.standings import Cosigned
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis
from support.agencies import (
    BOTH,
    LIST,
    SUBSET,
    UNLISTED,
    Federation,
    import_files,
    numbered,
    row,
    table,
    written,
)
from support.digest_search import DigestSearch
from support.processes import Cli, Finished

_LOG = f"fr.example/lists/{LIST}"


@pytest.fixture
def fr(federation: Federation, tmp_path: Path) -> Cli:
    """A copy of an agency that has a peer."""
    return federation.fr_copied(tmp_path / "fr")


def failing_after(place: str, times: int, patch: pytest.MonkeyPatch) -> None:
    """What works so many times, and then finds no room on the disk."""
    work, left = pkgutil.resolve_name(place), iter(range(times))

    def worked(*given: object, **named: object) -> object:
        if next(left, None) is None:
            raise OSError(ENOSPC, "No space left on device")
        return work(*given, **named)

    patch.setattr(place, worked)


def partly(cli: Cli, finished: Finished, action: str) -> dict[str, str]:
    """Checks that a command failed on the disk and its newest record says so; what that holds."""
    assert "no room is left on its disk" in finished.err
    newest = [one for one in cli.run("audit", "ls").results if one["action"] == action][-1]
    assert newest["outcome"] == "partly"
    return dict(newest["details"])


_AMEND = ("amend", "--criteria", "2")
_DISPUTE = ("dispute", "--yes", "--this-hash-only")
_WITHDRAW = ("withdraw", "--yes")
_NOW = (*_WITHDRAW, "--now")
_FACTS = {"amend": ("amended", "2"), "dispute": ("disputed", "1"), "withdraw": ("withdrawals", "2")}
TWO_FILES, ONE_FILE = "\n".join(row(BOTH).split(",")[:2]), table(BOTH)


@pytest.mark.parametrize(
    ("words", "asked", "place", "times"),
    [
        pytest.param(_AMEND, TWO_FILES, "node.lists.corrections.amend.amend", 1, id="amend file"),
        pytest.param(_AMEND, ONE_FILE, "node.lists.corrections.amend.amend", 1, id="amend hash"),
        pytest.param(_DISPUTE, TWO_FILES, "node.lists.corrections.dispute.dispute", 1, id="dispute"),
        pytest.param(_WITHDRAW, TWO_FILES, "node.lists.corrections.withdraw.withdraw", 1, id="withdraw file"),
        pytest.param(_WITHDRAW, ONE_FILE, "node.lists.corrections.withdraw.withdraw", 1, id="withdraw hash"),
        pytest.param(_NOW, ONE_FILE, "node.app.recall.recall_now", 0, id="recall"),
        pytest.param(_NOW, ONE_FILE, "node.judgement.recall.report_withdrawals", 0, id="report"),
    ],
)
def test_what_was_done_is_told_and_recorded_whatever_fails_next(
    fr: Cli,
    tmp_path: Path,
    words: tuple[str, ...],
    asked: str,
    place: str,
    times: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing_after(place, times, monkeypatch)
    verb, *more = words
    hashes = written(tmp_path / "asked", asked)
    finished = fr.run("entry", verb, "--list", LIST, "--hash-from", hashes, *more)
    name, count = _FACTS[verb]
    assert [str(one[name]) for one in finished.results] == [count]
    assert partly(fr, finished, f"entry.{verb}")[name] == count


def test_whoever_another_import_overtakes_is_told_that_nothing_was_done(
    agency: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the other one did is no part of it."""
    same, shuffle = table(b"taken in by both"), Queue.shuffle

    def other() -> None:
        with write_store(open_identity(Home(agency.home))) as store:
            rows = read_rows(io.BytesIO(same.encode()), collection=BASELINE)
            import_rows(store, _LOG, rows, statement=Statement(basis=Basis.OWN, criteria=1), now_ms=1)

    def overtaken(queue: Queue) -> None:
        monkeypatch.setattr(Queue, "shuffle", shuffle)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(other).result()
        shuffle(queue)

    monkeypatch.setattr(Queue, "shuffle", overtaken)
    before = len(agency.run("audit", "ls").results)
    path = written(tmp_path / "same", same)
    lost = agency.run("entry", "import", path, "--list", LIST, "--basis", "own")
    assert (lost.exit, lost.out) == (2, "")
    assert "another import" in lost.err
    assert "a part" not in lost.err
    assert len(agency.run("audit", "ls").results) == before


def test_what_is_still_listed_is_told_though_what_follows_failed_as_well(
    fr: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_after("node.app.recall.recall_now", 0, monkeypatch)
    hashes = written(tmp_path / "asked", table(BOTH, UNLISTED))
    finished = fr.run("entry", "withdraw", "--list", LIST, "--hash-from", hashes, *_NOW[1:])
    assert partly(fr, finished, "entry.withdraw")["withdrawals"] == "2"
    assert f"not (any more) in {_LOG}: line 3" in finished.err


def test_what_was_taken_out_is_told_and_deleted_though_it_could_not_be_cosigned(
    fr: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tripwire says so, too, whatever becomes of the cosigning of what it took out."""

    def would_not_stand_still(*_: object) -> None:
        raise StoreError("its note would not stand still")

    monkeypatch.setattr("node.store.peers.cosignatures.CosignerRows.put", would_not_stand_still)
    both = written(tmp_path / "both", table(BOTH))
    fr.add_persons("alice", "bruno")
    fr.done("guard", "tripwire", "add", "--hash-from", both, "--note", "the logo")
    tripped = fr.run("subset", "release", SUBSET)
    assert (tripped.exit, tripped.out) == (14, "")
    assert "adds nothing" in tripped.err
    assert "not cosigned: its note would not stand still" in tripped.err
    told = str(fr.agreed("entry", "shred", "--list", LIST, "--hash-from", both, "--yes")["result"])
    assert "2 withdrawn now" in told
    assert "not cosigned: its note would not stand still; deleted here" in told
    search = DigestSearch([sha256(BOTH).digest()])
    files = [path for path in fr.home.rglob("*") if path.is_file()]
    assert not any(list(search.sightings(path.read_bytes(), str(path))) for path in files)


def test_what_is_out_is_told_though_it_could_not_be_cosigned(
    fr: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that saw nothing would take it for not published, and a person for not withdrawn."""
    import_files(fr, numbered("uncosigned", 2))
    failing_after("node.store.peers.cosignatures.CosignerRows.put", 0, monkeypatch)
    published = fr.run("publish")
    (listed,) = published.results
    assert (listed["origin"], listed["adds"]) == (_LOG, 4)
    assert (listed["cosigned"], listed["missing"]) == (None, None)
    released = fr.run("subset", "release", SUBSET)
    (release,) = released.results
    assert (release["subset"], release["cosigned"], release["missing"]) == (SUBSET, None, None)
    assert "not cosigned; ask again with: sigfed witness ask" in released.err
    assert (published.exit, released.exit) == (2, 2)


@pytest.mark.threat("a bad import")
def test_a_list_that_is_beyond_the_limits_keeps_no_other_from_being_published(
    agency: Cli, tmp_path: Path
) -> None:
    """By name it comes before the other, whose withdrawals wait."""
    agency.done("list", "create", "abc")
    agency.done("list", "create", "xyz")
    assert agency.run("publish").exit == 0, "the first of a list is not counted"
    identity = open_identity(Home(agency.home))
    identity.trust.revise_document(
        lambda old: replace(old, serial=old.serial + 1, limits=replace(old.limits, max_adds_per_day=2)),
        signers=identity.targets_signers(),
    )
    for name, contents in (("abc", numbered("many", 2)), ("xyz", numbered("few", 1))):
        path = written(tmp_path / name, table(*contents))
        agency.done("entry", "import", path, "--list", name, "--basis", "own")
    published = agency.run("publish")
    sizes = {one["origin"].rpartition("/")[2]: one["adds"] for one in published.results}
    assert (published.exit, sizes) == (2, {LIST: 0, "xyz": 2})
    assert "fr.example/lists/abc: not published" in published.err
    assert "2 a day are announced" in published.err


def test_a_key_that_was_taken_back_is_told_though_nobody_could_confirm_its_log(
    agency: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_after("node.witnesses.cosignatures.Cosigning.collect", 0, monkeypatch)
    stolen = ("key", "revoke", f"log-lists-{LIST}-1", "--reason", "compromise", "--last-good", "0", "--yes")
    done = agency.done(*stolen)
    assert (done["key"], done["keys"]) == (f"log-lists-{LIST}-1", 1)


def test_a_key_that_stopped_is_told_though_nothing_was_proposed(
    agency: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_after("node.rotation.revoke.revoke_keys", 0, monkeypatch)
    revoke = ("--proposal", str(tmp_path / "revoke"), "key", "revoke", "auth-1", "--reason", "lost", "--yes")
    finished = agency.run(*revoke)
    assert "a part of it may have been done" in finished.err
    assert "nothing to sign" not in finished.err
    partly(agency, finished, "key.revoke")
    wrong = {one["words"]: one["step"] for one in agency.run("doctor").results if one["health"] == "fail"}
    assert wrong["auth-1 was taken back, and no key signs after it"] == "sigfed key rotate auth"


def test_a_root_that_is_in_force_is_on_record_though_the_old_keys_are_still_there(
    agency: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_after("node.rotation.next_root._destroy_replaced", 0, monkeypatch)
    finished = agency.run("key", "rotate", "root", "--yes")
    assert partly(agency, finished, "key.rotate")["role"] == "root"


def test_where_a_log_goes_on_is_on_record_though_what_follows_failed(
    agency: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def missing_one(identity: Identity, store: Store, origin: str) -> Cosigned:
        return replace(await confirm_by_witnesses(identity, store, origin), missing=1)

    with monkeypatch.context() as alone:
        alone.setattr("node.rotation.revoke.confirm_by_witnesses", missing_one)
        stolen = ("key", "revoke", f"log-lists-{LIST}-1", "--reason", "compromise", "--last-good", "0")
        agency.done(*stolen, "--yes")
    failing_after("node.rotation.revoke.tell", 0, monkeypatch)
    assert partly(agency, agency.run("key", "resume", LIST), "key.resume")["log"] == _LOG


def test_a_key_that_was_let_begin_is_on_record_though_what_follows_failed(
    fr: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr.done("key", "rotate", "log", "--of", LIST)
    failing_after("node.rotation.rotate._sign_heads", 0, monkeypatch)
    name = f"log-lists-{LIST}-2"
    assert partly(fr, fr.run("key", "allow", name), "key.allow")["name"] == name


def test_a_peer_that_is_followed_is_on_record_though_nobody_was_asked_for_more(
    fr: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr.add_persons("alice", "bruno")
    fr.done("peer", "remove", "nl.example")
    failing_after("node.access.approvals.Approvals.request", 0, monkeypatch)
    asked = fr.run_as("alice", "peer", "add", "nl.example", "--grant", "baseline,national")
    assert partly(fr, asked, "peer.add")["node"] == "nl.example"
    assert [one["peer"] for one in fr.run("peer", "ls").results] == ["nl.example"]


def test_a_member_that_may_read_no_more_is_on_record_though_it_counts_still(
    fr: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        failing_after("node.trust.own.OwnTrust.revise_members", 0, patched)
        finished = fr.run("member", "remove", "nl.example", "--yes")
    assert partly(fr, finished, "member.remove")["node"] == "nl.example"
    assert fr.run("peer", "ls").results == []
    assert fr.done("member", "remove", "nl.example", "--yes")["members"] == 1


@pytest.mark.threat("a removed member")
@pytest.mark.parametrize("place", ["node.peers.membership:_forget", "node.trust.own:OwnTrust.revise_members"])
def test_a_removal_that_is_killed_is_finished_by_the_next(fr: Cli, place: str) -> None:
    fr.killed(f"{place} 0", "member", "remove", "nl.example", "--yes")
    assert fr.done("member", "remove", "nl.example", "--yes")["members"] == 1
    assert fr.run("peer", "ls").results == []
