"""Having this node's heads cosigned: the other members' witnesses are asked, and what they sign joins the note.

A head stands once it is published; its cosignatures come after, and whoever is down, slow or refuses is an outcome that
is told. Asked are those whose cosignature on the newest head is missing or past half of the age that followers allow,
about all heads at once, each with little patience. That a witness claims another history of a log is an alarm, for a
person to look at: either the witness is wrong, or this node was put back to an older state, or somebody else signs with
its key. Rules: docs/spec/witness.md, "Collecting".
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from keys.errors import SigfedError
from keys.message import Message
from keys.trust.members import Members
from keys.trust.node_document import NodeDocument
from node.clock import Clock, milliseconds
from node.errors import ConflictError, StoreError
from node.files import said_of
from node.journal import Journal
from node.lists.continuation import is_closed
from node.objects.logfiles import held_tree
from node.store.lists.records import LogKind, LogRecord
from node.store.peers.records import CosignerRecord
from node.store.store import Store
from node.trust.others.refresh import log_trust
from node.witnesses.cosigners import OwnHead, WitnessAnswer, ask_witness
from protocol.api import WitnessApi
from protocol.history import fresh_cosignatures
from protocol.limits import MAX_CLOCK_SKEW_MS
from protocol.tlog.cosignature import Cosignature, verify_cosignatures, without_bad_lines
from protocol.tlog.note import Note, NoteSignature, VerifierKey, lines_of
from protocol.tlog.policy import Policy
from protocol.witness.policy import witness_keys, witness_policy

Dial = Callable[[NodeDocument], AbstractAsyncContextManager[WitnessApi]]
"""A connection to the witness that a node document names."""

_OWN: Final = (LogKind.OWN_LIST, LogKind.OWN_RELEASES, LogKind.OWN_AUDIT)
_PATIENCE_SECONDS: Final = 20.0
_LEAST_AGE: Final = timedelta(hours=1)
_TRIES: Final = 8
_journal = Journal("cosigning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """How one head of this node stands with the members' witnesses."""

    origin: str
    size: int
    witnesses: int
    """Members that are asked."""
    cosigned: int
    """Those whose cosignature on this head is recent."""
    missing: int
    """How many more a follower with this node's register needs."""
    asked: tuple[WitnessAnswer, ...] = ()
    """Those that were asked now."""

    @property
    def followed(self) -> bool:
        """Whether others wait for these cosignatures: an audit log is cosigned, and followed by nobody."""
        return self.origin.split("/")[1] in {"lists", "subsets"}

    @property
    def words(self) -> str:
        """The standing for people; empty when there is nobody to ask."""
        if not self.witnesses:
            return ""
        need = f", {self.missing} more must cosign" if self.missing else ""
        return f"cosigned by {self.cosigned} of {self.witnesses}{need}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """The newest head of an own log, and who may cosign it."""

    log: LogRecord
    note: Note
    """Without lines that do not verify."""
    log_keys: tuple[VerifierKey, ...]
    keys: Mapping[str, Sequence[VerifierKey]]
    """Of each member asked; none where they are not known."""
    policy: Policy

    def recent(self, *, now: datetime, max_age: timedelta) -> tuple[Cosignature, ...]:
        """The cosignatures of the members that are not older than `max_age`."""
        known = [key for own in self.keys.values() for key in own]
        return fresh_cosignatures(verify_cosignatures(self.note, known), now=now, max_age=max_age)

    def cosigners(self, cosignatures: Iterable[Cosignature]) -> set[str]:
        """The members whose cosignatures these are."""
        signed = {cosignature.witness for cosignature in cosignatures}
        return {node for node, own in self.keys.items() if not signed.isdisjoint(own)}

    def bare(self) -> Note:
        """The note under the log's own signatures alone."""
        return Note(self.note.text, tuple(line for _, line in lines_of(self.note, self.log_keys)))

    def with_lines(self, note: bytes, lines: Sequence[NoteSignature]) -> bytes:
        """`note` with the lines of the log and of known witnesses that verify, renewed by `lines`."""
        known = {key.key_hash for own in (self.log_keys, *self.keys.values()) for key in own}
        good = without_bad_lines(Note.parse(note), [key for own in self.keys.values() for key in own])
        kept = tuple(line for line in good.signatures if line.key_hash in known)
        return Note(self.note.text, kept).renewed(lines).to_bytes()


