"""The tables of what the guards compare with, and of shredding."""

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field

from node.store.tables import TableModel, key_part


class BenignRow(TableModel):
    """A known-benign set, whose keyed hashes are in a filter file."""

    __tablename__ = "benign_set"

    name: str = Field(max_length=64, primary_key=True)
    file: str = Field(max_length=128)
    hashes: int = Field(sa_type=BigInteger)
    rows: int = Field(sa_type=BigInteger)
    refused: int = Field(sa_type=BigInteger)
    added_ms: int = Field(sa_type=BigInteger)


class TripwireRow(TableModel):
    """A digest that must never be released, sealed."""

    __tablename__ = "tripwire"

    id: int | None = Field(default=None, primary_key=True)
    key: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    sealed: bytes
    note: str = Field(max_length=200)
    added_ms: int = Field(sa_type=BigInteger)


class SetAsideRow(TableModel):
    """A digest, by its keyed hash, of an imported row that was set aside."""

    __tablename__ = "set_aside_row"

    quarantine_id: int = Field(foreign_key="quarantine.id", primary_key=True)
    key: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False, index=True))


class ShreddingRow(TableModel):
    """An event whose opening is to be deleted, or was."""

    __tablename__ = "shredding"

    log_id: int = Field(sa_column=key_part(Integer))
    position: int = Field(sa_column=key_part())
    by: int = Field(sa_type=BigInteger)
    mac: bytes | None = None
    file: int | None = Field(default=None, sa_type=BigInteger)
    erased_ms: int | None = Field(default=None, sa_type=BigInteger)


class TombstoneRow(TableModel):
    """A shredded digest, as a keyed hash."""

    __tablename__ = "tombstone"

    mac: bytes = Field(primary_key=True)
    log_id: int = Field(sa_column=key_part(Integer))
    by: int = Field(sa_type=BigInteger)
    leaf_hash: bytes
    blocks: bool
    created_ms: int = Field(sa_type=BigInteger)


class StandingRow(TableModel):
    """An entry or dispute of a tombstoned digest in another list."""

    __tablename__ = "standing"

    log_id: int = Field(sa_column=key_part(Integer))
    position: int = Field(sa_column=key_part())
    mac: bytes = Field(index=True)
