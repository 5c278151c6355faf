"""Key files: what opens them, what is refused before any memory is spent, and what they never show."""

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.pwhash import argon2id

from keys.errors import MalformedKeyFileError, WrongPassphraseError
from keys.key import LogPrivateKey
from keys.keyfile import (
    MAX_SECRET_BYTES,
    OFFLINE,
    ONLINE,
    KdfProfile,
    OpenedKey,
    WrappingKey,
    describe,
    seal,
    unseal,
    unwrap,
)
from keys.roles import Role

TINY = KdfProfile(1, 8, 1)
KEY = LogPrivateKey.from_seed(b"k" * 32)
PASSPHRASE = b"correct horse"


def counting(size: int) -> bytes:
    """Stands for randomness; a salt and a nonce need only differ between files."""
    return bytes(range(size))


WRAPPING = WrappingKey.fresh(PASSPHRASE, profile=TINY, entropy=counting)


def sealed(secret: bytes = KEY.seed, *, role: Role = Role.LOG, public: str = KEY.public.to_text()) -> bytes:
    return seal(secret, wrapping=WRAPPING, role=role, node="fr.example", public=public, entropy=counting)


def altered(change: Callable[[dict[str, Any]], object]) -> bytes:
    fields = json.loads(sealed())
    change(fields)
    return json.dumps(fields).encode()


def test_a_sealed_key_opens() -> None:
    opened = unseal(sealed(), PASSPHRASE)
    assert opened == OpenedKey(secret=KEY.seed, role=Role.LOG, node="fr.example", public=KEY.public.to_text())
    assert opened.private_key().seed == KEY.seed
    assert isinstance(opened.private_key(), LogPrivateKey)


def test_the_whole_file_of_known_input() -> None:
    # Pins the format: a change here orphans the key files of every node.
    assert sealed() == (
        b'{"aead":"A256GCM","ciphertext":"kVzjZ4sobu8AwlJ50x48wrXZtNkgs4CG9fRAFSO8Rjb5Cn0TOA4ps4C+ikkVXu6g",'
        b'"kdf":{"m_kib":8,"name":"argon2id","p":1,"salt":"AAECAwQFBgcICQoLDA0ODw==","t":1},'
        b'"node":"fr.example","nonce":"AAECAwQFBgcICQoL",'
        b'"public":"sigfed-log-pub:gyClGXfYw4yopJJ8Zw31gh5El2GUXhXp77JqFQnSMOo","role":"log","v":1}\n'
    )


def test_another_argon2_opens_a_file_by_the_words_of_the_specification() -> None:
    fields = json.loads(sealed())
    ciphertext = b64decode(fields.pop("ciphertext"))
    key = argon2id.kdf(
        32, PASSPHRASE, b64decode(fields["kdf"]["salt"]), opslimit=fields["kdf"]["t"], memlimit=8192
    )
    labels = b"sigfed/keyfile/v1\0" + json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    assert AESGCM(key).decrypt(b64decode(fields["nonce"]), ciphertext, labels) == KEY.seed


def test_a_file_that_an_editor_reformatted_opens() -> None:
    assert unseal(json.dumps(json.loads(sealed()), indent=2).encode(), PASSPHRASE).secret == KEY.seed


def test_a_secret_that_is_not_a_signing_key_has_no_public_half() -> None:
    data = sealed(b"s" * 48, role=Role.STORAGE, public="")
    assert json.loads(data)["public"] is None
    opened = unseal(data, PASSPHRASE)
    assert (opened.secret, opened.public) == (b"s" * 48, "")
    with pytest.raises(MalformedKeyFileError, match="storage key is not an Ed25519 key"):
        opened.private_key()


def test_a_seed_of_another_length_is_no_key() -> None:
    with pytest.raises(MalformedKeyFileError, match="not an Ed25519 key"):
        unseal(sealed(b"s" * 31), PASSPHRASE).private_key()


def test_a_public_key_that_is_not_the_secrets_is_refused() -> None:
    other = LogPrivateKey.from_seed(b"o" * 32).public.to_text()
    with pytest.raises(MalformedKeyFileError, match="not that of the secret"):
        unseal(sealed(public=other), PASSPHRASE).private_key()


def test_the_header_reads_without_the_passphrase() -> None:
    header = describe(sealed())
    assert (header.role, header.node, header.public) == (Role.LOG, "fr.example", KEY.public.to_text())
    assert header.profile == TINY


def test_the_file_and_its_values_show_no_secret() -> None:
    data = sealed()
    shown = data + repr(unseal(data, PASSPHRASE)).encode() + repr(describe(data)).encode()
    for form in (KEY.seed, KEY.seed.hex().encode(), KEY.to_text().rpartition(":")[2].encode(), PASSPHRASE):
        assert form not in shown


