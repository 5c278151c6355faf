"""A grant that becomes wider opens older events too; one that becomes narrower changes nothing that is held."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import PeerUnreachableError
from node.formats.rows import ImportRow
from node.services.effective import current
from node.services.importing import Statement, import_rows
from node.services.opened import Opened, opened
from node.services.reopening import Reopening
from protocol.digest import Algorithm, Digest
from protocol.errors import OpeningError
from protocol.event import BASELINE, NATIONAL
from protocol.grant import NOTHING, Grant
from protocol.opening import Basis, Reason
from support.federation import EVERYTHING, Agency, Call, Federation, check_follows, flip, on, unreachable_at
from support.lists import digest

NARROW = Grant(collections=frozenset({BASELINE}))
SOME = Grant(collections=frozenset({BASELINE, NATIONAL}), algorithms=frozenset({Algorithm.SHA256}))


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """fr follows nl, which opens the baseline alone to it; every third of 600 files is national."""
    with Federation(tmp_path) as made:
        fr, nl = made.agency("fr.example", "FR"), made.agency("nl.example", "NL")
        made.introduce(fr, nl, back=NARROW)
        for number in range(600):
            nl.add(f"file {number}", collection=BASELINE if number % 3 else NATIONAL)
        nl.publish()
        yield made


@pytest.fixture
def fr(federation: Federation) -> Agency:
    return federation.agencies[0]


@pytest.fixture
def nl(federation: Federation) -> Agency:
    return federation.agencies[1]


def grant(nl: Agency, wanted: Grant) -> None:
    with nl.store.write() as unit:
        unit.peers.update_grant("fr.example", json.dumps(wanted.to_json()))


def asked(federation: Federation, fr: Agency, nl: Agency) -> list[tuple[int, int]]:
    """Bundles whose openings were asked for, and from which on."""
    return [(call.index, call.first) for call in federation.link(fr, nl).calls if call.what == "openings"]


async def later(federation: Federation, fr: Agency, nl: Agency, hours: int = 1) -> str:
    """What a sync says that asks for the grant again."""
    federation.advance(hours=hours)
    federation.link(fr, nl).calls.clear()
    [outcome] = (await federation.sync(fr, nl)).lists
    return outcome.words


async def test_a_wider_grant_opens_what_is_held(federation: Federation, fr: Agency, nl: Agency) -> None:
    await federation.sync(fr, nl)
    assert len(fr.digests(nl.origin)) == 400
    grant(nl, EVERYTHING)
    assert await later(federation, fr, nl) == "main: 600 events, nothing new, 200 older ones opened"[6:]
    check_follows(fr, nl)
    assert asked(federation, fr, nl) == [(0, 0), (1, 2), (2, 1)]
    assert await later(federation, fr, nl) == "600 events, nothing new"
    assert asked(federation, fr, nl) == []


async def test_it_is_noticed_with_the_next_head(federation: Federation, fr: Agency, nl: Agency) -> None:
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    nl.add("new")
    nl.publish()
    [outcome] = (await federation.sync(fr, nl)).lists
    assert outcome.words == "600 → 601 events, 1 added, 0 withdrawn, 200 older ones opened, verified"
    check_follows(fr, nl)


async def test_what_was_opened_late_counts_like_what_was_opened_at_once(
    federation: Federation, fr: Agency, nl: Agency
) -> None:
    fr.add("file 0", "file 3", collection=NATIONAL)
    fr.publish()
    nl.withdraw("file 3")
    nl.publish()
    await federation.sync(fr, nl)
    assert not effective(fr)
    grant(nl, EVERYTHING)
    await later(federation, fr, nl)
    assert effective(fr) == {digest("file 0", Algorithm.SHA256)}
    with fr.store.read() as unit:
        keys = [fr.store.vault.key_of(digest(name, Algorithm.SHA256)) for name in ("file 0", "file 3")]
        found = {hit.position: hit.ended for hit in unit.entries.find(keys, log_id=fr.log(nl.origin).id)}
        assert found == {0: None, 3: 600}
        assert unit.entries.count(fr.log(nl.origin).id) == {BASELINE: 400, NATIONAL: 199}


def effective(agency: Agency) -> set[Digest]:
    judged = current(agency.shelf, agency.trust.members(), now=agency.clock.now(), max_age=timedelta(days=1))
    return {found for number, found in judged.decision.effective if number == NATIONAL}


async def test_a_withdrawal_for_error_that_was_opened_late_blocks(
    federation: Federation, fr: Agency, nl: Agency
) -> None:
    nl.withdraw("file 3", Reason.ERROR)
    nl.publish()
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    await later(federation, fr, nl)
    judged = current(fr.shelf, fr.trust.members(), now=fr.clock.now(), max_age=timedelta(days=1))
    [block] = [block for listing in judged.listings for block in listing.listing.blocks]
    assert block.digest == digest("file 3", Algorithm.SHA256)


async def test_a_narrower_grant_changes_nothing_that_is_held(
    federation: Federation, fr: Agency, nl: Agency
) -> None:
    grant(nl, EVERYTHING)
    await federation.sync(fr, nl)
    grant(nl, NARROW)
    nl.add("closed", collection=NATIONAL)
    nl.add("open")
    nl.publish()
    assert "2 added" in await later(federation, fr, nl)
    assert len(fr.digests(nl.origin)) == 601
    assert opened(fr.shelf, nl.origin).under == NARROW
    grant(nl, EVERYTHING)
    assert "1 older ones opened" in await later(federation, fr, nl)
    assert asked(federation, fr, nl) == [(2, 600 - 512)], "of all the others nothing is lacking"
    check_follows(fr, nl)


async def test_a_node_that_noted_nothing_looks_once(federation: Federation, fr: Agency, nl: Agency) -> None:
    await federation.sync(fr, nl)
    for name in list(fr.objects.ls("opened/")):
        fr.objects.put(name, b"damaged")
    assert opened(fr.shelf, nl.origin) == Opened()
    assert await later(federation, fr, nl) == "600 events, nothing new"
    assert opened(fr.shelf, nl.origin) == Opened(NARROW)


async def test_it_stops_at_a_bound_and_goes_on(federation: Federation, fr: Agency, nl: Agency) -> None:
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    document = nl.trust.document()
    for bundle, (openings, finished) in enumerate([(86, False), (85, False), (29, True)]):
        look = Reopening(
            shelf=fr.shelf,
            follower=fr.syncer._watch.follower(fr.shelf, document),  # as a sync makes it
            guards=fr.syncer._watch.guards,
            api=federation.link(fr, nl),
            origin=nl.origin,
            grant=EVERYTHING,
            now_ms=fr.now_ms,
            most_bundles=1,
        )
        done = await look.run()
        assert (done.openings, done.finished) == (openings, finished)
        state = Opened(EVERYTHING) if finished else Opened(NARROW, EVERYTHING, bundle + 1)
        assert opened(fr.shelf, nl.origin) == state
    check_follows(fr, nl)


async def test_an_interruption_costs_one_bundle(federation: Federation, fr: Agency, nl: Agency) -> None:
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    link = federation.link(fr, nl)
    link.meddle = unreachable_at(Call("openings", nl.origin, 1, 256, 2))
    federation.advance(hours=1)
    assert isinstance((await federation.sync(fr, nl)).failure, PeerUnreachableError)
    assert len(fr.digests(nl.origin)) == 486
    link.meddle = lambda _call, answer: answer
    assert "114 older ones opened" in await later(federation, fr, nl)
    assert asked(federation, fr, nl) == [(1, 2), (2, 1)]
    check_follows(fr, nl)


async def test_a_store_that_fails_in_between_is_made_good(
    federation: Federation, fr: Agency, nl: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look-up rows are there, the openings are not: the next sync writes both."""
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)

    def full(_items: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(fr.objects, "put_all", full)
        federation.advance(hours=1)
        with pytest.raises(OSError, match="no space"):
            await federation.sync(fr, nl)
    assert "200 older ones opened" in await later(federation, fr, nl)
    check_follows(fr, nl)
    with fr.store.read() as unit:
        assert unit.entries.count(fr.log(nl.origin).id) == {BASELINE: 400, NATIONAL: 200}


@pytest.mark.parametrize(
    "lie",
    [
        lambda data: bytes(2 * 256),
        flip(-1),
        flip(20),
        lambda data: data[:-1],
        lambda data: data + data,
    ],
    ids=["withholds", "flips the end", "flips the start", "cuts", "sends more"],
)
async def test_what_does_not_verify_opens_nothing(
    federation: Federation, fr: Agency, nl: Agency, lie: Callable[[bytes], bytes]
) -> None:
    await federation.sync(fr, nl)
    held = fr.items(nl.origin)
    grant(nl, EVERYTHING)
    federation.link(fr, nl).meddle = on("openings", lie)
    federation.advance(hours=1)
    [outcome] = (await federation.sync(fr, nl)).lists
    assert outcome.error is not None
    assert fr.items(nl.origin) == held
    federation.link(fr, nl).meddle = lambda _call, answer: answer
    await later(federation, fr, nl)
    check_follows(fr, nl)


async def test_what_is_not_granted_is_refused_then_too(
    federation: Federation, fr: Agency, nl: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer opens more than it says that it grants."""
    grant(nl, NOTHING)
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    link = federation.link(fr, nl)
    monkeypatch.setattr(link, "_grant", lambda: NARROW)
    federation.advance(hours=1)
    [outcome] = (await federation.sync(fr, nl)).lists
    assert isinstance(outcome.error, OpeningError)
    assert fr.digests(nl.origin) == set()


async def test_some_algorithms_alone(federation: Federation, fr: Agency, nl: Agency) -> None:
    """What they do not cover is closed, and nobody calls it withheld."""
    rows = [
        ImportRow(
            at, (digest(f"two {at}", Algorithm.SHA256), digest(f"two {at}", Algorithm.MD5)), NATIONAL, {}, ""
        )
        for at in range(2, 12)
    ]
    import_rows(nl.shelf, nl.origin, rows, statement=Statement(basis=Basis.OWN, criteria=1), now_ms=nl.now_ms)
    nl.publish()
    grant(nl, SOME)
    assert (await federation.sync(fr, nl)).succeeded
    assert {found.algorithm for found in fr.digests(nl.origin)} == {Algorithm.SHA256}
    assert len(fr.digests(nl.origin)) == 610
    grant(nl, EVERYTHING)
    assert "10 older ones opened" in await later(federation, fr, nl)
    check_follows(fr, nl)
