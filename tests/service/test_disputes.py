"""Disputes, resolves and reaffirmations on own lists, as events and as what the quorum makes of them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keys.trust.members import Member, Members
from node.errors import AlreadyExistsError, ConflictError, NotFoundError, UsageError
from node.judgement.effective import Current
from node.judgement.reaffirm import Reaffirmed, reaffirm
from node.lists.catalogue import create_list, list_origin, report_list
from node.lists.corrections.amend import Amendment, amend, amend_at
from node.lists.corrections.dispute import Disputed, dispute, resolve, resolve_at
from node.lists.corrections.withdraw import withdraw
from node.lists.imports.intake import Statement, import_rows
from node.lists.lookup import Finder
from node.lists.publish import publish
from node.lists.queue import Queue
from protocol.digest import Digest
from protocol.judgement.blocks import Standing, StandingBlock
from protocol.lists.event import BASELINE, NATIONAL, Event, Op
from protocol.lists.ext import Basis, EntryRef, Reason
from protocol.lists.listing import BlockKind, Listing, fold
from protocol.lists.opening import Opening
from support.lists import digest
from support.stores import OWN, Agency, check_whole, file_digests, row, rows, sha256_digest
from support.whole import current

CAP, MANY = 3, 200
MEMBERS = Members(
    version=1,
    k=2,
    block_cap=CAP,
    members=tuple(
        Member(
            node=f"{code}.example",
            root_sha256=code.encode() * 16,
            country=code.upper(),
            authority_for=frozenset(),
        )
        for code in ("de", "fr", "nl", "us")
    ),
)
REVIEWED = Statement(basis=Basis.REVIEWED, criteria=2)
FILE = file_digests("some file")


def published(agency: Agency) -> Listing:
    agency.publish()
    check_whole(agency)
    return fold(agency.origin, agency.items())


def judged(agency: Agency, members: Members = MEMBERS) -> Current:
    now = datetime.fromtimestamp(agency.now_ms / 1000, UTC)
    return current(agency.store, members, now=now, max_age=timedelta(days=1))


def effective(agency: Agency) -> set[Digest]:
    return {found for _, found in judged(agency).decision.effective}


def blocks(agency: Agency) -> list[StandingBlock]:
    return list(judged(agency).decision.blocks)


def refs(agency: Agency, *digests: Digest) -> dict[Digest, list[EntryRef]]:
    return {block.digest: [block.ref] for block in blocks(agency) if block.digest in digests}


class Neighbour:
    """Another agency whose list this node happens to hold as its own: what counts is the node in its origin."""

    def __init__(self, host: Agency, code: str) -> None:
        self.host = host
        self.origin = list_origin(f"{code}.example", "csam")
        create_list(host.store, f"{code}.example", "csam")

    def add(self, digests: Iterable[Digest], statement: Statement = OWN) -> None:
        incoming = [row("", digests=tuple(digests))]
        import_rows(self.host.store, self.origin, incoming, statement=statement, now_ms=self.host.now_ms)

    def publish(self) -> None:
        self.host.now_ms += 1000
        publish(self.host.store, self.origin, signer=self.host.signer, now_ms=self.host.now_ms)


@pytest.fixture
def agreed(agency: Agency) -> tuple[Agency, Neighbour, Neighbour]:
    """France and the Netherlands list a file; the United States have an empty list."""
    agency.publish([row("some file")])
    nl, us = Neighbour(agency, "nl"), Neighbour(agency, "us")
    nl.add(FILE)
    nl.publish()
    return agency, nl, us


World = tuple[Agency, Neighbour, Neighbour]


class TestDispute:
    def test_needs_no_entry_of_its_own_and_takes_the_collections_of_others(self, agreed: World) -> None:
        agency, nl, us = agreed
        incoming = [row("some file", collection=NATIONAL)]
        import_rows(agency.store, nl.origin, incoming, statement=OWN, now_ms=agency.now_ms)
        done = dispute(agency.store, us.origin, [FILE[0]])
        assert done == Disputed(digests=1, positions=(0, 1))
        us.publish()
        items = agency.items(us.origin)
        headers = [Event.from_bytes(event).header for _, event, _ in items]
        assert [(header.op, header.collection, header.ref) for header in headers] == [
            (Op.DISPUTE, BASELINE, 0),
            (Op.DISPUTE, NATIONAL, 0),
        ]
        openings = [Opening.from_bytes(opening) for _, _, opening in items if opening]
        assert {(each.digest, each.ext.reason) for each in openings} == {(FILE[0], Reason.ERROR)}
        assert len({each.nonce for each in openings}) == 2

    def test_blocks_everywhere_until_it_is_resolved(self, agreed: World) -> None:
        agency, _, us = agreed
        assert effective(agency) == set(FILE)
        dispute(agency.store, us.origin, FILE)
        assert effective(agency) == set(FILE), "what waits is nobody's business"
        us.publish()
        assert effective(agency) == set()
        assert resolve(agency.store, us.origin, FILE).positions == (2, 3)
        us.publish()
        assert effective(agency) == set(FILE)
        assert blocks(agency) == []

    @pytest.mark.parametrize("is_published", [False, True], ids=["waiting", "published"])
    def test_once(self, agreed: World, is_published: bool) -> None:
        agency, _, us = agreed
        dispute(agency.store, us.origin, FILE[:1])
        if is_published:
            us.publish()
        with pytest.raises(AlreadyExistsError):
            dispute(agency.store, us.origin, FILE[:1])
        assert dispute(agency.store, us.origin, FILE) == Disputed(digests=1, positions=(1,), passed_over=1)
        resolve(agency.store, us.origin, FILE)
        assert dispute(agency.store, us.origin, FILE).digests == 2, "it may be disputed again"

    def test_what_was_withdrawn_for_error_is_blocked_already(self, agreed: World) -> None:
        agency, _, _ = agreed
        withdraw(agency.store, agency.origin, FILE[0], reason=Reason.ERROR)
        with pytest.raises(AlreadyExistsError):
            dispute(agency.store, agency.origin, FILE)
        agency.add([row("another file")])
        withdraw(agency.store, agency.origin, file_digests("another file")[0], reason=Reason.LEGAL)
        assert dispute(agency.store, agency.origin, file_digests("another file")).digests == 2

    def test_of_what_nobody_lists_needs_a_collection(self, agency: Agency) -> None:
        unknown = sha256_digest("a file that nobody lists")
        with pytest.raises(NotFoundError):
            dispute(agency.store, agency.origin, [unknown])
        dispute(agency.store, agency.origin, [unknown], collection=NATIONAL)
        (block,) = published(agency).blocks
        assert (block.digest, block.kind) == (unknown, BlockKind.DISPUTE)

    def test_is_no_entry(self, agreed: World) -> None:
        agency, _, us = agreed
        dispute(agency.store, us.origin, FILE)
        assert report_list(agency.store, us.origin).active == {}
        with pytest.raises(NotFoundError):
            withdraw(agency.store, us.origin, FILE[0], reason=Reason.OTHER)
        us.add(FILE)
        assert agency.log_of(us.origin).tail == 2, "what it disputes it does not list"
        resolve(agency.store, us.origin, FILE)
        us.add(FILE)
        assert report_list(agency.store, us.origin).active == {BASELINE: 2}

    def test_of_an_own_entry_leaves_the_entry(self, agency: Agency) -> None:
        agency.add([row("some file")])
        dispute(agency.store, agency.origin, FILE[:1])
        withdraw(agency.store, agency.origin, FILE[0], reason=Reason.OTHER)
        found = published(agency)
        assert (len(found.entries), len(found.blocks), set(found.withdrawn)) == (0, 1, {0, 1})

    def test_survives_an_import_in_between(self, agreed: World, monkeypatch: pytest.MonkeyPatch) -> None:
        agency, _, us = agreed
        commit, meanwhile = Queue.commit, ["once", "twice"]

        def overtaken(queue: Queue, unit: object) -> None:
            if meanwhile:
                raise ConflictError(meanwhile.pop())
            commit(queue, unit)  # type: ignore[arg-type]  # handed on

        monkeypatch.setattr(Queue, "commit", overtaken)
        before = set(agency.store.objects.ls("pending/"))
        assert dispute(agency.store, us.origin, FILE).positions == (0, 1)
        assert len(set(agency.store.objects.ls("pending/")) - before) == 1, (
            "lost attempts left objects behind"
        )

    def test_only_on_an_own_list(self, agency: Agency, other: Agency) -> None:
        other.publish([row("some file")])
        agency.pull(other)
        with pytest.raises(UsageError):
            dispute(agency.store, other.origin, FILE)
        with pytest.raises(UsageError):
            resolve(agency.store, other.origin, FILE)

    def test_two_digests_with_one_look_up_key_are_told_apart(
        self, agency: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(type(agency.store.vault), "key_of", lambda *_: 7)
        agency.add(rows("first file", "second file"))
        first, second = file_digests("first file"), file_digests("second file")
        with agency.store.write() as unit:
            # A collision cannot be made otherwise.
            unit.entries._connection.exec_driver_sql("UPDATE entry_index SET key = 7")
        with agency.store.read() as unit:
            finder = Finder(agency.store, unit)
            assert [found.hit.position for found in finder.find(first)] == [0, 1]
            assert finder.same_file([second[0]]) == set(second)


class TestResolve:
    def test_by_place(self, agreed: World) -> None:
        agency, _, us = agreed
        dispute(agency.store, us.origin, FILE)
        assert resolve_at(agency.store, us.origin, 1) == Disputed(digests=1, positions=(2,))
        with pytest.raises(NotFoundError):
            resolve_at(agency.store, us.origin, 1)
        with pytest.raises(NotFoundError):
            resolve_at(agency.store, us.origin, 2)
        with pytest.raises(NotFoundError):
            resolve_at(agency.store, agency.origin, 0)
        us.publish()
        found = fold(us.origin, agency.items(us.origin)).blocks
        assert [(block.index, block.ended_by) for block in found] == [(0, ()), (1, (2,))]

    def test_only_its_own(self, agreed: World) -> None:
        agency, _, us = agreed
        dispute(agency.store, us.origin, FILE)
        with pytest.raises(NotFoundError):
            resolve(agency.store, agency.origin, FILE)


class TestCap:
    def test_of_many_disputes_only_the_first_apply(self, agency: Agency) -> None:
        names = [f"file {number}" for number in range(MANY)]
        digests = [digest(name) for name in names]
        incoming = [row("", line=at, digests=[each]) for at, each in enumerate(digests, 2)]
        agency.publish(incoming)
        nl, us = Neighbour(agency, "nl"), Neighbour(agency, "us")
        import_rows(agency.store, nl.origin, incoming, statement=OWN, now_ms=agency.now_ms)
        nl.publish()
        dispute(agency.store, us.origin, digests)
        us.publish()
        decision = judged(agency).decision
        assert len(decision.effective) == MANY - CAP
        standing = [block.standing for block in decision.blocks]
        assert standing == [Standing.APPLIES] * CAP + [Standing.OVER_CAP] * (MANY - CAP)
        resolve(agency.store, us.origin, [decision.blocks[0].digest])
        us.publish()
        assert len(effective(agency)) == MANY - CAP, "the next one takes the free place"


class TestReaffirm:
    def test_k_other_countries_overrule_a_block(self, agreed: World) -> None:
        agency, nl, us = agreed
        dispute(agency.store, us.origin, FILE)
        us.publish()
        for origin, now in ((agency.origin, agency), (nl.origin, nl)):
            assert effective(agency) == set()
            done = reaffirm(
                agency.store, origin, refs(agency, *FILE), statement=REVIEWED, collection=BASELINE, now_ms=1
            )
            assert done == Reaffirmed(added=0, amended=2, unchanged=0)
            now.publish()
        assert effective(agency) == set(FILE)
        assert {block.standing for block in blocks(agency)} == {Standing.LIFTED}
        again = reaffirm(
            agency.store, nl.origin, refs(agency, *FILE), statement=REVIEWED, collection=BASELINE, now_ms=1
        )
        assert again == Reaffirmed(added=0, amended=0, unchanged=2)

    def test_of_what_the_list_does_not_have_it_adds(self, agreed: World) -> None:
        agency, _, us = agreed
        dispute(agency.store, us.origin, FILE)
        us.publish()
        de = Neighbour(agency, "de")
        done = reaffirm(
            agency.store, de.origin, refs(agency, *FILE), statement=REVIEWED, collection=BASELINE, now_ms=1
        )
        assert done == Reaffirmed(added=2, amended=0, unchanged=0)
        de.publish()
        entries = fold(de.origin, agency.items(de.origin)).entries.values()
        assert {(e.digest, e.ext.basis, e.ext.criteria) for e in entries} == {
            (d, Basis.REVIEWED, 2) for d in FILE
        }
        assert {e.ext.reaffirms for e in entries} == {
            (ref,) for found in refs(agency, *FILE).values() for ref in found
        }
        assert len({e.ext.content_id for e in entries}) == 1

    def test_an_entry_that_relied_on_others_becomes_own_knowledge(self, agreed: World) -> None:
        agency, _, us = agreed
        dispute(agency.store, us.origin, FILE)
        us.publish()
        de = Neighbour(agency, "de")
        de.add(FILE, Statement(criteria=1, relies_on="an export"))
        reaffirm(
            agency.store, de.origin, refs(agency, *FILE), statement=REVIEWED, collection=BASELINE, now_ms=1
        )
        de.publish()
        entries = fold(de.origin, agency.items(de.origin)).entries.values()
        assert {(e.ext.basis, e.ext.criteria, e.ext.relies_on) for e in entries} == {
            (Basis.REVIEWED, 2, None)
        }

    def test_keeps_what_an_entry_said_and_overruled_before(self, agreed: World) -> None:
        agency, _, us = agreed
        amend(agency.store, agency.origin, FILE[0], Amendment(illegal_in=frozenset({"FR"})).revise)
        de = Neighbour(agency, "de")
        for one in (us, de):
            dispute(agency.store, one.origin, FILE[:1])
            one.publish()
            found = {FILE[0]: [block.ref for block in blocks(agency) if block.ref.origin == one.origin]}
            reaffirm(agency.store, agency.origin, found, statement=REVIEWED, collection=BASELINE, now_ms=1)
        entry = published(agency).entries[0]
        assert [ref.origin for ref in entry.ext.reaffirms] == [de.origin, us.origin]
        assert (entry.ext.legality, entry.ext.basis, entry.ext.criteria) == (("FR",), Basis.OWN, 1)

    def test_an_error_withdrawal_blocks_once_and_is_overruled_as_one(self, agreed: World) -> None:
        agency, nl, us = agreed
        us.add(FILE)
        incoming = [row("some file", collection=NATIONAL)]
        import_rows(agency.store, us.origin, incoming, statement=OWN, now_ms=1)
        withdraw(agency.store, us.origin, FILE[0], reason=Reason.ERROR)
        us.publish()
        assert sorted(len(block.refs) for block in blocks(agency)) == [2, 2]
        for one in (agency, nl):
            reaffirm(
                agency.store, one.origin, refs(agency, *FILE), statement=OWN, collection=BASELINE, now_ms=1
            )
            one.publish()
        assert effective(agency) == set(FILE)

    @pytest.mark.parametrize(
        ("origin", "statement"),
        [("fr", Statement(criteria=1)), ("us", REVIEWED)],
        ids=["relying on others", "its own block"],
    )
    def test_nobody_overrules_without_knowledge_or_himself(
        self, agreed: World, origin: str, statement: Statement
    ) -> None:
        agency, _, us = agreed
        dispute(agency.store, us.origin, FILE)
        us.publish()
        with pytest.raises(UsageError):
            reaffirm(
                agency.store,
                list_origin(f"{origin}.example", "csam"),
                refs(agency, *FILE),
                statement=statement,
                collection=BASELINE,
                now_ms=1,
            )

    def test_what_a_list_withdrew_it_does_not_take_back_by_this(self, agreed: World) -> None:
        agency, _, us = agreed
        dispute(agency.store, us.origin, FILE)
        us.publish()
        withdraw(agency.store, agency.origin, FILE[0], reason=Reason.ERROR)
        with pytest.raises(UsageError, match="withdrew this hash itself"):
            reaffirm(
                agency.store,
                agency.origin,
                {
                    found: [ref for ref in named if ref.origin == us.origin]
                    for found, named in refs(agency, *FILE).items()
                },
                statement=REVIEWED,
                collection=BASELINE,
                now_ms=1,
            )

    def test_an_entry_names_so_many_blocks_and_no_more(self, agency: Agency) -> None:
        agency.add([row("some file")])
        many = [EntryRef("us.example/lists/csam", number, bytes(32)) for number in range(17)]
        with pytest.raises(UsageError, match="at most 16"):
            reaffirm(
                agency.store,
                agency.origin,
                {FILE[0]: many},
                statement=REVIEWED,
                collection=BASELINE,
                now_ms=1,
            )


class TestAmend:
    def test_an_entry_at_a_place_alone(self, agency: Agency) -> None:
        agency.add([row("some file")])
        assert amend_at(agency.store, agency.origin, 1, Amendment(criteria=3).revise).positions == (1,)
        assert [entry.ext.criteria for entry in published(agency).entries.values()] == [1, 3]

    def test_what_is_said_twice_is_said_once(self, agency: Agency) -> None:
        agency.add([row("some file")])
        change = Amendment(criteria=3).revise
        assert amend(agency.store, agency.origin, FILE[0], change).entries == 2
        assert amend(agency.store, agency.origin, FILE[1], change).entries == 0, "waiting amends are known"
        agency.publish()
        assert amend(agency.store, agency.origin, FILE[1], change).unchanged == 2
        assert agency.log.tail == 4

    def test_ends_with_the_entry(self, agency: Agency) -> None:
        agency.add([row("some file")])
        withdraw(agency.store, agency.origin, FILE[0], reason=Reason.OTHER)
        with pytest.raises(NotFoundError):
            amend(agency.store, agency.origin, FILE[0], Amendment(criteria=3).revise)
        with pytest.raises(NotFoundError):
            amend_at(agency.store, agency.origin, 0, Amendment(criteria=3).revise)

    def test_cannot_change_the_content_id(self, agency: Agency) -> None:
        agency.add([row("some file")])
        before = {entry.ext.content_id for entry in published(agency).entries.values()}
        amend(
            agency.store,
            agency.origin,
            FILE[0],
            lambda _, ext: replace(ext, content_id=bytes(16), criteria=9),
        )
        found = published(agency).entries.values()
        assert {entry.ext.content_id for entry in found} == before
        assert {entry.ext.criteria for entry in found} == {9}
        for _, _, opening in agency.items()[2:]:
            assert opening is not None
            assert Opening.from_bytes(opening).ext.content_id is None

    def test_own_knowledge_drops_the_source_and_reliance_takes_one(self, agency: Agency) -> None:
        agency.add([row("some file")], Statement(criteria=1, relies_on="an export"))
        amend(agency.store, agency.origin, FILE[0], Amendment(basis=Basis.REVIEWED).revise)
        assert {e.ext.relies_on for e in published(agency).entries.values()} == {None}
        change = Amendment(basis=Basis.RELIES_ON, relies_on="a supplier").revise
        amend(agency.store, agency.origin, FILE[0], change)
        assert {(e.ext.basis, e.ext.relies_on) for e in published(agency).entries.values()} == {
            (Basis.RELIES_ON, "a supplier")
        }

    def test_a_statement_that_has_no_encoding_is_refused(self, agency: Agency) -> None:
        agency.add([row("some file")])
        with pytest.raises(UsageError):
            amend(
                agency.store,
                agency.origin,
                FILE[0],
                Amendment(relies_on="x" * 65, basis=Basis.RELIES_ON).revise,
            )
        assert agency.log.tail == 2
