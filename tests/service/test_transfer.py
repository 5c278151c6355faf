"""A list carried over an air gap: the same rules as over the network, at the signed time of the export."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from keys.errors import KeysError
from keys.key import StatementPrivateKey
from keys.roles import Role
from keys.trust.revocations import Reason, Revocation
from keys.trust.statement import seal_statement
from node.errors import AlreadyExistsError, NotFoundError, UsageError, VerificationError
from node.peers.sync.reports import SyncReport
from node.peers.sync.sync import Syncer
from node.peers.transfer.read import HEAD, HeldList, held_lists, receive
from node.peers.transfer.write import Exported, Exporter
from node.trust.others.revocations import revocations_of, withheld
from node.trust.revoke import revoke_keys
from protocol.digest import Algorithm
from protocol.errors import ProtocolError
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.grant import Grant
from protocol.transfer import KIND, Transfer
from support.ceremonies import replace_everybody
from support.federation import EVERYTHING, Agency, Federation, check_follows
from support.new_stores import MemoryObjects

FILES = 300
NARROW = Grant(collections=frozenset({BASELINE}))


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with Federation(tmp_path) as made:
        fr, _ = made.peers("fr", "nl", grant=NARROW)
        fr.add(*(f"file {number}" for number in range(FILES)))
        fr.publish("secret", collection=NATIONAL)
        yield made


@pytest.fixture
def fr(federation: Federation) -> Agency:
    return federation.agencies[0]


@pytest.fixture
def nl(federation: Federation) -> Agency:
    return federation.agencies[1]


def export(fr: Agency, target: MemoryObjects, *, held: dict[str, HeldList] | None = None) -> Exported:
    signer = fr.keys.key(StatementPrivateKey, "1")
    return Exporter(fr.store, fr.trust, fr.clock, node=fr.name, signer=signer).export(
        "nl.example", target, held=held or {}
    )


async def take(nl: Agency, source: MemoryObjects) -> SyncReport:
    carried = receive(nl.store, source, "fr.example", node=nl.name, now=nl.clock.now())
    return await Syncer(nl.store, carried.time).sync("fr.example", carried)


async def test_what_is_carried_is_held_like_what_is_fetched(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    exported = export(fr, stick)
    assert [(one.origin, one.size, one.bundles) for one in exported.lists] == [(fr.origin, FILES + 1, 2)]
    report = await take(nl, stick)
    assert report.succeeded
    check_follows(nl, fr)
    assert held_lists(nl.store, "fr.example") == {fr.origin: HeldList(FILES + 1, NARROW)}


@pytest.mark.threat("a medium lost or altered")
async def test_only_what_is_granted_is_on_the_medium(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    export(fr, stick)
    openings = b"".join(data for name, data in stick.data.items() if "openings" in name)
    granted = []
    for _, event, opening in fr.items(fr.origin):
        assert opening is not None
        granted.append(int.from_bytes(event[2:4]) == BASELINE)
        assert (opening in openings) is granted[-1]
    assert set(granted) == {True, False}


async def test_the_next_export_carries_what_is_new(fr: Agency, nl: Agency) -> None:
    first = MemoryObjects()
    export(fr, first)
    await take(nl, first)
    fr.publish("later")
    fr.time.advance(timedelta(hours=1))
    stick = MemoryObjects()
    exported = export(fr, stick, held=held_lists(nl.store, "fr.example"))
    assert exported.lists[0].bundles == 1
    assert (await take(nl, stick)).succeeded
    check_follows(nl, fr)
    assert first.data.keys() != stick.data.keys()


async def test_freshness_is_that_of_the_export(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    export(fr, stick)
    exported_ms = fr.now_ms
    fr.time.advance(timedelta(days=3))
    assert (await take(nl, stick)).succeeded
    assert nl.log(fr.origin).checked_ms == exported_ms


async def test_an_export_that_was_cut_off_goes_on(fr: Agency) -> None:
    stick = MemoryObjects()
    whole = export(fr, stick)
    assert whole.written
    del stick.data[HEAD]
    again = export(fr, stick)
    assert 0 < again.written < 2000  # the head alone


async def test_an_import_that_was_cut_off_goes_on(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    export(fr, stick)
    lost = {name: data for name, data in stick.data.items() if "001" in name}
    for name in lost:
        del stick.data[name]
    report = await take(nl, stick)
    assert "lacks" in report.words
    stick.data.update(lost)
    assert (await take(nl, stick)).succeeded
    check_follows(nl, fr)


@pytest.mark.threat("a medium lost or altered")
async def test_an_old_medium_is_refused_without_accusing_anybody(
    federation: Federation, fr: Agency, nl: Agency
) -> None:
    stick = MemoryObjects()
    export(fr, stick)
    fr.time.advance(timedelta(minutes=1))
    fr.publish("later")
    assert (await federation.sync(nl, fr)).succeeded
    with pytest.raises(UsageError, match="older than what is held"):
        await take(nl, stick)
    assert not list(nl.objects.ls("evidence/"))


async def test_a_medium_from_the_future_is_refused(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    fr.time.advance(timedelta(days=1))
    export(fr, stick)
    fr.time.advance(timedelta(days=-1))
    with pytest.raises(VerificationError, match="future"):
        await take(nl, stick)


@pytest.mark.threat("a medium lost or altered")
async def test_a_medium_for_somebody_else_is_refused(federation: Federation, fr: Agency, nl: Agency) -> None:
    de = federation.agency("de.example", "DE")
    federation.introduce(fr, de)
    stick = MemoryObjects()
    export(fr, stick)
    with pytest.raises(VerificationError, match=r"not from fr\.example to de\.example"):
        receive(de.store, stick, "fr.example", node=de.name, now=de.clock.now())


def test_a_folder_is_for_one_peer_alone(federation: Federation, fr: Agency) -> None:
    de = federation.agency("de.example", "DE")
    federation.introduce(fr, de)
    stick = MemoryObjects()
    export(fr, stick)
    with pytest.raises(AlreadyExistsError, match="another peer"):
        Exporter(
            fr.store, fr.trust, fr.clock, node=fr.name, signer=fr.keys.key(StatementPrivateKey, "1")
        ).export("de.example", stick, held={})
    stick.data.clear()
    stick.put("notes.txt", b"somebody's")
    with pytest.raises(AlreadyExistsError, match="not empty"):
        export(fr, stick)
    assert stick.data == {"notes.txt": b"somebody's"}


def test_nothing_is_taken_from_an_unfinished_export(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    export(fr, stick)
    del stick.data[HEAD]
    with pytest.raises(NotFoundError, match="no finished transfer"):
        receive(nl.store, stick, "fr.example", node=nl.name, now=nl.clock.now())


def test_a_head_signed_by_another_key_is_refused(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    export(fr, stick)
    head = Transfer(
        node=fr.name, peer=nl.name, time_ms=fr.now_ms, granted=frozenset({BASELINE}), lists={fr.origin: 1}
    )
    stick.put(HEAD, seal_statement(KIND, head.to_bytes(), nl.keys.key(StatementPrivateKey, "1")))
    with pytest.raises(KeysError):
        receive(nl.store, stick, "fr.example", node=nl.name, now=nl.clock.now())


@pytest.mark.threat("a medium lost or altered")
async def test_no_altered_byte_changes_what_is_held(fr: Agency, nl: Agency) -> None:
    """Every file that is read, a byte near its start, its middle and its last one; the pinned root is not read.

    Of the trust files in the order in which they are followed: one that is held already is not read again.
    """
    fr.revise(lambda old: old)
    fr.trust.revise_members(lambda old: old, signers=fr.signers)
    stick = MemoryObjects()
    export(fr, stick)
    for name, data in list(stick.data.items()):
        if name in {"peer", "trust/1.root.json"}:
            continue
        for at in (len(data) // 7, len(data) // 2, len(data) - 1):
            altered = MemoryObjects()
            altered.data = {**stick.data, name: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]}
            try:
                report = await take(nl, altered)
            except (KeysError, ProtocolError, VerificationError):
                continue
            assert not report.succeeded, name
    assert (await take(nl, stick)).succeeded
    check_follows(nl, fr)


async def test_a_held_back_opening_is_noticed(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    export(fr, stick)
    claimed = Transfer(
        node=fr.name,
        peer=nl.name,
        time_ms=fr.now_ms,
        granted=frozenset({BASELINE, NATIONAL}),
        lists={fr.origin: FILES + 1},
    )
    signer = fr.keys.key(StatementPrivateKey, "1")
    stick.put(HEAD, seal_statement(KIND, claimed.to_bytes(), signer))
    report = await take(nl, stick)
    assert not report.succeeded


def grant(fr: Agency, wanted: Grant) -> None:
    with fr.store.write() as unit:
        unit.peers.update_grant("nl.example", json.dumps(wanted.to_json()))


async def test_a_wider_grant_opens_what_was_carried_before(fr: Agency, nl: Agency) -> None:
    """What the follower says that it holds makes the export small, and has the openings that it lacks."""
    first, second, third = MemoryObjects(), MemoryObjects(), MemoryObjects()
    export(fr, first)
    await take(nl, first)
    grant(fr, EVERYTHING)
    fr.publish("later")
    fr.time.advance(timedelta(hours=1))
    [exported] = export(fr, second, held=held_lists(nl.store, "fr.example")).lists
    assert (exported.bundles, exported.reopened) == (1, 1)
    assert not any(name.endswith("tile/entries/000") for name in second.data)
    [outcome] = (await take(nl, second)).lists
    assert outcome.words == "301 → 302 events, 1 added, 0 withdrawn, 1 older one opened, verified"
    check_follows(nl, fr)
    fr.time.advance(timedelta(hours=1))
    [exported] = export(fr, third, held=held_lists(nl.store, "fr.example")).lists
    assert (exported.bundles, exported.reopened) == (0, 0)
    assert [one.words for one in (await take(nl, third)).lists] == ["302 events, nothing new"]


async def test_older_openings_that_are_not_on_the_medium_are_asked_for(fr: Agency, nl: Agency) -> None:
    """An export that was told too much: what is new is taken over, and what to do is said."""
    first, second, whole = MemoryObjects(), MemoryObjects(), MemoryObjects()
    fr.add("old secret", collection=NATIONAL)
    fr.publish(*(f"more {number}" for number in range(300)))
    export(fr, first)
    await take(nl, first)
    grant(fr, EVERYTHING)
    fr.publish("later")
    fr.time.advance(timedelta(hours=1))
    told = {fr.origin: HeldList(nl.log(fr.origin).head.size, EVERYTHING)}
    export(fr, second, held=told)
    [outcome] = (await take(nl, second)).lists
    assert (outcome.adds, outcome.opened) == (1, 0)
    assert isinstance(outcome.error, NotFoundError)
    assert "transfer held" in (outcome.error.hint or "")
    export(fr, whole)
    assert (await take(nl, whole)).succeeded
    check_follows(nl, fr)


async def test_a_grant_of_some_algorithms_is_carried(fr: Agency, nl: Agency) -> None:
    """What they do not cover is not on the medium, and nobody calls it withheld."""
    some = Grant(collections=frozenset({BASELINE}), algorithms=frozenset({Algorithm.MD5}))
    grant(fr, some)
    stick = MemoryObjects()
    export(fr, stick)
    assert (await take(nl, stick)).succeeded
    assert nl.digests(fr.origin) == set()
    assert held_lists(nl.store, "fr.example")[fr.origin].opened == some


async def test_revocations_are_carried(fr: Agency, nl: Agency) -> None:
    kid = fr.trust.document().auth_keys[0].kid
    entry = Revocation(role=Role.AUTH, key=kid, time=fr.clock.now(), reason=Reason.LOST)
    revoke_keys(fr.trust, fr.store, [entry], document=lambda document: document, signers=fr.signers)
    medium = MemoryObjects()
    export(fr, medium)
    assert (await take(nl, medium)).succeeded
    with nl.store.read() as unit:
        assert revocations_of(unit, fr.name).entries == (entry,)
        assert not withheld(unit)


async def test_a_peer_that_was_away_while_everybody_was_replaced_follows_from_the_medium(
    fr: Agency, nl: Agency
) -> None:
    for label in ("second", "third"):
        replace_everybody(fr, label)
    fr.publish("after both")
    medium = MemoryObjects()
    export(fr, medium)
    assert (await take(nl, medium)).succeeded
    assert len(nl.digests(fr.origin)) == FILES + 1
    with nl.store.read() as unit:
        held = unit.peers.get(fr.name).trust
    assert held.roots == tuple(root.data for root in fr.trust.roots())
    assert len(held.roots) == 3


@pytest.mark.parametrize("lost", ["trust/2.root.json", "trust/3.root.json"])
async def test_a_medium_on_which_a_root_is_missing_is_refused(fr: Agency, nl: Agency, lost: str) -> None:
    for label in ("second", "third"):
        replace_everybody(fr, label)
    medium = MemoryObjects()
    export(fr, medium)
    medium.delete(lost)
    with pytest.raises(KeysError):
        await take(nl, medium)
    with nl.store.read() as unit:
        assert len(unit.peers.get(fr.name).trust.roots) == 1
