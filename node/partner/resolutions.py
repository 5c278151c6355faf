"""What may become of a file that was found on the list; a word of its own, so that help needs nothing else."""

from enum import StrEnum


class Action(StrEnum):
    """What became of the file."""

    REMOVED = "removed"
    DISABLED = "disabled"
    PRESERVED = "preserved"
    FALSE_POSITIVE = "false-positive"
