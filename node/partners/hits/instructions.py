"""What people at the agency are told to do, in the same words wherever they are said."""

from typing import Final

UNDO_REPORT: Final = (
    "The partner is told at its next update. Undo what was begun because of this report, tell whomever you passed it on"
    " to, then close it."
)
"""Of a report that no release bears out any more."""
