"""A release begins from the one before where what moved leads to hashes, and is made whole where it may be anything.

That both are byte for byte the same is shown by tests/property/test_release_properties.py.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from sqlalchemy import text

from keys.key import LogPrivateKey
from keys.trust.members import Member, Members
from node.clock import milliseconds
from node.errors import StoreError, TripwireError
from node.judgement.effective import judge_all
from node.judgement.premises import Premises
from node.lists.corrections.amend import Amendment, amend
from node.lists.corrections.dispute import dispute
from node.lists.corrections.erase import carry_out
from node.lists.corrections.shred import prepare, shred
from node.lists.corrections.withdraw import withdraw
from node.lists.guards import Guards
from node.objects.listed_rows import rows_in, shredded_in
from node.objects.release_files import ReleaseFolder
from node.objects.sealed_names import basis_name, is_basis
from node.peers.sync.overlays import OverlayKeeper
from node.ports.evaluator import EpochSecret
from node.store.lists.records import FORKED, Quarantined, Shredding, Tombstone
from node.store.store import Store
from node.subsets import changes, conditions
from node.subsets.compare import differing
from node.subsets.compose import screen_of
from node.subsets.grounds import Order, stale
from protocol.encoding import Octets
from protocol.lists.event import BASELINE, Op
from protocol.lists.ext import Basis, EntryRef, Reason
from protocol.oprf.suite import epoch_key
from protocol.subset.chunks import ChunkRoot
from protocol.subset.files import read_release
from protocol.subset.release import Release
from protocol.subset.screen import screen_value
from support.releases import (
    EVERY,
    MAX_AGE,
    SEED,
    SUBSET,
    ReleasingAgency,
    folder,
    listed,
    listed_of,
    release_both,
    rob,
)
from support.sodium import loaded_group
from support.stores import Agency, deliver, file_digests, make_store, rows, sqlite_dsn

FILES = tuple(f"file {number}" for number in range(12))
Change = Callable[[ReleasingAgency, Agency], object]


@pytest.fixture
def fr(store: Store, tmp_path: Path, other: Agency) -> Iterator[ReleasingAgency]:
    agency = ReleasingAgency(store, tmp_path / "fr")
    release_both(agency, other, *FILES)
    yield agency
    agency.evaluator.close()


def add(fr: ReleasingAgency, nl: Agency, *names: str) -> None:
    for agency in (fr.lists, nl):
        agency.add(rows(*names))


def is_made_whole(fr: ReleasingAgency) -> bool:
    with patch("node.subsets.draft.judge_all", wraps=judge_all) as judged:
        fr.release()
    return bool(judged.called)


def disputed(fr: ReleasingAgency, nl: Agency) -> None:
    nl.add(rows("z"))
    fr.follow(nl)
    dispute(fr.store, fr.lists.origin, [file_digests("z")[0]])


EVENTS: dict[str, Change] = {
    "nothing": lambda fr, nl: None,
    "two more files": lambda fr, nl: add(fr, nl, "a", "b"),
    "a withdrawal": lambda fr, nl: withdraw(
        fr.store, fr.lists.origin, file_digests("file 1")[0], reason=Reason.OTHER
    ),
    "an error": lambda fr, nl: withdraw(nl.store, nl.origin, file_digests("file 1")[0], reason=Reason.ERROR),
    "an amended entry": lambda fr, nl: amend(
        fr.store, fr.lists.origin, file_digests("file 1")[0], Amendment(basis=Basis.REVIEWED).revise
    ),
    "a dispute": disputed,
}


@pytest.mark.parametrize("change", EVENTS.values(), ids=EVENTS)
def test_new_events_are_judged_by_themselves(fr: ReleasingAgency, other: Agency, change: Change) -> None:
    change(fr, other)
    fr.follow(other)
    assert not is_made_whole(fr)
    change(fr, other) if change is EVENTS["nothing"] else add(fr, other, "later")
    fr.follow(other)
    assert not is_made_whole(fr), "nor is the one after it"


def silent(fr: ReleasingAgency, nl: Agency) -> None:
    fr.clock.advance(timedelta(days=2))


def back(fr: ReleasingAgency, nl: Agency) -> None:
    fr.follow(nl)


def withholds_revocations(fr: ReleasingAgency, nl: Agency) -> None:
    with fr.store.write() as unit:
        unit.revocations.name(nl.node, b"\1" * 32)


def gives_revocations(fr: ReleasingAgency, nl: Agency) -> None:
    with fr.store.write() as unit:
        unit.revocations.name(nl.node, None)


def convicted(fr: ReleasingAgency, nl: Agency) -> None:
    with fr.store.write() as unit:
        log = unit.logs.get(nl.origin)
        unit.quarantine.add(
            [Quarantined(log_id=log.id, kind=FORKED, first=0, last=0, reason="a fork", created_ms=0)]
        )


def acquitted(fr: ReleasingAgency, nl: Agency) -> None:
    with fr.store.write() as unit:
        for each in unit.quarantine.ls():
            unit.quarantine.release(each.id, now_ms=1)


EDGES: dict[str, tuple[Change, Change]] = {
    "a silent peer": (silent, back),
    "revocations that are not held": (withholds_revocations, gives_revocations),
    "a log that a proof convicted": (convicted, acquitted),
}


@pytest.mark.parametrize(("goes", "comes"), EDGES.values(), ids=EDGES)
def test_a_list_that_is_not_fresh_keeps_out_what_is_new_and_is_judged_when_it_is(
    fr: ReleasingAgency, other: Agency, goes: Change, comes: Change
) -> None:
    """For as long as a peer is silent, and a convicted log may stand still for months, no release is made whole."""
    waiting = file_digests("waiting")[0]
    other.add(rows("waiting"))
    fr.follow(other)
    assert not is_made_whole(fr)
    before = listed(fr)
    goes(fr, other)
    fr.lists.add(rows("waiting"))
    assert not is_made_whole(fr), "of what is listed, nothing leaves"
    assert listed(fr) == before
    assert compared(fr) == 0
    fr.lists.add(rows("only fr"))
    assert not is_made_whole(fr), "nor is the one after it"
    comes(fr, other)
    assert not is_made_whole(fr)
    assert waiting in listed(fr)
    assert compared(fr) == 0
    assert not is_made_whole(fr)


def test_what_a_stale_list_says_of_what_became_listed_without_it_is_heard_by_the_next_release(
    fr: ReleasingAgency, other: Agency, tmp_path: Path
) -> None:
    """Two fresh lists are enough; its label names the two with the lowest numbers of all that list it."""
    with third_agency(tmp_path) as third:
        fr.admit(Member(node=third.node, root_sha256=b"\x03" * 32, country="BE"))
        third.add(rows("of be"))
        other.add(rows("heard"))
        fr.follow(other)
        fr.follow(third)
        fr.release()
        silent(fr, other)
        third.add(rows("heard"))
        fr.follow(third)
        fr.lists.add(rows("heard"))
        assert not is_made_whole(fr)
        before = listed_of(fr.store)[file_digests("heard")[0]].label
        assert not is_made_whole(fr)
        assert compared(fr) == 0
        assert listed_of(fr.store)[file_digests("heard")[0]].label != before
        assert not is_made_whole(fr)
        assert len(fr.records) == 4, "and is not heard twice"


def test_too_much_that_waits_makes_it_whole_once(fr: ReleasingAgency, other: Agency) -> None:
    names = [f"new {number}" for number in range(4)]
    other.add(rows(*names))
    fr.follow(other)
    fr.release()
    silent(fr, other)
    fr.lists.add(rows(*names))
    fr.release()
    with patch("node.judgement.conditions._FEW", 7):
        fr.lists.add(rows("only fr"))
        assert not is_made_whole(fr), "what waits is judged when it may be listed"
        back(fr, other)
        assert is_made_whole(fr), "eight hashes waited"
        assert listed(fr) >= {digest for name in names for digest in file_digests(name)}
        fr.lists.add(rows("one more"))
        assert not is_made_whole(fr)


def shredded(fr: ReleasingAgency, nl: Agency) -> None:
    plan = prepare(fr.store, fr.lists.origin, file_digests("file 2")[0])
    shred(fr.store, fr.lists.origin, plan.position, reason=Reason.LEGAL)


def set_aside(fr: ReleasingAgency, nl: Agency) -> None:
    with fr.store.write() as unit:
        log = unit.logs.get(nl.origin)
        unit.quarantine.add(
            [Quarantined(log_id=log.id, kind="add", first=2, last=3, reason="listed", created_ms=0)]
        )


def next_epoch(fr: ReleasingAgency, nl: Agency) -> None:
    seed = b"\x06" * 32
    secrets = [EpochSecret(subset=SUBSET, epoch=at, seed=each) for at, each in enumerate((SEED, seed), 1)]
    fr.evaluator.hold(secrets)
    with fr.store.write() as unit:
        unit.subsets.enter(SUBSET, 2, epoch_key(loaded_group(), seed).public)


def one_more_list(fr: ReleasingAgency, nl: Agency) -> None:
    lists = Agency(fr.store, fr.lists.folder, name="more")
    lists.publish(rows("file 1"))


def another_tripwire(fr: ReleasingAgency, nl: Agency) -> None:
    """SQLite gives it the number of the one that was removed."""
    guards = Guards(fr.store)
    guards.add_tripwires(file_digests("wrong")[:1], note="", now_ms=1)
    add(fr, nl, "a")
    fr.follow(nl)
    fr.release()
    guards.remove_tripwires([record.id for record, _ in guards.tripwires()])
    guards.add_tripwires(file_digests("file 1")[:1], note="", now_ms=2)


def reopened(fr: ReleasingAgency, nl: Agency) -> None:
    with fr.store.write() as unit:
        unit.logs.note_reopened(unit.logs.get(nl.origin))


def released_block(fr: ReleasingAgency, nl: Agency) -> None:
    with fr.store.write() as unit:
        unit.evidence.release_blocks([EntryRef("be.example/lists/main", 1, b"\1" * 32)], now_ms=1)


def of_another_format(fr: ReleasingAgency, nl: Agency) -> None:
    data = BytesIO()
    np.savez(data, fingerprint=np.zeros(32, dtype=np.uint8))
    folder(fr).put_basis(data.getvalue())


def register(change: Callable[[Members], Members]) -> Change:
    return lambda fr, nl: fr.trust.revise_members(change, signers=fr.signers)


def of_nl(**other: Any) -> Change:
    """Another line of the register on `nl.example`."""

    def changed(member: Member) -> Member:
        return replace(member, **other) if member.node == "nl.example" else member

    return register(lambda old: replace(old, members=tuple(map(changed, old.members))))


def overlaid(fr: ReleasingAgency, nl: Agency) -> None:
    withdraw(nl.store, nl.origin, file_digests("file 1")[0], reason=Reason.ERROR)
    nl.publish()
    log = fr.lists.log_of(nl.origin)
    keeper = OverlayKeeper(fr.store, fr.lists.follower, log)
    delivery = deliver(keeper, nl, log.head.size)
    keeper.commit(nl.origin, delivery, now_ms=fr.lists.now_ms)


def not_overlaid(fr: ReleasingAgency, nl: Agency) -> None:
    with fr.store.write() as unit:
        unit.overlays.drop(unit.logs.get(nl.origin).id)


def shredded_by_nl(fr: ReleasingAgency, nl: Agency) -> None:
    plan = prepare(nl.store, nl.origin, file_digests("file 2")[0])
    shred(nl.store, nl.origin, plan.position, reason=Reason.ERROR)
    fr.follow(nl)


def readmitted(fr: ReleasingAgency, nl: Agency) -> None:
    with fr.store.write() as unit:
        for each in unit.tombstones.ls():
            unit.tombstones.lift(each.mac)


def robbed(fr: ReleasingAgency, nl: Agency) -> None:
    rob(fr, nl, first=2, end=4)


BESIDE: dict[str, tuple[Change, Change, int]] = {
    "a shredding": (shredded, readmitted, 2),
    "a peer's shredding": (shredded_by_nl, readmitted, 2),
    "what a guard set aside": (set_aside, acquitted, 2),
    "an overlay": (overlaid, not_overlaid, 2),
    "an overlay that became the list": (overlaid, back, 2),
    "a stolen key": (robbed, withholds_revocations, 2),
    "another country": (of_nl(country="BE"), of_nl(country="NL"), 0),
    "an authority": (of_nl(authority_for=frozenset({BASELINE})), of_nl(authority_for=frozenset()), 0),
    "a cap": (
        register(lambda old: replace(old, block_cap=0)),
        register(lambda old: replace(old, block_cap=1)),
        0,
    ),
    "a member without a list": (
        lambda fr, nl: fr.admit(Member(node="be.example", root_sha256=b"\x03" * 32, country="BE")),
        register(lambda old: replace(old, members=old.members[:2])),
        0,
    ),
    "a tripwire": (
        lambda fr, nl: Guards(fr.store).add_tripwires(file_digests("q"), note="", now_ms=1),
        lambda fr, nl: Guards(fr.store).remove_tripwires([1, 2]),
        0,
    ),
    "a block that was released": (released_block, lambda fr, nl: None, 0),
    "a list": (one_more_list, lambda fr, nl: None, 0),
}


@pytest.mark.parametrize(("comes", "goes", "left"), BESIDE.values(), ids=BESIDE)
def test_what_moves_beside_lists_is_judged_by_itself(
    fr: ReleasingAgency, other: Agency, comes: Change, goes: Change, left: int
) -> None:
    before = listed(fr)
    comes(fr, other)
    assert not is_made_whole(fr)
    assert len(before - listed(fr)) == left
    assert compared(fr) == 0
    goes(fr, other)
    assert not is_made_whole(fr)
    assert compared(fr) == 0


@pytest.mark.parametrize("shred_one", [shredded, shredded_by_nl])
def test_what_was_readmitted_before_a_release_took_it_out_is_judged_by_who_is_left(
    fr: ReleasingAgency, other: Agency, shred_one: Change
) -> None:
    """Who lists it still is forgotten with its tombstone, and nothing else says which hash it was."""
    said = frozenset({BASELINE})
    register(
        lambda old: replace(old, members=tuple(replace(each, authority_for=said) for each in old.members))
    )(fr, other)
    fr.release()
    before = listed(fr)
    shred_one(fr, other)
    fr.lists.publish()
    readmitted(fr, other)
    fr.release()
    assert compared(fr) == 0
    assert listed(fr) == before


@pytest.mark.both_databases
def test_a_shredding_leaves_nothing_of_the_digest_in_the_rows(fr: ReleasingAgency) -> None:
    """Until the next release its answer is in the one before, and nobody knows any more whose that is."""
    digests = file_digests("file 2")
    names, before = fr.store.vault.wide_keys_of(digests), listed_of(fr.store)
    shredded(fr, fr.lists)
    fr.lists.publish()
    with fr.store.read() as unit:
        left = shredded_in(fr.store, unit, fr.records[-1])
        kept = unit.listed.between(SUBSET, 1, EVERY)
    values = {screen_value(digest) for digest in digests}
    assert {row[2:] for row in left} == {(before[digest].tag, 0, 0, b"") for digest in digests}
    assert set(left.values()) == values
    assert {row.name for row in kept}.isdisjoint(names)
    assert {number % 2**64 for row in kept for number in row.name}.isdisjoint(values)
    fr.release()
    with fr.store.read() as unit:
        assert not shredded_in(fr.store, unit, fr.records[-1])


def test_where_nothing_moved_the_newest_release_is_not_read(fr: ReleasingAgency, other: Agency) -> None:
    """It may be hundreds of megabytes, and a running node looks each hour whether there is something to release."""
    before = fr.release().told
    with patch.object(ReleaseFolder, "load", side_effect=AssertionError):
        report = fr.release()
        assert (report.published, report.told) == (False, before)
    silent(fr, other)
    fr.release()
    with patch.object(ReleaseFolder, "load", side_effect=AssertionError):
        assert not fr.release().published, "a peer is silent"
        fr.clock.advance(timedelta(days=8))
        with pytest.raises(AssertionError):
            fr.release()
    assert fr.release().published, "it is past half of its life"


@pytest.mark.parametrize("place", [8, -1])
@pytest.mark.parametrize("release", ["with more", "of the same", "made whole"])
def test_labels_that_were_damaged_are_not_signed(
    fr: ReleasingAgency, other: Agency, tmp_path: Path, release: str, place: int
) -> None:
    """Also where they are damaged when the release before was looked at already: partners would refuse the next one."""
    if release == "of the same":
        fr.clock.advance(timedelta(days=8))
    else:
        add(fr, other, "a")
        fr.follow(other)
    if release == "made whole":
        ReleaseFolder(fr.store, fr.records[-1]).forget_basis()
    file = tmp_path / "objects" / f"{folder(fr).prefix}labels"

    def loaded_and_damaged(*given: Any, **more: Any) -> Release:
        found = read_release(*given, **more)
        with file.open("r+b") as opened:
            opened.seek(place, os.SEEK_END if place < 0 else os.SEEK_SET)
            damaged = opened.read(1)[0] ^ 1
            opened.seek(-1, os.SEEK_CUR)
            opened.write(bytes([damaged]))
        return found

    with (
        patch("node.objects.release_files.read_release", loaded_and_damaged),
        pytest.raises(StoreError, match="damaged: labels"),
    ):
        fr.release()
    assert [record.version for record in fr.records] == [1]
    with fr.store.read() as unit:
        assert unit.logs.get(fr.subset.origin).pending is None
    assert not [*(tmp_path / "objects").glob("**/.tmp-*")]


def test_labels_that_change_while_they_are_read_are_written_as_they_are_signed(
    fr: ReleasingAgency, other: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(fr, other, "a")
    fr.follow(other)
    file, take = tmp_path / "objects" / f"{folder(fr).prefix}labels", ChunkRoot.take

    def taken_and_damaged(root: ChunkRoot, piece: Octets) -> None:
        take(root, piece)
        octets, held = bytes(piece), file.read_bytes()
        if octets in held:
            monkeypatch.undo()
            with file.open("r+b") as opened:
                opened.seek(held.index(octets))
                opened.write(bytes(each ^ 1 for each in octets))

    monkeypatch.setattr("node.objects.release_files._RUNS", 0)
    monkeypatch.setattr("node.subsets.draft.ChunkRoot.take", taken_and_damaged)
    assert fr.release().published
    assert ReleaseFolder(fr.store, fr.records[-1]).load().version == 2


def test_labels_that_change_after_they_were_read_are_refused_until_they_are_back(
    fr: ReleasingAgency, other: Agency, tmp_path: Path
) -> None:
    """What is signed are those that were read; what lies on the disk is read again by all who want it."""
    base = tmp_path / "objects" / f"{folder(fr).prefix}labels"
    add(fr, other, "a")
    fr.follow(other)
    assert fr.release().published
    octets = base.read_bytes()
    base.write_bytes(octets[:-1] + bytes([octets[-1] ^ 1]))
    newest = ReleaseFolder(fr.store, fr.records[-1])
    with pytest.raises(StoreError, match="damaged: labels"):
        newest.load()
    base.write_bytes(octets)
    assert newest.load().version == 2


def test_an_epoch_begins_although_the_labels_of_before_are_damaged(
    fr: ReleasingAgency, other: Agency, tmp_path: Path
) -> None:
    """The way out where no backup has them: a withdrawal must not wait for ever."""
    file = tmp_path / "objects" / f"{folder(fr).prefix}labels"
    octets = file.read_bytes()
    file.write_bytes(octets[:-1] + bytes([octets[-1] ^ 1]))
    add(fr, other, "a")
    fr.follow(other)
    with pytest.raises(StoreError, match="damaged: labels") as refused:
        fr.release()
    assert "sigfed key rotate oprf --of baseline" in str(refused.value.hint)
    next_epoch(fr, other)
    assert fr.release().published
    assert ReleaseFolder(fr.store, fr.records[-1]).load().version == 2


ELSE: dict[str, Change] = {
    "a quorum": register(lambda old: replace(old, k=1)),
    "older events that were opened": reopened,
    "an epoch": next_epoch,
    "no basis": lambda fr, nl: fr.store.objects.delete(basis_name(folder(fr).prefix)),
    "a basis of another format": of_another_format,
    "a damaged basis": lambda fr, nl: fr.store.objects.put(basis_name(folder(fr).prefix), b"\1" * 99),
}


@pytest.mark.parametrize("change", ELSE.values(), ids=ELSE)
def test_anything_else_makes_it_whole(fr: ReleasingAgency, other: Agency, change: Change) -> None:
    fr.lists.publish(rows("only fr"))
    change(fr, other)
    assert is_made_whole(fr)


def test_another_tripwire_of_the_same_number_is_noticed(fr: ReleasingAgency, other: Agency) -> None:
    another_tripwire(fr, other)
    with pytest.raises(TripwireError):
        fr.release()
    assert file_digests("file 1")[0] not in listed(fr)


def test_a_long_list_that_speaks_for_another_country_makes_it_whole(fr: ReleasingAgency) -> None:
    with patch("node.judgement.conditions._FEW", 2 * len(FILES) - 1):
        of_nl(country="FR")(fr, fr.lists)
        assert is_made_whole(fr)


def test_an_entry_that_makes_a_shredded_block_count_moves_the_cap(
    fr: ReleasingAgency, other: Agency, tmp_path: Path
) -> None:
    """A block that only a tombstone remembers has room in its list's cap for as long as somebody lists the digest."""
    with third_agency(tmp_path) as third:
        fr.admit(Member(node=third.node, root_sha256=b"\x03" * 32, country="BE"))
        fr.trust.revise_members(lambda old: replace(old, block_cap=1), signers=fr.signers)
        fr.lists.add(rows("disputed"))
        third.add(rows("disputed"))
        other.add(rows("shredded"))
        for each in (other, third):
            fr.follow(each)
        fr.release()
        plan = prepare(other.store, other.origin, file_digests("shredded")[0])
        shred(other.store, other.origin, plan.position, reason=Reason.ERROR)
        other.publish()
        dispute(other.store, other.origin, file_digests("disputed")[:1], collection=1)
        fr.follow(other)
        carry_out(fr.store, other.origin, now_ms=fr.lists.now_ms)
        fr.release()
        assert file_digests("disputed")[0] not in listed(fr)
        third.add(rows("shredded"))
        fr.follow(third)
        assert not is_made_whole(fr)
        assert file_digests("disputed")[0] in listed(fr), "the dispute is beyond the cap now"


