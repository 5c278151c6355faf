"""The table of a witness: the last head of each log that it cosigned."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class WitnessedLog(SQLModel, table=True):
    """One log. A lost row would let this witness contradict itself, so nothing deletes one."""

    __tablename__ = "witnessed_log"

    origin: str = Field(max_length=255, primary_key=True)
    origin_sha256: str = Field(max_length=64, unique=True)
    size: int = Field(sa_type=BigInteger)
    root: bytes
    time_s: int = Field(sa_type=BigInteger)
    note: bytes
    cosignature: bytes
