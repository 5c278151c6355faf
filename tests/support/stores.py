"""Stores with objects on disk, agencies with lists in them, and pulls that join the two without a network."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import md5, sha1, sha256
from pathlib import Path

import pytest

from keys.key import LogPrivateKey
from keys.trust.members import Members
from node.formats.rows import ImportRow, RefusedRow, RowResult
from node.judgement import quarantine
from node.lists.catalogue import create_list
from node.lists.entries import ListReader
from node.lists.imports.intake import ImportReport, Statement, import_rows
from node.lists.publish import Published, publish
from node.objects.folder import FolderObjects
from node.objects.logfiles import LogFiles
from node.peers.sync.follow import Delivery, Follower, FollowGuards, StagedBundle
from node.peers.sync.overlays import OverlayKeeper
from node.signing.log_signer import FolderLogSigner
from node.store.lists.records import LogRecord
from node.store.store import Store
from protocol.digest import Algorithm, Digest
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis
from protocol.lists.opening import Opening
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.tiles import bundle_widths
from support.new_stores import new_store

STORAGE_KEY = bytes(range(32))
NOW_MS = 1_700_000_000_000
OWN = Statement(basis=Basis.OWN, criteria=1)
GUARDS = FollowGuards(max_adds_per_day=1000, max_withdraws_per_day=10)


def make_store(dsn: str, folder: Path) -> Store:
    """A new store at `dsn` with its objects in `folder`."""
    return new_store(dsn, storage_key=STORAGE_KEY, objects=FolderObjects(folder / "objects"))


def sqlite_dsn(folder: Path) -> str:
    """DSN of a SQLite file in `folder`."""
    return f"sqlite:///{folder}/sigfed.db"


def file_digests(name: str) -> tuple[Digest, ...]:
    """MD5 and SHA-1 of a made-up file."""
    data = f"a made-up file {name}".encode()
    return (
        Digest(Algorithm.MD5, md5(data, usedforsecurity=False).digest()),
        Digest(Algorithm.SHA1, sha1(data, usedforsecurity=False).digest()),
    )


def sha256_digest(name: str) -> Digest:
    """SHA-256 of a made-up file."""
    return Digest(Algorithm.SHA256, sha256(f"a made-up file {name}".encode()).digest())


def row(
    name: str, *, line: int = 2, collection: int = BASELINE, digests: Sequence[Digest] | None = None
) -> ImportRow:
    """A row of the made-up file `name`."""
    return ImportRow(
        line, tuple(digests or file_digests(name)), collection, {"Series": f"of {name}"}, f"id {name}"
    )


def rows(*names: str, collection: int = BASELINE) -> list[RowResult]:
    """Rows of made-up files."""
    return [row(name, line=at, collection=collection) for at, name in enumerate(names, 2)]


def reads_of_objects(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all objects that are read from folders from now on."""
    read: list[str] = []
    get = FolderObjects.get

    def noted(objects: FolderObjects, name: str) -> bytes:
        read.append(name)
        return get(objects, name)

    monkeypatch.setattr(FolderObjects, "get", noted)
    return read


def refused(line: int) -> RefusedRow:
    """A row that a reader refused."""
    return RefusedRow(line, "md5: not hexadecimal")


