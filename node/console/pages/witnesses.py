"""Witnesses: which members cosigned each list and release log of this node, since when, and how many more must."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.console.parts import Page, Section, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.ports.cosigning import CosignerRecord
from node.runtime.witnesses import cosigning
from node.services.witnesses.cosigning import Cosigned


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedLog:
    """An own log, and who cosigned it."""

    standing: Cosigned
    witnesses: Sequence[CosignerRecord]


def gather(world: World, _: Visitor, __: Values) -> Sequence[WitnessedLog]:
    """Every own log."""
    standings = cosigning(world.identity, world.shelf).standing()
    with world.shelf.storage.read() as unit:
        records = unit.cosigners.ls()
    return [
        WitnessedLog(standing=one, witnesses=[record for record in records if record.origin == one.origin])
        for one in standings
    ]


PAGES: Final = (
    Page(
        name="witnesses",
        path="/console/witnesses",
        title="Witnesses",
        gather=gather,
        section=Section.FEDERATION,
    ),
)
