"""Stores that a test opened and did not close are closed behind it.

SQLite's locks belong to the process: where one connection stays open and somebody reads the same file and closes it,
the locks are gone, and when the connection goes at last it writes old pages over what other processes wrote meanwhile.
Commands that run in the test's process next to running nodes met that, once in a few thousand. Stores of module and
session fixtures are theirs to close.
"""

from collections.abc import Generator
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Engine

_begun: list[Engine] = []
_wider = 0
"""How many fixtures of more than one test are being set up."""


def pytest_configure() -> None:
    begin = Engine.__init__

    def begun(engine: Engine, *arguments: Any, **options: Any) -> None:
        begin(engine, *arguments, **options)
        if not _wider:
            _begun.append(engine)

    patch.object(Engine, "__init__", begun).start()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    global _wider  # noqa: PLW0603  # hooks have no object of their own
    wider = fixturedef.scope != "function"
    _wider += wider
    try:
        return (yield)
    finally:
        _wider -= wider


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    try:
        return (yield)
    finally:
        while _begun:
            _begun.pop().dispose()
