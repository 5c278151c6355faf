"""Real shells, into which commands of pages are typed."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.bare import link_programs
from support.machine import made_once
from support.shell_program import shell_program
from support.tour import Typist

REPOSITORY = Path(__file__).parent.parent.parent
_KEPT = ("LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR")


@pytest.fixture(scope="session")
def shell_environment() -> dict[str, str]:
    """What the shells of pages see: this environment's `sigfed`, what every Debian has, nothing of the caller's."""
    program = Path(sys.executable).parent / "sigfed"
    assert program.exists(), f"{program} is missing: install the package with pip install -e '.[test]'"
    with made_once("bare") as bare:
        link_programs(bare)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    return {**kept, **coverage, "PATH": f"{program.parent}:{bare}"}


@pytest.fixture
def typist(tmp_path: Path, shell_environment: dict[str, str]) -> Iterator[Typist]:
    """Somebody who types them, with a program that is loaded already."""
    with shell_program() as programs:
        path = f"{programs}:{shell_environment['PATH']}"
        typing = Typist(
            folder=REPOSITORY,
            home=tmp_path,
            environment={**shell_environment, "PATH": path},
            read_over={"$PWD/.venv/bin": str(programs)},  # what the page puts in front of PATH, where it is
        )
        yield typing
        typing.close()
