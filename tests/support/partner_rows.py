"""The rows that a partner's client keeps, read and spoiled beside its program."""

import sqlite3
from contextlib import closing
from pathlib import Path

from node.hoster.store.database import PartnerStore
from node.hoster.store.kinds import Kind


def bodies(folder: Path, kind: Kind) -> dict[str, bytes]:
    """What is kept of a kind, by name."""
    with PartnerStore(folder).reading() as rows:
        return {row.name: row.body for row in rows.ls(kind)}


def replace_body(folder: Path, kind: Kind, name: str, body: bytes) -> None:
    """Keep something else, as a program of another version might."""
    with PartnerStore(folder).writing() as rows:
        rows.put(kind, name, body)


def spoil(folder: Path, kind: Kind, name: str, body: bytes = b"noise") -> None:
    """Let a disk give back something else than was written."""
    with closing(sqlite3.connect(folder / "state.db")) as connection, connection:
        done = connection.execute(
            "UPDATE kept SET body = ? WHERE kind = ? AND name = ?", (body, kind, name)
        ).rowcount
    assert done == 1
