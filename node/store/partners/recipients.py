"""Recipients and the copy that is laid out for them, inside one transaction."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, delete, insert, select, update
from sqlmodel import Field

from node.errors import AlreadyExistsError, NotFoundError
from node.store.partners.records import RecipientRecord, SnapshotRecord
from node.store.tables import Rows, TableModel, table, values_of


class Recipient(TableModel):
    """An accredited holder of raw digests; of its key only the SHA-256."""

    __tablename__ = "recipient"

    name: str = Field(max_length=64, primary_key=True)
    purpose: str = Field(max_length=255)
    grant: str
    key_sha256: bytes
    keyed_ms: int = Field(sa_type=BigInteger)
    old_key_sha256: bytes = b""
    old_until_ms: int = Field(default=0, sa_type=BigInteger)
    suspended: bool
    added_ms: int = Field(sa_type=BigInteger)
    seen_ms: int = Field(sa_type=BigInteger)


class RecipientSnapshot(TableModel):
    """The copy; there is one row at most."""

    __tablename__ = "recipient_snapshot"

    token: str = Field(max_length=64, primary_key=True)
    tag: str = Field(max_length=64)
    parts: int
    digests: int = Field(sa_type=BigInteger)
    basis: bytes
    made_ms: int = Field(sa_type=BigInteger)


_TABLE, _SNAPSHOT = table(Recipient), table(RecipientSnapshot)
_C = _TABLE.c


class RecipientRows(Rows):
    """The `recipient` table."""

    def add(self, recipient: RecipientRecord) -> None:
        """Add one; raises `AlreadyExistsError`."""
        self._insert(
            _TABLE,
            values_of(recipient),
            AlreadyExistsError("there is a recipient {name} already", recipient.name),
        )

    def get(self, name: str) -> RecipientRecord:
        """The recipient of that name; raises `NotFoundError`."""
        missing = NotFoundError(
            "there is no recipient {name}", name, hint="see them with: sigfed recipient ls"
        )
        return self._get(RecipientRecord, select(_TABLE).where(_C.name == name), missing)

    def find(self, name: str) -> RecipientRecord | None:
        """The recipient of that name, if there is one."""
        return self._find(RecipientRecord, select(_TABLE).where(_C.name == name))

    def ls(self) -> Sequence[RecipientRecord]:
        """All recipients by name."""
        return self._records(RecipientRecord, select(_TABLE).order_by(_C.name))

    def set_grant(self, name: str, grant: str) -> None:
        """Replace what it may fetch; raises `NotFoundError`."""
        self._set(name, grant=grant)

    def set_key(self, name: str, key_sha256: bytes, *, now_ms: int, keep_until_ms: int = 0) -> None:
        """Replace its key, and keep the one before until then; raises `NotFoundError`."""
        old = self.get(name).key_sha256 if keep_until_ms else b""
        self._set(
            name, key_sha256=key_sha256, keyed_ms=now_ms, old_key_sha256=old, old_until_ms=keep_until_ms
        )

    def set_suspended(self, name: str, *, suspended: bool) -> None:
        """Refuse its key, or accept it again; raises `NotFoundError`."""
        self._set(name, suspended=suspended)

    def note_seen(self, name: str, *, now_ms: int) -> None:
        """Record the start of a download; raises `NotFoundError`."""
        self._set(name, seen_ms=now_ms)

    def remove(self, name: str) -> None:
        """Forget it and its key; raises `NotFoundError`."""
        self.get(name)
        self._connection.execute(delete(_TABLE).where(_C.name == name))

    def _set(self, name: str, **values: object) -> None:
        self.get(name)
        self._connection.execute(update(_TABLE).where(_C.name == name).values(values))


class RecipientSnapshotRows(Rows):
    """The `recipient_snapshot` table."""

    def find(self) -> SnapshotRecord | None:
        """The copy, if one is laid out."""
        return self._find(SnapshotRecord, select(_SNAPSHOT))

    def put(self, snapshot: SnapshotRecord) -> None:
        """Replace it."""
        self.drop()
        self._connection.execute(insert(_SNAPSHOT).values(values_of(snapshot)))

    def drop(self) -> None:
        """Serve none."""
        self._connection.execute(delete(_SNAPSHOT))
