"""The tables of what the guards compare with; see `node.store.tables` for the rules of all tables."""

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel


class BenignRow(SQLModel, table=True):
    """A known-benign set, whose keyed hashes are in a filter file."""

    __tablename__ = "benign_set"

    name: str = Field(max_length=64, primary_key=True)
    file: str = Field(max_length=128)
    hashes: int = Field(sa_type=BigInteger)
    rows: int = Field(sa_type=BigInteger)
    refused: int = Field(sa_type=BigInteger)
    added_ms: int = Field(sa_type=BigInteger)


class TripwireRow(SQLModel, table=True):
    """A digest that must never be released, sealed."""

    __tablename__ = "tripwire"

    id: int | None = Field(default=None, primary_key=True)
    key: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    sealed: bytes
    note: str = Field(max_length=200)
    added_ms: int = Field(sa_type=BigInteger)


class SetAsideRow(SQLModel, table=True):
    """A digest, by its keyed hash, of an imported row that was set aside."""

    __tablename__ = "set_aside_row"

    quarantine_id: int = Field(foreign_key="quarantine.id", primary_key=True)
    key: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False, index=True),
    )
