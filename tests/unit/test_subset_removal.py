"""What a release takes away from an earlier one, applied alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import SubsetError
from protocol.limits import UNWITNESSED_REMOVALS_LEAST
from protocol.subset.deltas.removals import (
    NOTHING_GONE,
    answers_gone,
    joined,
    removal_cap,
    same_answers,
    without_answers,
)
from protocol.subset.files import Held, read_answers, write_answers
from protocol.subset.release import Release, check_answers, verify_release
from protocol.subset.rice import gathered
from support.subsets import EMPTY_MANIFEST, LABEL, make_release, u64, values_root


def release(*answers: int, epoch: int = 1) -> Release:
    """A release of these answers alone."""
    values = u64(*sorted(answers))
    manifest = replace(
        EMPTY_MANIFEST,
        epoch=epoch,
        answers_width=40,
        answers_count=len(values),
        answers_root=values_root(values),
    )
    return verify_release(manifest, screen=u64(), answers=values, labels=None)


def gone(held: Release, offered: Release) -> list[int]:
    return [int(place) for place in answers_gone(held, offered.manifest, offered.answers)]


@pytest.mark.parametrize(
    ("offered", "places"),
    [
        pytest.param((1, 2, 2, 3), [], id="the same"),
        pytest.param((1, 2, 2), [3], id="one less"),
        pytest.param((2, 2, 3, 9), [0], id="one for another"),
        pytest.param((1, 2, 3), [1, 2], id="one of two equal ones"),
        pytest.param((1, 2, 2, 2, 3), [], id="one more equal"),
        pytest.param((), [0, 1, 2, 3], id="nothing left"),
    ],
)
def test_the_places_of_what_is_gone(offered: tuple[int, ...], places: list[int]) -> None:
    assert gone(release(1, 2, 2, 3), release(*offered)) == places


@pytest.mark.parametrize(
    "changes", [{"epoch": 2}, {"answers_width": 41}], ids=["another epoch", "another width"]
)
def test_answers_that_cannot_be_compared(changes: dict[str, int]) -> None:
    held = release(1, 2)
    with pytest.raises(SubsetError, match="epoch or width"):
        answers_gone(held, replace(held.manifest, **changes), held.answers)  # type: ignore[arg-type]


def test_labels_go_with_their_answers() -> None:
    held = make_release(range(5), labels=[LABEL] * 5)
    assert without_answers(held, NOTHING_GONE) is held
    less = without_answers(held, u64(1, 3))
    assert [int(value) for value in less.answers] == [int(held.answers[place]) for place in (0, 2, 4)]
    assert [less.label(place) for place in range(3)] == [held.label(place) for place in (0, 2, 4)]
    assert less.labels is held.labels, "they may be as large as a disk is, and are not copied"
    assert less.manifest is held.manifest
    assert without_answers(release(1, 2), u64(0)).labels is None


def test_places_that_are_not_there() -> None:
    with pytest.raises(SubsetError, match="does not have"):
        without_answers(release(1, 2), u64(2))


def test_what_is_gone_is_found_again_in_the_next_release_by_its_value() -> None:
    held = release(1, 2, 3)
    assert [int(place) for place in same_answers(u64(1), held, release(0, 1, 2, 9))] == [2]
    assert len(same_answers(u64(1), held, release(1, 2, epoch=2))) == 0
    assert [int(place) for place in joined(u64(1, 4), u64(0, 4))] == [0, 1, 4]


def test_a_cap_is_a_share_and_in_small_releases_a_few_files() -> None:
    assert removal_cap(8) == UNWITNESSED_REMOVALS_LEAST == 32
    assert removal_cap(1_000_000) == 250_000


def test_answers_are_read_alone_and_are_those_of_the_manifest() -> None:
    held, new = release(1, 2, 3), release(2, 3, 4)
    for data, since in ((write_answers(new), None), (write_answers(new, since=Held(1, held)), Held(1, held))):
        assert (gathered(read_answers(new.manifest, data, held=since)) == new.answers).all()
    with pytest.raises(SubsetError, match="answers"):
        check_answers(new.manifest, read_answers(new.manifest, write_answers(held), held=None))


@given(st.sets(st.integers(0, 11)))
def test_each_label_stays_with_its_answer(places: set[int]) -> None:
    held = make_release(range(12), labels=[LABEL] * 12)
    less = without_answers(held, u64(*sorted(places)))
    stay = [place for place in range(12) if place not in places]
    assert [less.label(place) for place in range(len(stay))] == [held.label(place) for place in stay]


@given(before=st.lists(st.integers(0, 20)), after=st.lists(st.integers(0, 20)))
def test_what_stays_is_in_both(before: list[int], after: list[int]) -> None:
    held, offered = release(*before), release(*after)
    places = answers_gone(held, offered.manifest, offered.answers)
    left = [int(value) for value in without_answers(held, places).answers]
    assert all(left.count(value) <= min(before.count(value), after.count(value)) for value in left)
    assert set(left) == {value for value in before if after.count(value) >= before.count(value)}
