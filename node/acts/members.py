"""Whom this agency counts in the federation; signed as keys are, here or elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from node.acts.act import OPERATORS, Field, Node, Work, declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Added(Work):
    """An agency whose fingerprint was compared."""

    url: Annotated[str, Field(record=True)]
    country: Annotated[str, Field(record=True)]
    authority: Annotated[Sequence[str], Field(record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(Work):
    """An agency that counts no more."""

    node: Annotated[str, Field(record=True)]


def _state(node: Node) -> object:
    with node.store.read() as unit:
        return node.identity.trust.in_force(), [peer.name for peer in unit.peers.ls()]


add: Final = declared("member.add", Added, roles=OPERATORS, irreversible=True, state=_state)
remove: Final = declared(
    "member.remove", Removed, roles=OPERATORS, fresh=True, irreversible=True, state=_state
)
