"""A grant that becomes wider opens older events too; one that becomes narrower changes nothing that is held."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import ConflictError, ListTooOldError, PeerUnreachableError
from node.formats.rows import ImportRow
from node.lists import changes
from node.lists.corrections.erase import carry_out
from node.lists.corrections.shred import prepare, shred
from node.lists.guards import Guards
from node.lists.imports.intake import Statement, import_rows
from node.objects.filters import FolderFilters
from node.peers.sync import intake, reopen
from node.peers.sync.deadline import Deadline
from node.peers.sync.follow import FollowGuards
from node.peers.sync.opened_grants import Opened, opened
from node.peers.sync.reopen import Reopening
from node.peers.sync.sync import Syncer
from node.recipients.copy import RecipientCopy
from node.store.lists.records import Quarantined
from protocol.digest import Algorithm, Digest
from protocol.errors import OpeningError
from protocol.lists.event import BASELINE, NATIONAL, Header
from protocol.lists.ext import Basis, Reason
from protocol.lists.grant import NOTHING, Grant
from protocol.tlog.tiles import decode_bundle, encode_bundle
from support.federation import EVERYTHING, Agency, Call, Federation, check_follows, flip, on, unreachable_at
from support.lists import digest

NARROW = Grant(collections=frozenset({BASELINE}))
SOME = Grant(collections=frozenset({BASELINE, NATIONAL}), algorithms=frozenset({Algorithm.SHA256}))


OWN = Statement(basis=Basis.OWN, criteria=1)


def row(line: int, name: str, collection: int, *algorithms: Algorithm) -> ImportRow:
    digests = tuple(digest(name, algorithm) for algorithm in algorithms or (Algorithm.SHA256,))
    return ImportRow(line, digests, collection, {}, "")


@pytest.fixture
def federation(federation: Federation) -> Federation:
    """fr follows nl, which opens the baseline alone to it; every third of 600 files is national."""
    _, nl = federation.peers("fr", "nl", back=NARROW)
    rows = [row(at, f"file {at}", BASELINE if at % 3 else NATIONAL) for at in range(600)]
    import_rows(nl.store, nl.origin, rows, statement=OWN, now_ms=nl.now_ms)
    nl.publish()
    return federation


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


async def later(federation: Federation, fr: Agency, nl: Agency) -> str:
    """What a sync says that asks for the grant again."""
    federation.advance(hours=1)
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
    nl.publish("new")
    [outcome] = (await federation.sync(fr, nl)).lists
    assert outcome.words == "600 → 601 events, 1 added, 0 withdrawn, 200 older ones opened, verified"
    check_follows(fr, nl)


async def test_what_was_opened_late_counts_like_what_was_opened_at_once(
    federation: Federation, fr: Agency, nl: Agency
) -> None:
    fr.publish("file 0", "file 3", collection=NATIONAL)
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
    return {found for number, found in agency.judged().decision.effective if number == NATIONAL}


async def test_a_withdrawal_for_error_that_was_opened_late_blocks(
    federation: Federation, fr: Agency, nl: Agency
) -> None:
    nl.withdraw("file 3", Reason.ERROR)
    nl.publish()
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    await later(federation, fr, nl)
    [block] = [block for listing in fr.judged().listings for block in listing.listing.blocks]
    assert block.digest == digest("file 3", Algorithm.SHA256)


async def test_what_was_judged_before_is_out_of_date(federation: Federation, fr: Agency, nl: Agency) -> None:
    """No head moves when older events are opened: a copy for recipients is laid out again all the same."""
    fr.publish("file 0", collection=NATIONAL)
    await federation.sync(fr, nl)
    copy = RecipientCopy(fr.store, fr.clock, fr.trust.members, max_age=timedelta(days=1))
    assert copy.refresh().digests == 0
    copy.standing()
    grant(nl, EVERYTHING)
    await later(federation, fr, nl)
    with pytest.raises(ListTooOldError):
        copy.standing()
    assert copy.refresh().digests == 1


async def test_a_narrower_grant_changes_nothing_that_is_held(
    federation: Federation, fr: Agency, nl: Agency
) -> None:
    grant(nl, EVERYTHING)
    await federation.sync(fr, nl)
    grant(nl, NARROW)
    nl.add("closed", collection=NATIONAL)
    nl.publish("open")
    assert "2 added" in await later(federation, fr, nl)
    assert len(fr.digests(nl.origin)) == 601
    assert opened(fr.store, nl.origin).under == NARROW
    grant(nl, EVERYTHING)
    assert "1 older one opened" in await later(federation, fr, nl)
    assert asked(federation, fr, nl) == [(2, 600 - 512)], "of all the others nothing is lacking"
    check_follows(fr, nl)


async def test_a_node_that_noted_nothing_looks_once(federation: Federation, fr: Agency, nl: Agency) -> None:
    await federation.sync(fr, nl)
    for name in list(fr.objects.ls("opened/")):
        fr.objects.put(name, b"damaged")
    assert opened(fr.store, nl.origin) == Opened()
    assert await later(federation, fr, nl) == "600 events, nothing new"
    assert opened(fr.store, nl.origin) == Opened(NARROW)


async def test_it_stops_at_a_bound_and_goes_on(federation: Federation, fr: Agency, nl: Agency) -> None:
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    document = nl.trust.document()
    for bundle, (openings, finished) in enumerate([(86, False), (85, False), (29, True)]):
        look = Reopening(
            store=fr.store,
            follower=fr.syncer._watch.follower(fr.store, document, Deadline()),  # as a sync makes it
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
        assert opened(fr.store, nl.origin) == state
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


@pytest.mark.threat("openings withheld")
@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lambda data: bytes(2 * 256), id="withholds"),
        pytest.param(flip(-1), id="flips the end"),
        pytest.param(flip(20), id="flips the start"),
        pytest.param(lambda data: data[:-1], id="cuts"),
        pytest.param(lambda data: data + data, id="sends more"),
    ],
)
async def test_what_does_not_verify_opens_nothing(
    federation: Federation, fr: Agency, nl: Agency, lie: Callable[[bytes], bytes]
) -> None:
    await federation.sync(fr, nl)
    held = fr.items(nl.origin)
    grant(nl, EVERYTHING)
    link = federation.link(fr, nl)
    link.meddle = on("openings", lie)
    link.calls.clear()
    federation.advance(hours=1)
    [outcome] = (await federation.sync(fr, nl)).lists
    assert outcome.error is not None
    assert outcome.words.startswith("600 events, nothing new, others stay closed (refused: ")
    assert fr.items(nl.origin) == held
    assert asked(federation, fr, nl) == [(0, 0)], "once a sync, however often it lies"
    link.meddle = lambda _call, answer: answer
    await later(federation, fr, nl)
    check_follows(fr, nl)


@pytest.mark.threat("more than its grant")
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
    rows = [row(at, f"two {at}", NATIONAL, Algorithm.SHA256, Algorithm.MD5) for at in range(2, 12)]
    import_rows(nl.store, nl.origin, rows, statement=OWN, now_ms=nl.now_ms)
    nl.publish()
    grant(nl, SOME)
    assert (await federation.sync(fr, nl)).succeeded
    assert {found.algorithm for found in fr.digests(nl.origin)} == {Algorithm.SHA256}
    assert len(fr.digests(nl.origin)) == 610
    grant(nl, EVERYTHING)
    assert "10 older ones opened" in await later(federation, fr, nl)
    check_follows(fr, nl)


async def test_what_was_taken_over_stays_when_older_openings_are_refused(
    federation: Federation, fr: Agency, nl: Agency
) -> None:
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    nl.publish("new")

    def withhold(call: Call, data: bytes) -> bytes:
        return bytes(len(data)) if call.what == "openings" and call.index == 0 else data

    federation.link(fr, nl).meddle = withhold
    [outcome] = (await federation.sync(fr, nl)).lists
    assert (outcome.new_size, outcome.adds, outcome.opened) == (601, 1, 0)
    assert outcome.error is not None
    assert len(fr.digests(nl.origin)) == 401


async def test_the_guards_see_what_is_opened_late(
    federation: Federation, fr: Agency, nl: Agency, tmp_path: Path
) -> None:
    """A file that is known to be lawful has no voice here, whenever its hash was seen."""
    fr.publish("file 0", "file 3", collection=NATIONAL)
    with_benign(fr, tmp_path, "file 3")
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    assert await later(federation, fr, nl) == "600 events, nothing new, 200 older ones opened, 1 set aside"
    assert [(record.first, record.last) for record in waiting(fr)] == [(3, 3)]
    assert effective(fr) == {digest("file 0", Algorithm.SHA256)}


def with_benign(fr: Agency, folder: Path, *names: str) -> None:
    """From now on fr knows these files to be lawful."""
    guards = Guards(fr.store, FolderFilters(folder / "filters"))
    rows = [row(2, name, NATIONAL) for name in names]
    guards.add_benign("nsrl", rows, now_ms=fr.now_ms)
    fr.syncer = Syncer(fr.store, fr.clock, guards=guards)


def waiting(fr: Agency) -> Sequence[Quarantined]:
    with fr.store.read() as unit:
        return unit.quarantine.ls()


async def test_a_flood_of_suspects_is_one_record_a_bundle(
    federation: Federation, fr: Agency, nl: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_MOST_RECORDS", 3)
    with_benign(fr, tmp_path, *(f"file {number}" for number in range(0, 600, 3)))
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    await later(federation, fr, nl)
    aside = [(record.first, record.last) for record in waiting(fr)]
    assert aside == [(0, 0), (3, 3), (6, 6), (9, 255), (258, 510), (513, 597)]


async def test_an_interruption_sets_nothing_aside_twice(
    federation: Federation, fr: Agency, nl: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_benign(fr, tmp_path, "file 3")
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)

    def full(_items: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(fr.objects, "put_all", full)
        federation.advance(hours=1)
        with pytest.raises(OSError, match="no space"):
            await federation.sync(fr, nl)
    await later(federation, fr, nl)
    assert len(waiting(fr)) == 1


def shred_file(nl: Agency, name: str) -> None:
    plan = prepare(nl.store, nl.origin, digest(name, Algorithm.SHA256))
    shred(nl.store, nl.origin, plan.position, reason=Reason.ERROR)
    nl.publish()


async def test_what_was_shredded_is_not_asked_for(federation: Federation, fr: Agency, nl: Agency) -> None:
    shred_file(nl, "file 0")
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    assert "200 older ones opened" in await later(federation, fr, nl), "199, and the withdrawal itself"
    assert asked(federation, fr, nl) == [(0, 3), (1, 2), (2, 1)]
    check_follows(fr, nl)


async def test_what_was_shredded_is_not_kept_though_it_is_given(
    federation: Federation, fr: Agency, nl: Agency
) -> None:
    (_, _, gone) = nl.items(nl.origin)[3]
    assert gone is not None
    shred_file(nl, "file 3")
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)

    def give(call: Call, data: bytes) -> bytes:
        if call.what != "openings" or call.index:
            return data
        rows = decode_bundle(data, 256)
        return encode_bundle([*rows[:3], gone, *rows[4:]])

    federation.link(fr, nl).meddle = give
    assert "200 older ones opened" in await later(federation, fr, nl)
    assert fr.items(nl.origin)[3][2] is None
    assert digest("file 3", Algorithm.SHA256) not in fr.digests(nl.origin)


async def test_what_is_shredded_meanwhile_is_not_written_again(
    federation: Federation, fr: Agency, nl: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody lets a withdrawal that waited pass while the openings beside it are rewritten."""
    fr.syncer = Syncer(fr.store, fr.clock, most=FollowGuards(max_adds_per_day=1000, max_withdraws_per_day=0))
    await federation.sync(fr, nl)
    shred_file(nl, "file 1")
    await federation.sync(fr, nl)
    assert digest("file 1", Algorithm.SHA256) in fr.digests(nl.origin), "a guard holds the withdrawal"
    grant(nl, EVERYTHING)
    write = fr.objects.put_all

    def release_first(items: Iterable[tuple[str, bytes]]) -> None:
        monkeypatch.setattr(fr.objects, "put_all", write)
        read = list(items)
        with fr.store.write() as unit:
            for record in unit.quarantine.ls():
                unit.quarantine.release(record.id, now_ms=fr.now_ms)
        assert carry_out(fr.store, nl.origin, now_ms=fr.now_ms) == 1
        write(read)

    monkeypatch.setattr(fr.objects, "put_all", release_first)
    await later(federation, fr, nl)
    assert digest("file 1", Algorithm.SHA256) not in fr.digests(nl.origin)
    check_follows(fr, nl)
    assert opened(fr.store, nl.origin).under == NARROW, "who deleted may have written closed bundles back"
    await later(federation, fr, nl)
    assert opened(fr.store, nl.origin).under == EVERYTHING


