"""Own lists: names, numbers, and which list is whose."""

import pytest

from node.errors import AlreadyExistsError, UsageError
from node.lists.catalogue import create_list, own_list, report_list, report_lists
from node.lists.continuation import start_continuation
from node.lists.corrections.withdraw import withdraw
from node.objects.logfiles import LogFiles
from node.store.lists.records import LogKind
from node.store.store import Store
from protocol.limits import BUNDLE_WIDTH, MAX_NODE_LISTS
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Reason
from support.stores import Agency, file_digests, rows


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "a/b", "a" * 65, "ä", "a b", "a\n"])
def test_refuses_names_that_would_make_a_bad_origin(store: Store, name: str) -> None:
    with pytest.raises(UsageError):
        create_list(store, "fr.example", name)


@pytest.mark.parametrize("name", ["a", "csam-nl", "7", "a" * 64])
def test_makes_a_list_once(store: Store, name: str) -> None:
    assert create_list(store, "fr.example", name).origin == f"fr.example/lists/{name}"
    with pytest.raises(AlreadyExistsError):
        create_list(store, "fr.example", name)


def test_makes_no_list_that_nobody_would_follow(store: Store) -> None:
    made = [create_list(store, "fr.example", f"list-{number}") for number in range(12)]
    with pytest.raises(UsageError, match="starts at most 12 lists"):
        create_list(store, "fr.example", "one-more")
    with pytest.raises(AlreadyExistsError):  # else what was cut off could not be finished
        create_list(store, "fr.example", "list-0")
    for old in made[:4]:  # else one whose key was stolen could not go on
        start_continuation(store, "fr.example", f"{old.name}-again", old=old)
    with pytest.raises(UsageError, match=f"others follow at most {MAX_NODE_LISTS}"):
        start_continuation(store, "fr.example", "one-more", old=made[5])
    assert len(report_lists(store)) == MAX_NODE_LISTS


def test_reports_what_is_active_and_what_waits(agency: Agency, other: Agency) -> None:
    agency.add(rows("a", "b"))
    agency.publish(rows("a", collection=NATIONAL))
    withdraw(agency.store, agency.origin, file_digests("b")[0], reason=Reason.OTHER)
    report = report_list(agency.store, agency.origin)
    assert (report.active, report.waiting) == ({BASELINE: 2, NATIONAL: 2}, 2)
    other.publish()
    other.publish(rows("c"))
    agency.pull(other)
    assert [item.log.kind for item in report_lists(agency.store)] == [LogKind.OWN_LIST, LogKind.PEER_LIST]
    with agency.store.read() as unit, pytest.raises(UsageError):
        own_list(unit, other.origin)


def test_reads_events_at_places_as_these_are_told(agency: Agency) -> None:
    agency.publish(rows(*map(str, range(3 * BUNDLE_WIDTH))))
    files, size = LogFiles(agency.store.objects, agency.store.vault, agency.origin), 3 * BUNDLE_WIDTH
    asked = [0, 5, BUNDLE_WIDTH - 1, 2 * BUNDLE_WIDTH, 2 * BUNDLE_WIDTH, size - 1]
    whole = list(files.items(first=0, size=size))
    assert list(files.items_at(asked, size=size)) == [whole[place] for place in asked]
    assert list(files.items_at([], size=size)) == []
    told = iter(range(size))
    next(files.items_at(told, size=size))
    assert next(told) < size - BUNDLE_WIDTH, "not all of them are read first"
