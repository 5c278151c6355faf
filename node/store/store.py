"""Opening a store, and its units of work.

`create` makes the tables and the data keys once; `open` refuses what is not there, so that a mistyped path cannot
become a second, empty store. Failures of the database become `StoreError`s without its statements or values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy import URL, Engine, insert

from node.clock import Entropy
from node.errors import NotInitialisedError, StoreDownError, StoreError
from node.ports.objects import ObjectStore
from node.store.data_keys import DataKeyRecord, DataKeyRows, require_no_store
from node.store.driver import (
    SQLITE,
    bare_transaction,
    begin_reading,
    begin_writing,
    connect,
    damage,
    lock_writes,
    parse_dsn,
    scrub,
    settle_vacuum,
    translated,
    vacuum,
)
from node.store.lease import Claim, Standing
from node.store.migrate import migrate, revision_of
from node.store.seal import (
    FIRST_STORAGE_KEY,
    KEY_BYTES,
    UNNUMBERED,
    SealingKeys,
    StorageKeys,
    seal_name,
    seal_number,
)
from node.store.tables import DataKey, table
from node.store.unit import Unit
from node.store.vault import LoadHasher, LookUpKeys, Vault, unwrap, wrap
from protocol.tlog.hasher import HASHLIB

if TYPE_CHECKING:
    from node.store.partners.allowances import AllowanceRows

_LOST: Final = "it was made when the node was founded: restore it from a backup, with sigfed backup restore"
INDEX_KEY: Final = "index"
TOMBSTONE_KEY: Final = "tombstone"


@dataclass(slots=True)
class OwnWrites:
    """Whether transactions that write came to their end, whatever other processes and threads did meanwhile."""

    any: bool = False


_OWN: Final[ContextVar[OwnWrites | None]] = ContextVar("own_writes", default=None)


@contextmanager
def noting(own: OwnWrites) -> Iterator[None]:
    """Note those of the block, and of the threads that it waits for (`asyncio.to_thread`)."""
    token = _OWN.set(own)
    try:
        yield
    finally:
        _OWN.reset(token)


class Store:
    """What one node keeps: its database, its objects, and the vault with the keys to what is sealed in either.

    Threads may share it; each unit of work has its own connection.
    """

    def __init__(
        self, engine: Engine, vault: Vault, objects: ObjectStore, claim: Claim | None = None
    ) -> None:
        self._engine = engine
        self._claim = claim
        self.vault = vault
        self.objects = objects
        self.refused = False
        """Whether the last transaction that wrote was refused; an older one may have been, too."""

    @classmethod
    def create(
        cls,
        dsn: str,
        *,
        objects: ObjectStore,
        storage_key: bytes,
        entropy: Entropy,
        claim: Claim | None = None,
    ) -> Self:
        """Make the tables and the data keys of a new node, wrapped with its first storage key.

        Raises `AlreadyExistsError`.
        """
        url = parse_dsn(dsn)
        _private_file(url)
        with connected(url) as engine:
            migrate(engine)
            _make_keys(engine, storage_key, entropy)
            return cls(engine, _vault(engine, lambda _: storage_key, entropy), objects, claim)

    @classmethod
    def open(
        cls,
        dsn: str,
        *,
        objects: ObjectStore,
        storage_keys: StorageKeys,
        entropy: Entropy,
        claim: Claim | None = None,
        load_hasher: LoadHasher = lambda: HASHLIB,
    ) -> Self:
        """The store at `dsn`, its tables brought up to date; `claim` is of the home that writes.

        No storage key is asked for before its vault is used: then a `StoreError` says that it is another one.

        Raises:
            NotInitialisedError: there is none.
            StoreError: a newer version made it, or its creation was cut off.
        """
        url = parse_dsn(dsn)
        if url.get_backend_name() == SQLITE and not Path(url.database or "").is_file():
            raise NotInitialisedError("there is no store at this address", hint=_LOST)
        with connected(url) as engine:
            with engine.connect() as connection:
                if revision_of(connection) is None:
                    raise NotInitialisedError("the database has no store in it", hint=_LOST)
            migrate(engine)
            _number_keys(engine, storage_keys, entropy)
            return cls(engine, _vault(engine, storage_keys, entropy, load_hasher), objects, claim)

    @contextmanager
    def read(self) -> Iterator[Unit]:
        """A consistent view; writing in it is a programmer's mistake."""
        with translated(), begin_reading(self._engine) as connection:
            yield Unit(connection)

    @contextmanager
    def write(self, *, alone: bool = False) -> Iterator[Unit]:
        """A transaction: committed when the block ends, rolled back when it raises.

        One that decides by what it reads is `alone`, unless it locks that or changes it on condition: PostgreSQL has
        others write meanwhile. It has to be short.

        Raises:
            StoreLockedError: the database belongs to another home.
        """
        with self._noting(), translated(), begin_writing(self._engine) as connection, connection.begin():
            lock_writes(connection, alone=alone)
            if self._claim is not None:
                self._claim.fence(connection)
            yield Unit(connection)
            if (own := _OWN.get()) is not None:
                own.any = True  # also where it then fails: of that nobody knows whether it took effect

    def standing(self) -> Standing:
        """How the lease stands; raises `StoreLockedError` where it has passed on: whoever runs here does so in vain."""
        with self.read() as unit:
            standing = unit.lease.standing()
        if self._claim is not None:
            self._claim.require_standing(standing)
        return standing

    def require_writable(self) -> None:
        """Write a row as it is; raises `StoreDownError` where the database takes nothing."""
        with self.write() as unit:
            unit.lease.rewrite()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except StoreDownError:
            self.refused = True
            raise
        self.refused = False

    @contextmanager
    def write_allowances(self) -> "Iterator[AllowanceRows]":
        """A transaction about evaluations alone, which waits for no disk: a power cut may take back the last ones.

        Raises:
            StoreLockedError: the database belongs to another home.
        """
        from node.store.partners.allowances import AllowanceRows  # noqa: PLC0415 - an agency's commands count none

        with self._noting(), translated():
            with bare_transaction(self._engine) as bare:
                if self._claim is None or self._claim.holds(bare):
                    yield AllowanceRows(bare)
                    return
            with self.write():
                pass  # takes the lease, or says whose it is
            with bare_transaction(self._engine) as bare:
                self._claim.require(bare)
                yield AllowanceRows(bare)

    def rewrite(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Change what a sealed object holds, as it is at that moment: what others took out meanwhile stays out.

        `change` may be called more than once. Raises `MissingObjectError`.
        """
        done = False
        while not done:
            sealed = self.objects.get(name)
            data = self.vault.unseal(name, sealed)
            new = change(data)
            done = new == data or self.objects.exchange(name, sealed, self.vault.seal(name, new))

    def scrub(self) -> None:
        """Overwrite what deleted rows left in SQLite's log file; PostgreSQL's VACUUM comes by itself."""
        with translated():
            scrub(self._engine)

    def vacuum(self) -> bool:
        """Write the database anew where rows were removed for good since it was last done; whether it was done."""
        with translated():
            return vacuum(self._engine)

    def damage(self) -> Sequence[str] | None:
        """What is wrong with the database's pages and indexes, none of it secret; None where it cannot be asked."""
        with translated():
            return damage(self._engine)

    def dispose(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _private_file(url: URL) -> None:
    """SQLite makes files with the process's umask; the database must be its owner's from the first byte."""
    if url.get_backend_name() != SQLITE:
        return
    try:
        Path(url.database or "").touch(mode=0o600)
    except OSError as exc:
        raise StoreError("the database file cannot be made: {reason}", exc.strerror) from exc


def _make_keys(engine: Engine, storage_key: bytes, entropy: Entropy) -> None:
    rows = [
        {"name": name, "wrapped": wrap(storage_key, name, entropy(KEY_BYTES), entropy)}
        for name in (INDEX_KEY, TOMBSTONE_KEY, seal_name(1))
    ]
    with begin_writing(engine) as connection, connection.begin():
        require_no_store(connection)
        connection.execute(insert(table(DataKey)), rows)
        settle_vacuum(connection)


def _number_keys(engine: Engine, storage_keys: StorageKeys, entropy: Entropy) -> None:
    """In a store of before sealing keys had numbers, the first storage key sealed: from now on another one does."""
    with engine.connect() as connection:
        records = DataKeyRows(connection).ls()
    held = {each.name for each in records}
    if missing := [name for name in (INDEX_KEY, TOMBSTONE_KEY) if name not in held]:
        raise StoreError(
            "the store has no {missing} key", missing[0], hint="its creation was cut off; create it again"
        )
    if _numbered(records):
        return
    with begin_writing(engine) as connection, connection.begin():
        keys = DataKeyRows(connection)
        if _numbered(keys.ls()):
            return
        first = storage_keys(FIRST_STORAGE_KEY)
        _open_all(keys.ls(), storage_keys)  # another storage key must not be taken for the one that sealed
        for name, key in ((seal_name(UNNUMBERED), first), (seal_name(1), entropy(KEY_BYTES))):
            wrapped = wrap(first, name, key, entropy)
            keys.put(DataKeyRecord(name=name, wrapped=wrapped, storage_key=FIRST_STORAGE_KEY, made_ms=0))


def _numbered(records: Iterable[DataKeyRecord]) -> bool:
    return any(seal_number(each.name) is not None for each in records)


def _vault(
    engine: Engine, storage_keys: StorageKeys, entropy: Entropy, load_hasher: LoadHasher = lambda: HASHLIB
) -> Vault:
    def look_up() -> LookUpKeys:
        keys = _data_keys(engine, storage_keys, {INDEX_KEY, TOMBSTONE_KEY}.__contains__)
        return LookUpKeys(index=keys[INDEX_KEY], tombstone=keys[TOMBSTONE_KEY])

    def sealing() -> SealingKeys:
        keys = _data_keys(engine, storage_keys, lambda name: seal_number(name) is not None)
        return SealingKeys({seal_number(name) or UNNUMBERED: key for name, key in keys.items()})

    return Vault(sealing, look_up, entropy, load_hasher)


def _data_keys(
    engine: Engine, storage_keys: StorageKeys, wanted: Callable[[str], bool]
) -> Mapping[str, bytes]:
    """The data keys that are wanted, by name."""
    with translated(), engine.connect() as connection:
        records = DataKeyRows(connection).ls()
    return _open_all((each for each in records if wanted(each.name)), storage_keys)


def _open_all(records: Iterable[DataKeyRecord], storage_keys: StorageKeys) -> Mapping[str, bytes]:
    return {each.name: unwrap(storage_keys(each.storage_key), each.name, each.wrapped) for each in records}


@contextmanager
def connected(url: URL) -> Iterator[Engine]:
    """An engine that is closed again when opening the store fails."""
    engine = connect(url)
    try:
        with translated():
            yield engine
    except BaseException:
        engine.dispose()
        raise
