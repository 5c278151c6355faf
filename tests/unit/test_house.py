"""The house keeps its shape: what is too large is named, may not grow, and is named anew when it shrinks."""

from collections.abc import Mapping

from support.house import SUBJECTS, folders, places, private_words, unnamed

MOST = 20
"""Modules of a folder in which a stranger still finds something."""
LARGER: dict[str, int] = {}
"""Folders that are older than the rule."""
SEVERAL: Mapping[str, Mapping[str, int]] = {
    "hit": {
        "node/cli/partners": 2,  # the noun, and its lines that other commands print
        "node/console/hoster/pages": 2,  # a page of one, and a page of all
        "node/console/pages/partners": 2,
    },
    "proposal": {"protocol/statement": 3},  # each a signed form of its own
    "witness": {"node/identity": 2},  # one's own, and the policy of members' witnesses
}
"""Folders in which a subject has more than one module."""


def test_no_folder_grows_beyond_what_a_stranger_can_look_through() -> None:
    assert {folder: files for folder, files in folders().items() if files > MOST} == LARGER


def test_no_module_is_named_after_doing_something() -> None:
    assert unnamed() == []


def test_nothing_is_named_in_words_that_only_its_author_knows() -> None:
    assert private_words() == []


def test_a_subject_has_one_module_in_a_folder() -> None:
    several = {each: {at: count for at, count in places(each).items() if count > 1} for each in SUBJECTS}
    assert {subject: found for subject, found in several.items() if found} == SEVERAL
