"""The house in numbers: lines and files of each package, folders by size, and how many places a subject has.

To look at: python tests/support/house.py
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PRODUCT: Final = ("keys", "protocol", "node")
SUBJECTS: Final = ("hit", "proposal", "recipient", "witness", "disclos")
"""Beginnings of words that modules and folders are named after."""
NOUNS: Final = frozenset({"encoding", "keyring", "listing", "opening", "ring", "transfer_encoding"})
"""Words of the field, or plain nouns."""


def modules(*packages: str) -> Iterator[Path]:
    """All modules below these folders, relative to the project; migrations aside, which history names."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "versions" not in path.parts:
                yield path.relative_to(ROOT)


def folders() -> Counter[str]:
    """How many modules each folder of the product has."""
    return Counter(str(path.parent) for path in modules(*PRODUCT))


def gerunds() -> list[str]:
    """Modules of the product that are named after doing something, which says neither what nor for whom."""
    return [str(path) for path in modules(*PRODUCT) if path.stem.endswith("ing") and path.stem not in NOUNS]


def places(subject: str) -> tuple[int, int]:
    """Of a subject: how many modules are named after it, and in how many folders they lie."""
    named = [
        path for path in modules(*PRODUCT) if any(word.startswith(subject) for word in path.stem.split("_"))
    ]
    return len(named), len({path.parent for path in named})


def _lines(package: str) -> tuple[int, int]:
    paths = list(modules(package))
    return len(paths), sum(len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in paths)


def table() -> Iterator[str]:
    """All of it, a line each."""
    inner = sorted({"/".join(path.parts[:2]) for path in modules("node") if len(path.parts) > 2})
    for package in (*PRODUCT, *inner, "tests"):
        files, lines = _lines(package)
        yield f"{lines:8,} lines {files:5} files  {package}"
    for subject in SUBJECTS:
        named, where = places(subject)
        yield f"{named:5} modules in {where} folders  {subject}…"
    yield f"{len(gerunds()):5} modules named after doing something"
    for folder, files in folders().most_common(15):
        yield f"{files:5} modules  {folder}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(table()) + "\n")