@contextmanager
def third_agency(tmp_path: Path) -> Iterator[Agency]:
    folder = tmp_path / "third"
    folder.mkdir()
    key = LogPrivateKey.from_seed(b"b" * 32)
    made = Agency(make_store(sqlite_dsn(folder), folder), folder, node="be.example", key=key)
    try:
        yield made
    finally:
        made.store.dispose()


def test_a_withdrawal_that_comes_while_it_is_judged_is_not_noted_as_applied(
    fr: ReleasingAgency, other: Agency
) -> None:
    """Else its agency was told so, signed, while partners still had the entry."""
    fr.lists.add(rows("only fr"))

    def slow(*given: Any) -> Any:
        found = changes.affected(*given)
        if other.log.head.size == before:
            withdraw(other.store, other.origin, file_digests("file 1")[0], reason=Reason.OTHER)
            fr.follow(other)
        return found

    before = other.log.head.size
    with patch("node.subsets.draft.affected", slow):
        fr.release()
    assert other.log.head.size > before
    assert file_digests("file 1")[0] not in listed(fr)


def test_what_moves_and_moves_back_while_it_is_judged_is_noticed(fr: ReleasingAgency, other: Agency) -> None:
    """A node that withholds revocations for a moment: its entries do not count then, and must not be lost for good."""
    add(fr, other, "a")
    fr.follow(other)
    withdraw(fr.store, fr.lists.origin, file_digests("file 1")[0], reason=Reason.OTHER)

    def silenced(*given: Any) -> Any:
        found = changes.affected(*given)
        withholds_revocations(fr, other)
        return found

    with patch("node.subsets.draft.affected", silenced):
        fr.release()
    with fr.store.write() as unit:
        unit.revocations.name(other.node, None)
    fr.release()
    assert file_digests("a")[0] in listed(fr)


