"""The secrets of epochs in a home folder: made ahead, begun when somebody says so, destroyed when nobody needs them."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keys.roles import Role
from keys.trust.lifecycle import GRACE, MAX_OVERLAP, Lineage, Stage
from node.app.health.checks import examine
from node.app.subsets import create_subset, release_here
from node.evaluator.process import EvaluatorProcess
from node.health import Health
from node.identity.identity import Identity
from node.rotation import epochs
from node.rotation.epochs import let_go, rotate_epoch
from node.rotation.rotate import Rotated, advance_keys
from node.rotation.store import write_store
from node.signing.epochs import epoch_secrets, held_epochs, public_of_epoch
from node.signing.keychain import Keychain
from node.store.store import Store
from node.subsets.epochs import EPOCH_DAYS, epochs_of
from node.trust.own import DOCUMENT_DAYS
from protocol.digest import Algorithm
from protocol.oprf.suite import epoch_key
from protocol.subset.filter import SubsetFilter
from support.real_home import real_home
from support.sodium import loaded_group
from support.times import SettableClock

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
WANTED = SubsetFilter(
    collections=frozenset({1}), algorithms=frozenset({Algorithm.SHA256}), screen_bits=12, labels=True
)


class Agency:
    """A home with a subset, and a clock that a test moves."""

    def __init__(self, identity: Identity, store: Store, clock: SettableClock) -> None:
        self.identity, self.store, self.clock = identity, store, clock

    def rotate(self) -> Rotated:
        signers, now = self.identity.targets_signers(), self.clock.now()
        return rotate_epoch(self.identity, self.store, "hosters", at=now, signers=signers)

    def stages(self) -> list[Stage]:
        """Of the subset's keys, after what an hourly job does."""
        keys = advance_keys(self.identity, self.store).keys
        return [key.stage for key in keys if key.lineage == Lineage(Role.OPRF, "hosters")]

    @property
    def seeds(self) -> dict[int, bytes]:
        return {each.epoch: each.seed for each in epoch_secrets(self.identity.keychain, of="hosters")}

    @property
    def windows(self) -> list[tuple[int, int]]:
        """Of all announced epochs, in whole days from the start of the test."""
        named = epochs_of(self.identity.trust.document(), "hosters")
        return [((each.valid.start - NOW).days, (each.valid.end - NOW).days) for each in named]


@pytest.fixture
def agency(tmp_path: Path) -> Iterator[Agency]:
    clock = SettableClock(NOW)
    identity = real_home(tmp_path, clock)
    with write_store(identity) as store:
        create_subset(identity, store, "hosters", WANTED)
        yield Agency(identity, store, clock)


OVERLAP = MAX_OVERLAP.days
STEP = EPOCH_DAYS - OVERLAP
PLANNED = [(0, EPOCH_DAYS), (STEP, STEP + EPOCH_DAYS), (2 * STEP, 2 * STEP + EPOCH_DAYS)]
"""The windows that a document of 180 days names: nobody has to sign for its epochs to follow each other."""


def test_the_epochs_of_a_whole_document_are_announced_with_the_first(agency: Agency) -> None:
    assert agency.windows == PLANNED
    assert PLANNED[-2][1] < DOCUMENT_DAYS <= PLANNED[-1][1]
    assert len(set(agency.seeds.values())) == len(PLANNED)


def test_releases_follow_the_calendar_by_themselves(agency: Agency) -> None:
    release_here(agency.identity, agency.store, "hosters")
    for day, epoch in ((STEP - 1, 1), (1, 2), (STEP, 3)):
        agency.clock.advance(timedelta(days=day))
        release_here(agency.identity, agency.store, "hosters")
        with agency.store.read() as unit:
            assert unit.subsets.get("hosters").epoch == epoch


def test_an_epoch_begins_when_somebody_says_so(agency: Agency) -> None:
    agency.clock.advance(timedelta(days=20))
    seeds = agency.seeds
    begun = agency.rotate()
    assert (begun.key.label, begun.key.stage) == ("subsets-hosters-2", Stage.ACTIVE)
    assert [each.managed.valid.end for each in begun.predecessors] == [agency.clock.now() + MAX_OVERLAP]
    assert agency.windows[:3] == [(0, 20 + OVERLAP), (20, 110), (96, 186)]
    assert agency.seeds.items() >= seeds.items(), "what was announced keeps its secret"


def test_one_that_began_in_the_same_second_is_named_as_its_predecessor(agency: Agency) -> None:
    begun = agency.rotate()
    assert [(each.label, each.managed.valid.end) for each in begun.predecessors] == [
        ("subsets-hosters-1", NOW + MAX_OVERLAP)
    ]


