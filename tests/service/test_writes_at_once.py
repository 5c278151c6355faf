"""What is decided by rows that somebody else is about to change, on both databases: as if one came after the other."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from keys.key import StatementPrivateKey
from node.access import grants, persons
from node.access.disclosure import DisclosureTerms, disclosure_payload
from node.access.grants import Grants, PartnerTerms, grant_payload
from node.access.invitations import Invitations
from node.access.stored_grant import stored_grant
from node.app import approvals
from node.clock import system_entropy
from node.errors import ConflictError, ForbiddenError, RateLimitedError, UsageError
from node.fields import dumped
from node.lists.catalogue import MOST_BEGUN, create_list
from node.lists.corrections.shred import prepare, shred
from node.lists.tombstones import TombstoneFilter
from node.objects import kept_proposals
from node.objects.kept_proposals import erase_proposed, kept_proposal
from node.partners.proposals import intake
from node.partners.proposals.intake import TakingProposals
from node.partners.proposals.review import refuse
from node.recipients import accreditation
from node.recipients.accreditation import Recipients, Wanted, recipient_payload
from node.store.accounts.records import PersonRole, Request
from node.store.home_copy import HomeCopyRecord
from node.store.lists.logs import LogRows
from node.store.lists.records import LogKind, Tombstone
from node.store.partners.partners import PartnerRows
from node.store.partners.proposals import ProposalRows
from node.store.partners.records import Allowance, DisclosureRecord
from node.store.peers.acknowledgements import JudgedRows
from node.store.peers.records import CosignerRecord, HeardHead, Reached
from node.store.store import Store
from node.store.unit import Unit
from node.subsets.catalogue import create_subset
from protocol.digest import Algorithm
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Reason
from protocol.lists.grant import NOTHING, Grant
from protocol.statement.proposal_state import FileState
from protocol.subset.filter import SubsetFilter
from support.cheap_node import CheapNode, follow
from support.hits import HOSTER, SUBSET
from support.lists import digest
from support.persons import NOW, PASS, add_two, all_of, made, make_persons
from support.proposed import proposal_of
from support.records import partner_record
from support.releases import ReleasingAgency
from support.stores import Agency, file_digests, rows
from support.times import SettableClock

pytestmark = pytest.mark.both_databases

PEER, HOTLINE, ORIGIN = "nl.example", "hotline", "fr.example/lists/csam"
CLOCK = SettableClock(NOW)
LATER = NOW + timedelta(days=30)
BASE, MORE = (Grant(collections=frozenset(each), until=LATER) for each in ({BASELINE}, {BASELINE, NATIONAL}))

Meet = Callable[..., None]


@pytest.fixture
def meet(monkeypatch: pytest.MonkeyPatch) -> Meet:
    """Lets a second act begin when the first has read something, and end before that goes on unless it has to wait."""

    def together(
        owner: object,
        reads: str,
        first: Callable[[], object],
        second: Callable[[], object],
        *,
        after: int = 1,
    ) -> None:
        real, calls, begun = getattr(owner, reads), count(1), list[Future[object]]()
        with ThreadPoolExecutor(1) as pool:

            def read(*args: Any, **kwargs: Any) -> Any:
                found = real(*args, **kwargs)
                if next(calls) == after:
                    begun.append(pool.submit(second))
                    wait(begun, timeout=0.2)
                return found

            monkeypatch.setattr(owner, reads, read)
            first()
            with suppress(ConflictError, ForbiddenError, RateLimitedError, UsageError):
                begun[0].result()

    return together


@pytest.mark.threat("one person")
def test_who_takes_less_away_gives_back_nothing_that_another_took(store: Store, meet: Meet) -> None:
    follow(store, PEER, grant=dumped(MORE.to_json()).decode())
    held = Grants(store, CLOCK)
    meet(grants, "widens", lambda: held.narrow(PEER, BASE), lambda: held.narrow(PEER, NOTHING))
    assert held.get(PEER) == NOTHING


@pytest.mark.threat("one person")
def test_likewise_of_a_recipient(store: Store, meet: Meet) -> None:
    recipients = Recipients(store, CLOCK)
    with store.write() as unit:
        recipients.carry_out_add(unit, made(recipient_payload(Wanted(name=HOTLINE, grant=MORE, purpose=""))))
    least = Grant(collections=frozenset({BASELINE}), until=NOW + timedelta(days=1))
    meet(
        accreditation,
        "widens",
        lambda: recipients.narrow(HOTLINE, BASE),
        lambda: recipients.narrow(HOTLINE, least),
    )
    assert stored_grant(recipients.get(HOTLINE)) == least


@pytest.mark.threat("one person")
def test_likewise_of_a_partner(store: Store, meet: Meet) -> None:
    with store.write() as unit:
        unit.partners.add(partner_record())
    terms = PartnerTerms(store)
    meet(PartnerRows, "get", lambda: terms.lower(HOSTER, 50), lambda: terms.lower(HOSTER, 10))
    with store.read() as unit:
        assert unit.partners.get(HOSTER).evaluations_per_day == 10


@pytest.mark.threat("one person")
def test_an_approval_gives_back_nothing_that_was_taken_meanwhile(
    store: Store, meet: Meet, tmp_path: Path
) -> None:
    identity = CheapNode.founded(tmp_path / "node").identity()
    clock = identity.clock
    add_two(make_persons(store, clock))
    follow(store, PEER, grant=dumped(BASE.to_json()).decode())
    request = Request(kind="peer.grant", subject="", payload=grant_payload(PEER, MORE))
    asked = approvals.ask(identity, store, request, by="alice")
    held = Grants(store, clock)
    meet(
        approvals,
        "_require_unchanged",
        lambda: approvals.approve(identity, store, asked.id, by="bruno"),
        lambda: held.narrow(PEER, NOTHING),
        after=2,  # first before it is decided
    )
    assert held.get(PEER) == NOTHING


@pytest.mark.threat("one person")
def test_an_approval_lets_a_partner_show_no_more_than_somebody_left_it_meanwhile(
    store: Store, meet: Meet, tmp_path: Path
) -> None:
    identity = CheapNode.founded(tmp_path / "node").identity()
    terms = DisclosureTerms(store, identity.clock)
    add_two(make_persons(store, identity.clock))
    some = Allowance(level=0, level_ms=0, month="", used=0)
    with store.write() as unit:
        unit.partners.add(partner_record())
        unit.disclosure.put(DisclosureRecord(partner=HOSTER, values_per_day=3, allowance=some))
    request = Request(kind="partner.disclose", subject="", payload=disclosure_payload(HOSTER, 5))
    asked = approvals.ask(identity, store, request, by="alice")
    meet(
        approvals,
        "_require_unchanged",
        lambda: approvals.approve(identity, store, asked.id, by="bruno"),
        lambda: terms.lower(HOSTER, 0),
        after=2,  # first before it is decided
    )
    assert terms.get(HOSTER).values_per_day == 0


@pytest.mark.threat("one person")
@pytest.mark.parametrize("by_token", [False, True], ids=["added", "by token"])
def test_the_first_two_persons_are_two(store: Store, meet: Meet, *, by_token: bool) -> None:
    known = make_persons(store, CLOCK)
    known.add("alice", PersonRole.OPERATOR, PASS["alice"])
    invitations = Invitations(store, CLOCK, system_entropy, known)
    tokens = {name: invitations.make().text for name in ("bruno", "carla")}

    def come(name: str) -> object:
        if by_token:
            return invitations.introduce(tokens[name], name, PersonRole.OPERATOR, PASS[name])
        return known.add(name, PersonRole.OPERATOR, PASS[name])

    meet(persons, "two_decide", lambda: come("bruno"), lambda: come("carla"))
    assert [each.name for each in all_of(known)] == ["alice", "bruno"]


def test_two_make_no_more_lists_at_once_than_one_after_the_other(store: Store, meet: Meet) -> None:
    for number in range(MOST_BEGUN - 1):
        create_list(store, "fr.example", f"list-{number}")
    one, other = (
        (lambda: create_list(store, "fr.example", "one")),
        (lambda: create_list(store, "fr.example", "other")),
    )
    meet(LogRows, "ls", one, other)
    with store.read() as unit:
        assert len(unit.logs.ls(LogKind.OWN_LIST)) == MOST_BEGUN


@pytest.fixture
def taking(store: Store) -> TakingProposals:
    """What takes proposals of a partner."""
    wanted = SubsetFilter(
        collections=frozenset({BASELINE}), algorithms=frozenset({Algorithm.MD5}), screen_bits=12, labels=True
    )
    create_subset(store, "fr.example", SUBSET, wanted, pk=bytes(32), now_ms=0)
    return TakingProposals(
        store, CLOCK, node="fr.example", signer=lambda: StatementPrivateKey.from_seed(bytes(32))
    )


def test_a_partner_proposes_as_much_a_day_as_one_after_the_other(
    store: Store, meet: Meet, taking: TakingProposals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_PROPOSALS_A_DAY", 1)
    first, second = (proposal_of(name).to_bytes() for name in ("a", "b"))
    meet(
        ProposalRows,
        "received_since",
        lambda: taking.take(HOSTER, SUBSET, first),
        lambda: taking.take(HOSTER, SUBSET, second),
    )
    with store.read() as unit:
        assert len(unit.proposals.ls()) == 1


def test_what_is_decided_while_a_partner_withdraws_keeps_its_hashes(
    store: Store, meet: Meet, taking: TakingProposals
) -> None:
    proposal = proposal_of("a", "b")
    taking.take(HOSTER, SUBSET, proposal.to_bytes())
    with store.read() as unit:
        [record] = unit.proposals.ls()
    meet(
        ProposalRows,
        "files",
        lambda: taking.withdraw(HOSTER, SUBSET, proposal.proposal_id),
        lambda: refuse(store, record, [1], reason="no", now_ms=1),
    )
    with store.read() as unit:
        [record] = unit.proposals.ls()
        refused = [each.number for each in unit.proposals.files(record) if each.state == FileState.REFUSED]
    kept = kept_proposal(store, record).files
    assert all(kept[number - 1] for number in refused)


def test_of_two_that_delete_neither_writes_back_what_the_other_deleted(
    store: Store, meet: Meet, taking: TakingProposals
) -> None:
    taking.take(HOSTER, SUBSET, proposal_of("a", "b", "c").to_bytes())
    gone = [{digest(name, Algorithm.SHA256)} for name in ("a", "b")]
    meet(
        kept_proposals,
        "kept_proposal",
        lambda: erase_proposed(store, gone[0].__contains__),
        lambda: erase_proposed(store, gone[1].__contains__),
        after=2,  # first without a transaction that writes
    )
    with store.read() as unit:
        [record] = unit.proposals.ls()
    assert [file is None for file in kept_proposal(store, record).files] == [True, True, False]


def test_two_that_have_nothing_to_release_may_say_so_at_once(fr: ReleasingAgency, meet: Meet) -> None:
    fr.lists.add(rows("a"))
    fr.release()
    meet(JudgedRows, "note", fr.release_only, fr.release_only)
    assert len(fr.records) == 1


_WRITES: Mapping[str, Callable[[Unit], object]] = {
    "heard": lambda unit: unit.evidence.hear(
        HeardHead(origin=ORIGIN, source=PEER, size=1, root=bytes(32), note=b"", heard_ms=1)
    ),
    "acknowledged": lambda unit: unit.acknowledgements.note_sent(ORIGIN, b"held"),
    "trust acknowledged": lambda unit: unit.trust_acknowledgements.note_sent(PEER, b"held"),
    "cosigned": lambda unit: unit.cosigners.put(
        CosignerRecord(origin=ORIGIN, witness=PEER, asked_ms=1, outcome="cosigned", alarm=True)
    ),
    "copied": lambda unit: unit.home_copy.put(HomeCopyRecord(number=1, sealed=b"sealed")),
    "disclosed": lambda unit: unit.disclosure.put(
        DisclosureRecord(
            partner=HOSTER, values_per_day=1, allowance=Allowance(level=0, level_ms=0, month="", used=0)
        )
    ),
    "named": lambda unit: unit.revocations.name(PEER, bytes(32)),
    "revoked": lambda unit: unit.revocations.put(PEER, version=1, payload=b"{}", envelope=b"{}"),
    "shredded": lambda unit: unit.tombstones.add(
        [Tombstone(mac=bytes(32), log_id=_log(unit), by=1, leaf_hash=bytes(32), blocks=True, created_ms=1)]
    ),
    "reached": lambda unit: unit.withdrawals.note_reached(
        [Reached(log_id=_log(unit), first=0, peer=PEER, held_ms=1, released_ms=None)]
    ),
}


def _log(unit: Unit) -> int:
    return unit.logs.get(ORIGIN).id


@pytest.mark.parametrize("name", _WRITES)
def test_what_takes_the_place_of_a_row_is_written_by_two_at_once(store: Store, name: str) -> None:
    with store.write() as unit:
        unit.partners.add(partner_record())
        unit.logs.create(origin=ORIGIN, kind=LogKind.OWN_LIST, node="fr.example", name="csam")

    def write() -> None:
        with store.write() as unit:
            _WRITES[name](unit)

    with ThreadPoolExecutor(1) as pool:
        with store.write() as unit:
            _WRITES[name](unit)
            other = pool.submit(write)
            wait([other], timeout=0.1)
        other.result()


@pytest.mark.threat("shredded and back")
def test_what_is_listed_while_it_is_shredded_is_known_to_stand(agency: Agency, meet: Meet) -> None:
    other = Agency(agency.store, agency.folder / "other", name="other")
    agency.publish(rows("a file"))
    place = prepare(agency.store, agency.origin, file_digests("a file")[0]).position
    shred(agency.store, agency.origin, place, reason=Reason.ERROR)
    meet(TombstoneFilter, "require_unchanged", lambda: other.add(rows("a file")), agency.publish)
    with agency.store.read() as unit:
        standing = {(each.log_id, each.position) for each in unit.tombstones.still_listed()}
    assert standing == {(other.log.id, at) for at in range(len(file_digests("a file")))}
