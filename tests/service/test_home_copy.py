"""The copy of a home's trust files and key ring in its database: whole, newest, and of this node."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.errors import WrongRootError
from keys.trust.lifecycle import Stage
from keys.trust.tuf.target_files import NODE_FILE
from node.clock import SystemClock
from node.config import StoreSettings
from node.errors import MissingObjectError, RestoredError, SignerDownError, StoreError
from node.identity.home_copy import HomeCopy, HomeCopying
from node.identity.identity import Identity
from node.identity.restore_mark import mark_restored
from node.objects.folder import FolderObjects
from node.ports.objects import ObjectStore
from node.store.home_copy import HomeCopyRecord
from node.store.store import Store
from node.trust import install
from support.cheap_node import NOW, CheapNode
from support.new_stores import database_with_tables, new_store
from support.postgres import PostgresServer


@pytest.fixture
def node(tmp_path: Path) -> CheapNode:
    return CheapNode.founded(tmp_path / "home")


@pytest.fixture
def store(postgres: PostgresServer, tmp_path: Path) -> Iterator[Store]:
    objects = FolderObjects(tmp_path / "objects")
    made = new_store(database_with_tables(postgres), storage_key=bytes(32), objects=objects)
    yield made
    made.dispose()


@pytest.fixture
def identity(node: CheapNode) -> Identity:
    found = node.identity()
    shared = StoreSettings(dsn="postgresql+psycopg://sigfed@127.0.0.1/shared")
    found = replace(found, settings=found.settings.model_copy(update={"store": shared}))
    found.adopt_keys()
    return found


def files(store: ObjectStore) -> dict[str, bytes]:
    return {name: store.get(name) for name in store.ls("")}


def number(store: Store) -> int:
    with store.read() as unit:
        found = unit.home_copy.find()
    assert found is not None
    return found.number


def test_it_is_written_when_something_has_changed_and_read_whole(
    node: CheapNode, identity: Identity, store: Store
) -> None:
    identity.introductions.put("nl.example/1.root.json", b"of a member")
    copying, copy = HomeCopying(identity, store), HomeCopy(node.root_sha256)
    assert not copy.follow(store)
    assert (copying.follow(), copying.follow()) == (True, False)
    first = number(store)
    assert not HomeCopying(identity, store).follow(), "a command that finds nothing changed"
    assert (copy.follow(store), copy.follow(store)) == (True, False)
    assert files(copy.trust) == files(identity.trust_files)
    assert files(copy.members) == {"nl.example/1.root.json": b"of a member"}
    assert copy.read() == identity.ring.read() != ()
    identity.trust.revise_document(lambda old: old, signers=identity.targets_signers())
    identity.ring.change(lambda keys: [key.entering(Stage.ACTIVE, NOW) for key in keys])
    assert copying.follow()
    assert copy.follow(store)
    assert (files(copy.trust), copy.read()) == (files(identity.trust_files), identity.ring.read())
    assert number(store) > first


def test_files_that_are_put_in_force_together_are_copied_together(
    node: CheapNode, identity: Identity, store: Store
) -> None:
    """Also where whoever did it was cut off after the first of them."""
    before = identity.trust_files.get(NODE_FILE)
    identity.trust.revise_document(lambda old: old, signers=identity.targets_signers())
    newer = identity.trust_files.get(NODE_FILE)
    identity.trust_files.put(NODE_FILE, before)
    put = [(NODE_FILE, newer), ("policy.txt", b"of the same moment")]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(install, "finish", lambda _: True)
        install.install(identity.trust_files, put)
    assert HomeCopying(identity, store).follow()
    copy = HomeCopy(node.root_sha256)
    assert copy.follow(store)
    assert {name: copy.trust.get(name) for name, _ in put} == dict(put)
    assert not copy.trust.exists(install.NOTE)


@pytest.mark.threat("a machine that only serves")
def test_what_is_not_of_this_node_is_not_believed(
    node: CheapNode, identity: Identity, store: Store, tmp_path: Path
) -> None:
    copying, copy = HomeCopying(identity, store), HomeCopy(node.root_sha256)
    assert copying.follow()
    assert copy.follow(store)
    held = files(copy.trust)
    other = CheapNode.founded(tmp_path / "other").identity()
    other = replace(other, settings=identity.settings)
    assert HomeCopying(other, store).follow()
    with pytest.raises(WrongRootError):
        copy.follow(store)
    assert files(copy.trust) == held
    strange = HomeCopyRecord(number=number(store) + 1, sealed=b"\x02 of somebody without the key")
    with store.write() as unit:
        unit.home_copy.put(strange)
    with pytest.raises(StoreError):
        copy.follow(store)
    assert files(copy.trust) == held
    assert HomeCopying(identity, store).follow(), "it is written anew"
    assert copy.follow(store)
    assert files(copy.trust) == held


def test_an_older_copy_does_not_open_under_a_newer_number(
    node: CheapNode, identity: Identity, store: Store
) -> None:
    copying, copy = HomeCopying(identity, store), HomeCopy(node.root_sha256)
    assert copying.follow()
    with store.read() as unit:
        old = unit.home_copy.find()
    assert old is not None
    identity.trust.revise_document(lambda before: before, signers=identity.targets_signers())
    assert copying.follow()
    assert copy.follow(store)
    newer = files(copy.trust)
    with store.write() as unit:
        unit.home_copy.put(replace(old, number=old.number + 2))
    with pytest.raises(StoreError):
        copy.follow(store)
    assert files(copy.trust) == newer


def test_a_copy_that_the_database_lost_is_written_again_and_the_next_one_is_newer(
    node: CheapNode, identity: Identity, store: Store
) -> None:
    """A standby took over without it: who had read it passed the next over, and who came read of a key taken back."""
    identity = replace(identity, clock=SystemClock())
    copying, copy = HomeCopying(identity, store), HomeCopy(node.root_sha256)
    assert copying.follow()
    with store.read() as unit:
        old = unit.home_copy.find()
    assert old is not None
    for finds_out in (copying, HomeCopying(identity, store)):
        identity.trust.revise_document(lambda before: before, signers=identity.targets_signers())
        assert copying.follow()
        assert copy.follow(store)
        with store.write() as unit:
            unit.home_copy.put(old)
        if finds_out is not copying:  # a command changes something before the home has looked
            identity.trust.revise_document(lambda before: before, signers=identity.targets_signers())
        assert finds_out.follow()
        copy.follow(store)
        assert files(copy.trust) == files(identity.trust_files)
        late = HomeCopy(node.root_sha256)
        assert late.follow(store)
        assert files(late.trust) == files(identity.trust_files)


def test_nothing_is_changed_by_who_reads_it(node: CheapNode, identity: Identity, store: Store) -> None:
    HomeCopying(identity, store).follow()
    copy = HomeCopy(node.root_sha256)
    copy.follow(store)
    with pytest.raises(SignerDownError):
        copy.trust.put(NODE_FILE, b"")
    with pytest.raises(SignerDownError):
        copy.trust.put_all([(NODE_FILE, b"")])
    with pytest.raises(SignerDownError):
        copy.trust.exchange(NODE_FILE, b"", b"")
    with pytest.raises(SignerDownError):
        copy.members.delete(NODE_FILE)
    with pytest.raises(SignerDownError):
        copy.change(lambda keys: keys)
    with pytest.raises(MissingObjectError):
        copy.members.get(NODE_FILE)


def test_a_home_that_was_restored_says_nothing_and_one_with_its_own_tables_has_nobody_to_tell(
    node: CheapNode, identity: Identity, store: Store
) -> None:
    alone = replace(identity, settings=node.identity().settings)
    assert not HomeCopying(alone, store).follow()
    mark_restored(identity.home, backup="2026-05-04", now=NOW)
    with pytest.raises(RestoredError):
        HomeCopying(identity, store).follow()
