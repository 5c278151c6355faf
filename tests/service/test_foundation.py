"""Founding, trust files, members and peers: what is signed, what is believed, what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keys.errors import NotCurrentError, ThresholdError, WrongRootError
from keys.key import AuthPrivateKey, AuthPublicKey, LogPrivateKey, TargetsPrivateKey, WitnessPrivateKey
from keys.trust.fingerprint import to_words
from keys.trust.node_parts import DatedKey, EpochInfo
from node.access.callers import StoredCallers
from node.access.stored_grant import stored_grant
from node.clock import system_entropy
from node.errors import AlreadyExistsError, NotFoundError, WrongPinError
from node.objects.folder import FolderObjects
from node.peers.membership import Membership, introduce
from node.store.peers.records import FetchedTrust
from node.trust.announce import announce_epoch, announce_log
from node.trust.foundation import found
from node.trust.own import OwnTrust, window
from protocol.lists.grant import NOTHING, Grant
from support.founding import MemoryKeys, founding_of
from support.new_stores import new_store, open_store
from support.times import SettableClock

NOW = datetime(2026, 5, 4, 12, 0, 0, 5, tzinfo=UTC)


class Founded:
    """A node's trust files and root keys in memory."""

    def __init__(self, folder: Path, node: str, country: str, profile: str = "small") -> None:
        self.clock = SettableClock(NOW)
        self.files = FolderObjects(folder)
        self.keys, self.root_keys = MemoryKeys(), MemoryKeys()
        self.pin = system_entropy(32)
        founding = founding_of(node, country, profile=profile, pin=self.pin)
        self.result = found(
            founding, keychain=self.keys, root_keychain=self.root_keys, files=self.files, clock=self.clock
        )
        self.trust = OwnTrust(
            self.files, self.clock, root_sha256=self.result.root_sha256, freshness=self.keys.freshness
        )

    def signers(self, count: int = 1) -> list[TargetsPrivateKey]:
        return [self.root_keys.key(TargetsPrivateKey, str(number)) for number in range(1, count + 1)]

    def fetched(self) -> FetchedTrust:
        return FetchedTrust(
            url=self.trust.document().endpoints[0].url, trust=self.trust.current(), spki_sha256=self.pin
        )


@pytest.fixture
def fr(tmp_path: Path) -> Founded:
    return Founded(tmp_path / "fr", "fr.example", "FR")


@pytest.fixture
def nl(tmp_path: Path) -> Founded:
    return Founded(tmp_path / "nl", "nl.example", "NL")


@pytest.fixture
def membership(fr: Founded, tmp_path: Path) -> Iterator[Membership]:
    store = new_store(f"sqlite:///{tmp_path / 'a.db'}", storage_key=bytes(32))
    yield Membership(fr.trust, store, FolderObjects(tmp_path / "members"), fr.clock)
    store.dispose()


def test_a_founded_node_counts_itself(fr: Founded) -> None:
    (own,) = fr.trust.members().members
    assert (own.node, own.country, own.root_sha256) == ("fr.example", "FR", fr.trust.root().sha256)
    assert fr.trust.document().serial == 1
    assert fr.result.words == to_words(fr.result.root_sha256)


def test_a_founded_node_is_a_witness(fr: Founded) -> None:
    witness = fr.trust.document().witness
    assert witness is not None
    assert (witness.name, witness.url) == ("fr.example/w1", "https://fr.example/witness/")
    (vkey,) = witness.vkeys
    assert vkey.key == fr.keys.key(WitnessPrivateKey, "1").public


def test_the_full_profile_needs_two_holders(tmp_path: Path) -> None:
    full = Founded(tmp_path / "full", "eu.example", "BE", profile="full")
    assert (len(full.trust.root().root_keys), full.trust.root().threshold) == (3, 2)
    key = LogPrivateKey.from_seed(bytes(32)).public
    with pytest.raises(ThresholdError):
        announce_log(full.trust, "eu.example/lists/a", key, valid=window(NOW, 1), signers=full.signers(1))
    assert full.trust.document().serial == 1
    announce_log(full.trust, "eu.example/lists/a", key, valid=window(NOW, 1), signers=full.signers(2))
    assert full.trust.document().serial == 2


def test_a_log_is_announced_once(fr: Founded) -> None:
    key = LogPrivateKey.from_seed(bytes(32)).public
    for _ in range(2):
        announce_log(fr.trust, "fr.example/lists/a", key, valid=window(NOW, 1), signers=fr.signers())
    document = fr.trust.document()
    (_, log) = document.logs
    assert (log.origin, log.url) == ("fr.example/lists/a", "https://fr.example/lists/a/")
    assert document.serial == 2


