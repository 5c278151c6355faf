"""What is done about hits after each update of a partner: what waits to be told is told, what is kept long enough goes.

Nothing of it changes how the update ended, or keeps it from being told: what does not work now is tried with the next.
"""

from dataclasses import dataclass

from keys.errors import KeysError
from node.errors import NodeError
from node.runtime.home import Home
from node.runtime.partner_hits import tell_waiting
from node.runtime.partner_retention import purge_hits
from protocol.errors import ProtocolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was done."""

    told: int = 0
    """Reported hits of which the agency was told what became of the file."""
    purged: int = 0
    """Hits that were finished long ago."""
    problem: str = ""
    """Why not all of it was done, in words."""


async def settle_hits(home: Home) -> Settled:
    """Tell and purge; never raises for what an update does not depend on."""
    told = purged = 0
    problem = ""
    try:
        done = await tell_waiting(home)
        told = len(done.hits)
        if done.stopped is not None:
            problem = f"the agency was not told what became of every reported hit: {done.stopped}"
        purged = purge_hits(home)
    except (NodeError, KeysError, ProtocolError, OSError) as exc:
        problem = f"hits were not looked after: {exc}"
    return Settled(told=told, purged=purged, problem=problem)
