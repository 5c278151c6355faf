"""Blocks of a removed member, which wait for two persons: found without its list."""

from dataclasses import replace
from pathlib import Path

import pytest

from keys.trust.members import Members
from node.judgement import quarantine
from node.lists.corrections.dispute import dispute
from node.lists.corrections.withdraw import withdraw
from node.store.store import Store
from protocol.lists.event import BASELINE
from protocol.lists.ext import Reason
from support.releases import ReleasingAgency
from support.stores import Agency, file_digests, let_in, reads_of_objects, rows


def without_nl(old: Members) -> Members:
    return replace(old, members=tuple(each for each in old.members if each.node != "nl.example"))


def test_blocks_of_a_removed_member_are_found_without_its_list(
    store: Store, tmp_path: Path, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr = ReleasingAgency(store, tmp_path / "fr")
    other.add(rows(*(str(number) for number in range(600))))
    withdraw(other.store, other.origin, file_digests("1")[0], reason=Reason.ERROR)
    dispute(other.store, other.origin, [file_digests("elsewhere")[0]], collection=BASELINE)
    fr.follow(other)
    members = fr.trust.revise_members(without_nl, signers=fr.signers)
    read = reads_of_objects(monkeypatch)
    [item] = quarantine.ls(store, members)
    assert (item.id, item.kind, item.count) == ("nl.example", quarantine.BLOCKS, 3)
    bundles = {name for name in read if "/openings/" in name or name.startswith("openings/")}
    assert 1 <= len(bundles) <= 2, "of five"
    let_in(store, members, "nl.example", now_ms=1)
    assert quarantine.ls(store, members) == []
