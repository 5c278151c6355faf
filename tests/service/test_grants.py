"""What widens, and what one person may do alone."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from node.access.grants import (
    Grants,
    PartnerTerms,
    carry_out_grant,
    carry_out_quota,
    first_part,
    grant_payload,
    grant_words,
    quota_payload,
    widens,
)
from node.errors import ForbiddenError, NotFoundError
from node.judgement.coverage import difference
from node.judgement.fold import listings_of
from node.lists.corrections.amend import Amendment, amend
from node.lists.corrections.dispute import dispute
from node.lists.corrections.erase import carry_out
from node.lists.corrections.shred import prepare, shred
from node.lists.corrections.withdraw import withdraw
from node.store.accounts.records import Approval
from node.store.store import Store
from protocol.digest import Algorithm
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Basis, Reason
from protocol.lists.grant import NOTHING, Grant
from support.cheap_node import follow
from support.records import partner_record
from support.stores import Agency, file_digests, rows, sha256_digest
from support.times import SettableClock

NOW = datetime(2027, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
BOTH = frozenset({BASELINE, NATIONAL})
ALL = Grant(collections=BOTH)
BASE = Grant(collections=frozenset({BASELINE}))
MD5 = frozenset({Algorithm.MD5})


def approved(payload: bytes) -> Approval:
    return Approval(id=1, kind="", subject="", payload=payload, requested_by="alice", requested_ms=0)


def granted(store: Store, grant: str) -> Grants:
    follow(store, "nl.example", grant=grant)
    return Grants(store, SettableClock(NOW))


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        (BASE, BASE, False),
        (BASE, ALL, True),
        (ALL, BASE, False),
        (NOTHING, BASE, True),
        (ALL, NOTHING, False),
        (BASE, Grant(collections=frozenset({NATIONAL})), True),
        (BASE, replace(BASE, until=LATER), False),
        (replace(BASE, until=LATER), BASE, True),
        (replace(BASE, until=NOW), replace(BASE, until=LATER), True),
        (replace(BASE, until=LATER), replace(BASE, until=NOW), False),
        (BASE, replace(BASE, algorithms=MD5), False),
        (replace(BASE, algorithms=MD5), BASE, True),
        (replace(BASE, algorithms=MD5), replace(BASE, algorithms=frozenset({Algorithm.SHA1})), True),
        (replace(BASE, algorithms=MD5 | {Algorithm.SHA1}), replace(BASE, algorithms=MD5), False),
        (replace(ALL, until=LATER), replace(BASE, until=None), True),
    ],
)
def test_what_is_wider(old: Grant, new: Grant, wider: bool) -> None:
    assert widens(old, new) is wider


@pytest.mark.threat("one person")
def test_one_person_narrows_and_does_not_widen(store: Store) -> None:
    grants = granted(store, '{"collections":["baseline"],"algorithms":null,"until":null}')
    with pytest.raises(ForbiddenError):
        grants.narrow("nl.example", ALL)
    assert grants.get("nl.example") == BASE
    grants.narrow("nl.example", replace(BASE, until=LATER))
    assert grants.get("nl.example").until == LATER
    with pytest.raises(NotFoundError):
        grants.narrow("be.example", NOTHING)


@pytest.mark.parametrize("damaged", ["", "{}", '{"collections":["baseline"],"algorithms":null,"until":"x"}'])
def test_a_grant_that_cannot_be_read_is_nothing_so_any_is_wider(store: Store, damaged: str) -> None:
    grants = granted(store, damaged)
    assert grants.get("nl.example") == NOTHING
    with pytest.raises(ForbiddenError):
        grants.narrow("nl.example", BASE)


def test_a_grant_that_ended_is_nothing(store: Store) -> None:
    grants = granted(
        store, '{"collections":["baseline"],"algorithms":null,"until":"2027-03-01T00:00:00+00:00"}'
    )
    assert grants.widens("nl.example", replace(BASE, until=LATER))


def test_an_approved_grant_is_carried_out(store: Store) -> None:
    grants = granted(store, "{}")
    wanted = replace(ALL, algorithms=MD5, until=LATER)
    with store.write() as unit:
        said = carry_out_grant(unit, approved(grant_payload("nl.example", wanted)))
    assert grants.get("nl.example") == wanted
    assert said == "nl.example may read baseline, national (md5 only) until 2027-03-31 00:00 UTC here"
    with store.write() as unit, pytest.raises(NotFoundError):
        carry_out_grant(unit, approved(grant_payload("be.example", wanted)))


def test_grants_in_words() -> None:
    assert grant_words(NOTHING) == "nothing without end"
    assert first_part(replace(ALL, until=LATER)) == replace(BASE, until=LATER)


def test_a_quota_is_lowered_by_one_and_raised_by_two(store: Store) -> None:
    with store.write() as unit:
        unit.partners.add(partner_record())
    terms = PartnerTerms(store)
    terms.lower("hoster", 9_000)
    with pytest.raises(ForbiddenError):
        terms.lower("hoster", 9_001)
    with store.write() as unit:
        carry_out_quota(unit, approved(quota_payload("hoster", 50_000)))
    with store.read() as unit:
        assert unit.partners.get("hoster").evaluations_per_day == 50_000
    with pytest.raises(NotFoundError):
        terms.lower("stranger", 1)


@pytest.mark.both_databases
def test_what_another_grant_opens_is_what_lists_say_when_they_are_folded(agency: Agency) -> None:
    """Also of what was withdrawn, disputed, amended or shredded, published or not."""
    store, origin = agency.store, agency.origin
    follow(store, "nl.example")
    agency.add(rows("a", "b", "c", "d"))
    agency.add(rows("e", "f", collection=NATIONAL))
    agency.publish()
    withdraw(store, origin, file_digests("a")[0], reason=Reason.OTHER)
    dispute(store, origin, [sha256_digest("x")], collection=BASELINE)
    amend(store, origin, file_digests("b")[0], Amendment(basis=Basis.REVIEWED).revise)
    shred(store, origin, prepare(store, origin, file_digests("c")[0]).position, reason=Reason.ERROR)
    agency.publish()
    carry_out(store, origin, now_ms=agency.now_ms)
    withdraw(store, origin, file_digests("e")[0], reason=Reason.OTHER)
    agency.add(rows("g"))
    said = Counter(
        (entry.collection, entry.digest.algorithm)
        for entry in next(listings_of(store, agency.log)).entries.values()
    )
    assert said.total() == 8
    assert difference(store, "nl.example", ALL, now=NOW) == (said, {})