def test_a_tripwire_that_comes_while_all_is_judged_is_noticed(fr: ReleasingAgency) -> None:
    """After an upgrade the lists say what the newest release says, and what was judged is kept beside it."""
    folder(fr).forget_basis()

    def overtaken(*given: Any) -> Any:
        Guards(fr.store).add_tripwires(file_digests("file 1")[:1], note="", now_ms=1)
        return screen_of(*given)

    with patch("node.subsets.draft.screen_of", overtaken), pytest.raises(TripwireError):
        fr.release()
    assert file_digests("file 1")[0] not in listed(fr)


def test_so_does_more_than_is_judged_one_by_one(fr: ReleasingAgency, other: Agency) -> None:
    add(fr, other, "a", "b")
    fr.follow(other)
    fr.lists.publish()
    with patch("node.judgement.conditions._FEW", 7):
        assert is_made_whole(fr), "eight entries are new"
    assert listed(fr) >= set(file_digests("a"))


def test_what_is_made_whole_and_says_nothing_new_is_begun_from_too(
    fr: ReleasingAgency, other: Agency
) -> None:
    """As after the program was upgraded: else each run was made whole until a release is due."""
    folder(fr).forget_basis()
    fr.lists.add(rows("only fr"))
    assert is_made_whole(fr)
    assert len(fr.records) == 1
    add(fr, other, "a")
    fr.follow(other)
    assert not is_made_whole(fr)


