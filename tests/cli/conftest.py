"""The README's tour, typed once a run into real shells; its tests look at what came of it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.tour import Done, Typist, steps

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def shell_environment() -> dict[str, str]:
    """What the shells of pages see: this environment's `sigfed`, and nothing of the caller's settings."""
    program = Path(sys.executable).parent / "sigfed"
    assert program.exists(), f"{program} is missing: install the package with pip install -e '.[test]'"
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    return {**kept, **coverage, "PATH": f"{program.parent}:{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def readme_tour(tmp_path_factory: pytest.TempPathFactory, shell_environment: dict[str, str]) -> list[Done]:
    """Every command of the README's tour, as typed."""
    typist = Typist(folder=REPOSITORY, home=tmp_path_factory.mktemp("home"), environment=shell_environment)
    try:
        return [typist.type(step) for step in steps((REPOSITORY / "README.md").read_text(encoding="utf-8"))]
    finally:
        typist.close()


@pytest.fixture
def typist(tmp_path: Path, shell_environment: dict[str, str]) -> Iterator[Typist]:
    """Somebody who types commands of other pages."""
    typing = Typist(folder=REPOSITORY, home=tmp_path, environment=shell_environment)
    yield typing
    typing.close()
