"""Which home folder a database belongs to, so that a copy of the folder never writes beside the first.

The keys, objects and signer state of a node lie in one folder. Two folders on one database would publish past each
other and sign two trust files of one number. So the first home that writes takes the lease, its commands and restarts
share it, and another home is refused until somebody hands it over. Every write reads the lease in its own transaction:
a process that was paused while the lease passed on writes nothing any more. All times are the database's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, inspect, select, text, update
from sqlalchemy.exc import OperationalError

from keys.message import Message
from node.errors import NotInitialisedError, StoreLockedError, SupersededError
from node.store.driver import POSTGRESQL, SQLITE, Bare, begin_writing, connect, parse_dsn, translated
from node.store.migrate import migrate, require_newest
from node.store.tables import Lease, Rows, table

LEASE_MS: Final = 150_000
"""How long a node that runs is taken to be alive after it said so last."""
_NAME: Final = "home"
_TABLE: Final = table(Lease)
_FIND: Final = select(_TABLE).where(_TABLE.c.name == _NAME)
_SHARED: Final = _FIND.with_for_update(read=True)
_ALONE: Final = _FIND.with_for_update()
_NOW_MS: Final = {
    True: "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
    False: "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
}
"""The statement that asks the database for its time, by whether it is PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the lease stands."""

    holder: str
    term: int
    runs: bool
    """Whether the node said lately that it runs in the home that has the lease."""


@dataclass(slots=True, kw_only=True)
class Claim:
    """A home that asks for the lease; `place` says to people where it is."""

    holder: str
    place: str
    inside: bool
    """Whether the database lies in the home: then nobody else can share it, and a copy of both is a home of its own."""
    _term: int | None = field(default=None, repr=False)

    def fence(self, connection: Connection) -> None:
        """Let a transaction that writes go on; raises `StoreLockedError` where the lease is not this home's."""
        held = _standing(connection) or self._first(connection)
        if held.holder != self.holder:
            if not self.inside or self._is_passed_on(held.holder, held.term):
                raise _elsewhere(held)
            held = self._take(connection, held)
        if self._term not in {None, held.term}:
            raise _lost()
        self._term = held.term

    def require_standing(self, standing: Standing) -> None:
        """Raise `StoreLockedError` where the lease has passed on since it was found."""
        if self._is_passed_on(standing.holder, standing.term):
            raise _lost()

    def _is_passed_on(self, holder: str, term: int) -> bool:
        """Whether somebody took the lease after this home did.

        A transaction that took it may have been rolled back since: what is found is of an earlier term then, and of
        the same one where another copy of the home took it instead.
        """
        if self._term is None or term < self._term:
            return False
        return term > self._term or holder != self.holder

    def holds(self, bare: Bare) -> bool:
        """Whether this home has the lease and had it throughout; `fence` says what is to be done where it has not."""
        asked = "SELECT holder, term FROM lease WHERE name = :name"
        found = bare.first(asked, lock="FOR SHARE", name=_NAME)
        return found == (self.holder, self._term)

    def require(self, bare: Bare) -> None:
        """Let a transaction go on; raises `StoreLockedError` where the lease is not this home's."""
        if not self.holds(bare):
            raise _lost()

    def _first(self, connection: Connection) -> Row[Any]:
        statement = (
            "INSERT INTO lease (name, holder, place, term, until_ms) VALUES (:name, :holder, :place, 1, 0)"
        )
        values = {"name": _NAME, "holder": self.holder, "place": self.place}
        # Of two processes that meet, one waits for the other and then reads what it wrote.
        connection.execute(text(f"{statement} ON CONFLICT DO NOTHING"), values)
        held = _find(connection)
        assert held is not None, "one of them wrote it"
        return held

    def _take(self, connection: Connection, held: Row[Any]) -> Row[Any]:
        self._put(connection, holder=self.holder, place=self.place, term=held.term + 1, until_ms=0)
        taken = _find(connection)
        assert taken is not None, "it was just written"
        return taken

    def _put(self, connection: Connection, **values: Any) -> None:
        connection.execute(update(_TABLE).where(_TABLE.c.name == _NAME).values(**values))


