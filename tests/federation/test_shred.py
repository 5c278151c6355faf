"""Shredding in a federation: nothing is left anywhere, nothing comes back, newcomers follow, a liar gains nothing."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keys.trust.members import Member, Members
from node.errors import NotFoundError, StoreError
from node.judgement.endorse import endorse
from node.judgement.shred_status import EntryPlace, report_shreddings
from node.lists.corrections import erase
from node.lists.corrections.erase import carry_out_everywhere
from node.lists.corrections.shred import prepare, shred
from node.lists.imports.intake import ImportReport, Statement
from node.lists.pace import FollowGuards
from node.peers.sync.sync import Syncer
from node.store.lists.records import Quarantined
from protocol.digest import Algorithm, Digest
from protocol.judgement.blocks import Standing
from protocol.judgement.quorum import Tombstoned
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis, Reason
from support.adversary import ListPeer, follow
from support.digest_search import DigestSearch
from support.federation import Agency, Federation, FoundedNode, check_follows
from support.lists import ListWriter, digest
from support.whole import current

SHA256 = Algorithm.SHA256


def shred_file(agency: Agency, name: str, reason: Reason = Reason.ERROR) -> None:
    plan = prepare(agency.store, agency.origin, digest(name, SHA256))
    shred(agency.store, agency.origin, plan.position, reason=reason)
    agency.publish()


def register(*agencies: FoundedNode) -> Members:
    return Members(
        version=1,
        k=2,
        block_cap=10,
        members=tuple(
            Member(node=each.name, root_sha256=each.founded.root_sha256, country=each.name[:2].upper())
            for each in agencies
        ),
    )


def effective(agency: Agency, *agencies: Agency) -> set[Digest]:
    judged = current(agency.store, register(*agencies), now=agency.clock.now(), max_age=timedelta(days=1))
    return {found for collection, found in judged.decision.effective if collection == BASELINE}


def places(agency: Agency) -> dict[str, bytes]:
    """Everything a node stores: objects as they are and opened, and the files of its database."""
    found = {}
    for name, data in agency.objects.data.items():
        found[name] = data
        try:
            found[f"{name} opened"] = agency.store.vault.unseal(name, data)
        except StoreError:
            continue
    folder = Path(str(agency.store._engine.url.database)).parent
    found |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return found


def remains(agency: Agency, *names: str) -> list[str]:
    """Where a digest, its opening's nonce or its look-up key is found."""
    digests = [digest(name, SHA256) for name in names]
    search = DigestSearch(each.value for each in digests)
    keys = [agency.store.vault.key_of(each).to_bytes(8, signed=True) for each in digests]
    everything = places(agency)
    found = [sighting.place for sighting in search.sightings_in(everything)]
    return found + [place for place, data in everything.items() if any(key in data for key in keys)]


@pytest.mark.threat("shredded and back")
async def test_nothing_is_left_on_any_node(federation: Federation) -> None:
    fr, nl, de = federation.peers("fr", "nl", "de")
    names = [f"file {number}" for number in range(300)]
    for agency in (fr, nl):
        agency.publish(*names)
    await federation.settle()
    assert digest("file 7") in effective(de, fr, nl, de)
    for agency in (fr, nl, de):
        assert remains(agency, "file 7"), "the search finds what is there"
    shred_file(fr, "file 7")
    assert digest("file 7") not in fr.digests(fr.origin)
    assert remains(fr, "file 7"), "the Netherlands still list it"
    await federation.settle()
    shred_file(nl, "file 7")
    await federation.settle()
    for agency in (fr, nl, de):
        assert agency.store.vacuum(), "as the sweep of a running node does"
        assert remains(agency, "file 7") == []
        assert digest("file 8") in agency.digests(fr.origin)
        assert digest("file 7") not in effective(agency, fr, nl, de)
        assert digest("file 8") in effective(agency, fr, nl, de)
    federation.require_converged()


async def test_who_still_lists_it_is_told(federation: Federation) -> None:
    fr, nl, de = federation.peers("fr", "nl", "de")
    for agency in (fr, nl):
        agency.publish("a", "b")
    await federation.settle()
    shred_file(fr, "a")
    await federation.settle()
    theirs = EntryPlace(origin=nl.origin, index=0)
    [shown] = report_shreddings(fr.store)
    assert (shown.origin, shown.index, shown.own, shown.standing) == (fr.origin, 0, True, (theirs,))
    [told] = report_shreddings(nl.store)
    assert (told.standing, told.own_standing, told.complete) == ((), (theirs,), False)
    [told] = report_shreddings(de.store)
    assert (told.standing, told.own_standing) == ((theirs,), ())
    shred_file(nl, "a", Reason.LEGAL)
    await federation.settle()
    for agency in (fr, nl, de):
        assert [each.complete for each in report_shreddings(agency.store)] == [True, True]


