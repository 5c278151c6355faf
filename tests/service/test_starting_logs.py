"""Starting lists and subsets: a wrong passphrase leaves nothing behind, and what was cut off is finished."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from keys.errors import WrongPassphraseError
from keys.keyfile import KdfProfile
from keys.trust.node_parts import NodeLimits
from node.clock import milliseconds, system_entropy
from node.config import Listen, Settings
from node.errors import AlreadyExistsError, NotFoundError, StoreError, UsageError
from node.evaluator.process import EvaluatorProcess
from node.objects.folder import FolderObjects
from node.runtime import logs, serving, subsets
from node.runtime.home import Home
from node.runtime.lock import revising
from node.runtime.opening import Identity, open_freshness
from node.runtime.recipients import RecipientOffice
from node.runtime.syncing import PeerSyncs
from node.services.deltas import Deltas
from node.services.founding import Founding, found
from node.services.shelf import Shelf
from node.services.subsets import report_subset
from node.services.trusting import OwnTrust
from node.signing.keychain import Keychain
from node.signing.ring import FolderKeyRing
from node.store.store import Store
from protocol.digest import Algorithm
from protocol.subset.filter import SubsetFilter
from support.times import SettableClock

CHEAP = KdfProfile(1, 64, 1)
NODE = "fr.example"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LIMITS = NodeLimits(max_adds_per_day=1, max_withdraws_per_day=1, max_checkpoint_age_s=3600)
WANTED = SubsetFilter(
    collections=frozenset({1}), algorithms=frozenset({Algorithm.SHA256}), screen_bits=12, labels=True
)


@dataclass(slots=True)
class Agency:
    """A founded node with cheap key files, whose root passphrase a test can mistype."""

    folder: Path
    passphrase: bytes = b"root passphrase"
    clock: SettableClock = field(default_factory=lambda: SettableClock(NOW))
    root_sha256: bytes = b""

    def keychain(self, folder: Path, ask: Callable[[], bytes]) -> Keychain:
        return Keychain(folder, node=NODE, passphrase=ask, entropy=system_entropy, profile=CHEAP)

    def identity(self) -> Identity:
        home = Home(self.folder)
        files = FolderObjects(home.trust)
        return Identity(
            home=home,
            settings=Settings(node=NODE, country="FR", listen=Listen(url="https://fr.example/")),
            clock=self.clock,
            entropy=system_entropy,
            keychain=self.keychain(home.keys, lambda: b"node passphrase"),
            root_keychain=self.keychain(home.offline_keys, lambda: self.passphrase),
            trust_files=files,
            trust=OwnTrust(
                files,
                self.clock,
                root_sha256=self.root_sha256,
                freshness=lambda root: open_freshness(
                    self.keychain(home.keys, lambda: b"node passphrase"), root
                ),
                alone=lambda: revising(Home(self.folder)),
            ),
            ring=FolderKeyRing(home.ring),
        )


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path)
    identity = made.identity()
    founding = Founding(
        node=NODE,
        country="FR",
        url="https://fr.example/",
        profile="small",
        tls_spki_sha256=bytes(range(32)),
        limits=LIMITS,
    )
    made.root_sha256 = found(
        founding,
        keychain=identity.keychain,
        root_keychain=identity.root_keychain,
        files=identity.trust_files,
        clock=made.clock,
    ).root_sha256
    return made


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    store = Store.create(f"sqlite:///{tmp_path / 'sigfed.db'}", storage_key=bytes(32), entropy=system_entropy)
    yield Shelf(store, FolderObjects(tmp_path / "objects"), store.vault)
    store.dispose()


def test_a_mistyped_root_passphrase_leaves_no_list_behind(agency: Agency, shelf: Shelf) -> None:
    agency.passphrase = b"mistyped passphrase"
    with pytest.raises(WrongPassphraseError):
        logs.create_list(agency.identity(), shelf, "csam")
    with shelf.storage.read() as unit, pytest.raises(NotFoundError):
        unit.logs.get(f"{NODE}/lists/csam")
    agency.passphrase = b"root passphrase"
    record = logs.create_list(agency.identity(), shelf, "csam")
    assert logs.announced(agency.identity(), record.origin)
    with pytest.raises(AlreadyExistsError):
        logs.create_list(agency.identity(), shelf, "csam")


def test_a_list_that_was_not_announced_is_finished(
    agency: Agency, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(logs, "announce", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            logs.create_list(agency.identity(), shelf, "csam")
    record = logs.create_list(agency.identity(), shelf, "csam")
    assert logs.announced(agency.identity(), record.origin)


@pytest.mark.parametrize("step", ["announce", "announce_epoch"])
def test_a_subset_that_was_cut_off_is_finished(
    agency: Agency, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(subsets, step, _cut_off)
        with pytest.raises(KeyboardInterrupt):
            subsets.create_subset(agency.identity(), shelf, "baseline", WANTED)
    with pytest.raises(AlreadyExistsError):
        subsets.create_subset(agency.identity(), shelf, "baseline", replace(WANTED, screen_bits=8))
    made = subsets.create_subset(agency.identity(), shelf, "baseline", WANTED)
    (info,) = agency.identity().trust.document().subsets
    assert [epoch.pk for epoch in info.epochs] == [made.pk] == [report_subset(shelf, "baseline").subset.pk]
    with pytest.raises(AlreadyExistsError):
        subsets.create_subset(agency.identity(), shelf, "baseline", WANTED)


def test_a_subset_of_a_bad_name_makes_no_key(agency: Agency, shelf: Shelf) -> None:
    with pytest.raises(UsageError):
        subsets.create_subset(agency.identity(), shelf, "../x", WANTED)
    assert not list(agency.folder.rglob("oprf-*"))


def test_revisions_at_once_get_serials_of_their_own(agency: Agency, shelf: Shelf) -> None:
    """Two documents under one serial would be evidence of a fork against an honest node."""
    names = [f"list-{number}" for number in range(4)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: logs.create_list(agency.identity(), shelf, name), names))
    document = agency.identity().trust.document()
    assert document.serial == 1 + len(names)
    assert {log.origin for log in document.logs} == {
        f"{NODE}/audit/main",
        *(f"{NODE}/lists/{name}" for name in names),
    }


def _cut_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_list_that_cannot_be_published_does_not_hold_up_the_others(
    agency: Agency, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = agency.identity()
    for name in ("broken", "csam"):
        logs.create_list(identity, shelf, name)
    published = []

    def publish(_identity: Identity, _shelf: Shelf, origin: str) -> None:
        if origin.endswith("broken"):
            raise StoreError("damaged")
        published.append(origin)

    monkeypatch.setattr(serving, "publish_one", publish)
    parts = parts_of(identity, shelf)
    (job,) = [job for job in parts.jobs() if job.name == "publish"]
    asyncio.run(cast("Coroutine[Any, Any, None]", job.work()))
    assert published == [f"{NODE}/lists/csam"]


def parts_of(identity: Identity, shelf: Shelf) -> serving.Parts:
    """A running node as far as its jobs here need one."""
    return serving.Parts(
        identity,
        shelf,
        cast("EvaluatorProcess", None),
        cast("PeerSyncs", None),
        Deltas(),
        RecipientOffice(identity, shelf),
    )


def test_a_running_node_sweeps_every_day(
    agency: Agency, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = agency.identity()
    swept: list[tuple[Shelf, int]] = []

    def sweep(what: Shelf, *, now_ms: int) -> int:
        swept.append((what, now_ms))
        return 0

    monkeypatch.setattr(serving, "sweep", sweep)
    parts = parts_of(identity, shelf)
    (job,) = [job for job in parts.jobs() if job.name == "sweep"]
    assert job.minutes == 24 * 60
    asyncio.run(cast("Coroutine[Any, Any, None]", job.work()))
    assert swept == [(shelf, milliseconds(identity.clock.now()))]
