"""Programs that a partner's operator has run when something happened: after an update, a failed one, an outdated list.

A program is started without a shell, gets facts as variables of its environment and as one JSON object on standard
input, and has a time limit for itself and what it started. Nothing that it does or fails to do stops an update: what
went wrong with it is told in words. Facts are numbers, names and sentences; never a hash, a key or a file name.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Final

from node.hoster.settings import HookSettings

Facts = Mapping[str, str | int]

_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SIGFED_HOME")
"""Variables that a program has from us: it needs no others, and whatever else is there is not its business."""
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Hooks:
    """The programs that were configured."""

    settings: HookSettings

    def updated(self, facts: Facts) -> Iterator[str]:
        """A newer release is in force; gives what went wrong with the program, in words."""
        return self._run("on_update", self.settings.on_update, facts)

    def failed(self, facts: Facts) -> Iterator[str]:
        """An update failed."""
        return self._run("on_error", self.settings.on_error, facts)

    def outdated(self, facts: Facts) -> Iterator[str]:
        """The release in force is past its end."""
        return self._run("on_outdated", self.settings.on_outdated, facts)

    def found(self, facts: Facts) -> Iterator[str]:
        """A hit is in the spool."""
        return self._run("on_hit", self.settings.on_hit, facts)

    def _run(self, event: str, argv: Sequence[str], facts: Facts) -> Iterator[str]:
        if not argv:
            return
        wrong = _started(argv, {"event": event, **facts}, self.settings.timeout_seconds)
        if wrong:
            yield f"the program of {event} {wrong}: {argv[0]}"


def _started(argv: Sequence[str], facts: Facts, seconds: float) -> str:
    """Run a program to its end, or to the end of its time; gives what went wrong."""
    with TemporaryFile() as said:
        try:
            # A session of its own: at the end of its time its children go with it.
            process = subprocess.Popen(  # noqa: S603 - the operator named it, and no shell reads it
                argv,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                env=_environment(facts),
                start_new_session=True,
            )
        except (OSError, ValueError) as exc:
            return f"could not be started ({getattr(exc, 'strerror', None) or 'its name is none'})"
        try:
            process.communicate(json.dumps(facts).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"was ended after {seconds:g} s"
        except BaseException:  # Ctrl-C is not for it alone
            _end(process)
            raise
        if process.returncode:
            return f"ended with {process.returncode}{_last_line(said)}"
        return ""


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the program, which runs still, and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()


def _environment(facts: Facts) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # No program can be given a NUL, and what a node wrote is among the facts.
    return {**kept, **{f"SIGFED_{name.upper()}": str(fact).replace("\0", "") for name, fact in facts.items()}}


def _last_line(said: IO[bytes]) -> str:
    """The end of what a failed program said, for a person."""
    said.seek(max(0, said.seek(0, os.SEEK_END) - 4096))
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return f" ({lines[-1][:_LONGEST]})" if lines else ""
