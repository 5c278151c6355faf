from dataclasses import replace

import pytest

from protocol.digest import Algorithm
from protocol.errors import OpeningError
from protocol.lists.event import BASELINE, NATIONAL, Header, Op
from protocol.lists.ext import Ext, Predecessor, Reason
from protocol.lists.listing import BlockKind, ListingBuilder, fold, overlay
from protocol.lists.opening import Opening
from support.lists import ORIGIN, OWN, RELYING, REVIEWED, START_MS, ListWriter, digest

A, B = digest("a"), digest("b")
WITH_ID = replace(OWN, content_id=b"c" * 16)


def test_an_add_is_an_entry() -> None:
    writer = ListWriter()
    ref = writer.add(A, WITH_ID, collection=NATIONAL)
    listing = writer.listing()
    (entry,) = listing.entries.values()
    assert (listing.origin, listing.size) == (ORIGIN, 1)
    assert entry.ref == ref
    assert (entry.digest, entry.collection, entry.time_ms, entry.ext) == (A, NATIONAL, START_MS, WITH_ID)
    assert not listing.blocks
    assert not listing.unknown


def test_a_withdrawal_ends_its_ref_only() -> None:
    writer = ListWriter()
    first = writer.add(A)
    writer.add(A, collection=NATIONAL)
    writer.add(B)
    writer.withdraw(first)
    listing = writer.listing()
    assert set(listing.entries) == {1, 2}
    assert listing.withdrawn == {0: A}
    assert listing.blocks == ()


@pytest.mark.parametrize("reason", [None, *set(Reason) - {Reason.ERROR}, 99])
def test_other_reasons_than_error_do_not_block(reason: int | None) -> None:
    writer = ListWriter()
    writer.withdraw(writer.add(A), reason)
    assert writer.listing().blocks == ()


def test_an_error_blocks() -> None:
    writer = ListWriter()
    first = writer.add(A)
    block = writer.withdraw(first, Reason.ERROR)
    (found,) = writer.listing().blocks
    assert (found.ref, found.digest, found.kind, found.ended_by) == (block, A, BlockKind.ERROR, ())


def test_an_ended_add_can_be_withdrawn_as_an_error_later() -> None:
    writer = ListWriter()
    first = writer.add(A)
    writer.withdraw(first)
    writer.withdraw(first, Reason.ERROR, shred=True)
    listing = writer.listing()
    assert [block.digest for block in listing.blocks] == [A]
    assert listing.shredded == {0}


def test_a_withdrawal_without_openings_ends_and_says_nothing_more() -> None:
    writer = ListWriter()
    first = writer.add(A)
    writer.withdraw(first, Reason.ERROR, shred=True)
    shredded = [(index, event, None) for index, event, _ in writer.items]
    listing = fold(ORIGIN, shredded)
    assert listing.entries == {}
    assert listing.withdrawn == {0: None}
    assert listing.blocks == ()
    assert listing.shredded == {0}
    only_add = [writer.items[0], shredded[1]]
    assert fold(ORIGIN, only_add).withdrawn == {0: A}


def test_a_dispute_blocks_until_its_resolve() -> None:
    writer = ListWriter()
    dispute = writer.dispute(A)
    (block,) = writer.listing().blocks
    assert (block.ref, block.digest, block.kind, block.ended_by) == (dispute, A, BlockKind.DISPUTE, ())
    writer.resolve(dispute)
    writer.resolve(dispute, shred=True)
    (block,) = writer.listing().blocks
    assert block.ended_by == (1, 2)
    assert writer.listing().shredded == {0}


def test_a_dispute_without_opening_blocks_nothing_and_can_be_resolved() -> None:
    writer = ListWriter()
    writer.resolve(writer.dispute(A))
    writer.openings[0] = None
    assert writer.listing().blocks == ()


def test_an_amend_replaces_everything_but_the_content_id() -> None:
    writer = ListWriter()
    first = writer.add(A, replace(WITH_ID, legality=("FR",)))
    writer.amend(first, REVIEWED)
    writer.amend(first, RELYING)
    (entry,) = writer.listing().entries.values()
    assert entry.ext == replace(RELYING, content_id=b"c" * 16)
    assert [index for index, _ in entry.versions] == [0, 1, 2]
    assert entry.ext_outside([]) == entry.ext
    assert entry.ext_outside([range(2, 3)]) == replace(REVIEWED, content_id=b"c" * 16)
    assert entry.ext_outside([range(1, 2), range(2, 9)]).legality == ("FR",)
    # Whether the add itself counts is not asked here.
    assert entry.ext_outside([range(9)]).legality == ("FR",)


