"""Manifest, sources and filter: what they accept, and that nothing else gets in."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from protocol import limits
from protocol.digest import Algorithm
from protocol.encoding import CborValue, decode_cbor, encode_cbor
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.subset.filter import EXACT, ScreenRule, SubsetFilter
from protocol.subset.manifest import MAX_TIME_MS, Manifest, ReleaseKind
from protocol.subset.sources import SourceCheckpoint, number_sources
from protocol.tlog.merkle import EMPTY_ROOT
from support.subsets import EMPTY_MANIFEST, LABEL, SOURCES, make_release

FULL = make_release(range(5), labels=[LABEL] * 5).manifest
FILTER = SubsetFilter(
    collections=frozenset({2, 1}),
    algorithms=frozenset({Algorithm.PDQ, Algorithm.MD5}),
    screen_bits=12,
    labels=True,
    screen_rule=ScreenRule.STRONGEST,
)
RENEWED = replace(FILTER, algorithms=frozenset({Algorithm.MD5}), screen_rule=ScreenRule.WEAKEST)


def _source(**changes: Any) -> SourceCheckpoint:
    return replace(SOURCES[0], **changes)


@pytest.mark.parametrize("manifest", [EMPTY_MANIFEST, FULL], ids=["empty", "full"])
def test_manifest_round_trip(manifest: Manifest) -> None:
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


def test_labels_root_is_left_out_when_there_are_no_labels() -> None:
    assert 11 not in decode_cbor(EMPTY_MANIFEST.to_bytes(), max_bytes=2**16)
    assert 11 in decode_cbor(FULL.to_bytes(), max_bytes=2**16)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param(0, 2, id="another format"),
        pytest.param(1, bytes(15), id="short subset id"),
        pytest.param(2, 2**32, id="epoch beyond u32"),
        pytest.param(2, -1, id="negative epoch"),
        pytest.param(2, "1", id="epoch as text"),
        pytest.param(2, True, id="epoch as truth"),
        pytest.param(3, 0, id="kind 0"),
        pytest.param(3, 3, id="kind 3"),
        pytest.param(4, limits.MAX_SET_VALUES + 1, id="too many screen values"),
        pytest.param(5, limits.MAX_SET_VALUES + 1, id="too many answers"),
        pytest.param(5, 17, id="more answers than their width promises"),
        pytest.param(6, 48, id="screen wider than any budget"),
        pytest.param(6, 0, id="values without a screen"),
        pytest.param(6, 2, id="five values of two bits"),
        pytest.param(7, 64, id="answers wider than a tag"),
        pytest.param(7, 34, id="answers too narrow"),
        pytest.param(8, bytes(31), id="short key"),
        pytest.param(9, bytes(33), id="long root"),
        pytest.param(10, "root", id="root as text"),
        pytest.param(11, None, id="labels root null"),
        pytest.param(12, {}, id="sources as map"),
        pytest.param(12, [[0, "a", 1]], id="source of three parts"),
        pytest.param(12, [5], id="source as number"),
        pytest.param(12, [[256, "a", 1, bytes(32)]], id="source number beyond u8"),
        pytest.param(12, [[0, b"a", 1, bytes(32)]], id="origin as bytes"),
        pytest.param(12, [[0, "", 1, bytes(32)]], id="no origin"),
        pytest.param(12, [[0, "a\n", 1, bytes(32)]], id="origin of two lines"),
        pytest.param(12, [[0, "a" * 256, 1, bytes(32)]], id="long origin"),
        pytest.param(12, [[0, "a", 2**48 + 1, bytes(32)]], id="endless log"),
        pytest.param(12, [[0, "a", 1, bytes(31)]], id="short source root"),
        pytest.param(12, [[1, "a", 1, bytes(32)], [0, "b", 1, bytes(32)]], id="sources out of order"),
        pytest.param(12, [[0, "a", 1, bytes(32)], [0, "b", 1, bytes(32)]], id="a number twice"),
        pytest.param(12, [[0, "a", 1, bytes(32)], [1, "a", 1, bytes(32)]], id="a log twice"),
        pytest.param(13, bytes(31), id="short hash"),
        pytest.param(18, MAX_TIME_MS + 1, id="after the year 9999"),
        pytest.param(19, 0, id="unknown field"),
    ],
)
def test_manifest_is_refused(key: int, value: CborValue) -> None:
    fields = decode_cbor(FULL.to_bytes(), max_bytes=2**16)
    fields[key] = value
    with pytest.raises(MalformedError):
        Manifest.from_bytes(encode_cbor(fields))


@pytest.mark.parametrize("key", [key for key in range(19) if key != 11])
def test_manifest_without_a_field_is_refused(key: int) -> None:
    fields = decode_cbor(FULL.to_bytes(), max_bytes=2**16)
    del fields[key]
    with pytest.raises(MalformedError, match=f"field {key} is missing"):
        Manifest.from_bytes(encode_cbor(fields))


@pytest.mark.parametrize(
    "changes",
    [
        {"subset_id": b""},
        {"pk": b""},
        {"labels_root": b""},
        {"epoch": 2**32},
        {"screen_count": -1},
        {"screen_width": 48},
        {"screen_width": 0, "screen_root": bytes(32)},
        {"answers_count": -1},
        {"not_after_ms": -1},
        {"sources": SOURCES[::-1]},
    ],
    ids=str,
)
def test_manifest_cannot_be_made_with_what_it_refuses_to_read(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        replace(EMPTY_MANIFEST, **changes)


def test_rule_hashes_are_32_bytes() -> None:
    with pytest.raises(MalformedError):
        replace(EMPTY_MANIFEST.rules, criteria=b"")


@pytest.mark.parametrize(
    "changes",
    [{"number": -1}, {"number": 256}, {"size": -1}, {"origin": ""}, {"origin": "a\tb"}, {"root": b""}],
    ids=str,
)
def test_source_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        _source(**changes)


def test_no_screen_is_a_width_of_zero() -> None:
    manifest = replace(EMPTY_MANIFEST, screen_width=0)
    assert Manifest.from_bytes(manifest.to_bytes()).screen_root == EMPTY_ROOT


def test_a_manifest_fits_a_leaf() -> None:
    sources = tuple(_source(number=number, origin=f"{number}".rjust(255, "x")) for number in range(256))
    with pytest.raises(TooLargeError):
        replace(EMPTY_MANIFEST, sources=sources).to_bytes()
    with pytest.raises(TooLargeError):
        Manifest.from_bytes(bytes(limits.MAX_MANIFEST_BYTES + 1))


def test_many_sources_fit() -> None:
    sources = tuple(_source(number=number, origin=f"{number}.example/lists/main") for number in range(256))
    manifest = replace(EMPTY_MANIFEST, sources=sources, kind=ReleaseKind.REMOVAL_ONLY)
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


def test_source_of_a_label() -> None:
    assert FULL.source(1) == SOURCES[1]
    with pytest.raises(MalformedError):
        FULL.source(2)


@pytest.mark.parametrize(
    ("held", "origins", "numbers"),
    [
        pytest.param({}, ["b", "a"], {"a": 0, "b": 1}, id="from zero, sorted"),
        pytest.param({"x": 4}, ["a", "x"], {"x": 4, "a": 5}, id="after the highest"),
        pytest.param(
            {"x": 0, "y": 1}, ["y", "z"], {"x": 0, "y": 1, "z": 2}, id="a number is never used again"
        ),
        pytest.param({}, [], {}, id="nothing"),
    ],
)
def test_numbers_of_sources_are_append_only(
    held: dict[str, int], origins: list[str], numbers: dict[str, int]
) -> None:
    assert number_sources(held, origins) == numbers


def test_an_epoch_runs_out_of_numbers() -> None:
    assert number_sources({}, map(str, range(256)))["99"] <= 255
    with pytest.raises(TooLargeError):
        number_sources({}, map(str, range(257)))


def test_filter_is_data_with_one_encoding() -> None:
    data = encode_cbor({0: 1, 1: [1, 2], 2: [1, 4], 3: 12, 4: True})
    assert FILTER.to_bytes() == data
    assert SubsetFilter.from_bytes(data) == FILTER
    assert FILTER.sha256() == sha256(data).digest()


def test_a_filter_by_the_new_rule_says_so() -> None:
    data = encode_cbor({0: 1, 1: [1, 2], 2: [1], 3: 12, 4: True, 6: 2})
    assert RENEWED.to_bytes() == data
    assert SubsetFilter.from_bytes(data) == RENEWED


def test_renewed_a_filter_keeps_its_exact_hashes() -> None:
    assert FILTER.renewed() == RENEWED == RENEWED.renewed()
    pictures = replace(FILTER, algorithms=frozenset({Algorithm.PDQ}))
    assert pictures.renewed() == replace(pictures, screen_rule=ScreenRule.WEAKEST)


@pytest.mark.parametrize(
    ("algorithms", "bits", "values", "odds", "worst"),
    [
        (EXACT, 12, 3, 2**13, 2**39),
        ({Algorithm.MD5, Algorithm.SHA256}, 8, 2, 2**9, 2**18),
        ({Algorithm.PDQ}, 16, 1, 2**17, 2**17),
        (EXACT, 0, 3, 1, 1),
    ],
)
def test_what_a_filter_lets_be_told(
    algorithms: set[Algorithm], bits: int, values: int, odds: int, worst: int
) -> None:
    made = replace(RENEWED, algorithms=frozenset(algorithms), screen_bits=bits)
    assert (made.most_values, made.odds(), made.odds(made.most_values)) == (values, odds, worst)


def test_subsets_of_other_kinds_multiply_for_partners_of_both() -> None:
    pictures = replace(RENEWED, algorithms=frozenset({Algorithm.PDQ}), screen_bits=8)
    others = [
        ("pictures", pictures),
        ("itself", RENEWED),
        ("unscreened", replace(pictures, screen_bits=0)),
        ("agencies", replace(pictures, holdings=True)),
    ]
    assert list(RENEWED.together(others)) == [("pictures", 2**13 * 2**9)]
    assert not list(replace(RENEWED, screen_bits=0).together(others))


@pytest.mark.parametrize(
    ("collection", "algorithm", "covered"),
    [
        (1, Algorithm.MD5, True),
        (2, Algorithm.PDQ, True),
        (3, Algorithm.MD5, False),
        (1, Algorithm.SHA1, False),
    ],
)
def test_filter_covers(collection: int, algorithm: Algorithm, covered: bool) -> None:
    assert FILTER.covers(collection, algorithm) is covered


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        pytest.param(0, 2, MalformedError, id="another format"),
        pytest.param(1, [], MalformedError, id="no collection"),
        pytest.param(1, [0], MalformedError, id="collection 0"),
        pytest.param(1, [1024], MalformedError, id="a private collection"),
        pytest.param(1, [2, 1], NotCanonicalError, id="out of order"),
        pytest.param(1, [1, 1], NotCanonicalError, id="twice"),
        pytest.param(2, [], MalformedError, id="no algorithm"),
        pytest.param(2, [0], MalformedError, id="hidden is no algorithm"),
        pytest.param(2, [6], MalformedError, id="an unknown algorithm"),
        pytest.param(2, [4, 1], NotCanonicalError, id="algorithms out of order"),
        pytest.param(3, 17, MalformedError, id="screen beyond the budget"),
        pytest.param(4, 1, MalformedError, id="labels as number"),
        pytest.param(5, 1, MalformedError, id="holdings as number"),
        pytest.param(5, False, MalformedError, id="holdings written as false"),
        pytest.param(6, 1, MalformedError, id="the old rule written out"),
        pytest.param(6, 2, MalformedError, id="two kinds by the new rule"),
        pytest.param(6, 3, MalformedError, id="a rule to come"),
        pytest.param(7, 1, MalformedError, id="unknown field"),
    ],
)
def test_filter_is_refused(key: int, value: CborValue, error: type[MalformedError]) -> None:
    fields = decode_cbor(FILTER.to_bytes(), max_bytes=2**16)
    fields[key] = value
    with pytest.raises(error):
        SubsetFilter.from_bytes(encode_cbor(fields))


@pytest.mark.parametrize(
    "changes",
    [
        {"collections": frozenset({1024})},
        {"algorithms": frozenset()},
        {"screen_bits": 17},
        {"screen_bits": -1},
        {"screen_rule": ScreenRule.WEAKEST},
    ],
    ids=str,
)
def test_filter_cannot_be_made_with_what_it_refuses_to_read(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        replace(FILTER, **changes)


def test_source_checkpoint_as_cbor() -> None:
    assert SourceCheckpoint.from_cbor(SOURCES[0].to_cbor(), "here") == SOURCES[0]
