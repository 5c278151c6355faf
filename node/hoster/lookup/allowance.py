"""How many evaluations are left, as this home counts them: the node says so only when they are used up.

The node's count is a bucket that fills over a day; this one does the same with what this home sent. It is for people
and monitoring: nothing is refused because of it, and when the node refuses, the node is right. Whatever is wrong with
the file, nothing is known.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.clock import DAY_MS, Clock, milliseconds
from node.errors import NodeError
from node.files import locked, read_private
from node.hoster.folder import Enrolment, PartnerFolder

_NAME: Final = "allowance.json"


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts the evaluations of one enrolment, whose state lies in `folder`."""

    folder: Path
    per_day: int
    clock: Clock

    @classmethod
    def of(cls, folder: PartnerFolder, enrolment: Enrolment, clock: Clock) -> "Meter":
        """Of a partner's client."""
        return cls(folder.folder, enrolment.evaluations_per_day, clock)

    def spent(self, count: int) -> None:
        """So many were sent."""
        with suppress(OSError, NodeError), locked(self.folder / f"{_NAME}.lock"):
            left = self.left()
            self._keep((self.per_day if left is None else left) - count)

    def used_up(self) -> None:
        """The node refused: there are none."""
        with suppress(OSError, NodeError), locked(self.folder / f"{_NAME}.lock"):
            self._keep(0)

    def left(self) -> int | None:
        """About so many could be made at once now; None: nothing was counted yet."""
        try:
            fields = json.loads(read_private(self.folder / _NAME))
            level, at_ms = int(fields["left"]), int(fields["at_ms"])
        except (NodeError, OSError, ValueError, KeyError, TypeError, OverflowError):
            return None
        elapsed = max(0, milliseconds(self.clock.now()) - at_ms)
        return max(0, min(self.per_day, level + self.per_day * elapsed // DAY_MS))

    def _keep(self, left: int) -> None:
        fields = {"left": max(0, left), "at_ms": milliseconds(self.clock.now())}
        # Not durable: a number that is lost is counted anew, and many batches a second must not wait for a disk.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self.folder / _NAME, flags, 0o600), "w", encoding="ascii") as file:
            json.dump(fields, file)
