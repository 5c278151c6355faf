"""The product with its clock put back or forward: the program of a month that is told.

`SIGFED_DEMO_CLOCK` names a file with the seconds. Nothing else of the program is changed, and nothing outside of the
demonstration starts it.
"""

import os
import runpy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from node.clock import SystemClock

VARIABLE: Final = "SIGFED_DEMO_CLOCK"
_PLAIN: Final = SystemClock.now


def moved(file: Path) -> datetime:
    """What a clock shows that goes by the file."""
    return _PLAIN(SystemClock()) + timedelta(seconds=int(file.read_text(encoding="ascii")))


def put_forward(file: Path, days: float) -> None:
    """Let days pass for everybody who goes by the file."""
    seconds = int(file.read_text(encoding="ascii")) + round(days * 86_400)
    beside = file.with_suffix(".new")
    beside.write_text(str(seconds), encoding="ascii")
    beside.replace(file)  # whoever reads it meanwhile finds a whole number


class MovedClock:
    """A `node.clock.Clock` that goes by the file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        """Now, as the walk has it."""
        return moved(self._file)


def main() -> None:
    """Run the command line."""
    file = Path(os.environ.pop(VARIABLE))
    SystemClock.now = lambda _clock: moved(file)  # type: ignore[assignment,method-assign]
    runpy.run_module("node", run_name="__main__")


if __name__ == "__main__":
    main()
