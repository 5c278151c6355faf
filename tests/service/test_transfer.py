"""A list carried over an air gap: the same rules as over the network, at the signed time of the export."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from keys.errors import KeysError
from keys.key import StatementPrivateKey
from keys.trust.statement import seal_statement
from node.errors import AlreadyExistsError, NotFoundError, UsageError, VerificationError
from node.services.carrying import HEAD, held_sizes, receive
from node.services.exporting import Exported, Exporter
from node.services.syncing import Syncer, SyncReport
from protocol.errors import ProtocolError
from protocol.event import BASELINE, NATIONAL
from protocol.grant import Grant
from protocol.transfer import KIND, Transfer
from support.federation import Agency, Federation, MemoryObjects, check_follows

FILES = 300


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with Federation(tmp_path) as made:
        fr, nl = made.agency("fr.example", "FR"), made.agency("nl.example", "NL")
        made.introduce(fr, nl, grant=Grant(collections=frozenset({BASELINE})))
        fr.add(*(f"file {number}" for number in range(FILES)))
        fr.add("secret", collection=NATIONAL)
        fr.publish()
        yield made


@pytest.fixture
def fr(federation: Federation) -> Agency:
    return federation.agencies[0]


@pytest.fixture
def nl(federation: Federation) -> Agency:
    return federation.agencies[1]


def export(fr: Agency, target: MemoryObjects, *, held: dict[str, int] | None = None) -> Exported:
    signer = fr.keys.key(StatementPrivateKey, "1")
    return Exporter(fr.shelf, fr.files, fr.clock, node=fr.name, signer=signer).export(
        "nl.example", target, held=held or {}
    )


async def take(nl: Agency, source: MemoryObjects) -> SyncReport:
    carried = receive(nl.shelf, source, "fr.example", node=nl.name, now=nl.clock.now())
    return await Syncer(nl.shelf, carried.time).sync("fr.example", carried)


async def test_what_is_carried_is_held_like_what_is_fetched(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    exported = export(fr, stick)
    assert [(one.origin, one.size, one.bundles) for one in exported.lists] == [(fr.origin, FILES + 1, 2)]
    report = await take(nl, stick)
    assert report.succeeded
    check_follows(nl, fr)
    assert held_sizes(nl.shelf, "fr.example") == {fr.origin: FILES + 1}


async def test_only_what_is_granted_is_on_the_medium(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    export(fr, stick)
    openings = b"".join(data for name, data in stick.data.items() if "openings" in name)
    for _, event, opening in fr.items(fr.origin):
        assert opening is not None
        assert (opening in openings) is (int.from_bytes(event[2:4]) == BASELINE)


async def test_the_next_export_carries_what_is_new(fr: Agency, nl: Agency) -> None:
    first = MemoryObjects()
    export(fr, first)
    await take(nl, first)
    fr.add("later")
    fr.publish()
    fr.time.advance(timedelta(hours=1))
    stick = MemoryObjects()
    exported = export(fr, stick, held=held_sizes(nl.shelf, "fr.example"))
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


async def test_an_old_medium_is_refused_without_accusing_anybody(
    federation: Federation, fr: Agency, nl: Agency
) -> None:
    stick = MemoryObjects()
    export(fr, stick)
    fr.time.advance(timedelta(minutes=1))
    fr.add("later")
    fr.publish()
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


async def test_a_medium_for_somebody_else_is_refused(federation: Federation, fr: Agency, nl: Agency) -> None:
    de = federation.agency("de.example", "DE")
    federation.introduce(fr, de)
    stick = MemoryObjects()
    export(fr, stick)
    with pytest.raises(VerificationError, match=r"not from fr\.example to de\.example"):
        receive(de.shelf, stick, "fr.example", node=de.name, now=de.clock.now())


def test_a_folder_is_for_one_peer_alone(federation: Federation, fr: Agency) -> None:
    de = federation.agency("de.example", "DE")
    federation.introduce(fr, de)
    stick = MemoryObjects()
    export(fr, stick)
    with pytest.raises(AlreadyExistsError, match="another peer"):
        Exporter(
            fr.shelf, fr.files, fr.clock, node=fr.name, signer=fr.keys.key(StatementPrivateKey, "1")
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
        receive(nl.shelf, stick, "fr.example", node=nl.name, now=nl.clock.now())


def test_a_head_signed_by_another_key_is_refused(fr: Agency, nl: Agency) -> None:
    stick = MemoryObjects()
    export(fr, stick)
    head = Transfer(
        node=fr.name, peer=nl.name, time_ms=fr.now_ms, granted=frozenset({BASELINE}), lists={fr.origin: 1}
    )
    stick.put(HEAD, seal_statement(KIND, head.to_bytes(), nl.keys.key(StatementPrivateKey, "1")))
    with pytest.raises(KeysError):
        receive(nl.shelf, stick, "fr.example", node=nl.name, now=nl.clock.now())


async def test_no_altered_byte_changes_what_is_held(fr: Agency, nl: Agency) -> None:
    """Every file that is read, a byte near its start, its middle and its last one; the pinned root is not read."""
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
