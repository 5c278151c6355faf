"""What is held is not fetched again: of a bundle only what is new comes, and trust files only when they changed."""

import pytest

from node.errors import PeerUnreachableError
from protocol.errors import MalformedError, OverlapError, ProtocolError
from support.federation import Agency, Call, Federation, check_follows, on, unreachable_at

HELD = 200


@pytest.fixture
def federation(federation: Federation) -> Federation:
    _, nl = federation.peers("fr", "nl")
    nl.publish(*(f"file {number}" for number in range(HELD)))
    return federation


async def one_behind(federation: Federation) -> tuple[Agency, Agency]:
    """fr holds 200 events of nl's list, which has one more now."""
    fr, nl = federation.agencies
    assert (await federation.sync(fr, nl)).succeeded
    nl.publish("one more")
    federation.link(fr, nl).calls.clear()
    return fr, nl


def bundles(federation: Federation, fr: Agency, nl: Agency) -> list[tuple[str, int, int]]:
    calls = federation.link(fr, nl).calls
    return [(call.what, call.width, call.first) for call in calls if call.what in {"entries", "openings"}]


async def test_of_a_bundle_that_is_held_in_part_only_the_new_entry_is_fetched(federation: Federation) -> None:
    fr, nl = await one_behind(federation)
    report = await federation.sync(fr, nl)
    assert report.succeeded
    assert bundles(federation, fr, nl) == [("entries", HELD + 1, HELD), ("openings", HELD + 1, HELD)]
    assert report.lists[0].received < 500
    check_follows(fr, nl)


async def test_bundles_behind_the_held_one_are_fetched_whole(federation: Federation) -> None:
    fr, nl = await one_behind(federation)
    nl.publish(*(f"more {number}" for number in range(100)))
    assert (await federation.sync(fr, nl)).succeeded
    assert sorted(bundles(federation, fr, nl)) == [
        ("entries", 45, 0),
        ("entries", 256, HELD),
        ("openings", 45, 0),
        ("openings", 256, HELD),
    ]
    check_follows(fr, nl)


async def test_a_peer_that_knows_whole_bundles_only_is_followed(federation: Federation) -> None:
    fr, nl = await one_behind(federation)
    federation.link(fr, nl).first = lambda _: 0
    assert (await federation.sync(fr, nl)).succeeded
    assert bundles(federation, fr, nl) == [("entries", HELD + 1, HELD), ("openings", HELD + 1, 0)]
    check_follows(fr, nl)


async def test_a_bundle_cut_elsewhere_is_refused(federation: Federation) -> None:
    fr, nl = await one_behind(federation)
    federation.link(fr, nl).first = lambda first: max(first - 1, 0)
    [outcome] = (await federation.sync(fr, nl)).lists
    assert isinstance(outcome.error, ProtocolError)
    federation.link(fr, nl).first = lambda first: first
    assert (await federation.sync(fr, nl)).succeeded
    check_follows(fr, nl)


async def test_openings_that_come_whole_behind_cut_entries_are_refused(federation: Federation) -> None:
    fr, nl = await one_behind(federation)
    link = federation.link(fr, nl)
    link.meddle = on("openings", lambda data: bytes(2 * HELD) + data)
    [outcome] = (await federation.sync(fr, nl)).lists
    assert isinstance(outcome.error, MalformedError)


@pytest.mark.threat("a rewritten history")
async def test_entries_that_were_rewritten_are_named_although_they_were_not_fetched(
    federation: Federation,
) -> None:
    """The peer's head is not the question here: whatever refuses the pull, the held entries are compared once."""
    fr, nl = await one_behind(federation)

    def rewrite(call: Call, answer: bytes) -> bytes:
        if call.what != "entries":
            return answer
        return answer[:40] + bytes([answer[40] ^ 1]) + answer[41:]

    federation.link(fr, nl).meddle = rewrite
    [outcome] = (await federation.sync(fr, nl)).lists
    assert isinstance(outcome.error, OverlapError)
    assert [first for what, _, first in bundles(federation, fr, nl) if what == "entries"] == [HELD, 0]


async def test_an_interrupted_pull_goes_on_with_the_cut_bundle(federation: Federation) -> None:
    fr, nl = await one_behind(federation)
    nl.publish(*(f"more {number}" for number in range(100)))
    link = federation.link(fr, nl)
    link.meddle = unreachable_at(Call("openings", nl.origin, 1, 45))
    assert isinstance((await federation.sync(fr, nl)).failure, PeerUnreachableError)
    link.meddle = lambda _call, answer: answer
    link.calls.clear()
    assert (await federation.sync(fr, nl)).succeeded
    assert ("entries", 256, HELD) not in bundles(federation, fr, nl)
    check_follows(fr, nl)
