"""The walks of the architecture page go through the modules that they name, in that order."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.agencies import BOTH, LIST, SUBSET, Federation, table, written
from support.federated import federated
from support.modules_met import Modules
from support.processes import ROOT, Cli, Running, environment, wait_until

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
STEP = re.compile(r"^\d+\. `([\w.]+)`", re.MULTILINE)
LOOK_UP, AT_NODE = "A look-up", "A look-up, at the node"
NEW = b"listed by both, later"
LOOKING = """
import signal
from support.modules_met import Modules

modules = Modules()
signal.signal(signal.SIGUSR1, lambda *_: modules.met.clear())
signal.signal(signal.SIGUSR2, lambda *_: modules.write({file!r}))
modules.look()
"""
"""A node that looks on at itself: at the one signal it forgets, at the other it writes down what it met since."""


def walks() -> dict[str, list[str]]:
    """The walks of the page: the modules of each, in order."""
    part = PAGE.partition("\n## Five walks\n")[2].partition("\n## ")[0]
    titled = re.split(r"^### (.+)$", part, flags=re.MULTILINE)[1:]
    found = dict(zip(titled[::2], titled[1::2], strict=True))
    found[LOOK_UP], _, found[AT_NODE] = found[LOOK_UP].partition("\nAt the node:\n")
    return {title: STEP.findall(text) for title, text in found.items()}


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
    with _node_that_looks_on(federation, folder) as met:
        yield LOOK_UP, seen((partner, f"check {file}"))
        yield AT_NODE, met()
    published = seen((fr, "key rotate auth"))
    nl.done("peer", "sync")
    yield (
        "A rotation",
        [*published, *(module for module in seen((fr, "key advance")) if module not in published)],
    )


@contextmanager
def _node_that_looks_on(federation: Federation, folder: Path) -> Iterator[Callable[[], list[str]]]:
    """The French node looks on at itself while it runs; what it met since now is given when it is asked for."""
    file = folder / "met"
    (folder / "sitecustomize.py").write_text(LOOKING.format(file=str(file)))
    path = f"{folder}:{environment()['PYTHONPATH']}"
    with federation.fr_stopped(), Running(federation.fr, variables={"PYTHONPATH": path}) as node:

        def met() -> list[str]:
            node.process.send_signal(signal.SIGUSR2)
            wait_until(file.exists)
            return file.read_text().split()

        federation.partner.done("update")
        node.process.send_signal(signal.SIGUSR1)
        yield met


def test_each_walk_is_walked(ways: dict[str, list[str]]) -> None:
    assert set(walks()) == set(ways)


@pytest.mark.parametrize("title", walks())
def test_a_walk_goes_as_the_page_says(title: str, ways: dict[str, list[str]]) -> None:
    named, way = walks()[title], ways[title]
    assert len(named) > 5
    assert [module for module in named if module not in way] == []
    assert named == sorted(named, key=way.index)
