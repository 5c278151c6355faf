"""The tables of partners' proposals and of their files."""

from sqlalchemy import BigInteger, LargeBinary
from sqlmodel import Field, SQLModel


class ProposalRow(SQLModel, table=True):
    """One proposal; what it says is sealed."""

    __tablename__ = "proposal"

    partner: str = Field(max_length=64, primary_key=True)
    proposal_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    subset: str = Field(max_length=64)
    claim: int
    files: int
    received_ms: int = Field(sa_type=BigInteger)
    sealed: bytes
    closed_ms: int | None = Field(default=None, sa_type=BigInteger)


class ProposedFileRow(SQLModel, table=True):
    """What became of one file of a proposal."""

    __tablename__ = "proposed_file"

    partner: str = Field(max_length=64, primary_key=True)
    proposal_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    number: int = Field(primary_key=True)
    state: int
    reason: str = Field(max_length=500)
    origin: str = Field(max_length=255)
    decided_ms: int | None = Field(default=None, sa_type=BigInteger)