class Cosigning:
    """The witnesses of the own logs of the node `node`; `max_age` is how old a cosignature may be for a follower."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        node: str,
        members: Callable[[], Members],
        documents: Callable[[], Mapping[str, NodeDocument]],
        dial: Dial,
        max_age: timedelta,
        quorum: int | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._node = node
        self._members = members
        self._documents = documents
        self._dial = dial
        self._max_age = max_age
        self._quorum = quorum

    async def collect(self) -> list[Cosigned]:
        """Ask about the newest heads of all own logs; what a witness does is in the report, never an error.

        Raises:
            StoreError: what came for one of them could not be kept; for the others it is.
        """
        documents = await asyncio.to_thread(self._documents)
        heads = await asyncio.to_thread(self._heads, documents)
        each = await asyncio.gather(
            *(self._collect(head, documents) for head in heads), return_exceptions=True
        )
        for one in each:  # what came for the others is kept by now
            if isinstance(one, BaseException):
                raise one
        return [one for one in each if isinstance(one, Cosigned)]

    def standing(self) -> list[Cosigned]:
        """How the newest heads stand; nobody is asked."""
        documents = self._documents()
        return [self._standing(head, documents) for head in self._heads(documents)]

    def _heads(self, documents: Mapping[str, NodeDocument]) -> list[_Head]:
        with self._store.read() as unit:
            logs = unit.logs.ls(*_OWN)
        members, own, now = self._members(), documents[self._node], self._clock.now()
        # The end of a closed log is the holders' word, and needs nobody else's.
        grows = [log for log in logs if log.note is not None and not is_closed(own, log.origin)]
        return [self._head(log, members, documents, now) for log in grows]

    def _head(
        self, log: LogRecord, members: Members, documents: Mapping[str, NodeDocument], now: datetime
    ) -> _Head:
        assert log.note is not None, "a published head"
        log_keys = log_trust(documents[self._node], log.origin, now).log_keys
        keys = witness_keys(log.origin, members, documents, log_keys=log_keys, now=now)
        return _Head(
            log=log,
            note=without_bad_lines(Note.parse(log.note), [key for own in keys.values() for key in own]),
            log_keys=log_keys,
            keys=keys,
            policy=witness_policy(
                log.origin, members, documents, log_keys=log_keys, now=now, quorum=self._quorum
            ),
        )

    def _age(self, documents: Mapping[str, NodeDocument]) -> timedelta:
        """How old a cosignature may be for the strictest of the members, who say it in their documents."""
        own = self._max_age // timedelta(seconds=1)
        # Compared as numbers: a member may say one that no time span has.
        seconds = min(own, *(document.limits.max_checkpoint_age_s for document in documents.values()))
        return max(timedelta(seconds=seconds), _LEAST_AGE)

    def _standing(
        self, head: _Head, documents: Mapping[str, NodeDocument], asked: Sequence[WitnessAnswer] = ()
    ) -> Cosigned:
        recent = head.recent(now=self._clock.now(), max_age=self._age(documents))
        return Cosigned(
            origin=head.log.origin,
            size=head.log.head.size,
            witnesses=len(head.keys),
            cosigned=len(head.cosigners(recent)),
            missing=head.policy.missing([cosignature.witness for cosignature in recent]),
            asked=tuple(asked),
        )

    async def _collect(self, head: _Head, documents: Mapping[str, NodeDocument]) -> Cosigned:
        recent = head.recent(now=self._clock.now(), max_age=self._age(documents) / 2)
        due = [node for node in head.keys if node not in head.cosigners(recent)]
        if not due:
            return self._standing(head, documents)
        asked = await self._ask_all(head, due, documents)
        head = await asyncio.to_thread(self._keep, head, asked)
        return self._standing(head, documents, asked)

    async def _ask_all(
        self, head: _Head, due: Sequence[str], documents: Mapping[str, NodeDocument]
    ) -> Sequence[WitnessAnswer]:
        guesses = await asyncio.to_thread(self._guesses, head.log)

        async def ask(node: str) -> WitnessAnswer:
            # A tree each: its tiles are read in threads, and the witnesses are asked at once.
            own = OwnHead(note=head.bare(), tree=held_tree(self._store, head.log))
            return await self._ask(node, own, head.keys[node], documents.get(node), guesses.get(node, 0))

        return await asyncio.gather(*map(ask, due))

    async def _ask(
        self, node: str, own: OwnHead, keys: Sequence[VerifierKey], document: NodeDocument | None, guess: int
    ) -> WitnessAnswer:
        if document is None or not keys:
            return WitnessAnswer(witness=node, words=Message("no valid key of its witness is known here"))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), self._dial(document) as api:
                return self._weighed(await ask_witness(api, own, witness=node, keys=keys, guess=guess))
        except TimeoutError:
            return WitnessAnswer(witness=node, words=Message("did not answer in time"))
        except (SigfedError, OSError) as exc:
            return WitnessAnswer(witness=node, words=said_of(exc).message)

    def _weighed(self, answer: WitnessAnswer) -> WitnessAnswer:
        """A cosignature of a clock that is, or was, ahead counts nowhere yet."""
        ahead_s = answer.cosigned_s - int(self._clock.now().timestamp())
        if ahead_s <= MAX_CLOCK_SKEW_MS // 1000:
            return answer
        words = Message(
            "cosigned, but dated {seconds} s ahead, and counts nowhere before then: its clock is ahead, or was",
            ahead_s,
        )
        return replace(answer, words=words, early=True)

    def _guesses(self, log: LogRecord) -> dict[str, int]:
        """Where each witness stood last; what is beyond the log is no place to start from."""
        with self._store.read() as unit:
            records = [record for record in unit.cosigners.ls() if record.origin == log.origin]
        return {record.witness: record.size for record in records if record.size <= log.head.size}

    def _keep(self, head: _Head, asked: Sequence[WitnessAnswer]) -> _Head:
        """Put the new lines on the note, unless the log has grown meanwhile; remember how everybody answered."""
        for one in asked:
            if one.alarm:
                _journal.warning("alarm", origin=head.log.origin, witness=one.witness, reason=one.words)
        lines = [line for one in asked for line in one.lines]
        for _ in range(_TRIES):
            try:
                return self._put(head, asked, lines)
            except ConflictError:
                continue
        raise StoreError(
            "{origin}: its note would not stand still", head.log.origin, hint="run the command again"
        )

    def _put(self, head: _Head, asked: Sequence[WitnessAnswer], lines: Sequence[NoteSignature]) -> _Head:
        now_ms = milliseconds(self._clock.now())
        with self._store.write() as unit:
            for one in asked:
                held = unit.cosigners.find(head.log.origin, one.witness)
                unit.cosigners.put(_record(head.log.origin, one, held, now_ms))
            log = unit.logs.get(head.log.origin)
            if log.note is None or (log.head.size, log.head.root) != _place(head.log):
                return head
            if not lines and log.note == head.note.to_bytes():
                return head
            note = head.with_lines(log.note, lines)
            unit.logs.cosign(log, note)
        return _Head(
            log=log, note=Note.parse(note), log_keys=head.log_keys, keys=head.keys, policy=head.policy
        )


def _place(log: LogRecord) -> tuple[int, bytes]:
    return log.head.size, log.head.root


def _record(origin: str, asked: WitnessAnswer, held: CosignerRecord | None, now_ms: int) -> CosignerRecord:
    first = held.since_ms if held else 0
    said_s = asked.cosigned_s or (held.cosigned_s if held else 0)
    return CosignerRecord(
        origin=origin,
        witness=asked.witness,
        size=(held.size if held else 0) if asked.size is None else asked.size,
        since_ms=first or (now_ms if asked.lines else 0),
        cosigned_s=min(said_s, now_ms // 1000),  # what is dated ahead says no more than this clock does
        asked_ms=now_ms,
        outcome=asked.words[:1024],
        alarm=asked.alarm,
    )
