"""The tables of persons, of what waits for a second one, and of audit records that wait for their signature."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class Person(SQLModel, table=True):
    """Somebody who decides here; the verifier is sealed, so a changed row opens nothing."""

    __tablename__ = "person"

    name: str = Field(max_length=64, primary_key=True)
    role: str = Field(max_length=16)
    verifier: bytes
    added_ms: int = Field(sa_type=BigInteger)
    tries: int
    tried_ms: int = Field(sa_type=BigInteger)


class ApprovalRow(SQLModel, table=True):
    """A request for a second person, and what was decided; nothing deletes one."""

    __tablename__ = "approval"

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=64)
    subject: str = Field(max_length=1024)
    payload: bytes
    requested_by: str = Field(max_length=64)
    requested_ms: int = Field(sa_type=BigInteger)
    decided_by: str = Field(max_length=64)
    decided_ms: int | None = Field(default=None, sa_type=BigInteger)
    outcome: str = Field(max_length=16)
    reason: str = Field(max_length=1024)
    acted_ms: int | None = Field(default=None, sa_type=BigInteger)
    result: str = Field(max_length=1024)


class AuditRow(SQLModel, table=True):
    """An audit record before it is in the signed log."""

    __tablename__ = "audit_queue"

    id: int | None = Field(default=None, primary_key=True)
    record: bytes
    position: int | None = Field(default=None, sa_type=BigInteger)
