"""What a person is told to do with a file, in the same words wherever they are said: commands, reports and console."""

from typing import Final

from keys.message import Message

FOUND: Final = (
    "Keep each file where it is or move it out of reach, unopened, as your law asks. Report it. Then remove it and"
    " record that."
)
"""Of files that are on the list."""

UNDO: Final = (
    "The list was wrong, or is not sure any more: undo what was done to the file unless another hit names it, tell"
    " whomever you told, then record what becomes of it."
)
"""Of files whose hit was withdrawn after somebody acted on it."""


def unverified(count: int) -> str:
    """Of reports that the node says have ended, how many statements are not its own for that report; empty for none."""
    if not count:
        return ""
    return Message(
        "withdrawals of reported hits whose signature does not verify: {count} (ask the agency)", count
    )
