"""What recipients are served: only what is effective now, never an old copy, and nothing that was shredded."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from node.clock import milliseconds
from node.errors import (
    ConflictError,
    ListTooOldError,
    MissingObjectError,
    NotFoundError,
    StoreError,
    UnauthenticatedError,
)
from node.judgement.ranges import ranges_of
from node.lists.corrections.dispute import dispute, resolve
from node.lists.corrections.erase import carry_out_everywhere
from node.lists.corrections.shred import prepare, shred
from node.lists.corrections.withdraw import withdraw
from node.lists.guards import Guards
from node.objects import recipient_files
from node.objects.recipient_files import FOLDER
from node.recipients.copy import RecipientCopy
from node.recipients.service import BLOCK
from node.store.lists.records import Quarantined
from node.store.store import Store
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE, NATIONAL, PRIVATE_FROM
from protocol.lists.ext import Reason
from support.recipients import Desk, lines_of, read
from support.releases import MAX_AGE, ReleasingAgency, rob
from support.stores import Agency, file_digests, row, rows

A, B, C = (set(file_digests(name)) for name in "abc")


@pytest.fixture
def desk(fr: ReleasingAgency, other: Agency) -> Desk:
    """Both agencies list a and b; c only the other one."""
    fr.lists.add(rows("a", "b"))
    other.add(rows("a", "b", "c"))
    fr.follow(other)
    fr.lists.publish()
    return Desk(fr)


def sealed_everywhere(store: Store) -> Iterator[tuple[str, bytes]]:
    """Every object, opened where it opens."""
    for place in store.objects.ls(""):
        data = store.objects.get(place)
        with suppress(StoreError):
            data = store.vault.unseal(place, data)
        yield place, data


def test_what_is_effective_and_listed_here(desk: Desk, other: Agency) -> None:
    desk.fr.lists.publish(rows("only fr"))
    key = desk.accredit()
    assert desk.copy.refresh().digests == 4
    assert desk.fetched(key) == A | B
    assert desk.downloads.told == [
        ("begin", "hotline", {"collections": "baseline"}),
        ("end", "hotline", {"digests": "4"}),
    ]
    assert desk.recipients.get("hotline").seen_ms > 0


@pytest.mark.threat("a recipient's copy")
def test_what_others_opened_to_this_agency_is_not_handed_on(desk: Desk, other: Agency) -> None:
    """With c also in a third list it would be effective; this agency does not list it."""
    desk.fr.trust.revise_members(
        lambda old: replace(
            old, members=tuple(replace(m, authority_for=frozenset({BASELINE})) for m in old.members)
        ),
        signers=desk.fr.signers,
    )
    key = desk.accredit()
    desk.copy.refresh()
    assert desk.fetched(key) == A | B
    desk.fr.lists.publish(rows("c"))
    desk.copy.refresh()
    assert desk.fetched(key) == A | B | C


@pytest.mark.parametrize(
    ("collections", "algorithms", "wanted"),
    [
        ({BASELINE}, None, A | B),
        ({NATIONAL}, None, C),
        ({BASELINE, NATIONAL}, None, A | B | C),
        ({BASELINE, NATIONAL}, {Algorithm.MD5}, {next(iter(sorted(f))) for f in (A, B, C)}),
        ({BASELINE}, {Algorithm.SHA256}, set()),
    ],
)
def test_each_gets_what_its_grant_covers(
    desk: Desk, other: Agency, collections: set[int], algorithms: set[Algorithm] | None, wanted: set[Digest]
) -> None:
    for agency in (desk.fr.lists, other):
        agency.add(rows("c", collection=NATIONAL))
    desk.fr.follow(other)
    desk.fr.lists.publish()
    limited = None if algorithms is None else frozenset(algorithms)
    key = desk.accredit(grant=desk.grant(*collections, algorithms=limited))
    desk.copy.refresh()
    assert desk.fetched(key) == wanted


@pytest.mark.threat("a recipient's copy")
def test_what_a_stolen_key_may_have_signed_is_served_no_more(desk: Desk, other: Agency) -> None:
    """That a key was stolen is learned without an event of its list."""
    key = desk.accredit()
    desk.copy.refresh()
    rob(desk.fr, other, first=2, end=4)
    with pytest.raises(ListTooOldError):
        desk.copy.standing()
    desk.copy.refresh()
    assert desk.fetched(key) == A


def test_what_waited_for_a_node_that_withheld_revocations_is_served_when_it_does_not(
    desk: Desk, other: Agency
) -> None:
    key = desk.accredit()
    with desk.fr.store.write() as unit:
        unit.revocations.name(other.node, bytes(32))
    assert desk.copy.refresh().digests == 0
    with desk.fr.store.write() as unit:
        unit.revocations.name(other.node, None)
    desk.copy.refresh()
    assert desk.fetched(key) == A | B


def test_a_list_that_grows_while_it_is_read_is_read_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*given: Any) -> Any:
        monkeypatch.setattr("node.judgement.effective.ranges_of", ranges_of)
        desk.fr.lists.publish(rows("more"))
        return ranges_of(*given)

    key = desk.accredit()
    monkeypatch.setattr("node.judgement.effective.ranges_of", overtaken)
    desk.copy.refresh()
    assert desk.fetched(key) == A | B


def test_private_collections_are_not_even_laid_out(desk: Desk, other: Agency) -> None:
    for agency in (desk.fr.lists, other):
        agency.add(rows("c", collection=PRIVATE_FROM))
    desk.fr.follow(other)
    desk.fr.lists.publish()
    assert desk.copy.refresh().digests == 4
    key = desk.accredit(grant=desk.grant(BASELINE, PRIVATE_FROM))
    assert desk.fetched(key) == A | B


def test_order_and_length_say_nothing(desk: Desk, other: Agency) -> None:
    names = [f"file {number}" for number in range(50)]
    for agency in (desk.fr.lists, other):
        agency.add(rows(*Random(agency.node).sample(names, len(names))))
    desk.fr.follow(other)
    desk.fr.lists.publish()
    key = desk.accredit()
    desk.copy.refresh()
    reply = read(desk.open(key))
    found = [digest for _, digest in lines_of(reply)]
    assert found == sorted(found)
    assert len(reply) % BLOCK == 0
    assert json.loads(reply.splitlines()[0]).keys() == {"collection", "algorithm", "digest"}


def test_several_parts_are_one_reply(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipient_files, "PART", 3)
    key = desk.accredit()
    assert desk.copy.refresh().parts == 2
    assert desk.fetched(key) == A | B


Change = Callable[[Desk, Agency], None]


def _withdraw_own(desk: Desk, _: Agency) -> None:
    withdraw(desk.fr.store, desk.fr.lists.origin, file_digests("a")[0], reason=Reason.ERROR)
    desk.fr.lists.publish()


def _withdraw_theirs(desk: Desk, other: Agency) -> None:
    withdraw(other.store, other.origin, file_digests("a")[0], reason=Reason.OTHER)
    desk.fr.follow(other)


def _dispute_own(desk: Desk, _: Agency) -> None:
    dispute(desk.fr.store, desk.fr.lists.origin, file_digests("a"))
    desk.fr.lists.publish()


def _dispute_theirs(desk: Desk, other: Agency) -> None:
    dispute(other.store, other.origin, file_digests("a"))
    desk.fr.follow(other)


def _set_aside(desk: Desk, other: Agency) -> None:
    log = desk.fr.lists.log_of(other.origin)
    aside = Quarantined(log_id=log.id, kind="add", first=0, last=1, reason="a flood", created_ms=1)
    with desk.fr.store.write() as unit:
        unit.quarantine.add([aside])


def _trip(desk: Desk, _: Agency) -> None:
    Guards(desk.fr.store).add_tripwires(file_digests("a"), note="a logo", now_ms=1)


def _shred(desk: Desk, _: Agency) -> None:
    plan = prepare(desk.fr.store, desk.fr.lists.origin, file_digests("a")[0])
    shred(desk.fr.store, desk.fr.lists.origin, plan.position, reason=Reason.ERROR)
    desk.fr.lists.publish()


def _expel(desk: Desk, _: Agency) -> None:
    desk.fr.trust.revise_members(
        lambda old: replace(old, members=tuple(m for m in old.members if m.country == "FR")),
        signers=desk.fr.signers,
    )


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (_withdraw_own, B),
        (_withdraw_theirs, B),
        (_dispute_own, B),
        (_dispute_theirs, B),
        (_set_aside, B),
        (_trip, B),
        (_shred, B),
        (_expel, set()),
    ],
)
def test_what_leaves_the_lists_leaves_the_next_download(
    desk: Desk, other: Agency, change: Change, left: set[Digest]
) -> None:
    key = desk.accredit()
    desk.copy.refresh()
    before = desk.open(key).tag
    change(desk, other)
    with pytest.raises(ListTooOldError):
        desk.open(key)
    desk.copy.refresh()
    download = desk.open(key)
    assert {digest for _, digest in lines_of(read(download))} == left
    assert download.tag != before
    assert len(list(desk.fr.store.objects.ls(FOLDER))) == (1 if left else 0), "no older copy stays"


def test_what_is_resolved_comes_back(desk: Desk, other: Agency) -> None:
    key = desk.accredit()
    _dispute_own(desk, other)
    resolve(desk.fr.store, desk.fr.lists.origin, file_digests("a"))
    desk.fr.lists.publish()
    desk.copy.refresh()
    assert desk.fetched(key) == A | B


def test_a_list_that_was_seen_with_a_clock_that_was_ahead_is_not_fresh(desk: Desk, other: Agency) -> None:
    key = desk.accredit()
    desk.copy.refresh()
    before = desk.open(key).tag
    ahead_ms = milliseconds(desk.fr.clock.now() + timedelta(days=400))
    with desk.fr.store.write() as unit:
        unit.logs.confirm(unit.logs.get(other.origin), checked_ms=ahead_ms)
    with pytest.raises(ListTooOldError):
        desk.open(key)
    desk.copy.refresh()
    assert desk.open(key).tag == before, "what was effective stays"


def test_a_list_that_is_stale_brings_nothing_new_and_takes_nothing_away(desk: Desk, other: Agency) -> None:
    key = desk.accredit()
    desk.copy.refresh()
    before = desk.open(key).tag
    other.add(rows("d"))
    desk.fr.follow(other)
    desk.fr.clock.advance(MAX_AGE + timedelta(seconds=1))
    desk.fr.lists.publish(rows("d"))
    desk.copy.refresh()
    assert desk.fetched(key) == A | B
    assert desk.open(key).tag == before, "a copy that says the same is the same"
    desk.fr.follow(other)
    with pytest.raises(ListTooOldError):
        desk.open(key)
    desk.copy.refresh()
    assert desk.fetched(key) == A | B | set(file_digests("d"))


def test_without_a_copy_and_without_recipients(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        desk.open("sfr_")
    key = desk.accredit()
    with pytest.raises(ListTooOldError):
        desk.open(key)
    with pytest.raises(UnauthenticatedError):
        desk.open("sfr_wrong")
    desk.copy.refresh()
    desk.copy.discard()
    desk.copy.discard()
    assert list(desk.fr.store.objects.ls(FOLDER)) == []
    with pytest.raises(ListTooOldError):
        desk.open(key)


@pytest.mark.parametrize("damaged", ["", "{}", "null", '{"collections":["baseline"],"algorithms":null}'])
def test_a_grant_that_fails_to_load_serves_nothing(desk: Desk, damaged: str) -> None:
    key = desk.accredit()
    desk.copy.refresh()
    download = desk.open(key)
    with desk.fr.store.write() as unit:
        unit.recipients.set_grant("hotline", damaged)
    with pytest.raises(UnauthenticatedError):
        desk.open(key)
    with pytest.raises(UnauthenticatedError):
        read(download)


def test_a_tag_changes_with_the_grant_and_holds_no_digest(desk: Desk) -> None:
    wide = desk.accredit("wide", desk.grant(BASELINE, NATIONAL))
    base = desk.accredit("base")
    md5 = desk.accredit("md5", desk.grant(algorithms=frozenset({Algorithm.MD5})))
    desk.copy.refresh()
    tags = {desk.open(key).tag for key in (wide, base, md5)}
    assert len(tags) == 3
    assert desk.open(base).tag == desk.open(base).tag
    desk.copy.discard()
    desk.copy.refresh()
    assert desk.open(base).tag not in tags, "random: two copies of one content differ"


@pytest.mark.parametrize("change", ["suspended", "removed", "narrowed", "a list moved"])
def test_a_download_under_way_ends_when_it_must(
    desk: Desk, other: Agency, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(recipient_files, "PART", 1)
    key = desk.accredit(grant=desk.grant(BASELINE, NATIONAL))
    desk.copy.refresh()
    chunks = desk.open(key).chunks()
    assert next(chunks).count(b"\n") == 1
    match change:
        case "suspended":
            desk.recipients.set_suspended("hotline", suspended=True)
        case "removed":
            desk.recipients.remove("hotline", by="alice")
        case "narrowed":
            desk.recipients.narrow("hotline", desk.grant())
        case _:
            _withdraw_own(desk, other)
            desk.copy.refresh()
    with pytest.raises((UnauthenticatedError, MissingObjectError)):
        next(chunks)
    assert [kind for kind, _, _ in desk.downloads.told] == ["begin"]


@pytest.mark.threat("a recipient's copy")
def test_after_a_shredding_nothing_holds_it_and_nothing_serves_it(desk: Desk, other: Agency) -> None:
    key = desk.accredit()
    desk.copy.refresh()
    assert any(d.value in data for _, data in sealed_everywhere(desk.fr.store) for d in A)
    _shred(desk, other)
    found = [place for place, data in sealed_everywhere(desk.fr.store) if any(d.value in data for d in A)]
    assert [place for place in found if place.startswith(FOLDER)] == []
    assert found, "the other agency lists it still, and that is held"
    desk.copy.refresh()
    assert desk.fetched(key) == B


def test_a_copy_that_a_crash_left_is_emptied_and_then_deleted(
    desk: Desk, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RecipientCopy, "_tidy", lambda *_: None)
        patched.setattr(type(desk.fr.store), "write", die)
        with pytest.raises(KeyboardInterrupt):
            desk.copy.refresh()
    [left] = desk.fr.store.objects.ls(FOLDER)
    _shred(desk, other)
    assert {digest for _, digest in recipient_files.read_part(desk.fr.store, left)} == B
    carry_out_everywhere(desk.fr.store, now_ms=5)
    desk.copy.refresh()
    assert left not in desk.fr.store.objects.ls(FOLDER)


def test_a_list_that_moves_meanwhile_is_judged_again(
    desk: Desk, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, left = RecipientCopy._judge, [1]

    def overtaken(self: RecipientCopy, previous: frozenset[tuple[int, Digest]]) -> list[tuple[int, Digest]]:
        judged = judge(self, previous)
        if left:
            left.pop()
            _shred(desk, other)
        return judged

    key = desk.accredit()
    monkeypatch.setattr(RecipientCopy, "_judge", overtaken)
    desk.copy.refresh()
    assert desk.fetched(key) == B
    for place, data in sealed_everywhere(desk.fr.store):
        assert not place.startswith(FOLDER) or not any(d.value in data for d in A)


def test_lists_that_never_stand_still(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def moving(self: RecipientCopy, _: object) -> list[tuple[int, Digest]]:
        desk.fr.lists.publish([row(f"another {desk.fr.lists.now_ms}")])
        return []

    monkeypatch.setattr(RecipientCopy, "_judge", moving)
    with pytest.raises(ConflictError):
        desk.copy.refresh()
    assert list(desk.fr.store.objects.ls(FOLDER)) == []


def test_a_lost_part_is_made_again(desk: Desk) -> None:
    key = desk.accredit()
    desk.copy.refresh()
    [name] = desk.fr.store.objects.ls(FOLDER)
    desk.fr.store.objects.delete(name)
    with pytest.raises(MissingObjectError):
        read(desk.open(key))
    desk.copy.refresh()
    assert desk.fetched(key) == A | B


@pytest.mark.parametrize("damage", [b"", b"\x01\x01", b"\0\1\1abc", b"\0\1\x09" + bytes(20)])
def test_a_damaged_part_is_not_served_and_made_again(desk: Desk, other: Agency, damage: bytes) -> None:
    key = desk.accredit()
    desk.copy.refresh()
    [name] = desk.fr.store.objects.ls(FOLDER)
    sealed = desk.fr.store.vault.seal(name, damage) if damage else b"not sealed"
    desk.fr.store.objects.put(name, sealed)
    with pytest.raises(StoreError):
        read(desk.open(key))
    _withdraw_own(desk, other)
    with pytest.raises(StoreError):
        desk.copy.refresh()
    with pytest.raises(ListTooOldError):
        desk.open(key)
    desk.copy.refresh()
    assert desk.fetched(key) == B
