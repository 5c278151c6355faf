"""Sealing binds bytes to a name; look-up keys are HMAC-SHA-256 as others compute it."""

import hmac
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import StoreError
from node.group.load import load_hasher
from node.store.seal import FRESH_SECONDS, KeySeal, Sealer, SealingKeys
from node.store.vault import LookUpKeys, Vault, unwrap, wrap
from protocol.digest import SIZES, Algorithm, Digest

STORAGE_KEY, INDEX_KEY = bytes(range(32)), bytes(range(32, 64))
_serial = count()


def entropy(size: int) -> bytes:
    return next(_serial).to_bytes(size)


TOMBSTONE_KEY = bytes(range(64, 96))
SEALING = SealingKeys({1: b"s" * 32})
VAULT = Vault(lambda: SEALING, lambda: LookUpKeys(INDEX_KEY, TOMBSTONE_KEY), entropy)
ALGORITHMS = sorted(SIZES)
DIGESTS = st.sampled_from(ALGORITHMS).flatmap(
    lambda a: st.binary(min_size=SIZES[a], max_size=SIZES[a]).map(lambda value: Digest(Algorithm(a), value))
)


def fast() -> Vault:
    """The same vault with what this machine hashes fastest with."""
    return Vault(lambda: SEALING, lambda: LookUpKeys(INDEX_KEY, TOMBSTONE_KEY), entropy, load_hasher)


@given(st.lists(DIGESTS, max_size=100))
def test_keys_are_the_first_eight_bytes_of_hmac(digests: list[Digest]) -> None:
    wanted = [
        hmac.digest(INDEX_KEY, bytes((digest.algorithm,)) + digest.value, "sha256")[:8] for digest in digests
    ]
    keys = [int.from_bytes(mac, signed=True) for mac in wanted]
    assert VAULT.keys_of(digests).tolist() == fast().keys_of(digests).tolist() == keys
    assert [VAULT.key_of(digest) for digest in digests] == keys


@pytest.mark.parametrize("count", [0, 1, 31, 32, 100])
def test_a_file_is_known_by_hmac_as_well(count: int) -> None:
    key = hmac.digest(INDEX_KEY, b"\xfffiles", "sha256")
    ids = [bytes((at,)) * 16 for at in range(count)]
    wanted = [int.from_bytes(hmac.digest(key, each, "sha256")[:8], signed=True) for each in ids]
    assert VAULT.file_keys_of(ids) == fast().file_keys_of(ids) == wanted
    assert list(map(VAULT.file_key_of, ids)) == wanted


def test_each_purpose_has_a_key_of_its_own_that_is_derived_as_others_compute_it() -> None:
    tokens = hmac.digest(INDEX_KEY, b"\xfftokens", "sha256")
    made = {each: VAULT.mac(each, b"data") for each in ("one", "other")}
    for purpose, mac in made.items():
        assert mac == hmac.digest(hmac.digest(tokens, purpose.encode(), "sha256"), b"data", "sha256")
    assert made["one"] != made["other"]
    assert max(Algorithm) < 0xFF, "else a look-up key could be a key of tokens"


@given(st.binary(max_size=100))
def test_what_is_sealed_opens_under_its_name_alone(data: bytes) -> None:
    sealed = VAULT.seal("pending/a", data)
    assert VAULT.unseal("pending/a", sealed) == data
    with pytest.raises(StoreError):
        VAULT.unseal("pending/b", sealed)
    assert VAULT.seal("pending/a", data) != sealed


@pytest.mark.threat("a stolen disk")
@pytest.mark.parametrize("at", [0, 1, 12, 13, 20, -1], ids="byte {}".format)
def test_altered_bytes_do_not_open(at: int) -> None:
    sealed = bytearray(VAULT.seal("x", b"secret of some length"))
    sealed[at] ^= 1
    with pytest.raises(StoreError):
        VAULT.unseal("x", bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 12, 13, 28])
def test_cut_bytes_do_not_open(length: int) -> None:
    with pytest.raises(StoreError):
        VAULT.unseal("x", VAULT.seal("x", b"secret of some length")[:length])


def test_a_data_key_unwraps_with_its_storage_key_and_name() -> None:
    wrapped = wrap(STORAGE_KEY, "index", INDEX_KEY, entropy)
    assert unwrap(STORAGE_KEY, "index", wrapped) == INDEX_KEY
    with pytest.raises(StoreError):
        unwrap(STORAGE_KEY, "tombstone", wrapped)
    with pytest.raises(StoreError):
        unwrap(INDEX_KEY, "index", wrapped)


def test_shows_no_key() -> None:
    assert repr(VAULT) == "<Vault>"


@given(DIGESTS)
def test_a_tombstone_is_hmac_under_a_key_of_its_own(digest: Digest) -> None:
    wanted = hmac.digest(TOMBSTONE_KEY, bytes((digest.algorithm,)) + digest.value, "sha256")
    assert VAULT.tombstone_of(digest) == wanted


class Keys:
    """Keys that another process changes, and a clock."""

    def __init__(self) -> None:
        self.keys = {1: b"a" * 32}
        self.loaded = 0
        self.now = 0.0
        self.sealer = Sealer(self.load, entropy, seconds=lambda: self.now)

    def load(self) -> SealingKeys:
        self.loaded += 1
        return SealingKeys(dict(self.keys))


def test_a_newer_key_is_noticed_within_half_a_minute() -> None:
    keys = Keys()
    old = keys.sealer.seal("x", b"data")
    keys.keys[2] = b"b" * 32
    keys.now = FRESH_SECONDS
    assert not keys.sealer.is_older(keys.sealer.seal("x", b"data"))
    keys.now += 1
    new = keys.sealer.seal("x", b"data")
    assert (keys.loaded, new[:5], keys.sealer.newest) == (2, b"\x02\0\0\0\x02", new[:5])
    assert keys.sealer.is_older(old)
    assert [keys.sealer.unseal("x", each) for each in (old, new)] == [b"data"] * 2


def test_a_key_that_is_not_known_is_looked_up() -> None:
    keys = Keys()
    keys.keys[2] = b"b" * 32
    new = Sealer(keys.load, entropy).seal("x", b"data")
    assert keys.sealer.unseal("x", new) == b"data"
    del keys.keys[1]
    with pytest.raises(StoreError, match="does not open"):
        keys.sealer.unseal("x", b"\x02\0\0\0\x07" + bytes(40))


def test_the_number_cannot_be_exchanged() -> None:
    keys = Keys()
    keys.keys[2] = keys.keys[1]
    sealed = Sealer(keys.load, entropy).seal("x", b"data")
    with pytest.raises(StoreError):
        keys.sealer.unseal("x", b"\x02\0\0\0\x01" + sealed[5:])


def test_what_names_no_key_opens_with_the_first_storage_key() -> None:
    keys = Keys()
    sealed = KeySeal(STORAGE_KEY, entropy).seal("x", b"data")
    with pytest.raises(StoreError):
        keys.sealer.unseal("x", sealed)
    keys.keys[0] = STORAGE_KEY
    assert keys.sealer.unseal("x", sealed) == b"data"
    assert keys.sealer.is_older(sealed)


@pytest.mark.parametrize("data", [b"", b"\x03", b"\x02", b"\x02\0\0\0", b"{}"])
def test_another_form_is_no_older_one(data: bytes) -> None:
    sealer = Keys().sealer
    assert not sealer.is_older(data)
    with pytest.raises(StoreError, match="unknown form"):
        sealer.unseal("x", data)
