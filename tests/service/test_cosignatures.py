"""Having heads cosigned: by witnesses that answer, that do not, and that lie."""

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keys.encoding import MAX_INTEGER
from keys.key import WitnessPrivateKey
from node.errors import ConflictError, StoreError
from node.lists.catalogue import create_list
from node.lists.publish import publish
from node.peers.log_service import CallerLogs
from node.store.peers.cosignatures import CosignerRows
from node.store.peers.records import CosignerRecord
from node.witnesses import cosigners
from node.witnesses.cosignatures import Cosigning
from node.witnesses.cosigners import OwnHead, WitnessAnswer
from protocol.api import WitnessApi
from protocol.encoding import b64
from protocol.lists.grant import NOTHING
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.cosignature import cosign, verify_cosignatures
from protocol.tlog.note import Note, NoteSignature, VerifierKey
from protocol.witness.cosign import AddCheckpoint, Refuse, Status
from support.federation import Federation
from support.witnesses import MAX_AGE, Witnesses, witness_of

NAMES = ("nl.example", "de.example", "at.example")


class World:
    """The agency fr.example and three members that witness its list."""

    def __init__(self, folder: Path) -> None:
        self.federation = Federation(folder)
        self.fr, *self.others = self.federation.peers("fr", "nl", "de", "at")
        self.witnesses = Witnesses(self.federation)
        self.fr.publish("a file")

    @property
    def note(self) -> bytes:
        note = self.fr.log().note
        assert note is not None
        return note

    def key(self, name: str) -> VerifierKey:
        (agency,) = (one for one in self.others if one.name == name)
        info = agency.trust.document().witness
        assert info is not None
        return VerifierKey.from_text(info.vkeys[0].vkey)

    def cosigners(self) -> set[str]:
        keys = [self.key(name) for name in NAMES]
        found = verify_cosignatures(Note.parse(self.note), keys)
        return {one.witness.name.partition("/")[0] for one in found}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with made.federation:
        yield made


# ------------------------------------------------------------------ witnesses that answer


async def test_a_head_is_cosigned_by_everybody_and_served_so(world: World) -> None:
    before = world.note
    standing = await world.witnesses.collect(world.fr)
    assert (standing.witnesses, standing.cosigned, standing.missing) == (3, 3, 0)
    assert world.cosigners() == set(NAMES)
    served = CallerLogs(world.fr.store, world.fr.clock, NOTHING)
    assert await served.checkpoint(world.fr.origin, held=before) == world.note
    assert standing.words == "cosigned by 3 of 3"


async def test_a_log_that_grew_is_proved_from_where_each_witness_stands(world: World) -> None:
    await world.witnesses.collect(world.fr)
    world.witnesses.down.add("nl.example")
    for count in (3, 300):
        world.fr.publish(*(f"{count} {number}" for number in range(count)))
        standing = await world.witnesses.collect(world.fr)
        assert (standing.cosigned, standing.missing) == (2, 0)
    world.witnesses.down.clear()
    assert (await world.witnesses.collect(world.fr)).cosigned == 3
    records = world.fr.store
    with records.read() as unit:
        assert {record.size for record in unit.cosigners.ls()} == {304}


async def test_where_a_witness_stands_is_asked_when_the_guess_is_wrong(world: World) -> None:
    await world.witnesses.collect(world.fr)
    with world.fr.store.write() as unit:
        for record in unit.cosigners.ls():
            unit.cosigners.put(replace(record, size=0))
    world.fr.publish("more")
    assert (await world.witnesses.collect(world.fr)).cosigned == 3


async def test_cosignatures_are_renewed_past_half_of_their_age(world: World) -> None:
    await world.witnesses.collect(world.fr)
    first, asked = world.note, len(world.witnesses.asked)
    world.federation.clock.advance(MAX_AGE / 2 - MAX_AGE / 100)
    await world.witnesses.collect(world.fr)
    assert (world.note, len(world.witnesses.asked)) == (first, asked), "still young"
    world.federation.clock.advance(MAX_AGE / 50)
    standing = await world.witnesses.collect(world.fr)
    assert (standing.cosigned, len(standing.asked)) == (3, 3)
    assert world.note != first
    assert len(Note.parse(world.note).signatures) == 4, "no key has two lines"


