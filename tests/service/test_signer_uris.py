"""Keys in a file, an ssh-agent and a PKCS #11 token: real ones, and what happens when they are gone or lie."""

import socket
import struct
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from threading import Thread

import pytest

from keys.errors import MalformedKeyError, WrongPassphraseError
from keys.key import LogPublicKey, TargetsPrivateKey, TargetsPublicKey
from keys.keyfile import KdfProfile
from keys.roles import Role
from node.clock import system_entropy
from node.errors import ConfigError, MissingKeyError, NodeError, SignerDownError, SignerRefusedError
from node.signing.keychain import Keychain
from node.signing.uris import Secrets, open_signer, recall_signer
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from protocol.tlog.note import VerifierKey
from support.agents import Agent, running_agent
from support.tokens import PIN, Token, new_token

NODE = "fr.example"
ORIGIN = f"{NODE}/lists/main"
CHEAP = KdfProfile(1, 64, 1)
SECRETS = Secrets(passphrase=lambda: b"correct horse", pin=PIN.encode)
IDENTITY_POINT = bytes([1]) + bytes(31)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    with running_agent(tmp_path, monkeypatch) as running:
        yield running


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Token:
    return new_token(tmp_path, monkeypatch)


def test_a_key_file(tmp_path: Path) -> None:
    keychain = Keychain(
        tmp_path, node=NODE, passphrase=SECRETS.passphrase, entropy=system_entropy, profile=CHEAP
    )
    key = keychain.create(TargetsPrivateKey, "1")
    uri = f"file:{tmp_path}/targets-1.json"
    signer = open_signer(uri, Role.TARGETS, node=NODE, secrets=SECRETS, public=key.public.to_text())
    assert signer.sign(b"m") == key.sign(b"m")
    with pytest.raises(ConfigError):
        open_signer(uri, Role.ROOT, node=NODE, secrets=SECRETS)
    with pytest.raises(ConfigError):
        open_signer(uri, Role.TARGETS, node="nl.example", secrets=SECRETS)
    wrong = Secrets(passphrase=lambda: b"another horse", pin=SECRETS.pin)
    with pytest.raises(WrongPassphraseError):
        open_signer(uri, Role.TARGETS, node=NODE, secrets=wrong)


def test_an_agent_signs_a_checkpoint_that_others_verify(agent: Agent) -> None:
    agent.make("other")
    signer = open_signer(f"sshagent:{agent.make('log')}", Role.LOG, node=NODE, secrets=SECRETS)
    assert isinstance(signer.public, LogPublicKey)
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, sha256(b"leaf").digest()), [signer])
    opened = open_checkpoint(note, origin=ORIGIN, log_keys=[VerifierKey.of_log(ORIGIN, signer.public)])
    assert opened.checkpoint.size == 1


def test_an_agents_key_is_named_by_its_public_half_too(agent: Agent) -> None:
    fingerprint = agent.make("targets")
    blob = (agent.folder / "targets.pub").read_text().split()[1]
    by_key = open_signer(f"sshagent:{blob}", Role.TARGETS, node=NODE, secrets=SECRETS)
    by_fingerprint = open_signer(f"sshagent:{fingerprint}", Role.TARGETS, node=NODE, secrets=SECRETS)
    assert by_key.public == by_fingerprint.public
    assert isinstance(by_key.public, TargetsPublicKey)


def test_an_agent_that_is_gone_says_so_and_signs_again_when_it_is_back(agent: Agent) -> None:
    signer = open_signer(f"sshagent:{agent.make('log')}", Role.LOG, node=NODE, secrets=SECRETS)
    agent.stop()
    with pytest.raises(SignerDownError) as caught:
        signer.sign(b"m")
    assert "SSH_AUTH_SOCK" in caught.value.hint
    agent.start()
    with pytest.raises(SignerDownError):
        signer.sign(b"m")  # the agent is there, the key is not
    agent.load("log")
    signer.public.verify(b"m", signer.sign(b"m"))


