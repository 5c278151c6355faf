"""What taking back a key of this node does, said in words before anything is done, and up to where its log is good.

For whoever is on call, at the terminal and in the console alike. What is listed and signed is
`node.trust.revoke`'s matter; the rules are `keys.trust.revocations`'.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from keys.message import Message
from keys.roles import Role
from keys.trust.node_parts import FinalCheckpoint
from keys.trust.revocations import Reason
from node.errors import UsageError
from node.ports.keyring import RingKey
from node.rotation.doubt import Round, head_at, rounds
from node.store.lists.records import LogRecord
from node.store.store import Store

SHOWN: Final = 12
"""Newest publications that are shown to choose the last good one from."""

_STOLEN: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.AUTH: Message("peers refuse it from their next sync on, and the access tokens that it got"),
        Role.TOKEN: Message(
            "within half a minute this node refuses the tokens that it signed; clients ask for others themselves"
        ),
        Role.STATEMENT: Message(
            "peers refuse acknowledgements and transfers by it, partners refuse new receipts"
        ),
        Role.WITNESS: Message(
            "this witness ends; another, of another name, begins. Members' heads need its cosignature anew"
        ),
        Role.LOG: Message("peers, witnesses and partners refuse heads that it signs from now on"),
    }
)


@dataclass(frozen=True, slots=True)
class History:
    """An own log whose key was stolen, and how it was published."""

    log: LogRecord
    rounds: Sequence[Round]
    """Oldest first."""

    @property
    def newest(self) -> Sequence[Round]:
        """The last ones, oldest first: one of these was surely the owner's, as a rule."""
        return self.rounds[-SHOWN:]

    def after(self, size: int) -> "Doubted":
        """What would be doubted with `size` as the last good one."""
        later = [each for each in self.rounds if each.size > size]
        return Doubted(
            publications=len(later),
            adds=sum(each.adds for each in later),
            withdrawals=sum(each.withdrawals for each in later),
            others=sum(each.others for each in later),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """What was published since a last good size."""

    publications: int
    adds: int
    """Entries, or hashes that releases added: they count nowhere."""
    withdrawals: int
    """They stay withdrawn in this log, and block nothing elsewhere."""
    others: int
    """Disputes, amendments and the like, or records: they count nowhere."""


def reason_of(text: str) -> Reason:
    """A reason as somebody types it; raises `UsageError`."""
    if text not in set(Reason):
        raise UsageError("a reason is one of {names}", ", ".join(Reason))
    return Reason(text)


def history(store: Store, log: LogRecord) -> History:
    """How an own log was published."""
    return History(log, list(rounds(store, log)))


def last_good(store: Store, published: History, size: int | None) -> FinalCheckpoint:
    """The last good head; raises `UsageError` where none is named, or one that never was published."""
    if size is None:
        raise UsageError(
            "which of these publications are surely this agency's?",
            hint="say up to which size with --last-good; 0: none is",
        )
    if size not in {0, *(each.size for each in published.rounds)}:
        events = f"{size:,} event" if size == 1 else f"{size:,} events"
        raise UsageError("{origin} was never published with {events}", published.log.origin, events)
    return head_at(store, published.log, size)


def consequences(key: RingKey, why: Reason, good: FinalCheckpoint | None) -> Iterator[str]:
    """What will happen, a sentence each."""
    if why is not Reason.COMPROMISE:
        yield Message("it signs nothing more; what it signed stands")
    else:
        yield _STOLEN[key.role]
        yield Message("its listed successors go with it: they were kept beside it")
    if good is not None:
        yield _staying(good.size)
        yield Message(
            "what was added after them counts nowhere; what was withdrawn after them stays withdrawn in this log"
        )
    yield Message("another key signs from now on, whether or not peers know it yet")


def _staying(size: int) -> Message:
    if not size:
        return Message("of the log, no event stays this agency's")
    return Message.counted(
        "of the log, the first {count} event stays this agency's",
        "of the log, the first {count} events stay this agency's",
        size,
    )
