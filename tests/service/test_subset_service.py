"""The partner's client on the agency's API, joined in memory: updates, look-ups, and an agency or thief that alters."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import pytest
from typing_extensions import override

from node.access.quotas import MIN_EVALUATIONS_PER_DAY
from node.clock import milliseconds
from node.errors import (
    GoneError,
    ListTooOldError,
    NotFoundError,
    OverQuotaError,
    StoreError,
    UsageError,
    VerificationError,
)
from node.hoster.release.parts import part_limit
from node.lists.corrections.withdraw import withdraw
from node.objects.release_files import ReleaseFolder, deltas
from node.partners.evaluate import Evaluating
from node.partners.subset_service import ServedSubsets
from node.store.partners.fetches import FetchedRows
from node.store.partners.records import FetchedRelease
from node.store.subsets.records import ReleaseRecord
from node.subsets.deltas import Deltas
from node.subsets.epochs import AnnouncedEpochs
from node.subsets.release import Releaser
from protocol.api import SubsetApi
from protocol.errors import OprfError
from protocol.lists.ext import Reason
from protocol.messages import EvaluationReply, EvaluationRequest, ReleasePart
from protocol.oprf.client import blind, finalize
from protocol.oprf.group import ORDER
from protocol.subset.canary import ABSENT, PRESENT
from protocol.subset.files import ReleaseFiles
from protocol.subset.filter import MAX_FILTER_BYTES
from protocol.subset.identity import subset_id
from protocol.tlog.tiles import decode_bundle
from support.releases import FILTER, SUBSET, EnrolledPartner, ReleasingAgency, two_agencies
from support.sodium import loaded_group
from support.stores import Agency, file_digests, rows

ORIGIN = f"fr.example/subsets/{SUBSET}"


@dataclass
class World:
    """Two agencies, a first release of a hundred files that both list, and a partner that is enrolled."""

    fr: ReleasingAgency
    nl: Agency
    partner: EnrolledPartner

    def list_both(self, *names: str) -> None:
        for agency in (self.fr.lists, self.nl):
            agency.add(rows(*names))
        self.fr.follow(self.nl)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with two_agencies(tmp_path) as (fr, nl):
        made = World(fr, nl, await fr.admit_partner(tmp_path / "partner"))
        made.list_both(*(f"file {number}" for number in range(100)))
        fr.lists.add(rows("only fr"))
        fr.release()
        yield made


async def test_a_partner_finds_what_both_list_and_nothing_else(world: World) -> None:
    report = await world.partner.update()
    assert (report.old, report.new, report.entries) == (0, 1, 200)
    await world.partner.examiner().self_test()
    hit = await world.partner.hit(file_digests("file 3"))
    assert hit is not None
    assert [(source.country, source.origin) for source in hit.sources] == [
        ("FR", "fr.example/lists/csam"),
        ("NL", "nl.example/lists/csam"),
    ]
    assert (hit.collection, hit.weak, hit.test_file) == ("baseline", False, False)
    assert await world.partner.hit(file_digests("only fr")) is None
    assert await world.partner.hit(file_digests("clean")) is None
    canary = await world.partner.hit([PRESENT])
    assert canary is not None
    assert canary.test_file
    assert await world.partner.hit([ABSENT]) is None


async def test_a_withdrawn_file_is_clean_after_a_small_update(world: World) -> None:
    await world.partner.update()
    withdraw(world.fr.store, world.fr.lists.origin, file_digests("file 3")[0], reason=Reason.LEGAL)
    world.list_both("new")
    world.fr.release()
    meter = Meter(world.partner.api)
    world.partner.api = cast("SubsetApi", meter)
    report = await world.partner.update()
    assert (report.old, report.new, report.added, report.removed) == (1, 2, 2, 2)
    assert await world.partner.hit(file_digests("file 3")) is None
    assert await world.partner.hit(file_digests("new")) is not None
    whole = ReleaseFolder(world.fr.store, world.fr.records[-1])
    for part, received in meter.parts.items():
        assert received < len(whole.part(part, since=None)) / 4, part


async def test_deltas_are_made_once_and_are_the_same_for_all(world: World) -> None:
    world.list_both("new")
    world.fr.release()
    first = await world.fr.api().release_part(SUBSET, version=2, part=ReleasePart.ANSWERS, since=1)
    name = next(name for name in world.fr.store.objects.ls("releases/") if name.endswith("since-1/answers"))
    assert world.fr.store.objects.get(name) == first
    again = await world.fr.api("other").release_part(SUBSET, version=2, part=ReleasePart.ANSWERS, since=1)
    assert again == first


async def test_the_delta_from_the_last_release_is_made_with_it(world: World) -> None:
    world.list_both("new")
    world.fr.release()
    new, last = ReleaseFolder(world.fr.store, world.fr.records[-1]), world.fr.records[0]
    assert new.has_deltas(last)


async def test_deltas_of_a_draft_are_not_taken_for_those_of_the_release_behind_it(world: World) -> None:
    """Another process publishes what this one claimed, and claims one more, before this one goes on."""
    world.list_both("new")
    claim, finish = Releaser._claim, Releaser._finish

    def overtaken(self: Releaser, *claimed: Any) -> bool:
        with patch.object(Releaser, "_claim", claim):
            is_claimed = claim(self, *claimed)
            world.list_both("newer")
            with patch.object(
                Releaser, "_finish", lambda one, *given: given[-1] is None and finish(one, *given)
            ):
                world.fr.release()
        return is_claimed

    with patch.object(Releaser, "_claim", overtaken):
        world.fr.release()
    last, new = world.fr.records[-2:]
    folder = ReleaseFolder(world.fr.store, new)
    compared = deltas(folder.load().release, ReleaseFolder(world.fr.store, last).load())
    assert (last.version, bytes(folder.part(ReleasePart.ANSWERS, since=last))) == (2, compared.answers)


async def test_partners_who_ask_at_once_wait_for_one_delta(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("second", "third"):
        world.list_both(name)
        world.fr.release()
    made: list[tuple[int, str]] = []
    store = ReleaseFolder._store_deltas

    def counted(folder: ReleaseFolder, since: ReleaseRecord, make: Callable[[], ReleaseFiles] | None) -> None:
        made.append((since.version, threading.current_thread().name.partition("_")[0]))
        time.sleep(0.05)
        store(folder, since, make)

    monkeypatch.setattr(ReleaseFolder, "_store_deltas", counted)
    api = world.fr.api()
    asked = [api.release_part(SUBSET, version=3, part=ReleasePart.ANSWERS, since=1) for _ in range(8)]
    answers = await asyncio.gather(*asked)
    assert len(set(answers)) == 1
    assert made == [(1, "deltas")]


async def test_one_who_leaves_does_not_stop_the_delta(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(_folder: ReleaseFolder, _since: ReleaseRecord) -> None:
        started.set()
        go_on.wait(5)
        raise GoneError("nobody hears this")

    monkeypatch.setattr(ReleaseFolder, "make_deltas", slow)
    record = world.fr.records[0]
    with Deltas() as deltas:
        first, second = (
            asyncio.create_task(deltas.make(ReleaseFolder(world.fr.store, record), record)) for _ in range(2)
        )
        await asyncio.to_thread(started.wait, 5)
        first.cancel()
        go_on.set()
        with pytest.raises(GoneError):
            await second
    assert first.cancelled()


@pytest.mark.parametrize("since", [None, 0, 2, 3, 99, 2**48], ids=str)
async def test_what_no_delta_starts_from_is_answered_whole(world: World, since: int | None) -> None:
    world.list_both("new")
    world.fr.release()
    folder = ReleaseFolder(world.fr.store, world.fr.records[-1])
    for part in ReleasePart:
        data = await world.fr.api().release_part(SUBSET, version=2, part=part, since=since)
        assert bytes(data) == bytes(folder.part(part, since=None))


async def test_a_release_whose_files_are_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.objects.release_files.KEPT", 1)
    world.list_both("new")
    world.fr.release()
    api = world.fr.api()
    with pytest.raises(GoneError):
        await api.release_part(SUBSET, version=1, part=ReleasePart.SCREEN, since=None)
    whole = await api.release_part(SUBSET, version=2, part=ReleasePart.SCREEN, since=None)
    assert await api.release_part(SUBSET, version=2, part=ReleasePart.SCREEN, since=1) == whole


async def test_a_subset_without_labels_has_no_such_file(tmp_path: Path) -> None:
    with two_agencies(tmp_path, subset_filter=replace(FILTER, labels=False)) as (fr, _):
        fr.release()
        api = fr.api()
        with pytest.raises(NotFoundError, match="labels"):
            await api.release_part(SUBSET, version=1, part=ReleasePart.LABELS, since=None)
        assert await api.release_part(SUBSET, version=1, part=ReleasePart.ANSWERS, since=None)
        partner = await fr.admit_partner(tmp_path / "partner")
        assert (await partner.update()).new == 1
        hit = await partner.hit([PRESENT])
        assert hit is not None


async def test_the_release_log_is_read_by_origin(world: World) -> None:
    api = world.fr.api()
    note = await api.checkpoint(ORIGIN, held=None)
    assert note is not None
    assert await api.checkpoint(ORIGIN, held=note) is None
    (leaf,) = decode_bundle(await api.entries(ORIGIN, index=0, width=1), 1)
    assert leaf == ReleaseFolder(world.fr.store, world.fr.records[0]).manifest()
    assert len(await api.tile(ORIGIN, level=0, index=0, width=1)) == 32
    with pytest.raises(NotFoundError):
        await api.entries(ORIGIN, index=0, width=2)
    for other in (world.fr.lists.origin, "fr.example/subsets/other"):
        with pytest.raises(NotFoundError):
            await api.checkpoint(other, held=None)


@pytest.mark.parametrize("what", ["tile", "entries"])
async def test_a_release_that_outgrows_what_is_read_is_no_error(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    objects, get = world.fr.store.objects, world.fr.store.objects.get

    def overtaken(name: str) -> bytes:
        monkeypatch.undo()
        world.list_both("one more")
        world.fr.release()
        return get(name)

    api = world.partner.api
    monkeypatch.setattr(objects, "get", overtaken)
    read = (
        api.tile(ORIGIN, level=0, index=0, width=1)
        if what == "tile"
        else api.entries(ORIGIN, index=0, width=1)
    )
    assert await read


async def test_a_partner_reaches_its_own_subsets_only(world: World) -> None:
    served = ServedSubsets(
        world.fr.store,
        Evaluating(
            world.fr.store,
            Unmetered(),
            world.fr.evaluator,
            world.fr.clock,
            epochs=AnnouncedEpochs(world.fr.files, world.fr.trust),
        ),
        world.fr.deltas,
        world.fr.fetches,
    )
    stranger = served.for_partner("stranger", frozenset())
    with pytest.raises(NotFoundError):
        await stranger.release_part(SUBSET, version=1, part=ReleasePart.SCREEN, since=None)
    with pytest.raises(NotFoundError):
        await stranger.checkpoint(ORIGIN, held=None)
    with pytest.raises(NotFoundError):
        await stranger.evaluate(SUBSET, request())
    with pytest.raises(NotFoundError):
        await world.fr.api().release_part(SUBSET, version=9, part=ReleasePart.SCREEN, since=None)


class Unmetered:
    """A quota that never ends."""

    def spend(self, name: str, count: int, *, now: object) -> None: ...

    def refund(self, name: str, count: int, *, now: object) -> None: ...


# ------------------------------------------------------------------ what is altered is refused


class Altered:
    """The agency's API with one answer altered on its way."""

    def __init__(self, api: SubsetApi, **changes: Callable[[bytes], bytes]) -> None:
        self._api = api
        self._changes = changes

    def __getattr__(self, name: str) -> object:
        return getattr(self._api, name)

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        data = await self._api.entries(origin, index=index, width=width, first=first)
        return self._altered("entries", data)

    async def release_part(self, subset: str, *, part: ReleasePart, **asked: Any) -> bytes:
        data = await self._api.release_part(subset, part=part, **asked)
        return self._altered(part.value, bytes(data))

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        data = (await self._api.evaluate(subset, request)).to_bytes()
        return EvaluationReply.from_bytes(self._altered("evaluate", data))

    def _altered(self, name: str, data: bytes) -> bytes:
        return self._changes.get(name, bytes)(data)


