"""Codecs of subsets: round trip, one encoding, and only our errors on whatever a stranger sends."""

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.digest import Algorithm
from protocol.errors import MalformedError, SubsetError
from protocol.subset.canary import ABSENT, PRESENT
from protocol.subset.deltas.labels import Labelled, apply_label_delta, encode_label_delta
from protocol.subset.deltas.values import align, apply_delta, encode_delta, stretches
from protocol.subset.files import Held, ReleaseFiles, read_release, write_answers, write_labels, write_screen
from protocol.subset.filter import EXACT, ScreenRule, SubsetFilter
from protocol.subset.label import Backer, Label, LabelSource, choose_label, open_label, seal_label
from protocol.subset.lookup import Lookup
from protocol.subset.manifest import MAX_EPOCH, MAX_TIME_MS, Manifest, ReleaseKind
from protocol.subset.rice import U64Array, gathered, parameter
from protocol.subset.screen import screen_values
from protocol.subset.sets import decode_multiset, encode_multiset, encode_set
from protocol.subset.sources import SourceCheckpoint
from support.subsets import EMPTY_MANIFEST, SUBSET, make_release, output, u64

WIDTHS = st.integers(1, 63)
HASHES = st.binary(min_size=32, max_size=32)


@st.composite
def widths_and_values(draw: st.DrawFn, *, unique: bool) -> tuple[int, U64Array]:
    """A width, and sorted values of that width, some of them close to each other."""
    width = draw(WIDTHS)
    numbers = st.integers(0, 2**width - 1) | st.integers(0, min(2**width, 40) - 1)
    return width, u64(*sorted(draw(st.lists(numbers, max_size=60, unique=unique))))


