"""The command tree: help grouped by who uses a command, and each command loaded when it is called and not before."""

from collections.abc import Iterator, MutableMapping
from functools import cache
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typing_extensions import override

from node.cli.command_table import HIDDEN, ROWS, Row
from node.cli.homes import housed
from node.cli.hoster.monitor import watched
from node.cli.record import recorded

_BY_NAME: Final = {row.name: row for row in (*ROWS, *HIDDEN)}


class Loaded(MutableMapping[str, Any]):
    """The commands by name, each loaded when it is looked up."""

    @override
    def __getitem__(self, name: str) -> Any:
        return _load(_BY_NAME[name])

    @override
    def __contains__(self, name: object) -> bool:
        return name in _BY_NAME

    @override
    def __iter__(self) -> Iterator[str]:
        return (row.name for row in ROWS)

    @override
    def __len__(self) -> int:
        return len(ROWS)

    @override
    def __setitem__(self, name: str, command: Any) -> None:
        raise TypeError("commands are added to the table")

    @override
    def __delitem__(self, name: str) -> None:
        raise TypeError("commands are taken out of the table")


class GroupedByUser(TyperGroup):
    """All commands; the help has one section a panel, in the order of the table."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Loaded()

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """`sigfed help COMMAND …` is `sigfed COMMAND … --help`."""
        asked = [*args[1:], "--help"] if args[:1] == ["help"] else args
        parsed: list[str] = super().parse_args(ctx, asked)
        return parsed

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    @override
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for row in ROWS:
            panels.setdefault(row.panel, []).append((row.name, row.help))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows, col_max=12)

    @override
    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        commands = self.commands
        self.commands = {row.name: TyperCommand(row.name, help=row.help) for row in ROWS}
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self.commands = commands


@cache
def _load(row: Row) -> Any:
    """A command or noun, once a process: recording changes the functions of a noun in place."""
    found = getattr(import_module(f"node.cli.{row.module}"), row.attribute)
    around = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    around.callback()(_nothing)
    if isinstance(found, typer.Typer):
        _record(found, row.name)
        around.add_typer(found, name=row.name, rich_help_panel=row.panel)
    else:
        run = recorded(row.action, found) if row.action else watched(row.name, found)
        around.command(row.name, rich_help_panel=row.panel)(housed(row.name, run))
    group = get_command(around)
    assert isinstance(group, TyperGroup), "it has a callback"
    return group.commands[row.name]


def _nothing() -> None:
    """Makes a group of a Typer with one command."""


def _record(noun: typer.Typer, name: str) -> None:
    """Have the commands of a noun recorded, and those of the nouns below it (`guard benign` is guard-benign)."""
    for info in noun.registered_commands:
        assert info.callback is not None, "a command does something"
        assert info.name is not None, "a command has a name"
        action = f"{name}.{info.name}"
        info.callback = housed(action, watched(action, recorded(action, info.callback)))
    for group in noun.registered_groups:
        assert group.typer_instance is not None, "a noun has commands"
        _record(group.typer_instance, f"{name}-{group.name}")
