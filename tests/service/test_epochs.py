"""The epochs of a subset: windows that follow each other, releases that change over, partners that need not hurry."""

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keys.trust.lifecycle import MAX_OVERLAP
from keys.trust.node_parts import EpochInfo, SubsetInfo
from keys.trust.window import Window
from node.clock import milliseconds
from node.errors import GoneError, ListTooOldError, OverQuotaError, StoreError, VerificationError
from node.hoster.folder import Enrolment
from node.hoster.lookup.examiner import Examiner
from node.hoster.release.self_test import SelfTest
from node.hoster.release.update import Updater, UpdateReport
from node.hoster.trust.node import Known
from node.lists.publish import publish
from node.objects.release_files import ReleaseFolder
from node.ports.evaluator import EpochSecret
from node.subsets.catalogue import report_subset
from node.subsets.draft import LIFE
from node.subsets.epochs import EPOCH_DAYS, AnnouncedEpochs, enter_epoch, epochs_of, next_number, succeed
from node.subsets.release import ReleaseReport
from node.trust.announce import announce_epoch
from node.trust.own import window
from protocol.messages import ReleasePart
from protocol.oprf.suite import epoch_key
from protocol.subset.files import Held
from support.releases import MAX_AGE, SEED, SUBSET, EnrolledPartner, ReleasingAgency, two_agencies
from support.sodium import loaded_group
from support.stores import Agency, file_digests, rows

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
NEXT_SEED = b"\x06" * 32
NEXT_PK = epoch_key(loaded_group(), NEXT_SEED).public
SECRETS = [
    EpochSecret(subset=SUBSET, epoch=1, seed=SEED),
    EpochSecret(subset=SUBSET, epoch=2, seed=NEXT_SEED),
]
DAY = timedelta(days=1)


class World:
    """Two agencies, a subset of one of them that may change its epoch, and a partner that holds release 1."""

    def __init__(self, fr: ReleasingAgency, nl: Agency, partner: EnrolledPartner) -> None:
        self.fr, self.nl, self.partner = fr, nl, partner

    def list_both(self, *names: str) -> None:
        for agency in (self.fr.lists, self.nl):
            agency.add(rows(*names))
        self.fr.follow(self.nl)

    def rotate(self) -> EpochInfo:
        """What `sigfed key rotate oprf` does: a seed, and a node document that lets it begin now."""
        document, now = self.fr.trust.document(), self.fr.clock.now()
        self.fr.evaluator.hold(SECRETS)
        made = succeed(document, SUBSET, NEXT_PK, now=now, at=now, held={1})
        self.fr.trust.revise_document(lambda old: replace(old, subsets=(made,)), signers=self.fr.signers)
        return made.epochs[-1]

    def release(self) -> ReleaseReport:
        """What a release job does."""
        now = self.fr.clock.now()
        publish(self.fr.store, self.fr.lists.origin, signer=self.fr.lists.signer, now_ms=milliseconds(now))
        self.fr.follow(self.nl)
        epoch = enter_epoch(self.fr.store, self.fr.evaluator, SUBSET, self.fr.trust.document(), now=now)
        return self.fr.releaser.release(
            SUBSET, members=self.fr.trust.members(), now=now, max_age=MAX_AGE, until=epoch.valid.end
        )

    def destroy_first(self) -> None:
        self.fr.evaluator.hold(SECRETS[1:])

    @property
    def windows(self) -> dict[int, Window]:
        return {each.epoch: each.valid for each in epochs_of(self.fr.trust.document(), SUBSET)}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with two_agencies(tmp_path) as (fr, nl):
        partner = await fr.admit_partner(tmp_path / "partner")
        made = World(fr, nl, partner)
        made.list_both("a file")
        made.release()
        await partner.update()
        yield made


@pytest.mark.threat("endless bytes")
async def test_no_partner_has_whole_releases_kept_once_more(world: World) -> None:
    world.list_both("another")
    world.release()
    world.rotate()
    world.release()
    api = world.fr.api()
    folder = ReleaseFolder(world.fr.store, world.fr.records[-1])
    for since in (1, 2):
        for part in {*ReleasePart} - {ReleasePart.SCREEN}:
            data = await api.release_part(SUBSET, version=3, part=part, since=since)
            assert bytes(data) == bytes(folder.part(part, since=None))
    kept = [name.removeprefix(folder.prefix) for name in world.fr.store.objects.ls(folder.prefix)]
    assert [name for name in kept if "/" in name] == ["since-1/screen", "since-2/screen"]


# ------------------------------------------------------------------------- windows


