"""kill -9 of a real process in the middle of its work: nothing acknowledged is lost, and the next run repairs."""

import pytest

from support.dying import kill_at
from support.stores import NOW_MS, Agency, check_whole, openings, rows

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("random_order")]


def test_an_import_killed_between_objects_and_commit_has_not_happened(agency: Agency, dsn: str) -> None:
    agency.add(rows("before"))
    before = agency.log
    kill_at(agency, dsn, "import", "objects")
    assert agency.log == before
    assert len(list(agency.store.objects.ls("pending/"))) > 1, "objects were written"
    assert agency.publish().size == 2
    assert agency.add(rows(*(f"dying{n}" for n in range(3000)))).entries == 6000
    assert agency.publish().size == 6002
    check_whole(agency)


def test_an_import_killed_after_its_commit_has_happened(agency: Agency, dsn: str) -> None:
    kill_at(agency, dsn, "import", "claim")
    assert agency.log.tail == 6000
    assert agency.add(rows("dying7")).already_listed == 1
    assert agency.publish().size == 6000
    check_whole(agency)


@pytest.mark.threat("neighbours of a hit")
@pytest.mark.parametrize(
    ("place", "claimed", "signed"),
    [
        ("claim", True, False),
        ("objects", True, False),
        ("before-sign", True, False),
        ("sign", True, True),
        ("settle", True, True),
    ],
)
def test_a_killed_publication_is_finished_by_the_next(
    agency: Agency, dsn: str, place: str, claimed: bool, signed: bool
) -> None:
    agency.add(rows("first"))
    agency.publish()
    agency.add(rows(*(f"f{n}" for n in range(300))))
    waiting = openings(agency)
    kill_at(agency, dsn, "publish", place)
    killed = agency.log
    assert killed.head.size == 2
    assert (killed.pending is not None) == claimed
    assert (agency.signer.size(agency.origin) == 602) == signed
    check_whole(agency)
    agency.add(rows("after"))
    published = agency.publish()
    assert published.size == 604
    assert agency.items()[2][1][8:16] == (NOW_MS + 1000).to_bytes(8), "the pending head was not replaced"
    assert openings(agency)[:602] == waiting, "the random order was drawn once"
    check_whole(agency)