async def test_a_faster_sync_wins(federation: Federation, fr: Agency, nl: Agency) -> None:
    """Another process takes the newest head over, and opens everything, while this one waits for openings."""
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    other = Syncer(fr.store, fr.clock)

    def overtake(call: Call, answer: bytes) -> bytes:
        if call.what != "openings":
            return answer
        federation.link(fr, nl).meddle = lambda _call, data: data
        nl.publish("new")
        with ThreadPoolExecutor(1) as pool:
            link = federation.connect(fr, nl)
            assert pool.submit(asyncio.run, other.sync("nl.example", link)).result().succeeded
        return answer

    federation.link(fr, nl).meddle = overtake
    federation.advance(hours=1)
    [outcome] = (await federation.sync(fr, nl)).lists
    assert isinstance(outcome.error, ConflictError)
    assert opened(fr.store, nl.origin) == Opened(EVERYTHING)
    check_follows(fr, nl)


async def test_an_algorithm_that_is_hidden_may_be_the_granted_one(
    federation: Federation, fr: Agency, nl: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of such an entry the opening alone says it: whoever may read some algorithms asks, and accepts a no."""

    def hiding(op: int, flags: int, collection: int, _algorithm: int, ref: int, time_ms: int) -> bytes:
        return Header(op=op, flags=flags, collection=collection, ref=ref, time_ms=time_ms).to_bytes()

    monkeypatch.setattr(changes, "_header", hiding)
    nl.publish("hidden", collection=NATIONAL)
    await federation.sync(fr, nl)
    grant(nl, replace(SOME, algorithms=frozenset({Algorithm.MD5})))
    assert await later(federation, fr, nl) == "601 events, nothing new"
    assert asked(federation, fr, nl) == [(2, 600 - 512)], "all others name another algorithm"
    grant(nl, SOME)
    assert "201 older ones opened" in await later(federation, fr, nl)
    check_follows(fr, nl)


async def test_what_is_known_already_is_not_written_again(
    federation: Federation, fr: Agency, nl: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that withholds for weeks costs one request a sync, and no writing."""
    await federation.sync(fr, nl)
    grant(nl, EVERYTHING)
    federation.link(fr, nl).meddle = on("openings", lambda data: bytes(len(data)))
    await later(federation, fr, nl)
    with monkeypatch.context() as patched:
        patched.setattr(reopen, "note_opened", pytest.fail)
        assert "stay closed" in await later(federation, fr, nl)
    assert asked(federation, fr, nl) == [(0, 0)]
