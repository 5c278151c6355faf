"""Labels: layout, choice of sources, and that only the right output opens one."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from protocol.errors import MalformedError, NotCanonicalError, SubsetError
from protocol.subset.label import (
    CANARY_LABEL,
    LABEL_BYTES,
    Backer,
    Label,
    LabelSource,
    choose_label,
    open_label,
    relabel,
    seal_label,
)
from support.subsets import LABEL, SUBSET, output

WIRE = bytes.fromhex("0001 02 00 00 000000000005 01 000000000009") + bytes(14)


def test_layout() -> None:
    assert LABEL.to_bytes() == WIRE
    assert Label.from_bytes(WIRE) == LABEL


def test_largest_label_fills_its_bytes() -> None:
    label = Label(1023, tuple(LabelSource(number, 2**48 - 1) for number in (0, 1, 254, 255)))
    assert len(label.to_bytes()) == 32
    assert Label.from_bytes(label.to_bytes()) == label


def test_canary_label_is_all_zeros() -> None:
    assert CANARY_LABEL.to_bytes() == bytes(32)
    assert Label.from_bytes(bytes(32)) == CANARY_LABEL


def _put(place: int, value: int) -> bytes:
    data = bytearray(WIRE)
    data[place] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(WIRE[:-1], MalformedError, id="short"),
        pytest.param(WIRE + b"\0", MalformedError, id="long"),
        pytest.param(_put(2, 5), MalformedError, id="five sources"),
        pytest.param(_put(3, 1), NotCanonicalError, id="reserved byte"),
        pytest.param(_put(31, 1), NotCanonicalError, id="padding"),
        pytest.param(_put(2, 1), NotCanonicalError, id="a source behind the count"),
        pytest.param(_put(4, 1), NotCanonicalError, id="a source twice"),
        pytest.param(_put(4, 2), NotCanonicalError, id="sources out of order"),
        pytest.param(_put(1, 0), MalformedError, id="sources without a collection"),
        pytest.param(bytes([0, 1]) + bytes(30), MalformedError, id="a collection without sources"),
        pytest.param(b"\4\0" + WIRE[2:], MalformedError, id="the first private collection"),
    ],
)
def test_label_is_refused(data: bytes, error: type[MalformedError]) -> None:
    with pytest.raises(error):
        Label.from_bytes(data)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: LabelSource(256, 0), id="number"),
        pytest.param(lambda: LabelSource(0, 2**48), id="index"),
        pytest.param(lambda: Label(1, tuple(LabelSource(n, 0) for n in range(5))), id="five sources"),
    ],
)
def test_fields_out_of_range(make: Callable[[], object]) -> None:
    with pytest.raises(MalformedError):
        make()


FR, FR2, NL, DE = (
    Backer(number=number, index=number * 10, country=country)
    for number, country in [(3, "FR"), (5, "FR"), (4, "NL"), (1, "DE")]
)
HUB = Backer(number=2, index=7, country=None, authority=True)


@pytest.mark.parametrize(
    ("backers", "k", "label"),
    [
        pytest.param({1: [FR, NL]}, 2, (1, [(3, 30), (4, 40)]), id="two countries"),
        pytest.param({1: [FR, FR2, NL]}, 2, (1, [(3, 30), (4, 40)]), id="one source a country"),
        pytest.param({1: [FR, NL, DE]}, 2, (1, [(1, 10), (3, 30)]), id="the lowest numbers"),
        pytest.param({2: [FR, NL], 1: [DE, NL]}, 2, (1, [(1, 10), (4, 40)]), id="the lowest collection"),
        pytest.param(
            {1: [Backer(number=3, index=2, country="FR"), FR, NL]},
            2,
            (1, [(3, 2), (4, 40)]),
            id="the lowest index",
        ),
        pytest.param({1: [HUB]}, 2, (1, [(2, 7)]), id="an authority alone"),
        pytest.param({1: [FR, HUB]}, 2, (1, [(2, 7)]), id="too few countries beside an authority"),
        pytest.param({1: [FR, HUB, NL]}, 2, (1, [(3, 30), (4, 40)]), id="countries before an authority"),
        pytest.param({1: [NL]}, 1, (1, [(4, 40)]), id="quorum of one"),
    ],
)
def test_choose_label(
    backers: dict[int, list[Backer]], k: int, label: tuple[int, list[tuple[int, int]]]
) -> None:
    collection, sources = label
    expected = Label(collection, tuple(LabelSource(*source) for source in sources))
    assert choose_label(backers, k) == expected
    assert choose_label({key: value[::-1] for key, value in backers.items()}, k) == expected


def test_a_label_for_what_is_not_effective_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        choose_label({1: [FR]}, 2)


def test_labels_that_differ_in_places_alone() -> None:
    label = Label(1, (LabelSource(2, 7), LabelSource(3, 2**48 - 1)))
    rows = [(0, 1), (2**48 - 1, 5)]
    expected = [Label(1, (LabelSource(2, first), LabelSource(3, second))) for first, second in rows]
    assert relabel(label, rows) == [each.to_bytes() for each in expected]
    assert relabel(Label(4, (LabelSource(1, 1),)), [(9,)]) == [Label(4, (LabelSource(1, 9),)).to_bytes()]


def test_sealed_as_specified() -> None:
    sealed = seal_label(output(1), subset_id=SUBSET, epoch=7, label=LABEL.to_bytes())
    key = HKDFExpand(SHA512(), 32, b"SIGFED-V1 label").derive(output(1))
    bound = SUBSET + bytes([0, 0, 0, 7]) + output(1)[:8]
    assert AESGCMSIV(key).decrypt(bytes(12), sealed, bound) == WIRE
    assert len(sealed) == LABEL_BYTES
    assert open_label(sealed, output=output(1), subset_id=SUBSET, epoch=7) == LABEL


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"output": output(2)}, id="output"),
        pytest.param({"subset_id": bytes(16)}, id="subset"),
        pytest.param({"epoch": 8}, id="epoch"),
    ],
)
def test_label_opens_in_its_place_only(change: dict[str, Any]) -> None:
    sealed = seal_label(output(1), subset_id=SUBSET, epoch=7, label=LABEL.to_bytes())
    place: dict[str, Any] = {"output": output(1), "subset_id": SUBSET, "epoch": 7} | change
    with pytest.raises(SubsetError):
        open_label(sealed, **place)


def test_an_altered_label_does_not_open() -> None:
    sealed = seal_label(output(1), subset_id=SUBSET, epoch=7, label=LABEL.to_bytes())
    for bit in range(8 * len(sealed)):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SubsetError):
            open_label(bytes(altered), output=output(1), subset_id=SUBSET, epoch=7)


def test_a_label_of_another_length() -> None:
    with pytest.raises(SubsetError, match="length"):
        open_label(bytes(47), output=output(1), subset_id=SUBSET, epoch=7)
