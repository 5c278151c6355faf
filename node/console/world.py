"""What the console's pages and actions work with: the running node, opened once and shared by all requests."""

from dataclasses import dataclass, replace
from typing import Self

from node.app.health.checkup import Checkup, look
from node.app.judgement import Judge
from node.identity.identity import Identity
from node.ports.evaluator import Evaluator
from node.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A running node. What uses it does so in a thread: its store blocks."""

    identity: Identity
    store: Store
    evaluator: Evaluator
    """For releases of subsets."""
    judge: Judge
    """What waits for a word of this node, and what held lists say of some hashes."""
    checkup: Checkup
    """What `sigfed doctor` finds."""

    @classmethod
    def of(cls, identity: Identity, store: Store, evaluator: Evaluator) -> Self:
        """The world of an opened node."""
        return cls(
            identity=identity,
            store=store,
            evaluator=evaluator,
            judge=Judge.of(identity, store),
            checkup=Checkup(lambda: look(identity, store), identity.clock),
        )

    @property
    def node(self) -> str:
        """The name of this node."""
        return self.identity.settings.node

    @property
    def now_ms(self) -> int:
        """Now, in the unit of event times."""
        return self.identity.now_ms

    def acting_as(self, person: str) -> Self:
        """The same node, with a person named in what is recorded from here on."""
        return replace(self, identity=replace(self.identity, actor=person))
