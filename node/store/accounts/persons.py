"""Persons, inside one transaction."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Select, bindparam, delete, select, update
from sqlmodel import Field

from node.errors import AlreadyExistsError, NotFoundError
from node.store.accounts.records import PersonRecord
from node.store.tables import Rows, TableModel, table, values_of


class Person(TableModel):
    """Somebody who decides here; the verifier is sealed, so a changed row opens nothing."""

    __tablename__ = "person"

    name: str = Field(max_length=64, primary_key=True)
    role: str = Field(max_length=16)
    verifier: bytes
    added_ms: int = Field(sa_type=BigInteger)
    tries: int
    tried_ms: int = Field(sa_type=BigInteger)


_TABLE = table(Person)
_C = _TABLE.c
_ALL: Final = select(_TABLE).order_by(_C.name)
_BY_NAME: Final = select(_TABLE).where(_C.name == bindparam("name"))
_LOCKED: Final = _BY_NAME.with_for_update()


class PersonRows(Rows):
    """The `person` table."""

    def add(self, person: PersonRecord) -> None:
        """Add a person; raises `AlreadyExistsError`."""
        self._insert(
            _TABLE, values_of(person), AlreadyExistsError("there is a person {name} already", person.name)
        )

    def get(self, name: str) -> PersonRecord:
        """The person of that name; raises `NotFoundError`."""
        return self._one(name, _BY_NAME)

    def find(self, name: str) -> PersonRecord | None:
        """The person of that name, if there is one."""
        return self._find(PersonRecord, _BY_NAME, name=name)

    def lock(self, name: str) -> PersonRecord:
        """As `get`, and nobody else changes or locks the person until this transaction ends."""
        return self._one(name, _LOCKED)

    def _one(self, name: str, wanted: Select[Any]) -> PersonRecord:
        missing = NotFoundError("there is no person {name}", name, hint="see them with: sigfed person ls")
        return self._get(PersonRecord, wanted, missing, name=name)

    def ls(self) -> Sequence[PersonRecord]:
        """All persons by name."""
        return self._records(PersonRecord, _ALL)

    def remove(self, name: str) -> None:
        """Forget a person; raises `NotFoundError`."""
        self.get(name)
        self._connection.execute(delete(_TABLE).where(_C.name == name))

    def set_verifier(self, name: str, verifier: bytes) -> None:
        """Give a person another passphrase, and the tries of the old one back; raises `NotFoundError`."""
        self.get(name)
        values = {"verifier": verifier, "tries": 0, "tried_ms": 0}
        self._connection.execute(update(_TABLE).where(_C.name == name).values(values))

    def set_tries(self, name: str, *, tries: int, tried_ms: int) -> None:
        """Count a try, or forget them after the right one."""
        values = {"tries": tries, "tried_ms": tried_ms}
        self._connection.execute(update(_TABLE).where(_C.name == name).values(values))
