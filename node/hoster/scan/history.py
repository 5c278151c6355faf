"""The scans of a partner that were finished, each in sum: what a scan's own state forgets when files are met again.

Numbers, times, and the sources as people named them; no name of a file, no hash. The newest stay. Whatever is wrong
with them, nothing is known, and no scan fails because of it.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from node.errors import NodeError
from node.fields import from_fields, to_fields
from node.hoster.scan.results import ScanSummary, Status
from node.hoster.store.database import PartnerStore, Rows
from node.hoster.store.kinds import FactName, Kind

MOST: Final = 200
"""Scans that are kept."""
_MOST_SOURCES: Final = 20


def keep_scan(folder: Path, summary: ScanSummary) -> None:
    """Remember a finished scan in a partner's `folder`."""
    with suppress(OSError, NodeError), PartnerStore(folder).writing() as rows:
        kept = [*map(_fields, _finished(rows)), _fields(summary)]
        rows.put(Kind.FACT, FactName.SCANS, json.dumps(kept[-MOST:]).encode())


def finished_scans(folder: Path) -> Sequence[ScanSummary]:
    """Those that are kept, oldest first."""
    with suppress(OSError, NodeError), PartnerStore(folder).reading() as rows:
        return _finished(rows)
    return []


def _finished(rows: Rows) -> Sequence[ScanSummary]:
    try:
        return [_summary(fields) for fields in json.loads(rows.body(Kind.FACT, FactName.SCANS) or b"[]")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _fields(summary: ScanSummary) -> dict[str, Any]:
    sources = [source[:1000] for source in summary.sources[:_MOST_SOURCES]]
    return to_fields(summary, "to_undo", sources=sources, counts=dict(summary.counts))


def _summary(fields: dict[str, Any]) -> ScanSummary:
    counts = {Status(name): int(count) for name, count in fields["counts"].items()}
    return from_fields(ScanSummary, fields, "to_undo", counts=counts)