def epochs(*windows: tuple[int, int]) -> Sequence[EpochInfo]:
    """Epochs from 1 on with windows in days from now."""
    return [
        EpochInfo(epoch=at + 1, pk=bytes([at + 1]) * 32, valid=Window(NOW + start * DAY, NOW + end * DAY))
        for at, (start, end) in enumerate(windows)
    ]


OVERLAP = MAX_OVERLAP.days
SUCCESSIONS = {
    "the first of all": ([], [(0, EPOCH_DAYS)]),
    "one that would answer for long": ([(-30, 60)], [(-30, OVERLAP), (0, EPOCH_DAYS)]),
    "one that ends by itself": ([(-85, 5)], [(-85, 5), (0, EPOCH_DAYS)]),
    "one that is over": ([(-100, -10)], [(-100, -10), (0, EPOCH_DAYS)]),
    "one that was short": ([(-1, 3)], [(-1, 1), (0, EPOCH_DAYS)]),
    "one is announced": ([(-30, 60), (46, 136)], [(-30, OVERLAP), (0, EPOCH_DAYS)]),
    "two are announced": ([(-30, 60), (46, 136), (122, 212)], [(-30, OVERLAP), (0, EPOCH_DAYS), (76, 166)]),
    "a rotation in haste": ([(-30, 14), (0, 90)], [(-30, 14), (0, 14), (0, 90)]),
}


@pytest.mark.parametrize(("before", "after"), SUCCESSIONS.values(), ids=SUCCESSIONS)
def test_windows_follow_each_other(
    before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]], world: World
) -> None:
    document = replace(
        world.fr.trust.document(), subsets=(SubsetInfo(name=SUBSET, epochs=tuple(epochs(*before))),)
    )
    held = {each.epoch for each in epochs_of(document, SUBSET)}
    number = next_number(epochs_of(document, SUBSET), NOW, held=held)
    made = succeed(document, SUBSET, NEXT_PK, now=NOW, at=NOW, held=held)
    assert [each.valid for each in made.epochs] == [each.valid for each in epochs(*after)]
    assert [each.epoch for each in made.epochs if each.pk == NEXT_PK] == [number]


LOST = {
    "the next one": ({1, 3}, [(1, -30, OVERLAP), (3, 0, 90)], 3),
    "the one after": ({1, 2}, [(1, -30, OVERLAP), (2, 0, 90), (3, 76, 166)], 2),
    "all that are announced": ({1}, [(1, -30, OVERLAP), (4, 0, 90)], 4),
}
"""Which secrets are here of three epochs; the epochs after a rotation; whose key is the new one."""