def test_epochs_of_a_subset_are_collected(fr: Founded) -> None:
    for number in (1, 2):
        epoch = EpochInfo(epoch=number, pk=bytes([number]) * 32, valid=window(NOW, 90))
        announce_epoch(fr.trust, "baseline", epoch, signers=fr.signers())
    (subset,) = fr.trust.document().subsets
    assert [epoch.epoch for epoch in subset.epochs] == [1, 2]


def test_compared_words_introduce_a_member(fr: Founded, nl: Founded, membership: Membership) -> None:
    introduced = introduce(nl.fetched(), nl.result.words, fr.clock)
    member = membership.add_member(introduced, country="NL", authority_for=frozenset(), signers=fr.signers())
    assert (member.node, member.root_sha256) == ("nl.example", nl.result.root_sha256)
    assert [m.node for m in membership.members().members] == ["fr.example", "nl.example"]
    assert membership.members().version == 2
    with pytest.raises(AlreadyExistsError):
        membership.add_member(introduced, country="NL", authority_for=frozenset(), signers=fr.signers())


@pytest.mark.parametrize("fault", ["other words", "another server", "out of date"])
def test_who_is_not_believed(fr: Founded, nl: Founded, fault: str) -> None:
    fetched, words = nl.fetched(), nl.result.words
    error: type[Exception] = WrongRootError
    if fault == "other words":
        words = fr.result.words
    if fault == "another server":
        fetched, error = replace(fetched, spki_sha256=bytes(32)), WrongPinError
    if fault == "out of date":
        fr.clock.advance(timedelta(days=181))
        error = NotCurrentError
    with pytest.raises(error):
        introduce(fetched, words, fr.clock)


def test_a_peer_is_a_member_with_a_grant(fr: Founded, nl: Founded, membership: Membership) -> None:
    grant = Grant(collections=frozenset({1, 2}))
    with pytest.raises(NotFoundError, match="not a member"):
        membership.add_peer("nl.example", grant)
    introduced = introduce(nl.fetched(), nl.result.words, fr.clock)
    membership.add_member(introduced, country="NL", authority_for=frozenset(), signers=fr.signers())
    peer = membership.add_peer("nl.example", grant)
    assert (peer.serial, stored_grant(peer)) == (1, grant)
    assert stored_grant(replace(peer, grant="{")) == NOTHING


def test_a_peer_calls_with_the_key_of_its_document(
    fr: Founded, nl: Founded, membership: Membership, tmp_path: Path
) -> None:
    introduced = introduce(nl.fetched(), nl.result.words, fr.clock)
    membership.add_member(introduced, country="NL", authority_for=frozenset(), signers=fr.signers())
    membership.add_peer("nl.example", Grant(collections=frozenset({1}), until=NOW + timedelta(days=1)))
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}", storage_key=bytes(32))
    callers = StoredCallers(store, fr.clock)
    kid = nl.trust.document().auth_keys[0].kid
    credential = callers.credential("nl.example", kid)
    assert credential is not None
    assert credential.scopes == {"log:read", "open:1"}
    assert callers.credential("nl.example", "other") is None
    fr.clock.advance(timedelta(days=2))
    ended = callers.credential("nl.example", kid)
    assert ended is not None
    assert ended.scopes == frozenset()
    fr.clock.advance(timedelta(days=365))
    assert callers.credential("nl.example", kid) is None
    store.dispose()


def test_a_key_is_found_by_the_name_it_is_listed_under_and_by_its_own(
    fr: Founded, nl: Founded, membership: Membership, tmp_path: Path
) -> None:
    keys = [AuthPrivateKey.from_seed(letter * 32).public for letter in (b"1", b"2", b"3")]
    window = nl.trust.document().auth_keys[0].valid
    names = ("auth-2027q1", "auth-2027q2", keys[0].kid)  # the last one takes another key's own name
    listed = tuple(DatedKey(name, key, window) for name, key in zip(names, keys, strict=True))
    nl.trust.revise_document(lambda old: replace(old, auth_keys=listed), signers=nl.signers())
    introduced = introduce(nl.fetched(), nl.result.words, fr.clock)
    membership.add_member(introduced, country="NL", authority_for=frozenset(), signers=fr.signers())
    membership.add_peer("nl.example", Grant(collections=frozenset({1})))
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}", storage_key=bytes(32))
    callers = StoredCallers(store, fr.clock)

    def key_of(kid: str) -> AuthPublicKey | None:
        found = callers.credential("nl.example", kid)
        return found.key if found else None

    assert [key_of(name) for name in ("auth-2027q1", "auth-2027q2")] == keys[:2]
    assert [key_of(key.kid) for key in keys] == keys
    store.dispose()
