"""What a partner's folder tells offline about candidates, in a federation whose agencies list by different hashes.

4 000 candidates; 200 000 with `HYPOTHESIS_PROFILE=thorough`. Measured are the odds that any sight of a file gives,
and the lower bound of what was measured must not pass what the release says of itself.
"""

from pathlib import Path

import numpy as np
import pytest

from protocol.digest import Algorithm
from protocol.subset.filter import EXACT
from support.icse_world import (
    CANDIDATES,
    KINDS,
    PICTURES,
    hash_of,
    lists,
    lower_odds,
    partner_with,
    passes,
    release_of,
)
from support.selected import budget
from support.sizes import THOROUGH

BUDGETS = pytest.mark.parametrize("bits", [8, 12])
QUORUMS = pytest.mark.parametrize("k", [2, 3])


def _at_least(bits: int) -> float:
    """So much a pass must show, or nothing was measured: few candidates show few odds."""
    return min(float(2**bits), CANDIDATES / 14) / 8


@pytest.mark.threat("offline inference")
@BUDGETS
@QUORUMS
def test_agencies_that_list_by_different_hashes_tell_no_more_than_the_worst_case(
    k: int, bits: int, tmp_path: Path
) -> None:
    release, selection = release_of(lists(k), bits)
    measured = lower_odds(passes(partner_with(tmp_path, release), KINDS))
    assert release.filter is not None
    assert _at_least(bits) < measured <= release.filter.odds(budget(selection)[0])


@BUDGETS
@QUORUMS
def test_whole_rows_tell_one_value_a_file(k: int, bits: int, tmp_path: Path) -> None:
    release, selection = release_of(lists(k, whole=True), bits)
    assert budget(selection) == (1, 0, 0)
    measured = lower_odds(passes(partner_with(tmp_path, release), KINDS))
    assert release.filter is not None
    assert _at_least(bits) < measured <= release.filter.odds()


@BUDGETS
def test_pictures_tell_their_own_budget_and_both_subsets_the_product(bits: int, tmp_path: Path) -> None:
    made = lists(2, whole=True)
    exact, pictures = (release_of(made, bits, kinds=kinds)[0] for kinds in (EXACT, PICTURES))
    of_hashes = passes(partner_with(tmp_path / "exact", exact), (*KINDS, Algorithm.PDQ))
    of_pictures = passes(partner_with(tmp_path / "pdq", pictures), (Algorithm.PDQ,))
    assert exact.filter is not None
    assert pictures.filter is not None
    alone, both = lower_odds(of_pictures), lower_odds(np.hstack([of_hashes, of_pictures]))
    assert lower_odds(of_hashes) <= exact.filter.odds()
    assert _at_least(bits) < alone <= pictures.filter.odds()
    assert both <= dict(exact.filter.together([("pictures", pictures.filter)]))["pictures"]


@pytest.mark.parametrize("bits", [8, 12] if THOROUGH else [5])
def test_a_second_value_a_file_would_be_noticed(bits: int, tmp_path: Path) -> None:
    """As before rule 2, when a picture was screened by its hash and by its PDQ value."""
    made = lists(2, whole=True)
    two = frozenset(hash_of(number, kind) for number in range(CANDIDATES // 2) for kind in KINDS[1:])
    release, _ = release_of(made, bits, screened=two)
    assert release.filter is not None
    assert lower_odds(passes(partner_with(tmp_path, release), KINDS)) > release.filter.odds()
