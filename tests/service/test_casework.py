"""Finding what people at the agency type an id of."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.errors import NotFoundError, UsageError
from node.partners.hits.cases import get_case, get_hit
from node.store.hits.records import HitRecord
from protocol.statement.case import PartnerDispute
from support.hits import HOSTER, OTHER, SUBSET, HitWorld, hit_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, listed=["a file"]) as made:
        yield made


@pytest.fixture
async def record(world: HitWorld) -> HitRecord:
    """A report that two partners made under one id, and both dispute."""
    sent = await world.reported("a file")
    with world.fr.store.write() as unit:
        found = unit.hits.find(HOSTER, sent.report.report_id)
        assert found is not None
        unit.hits.add(replace(found, partner=OTHER), unit.hits.sealed(found))
    dispute = PartnerDispute(report_id=found.report_id, reason="ours", contact="")
    for partner in (HOSTER, OTHER):
        world.casework.open(partner, SUBSET, dispute)
    return found


async def test_one_id_of_two_partners_is_told_apart(world: HitWorld, record: HitRecord) -> None:
    store, digits = world.fr.store, record.report_id.hex()
    for find in (get_hit, get_case):
        with pytest.raises(UsageError, match="2 ids begin with that"):
            find(store, digits)
        for partner in (HOSTER, OTHER):
            assert find(store, f"{partner}/{digits[:8]}").partner == partner
        with pytest.raises(NotFoundError):
            find(store, f"nobody/{digits}")
        with pytest.raises(UsageError, match="4 or more"):
            find(store, f"{HOSTER}/{digits[:3]}")
