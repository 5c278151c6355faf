"""Replacing storage keys: everything stays readable meanwhile, and at the end nothing opens with the old ones."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.access.approvals import Approvals
from node.access.invitations import Recognised
from node.access.passkeys import Passkeys
from node.access.persons import Persons
from node.access.sessions import Sessions
from node.errors import StoreError
from node.objects.folder import FolderObjects
from node.objects.logfiles import LogFiles
from node.objects.person_requests import change_payload
from node.objects.rekey import SETTLED_MS, Resealed, reseal, rewrap, storage_keys_in_use
from node.objects.sealed_names import verifier_name
from node.signing.passkeys import Site, WebAuthnCeremonies
from node.signing.verifiers import Argon2Hasher
from node.store.accounts.records import PersonRecord, PersonRole
from node.store.data_keys import DataKeyRecord
from node.store.seal import KEY_BYTES, KeySeal
from node.store.store import Store
from node.store.vault import unwrap, wrap
from support.authenticator import HOST, ORIGIN, Authenticator
from support.new_stores import new_store, open_store
from support.stores import NOW_MS, Agency, rows, sqlite_dsn
from support.times import SettableClock

SECRETS = {"1": b"\x01" * 32, "2": b"\x02" * 32, "3": b"\x03" * 32}
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
LATER = NOW_MS + SETTLED_MS
SEALED = 5
"""Bytes that say with which key something is sealed."""


class Home:
    """A node's store in a folder, with a list whose entries have case data, and one thing sealed in a table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dsn = sqlite_dsn(folder)
        self.objects = FolderObjects(folder / "objects")
        new_store(self.dsn, storage_key=SECRETS["1"]).dispose()
        self.agency = Agency(self.another(), folder)
        self.agency.publish(rows(*(f"file {number}" for number in range(300))))
        self.agency.add(rows("waiting"))
        self._store_person()

    @property
    def store(self) -> Store:
        return self.agency.store

    def another(self) -> Store:
        """The same store, as another process opens it."""
        return Store.open(
            self.dsn, objects=self.objects, storage_keys=SECRETS.__getitem__, entropy=os.urandom
        )

    def _store_person(self) -> None:
        with self.store.write() as unit:
            unit.persons.add(
                PersonRecord(
                    name="ada",
                    role=PersonRole.ANALYST,
                    verifier=self.store.vault.seal(verifier_name("ada"), b"a verifier"),
                    added_ms=NOW_MS,
                )
            )

    def readable(self, store: Store) -> None:
        """Raises unless all that was sealed opens."""
        files = LogFiles(store.objects, store.vault, self.agency.origin)
        size = self.agency.log.head.size
        assert all(opening for _, _, opening in files.items(first=0, size=size))
        with store.read() as unit:
            verifier = unit.persons.get("ada").verifier
            case = next(iter(unit.cases.ls(self.agency.log.id, first=0))).object
        assert store.vault.unseal(verifier_name("ada"), verifier) == b"a verifier"
        assert store.vault.unseal(case, store.objects.get(case))

    @property
    def sealed(self) -> dict[str, bytes]:
        """All that is sealed, by name."""
        found = {verifier_name("ada"): self._verifier()}
        for name in self.store.objects.ls(""):
            data = self.store.objects.get(name)
            if data[:1] in {b"\x01", b"\x02"} and self._opens(self.store, name, data):
                found[name] = data
        return found

    def _opens(self, store: Store, name: str, data: bytes) -> bool:
        try:
            store.vault.unseal(name, data)
        except StoreError:
            return False
        return True

    def _verifier(self) -> bytes:
        with self.store.read() as unit:
            return unit.persons.get("ada").verifier

    @property
    def records(self) -> dict[str, DataKeyRecord]:
        with self.store.read() as unit:
            return {each.name: each for each in unit.data_keys.ls()}

    def make_old(self) -> None:
        """As a version left it that sealed with the storage key itself."""
        old = KeySeal(SECRETS["1"], os.urandom)
        for name, data in self.sealed.items():
            anew = old.seal(name, self.store.vault.unseal(name, data))
            if name == verifier_name("ada"):
                with self.store.write() as unit:
                    unit.persons.set_verifier("ada", anew)
            else:
                self.store.objects.put(name, anew)
        with self.store.write() as unit:
            unit.data_keys.drop("seal-1")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.store.dispose()


def rotate(home: Home, label: str = "2", *, now_ms: int = NOW_MS) -> bool:
    return rewrap(home.store, SECRETS.__getitem__, label, now_ms=now_ms)


def finish(store: Store, *, now_ms: int = LATER, step: int = 1000) -> int:
    """Steps until nothing is left; returns how many."""
    for count in range(1, 200):
        if not reseal(store, now_ms=now_ms, step=step).older:
            return count
    raise AssertionError("it does not end")


