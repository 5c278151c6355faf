"""What `sigfed doctor` found last, kept: it reads files and the whole index, too much for each time somebody looks.

Who looks at what was kept is told how old it is, and can have it examined anew. Threads share one examination.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Final

from node.app.health.checks import examine
from node.audit.reader import read_audit_backwards
from node.clock import Clock
from node.errors import NotFoundError
from node.health import Check
from node.identity.identity import Identity
from node.store.store import Store
from protocol.audit import AuditRecord

KEPT: Final = timedelta(minutes=10)
"""Older findings are not shown; the node is examined instead."""
_LOOKED_AT: Final = 20_000
"""Newest records among which a backup is looked for: of more than a month where much is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The node as it was at one moment."""

    checks: Sequence[Check]
    backup: AuditRecord | None
    """The newest that was made, of those that the audit log remembers."""


Look = Callable[[], Findings]


class Checkup:
    """Keeps what a look at one node found, and when."""

    def __init__(self, look: Look, clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._looking = Lock()
        self._held: tuple[Findings, datetime] | None = None

    def latest(self) -> tuple[Findings, datetime]:
        """What was found last and when, or what is found now where that is too old."""
        with self._looking:
            # Of a moment that is still to come the clock was wrong: nobody knows how old that is.
            if self._held is None or not timedelta() <= self._clock.now() - self._held[1] <= KEPT:
                return self._found()
            return self._held

    def now(self) -> tuple[Findings, datetime]:
        """What is found now."""
        with self._looking:
            return self._found()

    def _found(self) -> tuple[Findings, datetime]:
        at = self._clock.now()
        self._held = (self._look(), at)
        return self._held


def look(identity: Identity, store: Store) -> Findings:
    """Make all checks of a node."""
    return Findings(checks=tuple(examine(identity)), backup=_last_backup(store))


def _last_backup(store: Store) -> AuditRecord | None:
    try:
        newest = islice(read_audit_backwards(store), _LOOKED_AT)
        return next((one.record for one in newest if one.record.action == "backup.create"), None)
    except NotFoundError:  # no audit log was begun
        return None
