"""Properties of every codec in `keys`: round trip, one spelling, and no foreign error on any bytes."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import (
    KeysError,
    MalformedKeyFileError,
    MalformedTrustError,
    ThresholdError,
    WrongPassphraseError,
    WrongRootError,
)
from keys.key import PRIVATE_KEY_TYPES, LogPublicKey, PrivateKey
from keys.keyfile import KdfProfile, WrappingKey, describe, seal, unseal
from keys.roles import Role
from keys.trust import members as register
from keys.trust import node_document as documents
from keys.trust import revocations
from keys.trust.countries import COUNTRIES
from keys.trust.envelope import open_envelope
from keys.trust.fingerprint import fingerprint, from_words, to_words
from keys.trust.node_parts import FinalCheckpoint, LogInfo
from keys.trust.tuf.root import open_root
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window
from support.trust import (
    LIST_KEY,
    NOW,
    TARGETS_KEYS,
    VALID,
    node_document,
    root_bytes,
    trusted_root,
    witness_info,
)

TINY = KdfProfile(1, 8, 1)
ROOT = trusted_root()
ROOT_BYTES = root_bytes()
DOCUMENT = documents.to_json(node_document(witness=witness_info()))
REVOKED = revocations.to_json(
    revocations.Revocations(
        version=1,
        node="fr.example",
        entries=(
            revocations.Revocation(
                role=Role.LOG,
                key=DatedVkey.of(LIST_KEY.public, name="fr.example/lists/main", valid=VALID).vkey,
                time=NOW,
                reason=revocations.Reason.COMPROMISE,
                last_good=FinalCheckpoint(7, b"\x07" * 32),
                resumes=9,
            ),
        ),
    )
)
SIGNED = documents.sign_node_document(node_document(), TARGETS_KEYS[:2])
KEY_FILE = seal(
    b"s" * 32,
    wrapping=WrappingKey.fresh(b"p", profile=TINY, entropy=bytes),
    role=Role.LOG,
    node="fr.example",
    public="",
    entropy=bytes,
)

seeds = st.binary(min_size=32, max_size=32)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
jsons = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
moments = st.integers(-(10**10), 10**11).map(
    lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(0, seconds)
)
salts = st.binary(min_size=16, max_size=16)
agencies = st.tuples(
    st.sampled_from(sorted(COUNTRIES)) | st.none(), st.frozensets(st.integers(1, 65_535), max_size=4)
)


@given(kind=st.sampled_from(list(PRIVATE_KEY_TYPES.values())), seed=seeds, message=st.binary())
def test_keys_round_trip_and_verify(kind: type[PrivateKey], seed: bytes, message: bytes) -> None:
    key = kind.from_text(kind.from_seed(seed).to_text())
    public = type(key.public).from_text(key.public.to_text())
    assert key.seed == seed
    assert public == key.public
    public.verify(message, key.sign(message))


@given(text=st.text(max_size=60) | st.text("AQgw_-=", max_size=44).map(lambda tail: "sigfed-log-pub:" + tail))
def test_a_key_has_one_text(text: str) -> None:
    with suppress(KeysError):
        assert LogPublicKey.from_text(text).to_text() == text


@given(raw=st.binary(max_size=40))
def test_any_bytes_are_a_key_or_refused(raw: bytes) -> None:
    with suppress(KeysError):
        assert LogPublicKey.from_bytes(raw).raw == raw


@given(data=st.binary(min_size=16, max_size=16))
def test_words_round_trip(data: bytes) -> None:
    assert from_words(to_words(data)) == data


@given(text=st.text(max_size=60) | st.text("bdaio -", min_size=40, max_size=60))
def test_words_have_one_spelling(text: str) -> None:
    with suppress(MalformedTrustError):
        assert to_words(from_words(text)) == "-".join(text.lower().replace("-", " ").split())


@given(secret=st.binary(min_size=1, max_size=200), passphrase=st.binary(min_size=1), salt=salts)
def test_key_files_round_trip(secret: bytes, passphrase: bytes, salt: bytes) -> None:
    def entropy(size: int) -> bytes:
        return salt[:size]

    wrapping = WrappingKey.fresh(passphrase, profile=TINY, entropy=entropy)
    data = seal(secret, wrapping=wrapping, role=Role.STORAGE, node="fr.example", public="", entropy=entropy)
    assert unseal(data, passphrase).secret == secret
    with pytest.raises(WrongPassphraseError):
        unseal(data, passphrase + b"\0")


@given(members=st.lists(agencies, max_size=6), k=st.integers(1, 4), cap=st.integers(0, 2**53 - 1))
def test_registers_round_trip(members: list[tuple[str | None, frozenset[int]]], k: int, cap: int) -> None:
    value = register.Members(
        version=1,
        k=k,
        block_cap=cap,
        members=tuple(
            register.Member(
                node=f"n{at}.example",
                root_sha256=bytes([at]) * 32,
                country=country,
                authority_for=collections,
            )
            for at, (country, collections) in enumerate(members)
        ),
    )
    assert register.from_json(register.to_json(value)) == value


@given(start=moments, end=moments, serial=st.integers(1, 2**53 - 1))
def test_node_documents_round_trip(start: datetime, end: datetime, serial: int) -> None:
    with suppress(MalformedTrustError):
        window = Window(start, end)
        vkey = DatedVkey.of(node_key(), name="fr.example/lists/x", valid=window)
        log = LogInfo(origin="fr.example/lists/x", url="https://fr.example", vkeys=(vkey,))
        document = node_document(serial=serial, logs=(log,))
        assert documents.from_json(documents.to_json(document)) == document


@given(entries=st.lists(st.tuples(st.integers(0, 99), st.sampled_from(revocations.Reason)), max_size=8))
def test_revocations_round_trip_and_only_grow(entries: list[tuple[int, revocations.Reason]]) -> None:
    with suppress(MalformedTrustError):
        keys = tuple(
            revocations.Revocation(role=Role.AUTH, key=f"auth-{kid}", time=NOW, reason=reason)
            for kid, reason in entries
        )
        value = revocations.Revocations(version=len(keys) + 1, node="fr.example", entries=keys)
        assert revocations.from_json(revocations.to_json(value)) == value
        for known in range(len(keys)):
            earlier = replace(value, version=known + 1, entries=keys[:known])
            assert value.follows(earlier)
            assert not earlier.follows(value)


def node_key() -> LogPublicKey:
    return PRIVATE_KEY_TYPES[Role.LOG].from_seed(b"z" * 32).public  # type: ignore[return-value]  # the table pairs them


READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "root": (lambda data: open_root(data, fingerprint(data)), ROOT_BYTES),
    "envelope": (lambda data: open_envelope(data, "node", ROOT), SIGNED),
    "node document": (documents.from_json, DOCUMENT),
    "members": (
        register.from_json,
        register.to_json(register.Members(version=1, k=2, block_cap=1, members=())),
    ),
    "revocations": (revocations.from_json, REVOKED),
    "key file": (describe, KEY_FILE),
}


@pytest.mark.parametrize("reader", READERS)
@given(data=st.binary(max_size=200) | jsons.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(reader: str, data: bytes) -> None:
    """With an error of `keys`: any other fails this."""
    with suppress(KeysError):
        READERS[reader][0](data)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in inner for path in paths(item, (*at, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:
    """A copy of `value` with `new` at `path`."""
    if not path:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = replaced(copied[path[0]], path[1:], new)
    return copied


@pytest.mark.parametrize("reader", READERS)
@given(data=st.data(), new=jsons)
def test_any_value_at_any_place_is_read_or_refused(reader: str, data: st.DataObject, new: object) -> None:
    """As above: any other error fails this."""
    read, good = READERS[reader]
    value = json.loads(good)
    path = data.draw(st.sampled_from(paths(value)))
    with suppress(KeysError):
        read(json.dumps(replaced(value, path, new)).encode())


@given(at=st.integers(0, len(ROOT_BYTES) * 8 - 1))
def test_no_flipped_bit_of_a_root_fits_its_pin(at: int) -> None:
    with pytest.raises(WrongRootError):
        open_root(flipped(ROOT_BYTES, at), ROOT.sha256)


@given(at=st.integers(0, len(SIGNED) * 8 - 1))
def test_no_flipped_bit_of_an_envelope_changes_what_it_says(at: int) -> None:
    with suppress(MalformedTrustError, ThresholdError):
        assert open_envelope(flipped(SIGNED, at), "node", ROOT) == open_envelope(SIGNED, "node", ROOT)


@given(at=st.integers(0, len(KEY_FILE) * 8 - 1))
def test_no_flipped_bit_of_a_key_file_goes_unnoticed(at: int) -> None:
    with suppress(MalformedKeyFileError, WrongPassphraseError):
        assert unseal(flipped(KEY_FILE, at), b"p") == unseal(KEY_FILE, b"p")
        assert json.loads(flipped(KEY_FILE, at)) == json.loads(KEY_FILE)


def flipped(data: bytes, at: int) -> bytes:
    """`data` with bit `at` the other way."""
    changed = bytearray(data)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)
