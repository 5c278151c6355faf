"""The golden vectors of docs/spec/subset.md: written by an independent script, read by this project's code."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.digest import Algorithm, Digest
from protocol.judgement.quorum import decide
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis
from protocol.subset.canary import ABSENT, ABSENT_TEXT, PRESENT, PRESENT_TEXT
from protocol.subset.chunks import labels_root
from protocol.subset.deltas.labels import Labelled, apply_label_delta, encode_label_delta
from protocol.subset.deltas.values import apply_delta, encode_delta
from protocol.subset.exclusions import exclusions_hash
from protocol.subset.filter import ScreenRule, SubsetFilter
from protocol.subset.identity import subset_id
from protocol.subset.label import Label, LabelSource, open_label, seal_label
from protocol.subset.manifest import Manifest
from protocol.subset.prf_input import prf_input
from protocol.subset.rice import gathered
from protocol.subset.screen import screen_value
from protocol.subset.sets import decode_multiset, encode_multiset
from support.lists import digest as made_up
from support.lists import member, register
from support.screen_worlds import Row, listing_of
from support.selected import select_screened
from support.subsets import u64, values_root

FOLDER = Path(__file__).parent.parent / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "subset.json").read_text("utf-8"))
SCREEN: dict[str, Any] = json.loads((FOLDER / "screen.json").read_text("utf-8"))
SUBSET = bytes.fromhex(VECTORS["subset_id"])


def _names(group: str) -> list[str]:
    return [case["name"] for case in VECTORS[group]]


def _digests() -> list[Digest]:
    return [
        Digest(Algorithm(case["algorithm"]), bytes.fromhex(case["digest"])) for case in VECTORS["digests"]
    ]


def test_subset_id() -> None:
    assert subset_id(VECTORS["origin"]) == SUBSET


def test_prf_inputs_and_screen_values() -> None:
    for digest, case in zip(_digests(), VECTORS["digests"], strict=True):
        assert prf_input(SUBSET, digest).hex() == case["prf_input"]
        assert f"{screen_value(digest):016x}" == case["screen"]


def test_canaries() -> None:
    for text, digest, name in ((PRESENT_TEXT, PRESENT, "present"), (ABSENT_TEXT, ABSENT, "absent")):
        case = VECTORS["canaries"][name]
        assert text.decode() == case["text"]
        assert digest.value.hex() == case["sha256"]


@pytest.mark.parametrize("case", VECTORS["sets"], ids=_names("sets"))
def test_sets(case: dict[str, Any]) -> None:
    values, code = u64(*case["values"]), bytes.fromhex(case["code"])
    assert encode_multiset(values, case["width"]) == code
    assert gathered(decode_multiset(code, width=case["width"], count=len(values))).tolist() == case["values"]
    assert values_root(values).hex() == case["root"]


@pytest.mark.parametrize("case", VECTORS["deltas"], ids=_names("deltas"))
def test_deltas(case: dict[str, Any]) -> None:
    old, new, delta = u64(*case["old"]), u64(*case["new"]), bytes.fromhex(case["delta"])
    assert encode_delta(old, new, case["width"]) == delta
    assert gathered(apply_delta(old, delta, case["width"])).tolist() == case["new"]


@pytest.mark.parametrize("case", VECTORS["labels"])
def test_labels(case: dict[str, Any]) -> None:
    label = Label(case["collection"], tuple(LabelSource(*source) for source in case["sources"]))
    output, sealed = bytes.fromhex(case["output"]), bytes.fromhex(case["sealed"])
    assert label.to_bytes().hex() == case["plaintext"]
    assert seal_label(output, subset_id=SUBSET, epoch=case["epoch"], label=label.to_bytes()) == sealed
    assert open_label(sealed, output=output, subset_id=SUBSET, epoch=case["epoch"]) == label


def test_label_delta() -> None:
    case = VECTORS["label_delta"]
    delta = bytes.fromhex(case["delta"])
    old, new = (
        Labelled(answers=u64(*case[f"{side}_answers"]), labels=bytes.fromhex(case[f"{side}_labels"]))
        for side in ("old", "new")
    )
    assert encode_label_delta(old, new) == delta
    assert b"".join(apply_label_delta(old, delta, new.answers)) == new.labels
    assert labels_root([new.labels], 48).hex() == case["new_root"]


@pytest.mark.parametrize("case", [VECTORS["filter"], SCREEN["filter"]], ids=["old rule", "new rule"])
def test_filters(case: dict[str, Any]) -> None:
    subset_filter = SubsetFilter(
        collections=frozenset(case["collections"]),
        algorithms=frozenset(map(Algorithm, case["algorithms"])),
        screen_bits=case["screen_bits"],
        labels=case["labels"],
        screen_rule=ScreenRule(case.get("screen_rule", 1)),
    )
    assert SubsetFilter.from_bytes(bytes.fromhex(case["bytes"])) == subset_filter
    assert subset_filter.to_bytes().hex() == case["bytes"]
    assert subset_filter.sha256().hex() == case["sha256"]


@pytest.mark.parametrize("case", SCREEN["cases"], ids=[case["name"] for case in SCREEN["cases"]])
def test_what_is_screened(case: dict[str, Any]) -> None:
    names = {name for rows in case["lists"].values() for row in rows for name in row}
    digests = {name: made_up(name[1:], Algorithm(int(name[0]))) for name in names}
    listings = [
        listing_of(node, [Row(tuple(digests[name] for name in row), (BASELINE,), Basis.OWN) for row in rows])
        for node, rows in case["lists"].items()
    ]
    members = register(*(member(*item) for item in SCREEN["countries"].items()), k=case["k"])
    supports = {each: [support] for (_, each), support in decide(listings, members).effective.items()}
    screened = select_screened(supports, listings, case["k"]).screened
    assert sorted(name for name, each in digests.items() if each in screened) == case["screened"]


def test_exclusions() -> None:
    case = VECTORS["exclusions"]
    assert exclusions_hash(bytes.fromhex(case["salt"]), _digests()).hex() == case["hash"]


@pytest.mark.parametrize("case", VECTORS["manifests"], ids=["no labels", "labels"])
def test_manifests(case: dict[str, Any]) -> None:
    data, fields = bytes.fromhex(case["bytes"]), case["fields"]
    manifest = Manifest.from_bytes(data)
    assert manifest.to_bytes() == data
    assert (manifest.epoch, manifest.screen_count, manifest.answers_count) == (
        fields["2"],
        fields["4"],
        fields["5"],
    )
    assert (manifest.screen_width, manifest.answers_width) == (fields["6"], fields["7"])
    assert [manifest.pk.hex(), manifest.screen_root.hex(), manifest.answers_root.hex()] == [
        fields["8"],
        fields["9"],
        fields["10"],
    ]
    assert (manifest.labels_root and manifest.labels_root.hex()) == fields.get("11")
    assert [source.origin for source in manifest.sources] == [source[1] for source in fields["12"]]
    rules = manifest.rules
    hashes = (rules.members, rules.filter, rules.criteria, rules.witness_policy, rules.exclusions)
    assert [value.hex() for value in hashes] == [fields[str(key)] for key in range(13, 18)]
    assert manifest.not_after_ms == fields["18"]