class LeaseRows(Rows):
    """The lease, for who serves beside the home that has it."""

    def standing(self) -> Standing:
        """How it stands; nobody's before the first home writes."""
        held = _standing(self._connection, _FIND)
        if held is None:
            return Standing("", 0, runs=False)
        return Standing(held.holder, held.term, held.until_ms > _now_ms(self._connection))

    def rewrite(self) -> None:
        """Write it as it is: a database that takes nothing says so."""
        self._connection.execute(update(_TABLE).values(term=_TABLE.c.term))


def shared_claim(dsn: str) -> Claim:
    """The claim of the home that has the lease, for a process elsewhere that writes only while it has.

    Nothing is migrated: whose program is newer must not change the tables under the other.

    Raises:
        NotInitialisedError: no home has it.
        StoreError: the tables are of another version of this program.
    """
    engine = connect(parse_dsn(dsn))
    try:
        with translated(), engine.connect() as connection:
            require_newest(connection)
            held = connection.execute(_FIND).one_or_none()
    finally:
        engine.dispose()
    if held is None:
        raise NotInitialisedError(
            "no node has written into this database yet",
            hint="start it first, on its own machine: sigfed run",
        )
    return Claim(holder=held.holder, place=held.place, inside=False, _term=held.term)


def require(dsn: str, claim: Claim) -> None:
    """Check that a home may revise what lies beside the database at `dsn`; raises `StoreLockedError`."""
    with _transaction(dsn) as connection:
        claim.fence(connection)


def renew(dsn: str, claim: Claim) -> None:
    """Say that the node runs in this home; raises `StoreLockedError` where the lease is another's."""
    with _transaction(dsn) as connection:
        claim.fence(connection)
        claim._put(connection, place=claim.place, until_ms=_now_ms(connection) + LEASE_MS)  # noqa: SLF001


def release(dsn: str, claim: Claim) -> None:
    """Say that the node runs no more in this home, which keeps the lease."""
    with _transaction(dsn) as connection:
        held = _find(connection)
        if held is not None and held.holder == claim.holder:
            claim._put(connection, until_ms=0)  # noqa: SLF001


def take(dsn: str, claim: Claim, *, ready: Callable[[], None]) -> None:
    """Hand the lease over to this home, where another has it; raises `StoreLockedError` while the node runs there.

    `ready` raises where this home cannot follow that one; the other keeps the lease then.
    """
    with _transaction(dsn) as connection:
        held = _find(connection, share=False)
        if held is None or held.holder == claim.holder:
            return
        left = held.until_ms - _now_ms(connection)
        if left > 0:
            raise StoreLockedError(
                "the node runs in {place}",
                held.place,
                hint=Message(
                    "stop it there; if that machine is dead, its lease ends in {left} seconds",
                    left // 1000 + 1,
                ),
            )
        ready()
        claim._take(connection, held)  # noqa: SLF001


def _lost() -> SupersededError:
    return SupersededError(
        "another home, or a newer version of this program, took this database over",
        hint="start the program again",
    )


def _elsewhere(held: Row[Any]) -> SupersededError:
    return SupersededError(
        "the database of this node belongs to another folder: {place}",
        held.place,
        hint="use that one. If the node moves here: stop it there, then here sigfed backup finish",
    )


def _standing(connection: Connection, wanted: Select[Any] = _SHARED) -> Row[Any] | None:
    """The lease; raises `SupersededError` where a move took its table away, so that nobody writes there any more."""
    try:
        return connection.execute(wanted).one_or_none()
    except OperationalError:
        # A file alone is moved out of; a server takes no further question in a transaction that failed.
        if connection.dialect.name != SQLITE or inspect(connection).has_table(_TABLE.name):
            raise
        raise SupersededError(
            "the tables of this node were moved out of this file",
            hint="end that: sigfed store move --to the database that they were moved to",
        ) from None


def _find(connection: Connection, *, share: bool = True) -> Row[Any] | None:
    """The lease, held fast until the transaction ends: nobody takes it over from under a writer."""
    return connection.execute(_SHARED if share else _ALONE).one_or_none()


def _now_ms(connection: Connection) -> int:
    return int(connection.exec_driver_sql(_NOW_MS[connection.dialect.name == POSTGRESQL]).scalar_one())


@contextmanager
def _transaction(dsn: str) -> Iterator[Connection]:
    engine = connect(parse_dsn(dsn))
    try:
        with translated():
            migrate(engine)  # there is a store: its home names it
            with begin_writing(engine) as connection, connection.begin():
                yield connection
    finally:
        engine.dispose()
