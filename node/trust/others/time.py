"""The time as other nodes dated what they signed: what a clock that is ahead, or was set ahead, is noticed by."""

from typing import Final

from node.clock import DAY_MS
from node.errors import BeyondLimitsError
from node.store.lists.records import LogKind
from node.store.unit import Unit

MAX_SILENCE_MS: Final = 30 * DAY_MS
"""So long after the newest time that another node signed, this node does not believe its own clock."""


def require_plausible(unit: Unit, now_ms: int) -> None:
    """Refuse to date events a month after anything that another node has dated and signed.

    What is dated ahead stops the list at every follower until that day, but for withdrawals and disputes, and cannot be
    taken back. A node that knows no other's time is not refused.

    Raises:
        BeyondLimitsError: this clock is that far ahead, or everybody was away for as long.
    """
    newest_ms = newest_time_ms(unit)
    if newest_ms and now_ms - newest_ms > MAX_SILENCE_MS:
        days = (now_ms - newest_ms) // DAY_MS
        raise BeyondLimitsError(
            "this machine's clock is {days} days after the newest time that any other node has signed",
            days,
            hint="is the clock right? Events dated ahead stop the list for everybody until that day. If it is:"
            " sigfed publish --beyond-limits",
        )


def newest_time_ms(unit: Unit) -> int:
    """The newest time that another node has dated and signed of a list or its head; 0 where none has."""
    own, peers = unit.logs.ls(LogKind.OWN_LIST), unit.logs.ls(LogKind.PEER_LIST)
    times_ms = [
        *(log.head.time_ms for log in peers),
        *(each.time_ms for log in own for each in unit.acknowledgements.ls(log.id)),
        *(each.cosigned_s * 1000 for each in unit.cosigners.ls()),
    ]
    return max(times_ms, default=0)