@pytest.fixture(scope="module", params=[1, 2, 3, 1 << 16])
def stretch(request: pytest.FixtureRequest) -> Iterator[int]:
    """Values that are handled at once: as few as there can be, and more than any example has."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("protocol.subset.deltas.values.BLOCK", request.param)
        patched.setattr("protocol.subset.rice._BLOCK", 8 * request.param)
        yield request.param


@given(widths_and_values(unique=True))
def test_sets_come_back(case: tuple[int, U64Array]) -> None:
    width, values = case
    code = encode_set(values, width)
    assert gathered(decode_multiset(code, width=width, count=len(values))).tolist() == values.tolist()


@given(widths_and_values(unique=False))
def test_multisets_come_back(stretch: int, case: tuple[int, U64Array]) -> None:
    width, values = case
    code = encode_multiset(values, width)
    assert gathered(decode_multiset(code, width=width, count=len(values))).tolist() == values.tolist()


@given(st.binary(max_size=200), WIDTHS, st.integers(0, 100) | st.integers(0, 2**31))
def test_whatever_is_read_as_values_has_one_code(stretch: int, data: bytes, width: int, count: int) -> None:
    with contextlib.suppress(MalformedError):
        values = gathered(decode_multiset(data, width=width, count=count))
        assert len(values) == count
        assert encode_multiset(values, width) == data


@given(widths_and_values(unique=True), st.data())
def test_a_changed_code_is_refused_or_other_values(case: tuple[int, U64Array], data: st.DataObject) -> None:
    width, values = case
    code = bytearray(encode_set(values, width)) or bytearray(1)
    code[data.draw(st.integers(0, len(code) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedError):
        other = gathered(decode_multiset(bytes(code), width=width, count=len(values)))
        assert other.tolist() != values.tolist()
        assert encode_multiset(other, width) == bytes(code)


@given(st.integers(1, 200_000), st.integers(20, 63), st.integers(0, 2**32), st.booleans())
@settings(max_examples=25)
def test_many_values_are_written_as_the_code_is_defined(
    count: int, width: int, seed: int, ends: bool
) -> None:
    """Bit for bit: quotients in unary, remainders of k bits; each padded to an octet."""
    values = np.random.default_rng(seed).integers(0, 2**width, size=count, dtype=np.uint64)
    values[: count // 2 if ends else 0] = 2**width - 1  # a gap that is wider than what is written at once
    values.sort()
    k = parameter(count, 2**width)
    gaps = [after - before for before, after in pairwise([0, *values.tolist()])]
    unary = "".join("0" * (gap >> k) + "1" for gap in gaps)
    fixed = "".join(f"{gap % 2**k:0{k}b}" for gap in gaps) if k else ""
    assert encode_multiset(values, width) == _octets(unary) + _octets(fixed)


def _octets(bits: str) -> bytes:
    size = -(-len(bits) // 8)
    return int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size)


@given(st.integers(1, 2**31), WIDTHS)
def test_decoded_gaps_cannot_wrap_around(count: int, width: int) -> None:
    k = parameter(count, 2**width)
    most_quotients = (2**width - 1) >> k
    assert (most_quotients << k) + count * (2**k - 1) < 2**64


@given(st.lists(st.integers(0, 30), max_size=30), st.lists(st.integers(0, 30), max_size=30))
def test_alignment_is_the_difference_of_multisets(old: list[int], new: list[int]) -> None:
    before, after = u64(*sorted(old)), u64(*sorted(new))
    alignment = align(before, after)
    assert Counter(before[alignment.removed].tolist()) == Counter(old) - Counter(new)
    assert Counter(after[alignment.inserted].tolist()) == Counter(new) - Counter(old)


@st.composite
def deltas(draw: st.DrawFn) -> tuple[int, U64Array, U64Array]:
    """A width, and two multisets of it that have much in common."""
    width, old = draw(widths_and_values(unique=False))
    kept = [value for value in old.tolist() if draw(st.booleans())]
    added = draw(st.lists(st.integers(0, 2**width - 1), max_size=10))
    return width, old, u64(*sorted(kept + added))


def _alignment(old: U64Array, new: U64Array) -> tuple[list[int], list[int]]:
    """Rule 36, place by place."""

    def surplus(values: list[int], others: list[int]) -> list[int]:
        ranks = [(place, value, values[:place].count(value)) for place, value in enumerate(values)]
        return [place for place, value, rank in ranks if rank >= others.count(value)]

    before, after = old.tolist(), new.tolist()
    return surplus(before, after), surplus(after, before)


@given(deltas())
def test_stretches_are_the_alignment_of_the_whole(stretch: int, case: tuple[int, U64Array, U64Array]) -> None:
    _, old, new = case
    alignment = align(old, new)
    assert (alignment.removed.tolist(), alignment.inserted.tolist()) == _alignment(old, new)
    pieces = [(piece.old, piece.new) for piece in stretches(old, new)]
    assert [at for here, _ in pieces for at in range(here.start, here.stop)] == list(range(len(old)))
    assert [at for _, there in pieces for at in range(there.start, there.stop)] == list(range(len(new)))
    most = max([stretch, *Counter(old.tolist()).values(), *Counter(new.tolist()).values()])
    assert all(max(here.stop - here.start, there.stop - there.start) <= most for here, there in pieces)


@given(deltas())
def test_deltas_lead_to_the_new_values(stretch: int, case: tuple[int, U64Array, U64Array]) -> None:
    width, old, new = case
    assert gathered(apply_delta(old, encode_delta(old, new, width), width)).tolist() == new.tolist()


@given(deltas(), st.data())
def test_a_changed_delta_is_refused_or_leads_elsewhere(
    stretch: int, case: tuple[int, U64Array, U64Array], data: st.DataObject
) -> None:
    width, old, new = case
    delta = bytearray(encode_delta(old, new, width))
    delta[data.draw(st.integers(0, len(delta) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedError):
        other = gathered(apply_delta(old, bytes(delta), width))
        assert other.tolist() != new.tolist()
        assert encode_delta(old, other, width) == bytes(delta)


@given(st.binary(max_size=80), widths_and_values(unique=False))
def test_only_malformed_escapes_a_delta(data: bytes, case: tuple[int, U64Array]) -> None:
    """Any other error fails this."""
    width, old = case
    with contextlib.suppress(MalformedError):
        gathered(apply_delta(old, data, width))


# ------------------------------------------------------------------ labels

SOURCES = st.lists(
    st.builds(LabelSource, st.integers(0, 255), st.integers(0, 2**48 - 1)),
    min_size=1,
    max_size=4,
    unique_by=lambda source: source.number,
).map(lambda sources: tuple(sorted(sources)))
LABELS = st.builds(Label, st.integers(1, 1023), SOURCES) | st.just(Label(0, ()))


@given(LABELS, st.integers(0, MAX_EPOCH))
def test_labels_come_back(label: Label, epoch: int) -> None:
    sealed = seal_label(output(1), subset_id=SUBSET, epoch=epoch, label=label.to_bytes())
    assert len(sealed) == 48
    assert open_label(sealed, output=output(1), subset_id=SUBSET, epoch=epoch) == label


@given(st.binary(min_size=32, max_size=32) | st.binary(max_size=40) | LABELS.map(Label.to_bytes))
def test_whatever_is_read_as_a_label_has_one_encoding(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert Label.from_bytes(data).to_bytes() == data


@pytest.mark.threat("a release beside the rule")
@given(
    st.lists(
        st.builds(
            lambda member, index: Backer(
                number=member, index=index, country=["FR", "NL", "DE", "BE"][member % 4]
            ),
            st.integers(0, 11),
            st.integers(0, 5),
        ),
        min_size=1,
        max_size=12,
    ),
    st.randoms(),
)
def test_a_label_names_one_source_of_each_of_k_countries(backers: list[Backer], random: Random) -> None:
    countries = {backer.number: backer.country for backer in backers}
    k = min(len(set(countries.values())), 4)
    label = choose_label({1: backers}, k)
    assert len({countries[source.number] for source in label.sources}) == len(label.sources) == k
    assert all(
        source.index == min(backer.index for backer in backers if backer.number == source.number)
        for source in label.sources
    )
    random.shuffle(backers)
    assert choose_label({1: backers}, k) == label


@st.composite
def labelled(draw: st.DrawFn) -> tuple[Labelled, Labelled]:
    """Two sequences of answers with labels, from so few values that much stays and repeats."""
    sides = []
    for _ in range(2):
        answers = u64(*sorted(draw(st.lists(st.integers(0, 12), max_size=12))))
        letters = draw(st.lists(st.sampled_from([0, 1]), min_size=len(answers), max_size=len(answers)))
        sides.append(Labelled(answers=answers, labels=b"".join(bytes([letter]) * 48 for letter in letters)))
    return sides[0], sides[1]


@given(labelled(), st.data())
def test_label_deltas_lead_to_the_new_labels(
    stretch: int, case: tuple[Labelled, Labelled], data: st.DataObject
) -> None:
    old, new = case
    delta = bytearray(encode_label_delta(old, new))
    assert b"".join(apply_label_delta(old, bytes(delta), new.answers)) == new.labels
    delta[data.draw(st.integers(0, len(delta) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedError):
        other = b"".join(apply_label_delta(old, bytes(delta), new.answers))
        assert other != new.labels
        assert encode_label_delta(old, Labelled(answers=new.answers, labels=other)) == bytes(delta)


@given(st.binary(max_size=120), labelled())
def test_only_malformed_escapes_a_label_delta(data: bytes, case: tuple[Labelled, Labelled]) -> None:
    """Any other error fails this."""
    old, new = case
    with contextlib.suppress(MalformedError):
        b"".join(apply_label_delta(old, data, new.answers))


# ------------------------------------------------------------------ manifest and filter

ORIGINS = st.from_regex(r"[a-z]{1,8}\.example/lists/[a-z]{1,8}", fullmatch=True)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Any manifest."""
    origins = draw(st.lists(ORIGINS, max_size=5, unique=True))
    numbers = sorted(draw(st.sets(st.integers(0, 255), min_size=len(origins), max_size=len(origins))))
    screen_width = draw(st.integers(1, 47))
    answers_count = draw(st.integers(0, 2**31))
    answers_width = math.ceil(math.log2(max(answers_count, 1))) + 32
    return replace(
        EMPTY_MANIFEST,
        epoch=draw(st.integers(0, MAX_EPOCH)),
        kind=draw(st.sampled_from(ReleaseKind)),
        screen_width=screen_width,
        screen_count=draw(st.integers(0, min(2**screen_width, 2**31))),
        answers_count=answers_count,
        answers_width=draw(st.integers(answers_width, 63)),
        screen_root=draw(HASHES),
        labels_root=draw(st.none() | HASHES),
        sources=tuple(
            SourceCheckpoint(
                number=number, origin=origin, size=draw(st.integers(0, 2**48)), root=draw(HASHES)
            )
            for number, origin in zip(numbers, origins, strict=True)
        ),
        not_after_ms=draw(st.integers(0, MAX_TIME_MS)),
    )


