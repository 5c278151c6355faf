"""The layers of the house as a picture: made of the import contracts, and of what each module says of itself."""

import ast
import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def layers(container: str) -> list[list[str]]:
    """The layers of a package, the top one first: modules side by side know nothing of each other.

    Raises LookupError where no contract is about it.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in project["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers" and container in contract.get("containers", []):
            return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]
    raise LookupError(f"no contract is about the layers of {container}")


def about(module: str) -> str:
    """The first line of a module's or package's docstring."""
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def picture(container: str) -> str:
    """HTML of the layers of a package, a row each."""
    rows = [f'<div class="layer">{"".join(_boxes(container, names))}</div>' for names in layers(container)]
    return "\n".join(['<div class="house">', *rows, "</div>"])


def _boxes(container: str, names: list[str]) -> Iterator[str]:
    for name in names:
        yield f"<div><b>{name}</b> {_marked(escape(about(f'{container}.{name}')))}</div>"


def _marked(text: str) -> str:
    """Code between backticks as code."""
    parts = text.split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