def test_what_was_judged_is_not_judged_again_when_no_release_was_due(
    fr: ReleasingAgency, other: Agency
) -> None:
    with patch("node.judgement.conditions._FEW", 4):
        for name in ("a", "b", "c"):
            fr.lists.add(rows(name))
            assert not is_made_whole(fr), name
        assert len(fr.records) == 1
        other.add(rows("a"))
        fr.follow(other)
        assert not is_made_whole(fr)
    assert listed(fr) == {*file_digests("a"), *(digest for name in FILES for digest in file_digests(name))}


def test_so_does_another_rule_of_a_newer_program(fr: ReleasingAgency) -> None:
    with patch.object(conditions, "_RULE", conditions._RULE + 1):
        assert is_made_whole(fr)


def test_after_whatever_made_it_whole_the_next_one_begins_from_it(fr: ReleasingAgency, other: Agency) -> None:
    reopened(fr, other)
    assert is_made_whole(fr)
    add(fr, other, "a")
    fr.follow(other)
    assert not is_made_whole(fr)


def test_a_release_that_a_tripwire_cut_short_is_nothing_to_begin_from(
    fr: ReleasingAgency, other: Agency
) -> None:
    add(fr, other, "logo")
    withdraw(fr.store, fr.lists.origin, file_digests("file 1")[0], reason=Reason.OTHER)
    fr.follow(other)
    Guards(fr.store).add_tripwires(file_digests("logo"), note="", now_ms=1)
    with pytest.raises(TripwireError, match="adds nothing"):
        fr.release()
    assert folder(fr).basis() is None
    Guards(fr.store).remove_tripwires([1, 2])
    assert is_made_whole(fr)
    assert listed(fr) >= set(file_digests("logo"))


