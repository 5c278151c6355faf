"""What files were judged with, what the node answered about them, and what was concluded."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from node.hoster.scan.state.files import hits_text
from node.hoster.scan.state.records import Answers, Kept, Page
from node.hoster.scan.state.seal import Sealing

_PAGE: Final = 50_000


class Verdicts:
    """What is concluded of the files, and from what."""

    def __init__(self, connection: sqlite3.Connection, sealing: Sealing) -> None:
        self._db = connection
        self._sealing = sealing

    def judged(self) -> str:
        """What release everything here was judged with; empty: none."""
        found = self._db.execute("SELECT release FROM judged").fetchone()
        return str(found[0]) if found else ""

    def set_judged(self, release: str) -> None:
        """Everything here was judged with this release."""
        with self._db:
            self._db.execute("DELETE FROM judged")
            self._db.execute("INSERT INTO judged VALUES (?)", (release,))

    def pages(self) -> Iterator[Page]:
        """The screen values of everything, in pages."""
        cursor = self._db.execute("SELECT id, screens FROM file WHERE screens <> x'' ORDER BY id")
        while rows := cursor.fetchmany(_PAGE):
            screens = [screens for _, screens in rows]
            yield Page(
                ids=[number for number, _ in rows],
                lengths=[len(values) // 8 for values in screens],
                values=b"".join(screens),
            )

    def noticed(self) -> list[int]:
        """Ids of the files that are hits, or that the node is to be asked about."""
        rows = self._db.execute(
            "SELECT id FROM file WHERE pending UNION SELECT id FROM file WHERE hits <> ''"
        )
        return [number for (number,) in rows]

    def answers(self, number: int) -> Answers | None:
        """What the node last answered about a file."""
        found = self._db.execute(
            "SELECT epoch, answers, outputs, path FROM asked JOIN file ON id = file WHERE file = ?", (number,)
        ).fetchone()
        if found is None:
            return None
        epoch, data, outputs, path = found
        return Answers(epoch, data, self._sealing.open(_outputs_of(path), outputs) if outputs else b"")

    def conclude(self, files: Sequence[tuple[Kept, Answers | None]]) -> None:
        """Write what files are now, and what the node answered where it was asked.

        Of a file that has been read anew since, with other hashes, nothing is written: an answer about what it was
        must not clear what it is.
        """
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO asked SELECT id, ?, ?, ? FROM file WHERE id = ? AND screens = ?",
                [
                    (found.epoch, found.data, self._sealed(kept, found), kept.id, kept.screens)
                    for kept, found in files
                    if found is not None
                ],
            )
            self._db.executemany(
                "UPDATE file SET pending = ?, hits = ? WHERE id = ? AND screens = ?",
                [(kept.pending, hits_text(kept.hits), kept.id, kept.screens) for kept, _ in files],
            )

    def _sealed(self, kept: Kept, found: Answers) -> bytes:
        return self._sealing.seal(_outputs_of(kept.path), found.outputs) if found.outputs else b""


def _outputs_of(path: bytes) -> bytes:
    """What the outputs of a file's hashes are sealed as: no path, which holds no NUL."""
    return path + b"\0outputs"
