"""Subsets and releases of earlier versions: PDQ values beside exact hashes, screened by the old rule, without a filter.

What such a home releases next is by the new rule; what such a node serves is read as what it is.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from node.errors import NotFoundError
from node.store.store import Store
from node.subsets.catalogue import report_subset, report_subsets
from protocol.api import SubsetApi
from protocol.digest import Algorithm, Digest
from protocol.messages import ReleasePart
from protocol.subset.filter import EXACT, ScreenRule, SubsetFilter
from protocol.subset.manifest import ReleaseKind
from protocol.subset.spliced_octets import Laid
from support.releases import FILTER, SUBSET, ReleasingAgency, folder, listed, release_rows
from support.stores import Agency, file_digests, row, sha256_digest

OLD = replace(FILTER, screen_rule=ScreenRule.STRONGEST, algorithms=EXACT | {Algorithm.PDQ})
FULL = (*file_digests("full"), sha256_digest("full"))
PICTURE = Digest(Algorithm.PDQ, sha256_digest("picture").value)


@pytest.fixture
def fr(store: Store, tmp_path: Path) -> Iterator[ReleasingAgency]:
    agency = ReleasingAgency(store, tmp_path / "fr", subset_filter=OLD)
    yield agency
    agency.evaluator.close()


def release_as_before(fr: ReleasingAgency, other: Agency, *rows: tuple[Digest, ...]) -> None:
    """A release by the filter as it is, as an earlier version made it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SubsetFilter, "renewed", lambda same: same)
        release_rows(fr, other, [row(f"row {number}", digests=each) for number, each in enumerate(rows)])
    filter_file = f"{folder(fr).prefix}{ReleasePart.FILTER}"
    fr.store.objects.delete(filter_file)


def test_pdq_values_leave_with_the_next_release_and_are_named_before(
    fr: ReleasingAgency, other: Agency
) -> None:
    assert report_subset(fr.store, SUBSET).leaving == 0, "nothing is released yet"
    release_as_before(fr, other, FULL, (PICTURE,))
    assert listed(fr) == {*FULL, PICTURE}
    (named,) = report_subsets(fr.store)
    assert named.leaving == 1
    report = fr.release()
    assert (report.published, report.added, report.removed) == (True, 0, 1)
    assert (report.kind, report.told.rule) == (ReleaseKind.ORDINARY, ScreenRule.WEAKEST)
    assert listed(fr) == {*FULL}
    after = report_subset(fr.store, SUBSET)
    assert (after.subset.filter, after.leaving) == (OLD.renewed(), 0)
    assert not fr.release().published, "once is enough"


async def test_a_release_without_a_filter_is_read_as_one_by_the_old_rule(
    fr: ReleasingAgency, other: Agency, tmp_path: Path
) -> None:
    release_as_before(fr, other, FULL, (PICTURE,))
    partner = await fr.admit_partner(tmp_path / "partner")
    assert (await partner.update()).made_by is None
    for each in (*FULL, PICTURE):
        assert await partner.hit([each]) is not None
    lone = file_digests("a holiday")[:1]
    assert partner.examiner().survivors([lone]) == [0], "of a lone MD5 the screen says nothing"

    fr.release()
    report = await partner.update()
    assert report.made_by == OLD.renewed()
    assert partner.examiner().survivors([lone]) == []
    assert await partner.hit([PICTURE]) is None


class NoFilters:
    """The API of a node that knows no filter file."""

    def __init__(self, api: SubsetApi) -> None:
        self._api = api

    def __getattr__(self, name: str) -> object:
        return getattr(self._api, name)

    async def release_part(self, subset: str, *, part: ReleasePart, **options: object) -> Laid:
        if part is ReleasePart.FILTER:
            raise NotFoundError("There is no such thing here")
        return await self._api.release_part(subset, part=part, **options)  # type: ignore[arg-type]


async def test_a_filter_that_comes_later_is_taken_with_the_next_release(
    fr: ReleasingAgency, other: Agency, tmp_path: Path
) -> None:
    """A partner's program, or the node's, is replaced in between."""
    release_rows(fr, other, [row("one", digests=FULL)])
    partner = await fr.admit_partner(tmp_path / "partner")
    honest = partner.api
    partner.api = cast("SubsetApi", NoFilters(honest))
    assert (await partner.update()).made_by is None
    assert await partner.hit([FULL[2]]) is not None
    partner.api = honest
    release_rows(fr, other, [row("two")])
    assert (await partner.update()).made_by == OLD.renewed()
    assert (await partner.update()).made_by == OLD.renewed(), "what is held says so, too"


@pytest.mark.parametrize(
    ("rows", "values", "beside", "apart"),
    [
        pytest.param([FULL], 1, 0, 0, id="one row"),
        pytest.param([FULL[:2], FULL[2:]], 2, 0, 1, id="sha256 in a row of its own"),
        pytest.param([(each,) for each in FULL], 3, 0, 2, id="each in a row of its own"),
    ],
)
def test_a_release_says_what_its_screen_tells(
    fr: ReleasingAgency, other: Agency, rows: list[tuple[Digest, ...]], values: int, beside: int, apart: int
) -> None:
    release_rows(fr, other, [row(f"row {number}", digests=each) for number, each in enumerate(rows)])
    told = fr.release().told
    assert (told.odds, told.worst_odds) == (2**13, 2 ** (13 * values))
    assert (told.doubled, told.apart, told.contradicted) == (beside, apart, ())
