"""Signed-in browsers and one-time tokens, inside one transaction."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, LargeBinary, delete, insert, or_, select, update
from sqlmodel import Field

from node.errors import NotFoundError
from node.store.accounts.records import SessionRecord, TokenRecord
from node.store.tables import NUMBERED, Rows, TableModel, table, values_of


class ConsoleSessionRow(TableModel):
    """A signed-in browser; its CSRF token is sealed under its person's name, so a row put here is no session."""

    __tablename__ = "console_session"
    __table_args__ = NUMBERED

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


_SESSION, _TOKEN = table(ConsoleSessionRow), table(PersonTokenRow)


class ConsoleSessionRows(Rows):
    """The `console_session` table."""

    def add(self, session: SessionRecord) -> None:
        """Add one."""
        self._connection.execute(insert(_SESSION).values(values_of(session, "number")))

    def find(self, token_hash: bytes) -> SessionRecord | None:
        """The one of that token; None: there is none."""
        return self._find(SessionRecord, select(_SESSION).where(_SESSION.c.token_hash == token_hash))

    def ls(self, person: str) -> Sequence[SessionRecord]:
        """Those of a person, oldest first."""
        wanted = select(_SESSION).where(_SESSION.c.person == person).order_by(_SESSION.c.number)
        return self._records(SessionRecord, wanted)

    def note_seen(self, number: int, seen_ms: int) -> None:
        """Note when a session was used last."""
        self._set(number, seen_ms=seen_ms)

    def note_proved(self, number: int, proved_ms: int) -> None:
        """Note when a passkey was last shown in a session."""
        self._set(number, proved_ms=proved_ms)

    def set_language(self, number: int, language: str) -> None:
        """Keep the language that was chosen in a session."""
        self._set(number, language=language)

    def remove(self, number: int, *, person: str) -> None:
        """Forget one of a person's; raises `NotFoundError`."""
        this = (_SESSION.c.number == number, _SESSION.c.person == person)
        if not self._connection.execute(delete(_SESSION).where(*this)).rowcount:
            raise NotFoundError(
                "{person} has no session {number}", person, number, hint="it may have ended by itself"
            )

    def remove_all(self, person: str) -> None:
        """Forget those of a person."""
        self._connection.execute(delete(_SESSION).where(_SESSION.c.person == person))

    def sweep(self, *, opened_before_ms: int, seen_before_ms: int) -> None:
        """Forget those that were opened, or last used, before a time."""
        old = or_(_SESSION.c.opened_ms < opened_before_ms, _SESSION.c.seen_ms < seen_before_ms)
        self._connection.execute(delete(_SESSION).where(old))

    def _set(self, number: int, **values: int | str) -> None:
        self._connection.execute(update(_SESSION).where(_SESSION.c.number == number).values(values))


class PersonTokenRows(Rows):
    """The `person_token` table."""

    def add(self, token: TokenRecord) -> None:
        """Add one."""
        self._connection.execute(insert(_TOKEN).values(values_of(token)))

    def lock(self, token_hash: bytes) -> TokenRecord | None:
        """The one with this hash, changed by nobody else until this transaction ends; None: there is none."""
        return self._find(
            TokenRecord, select(_TOKEN).where(_TOKEN.c.token_hash == token_hash).with_for_update()
        )

    def note_try(self, token_hash: bytes) -> None:
        """Count one more try to sign in with a token."""
        this = update(_TOKEN).where(_TOKEN.c.token_hash == token_hash)
        self._connection.execute(this.values(tries=_TOKEN.c.tries + 1))

    def bind(self, token_hash: bytes, person: str) -> None:
        """From now on it is this person's."""
        this = update(_TOKEN).where(_TOKEN.c.token_hash == token_hash)
        self._connection.execute(this.values(person=person))

    def use(self, token_hash: bytes, *, now_ms: int) -> bool:
        """Use it up; False when it is used up, ended, or not there: of two that meet one is told so."""
        fresh = (_TOKEN.c.token_hash == token_hash, _TOKEN.c.used_ms == 0, _TOKEN.c.expires_ms > now_ms)
        return bool(self._connection.execute(update(_TOKEN).where(*fresh).values(used_ms=now_ms)).rowcount)

    def remove_all(self, person: str) -> None:
        """Forget those of a person; of nobody yet, when the name is empty."""
        self._connection.execute(delete(_TOKEN).where(_TOKEN.c.person == person))

    def sweep(self, before_ms: int) -> None:
        """Forget those that ended before a time."""
        self._connection.execute(delete(_TOKEN).where(_TOKEN.c.expires_ms < before_ms))