@pytest.mark.parametrize("passphrase", [b"", b"correct horse ", b"Correct horse"])
def test_another_passphrase_does_not_open(passphrase: bytes) -> None:
    with pytest.raises(WrongPassphraseError):
        unseal(sealed(), passphrase)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.update(role="auth"),
        lambda fields: fields.update(node="nl.example"),
        lambda fields: fields.update(public="sigfed-log-pub:x"),
        lambda fields: fields.pop("public"),
        lambda fields: fields.update(nonce="AAECAwQFBgcICQoM"),
        lambda fields: fields["kdf"].update(t=2),
        lambda fields: fields["kdf"].update(m_kib=9),
        lambda fields: fields["kdf"].update(salt="AAECAwQFBgcICQoLDA0ODg=="),
        lambda fields: fields.update(ciphertext="A" + fields["ciphertext"][1:]),
    ],
    ids=["role", "node", "public", "no public", "nonce", "passes", "memory", "salt", "ciphertext"],
)
def test_every_altered_field_is_noticed(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(WrongPassphraseError):
        unseal(altered(change), PASSPHRASE)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.update(v=2),
        lambda fields: fields.update(aead="A128GCM"),
        lambda fields: fields.update(role="janitor"),
        lambda fields: fields.update(comment="hello"),
        lambda fields: fields.update(node=""),
        lambda fields: fields.update(public=7),
        lambda fields: fields.update(nonce="AAAA"),
        lambda fields: fields.update(nonce=None),
        lambda fields: fields.update(ciphertext="AAAAAAAAAAAAAAAAAAAAAA=="),
        lambda fields: fields.update(kdf="argon2id"),
        lambda fields: fields["kdf"].update(name="pbkdf2"),
        lambda fields: fields["kdf"].update(secret="x"),
        lambda fields: fields["kdf"].update(salt="AAAA"),
        lambda fields: fields["kdf"].update(t=0),
        lambda fields: fields["kdf"].update(t=17),
        lambda fields: fields["kdf"].update(p=0),
        lambda fields: fields["kdf"].update(p=17),
        lambda fields: fields["kdf"].update(m_kib=7),
        lambda fields: fields["kdf"].update(m_kib=2**30),
        lambda fields: fields["kdf"].update(m_kib=4 * 2**20, t=3),
        lambda fields: fields["kdf"].update(m_kib=64.0),
        lambda fields: fields["kdf"].update(t=True),
    ],
)
def test_a_file_of_another_form_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(MalformedKeyFileError):
        describe(altered(change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        sealed()[:-5],
        b"\xff",
        b"[" * 60_000,
        b" " * 70_000,
        sealed().replace(b"{", b'{"v":1,', 1),
    ],
    ids=["empty", "no fields", "array", "null", "cut", "not UTF-8", "deep", "long", "field twice"],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedKeyFileError):
        unseal(data, PASSPHRASE)


def test_the_largest_secret_fits() -> None:
    assert (
        unseal(sealed(b"s" * MAX_SECRET_BYTES, role=Role.TLS), PASSPHRASE).secret == b"s" * MAX_SECRET_BYTES
    )


def test_an_empty_passphrase_or_short_entropy_is_a_programming_mistake() -> None:
    with pytest.raises(AssertionError):
        WrappingKey.fresh(b"", profile=TINY, entropy=counting)
    with pytest.raises(AssertionError):
        WrappingKey.fresh(PASSPHRASE, profile=TINY, entropy=lambda _: b"short")
    with pytest.raises(AssertionError):
        seal(b"s", wrapping=WRAPPING, role=Role.LOG, node="fr.example", public="", entropy=lambda _: b"short")


def test_one_derivation_opens_all_files_that_share_its_salt() -> None:
    files = [sealed(secret, public="") for secret in (b"one", b"two")]
    assert all(WRAPPING.opens(describe(data)) for data in files)
    assert [unwrap(data, WRAPPING).secret for data in files] == [b"one", b"two"]
    other = WrappingKey.derive(PASSPHRASE, salt=b"another salt 16b", profile=TINY)
    assert not other.opens(describe(files[0]))
    with pytest.raises(WrongPassphraseError):
        unwrap(files[0], other)
    assert WRAPPING.key.hex() not in repr(WRAPPING)


def test_labels_that_would_not_read_back_are_not_written() -> None:
    with pytest.raises(MalformedKeyFileError):
        sealed(public="two\nlines")


def test_the_profiles_of_products() -> None:
    # The costs are part of the promise to operators; see docs/spec/keys.md.
    assert (ONLINE.time_cost, ONLINE.memory_kib, ONLINE.lanes) == (3, 65_536, 4)
    assert (OFFLINE.time_cost, OFFLINE.memory_kib, OFFLINE.lanes) == (1, 2_097_152, 4)
