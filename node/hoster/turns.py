"""Several hits or proposals that have their turn with the node: what is wrong with one keeps no other from its turn."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from keys.message import Message
from node.errors import NodeError, NotFoundError, PeerRefusedError, VerificationError


class Kept(Protocol):
    """What is kept until the node has it."""

    KIND: ClassVar[str]
    """What it is called."""

    @property
    def id(self) -> str:
        """In hexadecimal digits."""
        ...


Item = TypeVar("Item", bound=Kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns(Generic[Item]):
    """What went wrong while several had their turn: with one of them, or with the node, which ends all turns."""

    failed: Sequence[tuple[Item, NodeError]] = ()
    stopped: NodeError | None = None
    """Why no more had theirs."""

    @property
    def problem(self) -> str:
        """Why not all of it was done, in words; empty: it was."""
        if self.stopped is not None or not self.failed:
            return self.stopped.message if self.stopped else ""
        (one, why), *more = self.failed
        if more:
            return Message("{kind} {id} and {count} more: {reason}", one.KIND, one.id[:8], len(more), why)
        return Message("{kind} {id}: {reason}", one.KIND, one.id[:8], why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Turns[Item]):
    """Those with which it was done, as they are now."""

    done: Sequence[Item]


def is_of_one(exc: NodeError) -> bool:
    """Whether an error says something of what it came with, and nothing of the node."""
    return isinstance(exc, PeerRefusedError | NotFoundError | VerificationError)


async def in_turn(
    items: Sequence[Item],
    do: Callable[[Item], Awaitable[Item]],
    *,
    of_one: Callable[[NodeError], bool] = is_of_one,
) -> Done[Item]:
    """Do it with each: what is wrong with one keeps no other from its turn, what is wrong with the node does."""
    done: list[Item] = []
    failed: list[tuple[Item, NodeError]] = []
    for item in items:
        try:
            done.append(await do(item))
        except NodeError as exc:
            if not of_one(exc):
                return Done(done=done, failed=failed, stopped=exc)
            failed.append((item, exc))
    return Done(done=done, failed=failed)
