"""The health of the node: what `sigfed doctor` finds, what needs mending first, each with the step that mends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from node.console.parts import Page, Section, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.errors import NotFoundError
from node.runtime.checking import examine
from node.runtime.health import Check, Health
from node.services.lists.audit_reading import read_audit_backwards
from protocol.audit import AuditRecord

_LOOKED_AT: Final = 20_000
"""Newest records among which a backup is looked for: of more than a month where much is done."""
_ORDER: Final = (Health.FAIL, Health.WARN, Health.OK)


@dataclass(frozen=True, slots=True)
class Examined:
    """What the page shows, the worst first."""

    checks: Sequence[Check]
    backup: AuditRecord | None
    """The newest that was made, of those that the audit log remembers."""

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
    return Examined(
        checks=sorted(examine(world.identity), key=lambda check: _ORDER.index(check.health)),
        backup=_last_backup(world),
    )


def _last_backup(world: World) -> AuditRecord | None:
    try:
        newest = islice(read_audit_backwards(world.shelf), _LOOKED_AT)
        return next((one.record for one in newest if one.record.action == "backup.create"), None)
    except NotFoundError:  # no audit log was begun
        return None


PAGES: Final = (
    Page(name="health", path="/console/health", title="Health", gather=gather, section=Section.RECORD),
)
