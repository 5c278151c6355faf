"""The house keeps its shape: what is too large is named, may not grow, and is named anew when it shrinks."""

from support.house import folders, gerunds

MOST = 20
"""Modules of a folder in which a stranger still finds something."""
LARGER: dict[str, int] = {}
"""Folders that are older than the rule."""


def test_no_folder_grows_beyond_what_a_stranger_can_look_through() -> None:
    assert {folder: files for folder, files in folders().items() if files > MOST} == LARGER


def test_no_module_is_named_after_doing_something() -> None:
    assert gerunds() == []