@given(manifests(), st.data())
def test_manifests_come_back_and_have_one_encoding(manifest: Manifest, data: st.DataObject) -> None:
    wire = bytearray(manifest.to_bytes())
    assert Manifest.from_bytes(bytes(wire)) == manifest
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedError):
        assert Manifest.from_bytes(bytes(wire)).to_bytes() == bytes(wire)


KINDS = st.frozensets(st.sampled_from(sorted(EXACT)), min_size=1) | st.sampled_from(
    [frozenset({Algorithm.PDQ}), frozenset({Algorithm.PHOTODNA})]
)
ANY_KINDS = st.frozensets(st.sampled_from([*Algorithm][1:]), min_size=1)


@st.composite
def filters(draw: st.DrawFn) -> SubsetFilter:
    """Any filter, of either rule."""
    rule = draw(st.sampled_from(ScreenRule))
    return SubsetFilter(
        collections=draw(st.frozensets(st.integers(1, 1023), min_size=1, max_size=5)),
        algorithms=draw(ANY_KINDS if rule is ScreenRule.STRONGEST else KINDS),
        screen_bits=draw(st.integers(0, 16)),
        labels=draw(st.booleans()),
        holdings=draw(st.booleans()),
        screen_rule=rule,
    )


@given(filters(), st.data())
def test_filters_come_back_and_have_one_encoding(subset_filter: SubsetFilter, data: st.DataObject) -> None:
    wire = bytearray(subset_filter.to_bytes())
    assert SubsetFilter.from_bytes(bytes(wire)) == subset_filter
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedError):
        assert SubsetFilter.from_bytes(bytes(wire)).to_bytes() == bytes(wire)