def test_wrapping_anew_leaves_everything_readable_at_once(home: Home) -> None:
    other = home.another()
    before = {name: unwrap(SECRETS["1"], name, each.wrapped) for name, each in home.records.items()}
    assert rotate(home)
    after = home.records
    assert {each.storage_key for each in after.values()} == {"2"}
    assert {name: unwrap(SECRETS["2"], name, after[name].wrapped) for name in before} == before
    home.agency.add(rows("sealed with the new key"))
    for store in (home.store, other, home.another()):
        home.readable(store)
    name = next(iter(home.store.objects.ls("pending/")))
    assert other.vault.unseal(name, other.objects.get(name)), "a number that is not known is looked up"


def test_wrapping_anew_happens_once(home: Home) -> None:
    assert rotate(home)
    records = home.records
    assert not rotate(home)
    assert home.records == records


def test_what_a_killed_writer_left_does_not_outlive_the_key_that_sealed_it(home: Home) -> None:
    left = home.folder / "objects/openings/.tmp-7-7-7"
    left.write_bytes(home.store.vault.seal("openings/x/0", b"an opening"))
    rotate(home)
    finish(home.store)
    assert not left.exists()


@pytest.mark.threat("a stolen disk")
def test_at_the_end_nothing_opens_with_what_was_before(home: Home) -> None:
    old = {name: unwrap(SECRETS["1"], name, each.wrapped) for name, each in home.records.items()}
    rotate(home)
    assert reseal(home.store, now_ms=NOW_MS).older == 1, "a process that began before may still seal with it"
    finish(home.store)
    home.readable(home.store)
    home.readable(home.another())
    assert set(home.records) == {"index", "tombstone", "seal-2"}
    for name, record in home.records.items():
        with pytest.raises(StoreError):
            unwrap(SECRETS["1"], name, record.wrapped)
    cipher = AESGCM(old["seal-1"])
    for name, data in home.sealed.items():
        head, nonce, rest = data[:SEALED], data[SEALED : SEALED + 12], data[SEALED + 12 :]
        assert head == home.store.vault.newest
        with pytest.raises(InvalidTag):
            cipher.decrypt(nonce, rest, head + name.encode())
    with home.store.read() as unit:
        assert storage_keys_in_use(unit) == {"2"}
    assert not list(home.store.objects.ls("sweeps/")), "where it stood is not kept"


PASSPHRASE = "correct horse battery"


@pytest.mark.parametrize("kind", ["person.add", "person.reset"])
@pytest.mark.parametrize("when", ["before it is sealed anew", "after"])
def test_a_passphrase_that_waits_for_a_second_person_outlives_the_key_that_sealed_it(
    home: Home, kind: str, when: str
) -> None:
    persons = Persons(home.store, SettableClock(NOW), Argon2Hasher(os.urandom))
    persons.add("alice", PersonRole.OPERATOR, "passphrase of alice")
    name = "celine" if kind == "person.add" else "alice"
    payload = change_payload(
        name, role=PersonRole.ANALYST, verifier=persons.sealed_verifier(name, PASSPHRASE)
    )
    approvals = Approvals(home.store, SettableClock(NOW))
    asked = approvals.request(kind, subject=name, payload=payload, by="ada")
    rotate(home)
    if when == "after":
        finish(home.store)
    carry_out = persons.carry_out_add if kind == "person.add" else persons.carry_out_reset
    approved = approvals.approve(asked.id, by="alice")
    with home.store.write() as unit:
        carry_out(unit, approved)
    finish(home.store)
    assert set(home.records) == {"index", "tombstone", "seal-2"}
    assert persons.authenticate(name, PASSPHRASE) == name


def test_a_request_that_is_decided_keeps_no_key(home: Home) -> None:
    with home.store.write() as unit:
        unit.persons.add(PersonRecord(name="bea", role=PersonRole.OPERATOR, verifier=b"", added_ms=NOW_MS))
    payload = change_payload("celine", role=PersonRole.ANALYST, verifier=b"\x02\0\0\0\1 altered")
    approvals = Approvals(home.store, SettableClock(NOW))
    asked = approvals.request("person.add", subject="celine", payload=payload, by="ada")
    rotate(home)
    assert reseal(home.store, now_ms=LATER).stuck
    approvals.reject(asked.id, by="bea", reason="it does not open")
    finish(home.store)


def test_who_is_signed_in_stays_so_and_passkeys_go_on(home: Home) -> None:
    clock, hers = SettableClock(NOW), Authenticator()
    passkeys = Passkeys(home.store, clock, WebAuthnCeremonies(Site(HOST, ORIGIN)))
    sessions = Sessions(home.store, clock, os.urandom)
    opened = sessions.open("ada")
    before = sessions.find(opened.token)
    assert before is not None
    passkeys.register(hers.make(passkeys.ask_new(Recognised("ada", b""))), "hers", session=before.session)
    rotate(home)
    finish(home.store)
    assert set(home.records) == {"index", "tombstone", "seal-2"}
    visitor = sessions.find(opened.token)
    assert visitor is not None
    assert visitor.csrf == opened.csrf
    assert passkeys.sign_in(hers.show(passkeys.ask_sign_in())) == "ada"


def test_keys_that_only_name_are_not_replaced(home: Home) -> None:
    """Look-up keys and tombstones could not be found again."""
    before = {name: unwrap(SECRETS["1"], name, home.records[name].wrapped) for name in ("index", "tombstone")}
    rotate(home)
    finish(home.store)
    assert {name: unwrap(SECRETS["2"], name, home.records[name].wrapped) for name in before} == before


