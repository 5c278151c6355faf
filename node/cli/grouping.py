"""Help that groups commands by who uses them: agencies, partners, operators."""

from typing import Any

from typer.core import TyperGroup
from typing_extensions import override

_WHOLE_SENTENCE = 200
"""Characters: no first sentence of a command's help is longer, so none is cut."""


class GroupedByUser(TyperGroup):
    """A command group whose help has one section a panel, in the order in which commands were added."""

    @override
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            panel = str(getattr(command, "rich_help_panel", None) or "Commands")
            panels.setdefault(panel, []).append((name, command.get_short_help_str(_WHOLE_SENTENCE)))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows, col_max=12)
