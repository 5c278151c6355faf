"""A node after a year at work: 100,000 entries over its list and two peers', 1,000 partners, 20,000 reported hits.

    world = large_world(tmp_path)          # a copy; the first of a process makes it, in half a minute
    with world.opened() as store:
        ...

Everything is written by the services that a node writes with: imports, publications, pulls (of lists that nobody
verified; that has its own tests), a release, partners' reports with receipts. `python -m support.large_world FOLDER`
makes one to look at with `sigfed --home FOLDER/home`. With `SIGFED_LARGE_WORLD=FOLDER` tests and benchmarks take copies
of that one, with its clock standing where it stood; who changes how a world is made makes it again.
"""

import atexit
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import md5, sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from keys.key import LogPrivateKey
from keys.trust.fingerprint import to_words
from node.app.subsets import create_subset, release_here
from node.audit.log import enqueue, new_record, sign_waiting
from node.clock import milliseconds
from node.formats.rows import ImportRow, RowResult
from node.home import Home
from node.identity.identity import Identity, open_identity
from node.identity.logs import create_list, publish_one
from node.lists.corrections.dispute import dispute
from node.lists.corrections.withdraw import withdraw
from node.lists.imports.intake import Statement, import_rows
from node.objects.folder import FolderObjects
from node.peers.membership import Membership, introduce
from node.peers.sync.follow import Follower, FollowGuards
from node.rotation.store import write_store
from node.store.lists.records import Quarantined
from node.store.store import Store
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis, Reason
from protocol.subset.filter import SubsetFilter
from support.copies import let_go_on
from support.federation import EVERYTHING, FoundedNode
from support.large_reports import report_hits
from support.large_work import fetch_releases, wait_for_people
from support.real_home import real_home
from support.stores import Agency, make_store, sqlite_dsn, stage
from support.times import SettableClock

