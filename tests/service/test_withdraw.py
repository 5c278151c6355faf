"""Withdrawals: every active add of the digest and its siblings, in every collection, at once."""

import pytest
from sqlalchemy import text

from node.errors import ConflictError, MissingObjectError, NotFoundError
from node.lists.corrections.withdraw import Withdrawn, withdraw, withdraw_at
from node.lists.entries import ListReader
from node.lists.families import Family
from node.lists.publish import publish
from node.lists.queue import Queue
from protocol.digest import Digest
from protocol.lists.event import BASELINE, NATIONAL, Event, Op
from protocol.lists.ext import Reason
from protocol.lists.listing import BlockKind, Listing, fold
from protocol.lists.opening import Opening
from support.stores import Agency, check_whole, file_digests, reads_of_objects, row, rows, sha256_digest


def listing(agency: Agency) -> Listing:
    agency.publish()
    check_whole(agency)
    return fold(agency.origin, agency.items())


def listed(agency: Agency) -> set[tuple[int, Digest]]:
    return {(entry.collection, entry.digest) for entry in listing(agency).entries.values()}


def keys(name: str, *collections: int) -> set[tuple[int, Digest]]:
    return {(collection, digest) for collection in collections for digest in file_digests(name)}


@pytest.mark.parametrize("published", [False, True], ids=["waiting", "published"])
@pytest.mark.parametrize("asked", [0, 1], ids=["md5", "sha1"])
def test_ends_the_digest_and_its_siblings_in_every_collection(
    agency: Agency, published: bool, asked: int
) -> None:
    agency.add(rows("a", "b"))
    agency.add(rows("a", collection=NATIONAL))
    if published:
        agency.publish()
    done = withdraw(agency.store, agency.origin, file_digests("a")[asked], reason=Reason.LEGAL)
    assert done == Withdrawn(entries=4, digests=2, positions=(0, 1, 4, 5))
    assert listed(agency) == keys("b", BASELINE)


def test_ends_siblings_that_joined_later(agency: Agency) -> None:
    agency.publish(rows("a", "b"))
    agency.add([row("a", digests=(*file_digests("a"), sha256_digest("a")))])
    withdraw(agency.store, agency.origin, sha256_digest("a"), reason=Reason.LEGAL)
    assert listed(agency) == keys("b", BASELINE)


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "of an older version"])
def test_content_ids_are_found_in_every_bundle(agency: Agency, noted: bool) -> None:
    names = [str(number) for number in range(400)]
    agency.publish(rows(*names))
    agency.add(rows("waiting"))
    with agency.store.write() as unit:
        if not noted:
            unit.touches.restart(agency.log.id)
            unit._connection.execute(text("DELETE FROM file_run"))
    with agency.store.read() as unit:
        reader = ListReader(agency.store, unit, unit.logs.get(agency.origin))
        spread = range(0, 802, 20)
        ids = {reader.opening(position).ext.content_id for position in spread}
        found = [position for position, _ in reader.with_content_ids(filter(None, ids))]
    assert found == [at for position in spread for at in (position // 2 * 2, position // 2 * 2 + 1)]


def test_a_withdrawal_reads_what_it_ends(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the list, however long it is."""
    agency.publish(rows(*(str(number) for number in range(600))))
    read = reads_of_objects(monkeypatch)
    withdraw(agency.store, agency.origin, file_digests("7")[0], reason=Reason.LEGAL)
    assert len(set(read)) == 1


def test_a_siblings_other_listing_ends_too_but_not_that_ones_siblings(agency: Agency) -> None:
    """MD5 of a file is also listed under a second content id, together with another SHA-1."""
    md5, sha1 = file_digests("a")
    agency.add([row("a"), row("x", line=3, collection=NATIONAL, digests=(md5, sha256_digest("x")))])
    done = withdraw(agency.store, agency.origin, sha1, reason=Reason.LEGAL)
    assert done.entries == 3
    assert listed(agency) == {(NATIONAL, sha256_digest("x"))}


def test_events_name_their_entry_and_repeat_no_digest(agency: Agency) -> None:
    agency.publish(rows("a", collection=NATIONAL))
    withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.ERROR)
    agency.publish()
    for (_, data, opening), ref in zip(agency.items()[2:], (0, 1), strict=True):
        header = Event.from_bytes(data).header
        assert (header.op, header.ref, header.collection, header.algorithm) == (Op.WITHDRAW, ref, NATIONAL, 0)
        assert opening is not None
        parsed = Opening.from_bytes(opening)
        assert (parsed.digest, parsed.ext.reason) == (None, Reason.ERROR)


def test_an_error_blocks_each_digest(agency: Agency) -> None:
    agency.add(rows("a"))
    withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.ERROR)
    blocks = listing(agency).blocks
    assert {(block.digest, block.kind) for block in blocks} == {
        (digest, BlockKind.ERROR) for digest in file_digests("a")
    }


def test_by_position(agency: Agency) -> None:
    agency.add(rows("a", "b"))
    assert withdraw_at(agency.store, agency.origin, 3, reason=Reason.OTHER).positions == (2, 3)
    with pytest.raises(NotFoundError):
        withdraw_at(agency.store, agency.origin, 4, reason=Reason.OTHER)
    with pytest.raises(NotFoundError):
        withdraw_at(agency.store, agency.origin, 99, reason=Reason.OTHER)


def test_once(agency: Agency) -> None:
    agency.add(rows("a"))
    withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.OTHER)
    for digest in (*file_digests("a"), *file_digests("never")):
        with pytest.raises(NotFoundError):
            withdraw(agency.store, agency.origin, digest, reason=Reason.OTHER)
    assert agency.log.tail == 4


def test_two_digests_with_one_look_up_key_are_told_apart(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    agency.add(rows("a", "b"))
    monkeypatch.setattr(type(agency.store.vault), "key_of", lambda *_: 7)
    with agency.store.write() as unit:
        # A collision cannot be made otherwise.
        unit.entries._connection.exec_driver_sql("UPDATE entry_index SET key = 7")
    done = withdraw(agency.store, agency.origin, file_digests("b")[0], reason=Reason.OTHER)
    assert done.positions == (2, 3)


def test_survives_an_import_in_between(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    agency.add(rows("a"))
    commit, meanwhile = Queue.commit, ["b", "c"]

    def overtaken(queue: Queue, unit: object) -> None:
        if meanwhile:
            name = meanwhile.pop()
            raise ConflictError(f"as if {name} was imported")
        commit(queue, unit)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(Queue, "commit", overtaken)
    assert withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.OTHER).entries == 2
    monkeypatch.undo()
    assert listed(agency) == set()


def test_gives_up_when_others_never_stop(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    agency.add(rows("a"))
    before = set(agency.store.objects.ls(""))

    def overtaken(*_: object) -> None:
        raise ConflictError("again")

    monkeypatch.setattr(Queue, "commit", overtaken)
    with pytest.raises(ConflictError):
        withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.OTHER)
    assert set(agency.store.objects.ls("")) == before


def test_survives_a_publication_in_between(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch that an entry waited in is deleted after it was looked up."""
    agency.add(rows("a"))
    family = Family.active

    def overtaken(self: Family, digest: Digest) -> object:
        monkeypatch.undo()
        publish(agency.store, agency.origin, signer=agency.signer, now_ms=agency.now_ms)
        with pytest.raises(MissingObjectError):
            family(self, digest)
        raise MissingObjectError("as above")

    monkeypatch.setattr(Family, "active", overtaken)
    assert withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.OTHER).entries == 2