def test_what_it_lists_is_compared_with_a_judgement_from_nothing(fr: ReleasingAgency, other: Agency) -> None:
    add(fr, other, "a")
    fr.follow(other)
    fr.release()
    assert compared(fr) == 0
    with fr.store.write() as unit:
        unit._connection.execute(text("UPDATE listed SET label = label + 1 WHERE since = 2"))
        unit._connection.execute(
            text("DELETE FROM listed WHERE key = (SELECT min(key) FROM listed WHERE since = 1)")
        )
    assert compared(fr) == 3
    folder(fr).forget_basis()
    assert compared(fr) is None, "nothing begins from it"
    assert is_made_whole(fr)
    assert is_made_whole(fr), "until one is due that puts the rows right"
    add(fr, other, "b")
    fr.follow(other)
    assert is_made_whole(fr)
    assert compared(fr) == 0
    add(fr, other, "c")
    fr.follow(other)
    assert compared(fr) == 0, "what is new is passed over"
    assert not is_made_whole(fr)


def test_what_is_shredded_while_it_is_compared_is_not_wrong(fr: ReleasingAgency, other: Agency) -> None:
    add(fr, other, "a")
    fr.follow(other)
    fr.release()
    changed = list[str]()

    def rows_then(*args: Any) -> Any:
        if not changed:
            changed.append("once")
            shredded(fr, other)
            fr.lists.publish()
            carry_out(fr.store, fr.lists.origin, now_ms=milliseconds(fr.clock.now()))
        return rows_in(*args)

    with patch("node.subsets.compare.rows_in", rows_then):
        assert compared(fr) == 0
    assert changed