@pytest.mark.parametrize(("seconds", "fresh"), [(MAX_INTEGER, True), (3600, False)])
async def test_the_strictest_member_says_how_old_a_cosignature_may_be(
    tmp_path: Path, seconds: int, fresh: bool
) -> None:
    """A member that named a time without end in its document stopped everybody else's cosigning."""
    with Federation(tmp_path) as federation:
        fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
        nl.revise(lambda old: replace(old, limits=replace(old.limits, max_checkpoint_age_s=seconds)))
        federation.introduce(fr, nl)
        fr.publish("a file")
        witnesses = Witnesses(federation)
        assert (await witnesses.collect(fr)).cosigned == 1
        federation.clock.advance(timedelta(hours=2))
        (standing,) = witnesses.standings(fr).ls()
        assert (standing.cosigned == 1) is fresh


async def test_old_cosignatures_are_missing_ones(world: World) -> None:
    await world.witnesses.collect(world.fr)
    world.federation.clock.advance(MAX_AGE * 2)
    (standing,) = world.witnesses.standings(world.fr).ls()
    assert (standing.cosigned, standing.missing) == (0, 2)


async def test_nobody_is_asked_in_a_federation_of_one(tmp_path: Path) -> None:
    with Federation(tmp_path) as federation:
        alone = federation.agency("fr.example", "FR")
        alone.publish()
        standing = await Witnesses(federation).collect(alone)
    assert (standing.witnesses, standing.missing, standing.words) == (0, 0, "")


async def test_a_list_that_is_not_published_is_no_head(world: World) -> None:
    nl = world.others[0]
    assert await world.witnesses.cosigning(nl).collect() == []


async def test_the_register_or_the_operator_says_how_many_are_missing(world: World) -> None:
    assert (await world.witnesses.cosigning(world.fr, quorum=3).collect())[0].missing == 0
    (standing,) = world.witnesses.standings(world.fr, quorum=5).ls()
    assert standing.missing == 2


# ------------------------------------------------------------------ witnesses that do not


@pytest.mark.threat("a witness that spoils")
@pytest.mark.parametrize(("down", "missing"), [(1, 0), (2, 1), (3, 2)])
async def test_who_is_down_is_told_and_asked_again(world: World, down: int, missing: int) -> None:
    world.witnesses.down = set(list(NAMES)[:down])
    standing = await world.witnesses.collect(world.fr)
    assert (standing.cosigned, standing.missing) == (3 - down, missing)
    failed = {one.witness: one.words for one in standing.asked if not one.lines}
    assert failed == {name: f"{name} cannot be reached: no connection" for name in world.witnesses.down}
    world.witnesses.down.clear()
    standing = await world.witnesses.collect(world.fr)
    assert standing.missing == 0
    assert len(standing.asked) == down, "the others need not be asked again"


async def test_a_slow_witness_costs_patience_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Cosigning._ask  # patience is as long for all, and the others need some on a loaded machine

    async def ask(self: Cosigning, node: str, *rest: Any) -> Any:
        seconds = 0.2 if node == "nl.example" else 60.0
        monkeypatch.setattr("node.witnesses.cosignatures._PATIENCE_SECONDS", seconds)
        return await real(self, node, *rest)

    monkeypatch.setattr(Cosigning, "_ask", ask)

    async def slow(*_: object, witness: str, **rest: Any) -> Any:
        if witness == "nl.example":
            await asyncio.sleep(30)
        return await asked(*_, witness=witness, **rest)

    asked: Any = cosigners.ask_witness
    monkeypatch.setattr("node.witnesses.cosignatures.ask_witness", slow)
    standing = await world.witnesses.collect(world.fr)
    assert standing.cosigned == 2
    assert [one.words for one in standing.asked if not one.lines] == ["did not answer in time"]


