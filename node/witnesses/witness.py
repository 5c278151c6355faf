"""This node as a witness of its peers' logs: lists and release logs, as their node documents name them.

A head is cosigned on consistency alone, and remembered before the answer leaves. Of two requests that meet, one is
remembered and the other judged again, against what is then remembered. Never a log of this node: its word about itself
adds nothing. Rules: docs/spec/witness.md.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from keys.errors import KeysError, SigfedError
from keys.signer import Signer
from keys.trust.names import is_origin_of
from node.clock import Clock, milliseconds
from node.errors import ConflictError, StoreError, StoreLockedError
from node.evidence.keep import keep, of_log
from node.journal import Journal
from node.store.peers.records import EvidenceKind, WitnessRecord
from node.store.store import Store
from node.trust.others.log_trust import log_trust
from node.trust.others.refresh import held_document
from node.trust.others.revocations import signing
from protocol.errors import MalformedError
from protocol.pull.inputs import LogTrust
from protocol.tlog.cosignature import cosign
from protocol.witness.cosign import AddCheckpoint, Refuse, Status, Witnessed, judge

_TRIES: Final = 16
_STALE: Final = frozenset({Status.UNKNOWN, Status.UNTRUSTED})
"""Refusals that a newer node document may turn into an answer."""
_RENEWALS: Final = 12
_RENEWAL_SPAN: Final = timedelta(minutes=1)
_journal = Journal("witness")


class Cosigner(Protocol):
    """What holds the keys of this node's witness."""

    def cosign(self, request: AddCheckpoint, head: Witnessed) -> WitnessRecord:
        """`head`, which the request was judged to be, cosigned.

        Raises `ConflictError` where the cosigner remembers a later head itself.
        """
        ...

    def standing(self, origin: str) -> WitnessRecord | None:
        """What it remembers having cosigned last of a log; None too for one that remembers nothing."""
        ...


class Witness:
    """The witness of `node`. After its key was stolen it has another name, so `cosigner` is asked each time."""

    def __init__(self, store: Store, clock: Clock, *, node: str, cosigner: Callable[[], Cosigner]) -> None:
        self._store = store
        self._clock = clock
        self._node = node
        self._cosigner = cosigner

    def add(self, body: bytes) -> bytes | Refuse:
        """The cosignature line on the checkpoint in a request's body, or why there is none.

        Raises:
            StoreLockedError: too many others were served in between.
        """
        try:
            request = AddCheckpoint.from_bytes(body)
        except MalformedError as error:
            return Refuse(Status.MALFORMED, str(error))
        trust = self._trust(request.claim.origin)
        for _ in range(_TRIES):
            try:
                return self._answer(request, trust)
            except ConflictError:
                continue
        raise StoreLockedError("other checkpoints of this log came in between", hint="ask again")

    def checkpoint(self, origin_sha256: str) -> bytes:
        """The last checkpoint cosigned: the log's signatures and ours; raises `NotFoundError`."""
        with self._store.read() as unit:
            record = unit.witnessed.get(origin_sha256)
        return record.head.note + record.cosignature

    def standing(self, origin: str) -> WitnessRecord | None:
        """What was cosigned last of a log; None if nothing ever was."""
        with self._store.read() as unit:
            return unit.witnessed.find(origin)

    def peer_of(self, body: bytes) -> str | None:
        """The peer whose log a request is about; None for another node's, or for something that is no request."""
        try:
            origin = AddCheckpoint.from_bytes(body).claim.origin
        except MalformedError:
            return None
        node = origin.partition("/")[0]
        if node == self._node or not is_origin_of(origin, node):
            return None
        with self._store.read() as unit:
            return node if unit.peers.find(node) else None

    def _answer(self, request: AddCheckpoint, trust: LogTrust | None) -> bytes | Refuse:
        origin = request.claim.origin
        with self._store.read() as unit:
            held = unit.witnessed.find(origin)
        judged = judge(
            request,
            log_keys=trust.log_keys if trust else None,
            held=held.head if held else None,
            now_s=int(self._clock.now().timestamp()),
            final=trust.final if trust else None,
        )
        if isinstance(judged, Refuse):
            self._keep_evidence(origin, judged)
            return judged
        cosigner = self._cosigner()
        try:
            record = cosigner.cosign(request, judged)
        except ConflictError:
            self._catch_up(held, cosigner.standing(origin), origin)
            raise
        return self._remember(held, record)

    def _catch_up(self, held: WitnessRecord | None, standing: WitnessRecord | None, origin: str) -> None:
        """Remember what the cosigner does: its answer was lost before it was remembered here."""
        if standing is None or (held is not None and standing.head.size < held.head.size):
            raise StoreError(
                "{origin}: the signer remembers less than this node cosigned",
                origin,
                hint="restore the signer's folder from a backup of the same time as the node's",
            )
        self._remember(held, standing)

    def _remember(self, held: WitnessRecord | None, new: WitnessRecord) -> bytes:
        with self._store.write() as unit:
            unit.witnessed.replace(held, new)
        return new.cosignature

    def _keep_evidence(self, origin: str, refused: Refuse) -> None:
        if refused.evidence is None:
            return
        verdict = of_log(refused.evidence, EvidenceKind.FORK)
        now_ms = milliseconds(self._clock.now())
        record = keep(self._store, refused.evidence, verdict, source="", now_ms=now_ms)
        if record is not None:
            _journal.warning("fork", origin=origin, evidence=record.object)

    def _trust(self, origin: str) -> LogTrust | None:
        """Whom to believe about a peer's log now; None for a log that no peer's document names."""
        node = origin.partition("/")[0]
        if node == self._node:
            return None
        with self._store.read() as unit:
            peer = unit.peers.find(node)
        if peer is None:
            return None
        now = self._clock.now()
        try:
            document = held_document(peer, now)
        except KeysError:
            return LogTrust(origin=origin, log_keys=())  # its trust files have ended: nobody signs for it now
        with self._store.read() as unit:
            document = signing(unit, document)
        if all(log.origin != origin for log in document.logs):
            return None
        return log_trust(document, origin, now)