def compared(fr: ReleasingAgency) -> int | None:
    return differing(fr.store, fr.records[-1], ordered(fr))


def ordered(fr: ReleasingAgency) -> Order:
    now = fr.clock.now()
    return Order(
        subset=fr.subset,
        members=fr.trust.members(),
        now=now,
        max_age=MAX_AGE,
        until=now,
    )


def first_list(**other: Any) -> Callable[[Premises], Premises]:
    return lambda held: replace(held, lists=(replace(held.lists[0], **other), *held.lists[1:]))


BLOCK = EntryRef("fr.example/lists/main", 0, b"\1" * 32)
SHREDDING = Shredding(log_id=1, position=0, by=1, mac=b"\1" * 32)
TOMBSTONE = Tombstone(mac=b"\1" * 32, log_id=1, by=1, leaf_hash=b"\2" * 32, blocks=True, created_ms=0)
PREMISES: dict[str, Callable[[Premises], Premises]] = {
    "forked": lambda held: replace(held, forked=frozenset({held.lists[1].log_id})),
    "released": lambda held: replace(held, released=frozenset({BLOCK})),
    "revoked": lambda held: replace(held, revoked={BLOCK.origin: (range(1, 2),)}),
    "silent": lambda held: replace(held, silent=frozenset({"nl.example"})),
    "shreddings": lambda held: replace(held, shreddings=(SHREDDING,)),
    "shreddings.erased_ms": lambda held: replace(held, shreddings=(replace(SHREDDING, erased_ms=7),)),
    "tombstones": lambda held: replace(held, shreddings=(SHREDDING,), tombstones=(TOMBSTONE,)),
    "lists": lambda held: replace(held, lists=held.lists[1:]),
    "lists.size": first_list(size=1),
    "lists.reopened": first_list(reopened=7),
    "lists.set_aside": first_list(set_aside=((int(Op.ADD), 0, 0),)),
}
IN_OTHERS = {"heads", "overlays", "releases"}
"""Heads are in the lists; on which release it begins from, the basis is with it. An overlay has a test of its own."""
ORDERS: dict[str, Callable[[Order], Order]] = {
    "subset": lambda order: replace(order, subset=replace(order.subset, epoch=2)),
    "subset.filter": lambda order: replace(
        order, subset=replace(order.subset, filter=replace(order.subset.filter, screen_bits=8))
    ),
    "members": lambda order: replace(order, members=replace(order.members, k=order.members.k + 1)),
    "members.block_cap": lambda order: replace(order, members=replace(order.members, block_cap=77)),
    "members.members": lambda order: replace(order, members=replace(order.members, members=())),
    "now": lambda order: replace(order, now=order.now + 2 * MAX_AGE),
    "max_age": lambda order: replace(order, max_age=timedelta(0)),
}


