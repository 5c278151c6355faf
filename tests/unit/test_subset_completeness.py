"""For which hashes of a file a screen answers."""

from dataclasses import replace

import pytest

from protocol.digest import Algorithm
from protocol.lists.event import BASELINE
from protocol.subset.completeness import is_asked, is_complete
from protocol.subset.filter import EXACT, ScreenRule, SubsetFilter

MD5, SHA1, SHA256, PDQ = Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.PDQ
NEW = SubsetFilter(collections=frozenset({BASELINE}), algorithms=EXACT, screen_bits=12, labels=True)
OLD = replace(NEW, screen_rule=ScreenRule.STRONGEST, algorithms=EXACT | {PDQ})
PICTURES = replace(NEW, algorithms=frozenset({PDQ}))
STRONG = replace(NEW, algorithms=frozenset({SHA1, SHA256}))


@pytest.mark.parametrize("known", [OLD, None], ids=["the old rule", "no filter"])
@pytest.mark.parametrize(
    ("asked", "complete"),
    [
        ({MD5, SHA1, SHA256}, True),
        ({MD5, SHA1, SHA256, PDQ}, True),
        ({PDQ}, True),
        ({MD5}, False),
        ({MD5, SHA1}, False),
        ({SHA256}, False),
        ({MD5, PDQ}, False),
        ({Algorithm.PHOTODNA}, False),
        (set(), True),
    ],
)
def test_the_old_rule_answers_for_all_three(
    known: SubsetFilter | None, asked: set[Algorithm], complete: bool
) -> None:
    assert is_complete(known, asked) is complete


@pytest.mark.parametrize(
    ("subset", "asked", "complete"),
    [
        (NEW, {MD5}, True),
        (NEW, {MD5, SHA1}, True),
        (NEW, {MD5, SHA1, SHA256}, True),
        (NEW, {MD5, PDQ}, True),
        (NEW, {SHA1}, False),
        (NEW, {SHA256}, False),
        (NEW, {SHA1, SHA256}, False),
        (NEW, {MD5, SHA256}, False),
        (NEW, {PDQ}, True),
        (NEW, set(), True),
        (STRONG, {SHA1}, True),
        (STRONG, {MD5, SHA1}, True),
        (STRONG, {SHA256}, False),
        (STRONG, {MD5}, True),
        (PICTURES, {PDQ}, True),
        (PICTURES, {MD5, SHA1, SHA256}, True),
    ],
)
def test_the_new_rule_answers_from_the_weakest_on(
    subset: SubsetFilter, asked: set[Algorithm], complete: bool
) -> None:
    assert is_complete(subset, asked) is complete


@pytest.mark.parametrize(
    ("subset", "asked", "is_one"),
    [
        (NEW, {MD5}, True),
        (NEW, {PDQ}, False),
        (NEW, {PDQ, SHA1}, True),
        (PICTURES, {MD5, SHA1, SHA256}, False),
        (PICTURES, {PDQ}, True),
        (STRONG, {MD5}, False),
        (None, {PDQ}, True),
        (OLD, {PDQ}, True),
    ],
)
def test_hashes_of_other_kinds_ask_a_subset_nothing(
    subset: SubsetFilter | None, asked: set[Algorithm], is_one: bool
) -> None:
    assert is_asked(subset, asked) is is_one
