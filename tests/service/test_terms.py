"""What of an opened node ends, where a name could not say: recipients' grants and keys, and who is told of them."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from node.access.stored_grant import KEY_LIFE
from node.app.expiry import findings
from node.app.health.storage import Storage
from node.app.metrics import facts
from node.clock import milliseconds
from node.rotation.store import write_store
from node.store.partners.records import RecipientRecord
from node.trust.expiry import TermState, Thing
from protocol.lists.event import BASELINE
from protocol.lists.grant import Grant
from support.real_home import real_home
from support.times import SettableClock

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KEY, GRANT = Thing.RECIPIENT_KEY, Thing.RECIPIENT


@pytest.mark.parametrize(
    ("keyed", "until", "told"),
    [
        pytest.param(None, 300, {GRANT: TermState.GOOD}, id="no key yet"),
        pytest.param(0, 300, {GRANT: TermState.GOOD}, id="the key outlives the grant"),
        pytest.param(-100, 300, {GRANT: TermState.GOOD, KEY: TermState.GOOD}, id="a grant that was renewed"),
        pytest.param(-200, 300, {GRANT: TermState.GOOD, KEY: TermState.LATE}, id="past half of its life"),
        pytest.param(-366, 300, {GRANT: TermState.GOOD, KEY: TermState.ENDED}, id="ended"),
    ],
)
def test_a_recipients_key_is_told_of_where_it_ends_before_its_grant(
    tmp_path: Path, keyed: int | None, until: int, told: dict[Thing, TermState]
) -> None:
    identity = real_home(tmp_path, SettableClock(NOW))
    grant = Grant(collections=frozenset({BASELINE}), until=NOW + until * DAY)
    record = RecipientRecord(
        name="hotline", purpose="", grant=json.dumps(grant.to_json()), added_ms=milliseconds(NOW - 400 * DAY)
    )
    with write_store(identity) as store:
        with store.write() as unit:
            unit.recipients.add(record)
            if keyed is not None:
                now_ms = milliseconds(NOW + keyed * DAY)
                unit.recipients.set_key("hotline", os.urandom(32), now_ms=now_ms, keep_until_ms=0)
        found = {each.term.thing: each for each in findings(identity, store) if each.term.of == "hotline"}
        measured = {
            gauge.name: gauge.values
            for gauge in facts(identity, store, Storage(identity, store), "libsodium")
        }["sigfed_expiry_seconds"]
    assert {thing: each.standing for thing, each in found.items()} == told
    assert not any("hotline" in label for labels in measured for label in labels)
    if KEY in told and keyed is not None:
        left = (KEY_LIFE + keyed * DAY).total_seconds()
        assert measured["key_of_a_recipient", ""] == left
