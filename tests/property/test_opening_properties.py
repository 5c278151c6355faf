import contextlib
from datetime import date

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from protocol.digest import SIZES, Digest
from protocol.errors import MalformedError
from protocol.lists.ext import EntryRef, Ext, Predecessor
from protocol.lists.opening import Opening

NUMBERS = st.integers(1, 2**32 - 1)
ORIGINS = st.from_regex(r"[a-z]{1,9}\.example/lists/[a-z]{1,5}", fullmatch=True)
HASHES = st.binary(min_size=32, max_size=32)
PLAIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=32)
REFS = st.builds(EntryRef, ORIGINS, st.integers(0, 2**48 - 1), HASHES)
DIGESTS = st.sampled_from(list(SIZES)).flatmap(
    lambda algorithm: st.binary(min_size=SIZES[algorithm], max_size=SIZES[algorithm]).map(
        lambda value: Digest(algorithm, value)
    )
)
EXTRAS = st.dictionaries(st.integers(11, 2**64 - 1), st.binary(max_size=4) | st.none(), max_size=2).map(
    lambda extra: cbor2.dumps(extra, canonical=True) if extra else b""
)
EXTS = st.builds(
    Ext,
    content_id=st.none() | st.binary(min_size=16, max_size=16),
    criteria=st.none() | NUMBERS,
    basis=st.none() | NUMBERS,
    review_by=st.none() | st.dates(min_value=date(1970, 1, 1)),
    legality=st.sets(st.sampled_from(["DE", "FR", "NL", "US"])).map(lambda codes: tuple(sorted(codes))),
    hash_profile=st.none() | PLAIN,
    reason=st.none() | NUMBERS,
    reaffirms=st.lists(REFS, max_size=3, unique_by=lambda ref: (ref.origin, ref.index)).map(
        lambda refs: tuple(sorted(refs))
    ),
    relies_on=st.none() | PLAIN | REFS,
    continues=st.none() | st.builds(Predecessor, ORIGINS, st.integers(0, 2**48), HASHES),
    extra=EXTRAS,
)
OPENINGS = st.builds(Opening, st.binary(min_size=16, max_size=16), st.none() | DIGESTS, EXTS)


@given(OPENINGS)
def test_round_trip(opening: Opening) -> None:
    assert Opening.from_bytes(opening.to_bytes()) == opening


@given(EXTS)
def test_an_independent_encoder_agrees(ext: Ext) -> None:
    data = ext.to_bytes()
    assert cbor2.dumps(cbor2.loads(data), canonical=True) == data


@given(st.binary(max_size=120))
def test_arbitrary_bytes_are_malformed_or_canonical(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert Opening.from_bytes(data).to_bytes() == data


@given(OPENINGS, st.data())
def test_a_changed_byte_is_malformed_or_another_opening(opening: Opening, data: st.DataObject) -> None:
    good = opening.to_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    with contextlib.suppress(MalformedError):
        other = Opening.from_bytes(changed)
        assert other.to_bytes() == changed
        assert other != opening


CBOR = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**64 - 1) | st.binary(max_size=33) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(0, 5), inner, max_size=2),
    max_leaves=6,
)


@given(st.dictionaries(st.integers(0, 12), CBOR, max_size=4))
def test_any_canonical_map_is_malformed_or_reencodes(fields: dict[int, object]) -> None:
    data = cbor2.dumps(fields, canonical=True)
    with contextlib.suppress(MalformedError):
        assert Ext.from_bytes(data).to_bytes() == data
