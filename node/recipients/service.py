"""Serving recipients: whose key it is, what of the copy its grant covers now, and the lines that go out.

Everything is asked anew for every part: a recipient that is suspended, narrowed or removed while it downloads gets no
further part. The last line says how many there were, so a reply that was cut off is known for one, and is padded, so
the length tells whoever watches the network little. Spec: docs/reference/recipients.md, "The reply".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from node.access.stored_grant import stored_grant
from node.clock import Clock, milliseconds
from node.errors import NotFoundError
from node.objects.recipient_files import Line
from node.recipients.accreditation import fetchable, recognise, require_same
from node.recipients.copy import RecipientCopy
from node.store.partners.records import RecipientRecord, SnapshotRecord
from node.store.store import Store
from protocol.lists.event import collection_name
from protocol.lists.grant import Grant

BLOCK: Final = 64 * 1024
"""The length of a whole reply is a multiple of this."""
_TAG_CHARS: Final = 32


class DownloadLog(Protocol):
    """Where downloads are recorded."""

    def begin(self, recipient: str, details: Mapping[str, str]) -> None:
        """A download begins; raises `NodeError` when it cannot be recorded, and must not begin."""
        ...

    def end(self, recipient: str, details: Mapping[str, str]) -> None:
        """It went to its end."""
        ...


class RecipientService:
    """Where recipients are served."""

    def __init__(self, store: Store, clock: Clock, copy: RecipientCopy, record: DownloadLog) -> None:
        self._store = store
        self._clock = clock
        self._copy = copy
        self._record = record

    def open(self, key: str) -> "RecipientDownload":
        """The download of whoever shows this key.

        Raises:
            NotFoundError: this node has no recipients.
            UnauthenticatedError: unknown, suspended or ended, all alike.
            ListTooOldError: no copy is laid out that is known to be what the lists say.
        """
        with self._store.read() as unit:
            if not unit.recipients.ls():
                raise NotFoundError("this node has no recipients")
        recipient = recognise(self._store, key, self._clock.now())
        return RecipientDownload(
            self._store, self._clock, self._copy, self._record, recipient, self._copy.standing()
        )


@dataclass(frozen=True, slots=True)
class RecipientDownload:
    """What one recipient may fetch now of one copy, as its grant was when it was opened."""

    _store: Store
    _clock: Clock
    _copy: RecipientCopy
    _record: DownloadLog
    _recipient: RecipientRecord = field(repr=False)
    _held: SnapshotRecord

    @property
    def name(self) -> str:
        """The recipient."""
        return self._recipient.name

    @property
    def tag(self) -> str:
        """Changes with copy and grant: of the copy's random tag and what is fetched of it, no hash of any digest."""
        grant = stored_grant(self._recipient)
        said = (self._held.tag, sorted(self._collections()), sorted(grant.algorithms or ()))
        return sha256(repr((said, grant.algorithms is None)).encode()).hexdigest()[:_TAG_CHARS]

    def chunks(self) -> Iterator[bytes]:
        """The lines, part by part; start and end are in the audit log.

        Raises:
            UnauthenticatedError: it may fetch nothing any more, or something else.
            MissingObjectError: another copy took the place of this one.
            NodeError: the start cannot be recorded.
        """
        self._begin()
        lines = length = 0
        for number in range(self._held.parts):
            for chunk in self._part(number):
                lines, length = lines + chunk.count(b"\n"), length + len(chunk)
                yield chunk
        yield _last(lines, length)
        self._record.end(self.name, {"digests": str(lines)})

    def _begin(self) -> None:
        collections = ", ".join(collection_name(number) for number in sorted(self._collections()))
        self._record.begin(self.name, {"collections": collections})
        with self._store.write() as unit:
            unit.recipients.note_seen(self.name, now_ms=milliseconds(self._clock.now()))

    def _part(self, number: int) -> Iterator[bytes]:
        require_same(self._store, self._recipient, self._clock.now())
        collections, grant = self._collections(), stored_grant(self._recipient)
        lines = [line for line in self._copy.part(self._held, number) if _covers(grant, collections, line)]
        if lines:
            yield _written(lines)

    def _collections(self) -> frozenset[int]:
        return fetchable(self._recipient, self._clock.now())


def _covers(grant: Grant, collections: frozenset[int], line: Line) -> bool:
    collection, digest = line
    return collection in collections and grant.covers_algorithm(digest.algorithm)


def _written(lines: Sequence[Line]) -> bytes:
    return b"".join(
        b'{"collection":"%s","algorithm":"%s","digest":"%s"}\n'
        % (
            collection_name(collection).encode(),
            digest.algorithm.name.lower().encode(),
            digest.value.hex().encode(),
        )
        for collection, digest in lines
    )


def _last(lines: int, length: int) -> bytes:
    """The line that says how many there were, with spaces up to the next block."""
    said = json.dumps({"digests": lines}, separators=(",", ":")).encode()
    return said.ljust(len(said) + -(length + len(said) + 1) % BLOCK) + b"\n"
