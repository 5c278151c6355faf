"""The walks of the architecture page go through the modules that they name, in that order."""

import inspect
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from support.agencies import BOTH, LIST, SUBSET, Federation, table, written
from support.federated import federated
from support.processes import ROOT, Cli

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
STEP = re.compile(r"^\d+\. `([\w.]+)`", re.MULTILINE)
ELSEWHERE = "At the node:"
"""What follows runs in a process of its own, which nobody looks into here."""
NEW = b"listed by both, later"


def walk(title: str) -> list[str]:
    """The modules of a walk, in the order of the page."""
    section = PAGE.partition(f"\n### {title}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    return STEP.findall(section.partition(ELSEWHERE)[0])


def titles() -> list[str]:
    """The walks of the page."""
    return re.findall(
        r"^### (.+)$", PAGE.partition("\n## Five walks\n")[2].partition("\n## ")[0], re.MULTILINE
    )


class Modules:
    """The product's modules in the order in which they first do something: what only makes objects is not looked at."""

    def __init__(self) -> None:
        self.met: dict[str, None] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        code, module = frame.f_code, str(frame.f_globals.get("__name__"))
        if event != "call" or not code.co_flags & inspect.CO_NEWLOCALS or code.co_name.startswith("__"):
            return
        if module.startswith(("node.", "protocol.", "keys.")):
            self.met.setdefault(module)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look on at what threads do that begin now; commands have one each."""
        threading.setprofile(self)
        try:
            yield
        finally:
            threading.setprofile(None)


def seen(*commands: tuple[Cli, str]) -> list[str]:
    """The modules that commands went through, in order."""
    modules = Modules()
    for home, words in commands:
        with modules.looking():
            done = home.run(*words.split())
        assert done.exit in {0, 1}, done.err
    return list(modules.met)


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """Which way each walk really goes, in a federation where what it needs was done before."""
    folder = tmp_path_factory.mktemp("walks")
    with federated(folder) as federation:
        yield dict(_walked(federation, folder))


def _walked(federation: Federation, folder: Path) -> Iterator[tuple[str, list[str]]]:
    fr, nl, partner = federation.fr, federation.nl, federation.partner
    rows, file = written(folder / "rows.csv", table(NEW, BOTH)), written(folder / "file.jpg", NEW)
    taking = f"entry import {rows} --list {LIST} --basis own"
    yield "An import", seen((fr, taking), (fr, "publish"))
    yield "A pull", seen((nl, "peer sync"))
    for words in (taking, "publish"):
        nl.done(*words.split())
    fr.done("peer", "sync")
    yield "A release", seen((fr, f"subset release {SUBSET}"))
    partner.done("update")
    yield "A look-up", seen((partner, f"check {file}"))
    published = seen((fr, "key rotate auth"))
    nl.done("peer", "sync")
    yield (
        "A rotation",
        [*published, *(module for module in seen((fr, "key advance")) if module not in published)],
    )


def test_each_walk_is_walked(ways: dict[str, list[str]]) -> None:
    assert titles() == list(ways)


@pytest.mark.parametrize("title", titles())
def test_a_walk_goes_as_the_page_says(title: str, ways: dict[str, list[str]]) -> None:
    named, way = walk(title), ways[title]
    assert len(named) > 5
    assert [module for module in named if module not in way] == []
    assert named == sorted(named, key=way.index)
