"""Who was turned away, and who took a file: what a console records that no act does (`node.acts.perform`)."""

from collections import Counter
from threading import Lock
from typing import Final

from aiohttp import web

from node.console.parts import Download, File
from node.console.world import World
from node.errors import ForbiddenError, NodeError, NotFoundError, StoreError, UnauthenticatedError
from node.identity.audit import tell

_BY: Final = {"by": "console"}
_SIGN_IN: Final = "console.sign-in"
_REFUSED: Final = "refused"
_REFUSALS: Final = (UnauthenticatedError, ForbiddenError, NotFoundError)
_PAUSE_MS: Final = 15 * 60 * 1000


def turned_away(world: World, error: NodeError, *, by: str) -> None:
    """Record that whoever `world` acts as, who is in, did not prove it again; not what was shown, or is wrong with it.

    What failed for another reason is no refusal.
    """
    if isinstance(error, _REFUSALS):
        tell(world.identity, world.store, _SIGN_IN, outcome=_REFUSED, details={"by": by})


class Strangers:
    """Those who were not let in, recorded together: a signed record each would let anybody fill the audit log."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        """By what they tried, those that no record counts yet."""
        self._tried_ms: dict[str, int] = {}

    def turned_away(self, world: World, error: NodeError, *, by: str) -> None:
        """Count one; of each `by` the first in a quarter of an hour is recorded, with how many no record counts yet."""
        if not isinstance(error, _REFUSALS):
            return
        now_ms = world.now_ms
        with self._lock:
            self._counts[by] += 1
            if by in self._tried_ms and 0 <= now_ms - self._tried_ms[by] < _PAUSE_MS:
                return
            self._tried_ms[by] = now_ms
            count = self._counts.pop(by)
        recorded = False
        try:
            details = {"by": by, "count": str(count)}
            recorded = tell(world.identity, world.store, _SIGN_IN, outcome=_REFUSED, details=details)
        finally:
            if not recorded:
                with self._lock:
                    self._counts[by] += count


STRANGERS: Final = web.AppKey("strangers", Strangers)


def taken(world: World, row: Download, file: File) -> None:
    """Record that somebody takes a file away; raises `StoreError` when that fails, so it is not handed over."""
    if not tell(world.identity, world.store, row.record, file.name, details=_BY):
        raise StoreError("this cannot be recorded now, so it is not handed over")
