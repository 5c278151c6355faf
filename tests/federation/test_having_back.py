"""A list had back from several peers: one is behind, one was granted less, one may hold another history."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import pytest
from typing_extensions import override

from keys.key import LogPrivateKey
from node.clock import DAY_MS
from node.errors import PeerUnreachableError, VerificationError
from node.lists.catalogue import list_origin
from node.lists.completeness import untouched
from node.objects.logfiles import LogFiles
from node.peers.recovery import BrokenHistoryError, Returned, have_back
from node.peers.return_list import HeldLists
from node.store.lists.records import LogKind, LogRecord, Reach
from node.store.store import Store
from protocol.limits import HEADER_BYTES, MAX_CLOCK_SKEW_MS
from protocol.lists.event import BASELINE, NATIONAL, Header, Op
from protocol.lists.ext import Reason
from protocol.lists.grant import Grant
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.note import VerifierKey
from protocol.tlog.tiles import encode_bundle
from support.federation import Agency, Federation
from support.new_stores import new_store

ORIGIN = list_origin("fr.example", "main")


@dataclass(frozen=True, slots=True)
class Held:
    """What a peer holds of the list, as its owner is given it; `note` in place of its head, if it lies."""

    peer: Agency
    note: bytes | None = None
    alter: Callable[[bytes], bytes] = bytes

    @property
    def lists(self) -> HeldLists:
        return HeldLists(self.peer.store, "fr.example")

    async def held_checkpoint(self, origin: str) -> bytes:
        return self.note or await self.lists.checkpoint(origin)

    async def held_entries(self, origin: str, *, index: int, width: int) -> bytes:
        return self.alter(await self.lists.entries(origin, index=index, width=width))

    async def held_openings(self, origin: str, *, index: int, width: int) -> bytes:
        return await self.lists.openings(origin, index=index, width=width)


class Away(Held):
    """A peer that is gone when its entries are asked for."""

    @override
    async def held_entries(self, origin: str, *, index: int, width: int) -> bytes:
        raise PeerUnreachableError("it is away")


@dataclass(slots=True)
class Restored:
    """The node after its machine was lost: nothing is left but its key, or what a backup had."""

    store: Store
    keys: Sequence[VerifierKey]
    now_ms: int

    async def have_back(self, peers: Mapping[str, Held]) -> Returned:
        return await have_back(self.store, ORIGIN, peers, keys=self.keys, now_ms=self.now_ms)

    @property
    def log(self) -> LogRecord:
        with self.store.read() as unit:
            return unit.logs.get(ORIGIN)

    def opened(self) -> list[bool]:
        files = LogFiles(self.store.objects, self.store.vault, ORIGIN)
        return [row is not None for _, _, row in files.items(first=0, size=self.log.head.size)]


Restore = Callable[[Agency, Path], Restored]


@pytest.fixture
def restored() -> Iterator[Restore]:
    """Makes new stores, and closes them."""
    stores: list[Store] = []

    def restore(fr: Agency, folder: Path) -> Restored:
        folder.mkdir()
        store = new_store(f"sqlite:///{folder}/sigfed.db", storage_key=os.urandom(32))
        stores.append(store)
        with store.write() as unit:
            unit.logs.create(origin=ORIGIN, kind=LogKind.OWN_LIST, node="fr.example", name="main")
        return Restored(store, [VerifierKey.of_log(ORIGIN, fr.log_key.public)], fr.now_ms)

    yield restore
    for store in stores:
        store.dispose()


@dataclass(frozen=True, slots=True)
class Peers:
    """France, whose list has nine entries, and who holds how much of it."""

    fr: Agency
    behind: Agency
    """The first four."""
    most: Agency
    """All of it, and of the last five no hashes: they are national, and it was granted the baseline."""
    opened: Agency
    """The first seven, with all hashes."""

    def held(self, *names: str) -> dict[str, Held]:
        return {name: Held(getattr(self, name)) for name in names}


async def peers(federation: Federation) -> Peers:
    made = [federation.agency(f"{code}.example", code.upper()) for code in ("fr", "be", "nl", "de")]
    fr, be, nl, de = made
    for other in (be, nl, de):
        back = Grant(collections=frozenset({BASELINE} if other is nl else {BASELINE, NATIONAL}))
        federation.introduce(other, fr, back=back)
    for publication, asking in (
        ((4, BASELINE), (be, nl, de)),
        ((3, NATIONAL), (nl, de)),
        ((2, NATIONAL), (nl,)),
    ):
        count, collection = publication
        fr.publish(*(f"{collection} {count} {number}" for number in range(count)), collection=collection)
        federation.advance(hours=1)
        for one in asking:
            report = await federation.sync(one, fr)
            assert report.succeeded, report.words
    return Peers(fr, be, nl, de)


async def test_the_longest_history_is_taken_with_whatever_hashes_anybody_holds(
    federation: Federation, tmp_path: Path, restored: Restore
) -> None:
    all_ = await peers(federation)
    for number, order in enumerate(permutations(("behind", "most", "opened"))):
        new = restored(all_.fr, tmp_path / str(number))
        done = await new.have_back(all_.held(*order))
        assert (done.old_size, done.new_size, done.unopened) == (0, 9, 2)
        assert (new.log.head.root, new.log.note) == (all_.fr.log().head.root, all_.most.log(ORIGIN).note)
        assert new.opened() == [True] * 7 + [False] * 2


async def test_what_is_here_is_gone_on_from(
    federation: Federation, tmp_path: Path, restored: Restore
) -> None:
    all_ = await peers(federation)
    new = restored(all_.fr, tmp_path / "new")
    for names, sizes in ((("behind",), (0, 4)), (("behind", "opened"), (4, 7)), (("behind", "most"), (7, 9))):
        done = await new.have_back(all_.held(*names))
        assert (done.old_size, done.new_size) == sizes
    done = await new.have_back(all_.held("behind", "opened"))
    assert (done.old_size, done.new_size) == (9, 9)


async def test_what_a_withdrawal_says_of_others_comes_back_with_it(
    federation: Federation, tmp_path: Path, restored: Restore
) -> None:
    all_ = await peers(federation)
    all_.fr.withdraw("1 4 2", Reason.ERROR)
    all_.fr.publish()
    federation.advance(hours=1)
    await federation.sync(all_.behind, all_.fr)
    new = restored(all_.fr, tmp_path / "new")
    await new.have_back(all_.held("behind"))
    assert untouched(new.store, new.log) == 0
    assert new.log.touched == new.log.head.size
    with new.store.read() as unit:
        found = unit.touches.reaching(new.log.id, Reach.ALL)
    assert {each.op for each in found} == {Op.WITHDRAW}


def forged(fr: Agency, size: int) -> bytes:
    """A head of another history, by the same key: somebody else has it."""
    return sign_checkpoint(Checkpoint(ORIGIN, size, b"\x07" * 32), [fr.log_key])


@pytest.mark.parametrize("size", [4, 7, 9])
@pytest.mark.parametrize("before", [(), ("behind",), ("most",)], ids=["nothing", "the beginning", "all"])
async def test_two_histories_are_for_people_to_look_at(
    federation: Federation, tmp_path: Path, restored: Restore, size: int, before: tuple[str, ...]
) -> None:
    """Whichever is longer: with one of them taken, this node would sign on behind a fork."""
    all_ = await peers(federation)
    new = restored(all_.fr, tmp_path / "new")
    if before:
        await new.have_back(all_.held(*before))
    head = new.log.head
    contradicting = {"behind": Held(all_.behind, note=forged(all_.fr, size))}
    with pytest.raises(VerificationError, match=r"another history|not what its head signs"):
        await new.have_back({**all_.held("most"), **contradicting})
    assert new.log.head == head


async def test_a_head_of_another_key_is_no_word_of_ours(
    federation: Federation, tmp_path: Path, restored: Restore
) -> None:
    all_ = await peers(federation)
    stranger = LogPrivateKey.from_seed(os.urandom(32))
    note = sign_checkpoint(Checkpoint(ORIGIN, 99, b"\x07" * 32), [stranger])
    new = restored(all_.fr, tmp_path / "new")
    done = await new.have_back({"liar": Held(all_.behind, note=note), **all_.held("most")})
    assert done.new_size == 9


@pytest.mark.parametrize(
    "liar",
    [
        lambda all_: Held(all_.most, alter=lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        lambda all_: Away(all_.most),
    ],
    ids=["alters entries", "goes away"],
)
async def test_who_holds_the_most_and_does_not_give_it_stops_the_restore_and_costs_nothing(
    federation: Federation, tmp_path: Path, restored: Restore, liar: Callable[[Peers], Held]
) -> None:
    """To go on behind less would be to sign those sizes twice."""
    all_ = await peers(federation)
    new = restored(all_.fr, tmp_path / "new")
    await new.have_back(all_.held("behind"))
    with pytest.raises((VerificationError, PeerUnreachableError)):
        await new.have_back({"most": liar(all_), **all_.held("opened")})
    assert new.log.head.size == 4
    done = await new.have_back(all_.held("most", "opened"))
    assert (done.new_size, done.unopened) == (9, 2)


# ---------------------------------------------------------------- what no member follows


@dataclass(frozen=True, slots=True)
class Planted(Held):
    """Holds what somebody with the key signed behind the entries of `behind`, dated so many milliseconds from now."""

    dates: Sequence[int] = ()
    start: bytes = b""
    """Of the last of them, in place of its own."""

    @property
    def events(self) -> list[bytes]:
        held = [event for _, event, _ in self.peer.items(ORIGIN)]
        headers = [Header.from_bytes(event[:HEADER_BYTES]) for event in held]
        made = [
            replace(headers[-1], time_ms=self.peer.now_ms + date).to_bytes() + b"\x07" * 32
            for date in self.dates
        ]
        return [*held, *made[:-1], self.start + made[-1][len(self.start) :]]

    def signed(self, key: LogPrivateKey) -> bytes:
        tree = CompactRange()
        tree.extend(map(leaf_hash, self.events))
        return sign_checkpoint(Checkpoint(ORIGIN, tree.size, tree.root()), [key])

    @override
    async def held_entries(self, origin: str, *, index: int, width: int) -> bytes:
        return encode_bundle(self.events[index * 256 : index * 256 + width])

    @override
    async def held_openings(self, origin: str, *, index: int, width: int) -> bytes:
        return encode_bundle([b""] * width)


def planted(all_: Peers, *dates: int, start: bytes = b"") -> Planted:
    unsigned = Planted(all_.behind, dates=dates, start=start)
    return replace(unsigned, note=unsigned.signed(all_.fr.log_key))


@pytest.mark.threat("an old state")
@pytest.mark.parametrize(
    ("dates", "broken"),
    [
        ((MAX_CLOCK_SKEW_MS,), ""),
        ((MAX_CLOCK_SKEW_MS + 1,), "event 4: is dated in the future"),
        ((0, 365 * DAY_MS), "event 5: is dated in the future"),
        ((0, 0), ""),
        ((0, -1), "event 5: is dated before the event ahead of it"),
        ((-365 * DAY_MS,), "event 4: is dated before the event ahead of it"),
        ((365 * DAY_MS, 0), "event 4: is dated in the future"),
    ],
)
@pytest.mark.parametrize("before", [(), ("behind",)], ids=["nothing", "the beginning"])
async def test_what_no_member_would_follow_is_not_gone_on_from(
    federation: Federation,
    tmp_path: Path,
    restored: Restore,
    dates: tuple[int, ...],
    broken: str,
    before: tuple[str, ...],
) -> None:
    """Behind an entry of next year this node would date all that it publishes next year, withdrawals too."""
    all_ = await peers(federation)
    new = restored(all_.fr, tmp_path / "new")
    if before:
        await new.have_back(all_.held(*before))
    peer = planted(all_, *dates)
    if not broken:
        assert (await new.have_back({"planted": peer})).new_size == 4 + len(dates)
        return
    size = new.log.head.size
    with pytest.raises(BrokenHistoryError) as caught:
        await new.have_back({"planted": peer})
    assert broken in str(caught.value)
    assert (caught.value.peer, caught.value.head.size) == ("planted", 4 + len(dates))
    assert new.log.head.size == size
    assert (await new.have_back(all_.held("most"))).new_size == 9, "nothing of it is left in the way"


@pytest.mark.threat("an old state")
@pytest.mark.parametrize(
    ("start", "broken"),
    [
        (b"\2", "event 5: has an unsupported version"),
        (b"\1\1\0\1\2\0\0\1", "event 5: has reserved bytes that are not zero"),
    ],
    ids=["version", "reserved"],
)
async def test_what_is_no_event_is_as_broken(
    federation: Federation, tmp_path: Path, restored: Restore, start: bytes, broken: str
) -> None:
    """By a bare error of its form nobody would know which list to give up."""
    all_ = await peers(federation)
    new = restored(all_.fr, tmp_path / "new")
    with pytest.raises(BrokenHistoryError) as caught:
        await new.have_back({"planted": planted(all_, 0, 0, start=start)})
    assert ORIGIN in str(caught.value)
    assert broken in str(caught.value)
    assert (await new.have_back(all_.held("most"))).new_size == 9, "nothing of it is left in the way"


async def test_a_peer_that_dates_entries_anew_accuses_nobody_but_itself(
    federation: Federation, tmp_path: Path, restored: Restore
) -> None:
    """Its head is ours, its entries are not: to give the list up because of that would be in its hands."""
    all_ = await peers(federation)
    new = restored(all_.fr, tmp_path / "new")
    liar = replace(planted(all_, 365 * DAY_MS), note=planted(all_, 0).note)
    with pytest.raises(VerificationError, match="not what its head signs"):
        await new.have_back({"liar": liar})
