"""The scans of a partner's home, for whoever only reads: those that were finished, and the one that was not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.errors import StoreLockedError
from node.home import Home
from node.hoster.scan.history import finished_scans
from node.hoster.scan.results import ScanSummary
from node.hoster.scan.state import open_state, state_key

_STATE: Final = "scan.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A scan that has not ended."""

    running: bool
    """Now, by some process; otherwise it was interrupted."""
    sources: tuple[str, ...] = ()
    """Of one that was interrupted."""
    started_ms: int = 0
    """Of one that was interrupted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scans:
    """What is known of them."""

    finished: Sequence[ScanSummary]
    """The newest first; of a home whose scans are all older than this record, the last alone."""
    under_way: UnderWay | None


def default_state(home: Home) -> Path:
    """Where a scan is remembered, unless another file is named."""
    return home.partner / _STATE


def scans(home: Home) -> Scans:
    """All that is known; a scan that runs is not waited for.

    Raises:
        StoreError: the state of the last scan is damaged.
    """
    kept = list(reversed(finished_scans(home.partner)))
    path = default_state(home)
    if not path.exists():
        return Scans(finished=kept, under_way=None)
    try:
        with open_state(path, state_key(home.partner)) as state:
            run = state.runs.last()
            if run is None:
                return Scans(finished=kept, under_way=None)
            if not run.ended_ms:
                stopped = UnderWay(running=False, sources=run.sources, started_ms=run.started_ms)
                return Scans(finished=kept, under_way=stopped)
            return Scans(finished=kept or [state.runs.summary(run)], under_way=None)
    except StoreLockedError:
        return Scans(finished=kept, under_way=UnderWay(running=True))
