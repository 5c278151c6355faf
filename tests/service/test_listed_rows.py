"""What releases list, as rows by keyed hash: read by those who ask, one release after another, from older versions."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, text

from keys.trust.members import Member
from node.app.judgement import Judge
from node.errors import ConflictError, StoreError
from node.evaluator.local_evaluator import InProcessEvaluator
from node.judgement import ranges
from node.judgement.effective import judge_all
from node.judgement.trace import trace
from node.lists.corrections.erase import carry_out, carry_out_everywhere
from node.lists.corrections.shred import prepare, shred
from node.lists.corrections.withdraw import withdraw
from node.lists.heads import next_head
from node.objects import listed_rows
from node.objects.folder import FolderObjects
from node.objects.listed_rows import catch_up, count_strange, listed_in
from node.objects.sealed_names import is_roster
from node.ports.evaluator import EpochSecret
from node.store.store import Store
from node.store.vault import Vault
from node.subsets import release
from node.subsets.catalogue import create_subset
from node.subsets.draft import LIFE
from node.subsets.release import Releaser
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Reason
from protocol.oprf.suite import epoch_key
from protocol.tlog.tiles import encode_bundle
from support.dying import kill_at
from support.new_stores import open_store
from support.older import age, give_rosters
from support.releases import (
    FILTER,
    MAX_AGE,
    SUBSET,
    ReleasingAgency,
    folder,
    listed,
    release_both,
    release_rows,
)
from support.sodium import loaded_group
from support.stores import STORAGE_KEY, Agency, file_digests, rows

both_databases = pytest.mark.both_databases


class Killed(BaseException):
    """What a kill -9 looks like from inside: nothing handles it."""


def claim(fr: ReleasingAgency) -> None:
    """A release that nobody came to sign."""

    def killed(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "require_leaves", killed)
        with pytest.raises(Killed):
            fr.release()


def changing(fr: ReleasingAgency, other: Agency) -> None:
    """A release of two files, and what makes one go and another come."""
    release_both(fr, other, "a", "b")
    withdraw(fr.store, fr.lists.origin, file_digests("a")[0], reason=Reason.OTHER)
    fr.lists.add(rows("c"))
    other.add(rows("c"))
    fr.follow(other)


def table(store: Store) -> list[tuple[object, ...]]:
    with store.read() as unit:
        found = unit._connection.execute(text("SELECT * FROM listed ORDER BY key, rest, since"))
        return [tuple(row) for row in found]


def named(store: Store) -> list[tuple[object, ...]]:
    """Without the rows of which only the tag is left."""
    return [row for row in table(store) if row[7]]


@both_databases
def test_a_release_that_is_claimed_says_nothing_until_it_is_published(
    fr: ReleasingAgency, other: Agency
) -> None:
    changing(fr, other)
    claim(fr)
    assert listed(fr) == {*file_digests("a"), *file_digests("b")}
    found = trace(fr.store, [file_digests("a")[0], file_digests("c")[0]])
    assert [(each.version, each.since) for (each,) in found.values()] == [(1, 1), (1, 0)]
    with fr.store.read() as unit:
        left = {row.name for row in unit.listed.left(SUBSET, 2)}
    assert left == set(fr.store.vault.wide_keys_of(file_digests("a")))
    fr.release()
    assert listed(fr) == {*file_digests("b"), *file_digests("c")}
    assert [row[4] for row in table(fr.store)] == [None] * 4, "nothing is kept of what ended"


def test_another_label_is_another_row_and_nothing_that_left(
    store: Store, tmp_path: Path, other: Agency
) -> None:
    both = replace(FILTER, collections=frozenset({BASELINE, NATIONAL}))
    fr = ReleasingAgency(store, tmp_path / "fr", subset_filter=both)
    release_rows(fr, other, [*rows("a", collection=NATIONAL), *rows("b")])
    before = set(table(fr.store))
    for agency in (fr.lists, other):
        agency.add(rows("a"))
    fr.follow(other)
    claim(fr)
    with fr.store.read() as unit:
        assert unit.listed.left(SUBSET, 2) == []
    fr.release()
    assert [(each.added, each.removed) for each in fr.records] == [(4, 0), (0, 0)]
    changed = set(table(fr.store)) - before
    assert {row[1:3] for row in changed} == set(fr.store.vault.wide_keys_of(file_digests("a")))
    assert {row[3] for row in changed} == {2}
    fr.evaluator.close()


@both_databases
def test_a_digest_that_shares_its_look_up_key_with_a_listed_one_is_not_taken_for_it(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While lists are stale, what was listed before stays, and what is new does not come."""
    macs = Vault._macs_of

    def alike(vault: Vault, algorithm: int, values: bytes) -> np.ndarray:
        found = macs(vault, algorithm, values)
        found[:, 0] = 7
        return found

    monkeypatch.setattr(Vault, "_macs_of", alike)
    release_both(fr, other, "a")
    fr.lists.add(rows("b"))
    other.add(rows("b"))
    fr.follow(other)
    fr.clock.advance(timedelta(days=2))
    judge = Judge(fr.store, node="fr.example", members=fr.trust.members, clock=fr.clock, max_age=MAX_AGE)
    a, b = file_digests("a")[0], file_digests("b")[0]
    effective = {(BASELINE, digest) for digest in file_digests("a")}
    assert judge.some([a, b]).decision.effective.keys() & {(BASELINE, a), (BASELINE, b)} == {(BASELINE, a)}
    shares = judge_all(fr.store, fr.trust.members(), now=fr.clock.now(), max_age=MAX_AGE).shares
    assert {key for share in shares for key in share.effective} == effective
    fr.lists.publish()
    assert not fr.release_only().published
    withdraw(fr.store, fr.lists.origin, a, reason=Reason.OTHER)
    assert (fr.release().removed, listed(fr)) == (2, set())