@pytest.mark.parametrize("step", [1, 3])
def test_it_goes_on_where_another_process_stopped(home: Home, step: int) -> None:
    rotate(home)
    moved = 0
    for at in range(60):
        store = home.another()
        done = reseal(store, now_ms=LATER + at, step=step)
        home.readable(store)
        store.dispose()
        moved += done.moved
        if not done.older:
            break
    assert set(home.records) == {"index", "tombstone", "seal-2"}
    assert moved == len(home.sealed), "each once"


@pytest.mark.parametrize("at", range(4))
def test_killed_in_the_middle_of_a_step(home: Home, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rotate(home)
    exchanged = 0
    exchange = FolderObjects.exchange

    def killing(objects: FolderObjects, name: str, old: bytes, new: bytes) -> bool:
        nonlocal exchanged
        exchanged += 1
        if exchanged > at:
            raise KeyboardInterrupt
        return exchange(objects, name, old, new)

    with monkeypatch.context() as patched:
        patched.setattr(FolderObjects, "exchange", killing)
        with pytest.raises(KeyboardInterrupt):
            reseal(home.store, now_ms=LATER)
    home.readable(home.another())
    finish(home.another())
    home.readable(home.store)


def test_what_changed_meanwhile_is_not_written_over(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a hash that was shredded a moment ago would be back."""
    rotate(home)
    name = next(iter(home.store.objects.ls("openings/")))
    exchange = FolderObjects.exchange

    def late(objects: FolderObjects, this: str, old: bytes, new: bytes) -> bool:
        if this == name:
            home.store.objects.put(name, home.store.vault.seal(name, b"shredded"))
        return exchange(objects, this, old, new)

    monkeypatch.setattr(FolderObjects, "exchange", late)
    reseal(home.store, now_ms=NOW_MS)
    assert home.store.vault.unseal(name, home.store.objects.get(name)) == b"shredded"


def test_what_does_not_open_keeps_its_key(home: Home) -> None:
    name = next(iter(home.store.objects.ls("openings/")))
    data = home.store.objects.get(name)
    home.store.objects.put(name, data[:-1] + bytes((data[-1] ^ 1,)))
    rotate(home)
    for at in range(4):
        done = reseal(home.store, now_ms=LATER + at)
        assert (done.older, done.stuck) == (1, 1)
    home.store.objects.put(name, data)
    finish(home.store)


def test_a_look_through_that_began_too_early_is_not_the_last(home: Home) -> None:
    """Something may have been sealed with the old key behind it."""
    rotate(home)
    assert reseal(home.store, now_ms=LATER - 1).moved
    name, late = "staging/x/1", home.another()
    old = late.vault
    old._loaded = replace(old.reload(), newest=1)
    home.store.objects.put(name, late.vault.seal(name, b"sealed late"))
    assert reseal(home.store, now_ms=LATER).older == 1
    finish(home.store)
    assert home.store.vault.unseal(name, home.store.objects.get(name)) == b"sealed late"


def test_a_home_of_before_moves_by_itself(home: Home) -> None:
    home.make_old()
    store = home.another()
    home.agency.store = store
    home.readable(store)
    assert set(home.records) == {"index", "tombstone", "seal-0", "seal-1"}
    with store.read() as unit:
        assert storage_keys_in_use(unit) == {"1"}
    rotate(home)
    with store.read() as unit:
        assert storage_keys_in_use(unit) == {"1", "2"}, "what is not sealed anew needs it"
    finish(store)
    home.readable(store)
    with store.read() as unit:
        assert storage_keys_in_use(unit) == {"2"}
    assert all(data.startswith(store.vault.newest) for data in home.sealed.values())


def test_without_a_rotation_it_moves_too(home: Home) -> None:
    home.make_old()
    store = home.another()
    home.agency.store = store
    assert reseal(store, now_ms=NOW_MS).moved
    assert home.records["seal-1"].made_ms == NOW_MS
    finish(store)
    assert set(home.records) == {"index", "tombstone", "seal-1"}
    assert reseal(store, now_ms=LATER) == Resealed()


def test_another_storage_key_is_not_taken_for_the_one_that_sealed(home: Home) -> None:
    home.make_old()
    with pytest.raises(StoreError, match="storage key"):
        open_store(home.dsn, storage_key=b"\x09" * 32, objects=home.objects)
    assert set(home.records) == {"index", "tombstone"}


def test_a_wrapped_key_opens_under_its_own_name_alone(home: Home) -> None:
    records = home.records
    with home.store.write() as unit:
        unit.data_keys.put(replace(records["seal-1"], wrapped=records["index"].wrapped))
    with pytest.raises(StoreError):
        home.another().vault.unlock()
    other = wrap(SECRETS["2"], "seal-1", os.urandom(KEY_BYTES), os.urandom)
    with home.store.write() as unit:
        unit.data_keys.put(replace(records["seal-1"], wrapped=other))
    with pytest.raises(StoreError):
        home.another().vault.unlock()
