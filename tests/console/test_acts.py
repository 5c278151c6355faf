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

DIFFER: Final[Mapping[str, str]] = {
    "passkey-remove": "it is one's own, and anybody's matter",
}
"""Actions that do something else than the command of the same record, and what."""


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
        found[name] = Typed(
            record="" if not act and (is_read or name in THEMSELVES) else name,
            act=act,
        )
    return found


TYPED: Final = _typed()
_ROWS: Final[tuple[Action | Download, ...]] = (*ACTIONS, *DOWNLOADS)
BOTH: Final = [row for row in _ROWS if row.record in TYPED and row.name not in DIFFER]


@pytest.mark.parametrize("row", BOTH, ids=lambda row: row.name)
def test_what_both_do_is_on_record_alike(row: Action | Download) -> None:
    typed = TYPED[row.record]
    assert typed.record == row.record, "the console records it, the terminal does not"


@pytest.mark.parametrize("row", BOTH, ids=lambda row: row.name)
def test_an_act_is_performed_by_both(row: Action | Download) -> None:
    act = row.performs if isinstance(row, Action) else None
    assert TYPED[row.record].act is act, "one of the two does it by rules of its own"


@pytest.mark.parametrize("row", [row for row in ACTIONS if row.performs], ids=lambda row: row.name)
def test_what_an_action_says_of_itself_is_its_acts(row: Action) -> None:
    act = row.performs
    assert act is not None
    assert (row.record, row.roles, row.fresh) == (act.name, act.roles, act.fresh)


def test_what_differs_is_there() -> None:
    assert DIFFER.keys() <= {row.name for row in ACTIONS}


def test_whatever_is_on_record_is_an_act() -> None:
    assert [row.name for row in ACTIONS if row.record and row.performs is None] == []
