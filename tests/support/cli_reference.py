"""The command reference: a page a noun, made when the documentation is built.

A page in docs/commands has what people wrote about its commands: what a help text has no room for, and their JSON
lines. Usage, purpose, arguments and options are put in front of that from the command tree itself, so no page can say
otherwise.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from typer.main import get_command

from node.cli.command_table import HIDDEN
from node.cli.main import app
from support.tour import blocks

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "docs/commands"
VERBS = "verbs"
"""The page of commands of one word, which have no noun."""
_AS_OF = re.compile(r"\bas of `(sigfed [a-z ]+)`", re.IGNORECASE)


def commands() -> dict[str, Any]:
    """Every command that can be run, by the words that call it."""
    return dict(_leaves(get_command(app), "sigfed"))


def _leaves(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    for name, child in getattr(command, "commands", {}).items():
        yield from _leaves(child, f"{words} {name}")
    if not hasattr(command, "commands"):
        yield words, command


def options(command: Any) -> list[Any]:
    """A command's options, without --help."""
    return [param for param in command.params if param.param_type_name == "option" and param.name != "help"]


def arguments(command: Any) -> list[Any]:
    """A command's arguments."""
    return [param for param in command.params if param.param_type_name == "argument"]


def described(words: str, command: Any) -> str:
    """The part of a command's section that the command decides: usage, purpose, arguments and options."""
    usage = " ".join(_usage(param) for param in arguments(command))
    required = "".join(
        f" {max(param.opts, key=len)} {_placeholder(param)}" for param in options(command) if param.required
    )
    more = " [OPTIONS]" if any(not param.required for param in options(command)) else ""
    lines = ["```text", f"{words}{more}{required} {usage}".rstrip(), "```", "", command.help, ""]
    rows = [*(_row(param, _usage(param)) for param in arguments(command)), *map(_option, options(command))]
    if rows:
        lines += ["| | | default |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _usage(param: Any) -> str:
    name = str(param.metavar or param.name).strip("[].").upper()
    many = "…" if param.nargs == -1 else ""
    return f"{name}{many}" if param.required else f"[{name}{many}]"


def _placeholder(param: Any) -> str:
    return "" if param.is_flag else param.metavar or max(param.opts, key=len).rpartition("-")[2].upper()


def _option(param: Any) -> str:
    names = ", ".join([*param.opts, *param.secondary_opts])
    return _row(param, f"{names} {_placeholder(param)}".rstrip())


def _row(param: Any, shown: str) -> str:
    return f"| `{shown}` | {(param.help or '').replace('|', '/')} | {_absent(param)} |"


def _absent(param: Any) -> str:
    if getattr(param, "prompt", None) or callable(param.default):
        return "asked for"
    if param.required:
        return "required"
    return "" if param.default in {None, "", False, -1} else f"`{_given(param)}`"


def _given(param: Any) -> str:
    return str(param.opts[0]) if param.default is True else str(param.default)


def results() -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    """The field names of each kind of JSON line that the command line prints, read from its source.

    First those of lines that are known whole; then, of lines to which something is added that only a run shows, those
    that are known.
    """
    files = [
        *sorted(
            {*(ROOT / "node/cli").rglob("*.py")} - {ROOT / f"node/cli/{row.module}.py" for row in HIDDEN}
        ),
        *sorted((ROOT / "node/acts").glob("*.py")),
        ROOT / "node/hoster/scan/reports/lines.py",
    ]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    whole: set[frozenset[str]] = set()
    partly: set[frozenset[str]] = set()
    for tree in trees:
        for node in ast.walk(tree):
            printed = _printed(node)
            if printed is None:
                continue
            names, known = _names(printed, [tree, *trees])
            if names:
                (whole if known else partly).add(frozenset(names))
    return whole, partly


def _printed(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "append":
            return node.args[0] if ast.unparse(node.func.value) == "results" else None
        if node.func.attr == "each":
            return _printed_each(node.args[0])
        return node.args[0] if node.func.attr in {"result", "failure"} else None
    if isinstance(node, ast.keyword) and node.arg == "facts":
        return node.value
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "fields":
        return node.value
    return None


def _printed_each(results: ast.expr) -> ast.expr | None:
    """What makes the fields of each of several results."""
    if isinstance(results, ast.GeneratorExp):
        return results.elt
    if isinstance(results, ast.Call):  # map(function, …), starmap(function, …)
        return ast.Call(results.args[0], [], [])
    return None


def _names(fields: ast.expr, trees: list[ast.Module]) -> tuple[set[str], bool]:
    """The names in an expression that makes a line's fields, and whether these are all."""
    parts: list[ast.expr] = []
    names: set[str] = set()
    if isinstance(fields, ast.Dict):
        names = {str(key.value) for key in fields.keys if isinstance(key, ast.Constant)}
        parts = [value for key, value in zip(fields.keys, fields.values, strict=True) if key is None]
    elif isinstance(fields, ast.BinOp):
        parts = [fields.left, fields.right]
    elif isinstance(fields, ast.Call) and isinstance(fields.func, ast.Name):
        parts = _returned(fields.func.id, trees)
    known = bool(names or parts)
    for part in parts:
        more, all_known = _names(part, trees)
        names, known = names | more, known and all_known
    return names, known


def _returned(function: str, trees: list[ast.Module]) -> list[ast.expr]:
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == function:
                return [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
    return []


def sections(text: str) -> dict[str, str]:
    """What a page says of each of its commands, by the words that call it."""
    parts = re.split(r"^## `(sigfed [a-z ]+)`$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def notes() -> dict[str, str]:
    """What people wrote about each command, of all pages."""
    pages = (path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md")))
    return {words: said for page in pages for words, said in sections(page).items()}


def shapes(words: str, said: Mapping[str, str]) -> set[frozenset[str]]:
    """The field names of the JSON lines that a command's section shows, or says to be as of another."""
    own = said.get(words, "")
    return {
        frozenset(json.loads(line))
        for text in (own, *(said.get(other, "") for other in _AS_OF.findall(own)))
        for _, lines in blocks(text, "json")
        for line in lines
    }


def page_of(words: str) -> str:
    """The page of a command: its noun."""
    noun = words.split()[1:-1]
    return noun[0] if noun else VERBS


def rendered(name: str, text: str) -> str:
    """A page with all commands of its noun, in the program's order: what each says of itself, then what is written.

    Raises LookupError for a section that is about no command of the noun.
    """
    said = sections(text)
    here = {words: command for words, command in commands().items() if page_of(words) == name}
    if stray := said.keys() - here.keys():
        raise LookupError(f"docs/commands/{name}.md is about what is no command of it: {sorted(stray)}")
    title, _, about = text.partition("\n## ")[0].partition("\n")
    head = [title, about.strip() or noun_help(name)]
    parts = [
        f"## `{words}`\n\n{described(words, command)}\n{said.get(words, '').strip()}"
        for words, command in here.items()
    ]
    return "\n\n".join(part for part in (*head, *parts) if part) + "\n"


def noun_help(name: str) -> str:
    """What the program says of a noun; empty for that of verbs."""
    return str(getattr(get_command(app), "commands", {})[name].help) if name != VERBS else ""
