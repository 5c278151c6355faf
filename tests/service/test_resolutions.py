"""What partners did about their hits: told in any order, kept once each, signed and audited."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keys.key import StatementPrivateKey
from node.errors import (
    ConflictError,
    NodeError,
    NotFoundError,
    PeerRefusedError,
    PeerUnreachableError,
    RateLimitedError,
    VerificationError,
)
from node.hoster.hits.resolutions import Action
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.store.kinds import Kind
from node.partners.hits import resolutions
from node.partners.hits.overview import reported_hits
from protocol.audit import AuditRecord
from protocol.statement.resolution import Action as SentAction
from protocol.statement.resolution import Resolution, ResolutionReceipt, open_resolution
from support.hits import HOSTER, OTHER, SUBSET, HitWorld, hit_world
from support.partner_rows import bodies, replace_body
from support.spooling import Api, Partner

REMOVED = Resolution(report_id=b"r" * 16, action=SentAction.REMOVED, done_ms=5)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, listed=["a file", "another"]) as made:
        yield made


@pytest.fixture
def partner(world: HitWorld, tmp_path: Path) -> Partner:
    return Partner(world, HitSpool(tmp_path / "partner"), Api(world, HOSTER))


@pytest.fixture
async def report_id(world: HitWorld) -> bytes:
    """Of a report that the node has taken."""
    sent = await world.reported("a file")
    return sent.report.report_id


def counts(world: HitWorld) -> SentAction | None:
    """What the node says became of the one reported file."""
    (hit,) = reported_hits(world.fr.store)
    return hit.action


def audited(world: HitWorld) -> list[AuditRecord]:
    """The records of resolutions that wait to be signed."""
    with world.fr.store.write() as unit:
        unit.audit.place(0, most=100)
        found = [AuditRecord.from_bytes(data) for data in unit.audit.placed(0, 100)]
    return [record for record in found if record.action == "hit.resolve"]


# ------------------------------------------------------------------ the node


async def test_the_receipt_says_what_was_told_and_when(world: HitWorld, report_id: bytes) -> None:
    said = replace(REMOVED, report_id=report_id)
    data = await world.hits().resolve_hit(SUBSET, said.to_bytes())
    receipt = open_resolution(data, partner=HOSTER, resolution=said, keys=world.statement_keys)
    assert (receipt.node, receipt.received_ms) == ("fr.example", world.fr.now_ms)
    assert counts(world) is SentAction.REMOVED


async def test_the_same_resolution_is_one(world: HitWorld, report_id: bytes) -> None:
    said = replace(REMOVED, report_id=report_id).to_bytes()
    first = await world.hits().resolve_hit(SUBSET, said)
    world.federation.advance(hours=1)
    again = await asyncio.gather(*(world.hits().resolve_hit(SUBSET, said) for _ in range(5)))
    assert set(again) == {first}


@pytest.mark.threat("a false resolution")
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]])
async def test_the_latest_counts_in_whatever_order_they_come(
    world: HitWorld, report_id: bytes, order: list[int]
) -> None:
    said = [
        Resolution(report_id=report_id, action=action, done_ms=time)
        for time, action in enumerate((SentAction.REMOVED, SentAction.FALSE_POSITIVE, SentAction.DISABLED))
    ]
    for place in order:
        await world.hits().resolve_hit(SUBSET, said[place].to_bytes())
    assert counts(world) is SentAction.DISABLED
    with world.fr.store.read() as unit:
        kept = unit.hit_outcomes.of(HOSTER, report_id)
    assert [SentAction(one.action) for one in kept] == [one.action for one in said], "earlier ones are kept"


async def test_of_one_time_two_things_cannot_be_said(world: HitWorld, report_id: bytes) -> None:
    said = replace(REMOVED, report_id=report_id)
    await world.hits().resolve_hit(SUBSET, said.to_bytes())
    with pytest.raises(ConflictError):
        await world.hits().resolve_hit(SUBSET, replace(said, action=SentAction.PRESERVED).to_bytes())
    assert counts(world) is SentAction.REMOVED


@pytest.mark.threat("a false resolution")
async def test_a_partner_speaks_of_its_own_reports_alone(world: HitWorld, report_id: bytes) -> None:
    for partner, subset, said in (
        (OTHER, SUBSET, replace(REMOVED, report_id=report_id)),
        (HOSTER, "other", replace(REMOVED, report_id=report_id)),
        (HOSTER, SUBSET, REMOVED),
    ):
        with pytest.raises(NotFoundError):
            await world.hits(partner).resolve_hit(subset, said.to_bytes())
    assert counts(world) is None


@pytest.mark.threat("a false resolution")
async def test_corrections_have_a_bound(
    world: HitWorld, report_id: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [
        replace(REMOVED, report_id=report_id, done_ms=time) for time in range(resolutions.MAX_FOR_ONE + 1)
    ]
    receipts = [await world.hits().resolve_hit(SUBSET, one.to_bytes()) for one in said[:-1]]
    with pytest.raises(ConflictError, match="too often"):
        await world.hits().resolve_hit(SUBSET, said[-1].to_bytes())
    assert await world.hits().resolve_hit(SUBSET, said[0].to_bytes()) == receipts[0], "what is known stays so"
    monkeypatch.setattr(resolutions, "MAX_FOR_ONE", 100)
    monkeypatch.setattr(resolutions, "MAX_A_DAY", len(receipts))
    with pytest.raises(RateLimitedError):
        await world.hits().resolve_hit(SUBSET, said[-1].to_bytes())
    world.federation.advance(days=1, seconds=1)
    assert await world.hits().resolve_hit(SUBSET, said[-1].to_bytes())


@pytest.mark.threat("a false resolution")
async def test_each_is_audited_once_without_a_hash(world: HitWorld, report_id: bytes) -> None:
    from node.audit.log import start_audit

    start_audit(world.fr.store, world.fr.name)
    said = replace(REMOVED, report_id=report_id).to_bytes()
    for _ in range(2):
        await world.hits().resolve_hit(SUBSET, said)
    (record,) = audited(world)
    assert (record.actor, record.subject) == ("node", HOSTER)
    assert record.details == {"action": "removed", "hit": report_id.hex()[:8], "subset": SUBSET}


# ------------------------------------------------------------------ the partner


async def resolved(partner: Partner) -> SpooledHit:
    """A hit that is reported, and of which it is recorded here what became."""
    hit = await partner.report(await partner.find("a file"))
    return partner.sender.resolve(hit, Action.REMOVED)


async def test_what_is_told_is_kept_with_its_receipt(partner: Partner) -> None:
    hit = await resolved(partner)
    assert hit.untold
    told = await partner.sender.tell(hit)
    assert (told.untold, partner.spool.get(hit.id)) == (False, told)
    receipt = partner.sender.acknowledged(told)
    assert receipt is not None
    assert receipt.received_ms == partner.world.fr.now_ms
    calls = partner.api.calls
    assert await partner.sender.tell(told) == told
    assert partner.api.calls == calls, "once is enough"


async def test_a_lost_reply_is_asked_for_again(partner: Partner) -> None:
    hit = await resolved(partner)
    partner.api.failing = PeerUnreachableError("no connection")
    with pytest.raises(PeerUnreachableError):
        await partner.sender.tell(hit)
    assert partner.spool.get(hit.id).untold
    partner.api.failing = None
    assert (await partner.sender.tell(hit)).acknowledged
    with partner.world.fr.store.read() as unit:
        assert len(unit.hit_outcomes.of(HOSTER, hit.sent.report.report_id)) == 1


async def test_an_unreported_hit_tells_nobody(partner: Partner) -> None:
    hit = partner.sender.resolve(await partner.find("a file"), Action.REMOVED)
    calls = partner.api.calls
    assert await partner.sender.tell(hit) == hit
    assert partner.api.calls == calls
    reported = await partner.report(hit)
    assert reported.untold, "once the agency knows of the hit, it is told"


async def test_a_correction_is_later_also_where_the_clock_was_put_back(partner: Partner) -> None:
    first = await partner.sender.tell(await resolved(partner))
    partner.world.federation.advance(hours=-2)
    second = partner.sender.resolve(first, Action.FALSE_POSITIVE)
    assert second.untold
    assert second.resolved_ms == first.resolved_ms + 1
    assert [(done.action, done.done_ms) for done in second.before] == [(Action.REMOVED, first.resolved_ms)]
    await partner.sender.tell(second)
    assert counts(partner.world) is SentAction.FALSE_POSITIVE


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotFoundError("no"), "the agency does not keep the report any more"),
        (PeerRefusedError("no", status=409), "the agency takes no more corrections of it"),
    ],
)
async def test_what_the_node_does_not_take_is_not_sent_for_ever(
    partner: Partner, error: NodeError, words: str
) -> None:
    hit = await resolved(partner)
    partner.api.failing = error
    kept = await partner.sender.tell(hit)
    assert (kept.not_told, kept.untold, kept.action) == (words, False, Action.REMOVED)
    partner.api.failing = None
    assert partner.sender.resolve(kept, Action.DISABLED).untold, "a correction is told"


def _other_node(receipt: ResolutionReceipt, key: StatementPrivateKey) -> bytes:
    return replace(receipt, node="nl.example").signed(key)


def _other_partner(receipt: ResolutionReceipt, key: StatementPrivateKey) -> bytes:
    return replace(receipt, partner=OTHER).signed(key)


def _other_action(receipt: ResolutionReceipt, key: StatementPrivateKey) -> bytes:
    return replace(receipt, action=SentAction.FALSE_POSITIVE).signed(key)


def _other_key(receipt: ResolutionReceipt, key: StatementPrivateKey) -> bytes:
    del key
    return receipt.signed(StatementPrivateKey.from_seed(b"x" * 32))


@pytest.mark.threat("a false resolution")
@pytest.mark.parametrize("forge", [_other_node, _other_partner, _other_action, _other_key])
async def test_a_receipt_that_is_not_the_nodes_for_this_is_refused(
    partner: Partner, forge: Callable[[ResolutionReceipt, StatementPrivateKey], bytes]
) -> None:
    hit = await resolved(partner)
    told = await partner.sender.tell(hit)
    receipt = partner.sender.acknowledged(told)
    assert receipt is not None
    partner.spool.save(hit)
    partner.api.meddle = lambda _: forge(receipt, partner.world.statement_key)
    with pytest.raises(VerificationError):
        await partner.sender.tell(hit)
    assert partner.spool.get(hit.id).untold


def test_a_hit_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    import json

    from support.spooling import recorded

    spool = HitSpool(tmp_path)
    kept = recorded(spool)
    fields = json.loads(bodies(tmp_path, Kind.HIT)[kept.id])
    for new in ("acknowledged", "not_told", "before", "held", "told"):
        del fields[new]
    replace_body(tmp_path, Kind.HIT, kept.id, json.dumps(fields).encode())
    assert spool.ls() == [kept]
