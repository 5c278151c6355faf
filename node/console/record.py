"""Every action of the console is in the audit log, under the name that the command of the same effect has there.

As for commands (`node.cli.record`): who acted, which fields were filled in (those that the action names, never a
hash or a secret), and how it ended. What cannot be undone is not begun when it could not be recorded.
"""

from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import Final

from aiohttp import web

from node.console.partly import PartlyDoneError
from node.console.parts import Action, Done, Download, File, Values
from node.console.world import World
from node.errors import ForbiddenError, NodeError, NotFoundError, StoreError, UnauthenticatedError
from node.identity.audit import about, require_ready, tell

_BY: Final = {"by": "console"}
_PARTLY: Final = "partly"
_SIGN_IN: Final = "console.sign-in"
_REFUSED: Final = "refused"
_REFUSALS: Final = (UnauthenticatedError, ForbiddenError, NotFoundError)
_PAUSE_MS: Final = 15 * 60 * 1000


def recorded(world: World, action: Action, form: Values, work: Callable[[], Done]) -> Done:
    """Do it, and record it once it is done; what failed leaves no record, unless a part of it was done."""
    if not action.record or action.performs is not None:
        return work()
    identity, store = world.identity, world.store
    details = {name: form.text(name) for name in action.told if form.text(name)}
    subject = next(iter(details.values()), "")
    if action.strict:
        require_ready(identity, store)
    with about(identity, action.record, subject, strict=action.strict) as note:
        done = _done(work)
        outcome = _PARTLY if isinstance(done, PartlyDoneError) else done.outcome
        told = {**_BY, **details, **done.facts}
        note.recorded = tell(identity, store, action.record, subject, outcome=outcome, details=told)
    if isinstance(done, PartlyDoneError):
        raise done.cause
    return done


def _done(work: Callable[[], Done]) -> Done | PartlyDoneError:
    try:
        return work()
    except PartlyDoneError as exc:
        return exc


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
