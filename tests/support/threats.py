"""Threats and the tests that show what stops them: `pytest.mark.threat("…")` names rows of the threat model."""

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs/threat-model.md"
_ROW = re.compile(r"^\| \*\*(.+?)\*\* \|(.*)\|$", re.MULTILINE)
_MARK = "pytest.mark.threat"


def threats(page: str) -> list[tuple[str, list[str]]]:
    """The threats of a page in its order, each with the other cells of its row."""
    return [(name, [cell.strip() for cell in rest.split(" | ")]) for name, rest in _ROW.findall(page)]


@cache
def marked(tests: Path) -> Sequence[tuple[str, Path, str]]:
    """What the tests below a folder are marked with: threat, file, function. Read from the source: nothing is run.

    Raises TypeError for a mark that is no plain text: a page could not be made of it.
    """
    files = sorted(tests.rglob("test_*.py"))
    sources = ((path, path.read_text(encoding="utf-8")) for path in files)
    return [
        (name, path, function.name)
        for path, source in sources
        if _MARK in source
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for name in _names(function)
    ]


def _names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for mark in function.decorator_list:
        if not isinstance(mark, ast.Call) or ast.unparse(mark.func) != _MARK:
            continue
        for name in mark.args:
            if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
                raise TypeError(f"{function.name}: a threat is marked by its name, not {ast.unparse(name)}")
            yield name.value


def table(page: str, tests: Path) -> str:
    """The threats of a page with the tests that are marked with them: what each shows, and its file."""
    shown = marked(tests)
    rows = [
        f"| {name} | {'<br>'.join(_shown(path, function) for of, path, function in shown if of == name)} |"
        for name, _ in threats(page)
    ]
    return "\n".join(["| threat | tests |", "|---|---|", *rows])


def _shown(path: Path, function: str) -> str:
    words = function.removeprefix("test_").replace("_", " ")
    return f"{words} (`{path.relative_to(ROOT / 'tests').with_suffix('')}`)"
