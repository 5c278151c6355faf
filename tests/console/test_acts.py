"""One thing to do is one act at the terminal and in the console: the same roles, proof, second person and record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from node.acts.act import Act
from node.cli.command_table import ROWS
from node.cli.command_tree import GroupedByUser
from node.cli.record import READS, THEMSELVES
from node.console.parts import Action, Download
from node.console.surface import ACTIONS, DOWNLOADS

DIFFER: Final[Mapping[str, str]] = {"passkey-remove": "it is one's own, and anybody's matter"}
"""Actions that do something else than the command of the same record, and what."""
_ITSELF: Final = "its service records it, in a running node too"
_NOTHING: Final = "it changes nothing that anybody else sees"
NO_ACTS: Final[Mapping[str, str]] = {
    "approve": _ITSELF,
    "audit-verify": _NOTHING,
    "entry-look-up": _NOTHING,
    "evidence-verify": _NOTHING,
    "grant-diff": _NOTHING,
    "health-examine": _NOTHING,
    "importing-look": _NOTHING,
    "language": _NOTHING,
    "peer-sync": _ITSELF,
    "publish": _ITSELF,
    "reject": _ITSELF,
    "release-now": _ITSELF,
    "review-publish": _ITSELF,
    "witness-ask": _NOTHING,
}
"""Actions that perform no act, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a command is on record as."""

    record: str
    """Empty: it is not, or its service records it."""
    act: Act[Any] | None


def _commands(group: Any, nouns: str = "") -> Iterator[tuple[str, Any]]:
    rows = {row.name: row.action for row in ROWS}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{nouns}-{name}" if nouns else name)
        else:
            yield f"{nouns}.{name}" if nouns else rows[name], command


def _typed() -> dict[str, Typed]:
    found = {}
    for name, command in _commands(GroupedByUser()):
        act = getattr(command.callback, "performs", None)
        is_read = name.partition(".")[2] in READS
        found[name] = Typed(record="" if not act and (is_read or name in THEMSELVES) else name, act=act)
    return found


TYPED: Final = _typed()
PERFORMING: Final = [(row, row.performs) for row in ACTIONS if row.performs]
BOTH: Final = [one for one in PERFORMING if one[1].name in TYPED and one[0].name not in DIFFER]


@pytest.mark.parametrize("row", [row for row in DOWNLOADS if row.record in TYPED], ids=lambda row: row.name)
def test_what_is_taken_away_is_on_record_alike(row: Download) -> None:
    assert TYPED[row.record] == Typed(record=row.record, act=None)


@pytest.mark.parametrize(("row", "act"), BOTH, ids=lambda one: one.name)
def test_an_act_is_performed_by_both(row: Action, act: Act[Any]) -> None:
    assert TYPED[act.name].act is act, "one of the two does it by rules of its own"


@pytest.mark.parametrize(("row", "act"), PERFORMING, ids=lambda one: one.name)
def test_what_an_action_says_of_itself_is_its_acts(row: Action, act: Act[Any]) -> None:
    assert (row.roles, row.fresh) == (act.roles, act.fresh)


def test_what_differs_is_there() -> None:
    assert DIFFER.keys() <= {row.name for row in ACTIONS}


def test_whatever_is_no_act_is_named() -> None:
    """An action that neither performs an act nor stands in the list would be done without a record."""
    assert {row.name for row in ACTIONS if row.performs is None} == NO_ACTS.keys()
