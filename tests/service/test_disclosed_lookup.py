"""Disclosed look-ups: who may, what is near, what is kept, and how far somebody comes who walks towards an entry."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from node.access.disclosure import MOST_VALUES_A_DAY, Disclosure, DisclosureTerms
from node.access.grants import PartnerTerms
from node.audit.log import start_audit
from node.errors import (
    ConflictError,
    ForbiddenError,
    ListTooOldError,
    NodeError,
    NotFoundError,
    OverQuotaError,
    UnauthenticatedError,
    UsageError,
)
from node.lists.corrections.withdraw import withdraw
from node.lists.lookup import digests_named
from node.objects.listed_rows import catch_up
from node.partners import disclosed_lookup
from node.partners.disclosed_lookup import ABOUT, MOST_ABOUT_ONE, DisclosedLookups, PartnerDisclosure
from node.ports.evaluator import EpochSecret
from node.store.store import Store
from node.store.subsets.records import WideKey
from node.store.unit import Unit
from protocol.audit import AuditRecord
from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError
from protocol.lists.event import BASELINE
from protocol.lists.ext import Reason
from protocol.oprf.suite import epoch_key
from protocol.statement.disclosed_lookup import DisclosedQuery
from support.disclosed import (
    ask,
    disclosed_world,
    flipped,
    let_disclose,
    list_pictures,
    lookups,
    picture,
    query_of,
)
from support.hits import HOSTER, OTHER, SUBSET, HitWorld, hit_world
from support.sodium import loaded_group

LISTED, SECOND = picture("listed"), picture("second")
PER_DAY = 100


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with disclosed_world(tmp_path, "listed", "second") as made:
        let_disclose(made, PER_DAY)
        start_audit(made.fr.store, made.fr.name)
        yield made


@pytest.fixture
def answering(world: HitWorld) -> DisclosedLookups:
    return lookups(world)


def terms(world: HitWorld) -> DisclosureTerms:
    return DisclosureTerms(world.fr.store, world.fr.clock)


def shown(world: HitWorld, partner: str = HOSTER) -> Disclosure:
    return terms(world).get(partner)


def audited(world: HitWorld) -> list[AuditRecord]:
    """The records of disclosed look-ups that wait to be signed."""
    with world.fr.store.write() as unit:
        unit.audit.place(0, most=100)
        found = [AuditRecord.from_bytes(data) for data in unit.audit.placed(0, 100)]
    return [record for record in found if record.action == "disclosed.lookup"]


# ------------------------------------------------------------------ what is near


@pytest.mark.parametrize(
    ("bits", "told"), [(0, BASELINE), (1, BASELINE), (31, BASELINE), (32, 0), (62, 0), (63, 0)]
)
def test_near_is_at_most_31_bits(answering: DisclosedLookups, bits: int, told: int) -> None:
    assert ask(answering, flipped(LISTED, range(bits))) == [told]


def test_answers_are_in_the_order_of_the_values(answering: DisclosedLookups) -> None:
    near, far, exact = flipped(LISTED, range(9)), picture("a garden"), SECOND
    assert ask(answering, far, near, exact) == [0, BASELINE, BASELINE]


async def test_only_what_the_release_lists_counts(world: HitWorld, answering: DisclosedLookups) -> None:
    """What one agency alone lists is not effective, and what is listed since is not released."""
    list_pictures([world.fr], "of one alone")
    await world.release()
    list_pictures(world.agencies, "not released yet")
    assert ask(answering, picture("of one alone"), picture("not released yet")) == [0, 0]
    await world.release()
    assert ask(answering, picture("not released yet")) == [BASELINE]


def enter_next_epoch(world: HitWorld) -> None:
    with world.fr.store.write() as unit:
        epoch = unit.subsets.get(SUBSET).epoch + 1
        secret = EpochSecret(subset=SUBSET, epoch=epoch, seed=bytes([epoch]) * 32)
        world.evaluator.hold([secret])
        unit.subsets.enter(SUBSET, epoch, epoch_key(loaded_group(), secret.seed).public)


@pytest.mark.parametrize("last", [True, False])
async def test_a_release_that_comes_while_the_one_before_is_read_answers_instead(
    world: HitWorld, answering: DisclosedLookups, monkeypatch: pytest.MonkeyPatch, last: bool
) -> None:
    """What the one before said is gone by then. Whoever is overtaken again and again is charged nothing."""
    loop = asyncio.get_running_loop()

    def overtaken(store: Store, subset: str) -> None:
        catch_up(store, subset)
        if last:
            monkeypatch.setattr(disclosed_lookup, "catch_up", catch_up)
        enter_next_epoch(world)  # every tag is another one
        asyncio.run_coroutine_threadsafe(world.release(), loop).result()

    monkeypatch.setattr(disclosed_lookup, "catch_up", overtaken)
    if last:
        assert await asyncio.to_thread(ask, answering, LISTED) == [BASELINE]
    else:
        with pytest.raises(ConflictError, match="released meanwhile"):
            await asyncio.to_thread(ask, answering, LISTED)
        assert (shown(world).asked, shown(world).left) == (0, PER_DAY)


async def test_a_bundle_that_is_outgrown_while_it_is_read_is_read_again(
    world: HitWorld, answering: DisclosedLookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, read = "node.partners.disclosed_lookup.digests_named", digests_named

    def overtaken(store: Store, unit: Unit, names: AbstractSet[WideKey]) -> dict[WideKey, Digest]:
        monkeypatch.setattr(place, read)
        list_pictures([world.fr], "another")
        world.fr.publish()
        return read(store, unit, names)

    monkeypatch.setattr(place, overtaken)
    assert ask(answering, LISTED) == [BASELINE]


async def test_what_is_withdrawn_is_not_answered_even_before_the_next_release(
    world: HitWorld, answering: DisclosedLookups
) -> None:
    assert ask(answering, LISTED) == [BASELINE]
    for agency in world.agencies:
        withdraw(agency.store, agency.origin, LISTED, reason=Reason.OTHER)
        agency.publish()
    await world.federation.settle()
    assert ask(answering, LISTED, SECOND) == [0, BASELINE]


def test_a_release_past_its_end_answers_nothing_and_costs_nothing(
    world: HitWorld, answering: DisclosedLookups
) -> None:
    world.federation.advance(days=15)
    with pytest.raises(ListTooOldError):
        ask(answering, LISTED)
    assert shown(world).left == PER_DAY


# ------------------------------------------------------------------ who may


def test_it_takes_the_node_and_the_partner(world: HitWorld) -> None:
    with pytest.raises(NotFoundError):
        ask(lookups(world, enabled=False), LISTED)
    with pytest.raises(ForbiddenError):
        ask(lookups(world), LISTED, partner=OTHER)
    let_disclose(world, 5, partner=OTHER)
    assert ask(lookups(world), LISTED, partner=OTHER) == [BASELINE]
    terms(world).lower(OTHER, 0)
    with pytest.raises(ForbiddenError):
        ask(lookups(world), LISTED, partner=OTHER)


def test_a_suspended_partner_is_answered_nothing(world: HitWorld, answering: DisclosedLookups) -> None:
    PartnerTerms(world.fr.store).suspend(HOSTER)
    with pytest.raises(UnauthenticatedError):
        ask(answering, LISTED)


def test_more_takes_two_persons_and_less_one(world: HitWorld) -> None:
    assert [terms(world).widens(HOSTER, values) for values in (0, PER_DAY, PER_DAY + 1)] == [
        False,
        False,
        True,
    ]
    with pytest.raises(ForbiddenError):
        terms(world).lower(HOSTER, PER_DAY + 1)
    terms(world).lower(HOSTER, 3)
    assert shown(world).values_per_day == 3
    with pytest.raises(UsageError):
        terms(world).widens(HOSTER, MOST_VALUES_A_DAY + 1)
    with pytest.raises(NotFoundError):
        terms(world).widens("stranger", 1)


async def test_a_subset_without_pdq_has_nothing_near(tmp_path: Path) -> None:
    async with hit_world(tmp_path) as world:
        with pytest.raises(UsageError, match="no PDQ values"):
            terms(world).widens(HOSTER, 1)
        with pytest.raises(NotFoundError, match="no PDQ values"):  # before anything is charged
            lookups(world).ask(HOSTER, SUBSET, query_of(picture("holiday")).to_bytes())


def _body(*values: Digest, subset: bytes | None = None) -> bytes:
    query = query_of(*values)
    return (
        query.to_bytes()
        if subset is None
        else DisclosedQuery(subset_id=subset, values=query.values).to_bytes()
    )


@pytest.mark.threat("disclosed values kept")
@pytest.mark.parametrize(
    ("body", "refused"),
    [
        pytest.param(b"", MalformedError, id="nothing"),
        pytest.param(_body(Digest(Algorithm.PDQ, bytes(32))), MalformedError, id="a flat picture"),
        pytest.param(
            _body(Digest(Algorithm.PDQ, (b"\xaa\x55" * 16)), LISTED),
            MalformedError,
            id="a chess board among others",
        ),
        pytest.param(_body(LISTED, subset=b"x" * 16), UsageError, id="another subset"),
    ],
)
def test_what_is_refused_costs_nothing_and_tells_nothing(
    world: HitWorld, answering: DisclosedLookups, body: bytes, refused: type[NodeError]
) -> None:
    with pytest.raises(refused):
        answering.ask(HOSTER, SUBSET, body)
    assert (shown(world).left, shown(world).asked, audited(world)) == (PER_DAY, 0, [])


# ------------------------------------------------------------------ quota and what is kept


def test_the_values_of_a_day_end_and_come_back(world: HitWorld, answering: DisclosedLookups) -> None:
    others = (picture(f"picture {number}") for number in count())
    for size in (64, 36):
        ask(answering, *(next(others) for _ in range(size)))
    with pytest.raises(OverQuotaError, match="disclosed values of this day"):
        ask(answering, next(others))
    assert shown(world).asked == PER_DAY
    world.federation.advance(hours=12)
    ask(answering, *(next(others) for _ in range(PER_DAY // 2)))
    with pytest.raises(OverQuotaError):
        ask(answering, next(others))
    assert world.quota_left() > 0, "private look-ups have a quota of their own"


def test_a_month_has_31_days_of_values(world: HitWorld, answering: DisclosedLookups) -> None:
    with world.fr.store.write() as unit:
        held = unit.disclosure.find(HOSTER)
        assert held is not None
        month = world.fr.clock.now().strftime("%Y-%m")
        used = replace(held.allowance, month=month, used=31 * PER_DAY - 1)
        unit.disclosure.put(replace(held, allowance=used))
    assert ask(answering, picture("the last")) == [0]
    with pytest.raises(OverQuotaError, match="of this month"):
        ask(answering, picture("one too many"))


@pytest.mark.threat("disclosed values kept")
def test_numbers_alone_are_kept_and_audited(
    world: HitWorld, answering: DisclosedLookups, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    near = flipped(LISTED, range(5))
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "sigfed"):
        ask(answering, near, picture("a garden"))
    record = audited(world)[-1]
    assert (record.subject, record.outcome) == (HOSTER, "ok")
    assert record.details == {"values": "2", "met": "1"}
    assert (shown(world).asked, shown(world).met) == (2, 1)
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert HOSTER.encode() in files, "the database is among them"
    for value in (near, LISTED):
        assert value.value not in files
        assert value.value.hex() not in caplog.text + repr(record)


# ------------------------------------------------------------------ no oracle


def climb(start: Digest, ask_one: Callable[[Digest], bool]) -> Digest:
    """Recover a listed value from a near one, by yes and no alone: what anybody could without a stop."""
    edge = next(bits for bits in range(257) if not ask_one(flipped(start, range(bits))))
    at_edge = flipped(start, range(edge - 1))  # 31 bits away: turning one more away is a no
    wrong = [bit for bit in range(256) if ask_one(flipped(at_edge, [bit]))]
    return flipped(at_edge, wrong)


@pytest.mark.threat("a walk towards an entry")
def test_a_walk_without_a_stop_would_find_the_entry() -> None:
    """The attack is real: against an oracle that only says yes and no it gives the entry itself."""

    def oracle(value: Digest) -> bool:
        return (int.from_bytes(value.value) ^ int.from_bytes(LISTED.value)).bit_count() <= 31

    assert climb(flipped(LISTED, [7, 70, 170, 200]), oracle) == LISTED


@pytest.mark.threat("a walk towards an entry")
def test_a_walk_towards_an_entry_is_stopped(
    world: HitWorld, answering: DisclosedLookups, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[int] = []

    def ask_one(value: Digest) -> bool:
        answers.extend(ask(answering, value))
        return bool(answers[-1])

    with pytest.raises(ForbiddenError, match="until the agency has looked"):
        climb(flipped(LISTED, [7, 70, 170, 200]), ask_one)
    assert len(answers) == MOST_ABOUT_ONE
    assert shown(world).stopped_ms is not None
    assert audited(world)[-1].outcome == "stopped"
    assert f"stopped partner={HOSTER}" in caplog.text
    for value in (LISTED, picture("a garden"), SECOND):
        with pytest.raises(ForbiddenError):
            ask(answering, value)


@pytest.mark.threat("a walk towards an entry")
def test_misses_close_to_an_entry_count_as_well(answering: DisclosedLookups) -> None:
    """A walk from outside the ball gets almost only no: these must stop it."""
    outside = flipped(LISTED, range(ABOUT - 1))
    for bit in range(MOST_ABOUT_ONE):
        assert ask(answering, flipped(outside, [bit + 100])) == [0]
    with pytest.raises(ForbiddenError):
        ask(answering, flipped(outside, [200]))


@pytest.mark.threat("a walk towards an entry")
def test_a_batch_about_one_entry_is_not_answered_at_all(world: HitWorld, answering: DisclosedLookups) -> None:
    with pytest.raises(ForbiddenError):
        ask(answering, *(flipped(LISTED, [bit]) for bit in range(MOST_ABOUT_ONE + 1)))
    assert shown(world).stopped_ms is not None


@pytest.mark.threat("a walk towards an entry")
def test_walks_at_once_are_counted_one_after_the_other(world: HitWorld, answering: DisclosedLookups) -> None:
    def try_one(bit: int) -> int:
        try:
            return len(ask(answering, flipped(LISTED, [bit])))
        except ForbiddenError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_one, range(40))) == MOST_ABOUT_ONE
    assert shown(world).stopped_ms is not None


async def test_whoever_waits_takes_no_thread(world: HitWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    answering, running, most = lookups(world), 0, 0
    answer = answering.ask

    def watched(partner: str, subset: str, body: bytes) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return answer(partner, subset, body)
        finally:
            running -= 1

    monkeypatch.setattr(answering, "ask", watched)
    partner = PartnerDisclosure(answering, HOSTER, frozenset({SUBSET}))
    bodies = [_body(picture(f"picture {number}")) for number in range(20)]
    replies = await asyncio.gather(*(partner.disclosed_lookup(SUBSET, body) for body in bodies))
    assert (len(replies), most) == (20, 1)


@pytest.mark.threat("a walk towards an entry")
def test_a_stop_outlives_a_restart_and_ends_with_two_persons(world: HitWorld) -> None:
    for bit in range(MOST_ABOUT_ONE):
        ask(lookups(world), flipped(LISTED, [bit]))
    with pytest.raises(ForbiddenError):
        ask(lookups(world), LISTED)
    world.federation.advance(days=5)
    with pytest.raises(ForbiddenError):
        ask(lookups(world), LISTED)
    assert terms(world).widens(HOSTER, 1), "one person cannot let it go on with fewer"
    let_disclose(world, PER_DAY)
    assert ask(lookups(world), LISTED) == [BASELINE]


def test_many_pictures_about_as_many_entries_stop_nobody(
    world: HitWorld, answering: DisclosedLookups
) -> None:
    values = [picture(f"picture {number}") for number in range(60)]
    assert (
        ask(answering, *values, flipped(LISTED, range(3)), flipped(SECOND, range(3)))[-2:] == [BASELINE] * 2
    )
    assert shown(world).stopped_ms is None


def test_what_one_partner_asks_stops_no_other(world: HitWorld, answering: DisclosedLookups) -> None:
    let_disclose(world, PER_DAY, partner=OTHER)
    with pytest.raises(ForbiddenError):
        ask(answering, *(flipped(LISTED, [bit]) for bit in range(MOST_ABOUT_ONE + 1)))
    assert ask(answering, LISTED, partner=OTHER) == [BASELINE]
