"""The sentences that the program's own code makes: templates of messages, what errors say, and what they advise."""

import ast
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_OF_A_PLACE = {"EventRuleError", "OpeningError"}
"""Errors that take an index first."""
_OWN_WORDS = {"ForkedTrustError", "ThresholdError", "RollbackError", "ForkError", "UncosignedError"}
"""Errors that say what they say themselves."""
_COMPOSING = {"format", "join", "_", "translated", "translated_plural"}
"""What makes text of a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One sentence, where it is made."""

    path: str
    line: int
    text: ast.expr
    values: int
    """How many are given."""
    many: str = ""
    """The template for other numbers than one."""

    @property
    def ids(self) -> Iterator[str | tuple[str, str]]:
        """As catalogues have it; of a choice both, none of what is only handed on."""
        for text in _constants(self.text):
            yield (text, self.many) if self.many else text


@cache
def said() -> Sequence[Said]:
    """All of them; to read the whole program takes seconds."""
    read = list(_read())
    errors = _errors([node for _, node in read if isinstance(node, ast.ClassDef)])
    return [each for path, node in read for each in _said(node, path, errors)]


def _said(node: ast.ClassDef | ast.Call, path: str, errors: AbstractSet[str]) -> Iterator[Said]:
    if isinstance(node, ast.Call):
        yield from _of_call(node, path, errors)
        return
    for each in node.body:
        if isinstance(each, ast.Assign) and _name(each.targets[0]) == "hint":
            yield Said(path=path, line=each.lineno, text=each.value, values=0)


def composed(text: ast.expr) -> bool:
    """Whether it is put together or translated there, so that nobody knows its values or its language any more."""
    if isinstance(text, ast.IfExp):
        return composed(text.body) or composed(text.orelse)
    is_call = isinstance(text, ast.Call) and _name(text.func) in _COMPOSING
    return is_call or isinstance(text, ast.JoinedStr | ast.BinOp)


def _read() -> Iterator[tuple[str, ast.ClassDef | ast.Call]]:
    """Classes and calls of the whole program, and where they are."""
    paths = [path for package in ("keys", "protocol", "node") for path in (_ROOT / package).rglob("*.py")]
    for path in sorted(paths):
        place = path.relative_to(_ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.Call):
                yield place, node


def _errors(classes: Sequence[ast.ClassDef]) -> AbstractSet[str]:
    """Names of those below the root of all errors that say what they are made with."""
    found, before = {"SigfedError"}, 0
    while before != len(found):
        before = len(found)
        found |= {each.name for each in classes if found.intersection(map(_name, each.bases))}
    return found - _OWN_WORDS


def _of_call(call: ast.Call, path: str, errors: AbstractSet[str]) -> Iterator[Said]:
    name = _name(call.func)
    args = call.args[1:] if name in _OF_A_PLACE else call.args
    if name == "counted" and len(args) > 2:
        [many] = _constants(args[1])
        yield Said(path=path, line=call.lineno, text=args[0], values=len(args) - 3, many=many)
    elif (
        name == "Message"
        or name in errors
        or (name == "__init__" and path.endswith("errors.py") and _is_literal(args))
    ):
        if args and not isinstance(args[-1], ast.Starred):
            yield Said(path=path, line=call.lineno, text=args[0], values=len(args) - 1)
        for each in call.keywords:
            if each.arg == "hint":
                yield Said(path=path, line=call.lineno, text=each.value, values=0)


def _is_literal(args: Sequence[ast.expr]) -> bool:
    return bool(args) and isinstance(args[0], ast.Constant)


def _name(node: ast.AST) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")


def _constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)