LIST: Final = "main"
SUBSET: Final = "baseline"
ORIGIN: Final = f"fr.example/lists/{LIST}"
DAYS: Final = 360
_ROUNDS: Final = 12
_MOMENT: Final = "moment"
OWN: Final = Statement(basis=Basis.OWN, criteria=1)
MUCH: Final = FollowGuards(max_adds_per_day=10**7, max_withdraws_per_day=10**7, max_disputes_per_day=10**7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is of everything."""

    entries: int = 100_000
    """Of all lists together, two digests for each file."""
    partners: int = 1_000
    hits: int = 20_000
    audited: int = 5_000
    few: int = 60
    """Of what there is little: withdrawals, disputes, things set aside."""

    def smaller(self, divisor: int) -> "Size":
        """The same world, made for a quick look."""
        return Size(
            entries=max(self.entries // divisor, 400),
            partners=max(self.partners // divisor, 5),
            hits=max(self.hits // divisor, 20),
            audited=max(self.audited // divisor, 20),
            few=max(self.few // divisor, 3),
        )

    @property
    def own(self) -> range:
        """The files of the own list; each of the peers' lists has three for four of these."""
        return range(self.entries // 5)

    def peers(self) -> dict[str, tuple[str, range]]:
        """Country and files of each peer: those of one overlap with the own list and with the other's."""
        half, part = self.entries // 10, self.entries * 3 // 20
        return {
            "nl.example": ("NL", range(half, half + part)),
            "de.example": ("DE", range(half + half // 2, half + half // 2 + part)),
        }


FULL: Final = Size()


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeWorld:
    """A home with a node in it, and the clock that its services read."""

    folder: Path
    clock: SettableClock
    size: Size

    @property
    def home(self) -> Home:
        """Its home."""
        return Home(self.folder / "home")

    def identity(self) -> Identity:
        """The node as a new process opens it."""
        return open_identity(self.home, clock=self.clock)

    @contextmanager
    def opened(self) -> Iterator[tuple[Identity, Store]]:
        """The node and its store, closed when the block ends."""
        identity = self.identity()
        with write_store(identity) as store:
            yield identity, store


def large_world(folder: Path, size: Size = FULL) -> LargeWorld:
    """A world of one's own in `folder`, which is made."""
    made = _template(size)
    shutil.copytree(made.folder, folder)
    settings = folder / "home" / "sigfed.toml"
    settings.write_text(settings.read_text().replace(str(made.folder), str(folder)))
    let_go_on(folder / "home")
    return replace(made, folder=folder, clock=SettableClock(made.clock.moment))


def file_digests(number: int) -> tuple[Digest, Digest]:
    """MD5 and SHA-256 of a made-up file."""
    data = b"a made-up file of a large world %d" % number
    return (
        Digest(Algorithm.MD5, md5(data, usedforsecurity=False).digest()),
        Digest(Algorithm.SHA256, sha256(data).digest()),
    )


@cache
def _template(size: Size) -> LargeWorld:
    kept = os.environ.get("SIGFED_LARGE_WORLD")
    if kept and size == FULL:
        return _kept(Path(kept))
    folder = Path(mkdtemp(prefix="sigfed-large-world-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make(folder, size)


def _kept(folder: Path) -> LargeWorld:
    moment = datetime.fromisoformat((folder / _MOMENT).read_text())
    return LargeWorld(folder=folder, clock=SettableClock(moment), size=FULL)


def make(folder: Path, size: Size) -> LargeWorld:
    """Make a world in an empty folder."""
    clock = SettableClock(datetime.now(UTC).replace(microsecond=0))
    identity = real_home(folder, clock)
    with write_store(identity) as store:
        create_list(identity, store, LIST)
        _introduce(identity, store, folder, size)
        _fill_own(identity, store, size)
        wanted = SubsetFilter(
            collections=frozenset({BASELINE}),
            algorithms=frozenset({Algorithm.MD5, Algorithm.SHA256}),
            screen_bits=12,
            labels=True,
        )
        create_subset(identity, store, SUBSET, wanted)
        release_here(identity, store, SUBSET)
        _disturb(identity, store, size)
        report_hits(identity, store, partners=size.partners, hits=size.hits, placed=_placed(size), days=DAYS)
        _audit(identity, store, size)
        fetch_releases(identity, store, partners=size.partners)
        proposed = [file_digests(number) for number in range(size.entries, size.entries + 10 * size.few)]
        wait_for_people(identity, store, few=size.few, proposed=proposed)
    (folder / _MOMENT).write_text(clock.moment.isoformat())
    return LargeWorld(folder=folder, clock=clock, size=size)


def made_up_rows(files: Sequence[int]) -> list[RowResult]:
    """Rows of made-up files, as an import reads them."""
    return [ImportRow(line, file_digests(number), BASELINE, {}, "") for line, number in enumerate(files, 2)]


def _fill_own(identity: Identity, store: Store, size: Size) -> None:
    """The last files are to be looked at again, some of them by now."""
    now = identity.clock.now()
    old, dated = size.own[: -size.few], size.own[-size.few :]
    for files, statement in (
        (old, OWN),
        *(((number,), replace(OWN, review_by=_review_day(now, number))) for number in dated),
    ):
        import_rows(store, ORIGIN, made_up_rows(files), statement=statement, now_ms=milliseconds(now))
    publish_one(identity, store, ORIGIN, MUCH)


def _review_day(now: datetime, number: int) -> date:
    return (now + timedelta(days=number % 40 - 20)).date()


def _introduce(identity: Identity, store: Store, folder: Path, size: Size) -> None:
    """Two members that are peers, with all that is held of their lists."""
    home, clock = identity.home, identity.clock
    membership = Membership(identity.trust, store, FolderObjects(home.introductions), clock)
    signers = identity.targets_signers()
    for node, (country, files) in size.peers().items():
        theirs = folder / node
        theirs.mkdir()
        founded = FoundedNode(node, country, clock)
        other = Agency(
            make_store(sqlite_dsn(theirs), theirs),
            theirs,
            node=node,
            name=LIST,
            now_ms=milliseconds(clock.now() - timedelta(days=DAYS)),
            key=LogPrivateKey.from_seed(sha256(node.encode()).digest()),
        )
        founded.announce(other.origin, other.key)
        introduced = introduce(founded.fetched(), to_words(founded.root_sha256), clock)
        membership.add_member(introduced, country=country, authority_for=frozenset(), signers=signers)
        membership.add_peer(node, EVERYTHING)
        _fill_peer(other, files, size)
        _follow(store, other, milliseconds(clock.now()))
        other.store.dispose()
        shutil.rmtree(theirs)


def _fill_peer(other: Agency, files: range, size: Size) -> None:
    """A year of a list: what it added each month, and a few withdrawals at its end."""
    step = -(-len(files) // _ROUNDS)
    rounds = range(0, len(files), step)
    for at in rounds:
        other.now_ms += (DAYS * 86_400_000 - 60_000) // len(rounds) - 1_000  # a publication takes one second
        other.publish(made_up_rows(files[at : at + step]))
    for number in files[: size.few]:
        reason = Reason.ERROR if number % 2 else Reason.OTHER
        withdraw(other.store, other.origin, file_digests(number)[0], reason=reason)
    other.publish()


def _follow(store: Store, other: Agency, now_ms: int) -> None:
    """Take over what the peer has published."""
    follower = Follower(store, MUCH)
    follower.follow(other.origin, node=other.node)
    delivery = stage(follower, other, now_ms=now_ms)
    follower.commit(other.origin, delivery, now_ms=now_ms)


def _disturb(identity: Identity, store: Store, size: Size) -> None:
    """What happens after a release: own withdrawals and disputes, and what guards set aside."""
    now_ms = milliseconds(identity.clock.now())
    for number in size.own[: size.few // 3]:
        withdraw(store, ORIGIN, file_digests(number)[0], reason=Reason.OTHER)
    theirs = size.peers()["de.example"][1]
    for number in theirs[-size.few // 3 :]:
        dispute(store, ORIGIN, [file_digests(number)[0]], collection=BASELINE)
    publish_one(identity, store, ORIGIN, MUCH)
    with store.write() as unit:
        log = unit.logs.get(f"nl.example/lists/{LIST}")
        own = unit.logs.get(ORIGIN)
        unit.quarantine.add(
            [
                Quarantined(
                    log_id=own.id if kind == "row" else log.id,
                    kind=kind,
                    first=place,
                    last=place,
                    reason="more additions than its node document calls normal"
                    if kind == "add"
                    else "listed",
                    created_ms=now_ms - place * 60_000,
                )
                for place in range(size.few * 3)
                for kind in ("add" if place % 2 else "row",)
            ]
        )


def _placed(size: Size) -> list[tuple[Digest, tuple[tuple[str, int], ...]]]:
    """SHA-256 of every file that own list and a peer's have, with its places in both."""
    theirs = size.peers()["nl.example"][1]
    both = [number for number in size.own if number in theirs][size.few :]
    return [
        (
            file_digests(number)[1],
            ((ORIGIN, 2 * number + 1), (f"nl.example/lists/{LIST}", 2 * (number - theirs.start) + 1)),
        )
        for number in both
    ]


def _audit(identity: Identity, store: Store, size: Size) -> None:
    """A year of what operators did."""
    now_ms = milliseconds(identity.clock.now())
    step = DAYS * 86_400_000 // size.audited
    with store.write() as unit:
        for number in range(size.audited):
            made = new_record(
                store,
                actor=f"analyst-{number % 7}",
                action=("entry.reveal", "list.publish", "subset.release", "hit.close")[number % 4],
                subject=ORIGIN,
                now_ms=now_ms - (size.audited - number) * step,
            )
            enqueue(unit, made)
    sign_waiting(store, identity.log_signer(), now_ms=now_ms)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True)
    make(target, FULL)
    sys.stdout.write(f"sigfed --home {target / 'home'} status\n")
