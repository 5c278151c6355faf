"""Bundles, tiles, openings and releases compared with what vouches for them: it is said which one is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.lists.completeness import unindexed
from node.storage.integrity import verify_objects
from node.storage.shelf import Shelf
from support.releases import ReleasingAgency, release_both
from support.shelves import Agency, rows


def wrong(shelf: Shelf) -> set[str]:
    return {verdict.name for verdict in verify_objects(shelf) if verdict.wrong}


def whole(shelf: Shelf) -> set[str]:
    return {verdict.name for verdict in verify_objects(shelf) if not verdict.wrong}


def flip(shelf: Shelf, name: str, at: int = -1) -> None:
    data = bytearray(shelf.objects.get(name))
    data[at] ^= 1
    shelf.objects.put(name, bytes(data))


@pytest.fixture
def long(agency: Agency) -> Agency:
    """A list of three bundles, so that it has a tile of level 1, with a tail and something that waits."""
    agency.add(rows(*(f"f{n}" for n in range(300))))
    agency.publish()
    agency.add(rows("waiting"))
    return agency


def test_everything_of_a_list_is_checked_and_whole(long: Agency) -> None:
    assert wrong(long.shelf) == set()
    assert whole(long.shelf) == set(long.shelf.objects.ls(""))
    assert unindexed(long.shelf, long.log) == 0


@pytest.mark.threat("an altered file")
def test_each_object_that_was_altered_is_named_and_no_other(long: Agency) -> None:
    names = list(long.shelf.objects.ls(""))
    assert len(names) > 10
    for name in names:
        before = long.shelf.objects.get(name)
        for at in (0, len(before) // 2, -1):
            flip(long.shelf, name, at)
            assert wrong(long.shelf) == {name}, (name, at)
            long.shelf.objects.put(name, before)


@pytest.mark.parametrize("kind", ["tile/entries/", "tile/0/", "tile/1/"])
def test_an_object_that_is_gone_is_missed(long: Agency, kind: str) -> None:
    name = next(name for name in long.shelf.objects.ls("logs/") if kind in name)
    long.shelf.objects.delete(name)
    assert wrong(long.shelf)


def test_what_a_crash_left_of_a_smaller_head_is_checked_too(agency: Agency) -> None:
    agency.add(rows("a"))
    agency.publish()
    left = {name: agency.shelf.objects.get(name) for name in agency.shelf.objects.ls("logs/")}
    agency.add(rows("b"))
    agency.publish()
    agency.shelf.objects.put_all(left.items())
    assert wrong(agency.shelf) == set()
    for name in left:
        flip(agency.shelf, name)
    assert wrong(agency.shelf) == set(left)


def test_bundle_and_tile_that_agree_with_each_other_and_not_with_the_head(long: Agency) -> None:
    """As after two folders were mixed up: nobody can say which object is wrong, but that the log is."""
    other = {
        name: long.shelf.objects.get(name) for name in long.shelf.objects.ls("logs/") if name.endswith("/000")
    }
    for name, data in other.items():
        twin = name.removesuffix("/000") + "/001"
        if long.shelf.objects.exists(twin):
            long.shelf.objects.put(twin, data)
    assert long.origin in wrong(long.shelf)


def test_entries_that_the_index_lost_are_counted(long: Agency) -> None:
    with long.shelf.storage.write() as unit:
        key = long.shelf.vault.key_of(rows("f7")[0].digests[0])  # type: ignore[union-attr]
        unit.entries.remove(long.log.id, [(key, 14)])
    assert unindexed(long.shelf, long.log) == 1


@pytest.fixture
def fr(shelf: Shelf, tmp_path: Path) -> Iterator[ReleasingAgency]:
    agency = ReleasingAgency(shelf, tmp_path / "fr")
    yield agency
    agency.evaluator.close()


def test_each_file_of_a_release_and_each_delta(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a", "b")
    release_both(fr, other, "c")
    names = list(fr.shelf.objects.ls("releases/"))
    assert any("/since-" in name for name in names)
    assert set(names) <= whole(fr.shelf)
    for name in names:
        before = fr.shelf.objects.get(name)
        for at in (0, len(before) // 2, -1):
            flip(fr.shelf, name, at)
            assert name in wrong(fr.shelf), (name, at)
            fr.shelf.objects.put(name, before)


def test_a_release_file_that_is_gone_is_missed(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a")
    for part in ("screen", "answers", "labels"):
        name = next(name for name in fr.shelf.objects.ls("releases/") if name.endswith(part))
        data = fr.shelf.objects.get(name)
        fr.shelf.objects.delete(name)
        assert name in wrong(fr.shelf)
        fr.shelf.objects.put(name, data)


def test_a_damaged_database_says_so(agency: Agency, dsn: str) -> None:
    agency.add(rows("a"))
    damage = agency.shelf.storage.damage()
    assert damage == ([] if dsn.startswith("sqlite") else None)
