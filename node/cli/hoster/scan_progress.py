"""How far a scan has come: a line on a terminal, JSON lines where they were asked for, one line at a signal."""

import json
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

from node.cli.output import Output

if TYPE_CHECKING:
    from node.hoster.scan.reader import Progress


class Shown(StrEnum):
    """How progress is shown."""

    AUTO = "auto"
    JSON = "json"
    NONE = "none"


_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


class Meter:
    """Shows progress on standard error. A context manager, which clears its line at the end."""

    def __init__(self, output: Output, shown: Shown) -> None:
        self._err = output.err
        self._json = shown is Shown.JSON
        self._line = shown is Shown.AUTO and output.err.isatty() and not output.quiet
        self._begun = monotonic()
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def draws(self) -> bool:
        """Whether there is anybody to draw for."""
        return self._json or self._line

    def draw(self, progress: "Progress") -> None:
        """Show how far it is."""
        if self._json:
            self._write(json.dumps(self._facts(progress)) + "\n")
            return
        self._drawn = True
        self._write(f"\r{self._words(progress)}\x1b[K")

    def status(self, progress: "Progress") -> None:
        """One line, whether or not progress is shown."""
        self.close()
        self._write(self._words(progress) + "\n")

    def close(self) -> None:
        """Remove the line."""
        if self._drawn:
            self._write("\r\x1b[K")
        self._drawn = False

    def _write(self, text: str) -> None:
        self._err.write(text)
        self._err.flush()

    def _facts(self, progress: "Progress") -> dict[str, int | None]:
        seconds = monotonic() - self._begun
        return {
            "files": progress.files,
            "bytes": progress.bytes,
            "read": progress.read,
            "unreadable": progress.unreadable,
            "hits": progress.hits,
            "seconds": round(seconds),
            "total_files": progress.total_files or None,
            "total_bytes": progress.total_bytes or None,
            "eta_seconds": _left(progress, seconds),
        }

    def _words(self, progress: "Progress") -> str:
        seconds = monotonic() - self._begun
        files = f"{progress.files:,}" + (f" of {progress.total_files:,}" if progress.total_files else "")
        rate = (
            f"{progress.files / max(seconds, 0.1):,.0f} files/s, {size(progress.bytes / max(seconds, 0.1))}/s"
        )
        left = _left(progress, seconds)
        eta = f", {_span(left)} left" if left is not None else ""
        return f"{files} files, {size(progress.bytes)}, {rate}{eta}, {progress.hits:,} new hits"


def size(octets: float) -> str:
    """Bytes for people, in powers of 1000."""
    unit = 0
    while octets >= 1000 and unit < len(_UNITS) - 1:
        octets, unit = octets / 1000, unit + 1
    return f"{octets:,.0f} {_UNITS[unit]}" if unit == 0 or octets >= 100 else f"{octets:,.1f} {_UNITS[unit]}"


def _left(progress: "Progress", seconds: float) -> int | None:
    """Seconds to go, by the slower of files and bytes; None while that cannot be told."""
    shares = [
        done / total
        for done, total in ((progress.files, progress.total_files), (progress.bytes, progress.total_bytes))
        if total and done
    ]
    if not shares:
        return None
    return max(0, round(seconds / min(shares) - seconds))


def _span(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