@dataclass
class Agency:
    """A node without a network: one list in a store, a signer, and the lists it follows."""

    store: Store
    folder: Path
    node: str = "fr.example"
    name: str = "csam"
    now_ms: int = NOW_MS
    key: LogPrivateKey = field(default_factory=lambda: LogPrivateKey.from_seed(b"k" * 32))

    def __post_init__(self) -> None:
        create_list(self.store, self.node, self.name)
        self.signer = FolderLogSigner(self.folder / "signer", lambda _: [self.key])
        self.follower = Follower(self.store, GUARDS)

    @property
    def origin(self) -> str:
        return f"{self.node}/lists/{self.name}"

    @property
    def log(self) -> LogRecord:
        with self.store.read() as unit:
            return unit.logs.get(self.origin)

    def log_of(self, origin: str) -> LogRecord:
        with self.store.read() as unit:
            return unit.logs.get(origin)

    def add(self, incoming: Iterable[RowResult], statement: Statement = OWN) -> ImportReport:
        return import_rows(self.store, self.origin, incoming, statement=statement, now_ms=self.now_ms)

    def publish(self, incoming: Iterable[RowResult] = (), statement: Statement = OWN) -> Published:
        """Publish what waits, these rows with it."""
        if rows := list(incoming):
            self.add(rows, statement)
        self.now_ms += 1000
        return publish(self.store, self.origin, signer=self.signer, now_ms=self.now_ms)

    def files(self, origin: str | None = None) -> LogFiles:
        return LogFiles(self.store.objects, self.store.vault, origin or self.origin)

    def items(self, origin: str | None = None) -> list[tuple[int, bytes, bytes | None]]:
        """Everything that is held of a list."""
        log = self.log_of(origin or self.origin)
        return list(self.files(log.origin).items(first=0, size=log.head.size))

    def pull(self, other: "Agency") -> object:
        """Follow what `other` has published, unverified: `protocol.pull` has its own tests."""
        self.follower.follow(other.origin, node=other.node)
        delivery = self.stage(other)
        return self.follower.commit(other.origin, delivery, now_ms=self.now_ms)

    def stage(self, other: "Agency", *, bundles: int | None = None) -> Delivery:
        """Stage the first `bundles` new bundles of `other` (default: all) and return the delivery of all."""
        return stage(self.follower, other, now_ms=self.now_ms, bundles=bundles)


def stage(follower: Follower, other: Agency, *, now_ms: int, bundles: int | None = None) -> Delivery:
    """As `Agency.stage`, of whoever follows `other`."""
    return deliver(follower, other, follower.held(other.origin, now_ms=now_ms).size, bundles=bundles)


def deliver(
    keeper: Follower | OverlayKeeper, other: Agency, size: int, *, bundles: int | None = None
) -> Delivery:
    """Give `keeper` what `other` published from `size` on."""
    head, files = other.log.head, other.files()
    for index, width in list(bundle_widths(size, head.size))[:bundles]:
        keeper.stage(
            other.origin,
            StagedBundle(
                index=index,
                width=width,
                entries=files.entries(index, width, size=head.size),
                openings=encode(files.openings(index, size=head.size)),
            ),
        )
    note = other.log.note
    assert note is not None
    return Delivery(note=note, size=head.size, root=head.root, frontier=head.frontier)


def openings(agency: Agency) -> list[Opening]:
    """Everything that waits or is published."""
    with agency.store.read() as unit:
        log = unit.logs.get(agency.origin)
        reader = ListReader(agency.store, unit, log)
        return [reader.opening(position) for position in range(log.tail)]


def encode(held: Sequence[bytes]) -> bytes:
    """Openings as the wire has them."""
    return b"".join(len(opening).to_bytes(2) + opening for opening in held)


def check_whole(agency: Agency, origin: str | None = None) -> None:
    """Whatever happened: the published objects of a list give its signed root, and every bundle has openings."""
    log = agency.log_of(origin or agency.origin)
    tree = CompactRange()
    for _, event, _ in agency.items(log.origin):
        tree.append(leaf_hash(event))
    assert tree.size == log.head.size
    assert tree.root() == log.head.root
    assert tree.to_bytes() == log.head.frontier
    assert log.head.size == 0 or len(agency.items(log.origin)) == log.head.size
    assert all(width <= BUNDLE_WIDTH for _, width in bundle_widths(0, log.head.size))


def let_in(store: Store, members: Members, name: str, *, now_ms: int) -> None:
    """Release what is set aside under a name, as two persons do."""
    quarantine.get(store, members, name)
    with store.write() as unit:
        quarantine.release(unit, quarantine.lock(store, unit, members, name), now_ms=now_ms)
