"""An epoch of look-ups and a storage key are replaced while everybody works, and nothing of the old ones is left.

The story is played once; each test looks at one thing that came of it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from keys.trust.lifecycle import Stage
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.identity.identity import open_identity
from node.rotation.storage_keys import reseal_some
from node.rotation.store import write_store
from node.signing.epochs import epoch_secrets
from protocol.oprf.suite import epoch_key
from support.agencies import SUBSET
from support.load import Load
from support.memory import descendants, is_in_memory
from support.sodium import loaded_group

pytestmark = pytest.mark.slow

OLD_EPOCH, NEW_EPOCH = f"oprf-subsets-{SUBSET}-1", f"oprf-subsets-{SUBSET}-2"
OLD_STORAGE, NEW_STORAGE = "storage-1", "storage-2"
OVERLAP_DAYS = 14
MINUTES = 2
"""The running node looks every minute whether it holds what was destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of it."""

    load: Load
    seed: bytes
    held_before: bool
    """Whether the evaluator had the old secret in memory while it answered, so that the search can find it."""
    held_after: bool
    epochs: list[int]
    """Of the release that the hoster holds: at first, after the next update, at the end."""
    files: list[bytes]
    """All files of the node's home, at the end."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    if not Path("/proc/self/mem").exists():
        pytest.skip("needs /proc, which Linux has")
    with Load(tmp_path_factory.mktemp("epochs")) as load:
        identity = open_identity(Home(load.fr.home), clock=load.time)
        node = load.federation.fr_node.process.pid
        load.flow(1)
        seed = next(each.seed for each in epoch_secrets(identity.keychain) if each.epoch == 1)
        scalar = epoch_key(loaded_group(), seed).secret  # what the evaluator makes of it, and keeps
        held_before = any(is_in_memory(child, scalar) for child in descendants(node))
        epochs = [epoch_of(load)]
        assert load.fr.done("key", "rotate", "oprf", "--of", SUBSET)["key"] == NEW_EPOCH
        assert load.fr.done("key", "rotate", "storage")["key"] == NEW_STORAGE
        load.flow(1)
        load.days_pass(1)
        load.flow(1)
        epochs.append(epoch_of(load))
        for _ in range(3):
            load.days_pass(OVERLAP_DAYS / 3)
            with write_store(identity) as store:
                reseal_some(identity, store)
            load.job(load.fr)
            load.flow(1)
        epochs.append(epoch_of(load))
        flow_until(load, lambda: not any(is_in_memory(child, scalar) for child in descendants(node)))
        held_after = any(
            is_in_memory(child, secret) for secret in (seed, scalar) for child in descendants(node)
        )
        load.flow(1)
    files = [path.read_bytes() for path in load.fr.home.rglob("*") if path.is_file()]
    return Told(
        load=load, seed=seed, held_before=held_before, held_after=held_after, epochs=epochs, files=files
    )


def epoch_of(load: Load) -> int:
    held = PartnerFolder(Home(load.hoster.home).partner).in_force()[1]
    assert held is not None
    return held.release.manifest.epoch


def flow_until(load: Load, met: Callable[[], bool]) -> None:
    """Let everybody work on until the node has done something by itself, or should have."""
    end = time.monotonic() + MINUTES * 60
    while not met() and time.monotonic() < end:
        load.flow(1)


def test_no_request_failed(told: Told) -> None:
    told.load.require_nothing_failed()


def test_the_hoster_changed_over_with_an_update(told: Told) -> None:
    assert told.epochs == [1, 2, 2]


@pytest.mark.parametrize(("old", "new"), [(OLD_EPOCH, NEW_EPOCH), (OLD_STORAGE, NEW_STORAGE)])
def test_the_old_key_is_destroyed(told: Told, old: str, new: str) -> None:
    load = told.load
    assert (load.stage(load.fr, old), load.stage(load.fr, new)) == (Stage.DESTROYED, Stage.ACTIVE)
    assert not (load.fr.home / "keys" / f"{old}.json").exists()
    assert (load.fr.home / "keys" / f"{new}.json").exists()


def test_the_old_seed_is_in_no_file_and_not_in_the_evaluators_memory(told: Told) -> None:
    assert not any(told.seed in data for data in told.files)
    assert (told.held_before, told.held_after) == (True, False)
