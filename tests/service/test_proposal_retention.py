"""For how long a node keeps proposals: a configured time after the last decision, and those that wait for ever."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.app.partners.retention import forget_closed
from node.clock import milliseconds
from node.config import RetentionSettings
from node.identity.identity import Identity
from node.rotation.store import write_store
from node.store.partners.records import FileRecord, ProposalRecord
from node.store.store import Store
from protocol.statement.proposal_state import FileState
from support.real_home import real_home
from support.times import SettableClock
from support.trust import NOW


def proposal(number: int) -> ProposalRecord:
    return ProposalRecord(
        partner="hoster",
        proposal_id=bytes((number,)) * 16,
        subset="baseline",
        claim=0,
        files=1,
        received_ms=number,
        sealed=b"sealed",
    )


def kept(store: Store) -> set[int]:
    with store.read() as unit:
        return {each.received_ms for each in unit.proposals.ls()}


def keeping(identity: Identity, days: int) -> Identity:
    retention = RetentionSettings(proposal_days=days)
    return replace(identity, settings=identity.settings.model_copy(update={"retention": retention}))


@pytest.mark.parametrize(("days", "left"), [(365, {1, 3}), (364, {3}), (0, {1, 2, 3})])
def test_what_was_decided_long_ago_is_deleted(tmp_path: Path, days: int, left: set[int]) -> None:
    identity = keeping(real_home(tmp_path, SettableClock(NOW)), days)
    decided = {1: NOW - timedelta(days=364, hours=1), 2: NOW - timedelta(days=365, hours=1)}
    with write_store(identity) as store:
        with store.write() as unit:
            for number in (1, 2, 3):
                unit.proposals.add(proposal(number))
            for number, moment in decided.items():
                outcome = FileRecord(number=0, state=FileState.TAKEN, decided_ms=milliseconds(moment))
                unit.proposals.decide(proposal(number), [1], outcome)
        assert forget_closed(identity, store) == 3 - len(left)
        assert kept(store) == left
        assert forget_closed(identity, store) == 0
