"""Taking in what peers acknowledge of the own lists: signed by the caller's own statement key, true, never going back.

A statement is believed for what it says about its signer alone: that it holds our list up to a size, of which the root
must be ours, and that its releases follow it. When it came is by our clock: latencies must not depend on theirs.
"""

import asyncio
from datetime import datetime
from typing import Final

from keys.errors import KeysError
from keys.key import StatementPublicKey
from keys.trust.window import valid_at
from node.clock import Clock, milliseconds
from node.errors import ConflictError, NotFoundError, VerificationError
from node.objects.logfiles import LogFiles, read_at_head
from node.store.lists.records import LogKind, LogRecord
from node.store.peers.records import Acknowledgement as Kept
from node.store.peers.records import Reached
from node.store.store import Store
from node.store.unit import Unit
from node.trust.others.refresh import held_document
from node.trust.others.revocations import signing
from protocol.acknowledgement import Acknowledgement
from protocol.limits import MAX_CLOCK_SKEW_MS

_NEVER: Final = 0


class ServedAcknowledgements:
    """`protocol.api.AcknowledgementApi` for the peer `caller`."""

    def __init__(self, store: Store, clock: Clock, caller: str) -> None:
        self._store = store
        self._clock = clock
        self._caller = caller

    async def acknowledge(self, origin: str, statement: bytes) -> None:
        """Take in what the caller says of an own list; saying the same again changes nothing.

        Raises:
            NotFoundError: there is no such list, or the caller is no peer.
            KeysError: the statement is not signed by a statement key of the caller that counts now.
            MalformedError: it is no acknowledgement.
            VerificationError: it speaks of another node, list or history, or from the future.
            ConflictError: it goes back behind what was acknowledged before.
            MissingObjectError: a part of the list is lost.
        """
        await asyncio.to_thread(self._take, origin, statement)

    def _take(self, origin: str, statement: bytes) -> None:
        now = self._clock.now()
        with self._store.read() as unit:
            log = _own_list(unit, origin)
            said = Acknowledgement.opened(statement, statement_keys(unit, self._caller, now))
        if (said.node, said.origin) != (self._caller, origin):
            raise VerificationError("the acknowledgement is of another node or list")
        if said.time_ms > milliseconds(now) + MAX_CLOCK_SKEW_MS:
            raise VerificationError("the acknowledgement is dated in the future")
        read_at_head(
            self._store, lambda: self._own(origin), lambda files, size: _require_ours(files, size, said)
        )
        self._keep(log, said, statement, now)

    def _own(self, origin: str) -> LogRecord:
        with self._store.read() as unit:
            return _own_list(unit, origin)

    def _keep(self, log: LogRecord, said: Acknowledgement, statement: bytes, now: datetime) -> None:
        kept = Kept(
            log_id=log.id,
            peer=self._caller,
            held_size=said.held_size,
            released_size=said.released_size,
            time_ms=said.time_ms,
            received_ms=milliseconds(now),
            statement=statement,
        )
        with self._store.write() as unit:
            old = unit.acknowledgements.find(log.id, self._caller)
            if old is not None and old.statement == statement:
                return
            if old is not None and _goes_back(old, kept):
                raise ConflictError("a newer acknowledgement was taken in before")
            unit.acknowledgements.replace(old, kept)
            unit.withdrawals.note_reached(_newly_reached(unit, old, kept))


def _require_ours(files: LogFiles, size: int, said: Acknowledgement) -> None:
    """Another root at that size would be another history: then this is no acknowledgement of our list."""
    if said.held_size > size:
        raise VerificationError("the acknowledgement is of more than was published")
    if files.tree(size=size).prefix_root(said.held_size) != said.held_root:
        raise VerificationError("the acknowledgement is of another history than this list's")


def _own_list(unit: Unit, origin: str) -> LogRecord:
    log = unit.logs.get(origin)
    if log.kind is not LogKind.OWN_LIST:
        raise NotFoundError("{origin} is not a list of this node", origin)
    return log


def statement_keys(unit: Unit, caller: str, now: datetime) -> list[StatementPublicKey]:
    """The statement keys of the peer `caller` that count now.

    Raises:
        NotFoundError: `caller` is no peer.
        VerificationError: the document that is held of it does not count now.
    """
    try:
        document = signing(unit, held_document(unit.peers.get(caller), now))
    except KeysError as exc:
        raise VerificationError("the node document that is held of the caller does not count now") from exc
    return [dated.key for dated in valid_at(document.statement_keys, now)]


def _goes_back(old: Kept, new: Kept) -> bool:
    """A release may leave a list out; while it follows one, it follows it forward."""
    released = old.released_size is not None and new.released_size is not None
    return (
        new.time_ms < old.time_ms
        or new.held_size < old.held_size
        or (released and (new.released_size or _NEVER) < (old.released_size or _NEVER))
    )


def _newly_reached(unit: Unit, old: Kept | None, new: Kept) -> list[Reached]:
    """The withdrawals that the statement covers and the one before did not."""
    held = old.held_size if old else _NEVER
    released = _released(old) if old else _NEVER
    found = []
    for each in unit.withdrawals.ls(new.log_id):
        is_held, is_released = (held <= each.last < new.held_size, released <= each.last < _released(new))
        if each.published_ms is not None and (is_held or is_released):
            found.append(
                Reached(
                    log_id=new.log_id,
                    first=each.first,
                    peer=new.peer,
                    held_ms=new.received_ms if is_held else None,
                    released_ms=new.received_ms if is_released else None,
                )
            )
    return found


def _released(kept: Kept) -> int:
    """Who releases nothing has nothing to take out."""
    return kept.held_size if kept.released_size is None else kept.released_size
