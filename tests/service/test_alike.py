"""One digest is judged for all of which the lists say the same: what tells one from another is heeded.

`current` requires that ranges give what a judgement of whole lists gives.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest

from node.judgement import ranges
from node.judgement.effective import judge_all
from node.judgement.premises import Premises
from node.lists.changes import content_id_of, shape_of
from node.lists.corrections.amend import Amendment, amend
from node.lists.corrections.dispute import dispute
from node.lists.corrections.withdraw import withdraw
from node.lists.imports.intake import Statement
from node.peers.sync.overlays import OverlayKeeper
from node.store.lists.records import Tombstone
from node.store.unit import Unit
from protocol.digest import Algorithm, Digest
from protocol.judgement.quorum import decide
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis, Ext, Reason
from protocol.lists.opening import Opening
from support.lists import digest, member, register
from support.stores import Agency, deliver, file_digests, rows
from support.whole import current

MEMBERS = register(member("fr.example", "FR"), member("nl.example", "NL"))
FILES = ("a", "b", "c", "d")
EVERY = {digest for name in FILES for digest in file_digests(name)}
ONE = file_digests("b")[0]


@pytest.fixture
def agency(agency: Agency, other: Agency) -> Agency:
    """Lists the files that the other lists."""
    for each in (agency, other):
        each.publish(rows(*FILES))
    agency.pull(other)
    return agency


def judged(agency: Agency, *, days: int = 0, **given: frozenset[Digest]) -> set[Digest]:
    """The digests that are effective so many days later."""
    now = datetime.fromtimestamp(agency.now_ms / 1000, UTC) + timedelta(days=days)
    previous = frozenset((BASELINE, each) for each in given.pop("previous", frozenset()))
    with patch("support.whole._RANGES", 1):  # whatever is alike is in it
        whole = current(
            agency.store, MEMBERS, now=now, max_age=timedelta(hours=1), previous=previous, **given
        )
    return {each for _, each in whole.decision.effective}


def test_one_of_each_kind_is_judged(agency: Agency) -> None:
    now = datetime.fromtimestamp(agency.now_ms / 1000, UTC)
    with patch("node.judgement.effective.decide", wraps=decide) as asked_of:
        shares = list(judge_all(agency.store, MEMBERS, now=now, max_age=timedelta(hours=1)).shares)
    (asked,) = asked_of.call_args_list
    assert {len(held.listing.entries) for held in asked.args[0]} == {len(file_digests("a"))}
    found = [each for share in shares for _, one in share.effective for each in share.each(one)]
    assert sorted(found) == sorted(EVERY)


def _withdraw(agency: Agency) -> None:
    withdraw(agency.store, agency.origin, ONE, reason=Reason.OTHER)


def _amend(agency: Agency) -> None:
    amend(agency.store, agency.origin, ONE, Amendment(basis=Basis.RELIES_ON).revise)


def _dispute(agency: Agency) -> None:
    dispute(agency.store, agency.origin, [ONE], collection=BASELINE)


@pytest.mark.parametrize(
    ("act", "gone"), [(_withdraw, file_digests("b")), (_amend, file_digests("b")), (_dispute, [ONE])]
)
@pytest.mark.parametrize("ours", [True, False])
def test_an_event_about_one(
    agency: Agency, other: Agency, act: Callable[[Agency], None], gone: Sequence[Digest], ours: bool
) -> None:
    one = agency if ours else other
    act(one)
    one.publish()
    if not ours:
        agency.pull(other)
    assert judged(agency) == EVERY.difference(gone)


def test_what_was_effective_before_a_list_was_stale(agency: Agency) -> None:
    assert judged(agency, days=1, previous=frozenset({ONE})) == {ONE}


def test_a_tombstone_of_this_node(agency: Agency) -> None:
    mac = agency.store.vault.tombstone_of(ONE)
    with agency.store.write() as unit:
        log = unit.logs.get(agency.origin)
        unit.tombstones.add(
            [Tombstone(mac=mac, log_id=log.id, by=0, leaf_hash=bytes(32), blocks=False, created_ms=0)]
        )
    assert judged(agency) == EVERY - {ONE}


@pytest.mark.threat("a stolen online key")
def test_what_a_thief_may_have_signed(agency: Agency, other: Agency) -> None:
    whole, span = Premises.of, range(2, 5)

    def doubted(unit: Unit) -> Premises:
        return replace(whole(unit), revoked={other.origin: (span,)})

    theirs = {entry for item in other.items() if item[0] in span and item[2] for entry in [item[2]]}
    with patch.object(Premises, "of", doubted):
        assert judged(agency) == EVERY - {Opening.from_bytes(each).digest for each in theirs}


def test_a_withdrawal_that_too_few_witnesses_cosigned(agency: Agency, other: Agency) -> None:
    _withdraw(other)
    other.publish()
    log = agency.log_of(other.origin)
    keeper = OverlayKeeper(agency.store, agency.follower, log)
    keeper.commit(other.origin, deliver(keeper, other, log.head.size), now_ms=agency.now_ms)
    assert judged(agency) == EVERY.difference(file_digests("b"))


def test_another_basis(agency: Agency, other: Agency) -> None:
    agency.publish(rows("e", "f"))
    other.add(rows("e"))
    other.publish(rows("f"), Statement(basis=Basis.RELIES_ON, criteria=1))
    agency.pull(other)
    assert judged(agency) == EVERY.union(file_digests("e"))


def test_a_shape_is_of_all_but_nonce_digest_and_content_id() -> None:
    def opening(ext: bytes, *, nonce: bytes = bytes(16), name: str = "a") -> bytes:
        value = digest(name, Algorithm.MD5).value
        return nonce + bytes((Algorithm.MD5, len(value))) + value + len(ext).to_bytes(2) + ext

    one, two = (Ext(content_id=each * 16, criteria=1, basis=1).to_bytes() for each in (b"1", b"2"))
    shape = shape_of(opening(one))
    assert shape_of(opening(two, nonce=b"n" * 16, name="b")) == shape
    bare = Ext(criteria=1, basis=1).to_bytes()
    others = [
        Ext(content_id=b"1" * 16, criteria=2, basis=1).to_bytes(),
        bare,
        one[:10],
        one + b"\0",
        b"\xb8" + one[1:],
        b"\xa4\x00\x00" + one[1:],
    ]
    assert len({shape, *(shape_of(opening(each)) for each in others)}) == 1 + len(others)
    # Where the content id is not easily found, it is a part of the shape.
    for head in (b"\xb8\x03", b"\xa4\x00\x00"):
        assert shape_of(opening(head + one[1:])) != shape_of(opening(head + two[1:]))
    assert content_id_of(opening(one)) == b"1" * 16


def test_entries_without_a_time_or_a_place_are_of_one_kind(agency: Agency) -> None:
    """What is published later says the same at another time."""
    agency.now_ms += 1
    agency.publish(rows("e"))
    with agency.store.read() as unit:
        premises = Premises.of(unit)
    found = list(ranges.ranges_of(agency.store, premises.lists[:1], []))
    assert sum(len(each.digests) for each in found) == len(file_digests("a"))
