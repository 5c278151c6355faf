"""The table of faults follows the product: each could still be made, and the tests that must notice it are there."""

import re
from pathlib import Path

import pytest

from support.mutations import MUTATIONS, REPOSITORY, Mutation

SUBJECTS = {
    "verdicts",
    "quorum",
    "signatures",
    "budgets",
    "roles",
    "windows",
    "two persons",
    "rotation",
    "blinding",
    "cover",
    "put back",
    "deltas",
}


def test_every_subject_has_three() -> None:
    subjects = [mutation.subject for mutation in MUTATIONS]
    assert {subject for subject in SUBJECTS if subjects.count(subject) > 2} == SUBJECTS == set(subjects)
    assert len(set(MUTATIONS)) == len(MUTATIONS)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: f"{one.module}: {one.after}")
def test_a_fault_can_be_made_and_somebody_looks(mutation: Mutation) -> None:
    assert (REPOSITORY / mutation.path).read_text(encoding="utf-8").count(mutation.before) == 1
    assert mutation.after != mutation.before
    assert mutation.killers
    for test in mutation.killers:
        file, *_, name = test.split("::")
        text = Path(REPOSITORY, file).read_text(encoding="utf-8")
        assert re.search(rf"def {name}\(", text), test
        marks = text[: text.index(f"def {name}(")].rpartition("\n\n")[2]
        assert "mark.slow" not in marks, f"{test} is left out of the plain command"
        assert "pytestmark = pytest.mark.slow" not in text, f"{file} is left out of the plain command"
