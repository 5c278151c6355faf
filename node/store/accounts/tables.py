"""The tables of persons, of how they come into the console, and of records on their way into the audit log."""

from sqlalchemy import BigInteger, LargeBinary
from sqlmodel import Field

from node.store.tables import TableModel


class Person(TableModel):
    """Somebody who decides here; the verifier is sealed, so a changed row opens nothing."""

    __tablename__ = "person"

    name: str = Field(max_length=64, primary_key=True)
    role: str = Field(max_length=16)
    verifier: bytes
    added_ms: int = Field(sa_type=BigInteger)
    tries: int
    tried_ms: int = Field(sa_type=BigInteger)


class ApprovalRow(TableModel):
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


class AuditRow(TableModel):
    """An audit record before it is in the signed log."""

    __tablename__ = "audit_queue"

    id: int | None = Field(default=None, primary_key=True)
    record: bytes
    position: int | None = Field(default=None, sa_type=BigInteger)


class PasskeyRow(TableModel):
    """A passkey; its key is sealed under its person's name, so a changed row opens nothing."""

    __tablename__ = "passkey"

    number: int | None = Field(default=None, primary_key=True)
    person: str = Field(max_length=64, index=True)
    credential: bytes = Field(sa_type=LargeBinary, unique=True)
    sealed_key: bytes
    sign_count: int = Field(sa_type=BigInteger)
    name: str = Field(max_length=64)
    added_ms: int = Field(sa_type=BigInteger)
    used_ms: int = Field(sa_type=BigInteger)


class ConsoleSessionRow(TableModel):
    """A signed-in browser; its CSRF token is sealed under its person's name, so a row put here is no session."""

    __tablename__ = "console_session"

    number: int | None = Field(default=None, primary_key=True)
    token_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    person: str = Field(max_length=64, index=True)
    sealed_csrf: bytes
    opened_ms: int = Field(sa_type=BigInteger)
    seen_ms: int = Field(sa_type=BigInteger)
    proved_ms: int = Field(sa_type=BigInteger)
    language: str = Field(max_length=16)


class PersonTokenRow(TableModel):
    """A one-time token, by its hash."""

    __tablename__ = "person_token"

    token_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    person: str = Field(max_length=64)
    made_ms: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger)
    used_ms: int = Field(sa_type=BigInteger)
    tries: int


class ChallengeRow(TableModel):
    """A challenge by its hash: of somebody inside until it is answered, of a sign-in once it was."""

    __tablename__ = "challenge"

    challenge_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    purpose: str = Field(max_length=16)
    person: str = Field(max_length=64)
    token_hash: bytes
    expires_ms: int = Field(sa_type=BigInteger, index=True)
