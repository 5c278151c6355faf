"""Blocks of a removed member, which wait for two persons: found without its list."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from keys.trust.members import Members
from node.app.quarantine import release_request, require_as_asked
from node.errors import ConflictError
from node.judgement import quarantine
from node.lists.corrections.dispute import dispute, resolve
from node.lists.corrections.withdraw import withdraw
from node.store.store import Store
from protocol.lists.event import BASELINE
from protocol.lists.ext import Reason
from support.releases import ReleasingAgency
from support.stores import Agency, file_digests, let_in, reads_of_objects, rows

if TYPE_CHECKING:
    from node.identity.identity import Identity
    from node.store.accounts.records import Approval


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


@pytest.mark.threat("one person")
def test_other_blocks_of_the_same_number_are_not_what_was_asked_for(
    store: Store, tmp_path: Path, other: Agency
) -> None:
    """Its member is one again for a day, in which it takes a dispute back and begins another."""
    fr = ReleasingAgency(store, tmp_path / "fr")
    other.add(rows("1", "2"))
    first, second = file_digests("one")[0], file_digests("another")[0]
    dispute(other.store, other.origin, [first], collection=BASELINE)
    fr.follow(other)
    with_nl = fr.trust.members()
    fr.trust.revise_members(without_nl, signers=fr.signers)
    identity = cast("Identity", SimpleNamespace(trust=fr.trust, now_ms=1))
    asked = release_request(identity, store, "nl.example", reason="it is gone", said="")
    approval = cast("Approval", SimpleNamespace(payload=asked.payload))
    require_as_asked(identity, store, approval)

    fr.trust.revise_members(lambda _: with_nl, signers=fr.signers)
    resolve(other.store, other.origin, [first])
    dispute(other.store, other.origin, [second], collection=BASELINE)
    fr.follow(other)
    members = fr.trust.revise_members(without_nl, signers=fr.signers)
    assert [item.count for item in quarantine.ls(store, members)] == [1]
    with pytest.raises(ConflictError, match="is not what it was"):
        require_as_asked(identity, store, approval)
