"""The house in numbers: lines and files of each package, folders by size, and how many places a subject has.

To look at: python tests/support/house.py, and with --walks how many files and functions really run in seven commands.
"""

import ast
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PRODUCT: Final = ("keys", "protocol", "node")
SUBJECTS: Final = ("hit", "proposal", "recipient", "witness", "disclos")
"""Beginnings of words that modules and folders are named after."""
NOUNS: Final = frozenset({"encoding", "keyring", "listing", "opening", "ring", "transfer_encoding"})
"""Words of the field, or plain nouns."""
IMPERATIVES: Final = frozenset({"shred"})
PARTICIPLES: Final = frozenset({"found", "held", "kept", "known", "made", "seen", "sent", "taken", "told"})
PREPOSITIONS: Final = frozenset({"after", "before", "beside", "by", "in", "later", "near", "of", "on"})
PRIVATE: Final = frozenset({"clerk", "desk", "door", "office", "roster", "shelf"})
"""What a stranger does not know: a handler, a store, a snapshot are called so."""


def modules(*packages: str) -> Iterator[Path]:
    """All modules below these folders, relative to the project; migrations aside, which history names."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "versions" not in path.parts:
                yield path.relative_to(ROOT)


def folders() -> Counter[str]:
    """How many modules or templates each folder of the product has."""
    templates = (path.relative_to(ROOT) for path in (ROOT / "node").rglob("*.html"))
    return Counter(str(path.parent) for path in (*modules(*PRODUCT), *templates))


def unnamed() -> list[str]:
    """Modules of the product whose name is of no thing and orders nothing: it says neither what nor for whom."""
    return [str(path) for path in modules(*PRODUCT) if _is_no_noun(path.stem)]


def _is_no_noun(stem: str) -> bool:
    words = stem.split("_")
    if stem in NOUNS or words[-1] in IMPERATIVES:
        return False
    return words[-1].endswith(("ing", "ed")) or words[-1] in PARTICIPLES or words[0] in PREPOSITIONS


def private_words() -> list[str]:
    """Classes and modules of the product that are named in words which only their author knows."""
    return [
        f"{path}: {name}"
        for path in modules(*PRODUCT)
        for name in (path.stem, *_classes(path))
        if PRIVATE & {word.lower() for word in re.findall("[A-Z]?[a-z]+", name)}
    ]


def _classes(path: Path) -> Iterator[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def places(subject: str) -> Counter[str]:
    """How many modules of each folder are named after a subject."""
    return Counter(
        str(path.parent)
        for path in modules(*PRODUCT)
        if any(word.startswith(subject) for word in path.stem.split("_"))
    )


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
        where = places(subject)
        yield f"{where.total():5} modules in {len(where)} folders  {subject}…"
    yield f"{len(unnamed()):5} modules named after doing something"
    yield f"{len(private_words()):5} classes and modules in words of their own"
    for folder, files in folders().most_common(15):
        yield f"{files:5} modules  {folder}"


def walks() -> Iterator[str]:
    """Seven commands in a small federation: how many files and functions of the product run in each, a line each."""
    from support.agencies import LIST, SUBSET, federate, numbered, written
    from support.agencies import table as rows_of

    with TemporaryDirectory() as name:
        folder = Path(name)
        made = federate(folder)
        rows = written(folder / "later.csv", rows_of(*numbered("later", 3)))
        into = ("entry", "import", rows, "--list", LIST, "--basis", "own")
        try:
            made.nl.done(*into)
            made.nl.done("publish")
            for cli, *command in (
                (made.fr, "list", "ls"),
                (made.fr, *into),
                (made.fr, "publish"),
                (made.fr, "peer", "sync"),
                (made.fr, "subset", "release", SUBSET),
                (made.partner, "update"),
                (made.fr, "key", "rotate", "statement"),
            ):
                seen = folder / "seen"
                done = cli.run(*command, program=(sys.executable, __file__, "--traced", str(seen)))
                assert done.exit == 0, done.err
                called = [line.split(":")[0] for line in seen.read_text().splitlines()]
                yield f"{len(set(called)):5} files {len(called):5} functions  {' '.join(command[:2])}"
        finally:
            made.stop()


def traced(seen: Path, arguments: Sequence[str]) -> None:
    """Run a command as its program does, and write down which functions of the product it called."""
    called: set[str] = set()
    inside = tuple(f"{ROOT / package}/" for package in PRODUCT)

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(inside) and code.co_name != "<module>":
            called.add(f"{code.co_filename}:{code.co_qualname}")

    from node.cli.main import main

    sys.argv = ["sigfed", *arguments]
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        main()
    finally:
        sys.setprofile(None)
        seen.write_text("\n".join(sorted(called)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--traced"]:
        traced(Path(sys.argv[2]), sys.argv[3:])
    else:
        sys.path.insert(0, str(ROOT / "tests"))
        sys.stdout.writelines(f"{line}\n" for line in (walks() if "--walks" in sys.argv else table()))
