"""The tables of disclosed look-ups."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class DisclosureRow(SQLModel, table=True):
    """What a partner may show in the clear, with its bucket, and what it has shown, in numbers."""

    __tablename__ = "disclosure"

    partner: str = Field(max_length=64, primary_key=True)
    values_per_day: int = Field(sa_type=BigInteger)
    level: int = Field(sa_type=BigInteger)
    level_ms: int = Field(sa_type=BigInteger)
    month: str = Field(max_length=7)
    used: int = Field(sa_type=BigInteger)
    asked: int = Field(sa_type=BigInteger)
    met: int = Field(sa_type=BigInteger)
    stopped_ms: int | None = Field(default=None, sa_type=BigInteger)


class DisclosedAboutRow(SQLModel, table=True):
    """How many values of a partner were about one entry."""

    __tablename__ = "disclosed_about"

    partner: str = Field(max_length=64, primary_key=True)
    entry: int = Field(primary_key=True, sa_type=BigInteger)
    count: int = Field(sa_type=BigInteger)