def test_a_locked_agent_refuses(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = open_signer(f"sshagent:{agent.make('log')}", Role.LOG, node=NODE, secrets=SECRETS)
    script = agent.folder / "ask"
    script.write_text("#!/bin/sh\necho secret\n")
    script.chmod(0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(script))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    agent.run("ssh-add", "-x")
    with pytest.raises(SignerDownError, match="refused"):
        signer.sign(b"m")
    agent.run("ssh-add", "-X")
    signer.public.verify(b"m", signer.sign(b"m"))


def test_keys_that_are_not_there(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    rsa = agent.make("rsa", "rsa")
    for name in (rsa, "SHA256:nobody", ""):
        with pytest.raises(MissingKeyError):
            open_signer(f"sshagent:{name}", Role.LOG, node=NODE, secrets=SECRETS)
    monkeypatch.delenv("SSH_AUTH_SOCK")
    with pytest.raises(SignerDownError):
        open_signer("sshagent:SHA256:nobody", Role.LOG, node=NODE, secrets=SECRETS)


def string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def blob_of(raw: bytes) -> bytes:
    return string(b"ssh-ed25519") + string(raw)


class LyingAgent:
    """An agent that holds one key and gives whatever it was told to."""

    def __init__(
        self, folder: Path, raw: bytes, signature: bytes = b"", *, reply: bytes | None = None
    ) -> None:
        self.path = folder / "liar.sock"
        self.name = b64encode(blob_of(raw)).decode()
        self._raw, self._signature, self._reply = raw, signature, reply
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            link, _ = self._listener.accept()
            with link:
                kind = link.recv(65536)[4]
                link.sendall(string(self._answer(kind)))

    def _answer(self, kind: int) -> bytes:
        if self._reply is not None:
            return self._reply
        if kind == 11:
            return bytes([12]) + struct.pack(">I", 1) + string(blob_of(self._raw)) + string(b"liar")
        return bytes([14]) + string(string(b"ssh-ed25519") + string(self._signature))


def test_a_key_that_fits_every_message_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    liar = LyingAgent(tmp_path, IDENTITY_POINT)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(liar.path))
    with pytest.raises(MalformedKeyError):
        open_signer(f"sshagent:{liar.name}", Role.LOG, node=NODE, secrets=SECRETS)


def test_a_signature_by_another_key_goes_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed, real = TargetsPrivateKey.from_seed(bytes(32)), TargetsPrivateKey.from_seed(bytes([1]) * 32)
    liar = LyingAgent(tmp_path, claimed.public.raw, real.sign(b"m"))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(liar.path))
    signer = open_signer(f"sshagent:{liar.name}", Role.TARGETS, node=NODE, secrets=SECRETS)
    with pytest.raises(SignerRefusedError):
        signer.sign(b"m")


@pytest.mark.parametrize(
    "reply",
    [b"\x00", b"\x0c", b"\x0c\x00\x00\x00\x01", b"\x0c\xff\xff\xff\xff\x00\x00\x00\x09abc", b"\x0e", b""],
    ids=["unknown", "no count", "no key", "cut off", "a signature", "empty"],
)
def test_an_answer_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: bytes) -> None:
    liar = LyingAgent(tmp_path, bytes(32), reply=reply)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(liar.path))
    with pytest.raises(SignerDownError):
        open_signer(f"sshagent:{liar.name}", Role.LOG, node=NODE, secrets=SECRETS)


def test_a_key_that_was_replaced_is_noticed(agent: Agent) -> None:
    before = open_signer(f"sshagent:{agent.make('log')}", Role.LOG, node=NODE, secrets=SECRETS)
    other = agent.make("other")
    with pytest.raises(SignerRefusedError):
        open_signer(f"sshagent:{other}", Role.LOG, node=NODE, secrets=SECRETS, public=before.public.to_text())
    recalled = recall_signer(f"sshagent:{other}", before.public, node=NODE, secrets=SECRETS)
    assert recalled.public == before.public  # nobody was asked yet
    with pytest.raises(SignerRefusedError):
        recalled.sign(b"m")


def test_a_token_signs_and_its_key_stays_in_it(token: Token) -> None:
    raw = token.make("targets 1")
    token.make("targets 2")
    signer = open_signer(token.uri("targets 1"), Role.TARGETS, node=NODE, secrets=SECRETS)
    assert signer.public == TargetsPublicKey.from_bytes(raw)
    for message in (b"", b"m", bytes(100_000)):
        signer.public.verify(message, signer.sign(message))


def test_several_keys_of_one_token_sign_in_one_process(token: Token) -> None:
    for name in ("one", "two"):
        token.make(name)
    signers = [open_signer(token.uri(name), Role.LOG, node=NODE, secrets=SECRETS) for name in ("one", "two")]
    for signer in signers * 2:
        signer.public.verify(b"m", signer.sign(b"m"))
    token.away()
    token.back()
    for signer in signers * 2:
        signer.public.verify(b"m", signer.sign(b"m"))


