"""Typed keys: what is admitted, what verifies, and what a private key never tells.

Irregular keys and signatures have a file of their own, test_ed25519_edge_cases.py.
"""

import copy
import json
import operator
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keys.errors import BadSignatureError, MalformedKeyError
from keys.key import (
    PRIVATE_KEY_TYPES,
    AuthPrivateKey,
    AuthPublicKey,
    LogPrivateKey,
    LogPublicKey,
    PrivateKey,
    PublicKey,
    TokenPublicKey,
)
from keys.roles import ROLES, Role

VECTORS = Path(__file__).parents[1] / "vectors"
RFC8032 = json.loads((VECTORS / "rfc8032_ed25519.json").read_text("utf-8"))["vectors"]
REFUSED = json.loads((VECTORS / "ed25519_refused_keys.json").read_text("utf-8"))["keys"]

IDENTITY = (1).to_bytes(32, "little")
BASE_POINT = bytes.fromhex("58" + "66" * 31)
FORGERY = BASE_POINT + (1).to_bytes(32, "little")
"""R = B and S = 1: [S]B = R + [k]A holds for every message when A is the identity."""


@pytest.mark.parametrize("vector", RFC8032, ids=lambda vector: vector["name"])
def test_rfc8032_vectors(vector: dict[str, str]) -> None:
    key = LogPrivateKey.from_seed(bytes.fromhex(vector["seed"]))
    message, signature = bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"])
    assert key.public.raw.hex() == vector["public"]
    assert key.sign(message) == signature
    LogPublicKey.from_bytes(bytes.fromhex(vector["public"])).verify(message, signature)


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector["name"])
def test_key_is_not_admitted(vector: dict[str, str]) -> None:
    with pytest.raises(MalformedKeyError):
        LogPublicKey.from_bytes(bytes.fromhex(vector["raw"]))


@pytest.mark.parametrize("message", [b"", b"any", b"message at all" * 100])
def test_the_identity_key_forgery_that_another_library_accepts_is_refused_twice(message: bytes) -> None:
    # Shows why admission exists, and that verification would hold without it.
    Ed25519PublicKey.from_public_bytes(IDENTITY).verify(FORGERY, message)
    with pytest.raises(MalformedKeyError):
        LogPublicKey.from_bytes(IDENTITY)
    smuggled = object.__new__(LogPublicKey)
    object.__setattr__(smuggled, "raw", IDENTITY)
    with pytest.raises(BadSignatureError):
        smuggled.verify(message, FORGERY)


@pytest.mark.parametrize("bit", range(0, 512, 7))
def test_every_flipped_bit_of_a_signature_is_refused(bit: int) -> None:
    key = LogPrivateKey.from_seed(b"1" * 32)
    flipped = int.from_bytes(key.sign(b"message"), "little") ^ 1 << bit
    with pytest.raises(BadSignatureError):
        key.public.verify(b"message", flipped.to_bytes(64, "little"))


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(BadSignatureError):
        LogPrivateKey.from_seed(b"1" * 32).public.verify(b"message", b"s" * size)


def test_the_error_of_a_bad_signature_names_the_key_and_not_its_bytes() -> None:
    key = LogPrivateKey.from_seed(b"1" * 32)
    with pytest.raises(BadSignatureError, match=f"log key {key.public.kid}") as caught:
        key.public.verify(b"other", key.sign(b"message"))
    assert key.public.raw.hex() not in str(caught.value)


@pytest.mark.parametrize("kind", PRIVATE_KEY_TYPES.values(), ids=list(PRIVATE_KEY_TYPES))
def test_texts_carry_the_role(kind: type[PrivateKey]) -> None:
    key = kind.from_seed(b"1" * 32)
    assert key.public.to_text().startswith(f"sigfed-{kind.role}-pub:")
    assert key.to_text().startswith(f"sigfed-{kind.role}-key:")
    assert type(key.public).from_text(key.public.to_text()) == key.public
    assert kind.from_text(key.to_text()).seed == key.seed
    assert kind.role is key.public.role


