"""What may become of a file that was found on the list; a module of its own, so that help needs nothing else."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What became of the file."""

    REMOVED = "removed"
    DISABLED = "disabled"
    PRESERVED = "preserved"
    FALSE_POSITIVE = "false-positive"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a file, and when: milliseconds since 1970."""

    action: Action
    done_ms: int