class KeyCosigner(NamedTuple):
    """Cosigns in this process, as the witness `name`: with two keys while one follows another."""

    name: str
    signers: Sequence[Signer]

    def cosign(self, request: AddCheckpoint, head: Witnessed) -> WitnessRecord:
        """The head, cosigned at the time that it was judged."""
        lines = [
            cosign(request.note.text, self.name, signer, head.time_s).to_line() for signer in self.signers
        ]
        return WitnessRecord(origin=request.claim.origin, head=head, cosignature="".join(lines).encode())

    def standing(self, origin: str) -> WitnessRecord | None:
        """Nothing: what was cosigned is remembered in the node's store alone."""
        del origin
        return None


Renew = Callable[[str], Awaitable[None]]
"""Fetches the trust files of a peer and keeps newer ones; a failure raises one of this project's errors."""


class ServedWitness:
    """A witness as the web server asks it.

    A log that the held document of a peer does not name, or a key, may be newer than the document: `renew` fetches it
    and the request is judged again. Anybody can make such a request, so that is done a few times a minute only.
    """

    def __init__(self, witness: Witness, clock: Clock, *, renew: Renew | None = None) -> None:
        self._witness = witness
        self._clock = clock
        self._renew = renew
        self._renewed: deque[datetime] = deque(maxlen=_RENEWALS)

    async def add_checkpoint(self, body: bytes) -> bytes | Refuse:
        """The cosignature line, or why there is none."""
        answer = await asyncio.to_thread(self._witness.add, body)
        if not isinstance(answer, Refuse) or answer.status not in _STALE or not await self._renews(body):
            return answer
        return await asyncio.to_thread(self._witness.add, body)

    async def _renews(self, body: bytes) -> bool:
        """Whether the trust files of the peer that the request is about were fetched just now."""
        peer = await asyncio.to_thread(self._witness.peer_of, body)
        now = self._clock.now()
        if self._renew is None or peer is None:
            return False
        if len(self._renewed) == _RENEWALS and now - self._renewed[0] < _RENEWAL_SPAN:
            return False
        self._renewed.append(now)
        try:
            await self._renew(peer)
        except SigfedError as exc:
            _journal.info("not-renewed", peer=peer, reason=str(exc))
            return False
        return True

    async def witnessed(self, origin_sha256: str) -> bytes:
        """The last checkpoint cosigned."""
        return await asyncio.to_thread(self._witness.checkpoint, origin_sha256)
