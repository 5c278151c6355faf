"""How this node's heads stand with the other members' witnesses: by the notes that are held, and nobody is asked."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from keys.trust.members import Members
from keys.trust.node_document import NodeDocument
from node.clock import Clock
from node.lists.continuation import is_closed
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from node.trust.others.log_trust import log_trust
from protocol.history import fresh_cosignatures
from protocol.tlog.cosignature import Cosignature, verify_cosignatures, without_bad_lines
from protocol.tlog.note import Note, NoteSignature, VerifierKey, lines_of
from protocol.tlog.policy import Policy
from protocol.witness.policy import witness_keys, witness_policy

if TYPE_CHECKING:  # who looks asks nobody
    from node.witnesses.cosigners import WitnessAnswer

_OWN: Final = (LogKind.OWN_LIST, LogKind.OWN_RELEASES, LogKind.OWN_AUDIT)
_LEAST_AGE: Final = timedelta(hours=1)


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
    asked: "tuple[WitnessAnswer, ...]" = ()
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
class Head:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """How the own logs of the node `node` stand, by the notes that are held."""

    store: Store
    clock: Clock
    node: str
    members: Callable[[], Members]
    documents: Callable[[], Mapping[str, NodeDocument]]
    goes_on: Callable[[str], bool]
    """Whether a log was not given up, by its origin: of one that was, others may have cosigned more than is held."""
    max_age: timedelta
    """How old a cosignature may be for a follower."""
    quorum: int | None = None

    def ls(self) -> list[Cosigned]:
        """How the newest heads stand; nobody is asked."""
        documents = self.documents()
        return [self.of(head, documents) for head in self.heads(documents)]

    def heads(self, documents: Mapping[str, NodeDocument]) -> list[Head]:
        """The newest heads of the logs that grow."""
        with self.store.read() as unit:
            logs = unit.logs.ls(*_OWN)
        members, own, now = self.members(), documents[self.node], self.clock.now()
        # The end of a closed log is the holders' word, and needs nobody else's.
        grow = [log for log in logs if not is_closed(own, log.origin) and self.goes_on(log.origin)]
        return [self._head(log, members, documents, now) for log in grow if log.note is not None]

    def _head(
        self, log: LogRecord, members: Members, documents: Mapping[str, NodeDocument], now: datetime
    ) -> Head:
        assert log.note is not None, "a published head"
        log_keys = log_trust(documents[self.node], log.origin, now).log_keys
        keys = witness_keys(log.origin, members, documents, log_keys=log_keys, now=now)
        return Head(
            log=log,
            note=without_bad_lines(Note.parse(log.note), [key for own in keys.values() for key in own]),
            log_keys=log_keys,
            keys=keys,
            policy=witness_policy(
                log.origin, members, documents, log_keys=log_keys, now=now, quorum=self.quorum
            ),
        )

    def age(self, documents: Mapping[str, NodeDocument]) -> timedelta:
        """How old a cosignature may be for the strictest of the members, who say it in their documents."""
        own = self.max_age // timedelta(seconds=1)
        # Compared as numbers: a member may say one that no time span has.
        seconds = min(own, *(document.limits.max_checkpoint_age_s for document in documents.values()))
        return max(timedelta(seconds=seconds), _LEAST_AGE)

    def of(
        self, head: Head, documents: Mapping[str, NodeDocument], asked: "Sequence[WitnessAnswer]" = ()
    ) -> Cosigned:
        """How one head stands."""
        recent = head.recent(now=self.clock.now(), max_age=self.age(documents))
        return Cosigned(
            origin=head.log.origin,
            size=head.log.head.size,
            witnesses=len(head.keys),
            cosigned=len(head.cosigners(recent)),
            missing=head.policy.missing([cosignature.witness for cosignature in recent]),
            asked=tuple(asked),
        )
