"""A report of a hash that was shredded: its body goes, the receipt stays, and who asks for more is told."""

from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import GoneError
from node.lists.corrections.erase import carry_out_everywhere
from node.objects.logfiles import LogFiles
from node.objects.taken_reports import taken
from protocol.statement.end import FROM_THE_FIRST, EndedReports
from support.hits import SUBSET, HitWorld, hit_world, kept_reports, named, shred_file
from support.lists import digest
from support.releases import listed_of


async def test_the_body_of_a_report_goes_and_its_receipt_stays(tmp_path: Path) -> None:
    async with hit_world(tmp_path, listed=["a file", "another"]) as world:
        receipts = {}
        for name in ("a file", "another"):
            sent = await world.evaluated(name)
            receipts[sent.report.report_id] = await world.hits().report_hit(SUBSET, sent.to_bytes())
        fr = world.fr
        shred_file(fr, "a file")
        kept = {record.report_id: taken(fr.store, record) for record in kept_reports(fr.store)}
        assert {number: each.receipt for number, each in kept.items()} == receipts
        [gone] = [each for each in kept.values() if not each.body]
        with pytest.raises(GoneError):
            gone.report()
        [left] = [each for each in kept.values() if each.body]
        assert left.report().digest == digest("another")


def is_reported(world: HitWorld) -> bool:
    [record] = kept_reports(world.fr.store)
    return bool(taken(world.fr.store, record).body)


def is_listed(world: HitWorld) -> bool:
    return named("a file") in listed_of(world.fr.store)


async def test_a_peer_alone_deletes_no_report_of_what_others_list(tmp_path: Path) -> None:
    """Else one liar, who lists what others list and shreds it, empties everybody's reports."""
    async with hit_world(tmp_path, listed=["a file"]) as world:
        await world.reported("a file")
        shred_file(world.nl, "a file")
        await world.federation.settle()
        world.federation.clock.advance(timedelta(hours=1))
        carry_out_everywhere(world.fr.store, now_ms=world.fr.now_ms)
        assert is_reported(world)
        assert is_listed(world)
        world.fr.withdraw("a file")
        world.fr.publish()
        carry_out_everywhere(world.fr.store, now_ms=world.fr.now_ms)
        assert not is_reported(world), "now nobody lists it, and one agency shredded it"
        await world.release()
        assert not is_listed(world)


async def test_a_report_that_comes_after_the_shredding_is_kept_without_its_body(tmp_path: Path) -> None:
    """A partner's release lists what was shredded for days; its report must not bring the digest back."""
    async with hit_world(tmp_path, listed=["a file"]) as world:
        sent = await world.evaluated("a file")
        shred_file(world.fr, "a file")
        receipt = await world.hits().report_hit(SUBSET, sent.to_bytes())
        assert not is_reported(world)
        assert await world.hits().report_hit(SUBSET, sent.to_bytes()) == receipt
        told = EndedReports.from_bytes(await world.hits().ended_reports(SUBSET, FROM_THE_FIRST.hex())).ended
        assert [one.report_id for one in told] == [sent.report.report_id], "nobody may list it again"


async def test_a_report_of_what_a_peer_alone_shredded_is_kept_while_others_list_it(tmp_path: Path) -> None:
    async with hit_world(tmp_path, listed=["a file"]) as world:
        sent, later = await world.evaluated("a file"), await world.evaluated("a file")
        shred_file(world.nl, "a file")
        await world.federation.settle()
        await world.hits().report_hit(SUBSET, sent.to_bytes())
        assert is_reported(world)
        world.fr.withdraw("a file")
        await world.hits().report_hit(SUBSET, later.to_bytes())
        kept = {record.report_id: taken(world.fr.store, record) for record in kept_reports(world.fr.store)}
        assert not kept[later.report.report_id].body, "nobody lists it any more"


async def test_a_report_of_what_a_peer_shredded_is_taken_while_another_list_is_damaged(
    tmp_path: Path,
) -> None:
    """The index tells who lists it, and the release what the report needs."""
    async with hit_world(tmp_path, listed=["a file"]) as world:
        sent = await world.evaluated("a file")
        shred_file(world.nl, "a file")
        await world.federation.settle()
        files = LogFiles(world.fr.store.objects, world.fr.store.vault, world.fr.origin)
        for name in list(world.fr.store.objects.ls(files.name("openings", ""))):
            world.fr.store.objects.put(name, b"\1" * 99)
        await world.hits().report_hit(SUBSET, sent.to_bytes())
        assert is_reported(world)