@pytest.mark.threat("shredded and back")
async def test_a_newcomer_follows(federation: Federation) -> None:
    fr = federation.agency("fr.example", "FR")
    fr.publish(*(f"file {number}" for number in range(300)))
    shred_file(fr, "file 299")
    shred_file(fr, "file 3")
    fr.publish("later")
    nl = federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    assert (await federation.sync(nl, fr)).succeeded
    check_follows(nl, fr)
    assert len(nl.digests(fr.origin)) == 299
    assert {digest("file 3"), digest("file 299")}.isdisjoint(nl.digests(fr.origin))


@pytest.mark.threat("shredded and back")
@pytest.mark.parametrize("again", ["import", "endorse"])
async def test_it_does_not_come_back(federation: Federation, again: str) -> None:
    fr, nl, de = federation.peers("fr", "nl", "de")
    for agency in (fr, nl):
        agency.publish("a", "b")
    await federation.settle()
    shred_file(fr, "a")
    await federation.settle()
    for agency in (fr, de):
        report = add_again(agency) if again == "import" else endorse_from(agency, nl)
        assert report.refused_total == 1
        assert "shredded" in report.refused[0].reason
        agency.publish()
    await federation.settle()
    assert digest("a") not in fr.digests(fr.origin) | de.digests(de.origin)
    assert digest("a") not in effective(fr, fr, nl, de)


def add_again(agency: Agency) -> ImportReport:
    from node.formats.rows import ImportRow
    from node.lists.imports.intake import import_rows

    row = ImportRow(2, (digest("a", SHA256),), BASELINE, {}, "")
    return import_rows(
        agency.store,
        agency.origin,
        [row],
        statement=Statement(basis=Basis.OWN, criteria=1),
        now_ms=agency.now_ms,
    )


def endorse_from(agency: Agency, source: Agency) -> ImportReport:
    return endorse(
        agency.store,
        agency.origin,
        source=source.origin,
        statement=Statement(basis=Basis.REVIEWED, criteria=1),
        now_ms=agency.now_ms,
    )


@pytest.mark.threat("blocking what others list")
async def test_a_liar_who_lists_and_shreds_removes_nothing_but_its_own(federation: Federation) -> None:
    """Of a reason other than error nothing of others ends; an error blocks, as any withdrawal for error does."""
    fr, nl, de = federation.peers("fr", "nl", "de")
    liar = federation.agency("liar.example", "IT")
    for agency in (fr, nl, de):
        federation.introduce(agency, liar)
    for agency in (fr, nl):
        agency.publish("a", "b")
    liar.publish("a", "b")
    await federation.settle()
    shred_file(liar, "a", Reason.OTHER)
    await federation.settle()
    assert effective(de, fr, nl, de, liar) == {digest("a"), digest("b")}
    shred_file(liar, "b", Reason.ERROR)
    await federation.settle()
    assert effective(de, fr, nl, de, liar) == {digest("a")}
    assert digest("b") not in de.digests(liar.origin)
    assert effective(de, fr, nl, de) == {digest("a")}, "a block outlives membership until it is released"


async def test_what_this_node_shredded_is_never_effective_here(federation: Federation) -> None:
    fr, nl, de = federation.peers("fr", "nl", "de")
    fr.publish("a")
    shred_file(fr, "a", Reason.OTHER)
    for agency in (nl, de):
        agency.publish("a")
    await federation.settle()
    assert effective(nl, fr, nl, de) == {digest("a")}
    judged = current(fr.store, register(fr, nl, de), now=fr.clock.now(), max_age=timedelta(days=1))
    assert judged.decision.explain(BASELINE, digest("a")) == (Tombstoned(),)


async def test_a_waiting_entry_is_shredded_with_its_first_publication(federation: Federation) -> None:
    fr = federation.agency("fr.example", "FR")
    fr.add("a", "b")
    plan = prepare(fr.store, fr.origin, digest("a", SHA256))
    shred(fr.store, fr.origin, plan.position, reason=Reason.ERROR)
    fr.publish()
    assert fr.digests(fr.origin) == {digest("b")}
    assert remains(fr, "a") == []


async def test_also_what_was_withdrawn_before(federation: Federation) -> None:
    fr, nl, _ = federation.peers("fr", "nl", "de")
    fr.publish("a", "b")
    fr.withdraw("a", Reason.ERROR)
    fr.publish()
    await federation.settle()
    assert digest("a") in nl.digests(fr.origin)
    shred_file(fr, "a")
    await federation.settle()
    assert remains(fr, "a") == remains(nl, "a") == []
    with pytest.raises(NotFoundError):
        prepare(fr.store, fr.origin, digest("a", SHA256))


