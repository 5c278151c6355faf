"""Policies of lists and criteria of collections: trust files that are signed with what they follow from."""

from dataclasses import replace
from pathlib import Path

import pytest

from keys.key import WitnessPrivateKey
from keys.trust.members import Member
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import LogStatus
from keys.trust.tuf.repository import open_targets
from keys.trust.vkey import DatedVkey
from node.app.health import checks
from node.errors import InputRefusedError
from node.home import Home
from node.identity.identity import open_identity
from node.lists.criteria import checked_text, criteria_name, criteria_number
from node.trust.others.documents import member_documents
from node.witnesses.policies import policy_files
from protocol.tlog.policy import parse_policy
from support.agencies import cheapen, found_agency, written
from support.proposals import members
from support.trust import NOW, list_info, node_document, witness_info


def test_a_policy_names_the_keys_that_count_now_or_later() -> None:
    alone = replace(members(), members=members().members[:1])
    found = policy_files(node_document(), alone, {}, NOW)
    assert list(found) == ["policy-main.txt"], "the closed list has none"
    policy = parse_policy(found["policy-main.txt"])
    assert [key.to_text() for key in policy.logs] == [dated.vkey for dated in list_info().vkeys]
    assert policy.quorum == b"none"


def test_no_policy_while_nobody_could_meet_it() -> None:
    assert policy_files(node_document(), members(), {}, NOW) == {}, "the other member's key is not known"


def test_a_list_that_is_closed_has_none() -> None:
    closed = replace(node_document(), logs=(replace(node_document().logs[1], status=LogStatus.CLOSED),))
    assert policy_files(closed, members(), {}, NOW) == {}


@pytest.mark.parametrize(
    "data", [b"", b" \n", b"\xff", b"a" * 256_001], ids=["none", "blank", "bytes", "long"]
)
def test_what_is_no_criteria(data: bytes) -> None:
    with pytest.raises(InputRefusedError):
        checked_text(data)


def test_names_of_criteria() -> None:
    assert criteria_number(criteria_name(7)) == 7
    assert criteria_number("policy-main.txt") is None


def test_they_are_listed_with_what_they_follow_from(tmp_path: Path) -> None:
    cli = found_agency(tmp_path, name="fr", country="FR")
    cheapen(cli)
    cli.done("list", "create", "national")
    cli.done("criteria", "set", "baseline", written(tmp_path / "c.md", "# Baseline\n"))
    assert cli.done("criteria", "show", "baseline")["text"] == "# Baseline\n"
    identity = open_identity(Home(cli.home))
    trust = identity.trust
    in_force = trust.in_force()
    listed = open_targets(in_force.listing, trust.root()).files
    assert {"trust/policy-national.txt", "trust/criteria-1.md"} < set(listed)
    policy = parse_policy(in_force.files["policy-national.txt"])
    (vkey,) = [log.vkeys for log in trust.document().logs if log.origin == "fr.example/lists/national"]
    assert {key.to_text() for key in policy.logs} == {dated.vkey for dated in vkey}


def test_a_proposal_holds_the_policy_of_its_list(tmp_path: Path) -> None:
    cli = found_agency(tmp_path, name="fr", country="FR")
    cheapen(cli)
    proposal = tmp_path / "proposal"
    cli.done("--proposal", str(proposal), "list", "create", "national")
    told = cli.done("key", "changes", str(proposal))["changes"]
    assert "policy-national.txt: new" in told
    assert any(line.startswith("  + log fr.example/lists/national+") for line in told)


def test_members_of_the_register_are_the_witnesses() -> None:
    other = Member(node="de.example", root_sha256=b"\x18" * 32, country="DE")
    register = replace(members(), members=(members().members[0], other))
    witness = replace(
        witness_info(),
        name="de.example/w1",
        vkeys=tuple(
            type(v).of(v.key, name="de.example/w1", valid=v.valid)  # type: ignore[arg-type]
            for v in witness_info().vkeys
        ),
    )
    documents = {"de.example": replace(node_document(node="de.example", logs=()), witness=witness)}
    policy = parse_policy(policy_files(node_document(), register, documents, NOW)["policy-main.txt"])
    assert [key.name for key in policy.witness_keys] == ["de.example/w1"]


def borrowed() -> dict[str, NodeDocument]:
    """Documents of three members, of which one names the witness key of another."""
    seeds = {"de.example": b"\x51", "es.example": b"\x52", "it.example": b"\x51"}
    documents = {}
    for node, seed in seeds.items():
        key, name = WitnessPrivateKey.from_seed(seed * 32), f"{node}/w1"
        vkey = DatedVkey.of(key.public, name=name, valid=witness_info().vkeys[0].valid)
        witness = replace(witness_info(), name=name, vkeys=(vkey,))
        documents[node] = replace(node_document(node=node, logs=()), witness=witness)
    return documents


@pytest.mark.threat("witnesses that collude")
def test_who_names_another_s_witness_key_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it takes a voice from that member, with all who verify by the policy files, and nobody hears of it."""
    cli = found_agency(tmp_path, name="fr", country="FR")
    monkeypatch.setattr(checks, "member_documents", lambda *known: {**member_documents(*known), **borrowed()})
    [told] = [check for check in cli.run("doctor").results if check["check"] == "witnesses"]
    assert told["health"] == "warn"
    assert "it.example names a witness key of de.example" in told["words"]


@pytest.mark.threat("witnesses that collude")
def test_a_member_that_names_another_s_key_takes_no_policy_away() -> None:
    documents = borrowed()
    others = (
        Member(node=node, root_sha256=node.encode().ljust(32), country=node[:2].upper()) for node in documents
    )
    register = replace(members(), members=(members().members[0], *others))
    policy = parse_policy(policy_files(node_document(), register, documents, NOW)["policy-main.txt"])
    assert [key.name for key in policy.witness_keys] == ["de.example/w1", "es.example/w1"]
    assert policy.groups[policy.quorum].threshold == 2, "as of three"
