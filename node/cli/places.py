"""Events as people name them: ORIGIN:INDEX."""

from typing import TypeAlias

from node.errors import UsageError

Place: TypeAlias = tuple[str, int]
"""Origin of a list, and index of one of its events."""


def place_of(text: str) -> Place:
    """The event that a text names; raises `UsageError`."""
    origin, colon, index = text.rpartition(":")
    if not colon or origin.count("/") != 2 or not (index.isascii() and index.isdecimal() and len(index) < 16):
        raise UsageError(
            "an entry is named by its list and index", hint="for example: nl.example/lists/national:12"
        )
    return origin, int(index)
