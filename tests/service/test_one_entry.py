"""A list of one entry finds it: an index that works from two entries on fails where nobody looks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.formats.recipient_list import values_of
from node.hashing.neighbours import near
from protocol.digest import Algorithm, Digest
from support.releases import FILTER, EnrolledPartner, listed, release_both, two_agencies
from support.stores import file_digests


@pytest.fixture
async def partner(tmp_path: Path) -> AsyncIterator[EnrolledPartner]:
    """A partner of an agency whose release lists one MD5 value and nothing else."""
    only = replace(FILTER, algorithms=frozenset({Algorithm.MD5}))
    with two_agencies(tmp_path, subset_filter=only) as (fr, nl):
        release_both(fr, nl, "the only one")
        assert len(listed(fr)) == 1
        made = await fr.admit_partner(tmp_path / "partner")
        await made.update()
        yield made


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
