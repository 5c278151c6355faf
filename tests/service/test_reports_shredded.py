"""A report of a hash that was shredded: its body goes, the receipt stays, and who asks for more is told."""

from pathlib import Path

import pytest

from node.errors import GoneError
from node.services.reporting import taken
from node.services.shredding import prepare, shred
from protocol.opening import Reason
from support.hits import SUBSET, hit_world
from support.lists import digest


async def test_the_body_of_a_report_goes_and_its_receipt_stays(tmp_path: Path) -> None:
    async with hit_world(tmp_path, labels=True) as world:
        world.list_both("a file", "another")
        await world.release()
        receipts = {}
        for name in ("a file", "another"):
            sent = await world.evaluated(name)
            receipts[sent.report.report_id] = await world.hits().report_hit(SUBSET, sent.to_bytes())
        fr = world.fr
        plan = prepare(fr.shelf, fr.origin, digest("a file"))
        shred(fr.shelf, fr.origin, plan.position, reason=Reason.ERROR)
        fr.publish()
        with fr.store.read() as unit:
            kept = {record.report_id: taken(fr.shelf, record) for record in unit.hits.ls()}
        assert {number: each.receipt for number, each in kept.items()} == receipts
        [gone] = [each for each in kept.values() if not each.body]
        with pytest.raises(GoneError):
            gone.report()
        [left] = [each for each in kept.values() if each.body]
        assert left.report().digest == digest("another")
