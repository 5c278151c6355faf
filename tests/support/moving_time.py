"""Time that a story moves, the same for every process in it.

Keys live for months, so a story of their rotation must let months pass. One file says by how much the clocks are ahead;
the `SystemClock` of running nodes, of commands and of clients inside of the test goes by it. (libfaketime shows threads
the plain time now and then while it reads such a file.) Clocks only go forward, and while they move nobody is in the
middle of a request: what was signed a moment ago would be months old. What a node looks after every minute by the plain
clock (certificates, secrets that were destroyed, openings to seal anew) it looks after every few seconds.

As a program this module is the product with such a clock.
"""

import os
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from threading import Condition
from unittest.mock import patch

from apscheduler.triggers.interval import IntervalTrigger

from keys.keyfile import OFFLINE, ONLINE
from node.clock import SystemClock

_MINUTELY = 5
"""Seconds between two runs of a job that comes every minute."""
_UNITS = {"d": "days", "h": "hours"}
"""Of an offset such as `+30d`, as `faketime` takes them."""
_CHEAP = {"time_cost": 1, "memory_kib": 64, "lanes": 1}
"""What a key costs to open that opens at once."""
_SMALL = {"pull._AHEAD": 1, "slices.EVENTS": 256, "stage._PART": 1}
_HERE: list[Path] = []
"""The file that clients inside of this process go by."""


def ahead(file: Path) -> timedelta:
    """By how much the clocks are ahead."""
    return timedelta(seconds=int(file.read_text()))


def moved(file: Path) -> datetime:
    """What a moved clock shows."""
    return datetime.now(UTC) + ahead(file)


def goes_by(file: Path) -> bool:
    """Whether clients inside of this process do."""
    return file in _HERE


def _interval(*, minutes: int, jitter: int) -> IntervalTrigger:
    return (
        IntervalTrigger(seconds=_MINUTELY)
        if minutes == 1
        else IntervalTrigger(minutes=minutes, jitter=jitter)
    )


@contextmanager
def changed(variables: MutableMapping[str, str]) -> Iterator[None]:
    """This process as its environment asks for: with a clock by a file or an offset, with keys that open at once.

    Whom it does not reach it tries again as often as ever, but at once.
    """
    with ExitStack() as ends:
        ends.enter_context(patch("node.remote.retry._bound", return_value=0.0))
        if name := variables.pop("CLOCK_FILE", ""):
            file = Path(name)
            ends.enter_context(patch.object(SystemClock, "now", lambda _clock: moved(file)))
            ends.enter_context(patch("node.scheduler.IntervalTrigger", _interval))
        if offset := variables.pop("CLOCK_AHEAD", ""):
            delta = timedelta(**{_UNITS[offset[-1]]: int(offset[:-1])})
            ends.enter_context(patch.object(SystemClock, "now", lambda _clock: datetime.now(UTC) + delta))
        if variables.pop("CHEAP_KEYS", ""):
            for kind, field in product((OFFLINE, ONLINE), _CHEAP):
                ends.callback(object.__setattr__, kind, field, getattr(kind, field))
                object.__setattr__(kind, field, _CHEAP[field])
        if variables.pop("SMALL_SLICES", ""):
            for name, value in _SMALL.items():
                ends.enter_context(patch(f"node.peers.sync.{name}", value))
        yield


class MovingTime:
    """The time of one story; also a `node.clock.Clock`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.write_text("+0")
        self._turn = Condition()
        self._busy = 0
        self._moving = False

    def now(self) -> datetime:
        return moved(self.file)

    @contextmanager
    def here(self) -> Iterator[None]:
        """Clients inside of this process go by it."""
        with (
            patch.object(SystemClock, "now", lambda _clock: self.now()),
            patch(f"{__name__}._HERE", [self.file]),
        ):
            yield

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Somebody is in the middle of something: time flows, and is not moved."""
        with self._turn:
            self._turn.wait_for(lambda: not self._moving)
            self._busy += 1
        try:
            yield
        finally:
            with self._turn:
                self._busy -= 1
                self._turn.notify_all()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Nobody else is in the middle of anything, or begins, until the end of it."""
        with self._turn:
            self._turn.wait_for(lambda: not self._moving)
            self._moving = True
            self._turn.wait_for(lambda: self._busy == 0)
        try:
            yield
        finally:
            with self._turn:
                self._moving = False
                self._turn.notify_all()

    def put_forward(self, **delta: float) -> None:
        """Move every clock; inside of `stopped`."""
        assert self._moving, "somebody may be in the middle of a request"
        seconds = int((ahead(self.file) + timedelta(**delta)).total_seconds())
        # In one step: a node must never read half a number.
        new = self.file.with_name(f"{self.file.name}.new")
        new.write_text(f"+{seconds}")
        new.replace(self.file)


if __name__ == "__main__":
    from node.cli.main import main

    with changed(os.environ):
        main()
