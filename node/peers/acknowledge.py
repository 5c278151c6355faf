"""Telling peers how far this node holds their lists, how far its releases follow them, and which trust files it holds.

Said after a sync and after a release, and only when it has changed, so that an idle poll stays small. A peer that does
not take it is an outcome: it is told again the next time.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from keys.errors import SigfedError
from keys.signer import Signer
from node.clock import Clock, milliseconds
from node.errors import NotFoundError, StoreError
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from node.store.unit import Unit
from node.trust.others.refresh import newest_root
from protocol.acknowledgement import Acknowledgement, TrustAcknowledgement
from protocol.api import AcknowledgementApi, TrustAcknowledgementApi


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A peer that has not applied an event of an own list."""

    peer: str
    held_size: int
    """0: it never acknowledged anything."""
    released_size: int | None
    """None: it releases nothing, or never acknowledged anything."""


def not_applied(unit: Unit, log: LogRecord, position: int) -> tuple[Behind, ...]:
    """The peers that do not hold the event at `position` of an own list, or whose releases are older than it."""
    return tuple(_behind(unit, log, position))


def _behind(unit: Unit, log: LogRecord, position: int) -> Iterator[Behind]:
    newest = {each.peer: each for each in unit.acknowledgements.ls(log.id)}
    for peer in unit.peers.ls():
        each = newest.get(peer.name)
        held = each.held_size if each else 0
        released = each.released_size if each else None
        if held <= position or (released is not None and released <= position):
            yield Behind(peer=peer.name, held_size=held, released_size=released)


class Acknowledger:
    """Acknowledges in the name of `node`, signed with its statement key."""

    def __init__(self, store: Store, clock: Clock, *, node: str, signer: Signer) -> None:
        self._store = store
        self._clock = clock
        self._node = node
        self._signer = signer

    async def tell(self, peer: str, api: AcknowledgementApi) -> Exception | None:
        """Tell `peer` what has changed since it was told last; returns why that failed, if it did."""
        try:
            for each in await asyncio.to_thread(self.due, peer):
                statement = await asyncio.to_thread(each.signed, self._signer)
                await api.acknowledge(each.origin, statement)
                await asyncio.to_thread(self._note, each)
        except StoreError:
            raise
        except SigfedError as exc:
            return exc
        return None

    async def tell_trust(self, peer: str, api: TrustAcknowledgementApi) -> Exception | None:
        """Tell `peer` which of its trust files are held, unless it was told; returns why that failed, if it did."""
        try:
            said = await asyncio.to_thread(self.trust_due, peer)
            if said is not None:
                statement = await asyncio.to_thread(said.signed, self._signer)
                await api.acknowledge_trust(statement)
                await asyncio.to_thread(self._note_trust, said)
        except StoreError:
            raise
        except NotFoundError:
            return None  # an older node does not ask
        except SigfedError as exc:
            return exc
        return None

    def trust_due(self, peer: str) -> TrustAcknowledgement | None:
        """What `peer` has not been told yet of its trust files."""
        with self._store.read() as unit:
            record = unit.peers.get(peer)
            said = TrustAcknowledgement(
                node=self._node,
                of=peer,
                time_ms=milliseconds(self._clock.now()),
                root_version=newest_root(record).version,
                serial=record.serial,
                document_sha256=sha256(record.node_document).digest(),
            )
            return None if said.content() == unit.trust_acknowledgements.sent(peer) else said

    def _note_trust(self, told: TrustAcknowledgement) -> None:
        with self._store.write() as unit:
            unit.trust_acknowledgements.note_sent(told.of, told.content())

    def due(self, peer: str) -> Sequence[Acknowledgement]:
        """What `peer` has not been told yet."""
        time_ms = milliseconds(self._clock.now())
        with self._store.read() as unit:
            logs = [
                log for log in unit.logs.ls(LogKind.PEER_LIST) if log.node == peer and log.note is not None
            ]
            found = [_acknowledgement(unit, log, self._node, time_ms) for log in logs]
            return [each for each in found if each.content() != unit.acknowledgements.sent(each.origin)]

    def _note(self, told: Acknowledgement) -> None:
        with self._store.write() as unit:
            unit.acknowledgements.note_sent(told.origin, told.content())


def _acknowledgement(unit: Unit, log: LogRecord, node: str, time_ms: int) -> Acknowledgement:
    released = unit.judged.smallest(log.origin)
    return Acknowledgement(
        node=node,
        origin=log.origin,
        time_ms=time_ms,
        held_size=log.head.size,
        held_root=log.head.root,
        released_size=None if released is None else min(released, log.head.size),
    )
