"""Keys of the node. What holders sign elsewhere is a ceremony, and stands with its command and its page."""

from dataclasses import dataclass
from typing import Annotated

from keys.message import Message
from node.acts.act import SECURITY, Done, Field, Node, act


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A key."""

    name: Annotated[str, Field(help="The key, as sigfed key status names it.", argument=True, record=True)]


@act("key.allow", roles=SECURITY, fresh=True)
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
