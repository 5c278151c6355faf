"""The tables of what the guards compare with, of shredding and recall."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table

from node.store.tables import METADATA

BENIGN_SET: Final = Table(
    "benign_set",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("file", String(128), nullable=False),
    Column("hashes", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
)
"""A known-benign set, whose keyed hashes are in a filter file."""

TRIPWIRE: Final = Table(
    "tripwire",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", BigInteger, nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("note", String(200), nullable=False),
    Column("added_ms", BigInteger, nullable=False),
)
"""A digest that must never be released, sealed."""

SET_ASIDE_ROW: Final = Table(
    "set_aside_row",
    METADATA,
    Column("quarantine_id", Integer, ForeignKey("quarantine.id"), primary_key=True),
    Column("key", BigInteger, primary_key=True, index=True, autoincrement=False),
)
"""A digest, by its keyed hash, of an imported row that was set aside."""

SHREDDING: Final = Table(
    "shredding",
    METADATA,
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("by", BigInteger, nullable=False),
    Column("mac", LargeBinary),
    Column("erased_ms", BigInteger),
)
"""An event whose opening is to be deleted, or was."""

TOMBSTONE: Final = Table(
    "tombstone",
    METADATA,
    Column("mac", LargeBinary, primary_key=True),
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("by", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("blocks", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""A shredded digest, as a keyed hash."""

STANDING: Final = Table(
    "standing",
    METADATA,
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("mac", LargeBinary, nullable=False, index=True),
)
"""An entry or dispute of a tombstoned digest in another list."""

ACKNOWLEDGEMENT: Final = Table(
    "acknowledgement",
    METADATA,
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("peer", String(255), primary_key=True),
    Column("held_size", BigInteger, nullable=False),
    Column("released_size", BigInteger),
    Column("time_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("statement", LargeBinary, nullable=False),
)
"""The newest statement of a peer about an own list."""

ACKNOWLEDGED: Final = Table(
    "acknowledged",
    METADATA,
    Column("origin", String(255), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""What this node last acknowledged of a peer's list."""

WITHDRAWAL: Final = Table(
    "withdrawal",
    METADATA,
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("published_ms", BigInteger),
)
"""Neighbouring withdraw events of an own list."""

REACHED: Final = Table(
    "reached",
    METADATA,
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("peer", String(255), primary_key=True),
    Column("held_ms", BigInteger),
    Column("released_ms", BigInteger),
)
"""When a withdrawal reached a peer, and its releases."""

JUDGED_LIST: Final = Table(
    "judged_list",
    METADATA,
    Column("subset", String(64), primary_key=True),
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, nullable=False),
)
"""Up to which size a subset's newest release follows a list."""
