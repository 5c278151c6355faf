"""SQL, pages and tables that are made once a process: each store and each console of a test would begin anew.

A node has one store and one console for as long as it runs; tests have thousands. What is made depends on nothing that
differs between them.
"""

import sys
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any
from unittest.mock import patch

_STATEMENTS = 2_000
"""More than the product has."""


def pytest_collection_finish() -> None:
    """From now on, of what the tests have loaded."""
    if "sqlalchemy" in sys.modules:
        share_statements()
    if "jinja2" in sys.modules:
        _share_templates()
    if "node.store.store" in sys.modules:
        _share_tables()


def share_statements() -> None:
    """From now on engines of one kind of database share what they compiled."""
    from sqlalchemy import Engine
    from sqlalchemy.engine.default import DefaultDialect
    from sqlalchemy.util import LRUCache

    kept: LRUCache[Any, Any] = LRUCache(_STATEMENTS)
    begin = Engine.__init__

    def begun(engine: Engine, *arguments: Any, **options: Any) -> None:
        begin(engine, *arguments, **options)
        engine._compiled_cache = kept

    patch.object(Engine, "__init__", begun).start()
    # Part of the key is the kind of database; of one kind all are alike.
    patch.object(DefaultDialect, "__eq__", lambda own, other: type(own) is type(other), create=True).start()
    patch.object(DefaultDialect, "__hash__", lambda own: hash(type(own)), create=True).start()


def _share_templates() -> None:
    from jinja2 import Environment

    compiling: Any = Environment.compile
    environments: dict[object, Environment] = {}

    @cache
    def once(settings: object, source: str, name: str | None, filename: str | None) -> CodeType:
        made: CodeType = compiling(environments[settings], source, name, filename)
        return made

    def compiled(
        own: Environment, source: Any, name: str | None = None, filename: str | None = None, **others: Any
    ) -> Any:
        if others or not isinstance(source, str):
            return compiling(own, source, name, filename, **others)
        settings = (frozenset(own.extensions), own.trim_blocks, own.lstrip_blocks, own.finalize)
        environments.setdefault(settings, own)
        return once(settings, source, name, filename)

    patch.object(Environment, "compile", compiled).start()


def _share_tables() -> None:
    from sqlalchemy import Engine

    from node.store import store
    from node.store.migrate import migrate
    from support.new_stores import sqlite_tables

    def migrated(engine: Engine) -> None:
        file = Path(engine.url.database or "")
        if engine.dialect.name == "sqlite" and not file.stat().st_size:
            file.write_bytes(sqlite_tables())
        migrate(engine)

    patch.object(store, "migrate", migrated).start()
