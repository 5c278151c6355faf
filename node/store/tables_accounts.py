"""The tables of how persons come into the console."""

from sqlalchemy import BigInteger, LargeBinary
from sqlmodel import Field, SQLModel


class PasskeyRow(SQLModel, table=True):
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


class ConsoleSessionRow(SQLModel, table=True):
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


class PersonTokenRow(SQLModel, table=True):
    """A one-time token, by its hash."""

    __tablename__ = "person_token"

    token_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    person: str = Field(max_length=64)
    made_ms: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger)
    used_ms: int = Field(sa_type=BigInteger)
    tries: int


class ChallengeRow(SQLModel, table=True):
    """A challenge by its hash: of somebody inside until it is answered, of a sign-in once it was."""

    __tablename__ = "challenge"

    challenge_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    purpose: str = Field(max_length=16)
    person: str = Field(max_length=64)
    token_hash: bytes
    expires_ms: int = Field(sa_type=BigInteger, index=True)