def test_what_is_released_waits_no_more_when_a_list_grows_stale(fr: ReleasingAgency, other: Agency) -> None:
    """The queue of an agency without lists: what two others list waits for it only while it is not effective."""
    release_both(fr, other, "a")
    judge = Judge(fr.store, node="be.example", members=fr.trust.members, clock=fr.clock, max_age=MAX_AGE)
    assert judge.now().waiting.places() == []
    fr.lists.add(rows("b"))
    other.add(rows("b"))
    fr.follow(other)
    fr.lists.publish()
    fr.clock.advance(timedelta(days=2))
    (waiting,) = judge.files(judge.now().waiting.places())[1]
    assert waiting.entries[0].digest in file_digests("b")
    assert (waiting.countries, waiting.missing) == (("FR",), 1)
    fr.clock.advance(timedelta(days=-2))
    assert fr.release().added == 2
    assert judge.now().waiting.places() == []
    fr.clock.advance(timedelta(days=2))
    assert judge.now().waiting.places() == []


def test_whoever_reads_on_in_a_release_that_was_replaced_is_told(fr: ReleasingAgency, other: Agency) -> None:
    changing(fr, other)
    record, digests = fr.records[-1], file_digests("a")
    now, members = fr.clock.now(), fr.trust.members()
    fr.lists.publish()
    shares = judge_all(fr.store, members, now=now, max_age=MAX_AGE).shares
    fr.release_only()
    with fr.store.read() as unit, pytest.raises(ConflictError):
        listed_in(fr.store, unit, record, digests)
    with pytest.raises(ConflictError, match="released meanwhile"):
        list(shares)