async def test_a_silent_witness_is_waited_for_once_and_not_for_every_head(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr = world.fr
    second = create_list(fr.store, fr.name, "second").origin
    fr.announce(second, fr.log_key)
    publish(fr.store, second, signer=fr.signer, now_ms=fr.now_ms)
    heads, both = set[str](), asyncio.Event()

    async def two_at_once(api: WitnessApi, own: OwnHead, **rest: Any) -> WitnessAnswer:
        heads.add(own.note.text)
        if len(heads) == 2:
            both.set()
        await both.wait()
        return await cosigners.ask_witness(api, own, **rest)

    monkeypatch.setattr("node.witnesses.cosignatures._PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr("node.witnesses.cosignatures.ask_witness", two_at_once)
    standings = await world.witnesses.cosigning(world.fr).collect()
    said = {asked.words for one in standings for asked in one.asked}
    assert (len(standings), "did not answer in time" in said) == (2, False)


async def test_a_head_whose_answers_cannot_be_kept_takes_nothing_from_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr = world.fr
    second = create_list(fr.store, fr.name, "second").origin
    fr.announce(second, fr.log_key)
    publish(fr.store, second, signer=fr.signer, now_ms=fr.now_ms)
    put = CosignerRows.put

    def refused(rows: CosignerRows, record: CosignerRecord) -> None:
        if record.origin == fr.origin:
            raise StoreError("its note would not stand still")
        time.sleep(0.2)  # the other one is kept after that
        put(rows, record)

    monkeypatch.setattr(CosignerRows, "put", refused)
    with pytest.raises(StoreError):
        await world.witnesses.cosigning(fr).collect()
    with fr.store.read() as unit:
        assert {record.origin for record in unit.cosigners.ls()} == {second}


async def test_a_member_whose_document_is_not_held_is_counted_and_cannot_be_asked(world: World) -> None:
    with world.fr.store.write() as unit:
        unit.peers.remove("nl.example")
    for name in list(world.fr.introductions.ls("nl.example/")):
        world.fr.introductions.delete(name)
    standing = await world.witnesses.collect(world.fr)
    assert (standing.witnesses, standing.cosigned) == (3, 2)
    assert "no valid key" in next(one.words for one in standing.asked if not one.lines)


async def test_a_witness_that_does_not_know_the_log_says_so(world: World) -> None:
    nl = world.others[0]
    with nl.store.write() as unit:
        unit.peers.remove("fr.example")
    standing = await world.witnesses.collect(world.fr)
    assert {one.witness: one.words for one in standing.asked if not one.lines} == {
        "nl.example": "does not witness this log; this node must be its peer"
    }


# ------------------------------------------------------------------ witnesses that lie

OTHER_KEY = WitnessPrivateKey.from_seed(b"o" * 32)


def _other_key(body: bytes) -> bytes:
    note = AddCheckpoint.from_bytes(body).note
    return cosign(note.text, "nl.example/w1", OTHER_KEY, 1).to_line().encode()


def _bad_signature(world: World) -> bytes:
    key = world.key("nl.example")
    return NoteSignature(key.name, key.key_hash, bytes(72)).to_line().encode()


@pytest.mark.threat("a witness that spoils")
@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lambda _: b"", id="nothing"),
        pytest.param(lambda _: b"no line at all", id="no line"),
        pytest.param(lambda _: b"\xff\n", id="no text"),
        pytest.param(lambda _: f"\u2014 stranger.example/w1 {b64(bytes(76))}\n".encode(), id="a stranger's"),
        pytest.param(_other_key, id="another key"),
        pytest.param("bad signature", id="bad signature"),
        pytest.param("another text", id="another head"),
    ],
)
async def test_what_is_no_cosignature_never_joins_the_note(world: World, lie: Any) -> None:
    if lie == "bad signature":
        world.witnesses.lies["nl.example"] = lambda _: _bad_signature(world)
    elif lie == "another text":
        key = world.others[0].keys.key(WitnessPrivateKey, "1")
        world.witnesses.lies["nl.example"] = lambda _: (
            cosign("another\n", "nl.example/w1", key, 1).to_line().encode()
        )
    else:
        world.witnesses.lies["nl.example"] = lie
    standing = await world.witnesses.collect(world.fr)
    assert world.cosigners() == {"de.example", "at.example"}
    assert len(Note.parse(world.note).signatures) == 3
    assert (standing.cosigned, standing.missing) == (2, 0)
    assert not any(one.alarm for one in standing.asked)


