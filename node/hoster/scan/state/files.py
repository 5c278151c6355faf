"""What is known of each file: when it was read last, its hashes, sealed, and what they were found to be."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from node.clock import system_entropy
from node.hoster.scan.results import FileResult, HitFacts
from node.hoster.scan.state.records import Kept, Known, Run, result_of
from node.hoster.scan.state.seal import Sealing

_COLUMNS: Final = "id, path, source, size, mark, screens, parts, reasons, hits, unreadable, pending"
_FORGET: Final = """
DELETE FROM asked WHERE file = (SELECT id FROM file WHERE path = ? AND screens <> ?)
"""
_INSERT: Final = """
INSERT INTO file (path, source, size, mark, screens, parts, reasons, hits, unreadable, pending, seen, read)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET source = excluded.source, size = excluded.size, mark = excluded.mark,
  reasons = excluded.reasons, unreadable = excluded.unreadable, seen = excluded.seen, read = excluded.read,
  screens = CASE WHEN excluded.unreadable THEN screens ELSE excluded.screens END,
  parts = CASE WHEN excluded.unreadable THEN parts ELSE excluded.parts END,
  hits = CASE WHEN excluded.unreadable OR screens = excluded.screens THEN hits ELSE excluded.hits END,
  pending = CASE WHEN excluded.unreadable OR screens = excluded.screens THEN pending ELSE excluded.pending END
"""
"""What is known of a content stays, when a file has been touched only, and when it cannot be read for a while."""


class Files:
    """The files that runs have met."""

    def __init__(self, connection: sqlite3.Connection, sealing: Sealing) -> None:
        self._db = connection
        self._sealing = sealing

    def known(self, path: bytes) -> Known | None:
        """What tells whether the file has changed; None for one that was never seen."""
        found = self._db.execute("SELECT id, mark, size, seen FROM file WHERE path = ?", (path,)).fetchone()
        return None if found is None else Known(id=found[0], mark=found[1], size=found[2], seen=found[3])

    def keep(self, run: Run, files: Sequence[Kept], *, unchanged: Sequence[int] = ()) -> None:
        """Write what was read of files, and that others have not changed."""
        with self._db:
            self._db.executemany(
                _FORGET, [(kept.path, kept.screens) for kept in files if not kept.unreadable]
            )
            self._db.executemany(_INSERT, [self._row(kept, run.id) for kept in files])
            self._db.executemany(
                "UPDATE file SET seen = ? WHERE id = ?", [(run.id, number) for number in unchanged]
            )

    def pending(self, run: Run | None = None, *, limit: int) -> list[Kept]:
        """Files that the node is to be asked about: those that `run` read, those that it saw, others; in no order."""
        number = run.id if run else 0
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM file WHERE pending"  # noqa: S608
            " ORDER BY read = ? DESC, seen = ? DESC, random() LIMIT ?",
            (number, number, limit),
        )
        return [self._kept(row) for row in rows]

    def waiting(self, run: Run, *, seen: bool, after: int, limit: int) -> list[Kept]:
        """Files that the node is to be asked about, by id: those that `run` read, or all that it has seen."""
        column = "seen" if seen else "read"
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM file WHERE pending AND {column} = ? AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
            (run.id, after, limit),
        )
        return [self._kept(row) for row in rows]

    def cleared(self, *, limit: int) -> list[Kept]:
        """Some files, taken at random, that are not on the list as far as is known."""
        (last,) = self._db.execute("SELECT max(id) FROM file").fetchone()
        found: dict[int, Kept] = {}
        for _ in range(limit if last else 0):
            row = self._db.execute(
                f"SELECT {_COLUMNS} FROM file WHERE id >= ? AND NOT pending AND hits = '' AND screens <> x''"  # noqa: S608
                " ORDER BY id LIMIT 1",
                (1 + int.from_bytes(system_entropy(8)) % last,),
            ).fetchone()
            if row is not None:
                found[row[0]] = found.get(row[0]) or self._kept(row)
        return list(found.values())

    def hashes(self) -> int:
        """How many hashes there are of all files."""
        (octets,) = self._db.execute("SELECT sum(length(screens)) FROM file").fetchone()
        return int(octets or 0) // 8

    def get(self, number: int) -> Kept:
        """The file of this id."""
        row = self._db.execute(f"SELECT {_COLUMNS} FROM file WHERE id = ?", (number,)).fetchone()  # noqa: S608
        return self._kept(row)

    def results(self, run: Run) -> Iterator[FileResult]:
        """Everything that the run has seen, in order of the paths' bytes."""
        columns = _COLUMNS.replace("parts", "x''")
        cursor = self._db.execute(f"SELECT {columns} FROM file WHERE seen = ? ORDER BY path", (run.id,))  # noqa: S608
        for row in cursor:
            yield result_of(self._kept(row))

    def forget(self, run: Run, *, before_ms: int) -> None:
        """Forget files that no run has met which began since, but for those of `run`: their names are customers'.

        The runs that met them say so, without their sources, until the file was written anew.
        """
        old = "started_ms < ? AND id <> ?"
        unseen = f"(SELECT id FROM file WHERE seen IN (SELECT id FROM run WHERE {old}))"  # noqa: S608
        with self._db:
            self._db.execute(f"DELETE FROM asked WHERE file IN {unseen}", (before_ms, run.id))  # noqa: S608
            gone = self._db.execute(f"DELETE FROM file WHERE id IN {unseen}", (before_ms, run.id))  # noqa: S608
            if gone.rowcount:
                self._db.execute(f"UPDATE run SET sources = '' WHERE {old}", (before_ms, run.id))  # noqa: S608

    def _row(self, kept: Kept, run: int) -> tuple[Any, ...]:
        return (
            kept.path,
            kept.source,
            kept.size,
            kept.mark,
            kept.screens,
            self._sealing.seal(kept.path, kept.parts) if kept.parts else b"",
            json.dumps(kept.reasons) if kept.reasons else "",
            hits_text(kept.hits),
            kept.unreadable,
            kept.pending,
            run,
            run,
        )

    def _kept(self, row: Sequence[Any]) -> Kept:
        number, path, source, size, mark, screens, parts, reasons, hits, unreadable, pending = row
        return Kept(
            id=number,
            path=path,
            source=source,
            size=size,
            mark=mark,
            screens=screens,
            parts=self._sealing.open(path, parts) if parts else b"",
            reasons=tuple(json.loads(reasons)) if reasons else (),
            hits=read_hits(hits),
            unreadable=bool(unreadable),
            pending=bool(pending),
        )


def hits_text(hits: Sequence[HitFacts]) -> str:
    """Hits as they stand in the file; empty: none."""
    return json.dumps([asdict(each) for each in hits]) if hits else ""


def read_hits(text: str) -> tuple[HitFacts, ...]:
    """What `hits_text` made."""
    if not text:
        return ()
    return tuple(
        HitFacts(**(each | {name: tuple(each[name]) for name in ("countries", "algorithms")}))
        for each in json.loads(text)
    )
