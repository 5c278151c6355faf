"""The tables of cosigning: the witnesses of own logs, and overlays of heads that too few of them cosigned."""

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field, SQLModel


class Cosigner(SQLModel, table=True):
    """One witness of one own log."""

    __tablename__ = "cosigner"

    origin: str = Field(max_length=255, primary_key=True)
    witness: str = Field(max_length=128, primary_key=True)
    size: int = Field(sa_type=BigInteger)
    since_ms: int = Field(sa_type=BigInteger)
    cosigned_s: int = Field(sa_type=BigInteger)
    asked_ms: int = Field(sa_type=BigInteger)
    outcome: str = Field(max_length=1024)
    alarm: bool


class Overlay(SQLModel, table=True):
    """What is held beyond the trusted head of one log."""

    __tablename__ = "overlay"

    log_id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    base_size: int = Field(sa_type=BigInteger)
    base_root: bytes
    size: int = Field(sa_type=BigInteger)
    root: bytes
    note: bytes
    sealed: bytes