def test_an_amend_of_an_ended_or_closed_entry_does_nothing() -> None:
    writer = ListWriter()
    first = writer.add(A)
    second = writer.add(B)
    writer.withdraw(first)
    writer.amend(first, REVIEWED)
    writer.amend(second, REVIEWED)
    writer.openings[1] = None
    assert writer.listing().entries == {}


def test_an_amend_that_cannot_be_read_leaves_an_entry_that_does_not_count() -> None:
    writer = ListWriter()
    writer.amend(writer.add(A, WITH_ID), REVIEWED)
    writer.openings[1] = None
    (entry,) = writer.listing().entries.values()
    assert entry.ext == Ext(content_id=b"c" * 16)
    assert not entry.ext.counts


def test_a_continue_names_the_log_before() -> None:
    writer = ListWriter()
    log = Predecessor("agency.example/lists/old", 4, bytes(32))
    writer.carry_on(log)
    assert writer.listing().continues == log
    writer.openings[0] = None
    assert writer.listing().continues is None


def test_what_this_version_does_not_know_is_kept_and_not_applied() -> None:
    writer = ListWriter()
    first = writer.add(A)
    writer.write(9, A, ref=first.index)
    writer.write(Op.ADD, B, flags=2)
    writer.write(Op.WITHDRAW, ref=first.index, flags=2)
    later = Opening(bytes(16), B).to_bytes()
    header = Header(op=Op.ADD, collection=BASELINE, time_ms=START_MS + 9)
    writer.put(header, later[:16] + b"\x06" + later[17:])
    listing = writer.listing()
    assert set(listing.entries) == {0}
    assert listing.unknown == (1, 2, 3, 4)
    assert listing.size == 5


def test_an_opening_that_nobody_verified_is_refused() -> None:
    writer = ListWriter()
    writer.write(Op.ADD, None)
    with pytest.raises(OpeningError) as caught:
        writer.listing()
    assert caught.value.index == 0


def test_indices_ascend_and_may_leave_events_out() -> None:
    writer = ListWriter()
    for name in "abc":
        writer.add(digest(name, Algorithm.MD5))
    listing = fold(ORIGIN, [writer.items[0], writer.items[2]])
    assert (listing.size, set(listing.entries)) == (3, {0, 2})
    with pytest.raises(AssertionError):
        fold(ORIGIN, [writer.items[2], writer.items[0]])


def test_a_builder_goes_on_from_any_listing() -> None:
    writer = ListWriter()
    writer.carry_on(Predecessor("agency.example/lists/old", 4, bytes(32)))
    first, second = writer.add(A), writer.add(B)
    dispute = writer.dispute(A)
    writer.write(9, A)
    writer.withdraw(first, Reason.ERROR, shred=True)
    writer.amend(second, REVIEWED)
    writer.resolve(dispute)
    for stop in range(len(writer.items) + 1):
        builder = ListingBuilder.resume(fold(ORIGIN, writer.items[:stop]))
        for item in writer.items[stop:]:
            builder.apply(*item)
        assert builder.build() == writer.listing()


def test_only_removals_of_an_uncosigned_head_apply() -> None:
    writer = ListWriter()
    first = writer.add(A)
    second = writer.add(B)
    dispute = writer.dispute(digest("c"))
    trusted = writer.listing()
    size = len(writer.items)
    writer.withdraw(first, Reason.ERROR)
    writer.dispute(digest("d"))
    writer.add(digest("e"))
    writer.amend(second, RELYING)
    writer.resolve(dispute)
    shown = overlay(trusted, writer.items[size:])
    assert set(shown.entries) == {1}
    assert shown.entries[1].ext == OWN
    assert [block.digest for block in shown.blocks] == [digest("c"), A, digest("d")]
    assert [block.ended_by for block in shown.blocks] == [(), (), ()]
    assert shown.size == trusted.size == 3
    assert overlay(trusted, []) == trusted