def test_what_a_judgement_follows_from_is_in_the_conditions(fr: ReleasingAgency) -> None:
    """What is left out makes the next release wrong: a new field of either has to be decided on here."""
    fr.clock.advance(timedelta(seconds=1))
    with fr.store.read() as unit:
        premises = Premises.of(unit)
    order = ordered(fr)

    def said(premises: Premises, order: Order) -> tuple[object, object]:
        with fr.store.read() as unit:
            return conditions.conditions(fr.store, unit, premises, order), stale(premises, order)

    before = said(premises, order)
    assert before[0] is not None
    others = {name: said(change(premises), order) for name, change in PREMISES.items()}
    others |= {name: said(premises, change(order)) for name, change in ORDERS.items()}
    Guards(fr.store).add_tripwires(file_digests("q"), note="", now_ms=1)
    others["tripwires"] = said(premises, order)
    assert [name for name, found in others.items() if found == before] == []
    assert len({str(others[name]) for name in others if name.startswith(("shredd", "tomb"))}) == 3
    decided = {name.partition(".")[0] for name in PREMISES} | IN_OTHERS
    assert decided == {each.name for each in fields(Premises)}
    assert {name.partition(".")[0] for name in ORDERS} == {each.name for each in fields(Order)} - {"until"}


def test_only_the_newest_release_has_a_basis_and_it_holds_no_digest(
    fr: ReleasingAgency, other: Agency
) -> None:
    add(fr, other, "a")
    fr.follow(other)
    with patch("node.subsets.release.tidy", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        fr.release()
    for name in ("b", "c"):
        add(fr, other, name)
        fr.follow(other)
        fr.release()
    assert [name for name in fr.store.objects.ls("releases/") if is_basis(name)] == [
        basis_name(ReleaseFolder(fr.store, fr.records[-1]).prefix)
    ]
    data = folder(fr).basis()
    assert data is not None
    assert not [digest for digest in listed(fr) if digest.value in data]
