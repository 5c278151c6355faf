"""How many entries of a list are active: counted as they come and end, and once what an older version listed."""

from pathlib import Path
from unittest.mock import patch

import pytest

from node.lists.catalogue import count_on, report_lists
from node.lists.corrections.withdraw import withdraw
from node.objects.folder import FolderObjects
from node.store.store import Store
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Reason
from support.new_stores import open_store
from support.older import age
from support.stores import STORAGE_KEY, Agency, file_digests, make_store, rows, sqlite_dsn


def told(store: Store) -> list[dict[int, int]]:
    return [dict(report.active) for report in report_lists(store)]


def require_counted(store: Store) -> None:
    with store.read() as unit:
        assert unit.entries.is_counted
        assert unit.entries.counts() == unit.entries.scan()


def withdraw_file(agency: Agency, name: str) -> None:
    withdraw(agency.store, agency.origin, file_digests(name)[0], reason=Reason.OTHER)


@pytest.mark.both_databases
def test_what_is_listed_and_withdrawn_is_counted(agency: Agency, other: Agency) -> None:
    agency.add(rows("a", "b"))
    agency.add(rows("c", collection=NATIONAL))
    withdraw_file(agency, "a")
    other.publish(rows("a", "d"))
    agency.pull(other)
    assert told(agency.store) == [{BASELINE: 2, NATIONAL: 2}, {BASELINE: 4}]
    withdraw_file(other, "d")
    other.publish()
    agency.pull(other)
    assert told(agency.store) == [{BASELINE: 2, NATIONAL: 2}, {BASELINE: 2}]
    require_counted(agency.store)


def test_an_index_of_an_older_version_is_counted_in_parts_while_it_changes(tmp_path: Path) -> None:
    dsn = sqlite_dsn(tmp_path)
    store = make_store(dsn, tmp_path)
    agency = Agency(store, tmp_path)
    agency.publish(rows(*map(str, range(40))))
    store.dispose()
    age(dsn, "0032")
    with patch("node.store.lists.entries._INSERT", 7):
        again = agency.store = open_store(
            dsn, storage_key=STORAGE_KEY, objects=FolderObjects(tmp_path / "objects")
        )
        assert told(again) == [{BASELINE: 80}], "by a look at every row"
        with again.read() as unit:
            assert not unit.entries.is_counted
        for number in range(6):
            with again.write() as unit:
                unit.entries.count_on()
            withdraw_file(agency, str(number))
            agency.add(rows(f"new {number}"))
            assert told(again) == [{BASELINE: 80}], "by a look at every row"
        count_on(again)
    require_counted(again)
    assert told(again) == [{BASELINE: 80}]
    again.dispose()


@pytest.mark.both_databases
def test_all_can_be_counted_anew(agency: Agency) -> None:
    agency.add(rows(*map(str, range(20))))
    withdraw_file(agency, "7")
    with agency.store.write() as unit:
        unit.entries.recount()
        assert not unit.entries.is_counted
    with patch("node.store.lists.entries._INSERT", 7):
        with agency.store.write() as unit:
            unit.entries.count_on()
        withdraw_file(agency, "8")
        agency.publish(rows("new"))
    require_counted(agency.store)
    assert told(agency.store) == [{BASELINE: 38}]


@pytest.mark.parametrize("add", [True, False])
def test_a_change_that_is_rolled_back_is_not_counted(agency: Agency, add: bool) -> None:
    agency.add(rows("a"))
    with (
        patch("node.lists.queue.Queue.commit", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        agency.add(rows("b")) if add else withdraw_file(agency, "a")
    assert told(agency.store) == [{BASELINE: 2}]
    require_counted(agency.store)