def test_text_and_kid_of_a_known_key() -> None:
    key = LogPublicKey.from_bytes(bytes.fromhex(RFC8032[0]["public"]))
    assert key.to_text() == "sigfed-log-pub:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.kid == "21fe31dfa154a261"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", id="no prefix"),
        pytest.param("sigfed-auth-pub:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", id="another role"),
        pytest.param("sigfed-log-key:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", id="private"),
        pytest.param("sigfed-log-pub:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=", id="padding"),
        pytest.param("sigfed-log-pub:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", id="standard alphabet"),
        pytest.param("sigfed-log-pub:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp", id="unused bits"),
        pytest.param("sigfed-log-pub:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\n", id="newline"),
        pytest.param("sigfed-log-pub: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", id="space"),
        pytest.param("sigfed-log-pub:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR", id="31 bytes and bits"),
        pytest.param("sigfed-log-pub:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHU", id="impossible length"),
        pytest.param("sigfed-log-pub:éé", id="not ASCII"),
        pytest.param("sigfed-log-pub:", id="no key"),
    ],
)
def test_another_text_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(MalformedKeyError) as caught:
        LogPublicKey.from_text(text)
    assert "11qYAYK" not in str(caught.value)


@pytest.mark.parametrize("text", ["sigfed-log-pub:" + "A" * 43, "sigfed-log-key:" + "A" * 42, "secret"])
def test_another_text_is_refused_as_private_key(text: str) -> None:
    with pytest.raises(MalformedKeyError):
        LogPrivateKey.from_text(text)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_seed_has_32_bytes(size: int) -> None:
    with pytest.raises(MalformedKeyError):
        LogPrivateKey.from_seed(b"s" * size)


def test_the_same_bytes_in_two_roles_are_two_keys() -> None:
    raw = AuthPrivateKey.from_seed(b"1" * 32).public.raw
    assert len({AuthPublicKey(raw), TokenPublicKey(raw), AuthPublicKey(raw)}) == 2


def test_a_public_key_has_a_role_and_does_not_change() -> None:
    key = LogPrivateKey.from_seed(b"1" * 32).public
    with pytest.raises(TypeError):
        PublicKey(key.raw)
    with pytest.raises(AttributeError):
        key.raw = b"2" * 32  # type: ignore[misc]  # the mistake under test
    assert repr(key) == f"<LogPublicKey {key.kid}>"


def test_a_private_key_has_a_role() -> None:
    with pytest.raises(TypeError):
        PrivateKey(b"1" * 32)


def test_a_private_key_tells_nothing() -> None:
    seed = bytes(range(32))
    key = LogPrivateKey.from_seed(seed)
    for shown in (repr(key), str(key), f"{key}", repr([key])):
        assert shown.strip("[]") == f"<LogPrivateKey {key.public.kid}>"
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize(
    "misuse",
    [
        pytest.param(lambda key: operator.eq(key, key), id="equal"),
        pytest.param(lambda key: operator.ne(key, key), id="unequal"),
        pytest.param(hash, id="hash"),
        pytest.param(pickle.dumps, id="pickle"),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(lambda key: {key}, id="set"),
    ],
)
def test_a_private_key_is_not_compared_hashed_or_copied(misuse: Callable[[object], object]) -> None:
    with pytest.raises(TypeError):
        misuse(LogPrivateKey.from_seed(b"1" * 32))


def test_every_role_is_described_and_signing_roles_have_a_type() -> None:
    assert set(ROLES) == set(Role)
    assert set(Role) - set(PRIVATE_KEY_TYPES) == {Role.TLS, Role.OPRF, Role.STORAGE}
    assert [role for role in Role if not role.info.online] == [Role.ROOT, Role.TARGETS]
    assert all(role.info.days > 0 and role.info.signs for role in Role)
