"""A list that ended goes on in another: what everybody makes of the two."""

import os
from pathlib import Path

import pytest

from keys.key import LogPrivateKey
from keys.trust.node_parts import FinalCheckpoint, LogStatus
from node.errors import AlreadyExistsError, UsageError
from node.formats.rows import ImportRow
from node.judgement.reaffirm import reaffirm
from node.lists.continuation import (
    announce_continuation,
    has_fork,
    predecessor_of,
    require_open,
    start_continuation,
)
from node.lists.corrections.dispute import dispute
from node.lists.imports.intake import Statement, import_rows
from node.lists.publish import publish
from node.signing.log_signer import FolderLogSigner
from node.store.peers.records import EvidenceKind, EvidenceRecord
from node.trust.announce import log_info
from node.trust.own import window
from protocol.digest import Algorithm, Digest
from protocol.errors import ProtocolError
from protocol.judgement.voices import Discount
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis, Predecessor
from support.federation import Agency, Federation
from support.lists import digest

OWN = Statement(basis=Basis.OWN, criteria=1)
NEW = "fr.example/lists/second"
FILES = ("one", "two", "three")
DISPUTED = digest("disputed", Algorithm.SHA256)


class Second:
    """The second list of an agency: it has a key and a signer's state of its own."""

    def __init__(self, agency: Agency, folder: Path) -> None:
        self.agency = agency
        key = LogPrivateKey.from_seed(os.urandom(32))
        self.signer = FolderLogSigner(folder / "second", lambda _: [key])
        self.old = agency.log()
        start_continuation(agency.store, agency.name, "second", old=self.old)
        info = log_info(f"https://{agency.name}/", NEW, key.public, valid=window(agency.clock.now(), 180))
        announce_continuation(agency.trust, info, old=self.old, signers=agency.signers)

    def add(self, *names: str) -> None:
        rows = [
            ImportRow(at, (digest(name, Algorithm.SHA256),), BASELINE, {}, "")
            for at, name in enumerate(names, 2)
        ]
        import_rows(self.agency.store, NEW, rows, statement=OWN, now_ms=self.agency.now_ms)

    def publish(self) -> None:
        publish(self.agency.store, NEW, signer=self.signer, now_ms=self.agency.now_ms)


def named(*names: str) -> set[Digest]:
    return {digest(name, Algorithm.SHA256) for name in names}


async def trio(federation: Federation) -> tuple[Agency, Agency, Agency]:
    """France and Germany list the same files, so does the Netherlands one of them, which France disputes."""
    de, fr, nl = federation.peers("de", "fr", "nl")
    for one in (de, fr):
        one.add(*FILES)
    for one in (de, nl):
        one.add("disputed")
    dispute(fr.store, fr.origin, [DISPUTED], collection=BASELINE)
    for one in (de, fr, nl):
        one.publish()
    await federation.settle()
    return de, fr, nl


async def test_old_adds_stop_counting_everywhere_and_old_blocks_stay(
    federation: Federation, tmp_path: Path
) -> None:
    de, fr, nl = await trio(federation)
    assert all(one.effective() == named(*FILES) for one in (de, fr, nl))
    second = Second(fr, tmp_path)
    federation.advance(hours=1)
    second.publish()
    await federation.settle()
    for one in (de, fr, nl):
        assert one.effective() == set()
        told = one.judged().decision.explain(BASELINE, digest("one", Algorithm.SHA256))
        assert any(getattr(each, "reason", None) is Discount.CONTINUED for each in told)
        (block,) = one.judged().decision.blocks
        assert block.refs[0].origin == fr.origin
    (listing,) = [held.listing for held in nl.judged().listings if held.listing.origin == NEW]
    assert listing.continues == Predecessor(fr.origin, second.old.head.size, second.old.head.root)

    second.add("one", "two")
    second.publish()
    await federation.settle()
    assert all(one.effective() == named("one", "two") for one in (de, fr, nl))


async def test_the_owner_takes_an_old_block_back_by_an_entry_of_the_new_list(
    federation: Federation, tmp_path: Path
) -> None:
    de, fr, nl = await trio(federation)
    second = Second(fr, tmp_path)
    federation.advance(hours=1)
    blocks = {DISPUTED: [ref for block in fr.judged().decision.blocks for ref in block.refs]}
    said = {"statement": OWN, "collection": BASELINE, "now_ms": fr.now_ms}
    with pytest.raises(UsageError, match="no member overrules its own block"):
        reaffirm(fr.store, NEW, blocks, **said)  # type: ignore[arg-type]
    predecessor = predecessor_of(fr.trust.document(), NEW)
    assert predecessor == fr.origin
    reaffirm(fr.store, NEW, blocks, continues=predecessor, **said)  # type: ignore[arg-type]
    second.publish()
    await federation.settle()
    assert all(DISPUTED in one.effective() for one in (de, fr, nl))


async def test_what_is_signed_of_the_old_log_afterwards_is_refused(
    federation: Federation, tmp_path: Path
) -> None:
    """Whoever still has the old key goes on with the old log: the node document closed it."""
    _, fr, nl = await trio(federation)
    second = Second(fr, tmp_path)
    federation.advance(hours=1)
    second.publish()
    info = next(log for log in fr.trust.document().logs if log.origin == fr.origin)
    head = second.old.head
    assert (info.status, info.final_checkpoint) == (LogStatus.CLOSED, FinalCheckpoint(head.size, head.root))
    with pytest.raises(UsageError, match="goes on in"):
        require_open(fr.trust.document(), fr.origin)
    fr.publish("of the thief")
    report = await federation.sync(nl, fr)
    failed = {one.origin: one for one in report.lists if one.error is not None}
    assert list(failed) == [fr.origin]
    assert isinstance(failed[fr.origin].error, ProtocolError)
    assert nl.log(fr.origin).head == head
    assert nl.log(NEW).head.size == 1


async def test_starting_it_twice_starts_one(federation: Federation, tmp_path: Path) -> None:
    _, fr, _ = await trio(federation)
    second = Second(fr, tmp_path)
    federation.advance(hours=1)
    with pytest.raises(AlreadyExistsError):
        start_continuation(fr.store, fr.name, "second", old=second.old)
    second.publish()
    assert fr.log(NEW).head.size == 1


async def test_nothing_can_come_before_the_event_that_says_so(federation: Federation, tmp_path: Path) -> None:
    """The list and its first event are made in one transaction."""
    _, fr, _ = await trio(federation)
    started = start_continuation(fr.store, fr.name, "second", old=fr.log())
    assert started.tail == 1


@pytest.mark.parametrize("kind", EvidenceKind, ids=str)
def test_only_a_proof_of_two_histories_lets_a_list_end(federation: Federation, kind: EvidenceKind) -> None:
    fr = federation.agency("fr.example", "FR")
    record = EvidenceRecord(
        sha256="00", kind=kind, subject=fr.origin, pair="a b", source="nl.example", created_ms=1
    )
    with fr.store.write() as unit:
        unit.evidence.add(record)
    assert has_fork(fr.store, fr.origin) == kind.convicts
    assert not has_fork(fr.store, NEW)