@given(st.binary(max_size=100), st.sampled_from([Manifest.from_bytes, SubsetFilter.from_bytes]))
def test_only_malformed_escapes_a_reader(data: bytes, read: Callable[[bytes], object]) -> None:
    """Any other error fails this."""
    with contextlib.suppress(MalformedError):
        read(data)


# ------------------------------------------------------------------ screen and releases

NAMES = st.lists(st.integers(0, 30), max_size=12, unique=True)


@given(NAMES, NAMES, st.integers(0, 3))
def test_a_release_is_the_same_whole_and_by_delta(old: list[int], new: list[int], shift: int) -> None:
    widths: dict[str, Any] = {"screen_width": 20, "answers_width": 40}
    first, second = (
        make_release(names, labels=[Label(1, (LabelSource(0, name + extra),)) for name in names], **widths)
        for names, extra in ((old, 0), (new, shift))
    )
    held = Held(1, first)
    read = second
    for since in (None, held):
        files = ReleaseFiles(
            screen=write_screen(second, since=since),
            answers=write_answers(second, since=since),
            labels=write_labels(second, since=since),
        )
        read = read_release(second.manifest, files, held=since)
        assert read.labels == second.labels
    found = Lookup(read).match([output(name) for name in range(31)])
    assert {name for name, match in enumerate(found) if match} == set(new)


@given(st.binary(max_size=60), st.sampled_from(["screen", "answers", "labels"]), st.booleans())
def test_only_our_errors_escape_release_files(body: bytes, part: str, whole: bool) -> None:
    """Any other error fails this."""
    release = make_release(range(6), labels=[Label(1, (LabelSource(0, 1),))] * 6)
    files = ReleaseFiles(
        screen=write_screen(release), answers=write_answers(release), labels=write_labels(release)
    )
    head = b"\1\0\0\0\0\0\0" + (b"\0" if whole else b"\1")
    with contextlib.suppress(MalformedError, SubsetError):
        read_release(release.manifest, replace(files, **{part: head + body}), held=Held(1, release))


def test_canaries_do_not_meet_in_any_screen() -> None:
    present, absent = screen_values([PRESENT, ABSENT])
    assert np.bitwise_xor(present, absent) >> np.uint64(64 - 8) != 0