def test_what_was_cut_off_is_finished(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = agency.seeds
    with monkeypatch.context() as patched:
        patched.setattr(epochs, "succeed", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            agency.rotate()
    assert agency.windows == PLANNED
    assert agency.rotate().key.label == "subsets-hosters-2"
    assert agency.seeds.items() >= seeds.items()


def test_a_secret_that_was_made_and_not_announced_is_used(agency: Agency) -> None:
    pk = public_of_epoch(agency.identity.keychain, loaded_group(), "hosters", 9)
    assert public_of_epoch(agency.identity.keychain, loaded_group(), "hosters", 9) == pk
    assert epoch_key(loaded_group(), agency.seeds[9]).public == pk


def test_what_was_announced_keeps_its_key_although_its_secret_was_lost(agency: Agency) -> None:
    identity = agency.identity
    before = {each.epoch: each.pk for each in epochs_of(identity.trust.document(), "hosters")}
    for epoch in (2, 3):  # announced after the backup that the node was restored from
        (identity.home.keys / f"oprf-subsets-hosters-{epoch}.json").unlink()
    assert agency.rotate().key.label == "subsets-hosters-4"
    after = {each.epoch: each.pk for each in epochs_of(identity.trust.document(), "hosters")}
    assert after.items() >= {1: before[1]}.items()
    assert not set(after) & {2, 3}, "nobody can be asked in them"
    release_here(identity, agency.store, "hosters")


def test_the_next_signature_announces_others_for_those_that_were_lost(agency: Agency) -> None:
    identity = agency.identity
    before = agency.windows
    for epoch in (2, 3):
        (identity.home.keys / f"oprf-subsets-hosters-{epoch}.json").unlink()
    identity.trust.revise_document(lambda document: document, signers=identity.targets_signers())
    assert agency.windows == [*before, *before[1:]]
    assert set(agency.seeds) == {1, 4, 5}
    agency.clock.advance(timedelta(days=STEP))
    release_here(identity, agency.store, "hosters")
    with agency.store.read() as unit:
        assert unit.subsets.get("hosters").epoch == 4


@pytest.mark.parametrize(
    ("lost", "day", "told"),
    [
        pytest.param((), 0, [], id="none"),
        pytest.param((2,), 0, [(2, Health.WARN)], id="one that is announced"),
        pytest.param((1,), 0, [(1, Health.FAIL)], id="the one that answers"),
        pytest.param((1,), STEP + 1, [], id="one beside its successor"),
        pytest.param((1,), EPOCH_DAYS, [], id="one that is over"),
    ],
)
def test_the_doctor_tells_of_an_epoch_whose_secret_was_lost(
    agency: Agency, lost: tuple[int, ...], day: int, told: list[tuple[int, Health]]
) -> None:
    identity = agency.identity
    for epoch in lost:
        (identity.home.keys / f"oprf-subsets-hosters-{epoch}.json").unlink()
    agency.clock.advance(timedelta(days=day))

    def checks() -> list[tuple[str, Health]]:
        return [(each.words, each.health) for each in examine(identity) if each.name == "epochs"]

    assert checks() == [
        (f"the key file of epoch {epoch} of hosters is gone", health) for epoch, health in told
    ]
    agency.rotate()
    assert checks() == []


def _cut_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.threat("a stolen online key")
def test_the_secret_of_an_epoch_that_is_over_is_nowhere_any_more(agency: Agency) -> None:
    identity, end = agency.identity, epochs_of(agency.identity.trust.document(), "hosters")[0].valid.end
    path = identity.home.keys / "oprf-subsets-hosters-1.json"
    sealed, seed = path.read_bytes(), agency.seeds[1]
    os.link(path, path.with_suffix(".copy"))
    with EvaluatorProcess(lambda: epoch_secrets(identity.keychain)) as evaluator:
        assert agency.stages() == [Stage.ACTIVE, Stage.PUBLISHED, Stage.PUBLISHED]
        agency.clock.advance(end + GRACE - timedelta(seconds=1) - NOW)
        assert agency.stages() == [Stage.RETIRED, Stage.ACTIVE, Stage.PUBLISHED]
        assert not let_go(identity, evaluator)
        first = evaluator.pid
        agency.clock.advance(timedelta(seconds=1))
        assert agency.stages() == [Stage.DESTROYED, Stage.ACTIVE, Stage.PUBLISHED]
        assert not path.exists()
        assert path.with_suffix(".copy").read_bytes() == bytes(len(sealed)), (
            "overwritten before it was deleted"
        )
        assert let_go(identity, evaluator)
        assert not let_go(identity, evaluator)
        assert evaluator.pid != first
        assert ("hosters", 1) not in evaluator.held
        assert evaluator.held == set(held_epochs(identity.keychain))
    assert not any(seed in file.read_bytes() for file in identity.home.folder.rglob("*") if file.is_file())


def test_secrets_of_epochs_are_not_kept_in_this_process(agency: Agency) -> None:
    keychain = agency.identity.keychain
    assert isinstance(keychain, Keychain)
    seed = agency.seeds[1]
    assert seed not in keychain._opened.values()
    assert keychain.secret(Role.OPRF, "subsets-hosters-1") == seed
