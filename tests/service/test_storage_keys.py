"""A storage key is replaced while the node runs: by the command, by the jobs that follow, and by who was cut off."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keys.roles import Role
from keys.trust.lifecycle import GRACE, Stage
from node.identity.identity import Identity
from node.rotation import storage_keys
from node.rotation.rotate import advance_keys
from node.rotation.storage_keys import reseal_some, rotate_storage
from node.rotation.store import write_store
from node.store.store import Store
from protocol.digest import Algorithm, Digest
from support.real_home import real_home
from support.times import SettableClock

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DIGEST = Digest(Algorithm.MD5, bytes(range(16)))
NAME = "reviews/x/dates"


class Node:
    """A home, its store as a running node holds it open, and a clock."""

    def __init__(self, identity: Identity, store: Store, clock: SettableClock) -> None:
        self.identity, self.store, self.clock = identity, store, clock
        store.objects.put(NAME, store.vault.seal(NAME, b"before"))

    def rotate(self) -> str:
        """What the command does, beside the running node."""
        with write_store(self.identity) as store:
            return rotate_storage(self.identity, store).key.name

    @property
    def stages(self) -> dict[str, Stage]:
        advance_keys(self.identity, self.store)
        return {key.name: key.stage for key in self.identity.ring.read() if key.role is Role.STORAGE}

    def files(self) -> list[str]:
        return self.identity.keychain.labels(Role.STORAGE)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    clock = SettableClock(NOW)
    identity = real_home(tmp_path, clock)
    with write_store(identity) as store:
        yield Node(identity, store, clock)


def test_the_old_key_is_destroyed_when_nothing_depends_on_it(node: Node) -> None:
    key = node.store.vault.key_of(DIGEST)
    assert node.stages == {"storage-1": Stage.ACTIVE}
    assert node.rotate() == "storage-2"
    assert node.stages == {"storage-1": Stage.RETIRED, "storage-2": Stage.ACTIVE}
    assert node.store.vault.unseal(NAME, node.store.objects.get(NAME)) == b"before"
    reseal_some(node.identity, node.store)
    node.clock.advance(timedelta(hours=1) + GRACE - timedelta(seconds=1))
    assert node.files() == ["1", "2"]
    for _ in range(3):
        reseal_some(node.identity, node.store)
    node.clock.advance(timedelta(seconds=1))
    assert node.stages == {"storage-1": Stage.DESTROYED, "storage-2": Stage.ACTIVE}
    assert node.files() == ["2"]
    with write_store(node.identity) as again:
        assert again.vault.unseal(NAME, again.objects.get(NAME)) == b"before"
        assert again.vault.key_of(DIGEST) == key


@pytest.mark.parametrize("step", ["rewrap", "advance_keys"])
def test_a_rotation_that_was_cut_off_is_finished(
    node: Node, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(storage_keys, step, _cut_off)
        with pytest.raises(KeyboardInterrupt):
            node.rotate()
    assert node.store.vault.unseal(NAME, node.store.objects.get(NAME)) == b"before"
    wanted = {"rewrap": "storage-2", "advance_keys": "storage-3"}[step]
    assert node.rotate() == wanted, "a key that wraps nothing yet is used, and no key twice"
    assert node.stages[wanted] is Stage.ACTIVE
    with write_store(node.identity) as again:
        assert again.vault.unseal(NAME, again.objects.get(NAME)) == b"before"


def _cut_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_rotations_in_haste(node: Node) -> None:
    for number in (2, 3, 4):
        assert node.rotate() == f"storage-{number}"
        node.clock.advance(timedelta(minutes=1))
    node.clock.advance(timedelta(hours=3))
    for _ in range(3):
        reseal_some(node.identity, node.store)
    assert node.stages == dict.fromkeys(("storage-1", "storage-2", "storage-3"), Stage.DESTROYED) | {
        "storage-4": Stage.ACTIVE
    }
    assert node.store.vault.unseal(NAME, node.store.objects.get(NAME)) == b"before"
