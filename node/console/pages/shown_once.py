"""What is shown to one session once and is nowhere kept in the clear: an invitation, on the page after the form.

It is in memory alone, and gone when it was shown, when a newer one takes its place, or when the node stops.
"""

from collections import OrderedDict
from typing import Final

_MOST: Final = 256
_kept: Final[OrderedDict[str, object]] = OrderedDict()
"""By what forms of the session hold."""


def keep(session: str, value: object) -> None:
    """Show it on the session's next page that takes it."""
    _kept[session] = value
    _kept.move_to_end(session)
    while len(_kept) > _MOST:
        _kept.popitem(last=False)


def take(session: str) -> object | None:
    """What was kept for the session, once."""
    return _kept.pop(session, None)
