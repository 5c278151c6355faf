"""A rehearsal goes through every rotation on a scratch node, and a stock TUF client follows each."""

import os
from pathlib import Path

import pytest

from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.tuf.root import open_next_root
from node.errors import VerificationError
from node.home import Home
from node.identity.identity import open_identity
from node.objects.folder import FolderObjects
from node.rotation.rehearsal import rehearse
from node.trust.proposals import InForce
from node.trust.rehearsal import Rehearsal
from node.trust.tuf.repository import ServedTuf
from support.agencies import found_agency
from support.processes import contents
from support.proposals import files, held_root, listing
from support.times import SettableClock
from support.trust import NOW


def test_the_people_and_rules_are_those_of_the_node(tmp_path: Path) -> None:
    state = InForce(node="fr.example", roots=(held_root().data,), files=files(), listing=listing())
    rehearsal = Rehearsal(
        state, held_root(), files=FolderObjects(tmp_path), clock=SettableClock(NOW), entropy=os.urandom
    )
    first = rehearsal.trust.root()
    assert (first.threshold, first.targets_threshold) == (2, 2)
    assert {holder.name for holder in first.holders} == {"1", "2", "3"}
    assert not {key.raw for key in first.keys} & {key.raw for key in held_root().keys}
    assert rehearsal.trust.document() == held_document()
    done = list(rehearsal.steps())
    assert [(one.step, one.root, "".join(one.sittings)) for one in done] == [
        ("online keys", 2, "12"),
        ("all targets keys", 3, "123"),
        ("the root key of holder 3", 4, "12"),
        ("all root keys", 5, "12"),
    ]
    assert any("replaces the root key of holder 3 by" in line for line in done[2].words)
    root = first
    for version in range(2, 6):
        root = open_next_root(root, (tmp_path / f"{version}.root.json").read_bytes())
    assert (tmp_path / "criteria-1.md").read_bytes() == files()["criteria-1.md"]


def held_document() -> NodeDocument:
    return open_node_document(files()["node.json"], held_root())


def test_the_home_is_not_touched_and_no_passphrase_is_asked(tmp_path: Path) -> None:
    cli = found_agency(tmp_path, name="fr", country="FR")
    before = contents(cli.home)
    for path in (cli.home / "keys/offline").glob("*"):
        path.unlink()
    steps = [done.step for done in rehearse(open_identity(Home(cli.home)))]
    assert steps == ["online keys", "all targets keys", "the root key of holder 2", "all root keys"]
    assert {name: data for name, data in before.items() if "offline" not in name} == contents(cli.home)


def test_a_client_that_does_not_follow_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rehearsal must be able to fail: here the next root is shown before its timestamp, and hidden after."""
    cli = found_agency(tmp_path, name="fr", country="FR")
    monkeypatch.setattr(ServedTuf, "_stamped_root", lambda _self: 1)
    with pytest.raises(VerificationError, match="a TUF client did not follow"):
        list(rehearse(open_identity(Home(cli.home))))
