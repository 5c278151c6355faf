"""Keys of the node. The terminal signs with the holders' keys; a page proposes what they sign elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from keys.message import Message
from node.acts.act import SECURITY, Done, Field, Node, Work, act, declared

if TYPE_CHECKING:
    from keys.trust.revocations import Reason
    from node.trust.next_root import RootChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A key."""

    name: Annotated[str, Field(help="The key, as sigfed key status names it.", argument=True, record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal(Work):
    """What holders sign elsewhere."""

    proposal: Annotated[str, Field(record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRoot(Proposal):
    """Other holders, keys or thresholds."""

    holders: Annotated[Sequence[str], Field(record=True)]
    """Names of those who come."""
    remove: Annotated[Sequence[str], Field(record=True)]
    threshold: Annotated[int | None, Field(record=True)]
    targets_threshold: Annotated[int | None, Field(record=True)]
    stolen_targets: Annotated[bool, Field(record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated(Work):
    """Whose key gets a successor."""

    role: Annotated[str, Field(record=True)]
    of: Annotated[str, Field(record=True)]
    at: Annotated[str, Field(record=True)]
    key: Annotated[str, Field(record=True)] = ""
    """Where the successor lies already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked(Work):
    """A key that is taken back."""

    name: Annotated[str, Field(record=True)]
    reason: Annotated["Reason", Field(record=True)]
    last_good: Annotated[int | None, Field(record=True)]
    """Of a stolen log key: how many events are surely this agency's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Work):
    """A log that goes on after its key was stolen."""

    log: Annotated[str, Field(record=True)]


def next_root(
    name: str, change: "RootChange", *, stolen_targets: bool, work: Callable[[Node], Done]
) -> NextRoot:
    """A change of the root as it is recorded."""
    return NextRoot(
        proposal=name,
        holders=[holder.name for holder in change.holders],
        remove=change.remove,
        threshold=change.threshold,
        targets_threshold=change.targets_threshold,
        stolen_targets=stolen_targets,
        work=work,
    )


def _state(node: Node) -> object:
    return node.identity.ring.read(), node.identity.trust.in_force()


propose: Final = declared("key.propose", NextRoot, roles=SECURITY, fresh=True)
take_back: Final = declared("key.take-back", Proposal, roles=SECURITY, fresh=True)
discard: Final = declared("key.discard", Proposal, roles=SECURITY, fresh=True)
rotate: Final = declared("key.rotate", Rotated, roles=SECURITY, fresh=True, state=_state)
revoke: Final = declared("key.revoke", Revoked, roles=SECURITY, fresh=True, state=_state)
resume: Final = declared("key.resume", Resumed, roles=SECURITY, fresh=True, state=_state)
publish: Final = declared(
    "key.publish", Proposal, roles=SECURITY, fresh=True, irreversible=True, state=_state
)


@act("key.allow", roles=SECURITY, fresh=True, state=_state)
def allow(node: Node, given: Named) -> Done:
    """Let a published key begin although some peers have not said that they know it."""
    from node.rotation.rotate import allow as let_begin
    from node.rotation.rotate import key_facts
    from node.signing.ring import get_key
    from node.trust.adopt import as_listed

    identity = node.identity
    ring = identity.adopt_keys()
    key = get_key(as_listed(ring, key_facts(identity, node.store, ring).listed), given.name)
    done = let_begin(identity, node.store, key, by=identity.actor)
    missing = sorted({peer for step in done.steps if step.kid == key.managed.kid for peer in step.missing})
    return Done(
        said=Message("{key} may begin although not every peer has said that it knows it.", given.name),
        facts={"key": given.name, "missing": missing},
        lines=(f"peers that have not said that they know it: {', '.join(missing) or 'none'}",),
        following=("sigfed key status",),
    )


ACTS = (allow,)
