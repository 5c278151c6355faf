"""The runs of a scan: over what, when, judged with what, and each in sum."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from node.hoster.scan.results import ScanSummary, Status
from node.hoster.scan.state.files import read_hits
from node.hoster.scan.state.records import Run, status_of

_SUMMED: Final = """
SELECT unreadable, pending, reasons <> '', hits, count(*), sum(size), sum(read = ? AND NOT unreadable)
FROM file WHERE seen = ? GROUP BY 1, 2, 3, 4
"""


class Runs:
    """The runs, of which the newest may be interrupted."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def begin(self, sources: Sequence[str], *, now_ms: int) -> Run:
        """The run of these sources that was interrupted, or a new one."""
        last = self.last()
        if last is not None and not last.ended_ms and last.sources == tuple(sources):
            return replace(last, resumed=True)
        with self._db:
            cursor = self._db.execute(
                "INSERT INTO run (sources, started_ms) VALUES (?, ?)", (json.dumps(list(sources)), now_ms)
            )
        return Run(id=cursor.lastrowid or 0, sources=tuple(sources), started_ms=now_ms, ended_ms=0)

    def last(self) -> Run | None:
        """The newest run."""
        found = self._db.execute(
            "SELECT id, sources, started_ms, ended_ms FROM run ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if found is None:
            return None
        number, sources, started, ended = found
        return Run(id=number, sources=tuple(json.loads(sources)), started_ms=started, ended_ms=ended)

    def any_forgotten(self) -> bool:
        """Whether files of a run were forgotten, and the file was not written anew since."""
        return self._db.execute("SELECT id FROM run WHERE sources = ''").fetchone() is not None

    def drop_forgotten(self) -> None:
        """The file was written anew."""
        with self._db:
            self._db.execute("DELETE FROM run WHERE sources = ''")

    def judge_with(self, run: Run, *, subset: str, version: int, age_ms: int, screen_only: bool) -> None:
        """Note what the run judges with."""
        with self._db:
            self._db.execute(
                "UPDATE run SET subset = ?, version = ?, age_ms = ?, screen_only = ? WHERE id = ?",
                (subset, version, age_ms, screen_only, run.id),
            )

    def end(self, run: Run, *, now_ms: int, passed_over: int) -> None:
        """The run has seen everything."""
        with self._db:
            self._db.execute(
                "UPDATE run SET ended_ms = ?, passed_over = ? WHERE id = ?", (now_ms, passed_over, run.id)
            )

    def summary(self, run: Run) -> ScanSummary:
        """The run in sum."""
        counts: dict[Status, int] = {}
        octets = read = 0
        rows = self._db.execute(_SUMMED, (run.id, run.id))
        for unreadable, pending, reasons, hits, files, size, fresh in rows:
            status = status_of(bool(unreadable), bool(pending), bool(reasons), read_hits(hits))
            counts[status] = counts.get(status, 0) + files
            octets, read = octets + size, read + fresh
        found = self._db.execute(
            "SELECT ended_ms, subset, version, age_ms, screen_only, passed_over FROM run WHERE id = ?",
            (run.id,),
        ).fetchone()
        return ScanSummary(
            sources=run.sources,
            counts=counts,
            bytes=octets,
            read=read,
            passed_over=found[5],
            started_ms=run.started_ms,
            ended_ms=found[0],
            subset=found[1],
            release=found[2],
            list_age_ms=found[3],
            screen_only=bool(found[4]),
        )
