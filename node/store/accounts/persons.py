"""Persons, inside one transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.errors import AlreadyExistsError, NotFoundError
from node.store.accounts.records import PersonRecord, PersonRole
from node.store.accounts.tables import Person
from node.store.tables import Rows, record, table

_TABLE = table(Person)
_C = _TABLE.c


class PersonRows(Rows):
    """The `person` table."""

    def add(self, person: PersonRecord) -> None:
        """Add a person; raises `AlreadyExistsError`."""
        row = {
            "name": person.name,
            "role": person.role.value,
            "verifier": person.verifier,
            "added_ms": person.added_ms,
            "tries": person.tries,
            "tried_ms": person.tried_ms,
        }
        try:
            self._connection.execute(insert(_TABLE).values(row))
        except IntegrityError:
            raise AlreadyExistsError("there is a person {name} already", person.name) from None

    def get(self, name: str) -> PersonRecord:
        """The person of that name; raises `NotFoundError`."""
        return self._one(name, select(_TABLE).where(_C.name == name))

    def find(self, name: str) -> PersonRecord | None:
        """The person of that name, if there is one."""
        row = self._connection.execute(select(_TABLE).where(_C.name == name)).one_or_none()
        return None if row is None else _record(row)

    def lock(self, name: str) -> PersonRecord:
        """As `get`, and nobody else changes or locks the person until this transaction ends."""
        return self._one(name, select(_TABLE).where(_C.name == name).with_for_update())

    def _one(self, name: str, wanted: Select[Any]) -> PersonRecord:
        row = self._connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFoundError("there is no person {name}", name, hint="see them with: sigfed person ls")
        return _record(row)

    def ls(self) -> Sequence[PersonRecord]:
        """All persons by name."""
        return [_record(row) for row in self._connection.execute(select(_TABLE).order_by(_C.name))]

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


def _record(row: Row[Any]) -> PersonRecord:
    return record(PersonRecord, row, role=PersonRole(row.role))
