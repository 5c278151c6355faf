"""Making many nodes members and peers of each other at once, as introducing them one by one would."""

import json
from collections.abc import Sequence
from dataclasses import replace

from keys.trust.members import Member
from node.clock import milliseconds
from node.store.peers.records import PeerRecord
from protocol.lists.grant import Grant
from support.federation import Agency, FoundedNode


def acquaint(agency: Agency, others: Sequence[tuple[FoundedNode, str, Grant]], *, block_cap: int) -> None:
    """Let `agency` count and follow the others, each for a country and with a grant, under one new register."""
    members = [
        Member(node=node.name, root_sha256=node.founded.root_sha256, country=country)
        for node, country, _ in others
    ]
    agency.trust.revise_members(
        lambda old: replace(old, block_cap=block_cap, members=(*old.members, *members)),
        signers=agency.signers,
    )
    with agency.store.write() as unit:
        for node, _, grant in others:
            unit.peers.add(_peer(agency, node, grant))


def _peer(agency: Agency, node: FoundedNode, grant: Grant) -> PeerRecord:
    fetched = node.fetched()
    return PeerRecord(
        name=node.name,
        url=fetched.url,
        trust=fetched.trust,
        serial=node.trust.document().serial,
        grant=json.dumps(grant.to_json()),
        added_ms=milliseconds(agency.clock.now()),
        confirmed_ms=milliseconds(agency.clock.now()),
    )
