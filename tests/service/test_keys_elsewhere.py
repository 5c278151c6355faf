"""A node and a holder whose keys lie in an agent, a token or another folder, and what happens without them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import KeysError
from keys.key import AuthPrivateKey, LogPrivateKey, StatementPrivateKey, TargetsPrivateKey
from keys.keyfile import KdfProfile
from keys.roles import Role
from keys.trust.holder_card import read_card
from keys.trust.lifecycle import Lineage
from node.clock import system_entropy
from node.errors import ConfigError, ConflictError, NotFoundError, SignerDownError, SignerRefusedError
from node.identity import logs
from node.identity.key_holders import OFFLINE_ROLES, holder_keychain, new_holder
from node.rotation.rotate import advance_keys, rotate
from node.signing.keychain import Keychain
from node.signing.reference import Reference, is_reference
from node.store.store import Store
from support.agents import Agent, running_agent
from support.cheap_node import CheapNode, empty_store
from support.tokens import new_token

AUTH = Lineage(Role.AUTH)
CHEAP = KdfProfile(1, 64, 1)
LATER = timedelta(minutes=1)


@pytest.fixture
def node(tmp_path: Path) -> CheapNode:
    return CheapNode.founded(tmp_path / "fr")


@pytest.fixture
def store(node: CheapNode) -> Iterator[Store]:
    with empty_store(node.folder) as opened:
        yield opened


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    with running_agent(tmp_path, monkeypatch) as running:
        yield running


def test_a_successor_in_an_agent_signs_when_its_time_has_come(
    node: CheapNode, store: Store, agent: Agent
) -> None:
    identity = node.identity()
    uri = f"sshagent:{agent.make('auth')}"
    at = node.clock.now() + LATER
    made = rotate(identity, store, AUTH, at=at, signers=identity.targets_signers(), uri=uri)
    file = identity.home.keys / f"{made.key.name}.json"
    assert is_reference(file.read_bytes())
    node.clock.advance(2 * LATER)
    advance_keys(identity, store)
    signer = identity.signer(AuthPrivateKey)
    assert signer.public.to_text() == made.key.public
    signer.public.verify(b"m", signer.sign(b"m"))

    # Another process finds it, too; without its agent only this key is away.
    again = node.identity()
    agent.stop()
    with pytest.raises(SignerDownError):
        again.signer(AuthPrivateKey).sign(b"m")
    assert again.signer(StatementPrivateKey).sign(b"m")
    agent.start()
    agent.load("auth")
    assert again.signer(AuthPrivateKey).sign(b"m")


def test_a_list_is_signed_by_an_agents_key_during_the_overlap(
    node: CheapNode, store: Store, agent: Agent
) -> None:
    identity = node.identity()
    origin = logs.create_list(identity, store, "main").origin
    uri = f"sshagent:{agent.make('log')}"
    at = node.clock.now() + LATER
    rotate(identity, store, Lineage(Role.LOG, origin), at=at, signers=identity.targets_signers(), uri=uri)
    node.clock.advance(2 * LATER)
    advance_keys(identity, store)
    assert len(identity.signers(LogPrivateKey, origin)) == 2
    note = identity.log_signer().sign(origin, start=0, leaf_hashes=[])
    assert note.count(b"\n\xe2\x80\x94 ") == 2

    # Without its agent nothing is signed, and nothing remembered as if it were.
    agent.stop()
    with pytest.raises(SignerDownError):
        identity.log_signer().sign(origin, start=0, leaf_hashes=[bytes(32)])
    assert identity.log_signer().size(origin) == 0
    agent.start()
    agent.load("log")
    identity.log_signer().sign(origin, start=0, leaf_hashes=[bytes(32)])


def test_one_key_serves_one_purpose(node: CheapNode, store: Store, agent: Agent) -> None:
    identity = node.identity()
    uri = f"sshagent:{agent.make('key')}"
    at = node.clock.now() + LATER
    rotate(identity, store, AUTH, at=at, signers=identity.targets_signers(), uri=uri)
    for role in (Role.AUTH, Role.STATEMENT):
        with pytest.raises(ConflictError):
            rotate(identity, store, Lineage(role), at=at, signers=identity.targets_signers(), uri=uri)


def test_a_holders_keys_in_an_agent_and_a_token(
    tmp_path: Path, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = new_token(tmp_path / "t", monkeypatch)
    raw = token.make("targets")
    places = {Role.ROOT: f"sshagent:{agent.make('root')}", Role.TARGETS: token.uri("targets")}
    folder = tmp_path / "stick"
    holder, card = new_holder(
        folder,
        node="fr.example",
        name="alice",
        roles=OFFLINE_ROLES,
        passphrase=_never,
        entropy=system_entropy,
        elsewhere=places,
    )
    assert read_card(card, "fr.example") == holder
    keychain = holder_keychain(folder, node="fr.example", passphrase=_never, entropy=system_entropy)
    (label,) = keychain.labels(Role.TARGETS)
    signer = keychain.signer(TargetsPrivateKey, label)
    assert signer.public.raw == raw
    signer.public.verify(b"m", signer.sign(b"m"))


def _never() -> bytes:
    raise AssertionError("no key file is opened")


def test_a_holder_cannot_use_one_key_twice(tmp_path: Path, agent: Agent) -> None:
    uri = f"sshagent:{agent.make('one')}"
    with pytest.raises(ConflictError):
        new_holder(
            tmp_path / "stick",
            node="fr.example",
            name="alice",
            roles=OFFLINE_ROLES,
            passphrase=_never,
            entropy=system_entropy,
            elsewhere=dict.fromkeys(OFFLINE_ROLES, uri),
        )


def test_trust_files_are_signed_with_a_key_file_on_a_stick(node: CheapNode, tmp_path: Path) -> None:
    identity = node.identity()
    label = identity.root_keychain.labels(Role.TARGETS)[0]
    here = identity.home.offline_keys / f"targets-{label}.json"
    public = identity.root_keychain.public(Role.TARGETS, label)
    stick = tmp_path / "stick.json"
    here.rename(stick)
    identity.root_keychain.refer(Role.TARGETS, label, Reference(f"file:{stick}", public))
    assert not identity.root_keychain.damaged()
    signed = node.identity()
    signed.trust.revise_document(lambda old: old, signers=signed.targets_signers())
    stick.rename(tmp_path / "in-the-safe.json")
    without = node.identity()
    with pytest.raises(NotFoundError):
        without.trust.revise_document(lambda old: old, signers=without.targets_signers())


def test_where_keys_elsewhere_have_no_place(tmp_path: Path) -> None:
    public = AuthPrivateKey.from_seed(bytes(32)).public.to_text()
    keychain = Keychain(tmp_path, node="fr.example", passphrase=_never, entropy=system_entropy)
    keychain.refer(Role.AUTH, "1", Reference("sshagent:SHA256:x", public))
    with pytest.raises(ConfigError):
        keychain.signer(AuthPrivateKey, "1")


@pytest.mark.parametrize("change", ["another key", "another role"])
def test_a_reference_that_was_altered_signs_nothing(tmp_path: Path, agent: Agent, change: str) -> None:
    uri, other = f"sshagent:{agent.make('one')}", f"sshagent:{agent.make('two')}"
    public = AuthPrivateKey.from_seed(bytes(32)).public
    keychain = holder_keychain(tmp_path, node="fr.example", passphrase=_never, entropy=system_entropy)
    text = (
        public.to_text()
        if change == "another key"
        else f"sigfed-log-pub:{public.to_text().partition(':')[2]}"
    )
    keychain.refer(Role.AUTH, "1", Reference(uri if change == "another key" else other, text))
    with pytest.raises((SignerRefusedError, KeysError)):
        keychain.signer(AuthPrivateKey, "1").sign(b"m")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=100))
def test_references_are_read_as_they_were_written(uri: str) -> None:
    reference = Reference(uri, AuthPrivateKey.from_seed(bytes(32)).public.to_text())
    assert is_reference(reference.to_bytes())
    assert Reference.from_bytes(reference.to_bytes()) == reference


@given(
    st.binary(max_size=200)
    | st.sampled_from([b'{"uri":1}', b'{"v":2,"uri":"x","public":"y"}', b'{"uri":"x"}'])
)
def test_what_is_no_reference_is_refused(data: bytes) -> None:
    with pytest.raises(KeysError):
        Reference.from_bytes(data)


def test_key_files_are_no_references(tmp_path: Path) -> None:
    keychain = Keychain(
        tmp_path,
        node="fr.example",
        passphrase=lambda: b"correct horse",
        entropy=system_entropy,
        profile=CHEAP,
    )
    keychain.create(AuthPrivateKey, "1")
    assert not is_reference((tmp_path / "auth-1.json").read_bytes())
