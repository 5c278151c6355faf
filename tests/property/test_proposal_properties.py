"""Proposals: one encoding, bounded reading, and words in which nothing that is signed goes unsaid."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import KeysError, MalformedTrustError
from keys.trust import members as register
from keys.trust import node_document as documents
from keys.trust.members import Member
from keys.trust.proposals.differences import Kind, differences, line_differences
from keys.trust.proposals.proposal import Proposal, from_json, to_json
from keys.trust.proposals.sign import open_proposal
from keys.trust.proposals.words import changes
from support.proposals import (
    NEW_ROOT_KEYS,
    NEW_TARGETS_KEYS,
    all_anew,
    holders,
    members,
    next_content,
    next_document,
    opened,
    proposal,
)
from support.trust import ROOT_KEYS, TARGETS_KEYS, node_document

WHOLE = opened(
    proposal(
        root=next_content(
            holders([*NEW_ROOT_KEYS[:1], *ROOT_KEYS[1:]], [*NEW_TARGETS_KEYS[:1], *TARGETS_KEYS[1:]])
        ),
        changed=all_anew() | {"criteria-1.md": b"# Baseline, 2\n"},
    ),
    [ROOT_KEYS[0], TARGETS_KEYS[0], NEW_ROOT_KEYS[0], NEW_TARGETS_KEYS[0]],
).proposal
BYTES = to_json(WHOLE)

names = st.sampled_from(["criteria-1.md", "criteria-2.md", "policy-main.txt"])
few_lines = st.lists(st.sampled_from("abc"), max_size=6)
texts = st.text(st.characters(codec="utf-8"), max_size=30).map(str.encode)


@st.composite
def proposals(draw: st.DrawFn) -> Proposal:
    """Proposals that follow: some of a root, a document, a register and texts."""
    root = draw(
        st.none()
        | st.builds(
            next_content,
            st.permutations(ROOT_KEYS + NEW_ROOT_KEYS).map(lambda keys: holders(keys[:3])),
            threshold=st.integers(1, 3),
        )
    )
    changed: dict[str, bytes] = dict(draw(st.dictionaries(names, texts, max_size=2)))
    if draw(st.booleans()):
        contact = draw(
            st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=9)
        )
        changed["node.json"] = documents.to_json(replace(node_document(serial=4), contact=contact))
    if draw(st.booleans()):
        others = draw(st.lists(st.sampled_from(["NL", "DE", None]), max_size=3))
        added = tuple(
            Member(node=f"n{number}.example", root_sha256=bytes([number]) * 32, country=country)
            for number, country in enumerate(others, 1)
        )
        kept = members().members[:1]
        changed["members.json"] = register.to_json(replace(members(), version=5, members=kept + added))
    if root is None and not changed:
        changed["node.json"] = next_document()
    return proposal(root=root, changed=changed)


@given(proposals())
def test_round_trip(made: Proposal) -> None:
    data = to_json(made)
    assert from_json(data) == made
    assert open_proposal(from_json(data)).proposal == made


@given(proposals(), proposals())
def test_two_proposals_of_one_wording_are_one(one: Proposal, other: Proposal) -> None:
    said = [changes(open_proposal(made)) for made in (one, other)]
    assert (said[0] == said[1]) == (one == other)


@given(st.data())
def test_only_our_errors_escape_altered_bytes(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(BYTES) - 1))
    altered = BYTES[:at] + data.draw(st.binary(max_size=3)) + BYTES[at + 1 :]
    with suppress(KeysError):
        assert to_json(from_json(altered)) == altered
        open_proposal(from_json(altered))


scalars = st.none() | st.integers(0, 3) | st.sampled_from(["a", "b", "1"])
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kid", "x", "name", "valid"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), values), st.dictionaries(st.sampled_from("abc"), values))
def test_what_differs_is_named(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    found = list(differences(old, new))
    assert (not found) == (json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True))
    for one in found:
        assert (one.kind is Kind.ADDED) <= (one.old is None)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """They are read or refused: any other error fails this."""
    with suppress(MalformedTrustError):
        from_json(data)


@pytest.mark.threat("a deceiving proposal")
@given(few_lines, few_lines, few_lines)
def test_a_text_is_what_its_words_make_of_the_one_before(
    old: list[str], new: list[str], other: list[str]
) -> None:
    """Whoever knows the old text can write the new one down from what he was shown, so there is one such text."""
    made, at = list[str](), 0
    for place in line_differences(old, new):
        made += old[at : place.at - 1] + list(place.added)
        at = place.at - 1 + len(place.removed)
        assert tuple(old[place.at - 1 : at]) == place.removed
    assert made + old[at:] == new
    assert (list(line_differences(old, new)) == list(line_differences(old, other))) == (new == other)
