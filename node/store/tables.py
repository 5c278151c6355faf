"""The tables of a holding node, declared once; rows never leave `node.store`.

A digest appears in no column: `entry_index` has keyed hashes, and what holds digests is sealed in the object store.
Times are milliseconds since 1970, UTC. Column types are those that SQLite and PostgreSQL share. docs/reference/store.md
describes each table; the migrations create them, so a change here needs one.
"""

from importlib import import_module
from pathlib import Path
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnClause,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    literal_column,
)

METADATA: Final = MetaData()
"""Of all tables: statements are built from them, rows are never made into objects."""

DAY: "Final[ColumnClause[int]]" = literal_column("86400000", BigInteger())
"""Milliseconds of a day. A literal: PostgreSQL takes two parameters in SELECT and GROUP BY for two expressions."""

LOG: Final = Table(
    "log",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("origin", String(255), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("node", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("note", LargeBinary),
    Column("pending_size", BigInteger),
    Column("pending_root", LargeBinary),
    Column("pending_frontier", LargeBinary),
    Column("pending_time_ms", BigInteger),
    Column("pending_note", LargeBinary),
    Column("tail", BigInteger, nullable=False),
    Column("checked_ms", BigInteger, nullable=False),
    Column("reopened", BigInteger, nullable=False),
)
"""A log this node writes or follows, with its head and, while one is being published, its pending head."""

PENDING_BATCH: Final = Table(
    "pending_batch",
    METADATA,
    Column("log_id", Integer, ForeignKey("log.id"), primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("object", String(255), nullable=False),
)
"""Changes waiting for publication; the object is sealed."""

CASE_BATCH: Final = Table(
    "case_batch",
    METADATA,
    Column("log_id", Integer, ForeignKey("log.id"), primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("object", String(255), nullable=False),
)
"""Case data and source ids of own entries; the object is sealed and its content enters no log."""

ENTRY_INDEX: Final = Table(
    "entry_index",
    METADATA,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    # No foreign key: logs are never deleted, and checking it would cost each row of an import.
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("collection", Integer, nullable=False),
    Column("ended", BigInteger),
    sqlite_with_rowid=False,
)
"""One add or dispute by the keyed hash of its digest; clustered by the key, written in bulk by the driver."""

QUARANTINE: Final = Table(
    "quarantine",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("log_id", Integer, ForeignKey("log.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("reason", String(255), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("released_ms", BigInteger),
)
"""Something a guard set aside until a person has looked at it."""

INTAKE: Final = Table(
    "intake",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("log_id", Integer, ForeignKey("log.id"), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("adds", Integer, nullable=False),
    Column("withdrawals", Integer, nullable=False),
    Column("disputes", Integer, nullable=False, server_default="0"),
    Index("ix_intake_log_received", "log_id", "received_ms"),
)
"""How much one pull brought, for the guards that count by the day."""

PEER: Final = Table(
    "peer",
    METADATA,
    Column("name", String(255), primary_key=True),
    Column("url", String(2048), nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("grant_json", String, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("confirmed_ms", BigInteger, nullable=False, server_default="0"),
    Column("synced_ms", BigInteger, nullable=False, server_default="0"),
    Column("outcome", String, nullable=False, default=""),
)
"""An agency this node knows."""

PEER_FILE: Final = Table(
    "peer_file",
    METADATA,
    Column("peer", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""A signed trust file of a peer as received: a version of its root, metadata, or a target file."""

DATA_KEY: Final = Table(
    "data_key",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("storage_key", String(64), nullable=False, default="1"),
    Column("made_ms", BigInteger, nullable=False, server_default="0"),
)
"""A data key, wrapped with a storage key."""

LEASE: Final = Table(
    "lease",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("place", String, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)
"""Whose this database is; see `node.store.lease`."""


def every_table() -> MetaData:
    """All tables, also of the modules that nobody has asked for yet: whoever copies tables must miss none."""
    for path in Path(__file__).parent.glob("*/tables.py"):
        import_module(f"node.store.{path.parent.name}.tables")
    return METADATA
