"""The health of the node: what `sigfed doctor` finds, what needs mending first, each with the step that mends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.console.parts import Page, Section, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.runtime.checking import examine
from node.runtime.health import Check, Health

_ORDER: Final = (Health.FAIL, Health.WARN, Health.OK)


@dataclass(frozen=True, slots=True)
class Examined:
    """What the page shows, the worst first."""

    checks: Sequence[Check]

    @property
    def failed(self) -> int:
        """How many must be mended."""
        return sum(check.health is Health.FAIL for check in self.checks)

    @property
    def warned(self) -> int:
        """How many will have to be."""
        return sum(check.health is Health.WARN for check in self.checks)


def gather(world: World, _: Visitor, __: Values) -> Examined:
    """All checks, as they are now."""
    return Examined(sorted(examine(world.identity), key=lambda check: _ORDER.index(check.health)))


PAGES: Final = (
    Page(name="health", path="/console/health", title="Health", gather=gather, section=Section.RECORD),
)