@pytest.mark.threat("an old state")
@pytest.mark.parametrize(
    ("answer", "alarm", "says"),
    [
        pytest.param(Refuse(Status.INCONSISTENT, ""), True, "another history", id="another history"),
        pytest.param(Refuse(Status.BEHIND, "", 99), True, "more than this log has", id="a larger head"),
        pytest.param(Refuse(Status.BEHIND, "", 0), False, "did not settle", id="the same size again"),
        pytest.param(Refuse(Status.BEHIND, "", None), False, "did not settle", id="no size"),
        pytest.param(Refuse(Status.UNTRUSTED, ""), False, "does not accept the key", id="403"),
        pytest.param(Refuse(Status.MALFORMED, ""), False, "could not read", id="400"),
    ],
)
async def test_a_refusal_is_words_and_another_history_an_alarm(
    world: World, caplog: pytest.LogCaptureFixture, answer: Refuse, *, alarm: bool, says: str
) -> None:
    world.witnesses.lies["nl.example"] = lambda _: answer
    with caplog.at_level(logging.WARNING):
        standing = await world.witnesses.collect(world.fr)
    (refused,) = (one for one in standing.asked if not one.lines)
    assert (refused.alarm, says in refused.words) == (alarm, True)
    assert any("alarm" in record.getMessage() for record in caplog.records) is alarm
    with world.fr.store.read() as unit:
        kept = unit.cosigners.find(world.fr.origin, "nl.example")
    assert kept is not None
    assert (kept.alarm, kept.outcome, kept.since_ms) == (alarm, refused.words, 0)
    assert standing.missing == 0


async def test_a_size_that_keeps_changing_is_followed_once(world: World) -> None:
    asked = []

    def evasive(body: bytes) -> Refuse:
        asked.append(AddCheckpoint.from_bytes(body).old_size)
        return Refuse(Status.BEHIND, "", 1 - asked[-1])

    world.witnesses.lies["nl.example"] = evasive
    await world.witnesses.collect(world.fr)
    assert asked == [0, 1]


async def test_a_head_that_somebody_else_signed_with_our_key_is_an_alarm(world: World) -> None:
    origin = world.fr.origin
    forged = Note.parse(sign_checkpoint(Checkpoint(origin, 1, bytes(32)), [world.fr.log_key]))
    nl = world.others[0]
    assert isinstance(witness_of(nl).add(AddCheckpoint(0, (), forged).to_bytes()), bytes)
    standing = await world.witnesses.collect(world.fr)
    assert [one.witness for one in standing.asked if one.alarm] == ["nl.example"]
    assert (standing.cosigned, standing.missing) == (2, 0)
    assert len(list(nl.objects.ls("evidence/"))) == 1, "the witness kept both heads"


@pytest.mark.parametrize("down", [False, True], ids=["it cosigns again", "it does not answer"])
async def test_a_line_that_became_bad_under_a_witnesss_next_key_leaves_the_note(
    world: World, *, down: bool
) -> None:
    """Its next key has the name and hash of the one before, which signed: else nobody could read the note."""
    await world.witnesses.collect(world.fr)
    key, log = world.key("nl.example"), world.fr.log()
    bad = NoteSignature(key.name, key.key_hash, bytes(72))
    with world.fr.store.write() as unit:
        unit.logs.cosign(log, Note.parse(world.note).renewed([bad]).to_bytes())
    if down:
        world.witnesses.down.add("nl.example")
    standing = await world.witnesses.collect(world.fr)
    assert world.cosigners() == set(NAMES) - ({"nl.example"} if down else set())
    assert (standing.cosigned, standing.missing) == (2 if down else 3, 0)


# ------------------------------------------------------------------ races


async def test_a_log_that_grew_meanwhile_keeps_its_new_note(world: World) -> None:
    def grow(body: bytes) -> Refuse:
        world.fr.publish("meanwhile")
        return Refuse(Status.UNKNOWN, "")

    world.witnesses.lies["nl.example"] = grow
    standing = await world.witnesses.collect(world.fr)
    assert world.fr.log().head.size == 2
    assert len(Note.parse(world.note).signatures) == 1
    assert standing.size == 1


async def test_two_collectors_lose_no_line(world: World) -> None:
    cosigning = world.witnesses.cosigning(world.fr)
    await asyncio.gather(cosigning.collect(), cosigning.collect())
    assert world.cosigners() == set(NAMES)


def test_a_note_is_replaced_only_by_who_read_it(world: World) -> None:
    log = world.fr.log()
    with world.fr.store.write() as unit:
        unit.logs.cosign(log, world.note + b"x")
    with world.fr.store.write() as unit, pytest.raises(ConflictError):
        unit.logs.cosign(log, world.note + b"y")
