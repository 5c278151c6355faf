"""Witnesses: which members cosigned each list and release log of this node, since when, and how many more must."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.access.sessions import Visitor
from node.acts.act import OPERATORS
from node.console.languages import translated
from node.console.parts import Action, Led, Page, Section, Values
from node.console.world import World
from node.identity.witnesses import cosign_own, own_standings
from node.store.peers.records import CosignerRecord
from node.witnesses.standings import Cosigned


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedLog:
    """An own log, and who cosigned it."""

    standing: Cosigned
    witnesses: Sequence[CosignerRecord]


def gather(world: World, _: Visitor, __: Values) -> Sequence[WitnessedLog]:
    """Every own log."""
    standings = own_standings(world.identity, world.store).ls()
    with world.store.read() as unit:
        records = unit.cosigners.ls()
    return [
        WitnessedLog(standing=one, witnesses=[record for record in records if record.origin == one.origin])
        for one in standings
    ]


def ask(world: World, _: Visitor, __: Values) -> Led:
    """Ask the members to cosign what lacks a recent cosignature; what each answered stands on the page."""
    standings = asyncio.run(cosign_own(world.identity, world.store)).values()
    alarms = sum(one.alarm for standing in standings for one in standing.asked)
    missing = sum(bool(standing.missing) for standing in standings)
    said = translated("The witnesses were asked. Logs that lack cosignatures: {missing}; alarms: {alarms}.")
    return Led("/console/witnesses", said.format(missing=missing, alarms=alarms))


PAGES: Final = (
    Page(
        name="witnesses",
        path="/console/witnesses",
        title="Witnesses",
        gather=gather,
        section=Section.FEDERATION,
    ),
)

ACTIONS: Final = (
    Action(name="witness-ask", path="/console/witnesses/ask", page="witnesses", act=ask, roles=OPERATORS),
)