async def test_what_a_guard_set_aside_deletes_nothing(federation: Federation) -> None:
    """Whoever has a peer's key may shred its whole list: what others hold of it is not gone with it."""
    fr, nl = federation.peers("fr", "nl")
    nl.syncer = Syncer(nl.store, nl.clock, most=FollowGuards(max_adds_per_day=1000, max_withdraws_per_day=5))
    names = [f"file {number}" for number in range(11)]
    fr.publish(*names)
    await federation.settle()
    for name in names:
        plan = prepare(fr.store, fr.origin, digest(name, SHA256))
        shred(fr.store, fr.origin, plan.position, reason=Reason.OTHER)
    fr.publish()
    assert fr.digests(fr.origin) == set()
    await federation.settle()
    assert len(nl.digests(fr.origin)) == 6
    with nl.store.write() as unit:
        for record in unit.quarantine.ls():
            unit.quarantine.release(record.id, now_ms=nl.now_ms)
    await federation.settle()
    assert nl.digests(fr.origin) == set()


def _withdrawal_waits(fr: Agency, _: ListWriter) -> None:
    """The own entry counts until its withdrawal is published."""
    fr.publish("shredded")
    fr.withdraw("shredded")


def _withdrawal_is_set_aside(fr: Agency, writer: ListWriter) -> None:
    """What a guard set aside does not count."""
    add = writer.add(digest("shredded"))
    place = writer.withdraw(add).index
    with fr.store.write() as unit:
        log = unit.logs.get(writer.origin)
        aside = Quarantined(
            log_id=log.id, kind="withdraw", first=place, last=place, reason="many", created_ms=0
        )
        unit.quarantine.add([aside])


def _listed_twice(_: Agency, writer: ListWriter) -> None:
    """Of two entries of one list, one is shredded."""
    writer.add(digest("shredded"))


STILL_LISTED = (_withdrawal_waits, _withdrawal_is_set_aside, _listed_twice)


@pytest.mark.parametrize("before", [False, True], ids=["new", "of before"])
@pytest.mark.parametrize("list_still", STILL_LISTED)
async def test_the_block_that_a_shredding_left_counts_for_the_cap_in_every_part(
    federation: Federation, list_still: Callable[[Agency, ListWriter], None], before: bool
) -> None:
    """Else the next block of the shredding list would apply in some parts, and its list have more than its cap."""
    fr, nl = await follower_and_peer(federation)
    list_still(fr, nl.writer)
    nl.writer.withdraw(nl.writer.add(digest("shredded")), Reason.ERROR, shred=True)
    for name in ("disputed", "listed"):
        nl.writer.dispute(digest(name))
    assert (await fr.syncer.sync("nl.example", nl)).succeeded
    if before:
        with fr.store.write() as unit:
            for each in unit.tombstones.still_listed():
                unit.tombstones.drop_still_listed(each.log_id, [each.position])
        carry_out_everywhere(fr.store, now_ms=fr.now_ms)
    require_over_the_cap(fr, nl)


@pytest.mark.parametrize("shredded", [False, True], ids=["rows lost", "deletion cut off"])
async def test_a_block_counts_for_the_cap_where_the_look_up_index_has_no_row_of_its_add(
    federation: Federation, monkeypatch: pytest.MonkeyPatch, shredded: bool
) -> None:
    """The index forgets an add before its opening is deleted, and may have been lost."""
    fr, nl = await follower_and_peer(federation)
    nl.writer.withdraw(nl.writer.add(digest("blocked")), Reason.ERROR, shred=shredded)
    for name in ("disputed", "listed"):
        nl.writer.dispute(digest(name))

    def die(*_: object) -> None:
        raise StoreError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(erase, "_erase_objects", die)
        with suppress(StoreError):
            await fr.syncer.sync("nl.example", nl)
    key = fr.store.vault.key_of(digest("blocked"))
    with fr.store.write() as unit:
        hits = unit.entries.find([key])
        assert bool(hits) is not shredded
        for hit in hits:
            unit.entries.remove(hit.log_id, [(key, hit.position)])
    require_over_the_cap(fr, nl)


async def follower_and_peer(federation: Federation) -> tuple[Agency, ListPeer]:
    """France lists a file and follows the Netherlands."""
    fr = federation.agency("fr.example", "FR")
    nl = ListPeer("nl.example", fr.time)
    follow(fr, nl)
    fr.publish("listed")
    nl.writer.add(digest("other"))
    assert (await fr.syncer.sync("nl.example", nl)).succeeded
    return fr, nl


def require_over_the_cap(fr: Agency, nl: ListPeer) -> None:
    """Two blocks of the Netherlands apply, which is their cap; the third, of what France lists, does not."""
    members = replace(register(fr, nl.identity), k=1, block_cap=2)
    judged = current(fr.store, members, now=fr.clock.now(), max_age=timedelta(days=1))
    assert (BASELINE, digest("listed")) in judged.decision.effective
    assert [block.standing for block in judged.decision.blocks] == [
        Standing.APPLIES,
        Standing.APPLIES,
        Standing.OVER_CAP,
    ]