def altered(api: SubsetApi, **changes: Callable[[bytes], bytes]) -> SubsetApi:
    return cast("SubsetApi", Altered(api, **changes))


def flip(place: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[place] ^= 1
        return bytes(changed)

    return change


@pytest.mark.threat("an altered release")
@pytest.mark.parametrize("place", [8, -1], ids=["early", "last"])
@pytest.mark.parametrize("answer", ["entries", "screen", "answers", "labels", "filter"])
@pytest.mark.parametrize("held", [False, True], ids=["first", "delta"])
async def test_an_altered_release_is_refused(world: World, answer: str, place: int, held: bool) -> None:
    if held:
        if answer == "filter":
            return  # it is not fetched again while it stays the same
        await world.partner.update()
        world.list_both(*(f"new {number}" for number in range(30)))
        world.fr.release()
    honest = world.partner.api
    world.partner.api = altered(honest, **{answer: flip(place)})
    with pytest.raises(VerificationError):
        await world.partner.update()
    assert world.partner.home.load()[1].version == int(held)
    world.partner.api = honest
    assert (await world.partner.update()).new == 1 + held


@pytest.mark.threat("a wrong answer")
@pytest.mark.parametrize("place", [28, -1], ids=["element", "proof"])
async def test_an_altered_evaluation_is_refused(world: World, place: int) -> None:
    await world.partner.update()
    world.partner.api = altered(world.partner.api, evaluate=flip(place))
    with pytest.raises(VerificationError):
        await world.partner.hit(file_digests("file 3"))


@pytest.mark.parametrize("part", ReleasePart)
@pytest.mark.parametrize("held", [False, True], ids=["first", "delta"])
async def test_no_more_is_read_than_the_manifest_allows(world: World, part: ReleasePart, held: bool) -> None:
    if held:
        if part is ReleasePart.FILTER:
            return  # it is not fetched again while it stays the same
        await world.partner.update()
        world.list_both("new")
        world.fr.release()
    manifest = ReleaseFolder(world.fr.store, world.fr.records[-1]).load().release.manifest
    whole = len(ReleaseFolder(world.fr.store, world.fr.records[-1]).part(part, since=None))
    assert whole <= part_limit(manifest, part, None) <= max(2 * whole + 64, MAX_FILTER_BYTES)
    folder = ReleaseFolder(world.fr.store, world.fr.records[-1])
    for name in world.fr.store.objects.ls(folder.prefix):
        if name.endswith(f"/{part}"):
            world.fr.store.objects.put(name, bytes(3 * whole + 10_000))
    with pytest.raises(VerificationError, match="more than"):
        await world.partner.update()


async def test_a_release_ends(world: World) -> None:
    await world.partner.update()
    world.fr.clock.advance(timedelta(days=60))
    with pytest.raises(ListTooOldError):
        await world.partner.hit(file_digests("file 3"))


# ------------------------------------------------------------------ evaluation requests


def request(
    count: int = 64, *, elements: bytes = b"", epoch: int = 1, origin: str = ORIGIN
) -> EvaluationRequest:
    blinding = blind(
        loaded_group(), [bytes([number]) for number in range(count)], entropy=lambda n: b"\7" * n
    )
    return EvaluationRequest(
        subset_id=subset_id(origin), epoch=epoch, request_id=b"r" * 16, elements=elements or blinding.elements
    )


def distinct(count: int) -> bytes:
    group = loaded_group()
    return b"".join(group.multiply_base(number.to_bytes(32, "little")) for number in range(1, count + 1))


@pytest.mark.threat("a wrong answer")
async def test_an_evaluation_is_proven_under_the_announced_key(world: World) -> None:
    inputs = [bytes([number]) for number in range(100)]
    blinding = blind(loaded_group(), inputs, entropy=_counting())
    reply = await world.fr.api().evaluate(SUBSET, request(elements=blinding.elements))
    assert (reply.epoch, reply.request_id, reply.count) == (1, b"r" * 16, 100)
    outputs = finalize(loaded_group(), blinding, reply.elements, proof=reply.proof, public=world.fr.subset.pk)
    assert outputs == world.fr.evaluator.outputs(SUBSET, 1, inputs)


def _counting() -> Callable[[int], bytes]:
    return lambda count: b"".join(number.to_bytes(4) for number in range(count // 4))


REFUSED: dict[str, tuple[EvaluationRequest, type[Exception]]] = {
    "retired epoch": (request(epoch=2), GoneError),
    "another subset's id": (request(origin="fr.example/subsets/other"), UsageError),
    "an element twice": (request(elements=distinct(1) * 64), OprfError),
    "the identity": (request(elements=distinct(63) + bytes(32)), OprfError),
    "not canonical": (request(elements=distinct(63) + b"\xff" * 32), OprfError),
    "not canonical by one": (request(elements=distinct(63) + b"\x01" + bytes(31)), OprfError),
    "beyond the field": (request(elements=distinct(63) + ORDER.to_bytes(32, "little")), OprfError),
}


@pytest.mark.parametrize(("asked", "error"), REFUSED.values(), ids=REFUSED)
async def test_a_bad_request_is_refused(
    world: World, asked: EvaluationRequest, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await world.fr.api().evaluate(SUBSET, asked)
    assert (await world.fr.api().evaluate(SUBSET, request(elements=distinct(64)))).count == 64


@pytest.mark.threat("enumeration")
async def test_the_quota_is_charged_before_anything_is_evaluated(world: World) -> None:
    api, asked = world.fr.api(), request(elements=distinct(4096))
    for _ in range(MIN_EVALUATIONS_PER_DAY // 4096):
        await api.evaluate(SUBSET, asked)
    with pytest.raises(OverQuotaError) as caught:
        await api.evaluate(SUBSET, asked)
    assert caught.value.retry_after_seconds > 0
    with pytest.raises(GoneError):
        await api.evaluate(SUBSET, request(epoch=2))
    world.fr.clock.advance(timedelta(days=1))
    assert (await api.evaluate(SUBSET, asked)).count == 4096


async def test_before_the_first_release_there_is_nothing(fr: ReleasingAgency) -> None:
    with pytest.raises(NotFoundError):
        await fr.api().checkpoint(ORIGIN, held=None)


class Meter(Altered):
    """Counts the bytes of each release file."""

    def __init__(self, api: SubsetApi) -> None:
        super().__init__(api)
        self.parts: dict[ReleasePart, int] = {}

    @override
    async def release_part(self, subset: str, *, part: ReleasePart, **asked: Any) -> bytes:
        data = await super().release_part(subset, part=part, **asked)
        self.parts[part] = len(data)
        return data


class TestWhatIsRecorded:
    async def test_the_release_that_a_partner_fetched_and_since_when(self, world: World) -> None:
        assert _fetched(world) is None
        await world.partner.update()
        first = _fetched(world)
        assert first is not None
        assert (first.subset, first.version) == (SUBSET, 1)
        assert first.fetched_ms == milliseconds(world.fr.clock.now())
        assert first.made_ms == world.fr.records[0].created_ms
        world.fr.clock.advance(timedelta(hours=1))
        await world.partner.update()
        assert _fetched(world) == first, "nothing new was fetched"
        world.list_both("new")
        world.fr.release()
        await world.partner.update()
        second = _fetched(world)
        assert second is not None
        assert (second.version, second.fetched_ms) == (2, milliseconds(world.fr.clock.now()))

    @pytest.mark.parametrize(
        ("parts", "has"),
        [
            ((ReleasePart.SCREEN,), False),
            ((ReleasePart.ANSWERS, ReleasePart.ANSWERS), False),
            ((ReleasePart.SCREEN, ReleasePart.ANSWERS), False),
            ((ReleasePart.SCREEN, ReleasePart.ANSWERS, ReleasePart.LABELS), True),
            ((ReleasePart.LABELS, ReleasePart.SCREEN, ReleasePart.SCREEN, ReleasePart.ANSWERS), True),
        ],
    )
    async def test_a_release_is_fetched_once_all_its_files_were_sent(
        self, world: World, parts: Sequence[ReleasePart], has: bool
    ) -> None:
        api = world.fr.api()
        for part in parts:
            await api.release_part(SUBSET, version=1, part=part, since=None)
        assert (_fetched(world) is not None) is has

    async def test_it_is_written_once_for_a_partner_and_release(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written: list[int] = []
        put = FetchedRows.put

        def counted(rows: FetchedRows, partner: str, subset: str, version: int, *, now_ms: int) -> None:
            written.append(version)
            put(rows, partner, subset, version, now_ms=now_ms)

        monkeypatch.setattr(FetchedRows, "put", counted)
        await _fetch_all(world, 1)
        await _fetch_all(world, 1)
        world.list_both("new")
        world.fr.release()
        await _fetch_all(world, 2)
        await _fetch_all(world, 1)
        assert written == [1, 2]

    async def test_a_store_that_cannot_be_written_keeps_no_partner_from_its_release(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise StoreError("the disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(FetchedRows, "put", fail)
            await world.partner.update()
        assert _fetched(world) is None
        await _fetch_all(world, 1)
        assert _fetched(world) is not None


def _fetched(world: World) -> FetchedRelease | None:
    with world.fr.store.read() as unit:
        return unit.fetched.of(["hoster"]).get("hoster")


async def _fetch_all(world: World, version: int) -> None:
    api = world.fr.api()
    for part in ReleasePart:
        await api.release_part(SUBSET, version=version, part=part, since=None)
