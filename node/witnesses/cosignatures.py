"""Having this node's heads cosigned: the other members' witnesses are asked, and what they sign joins the note.

A head stands once it is published; its cosignatures come after, and whoever is down, slow or refuses is an outcome that
is told. Asked are those whose cosignature on the newest head is missing or past half of the age that followers allow,
about all heads at once, each with little patience. That a witness claims another history of a log is an alarm, for a
person to look at: either the witness is wrong, or this node was put back to an older state, or somebody else signs with
its key. Rules: docs/spec/witness.md, "Collecting".
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final

from keys.errors import SigfedError
from keys.message import Message
from keys.trust.node_document import NodeDocument
from node.clock import milliseconds
from node.errors import ConflictError, StoreError
from node.files import said_of
from node.journal import Journal
from node.objects.logfiles import held_tree
from node.store.lists.records import LogRecord
from node.store.peers.records import CosignerRecord
from node.witnesses.cosigners import OwnHead, WitnessAnswer, ask_witness
from node.witnesses.standings import Cosigned, Head, Standings
from protocol.api import WitnessApi
from protocol.limits import MAX_CLOCK_SKEW_MS
from protocol.tlog.note import Note, NoteSignature, VerifierKey

Dial = Callable[[NodeDocument], AbstractAsyncContextManager[WitnessApi]]
"""A connection to the witness that a node document names."""

_PATIENCE_SECONDS: Final = 20.0
_TRIES: Final = 8
_journal = Journal("cosigning")


@dataclass(frozen=True, slots=True)
class Cosigning:
    """The witnesses of the own logs, and what they are asked; `dial` reaches one."""

    standings: Standings
    dial: Dial

    async def collect(self) -> list[Cosigned]:
        """Ask about the newest heads of all own logs; what a witness does is in the report, never an error.

        Raises:
            StoreError: what came for one of them could not be kept; for the others it is.
        """
        documents = await asyncio.to_thread(self.standings.documents)
        heads = await asyncio.to_thread(self.standings.heads, documents)
        each = await asyncio.gather(
            *(self._collect(head, documents) for head in heads), return_exceptions=True
        )
        for one in each:  # what came for the others is kept by now
            if isinstance(one, BaseException):
                raise one
        return [one for one in each if isinstance(one, Cosigned)]

    async def _collect(self, head: Head, documents: Mapping[str, NodeDocument]) -> Cosigned:
        recent = head.recent(now=self.standings.clock.now(), max_age=self.standings.age(documents) / 2)
        due = [node for node in head.keys if node not in head.cosigners(recent)]
        if not due:
            return self.standings.of(head, documents)
        asked = await self._ask_all(head, due, documents)
        head = await asyncio.to_thread(self._keep, head, asked)
        return self.standings.of(head, documents, asked)

    async def _ask_all(
        self, head: Head, due: Sequence[str], documents: Mapping[str, NodeDocument]
    ) -> Sequence[WitnessAnswer]:
        guesses = await asyncio.to_thread(self._guesses, head.log)

        async def ask(node: str) -> WitnessAnswer:
            # A tree each: its tiles are read in threads, and the witnesses are asked at once.
            own = OwnHead(note=head.bare(), tree=held_tree(self.standings.store, head.log))
            return await self._ask(node, own, head.keys[node], documents.get(node), guesses.get(node, 0))

        return await asyncio.gather(*map(ask, due))

    async def _ask(
        self, node: str, own: OwnHead, keys: Sequence[VerifierKey], document: NodeDocument | None, guess: int
    ) -> WitnessAnswer:
        if document is None or not keys:
            return WitnessAnswer(witness=node, words=Message("no valid key of its witness is known here"))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), self.dial(document) as api:
                return self._weighed(await ask_witness(api, own, witness=node, keys=keys, guess=guess))
        except TimeoutError:
            return WitnessAnswer(witness=node, words=Message("did not answer in time"))
        except (SigfedError, OSError) as exc:
            return WitnessAnswer(witness=node, words=said_of(exc).message)

    def _weighed(self, answer: WitnessAnswer) -> WitnessAnswer:
        """A cosignature of a clock that is, or was, ahead counts nowhere yet."""
        ahead_s = answer.cosigned_s - int(self.standings.clock.now().timestamp())
        if ahead_s <= MAX_CLOCK_SKEW_MS // 1000:
            return answer
        words = Message(
            "cosigned, but dated {seconds} s ahead, and counts nowhere before then: its clock is ahead, or was",
            ahead_s,
        )
        return replace(answer, words=words, early=True)

    def _guesses(self, log: LogRecord) -> dict[str, int]:
        """Where each witness stood last; what is beyond the log is no place to start from."""
        with self.standings.store.read() as unit:
            records = [record for record in unit.cosigners.ls() if record.origin == log.origin]
        return {record.witness: record.size for record in records if record.size <= log.head.size}

    def _keep(self, head: Head, asked: Sequence[WitnessAnswer]) -> Head:
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
        raise StoreError("{origin}: its note kept changing", head.log.origin, hint="run the command again")

    def _put(self, head: Head, asked: Sequence[WitnessAnswer], lines: Sequence[NoteSignature]) -> Head:
        now_ms = milliseconds(self.standings.clock.now())
        with self.standings.store.write() as unit:
            for one in asked:
                held = unit.cosigners.find(head.log.origin, one.witness)
                unit.cosigners.put(_record(head.log.origin, one, held, now_ms))
            log = unit.logs.get(head.log.origin)
            if log.note is None or _place(log) != _place(head.log):
                return head
            if not lines and log.note == head.note.to_bytes():
                return head
            note = head.with_lines(log.note, lines)
            unit.logs.cosign(log, note)
        return Head(
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
