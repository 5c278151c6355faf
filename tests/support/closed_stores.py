"""Stores that a test or a fixture opened and did not close are closed behind it.

SQLite's locks belong to the process: where one connection stays open and somebody reads the same file and closes it,
the locks are gone, and when the connection goes at last it writes old pages over what other processes wrote meanwhile.
Commands that run in the test's process next to running nodes met that, once in a few thousand.
"""

from collections.abc import Generator
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Engine

_in_the_test: list[Engine] = []
_of_fixtures: dict[pytest.FixtureDef[Any], list[Engine]] = {}
_owners = [_in_the_test]
"""Whose an engine is that begins now: the last one's."""


def pytest_configure() -> None:
    begin = Engine.__init__

    def begun(engine: Engine, *arguments: Any, **options: Any) -> None:
        begin(engine, *arguments, **options)
        _owners[-1].append(engine)

    patch.object(Engine, "__init__", begun).start()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    _owners.append(_of_fixtures.setdefault(fixturedef, []))
    try:
        return (yield)
    finally:
        _owners.pop()


def pytest_fixture_post_finalizer(fixturedef: pytest.FixtureDef[Any]) -> None:
    _close(_of_fixtures.pop(fixturedef, []))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    try:
        return (yield)
    finally:
        _close(_in_the_test)


def _close(engines: list[Engine]) -> None:
    while engines:
        engines.pop().dispose()
