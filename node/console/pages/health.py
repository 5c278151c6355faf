"""The health of the node: what `sigfed doctor` found, what needs mending first, each with the step that mends it.

It is found anew every ten minutes at most, or when somebody asks for it: the page says how old it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keys.message import marked
from node.access.sessions import Visitor
from node.acts.act import JUDGES
from node.clock import milliseconds
from node.console.languages import translated_plural
from node.console.parts import Action, Led, Page, Section, Values
from node.console.world import World
from node.health import Check, Health, worst_first
from node.identity.outside_note import silent
from protocol.audit import AuditRecord

ROWS: Final = 50
_HERE: Final = "/console/health"
_WORDS: Final[Mapping[str, str]] = {"ends": marked("what ends")}
"""Names of checks that say something else in another language where they stand alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What the page shows."""

    checks: Sequence[Check]
    """The worst first, as many as a page holds."""
    more: int
    failed: int
    """How many must be mended."""
    warned: int
    """How many will have to be."""
    at_ms: int
    """When they were found."""
    silent: Mapping[str, str]
    """Members for which additions wait now, and why they do not answer."""
    backup: AuditRecord | None
    """The newest that was made by then, of those that the audit log remembers."""


def gather(world: World, _: Visitor, __: Values) -> Examined:
    """All checks, as they were a short while ago, and whom additions wait for now."""
    found, at = world.checkup.latest()
    checks = worst_first(replace(check, name=_WORDS.get(check.name, check.name)) for check in found.checks)
    return Examined(
        checks=checks[:ROWS],
        more=len(checks[ROWS:]),
        failed=sum(check.health is Health.FAIL for check in checks),
        warned=sum(check.health is Health.WARN for check in checks),
        at_ms=milliseconds(at),
        silent=silent(world.identity),
        backup=found.backup,
    )


def examine_now(world: World, _: Visitor, __: Values) -> Led:
    """Examine the node, however short ago that was done."""
    found = len(world.checkup.now()[0].checks)
    said = translated_plural("{count} check was made just now", "{count} checks were made just now", found)
    return Led(_HERE, said.format(count=found))


PAGES: Final = (Page(name="health", path=_HERE, title="Health", gather=gather, section=Section.RECORD),)

ACTIONS: Final = (
    Action(name="health-examine", path=f"{_HERE}/examine", page="health", act=examine_now, roles=JUDGES),
)
