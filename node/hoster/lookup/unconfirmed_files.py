"""What could not be looked up when it was asked about, kept until it can: one row each.

A file that passes because the node does not answer must not be forgotten. What is kept holds its hashes, so it is
sealed with a key in a file of its own, as hits are; its name is made with that key too, so that the same upload tried
again ten times is kept once, and a listing of the rows tells nobody a hash.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest as hmac
from pathlib import Path
from typing import Final, NamedTuple

from node.errors import NodeError, StoreError
from node.hoster.store.database import PartnerStore, Row, verify_sealed
from node.hoster.store.kinds import Kind
from protocol.digest import Algorithm, Digest
from protocol.encoding import b64, unb64
from protocol.errors import ProtocolError

MAX_KEPT: Final = 100_000
"""Files that wait; more are told and not kept, so that a node that is down for weeks fills no disk."""
_ID_BYTES: Final = 16
_KEY: Final = "unconfirmed"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """A file that waits for its verdict."""

    id: str
    """Hexadecimal digits, not of any of its hashes."""
    name: str
    asked_ms: int
    parts: tuple[tuple[Digest, ...], ...] = field(repr=False)


class Readable(NamedTuple):
    """Files that wait and can be read, and how many cannot."""

    files: list[Unconfirmed]
    damaged: int


class UnconfirmedFiles:
    """The files of one enrolment that wait."""

    def __init__(self, folder: Path, *, max_kept: int = MAX_KEPT) -> None:
        self._store = PartnerStore(folder)
        self._max_kept = max_kept

    def keep(self, parts: Sequence[Sequence[Digest]], *, name: str, now_ms: int) -> bool:
        """Keep a file durably; False when there is no room. One that waits already is kept once."""
        listed = [[[int(digest.algorithm), b64(digest.value)] for digest in part] for part in parts]
        secret = self._store.key(_KEY)
        identity = hmac(secret, json.dumps([name, listed]).encode(), sha256)[:_ID_BYTES].hex()
        body = json.dumps({"v": _FORMAT, "name": name, "asked_ms": now_ms, "parts": listed})
        with self._store.writing() as rows:
            if rows.body(Kind.UNCONFIRMED, identity) is not None:
                return True
            if rows.count(Kind.UNCONFIRMED) >= self._max_kept:
                return False
            rows.put(Kind.UNCONFIRMED, identity, self._store.seal(_KEY).seal(identity, body.encode()))
        return True

    def __len__(self) -> int:
        """How many wait."""
        with self._store.reading() as rows:
            return rows.count(Kind.UNCONFIRMED)

    def readable(self, limit: int) -> Readable:
        """Some of those that wait, at most `limit`, and how many others on the way to them are damaged."""
        found: list[Unconfirmed] = []
        damaged, last = 0, ""
        while len(found) < limit:
            with self._store.reading() as rows:
                page = rows.ls(Kind.UNCONFIRMED, after=last, limit=limit - len(found))
            for row in page:
                try:
                    found.append(self._open(row))
                except StoreError:
                    damaged += 1
            if not page:
                break
            last = page[-1].name
        return Readable(found, damaged)

    def verify(self) -> Iterator[tuple[str, str]]:
        """Every file that is kept, opened: its name, and what is wrong with it, or nothing."""
        return verify_sealed(self._store, Kind.UNCONFIRMED, _KEY, self._open)

    def forget(self, waiting: Unconfirmed) -> None:
        """Remove one that has its verdict."""
        with self._store.writing() as rows:
            rows.remove(Kind.UNCONFIRMED, waiting.id)

    def _open(self, row: Row) -> Unconfirmed:
        try:
            fields = json.loads(self._store.seal(_KEY).unseal(row.name, row.body))
            return Unconfirmed(
                id=row.name,
                name=str(fields["name"]),
                asked_ms=int(fields["asked_ms"]),
                parts=tuple(
                    tuple(Digest(Algorithm(number), unb64(value)) for number, value in part)
                    for part in fields["parts"]
                ),
            )
        except (NodeError, ProtocolError, ValueError, KeyError, TypeError) as exc:
            raise StoreError("a file that waits in {path} is damaged", self._store.path) from exc
