"""A list of one entry finds it: an index that works from two entries on fails where nobody looks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.formats.recipient_list import values_of
from node.hashing.near import near
from protocol.digest import Algorithm, Digest
from support.releases import FILTER, EnrolledPartner, ReleasingAgency, listed, release_both
from support.stores import Agency, file_digests, make_store, sqlite_dsn


@pytest.fixture
async def partner(tmp_path: Path) -> AsyncIterator[EnrolledPartner]:
    """A partner of an agency whose release lists one MD5 value and nothing else."""
    folders = [tmp_path / name for name in ("fr", "nl")]
    for folder in folders:
        folder.mkdir()
    stores = [make_store(sqlite_dsn(folder), folder) for folder in folders]
    only = replace(FILTER, algorithms=frozenset({Algorithm.MD5}))
    fr = ReleasingAgency(stores[0], folders[0], subset_filter=only)
    release_both(fr, Agency(stores[1], folders[1], node="nl.example"), "the only one")
    assert len(listed(fr)) == 1
    made = await fr.admit_partner(tmp_path / "partner")
    await made.update()
    yield made
    fr.evaluator.close()
    for store in stores:
        store.dispose()


@pytest.mark.threat("a list of one entry")
async def test_a_release_of_one_entry_finds_it_and_nothing_else(partner: EnrolledPartner) -> None:
    assert await partner.hit(list(file_digests("the only one"))) is not None
    assert await partner.hit(list(file_digests("another"))) is None


@pytest.mark.threat("a list of one entry")
def test_a_recipients_list_of_one_picture_finds_it() -> None:
    one = values_of([Digest(Algorithm.PDQ, b"\x5a" * 32)])
    other = values_of([Digest(Algorithm.PDQ, b"\xa5" * 32)])
    assert [(found.listed, found.distance) for found in near(one, one)] == [(0, 0)]
    assert list(near(one, other)) == []
