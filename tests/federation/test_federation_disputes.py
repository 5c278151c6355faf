"""Disputes and reaffirmations on their way through a federation, and what a liar can do with them."""

from dataclasses import replace

import pytest

from node.judgement.reaffirm import reaffirm
from node.lists.corrections.dispute import dispute, resolve
from node.lists.corrections.withdraw import withdraw
from node.lists.imports.intake import Statement
from protocol.digest import Digest
from protocol.judgement.blocks import Standing
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis, EntryRef, Reason
from support.federation import Agency, Federation
from support.lists import digest

CAP = 5
DAILY = 500
"""Disputes a day that followers let pass, unless a node document says otherwise."""
REVIEWED = Statement(basis=Basis.REVIEWED, criteria=1)
SHARED = [f"file {number}" for number in range(20)]
DIGESTS = [digest(name) for name in SHARED]

Four = tuple[Agency, Agency, Agency, Agency]


@pytest.fixture
async def agencies(federation: Federation) -> Four:
    """Germany, France and the Netherlands list the same files; the United States list none."""
    de, fr, nl, us = federation.peers("de", "fr", "nl", "us")
    for one in (de, fr, nl, us):
        one.trust.revise_members(lambda old: replace(old, block_cap=CAP), signers=one.signers)
        if one is not us:
            one.add(*SHARED)
        one.publish()
    await federation.settle()
    return de, fr, nl, us


def against(agency: Agency, value: Digest) -> dict[Digest, list[EntryRef]]:
    blocks = agency.judged().decision.blocks
    return {value: [ref for block in blocks if block.digest == value for ref in block.refs]}


def overrule(agency: Agency, value: Digest) -> None:
    blocks = against(agency, value)
    reaffirm(
        agency.store, agency.origin, blocks, statement=REVIEWED, collection=BASELINE, now_ms=agency.now_ms
    )
    agency.publish()


@pytest.mark.threat("a poisoned entry")
async def test_a_dispute_blocks_at_everyone_until_two_other_countries_overrule_it(
    federation: Federation, agencies: Four
) -> None:
    de, fr, _, us = agencies
    dispute(us.store, us.origin, DIGESTS[:1])
    assert all(len(one.effective()) == 20 for one in agencies)
    us.publish()
    await federation.settle()
    assert all(one.effective() == set(DIGESTS[1:]) for one in agencies)
    overrule(de, DIGESTS[0])
    await federation.settle()
    assert all(one.effective() == set(DIGESTS[1:]) for one in agencies), "one country is not enough"
    overrule(fr, DIGESTS[0])
    await federation.settle()
    assert all(one.effective() == set(DIGESTS) for one in agencies)
    assert {block.standing for block in us.judged().decision.blocks} == {Standing.LIFTED}


async def test_a_resolve_frees_everywhere(federation: Federation, agencies: Four) -> None:
    *_, us = agencies
    dispute(us.store, us.origin, DIGESTS[:2])
    us.publish()
    await federation.settle()
    resolve(us.store, us.origin, DIGESTS[:1])
    us.publish()
    await federation.settle()
    assert all(one.effective() == set(DIGESTS) - {DIGESTS[1]} for one in agencies)


async def test_a_withdrawal_for_error_blocks_what_others_list(federation: Federation, agencies: Four) -> None:
    de, _, nl, us = agencies
    withdraw(nl.store, nl.origin, DIGESTS[3], reason=Reason.ERROR)
    nl.publish()
    await federation.settle()
    assert all(one.effective() == set(DIGESTS) - {DIGESTS[3]} for one in agencies)
    for one in (de, us):
        overrule(one, DIGESTS[3])
    await federation.settle()
    assert all(one.effective() == set(DIGESTS) for one in agencies)
    assert DIGESTS[3] in us.digests(us.origin), "an agency that did not list it lists it by overruling"


@pytest.mark.threat("blocking what others list")
async def test_of_a_liars_thousand_disputes_only_the_first_apply(
    federation: Federation, agencies: Four
) -> None:
    *_, fr, us = agencies[1:]
    flood = [*(digest(f"nobody's {number}") for number in range(980)), *DIGESTS]
    dispute(us.store, us.origin, flood, collection=BASELINE)
    us.publish()
    await federation.settle()
    assert len(us.effective()) >= len(DIGESTS) - CAP
    blocks = fr.judged().decision.blocks
    assert sum(block.standing is Standing.APPLIES for block in blocks) == CAP
    assert len(fr.effective()) >= len(DIGESTS) - CAP
    assert len(blocks) == DAILY, "what is beyond a day's limit waits for a person"
    with fr.store.read() as unit:
        set_aside = [item for item in unit.quarantine.ls() if item.kind == "dispute"]
    assert [item.last - item.first + 1 for item in set_aside] == [1000 - DAILY]