def test_a_tokens_pin_is_asked_when_no_file_has_it(token: Token) -> None:
    token.make("targets 1")
    asked: list[int] = []

    def pin() -> bytes:
        asked.append(1)
        return PIN.encode()

    secrets = Secrets(passphrase=SECRETS.passphrase, pin=pin)
    signer = open_signer(token.uri("targets 1", pin=False), Role.TARGETS, node=NODE, secrets=secrets)
    signer.sign(b"m")
    assert asked == [1]


def test_a_wrong_pin_in_a_file_is_tried_once(token: Token) -> None:
    """A card locks itself after three; a node signs every hour."""
    token.make("targets 1")
    uri, said = token.uri("targets 1"), list[str]()
    token.pin_file.write_text("000111\n")
    for _ in range(3):
        with pytest.raises(SignerDownError, match="PIN") as caught:
            open_signer(uri, Role.TARGETS, node=NODE, secrets=SECRETS)
        said.append(f"{caught.value}; {caught.value.hint}")
    assert ["not tried again" in one for one in said] == [False, True, True]
    assert "000111" not in "".join(said)
    token.pin_file.write_text(f"{PIN}\n")
    signer = open_signer(uri, Role.TARGETS, node=NODE, secrets=SECRETS)
    signer.public.verify(b"m", signer.sign(b"m"))


def test_a_wrong_pin(token: Token) -> None:
    token.make("targets 1")
    secrets = Secrets(passphrase=SECRETS.passphrase, pin=lambda: b"654321")
    with pytest.raises(SignerDownError, match="PIN") as caught:
        open_signer(token.uri("targets 1", pin=False), Role.TARGETS, node=NODE, secrets=secrets)
    assert "654321" not in str(caught.value) + caught.value.hint


def test_a_token_that_was_pulled_out_signs_again_when_it_is_back(token: Token) -> None:
    token.make("log")
    signer = open_signer(token.uri("log"), Role.LOG, node=NODE, secrets=SECRETS)
    token.away()
    with pytest.raises(NodeError) as caught:
        signer.sign(b"m")
    assert caught.value.hint
    token.back()
    signer.public.verify(b"m", signer.sign(b"m"))


def test_keys_and_tokens_that_are_not_there(token: Token) -> None:
    token.make("log")
    with pytest.raises(MissingKeyError):
        open_signer(token.uri("other"), Role.LOG, node=NODE, secrets=SECRETS)
    with pytest.raises(SignerDownError):
        open_signer(token.uri("log", label="other"), Role.LOG, node=NODE, secrets=SECRETS)
    token.make("log")
    with pytest.raises(MissingKeyError, match="several"):
        open_signer(token.uri("log"), Role.LOG, node=NODE, secrets=SECRETS)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "log",
        "https://kms.example/key",
        "file",
        "sshagent\n:x",
        "file:" + "x" * 2000,
        "pkcs11:token=t;object=k",
        "pkcs11:token=t?module-path=/usr/lib/x.so",
        "pkcs11:object=k?module-path=/usr/lib/x.so",
        "pkcs11:token=t;object=k?module-path=x.so",
        "pkcs11:token=t;object=k?module-path=/usr/lib/x.so&pin-value=1234",
        "pkcs11:token=t;object=k;pin-value=1234?module-path=/usr/lib/x.so",
        "pkcs11:token=t;token=u;object=k?module-path=/usr/lib/x.so",
        "pkcs11:token=t;object=k;type=public?module-path=/usr/lib/x.so",
        "pkcs11:token=t;object=k;colour=red?module-path=/usr/lib/x.so",
        "pkcs11:token=t;object?module-path=/usr/lib/x.so",
        "pkcs11:token=t;object=k?module-path=/dev/null",
    ],
)
def test_uris_that_are_none(uri: str) -> None:
    pytest.importorskip("pkcs11", reason="pip install -e '.[test]'")
    with pytest.raises(ConfigError) as caught:
        open_signer(uri, Role.TARGETS, node=NODE, secrets=SECRETS)
    assert "1234" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("role", [Role.TLS, Role.OPRF, Role.STORAGE])
def test_roles_that_do_not_sign(role: Role) -> None:
    with pytest.raises(ConfigError):
        open_signer("sshagent:SHA256:x", role, node=NODE, secrets=SECRETS)