@pytest.mark.parametrize(("held", "after", "begun"), LOST.values(), ids=LOST)
def test_the_number_of_an_epoch_whose_secret_was_lost_is_never_used_for_another_key(
    held: set[int], after: Sequence[tuple[int, int, int]], begun: int, world: World
) -> None:
    before = epochs((-30, 60), (46, 136), (122, 212))
    subset = SubsetInfo(name=SUBSET, epochs=tuple(before))
    document = replace(world.fr.trust.document(), subsets=(subset,))
    made = succeed(document, SUBSET, NEXT_PK, now=NOW, at=NOW, held=held)
    days = [
        (each.epoch, (each.valid.start - NOW) // DAY, (each.valid.end - NOW) // DAY) for each in made.epochs
    ]
    assert days == after
    assert [each.epoch for each in made.epochs if each.pk == NEXT_PK] == [begun]


def test_an_epoch_may_begin_later(world: World) -> None:
    document = replace(
        world.fr.trust.document(), subsets=(SubsetInfo(name=SUBSET, epochs=tuple(epochs((-30, 60)))),)
    )
    made = succeed(document, SUBSET, NEXT_PK, now=NOW, at=NOW + 10 * DAY, held={1})
    assert [each.valid for each in made.epochs] == [
        each.valid for each in epochs((-30, 10 + OVERLAP), (10, 10 + EPOCH_DAYS))
    ]


def test_what_the_document_says_is_read_again_when_it_changes(world: World) -> None:
    said = AnnouncedEpochs(world.fr.files, world.fr.trust)
    now = world.fr.clock.now()
    said.require(SUBSET, 1, now=now)
    with pytest.raises(GoneError, match="epoch 2 of baseline"):
        said.require(SUBSET, 2, now=now)
    world.rotate()
    said.require(SUBSET, 2, now=now)
    with pytest.raises(GoneError):
        said.require("another", 1, now=now)


# ------------------------------------------------------------------------- entering an epoch


def test_releases_enter_the_youngest_epoch_that_has_begun(world: World) -> None:
    ahead = EpochInfo(epoch=2, pk=NEXT_PK, valid=window(world.fr.clock.now() + 5 * DAY, 90))
    announce_epoch(world.fr.trust, SUBSET, ahead, signers=world.fr.signers)
    world.fr.evaluator.hold(SECRETS)
    world.list_both("another")
    assert world.release().version == 2
    assert world.fr.records[-1].epoch == 1
    world.fr.clock.advance(5 * DAY)
    assert world.release().version == 3
    assert (world.fr.records[-1].epoch, report_subset(world.fr.store, SUBSET).subset.pk) == (2, NEXT_PK)
    world.fr.clock.advance(-5 * DAY)
    with pytest.raises(GoneError, match="no epoch of baseline counts now"):
        world.release()


def test_an_epoch_without_its_seed_is_not_entered(world: World) -> None:
    world.rotate()
    world.fr.evaluator.hold(SECRETS[:1])
    with pytest.raises(GoneError, match="key file of epoch 2") as caught:
        world.release()
    assert "sigfed key rotate oprf --of baseline" in caught.value.hint
    world.fr.evaluator.hold([SECRETS[0], EpochSecret(subset=SUBSET, epoch=2, seed=b"\x07" * 32)])
    with pytest.raises(StoreError, match="not the one it was made with"):
        world.release()
    assert report_subset(world.fr.store, SUBSET).subset.epoch == 1


def test_a_release_lives_no_longer_than_its_epoch(world: World) -> None:
    end = world.fr.clock.now() + 10 * DAY
    short = EpochInfo(epoch=1, pk=world.fr.subset.pk, valid=replace(world.windows[1], end=end))
    world.fr.trust.revise_document(
        lambda old: replace(old, subsets=(SubsetInfo(name=SUBSET, epochs=(short,)),)),
        signers=world.fr.signers,
    )
    world.list_both("another")
    assert world.release().not_after == end < world.fr.clock.now() + LIFE
    world.fr.clock.advance(9 * DAY)
    assert not world.release().published, "another one would live no longer"
    world.fr.clock.advance(1 * DAY)
    with pytest.raises(GoneError, match="no epoch of baseline counts now") as refused:
        world.release()
    assert refused.value.hint == "begin the next one with: sigfed key rotate oprf --of baseline"


# ------------------------------------------------------------------------- a partner through it all


async def test_a_partner_looks_up_in_the_epoch_it_holds_until_it_updates(world: World) -> None:
    world.rotate()
    world.list_both("another")
    world.release()
    assert await world.partner.hit(file_digests("a file")) is not None
    report = await world.partner.update()
    assert (report.old, report.new, world.partner.examiner().epoch) == (1, 2, 2)
    for name in ("a file", "another"):
        assert await world.partner.hit(file_digests(name)) is not None


async def test_after_the_overlap_the_old_epoch_is_gone_on_both_sides(world: World) -> None:
    world.rotate()
    world.release()
    old = world.partner.examiner()
    world.fr.clock.advance(world.windows[1].end - world.fr.clock.now())
    with pytest.raises(GoneError, match="epoch 1 of baseline is not evaluated any more"):
        await old.examine([file_digests("a file")])
    world.destroy_first()
    with pytest.raises(GoneError):
        await old.examine([file_digests("a file")])


async def test_a_partner_that_knows_of_the_end_asks_nothing(world: World) -> None:
    world.fr.clock.advance(13 * DAY)
    end = world.fr.clock.now()
    short = EpochInfo(epoch=1, pk=world.fr.subset.pk, valid=replace(world.windows[1], end=end))
    world.fr.trust.revise_document(
        lambda old: replace(old, subsets=(SubsetInfo(name=SUBSET, epochs=(short,)),)),
        signers=world.fr.signers,
    )
    await world.partner.update()
    examiner = world.partner.examiner()
    verdicts = examiner.verdicts([file_digests("not listed"), file_digests("a file")])
    assert await anext(verdicts) == (0, None), "what the screen clears is known without a question"
    with pytest.raises(GoneError) as refused:
        await anext(verdicts)
    assert refused.value.hint == "fetch a newer release with: sigfed update"
    assert examiner.evaluated == 0


async def test_a_partner_that_was_off_for_the_whole_overlap_updates_once(world: World) -> None:
    world.rotate()
    world.fr.clock.advance(3 * DAY)
    world.list_both("another")
    world.release()
    for _ in range(20):
        world.fr.clock.advance(7 * DAY / 3)
        world.release()
    world.destroy_first()
    with pytest.raises((ListTooOldError, GoneError)) as refused:
        await world.partner.hit(file_digests("a file"))
    assert "sigfed update" in refused.value.hint
    await world.partner.update()
    assert await world.partner.hit(file_digests("another")) is not None


async def test_whole_files_are_fetched_once_and_then_deltas_again(world: World) -> None:
    world.list_both(*(f"file {number}" for number in range(300)))
    world.release()
    await world.partner.update()
    world.rotate()
    world.list_both("another")
    world.release()
    world.list_both("one more")
    world.release()
    sizes = {}
    for version, since in ((3, 2), (3, None), (4, 3)):
        for part in ReleasePart:
            data = await world.partner.api.release_part(SUBSET, version=version, part=part, since=since)
            sizes[version, since, part] = len(data)
    for part in (ReleasePart.ANSWERS, ReleasePart.LABELS):
        assert sizes[3, 2, part] == sizes[3, None, part], "they never cross an epoch as a delta"
        assert sizes[4, 3, part] < sizes[3, None, part] / 5
    assert sizes[3, 2, ReleasePart.SCREEN] < sizes[3, None, ReleasePart.SCREEN] / 5, "the screen has no key"


@pytest.mark.threat("a stolen online key")
async def test_another_key_for_an_epoch_is_refused(world: World) -> None:
    world.rotate()
    await world.partner.update()
    other = epoch_key(loaded_group(), b"\x07" * 32).public
    infos = tuple(
        replace(each, pk=other) if each.epoch == 2 else each
        for each in epochs_of(world.fr.trust.document(), SUBSET)
    )
    world.fr.trust.revise_document(
        lambda old: replace(old, subsets=(SubsetInfo(name=SUBSET, epochs=infos),)), signers=world.fr.signers
    )
    with pytest.raises(VerificationError, match="names another key for epoch 2 of baseline than before"):
        await world.partner.update()


@pytest.mark.parametrize("shift", [-40 * DAY, 40 * DAY], ids=["over", "not begun"])
async def test_a_release_of_an_epoch_outside_its_window_is_refused(world: World, shift: timedelta) -> None:
    begun = world.rotate()
    world.release()
    start = world.fr.clock.now() + shift
    moved = replace(begun, valid=Window(start, start + 10 * DAY))
    first, _ = epochs_of(world.fr.trust.document(), SUBSET)
    world.fr.trust.revise_document(
        lambda old: replace(old, subsets=(SubsetInfo(name=SUBSET, epochs=(first, moved)),)),
        signers=world.fr.signers,
    )
    with pytest.raises(VerificationError, match="the key of the newest release of baseline"):
        await world.partner.update()
    assert await world.partner.hit(file_digests("a file")) is not None, "what was in force stays in force"


# ------------------------------------------------------------------------- tried before it is in force


class Tried:
    """The trial of a partner's client, which a test may let fail."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.failing: Exception | None = None
        self.epochs: list[int] = []

    async def __call__(self, enrolment: Enrolment, found: Known, new: Held) -> Sequence[bytes]:
        self.epochs.append(new.release.manifest.epoch)
        if self.failing is not None:
            raise self.failing
        examiner = Examiner(
            enrolment,
            found,
            new,
            group=loaded_group,
            api=self.world.partner.api,
            clock=self.world.fr.clock,
            entropy=os.urandom,
        )
        return await examiner.self_test()

    async def update(self) -> UpdateReport:
        partner = self.world.partner
        return await Updater(partner.home, partner.api, self.world.fr.clock, trial=self).update()


async def test_the_first_release_of_an_epoch_is_tried_before_it_is_in_force(world: World) -> None:
    tried = Tried(world)
    world.list_both("another")
    world.release()
    assert (await tried.update()).tested is SelfTest.ASKED
    world.list_both("a third")
    world.release()
    assert (await tried.update()).tested is SelfTest.HERE
    world.rotate()
    world.release()
    tried.failing = VerificationError("the test file is no hit")
    with pytest.raises(VerificationError):
        await tried.update()
    assert world.partner.examiner().epoch == 1
    tried.failing = None
    assert (await tried.update()).tested is SelfTest.ASKED
    assert (tried.epochs, world.partner.examiner().epoch) == ([1, 2, 2], 2)


async def test_without_evaluations_it_comes_in_force_untried(world: World) -> None:
    tried = Tried(world)
    tried.failing = OverQuotaError("used up", retry_after_seconds=60)
    world.rotate()
    world.release()
    report = await tried.update()
    assert (report.new, report.tested) == (2, SelfTest.NOT)
    assert "the new key was not tried with the test files: the evaluations are used up" in report.warnings