def test_a_judgement_of_everything_is_made_again_when_a_release_came_meanwhile(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_both(fr, other, "a")
    fr.clock.advance(timedelta(days=2))
    judge = Judge(fr.store, node="fr.example", members=fr.trust.members, clock=fr.clock, max_age=MAX_AGE)
    in_ranges, begun = ranges.ranges_of, list[int]()

    def overtaken(*given: Any) -> Iterator[ranges.Range]:
        begun.append(len(fr.records))
        if len(begun) == 1:
            fr.admit(Member(node="be.example", root_sha256=b"\x03" * 32, country="BE"))
            assert fr.release().version == 2
        return in_ranges(*given)

    monkeypatch.setattr("node.judgement.effective.ranges_of", overtaken)
    assert judge.now().premises.releases == (fr.records[-1],)
    assert (begun[0], begun[-1]) == (1, 2)


@both_databases
def test_what_is_shredded_in_the_moment_of_a_claim_has_no_name(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    for agency in (fr.lists, other):
        agency.add(rows("a", "b"))
    fr.follow(other)
    fr.lists.publish()
    plan = prepare(fr.store, fr.lists.origin, file_digests("a")[0])

    def shred_it() -> None:
        shred(fr.store, fr.lists.origin, plan.position, reason=Reason.OTHER)
        fr.lists.publish()

    shredding = Thread(target=shred_it)

    def overtaken(*args: Any, **named: Any) -> object:
        """In the transaction of the claim, which has looked at what is shredded by then."""
        shredding.start()
        shredding.join(2)  # what does not wait for the claim is done by then
        return next_head(*args, **named)

    monkeypatch.setattr("node.subsets.release.next_head", overtaken)
    assert fr.release_only().entries == 4
    shredding.join()
    assert {row[1:3] for row in named(fr.store)} == set(fr.store.vault.wide_keys_of(file_digests("b")))


# ------------------------------------------------------------------ damage


@pytest.mark.parametrize("at_once", [1, 2**15])
def test_rows_that_are_not_of_the_release_stop_the_next_one(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(listed_rows, "_AT_ONCE", at_once)
    release_both(fr, other, "a", "b")
    assert count_strange(fr.store, fr.records[-1]) == (0, 0)
    with fr.store.write() as unit:
        unit._connection.execute(text("UPDATE listed SET tag = tag / 2"))
    assert count_strange(fr.store, fr.records[-1]) == (4, 0)
    folder(fr).forget_basis()  # else rows of what did not change are not read
    with pytest.raises(StoreError, match="lists what its files do not"):
        fr.release()
    assert len(fr.records) == 1


def test_missing_rows_are_told_from_those_that_were_shredded(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a", "b")
    plan = prepare(fr.store, fr.lists.origin, file_digests("a")[0])
    shred(fr.store, fr.lists.origin, plan.position, reason=Reason.OTHER)
    fr.lists.publish()
    assert len(named(fr.store)) == 2
    assert count_strange(fr.store, fr.records[-1]) == (0, 0)
    with fr.store.write() as unit:
        unit._connection.execute(text("DELETE FROM listed"))
    assert count_strange(fr.store, fr.records[-1]) == (0, 2)


def test_a_row_that_an_older_shredding_of_a_peer_took_is_not_missing(
    fr: ReleasingAgency, other: Agency
) -> None:
    """What a peer shredded and others listed then is in releases made since, until the others list it no more."""
    fr.trust.revise_members(
        lambda old: replace(
            old, members=tuple(replace(each, authority_for=frozenset({BASELINE})) for each in old.members)
        ),
        signers=fr.signers,
    )
    for agency in (fr.lists, other):
        agency.add(rows("a", "b"))
    fr.follow(other)
    files = fr.lists.files(other.origin)
    opened = files.openings(0, size=fr.lists.log_of(other.origin).head.size)
    plan = prepare(other.store, other.origin, file_digests("a")[0])
    shred(other.store, other.origin, plan.position, reason=Reason.OTHER)
    fr.follow(other)
    fr.clock.advance(timedelta(hours=1))
    assert fr.release().entries == 4
    withdraw(fr.store, fr.lists.origin, file_digests("a")[0], reason=Reason.OTHER)
    fr.lists.publish()
    (name,) = fr.store.objects.ls(files.name("openings", ""))
    kept = files.openings(0, size=fr.lists.log_of(other.origin).head.size)
    again = encode_bundle([*opened, *kept[len(opened) :]])
    fr.store.objects.put(name, fr.store.vault.seal(name, again))  # as a pull may that lost its race
    carry_out_everywhere(fr.store, now_ms=fr.lists.now_ms)
    assert len(named(fr.store)) == 2
    assert count_strange(fr.store, fr.records[-1]) == (0, 0)


# ------------------------------------------------------------------ homes of older versions


def rosters(store: Store) -> list[str]:
    return [name for name in store.objects.ls("releases/") if is_roster(name)]


@both_databases
@pytest.mark.parametrize("labels", [True, pytest.param(False, id="without labels")])
def test_a_home_of_an_older_version_is_read_once_wherever_that_is_killed(
    store: Store, other: Agency, dsn: str, tmp_path: Path, labels: bool
) -> None:
    """One of whose releases waits for its signature."""
    fr = ReleasingAgency(store, tmp_path / "fr", subset_filter=replace(FILTER, labels=labels))
    changing(fr, other)
    claim(fr)
    before = table(store)
    give_rosters(fr)
    store.dispose()
    age(dsn, "0028")
    for place in ("before-rows", "before-advancing", "before-forgetting"):
        kill_at(tmp_path, dsn, "listed", place)
        assert len(rosters(store)) == 2
    again = open_store(dsn, storage_key=STORAGE_KEY, objects=FolderObjects(tmp_path / "objects"))
    try:
        catch_up(again)
        assert table(again) == before
        with again.read() as unit:
            assert unit.releases.unlisted() == []
        assert len(rosters(again)) == 2, (
            "of the newest and of the claimed release: the third died before it deleted"
        )
        fr.release_only()
        assert rosters(again) == []
    finally:
        again.dispose()
        fr.evaluator.close()


def test_the_next_release_of_an_older_home_says_the_same_and_evaluates_nothing_again(
    fr: ReleasingAgency, other: Agency
) -> None:
    release_both(fr, other, "a", "b")
    give_rosters(fr)
    older(fr.store)
    folder(fr).forget_basis()
    asked = fr.evaluations()
    report = fr.release()
    assert (report.published, report.entries, asked) == (False, 4, [1])
    fr.clock.advance(LIFE)
    again = fr.release()
    assert (again.version, again.added, again.removed) == (2, 0, 0)
    assert rosters(fr.store) == []


def older(store: Store) -> None:
    """Let the rows of an open store be gone, as if they had never been."""
    with store.write() as unit:
        unit._connection.execute(text("DELETE FROM listed"))
        unit._connection.execute(text("UPDATE subset SET listed = 0"))


def test_a_roster_that_is_not_whole_stops_whoever_asks(fr: ReleasingAgency, other: Agency) -> None:
    """It would read as nothing listed before."""
    release_both(fr, other, "a")
    older(fr.store)
    with pytest.raises(StoreError, match="not whole"):
        fr.release()
    fr.store.objects.put(f"{folder(fr).prefix}roster/000000", b"\1" * 99)
    with pytest.raises(StoreError, match="does not open"):
        trace(fr.store, file_digests("a"))
    assert len(fr.records) == 1


def test_whoever_reads_an_older_home_while_another_makes_an_end_of_it_finds_it_made(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_both(fr, other, "a", "b")
    before = table(fr.store)
    give_rosters(fr)
    older(fr.store)
    read = listed_rows.rows_of_roster

    def overtaken(*args: object) -> object:
        monkeypatch.setattr(listed_rows, "rows_of_roster", read)
        catch_up(fr.store)
        assert rosters(fr.store) == []
        return read(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(listed_rows, "rows_of_roster", overtaken)
    catch_up(fr.store)
    assert table(fr.store) == before


def test_what_is_shredded_while_an_older_home_is_read_does_not_come_back(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_both(fr, other, "a", "b")
    give_rosters(fr)
    older(fr.store)
    read, first = listed_rows.rows_of_roster, iter([True])

    def overtaken(*args: object) -> list[object]:
        found = list(read(*args))  # type: ignore[arg-type]
        if next(first, False):
            plan = prepare(fr.store, fr.lists.origin, file_digests("a")[0])
            shred(fr.store, fr.lists.origin, plan.position, reason=Reason.OTHER)
            fr.lists.publish()
            carry_out(fr.store, fr.lists.origin, now_ms=fr.lists.now_ms)
        return found  # type: ignore[return-value]

    monkeypatch.setattr(listed_rows, "rows_of_roster", overtaken)
    catch_up(fr.store)
    assert listed(fr) == set(file_digests("b"))
    assert rosters(fr.store) == []


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_roster_that_is_not_whole_keeps_no_shredding_and_no_withdrawal_back(
    fr: ReleasingAgency, other: Agency, damage: str
) -> None:
    """What of it still opens loses the digest; a backup that brings the rest back does not bring the digest."""
    release_both(fr, other, "a", "b")
    give_rosters(fr)
    older(fr.store)
    (roster,) = rosters(fr.store)
    backup = fr.store.objects.get(roster)
    if damage == "missing":
        fr.store.objects.delete(roster)
    else:
        fr.store.objects.put(roster, bytes([backup[0] ^ 1]) + backup[1:])
    plan = prepare(fr.store, fr.lists.origin, file_digests("a")[0])
    shred(fr.store, fr.lists.origin, plan.position, reason=Reason.OTHER)
    withdraw(fr.store, fr.lists.origin, file_digests("b")[0], reason=Reason.OTHER)
    fr.lists.publish()
    with fr.store.read() as unit:
        assert len(unit.tombstones.ls()) == 2
        assert {each.erased_ms for each in unit.shreddings.ls()} == {fr.lists.now_ms}
    fr.store.objects.put(roster, backup)
    catch_up(fr.store)
    assert listed(fr) == set(file_digests("b"))
    assert rosters(fr.store) == []
    assert (fr.release().removed, listed(fr)) == (4, set())


def test_what_is_shredded_goes_from_rosters_that_nobody_asked_for_yet(
    fr: ReleasingAgency, other: Agency
) -> None:
    release_both(fr, other, "a", "b")
    give_rosters(fr)
    older(fr.store)
    (roster,) = rosters(fr.store)
    plan = prepare(fr.store, fr.lists.origin, file_digests("a")[0])
    shred(fr.store, fr.lists.origin, plan.position, reason=Reason.OTHER)
    fr.lists.publish()
    data = fr.store.vault.unseal(roster, fr.store.objects.get(roster))
    assert [digest.value in data for name in ("a", "b") for digest in file_digests(name)] == [
        False,
        False,
        True,
        True,
    ]


def test_a_roster_that_is_not_whole_stops_no_other_subset(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a")
    seed = b"\x06" * 32
    create_subset(
        fr.store,
        "fr.example",
        "second",
        FILTER,
        pk=epoch_key(loaded_group(), seed).public,
        now_ms=fr.lists.now_ms,
    )
    evaluator = InProcessEvaluator(
        loaded_group(), [EpochSecret(subset="second", epoch=1, seed=seed)], entropy=os.urandom
    )
    older(fr.store)
    report = Releaser(fr.store, fr.signer, evaluator).release(
        "second", members=fr.trust.members(), now=fr.clock.now(), max_age=MAX_AGE
    )
    evaluator.close()
    assert (report.published, report.entries) == (True, 2)
    with pytest.raises(StoreError, match="not whole"):
        fr.release()


def test_one_change_goes_through_no_table_of_a_whole_release(
    store: Store, fr: ReleasingAgency, other: Agency
) -> None:
    changing(fr, other)
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, sql: str, values: Any, *_: object) -> None:
        if "listed" in sql and sql.startswith(("SELECT", "UPDATE", "DELETE")):
            asked.append((sql, values[0] if isinstance(values, list) else values))

    event.listen(store._engine, "before_cursor_execute", note)
    fr.release()
    event.remove(store._engine, "before_cursor_execute", note)
    with store.read() as unit:
        plans = {
            sql: [row[-1] for row in unit._connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
            for sql, values in asked
        }
    assert any("ix_listed_shredded" in step for plan in plans.values() for step in plan)
    assert any("ix_listed_ended" in step for plan in plans.values() for step in plan)
    assert not [sql for sql, plan in plans.items() if "SEARCH listed USING PRIMARY KEY (subset=?)" in plan]
