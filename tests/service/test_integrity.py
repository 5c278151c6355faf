"""Bundles, tiles, openings and releases compared with what vouches for them: it is said which one is wrong."""

import pytest

from node.lists.completeness import unindexed
from node.objects.integrity import verify_objects
from node.objects.release_files import ReleaseFolder
from node.store.store import Store
from protocol.messages import ReleasePart
from support.releases import ReleasingAgency, release_both
from support.stores import Agency, rows


def wrong(store: Store) -> set[str]:
    return {verdict.name for verdict in verify_objects(store) if verdict.wrong}


def whole(store: Store) -> set[str]:
    return {verdict.name for verdict in verify_objects(store) if not verdict.wrong}


def flip(store: Store, name: str, at: int = -1) -> None:
    data = bytearray(store.objects.get(name))
    data[at] ^= 1
    store.objects.put(name, bytes(data))


@pytest.fixture
def long(agency: Agency) -> Agency:
    """A list of three bundles, so that it has a tile of level 1, with a tail and something that waits."""
    agency.publish(rows(*(f"f{n}" for n in range(300))))
    agency.add(rows("waiting"))
    return agency


def test_everything_of_a_list_is_checked_and_whole(long: Agency) -> None:
    assert wrong(long.store) == set()
    assert whole(long.store) == set(long.store.objects.ls(""))
    assert unindexed(long.store, long.log) == 0


@pytest.mark.threat("an altered file")
def test_each_object_that_was_altered_is_named_and_no_other(long: Agency) -> None:
    names = list(long.store.objects.ls(""))
    assert len(names) > 10
    for name in names:
        before = long.store.objects.get(name)
        for at in (0, len(before) // 2, -1):
            flip(long.store, name, at)
            assert wrong(long.store) == {name}, (name, at)
            long.store.objects.put(name, before)


@pytest.mark.parametrize("kind", ["tile/entries/", "tile/0/", "tile/1/"])
def test_an_object_that_is_gone_is_missed(long: Agency, kind: str) -> None:
    name = next(name for name in long.store.objects.ls("logs/") if kind in name)
    long.store.objects.delete(name)
    assert wrong(long.store)


def test_what_a_crash_left_of_a_smaller_head_is_checked_too(agency: Agency) -> None:
    agency.publish(rows("a"))
    left = {name: agency.store.objects.get(name) for name in agency.store.objects.ls("logs/")}
    agency.publish(rows("b"))
    agency.store.objects.put_all(left.items())
    assert wrong(agency.store) == set()
    for name in left:
        flip(agency.store, name)
    assert wrong(agency.store) == set(left)


def test_bundle_and_tile_that_agree_with_each_other_and_not_with_the_head(long: Agency) -> None:
    """As after two folders were mixed up: nobody can say which object is wrong, but that the log is."""
    other = {
        name: long.store.objects.get(name) for name in long.store.objects.ls("logs/") if name.endswith("/000")
    }
    for name, data in other.items():
        twin = name.removesuffix("/000") + "/001"
        if long.store.objects.exists(twin):
            long.store.objects.put(twin, data)
    assert long.origin in wrong(long.store)


def test_entries_that_the_index_lost_are_counted(long: Agency) -> None:
    with long.store.write() as unit:
        key = long.store.vault.key_of(rows("f7")[0].digests[0])  # type: ignore[union-attr]
        unit.entries.remove(long.log.id, [(key, 14)])
    assert unindexed(long.store, long.log) == 1


def test_each_file_of_a_release_and_each_delta(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a", "b")
    release_both(fr, other, "c")
    names = list(fr.store.objects.ls("releases/"))
    assert any("/since-" in name for name in names)
    assert set(names) <= whole(fr.store)
    for name in names:
        before = fr.store.objects.get(name)
        for at in (0, len(before) // 2, -1):
            flip(fr.store, name, at)
            assert name in wrong(fr.store), (name, at)
            fr.store.objects.put(name, before)


def test_a_release_file_that_is_gone_is_missed(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a")
    for part in ("screen", "answers", "labels"):
        name = next(name for name in fr.store.objects.ls("releases/") if name.endswith(part))
        data = fr.store.objects.get(name)
        fr.store.objects.delete(name)
        assert name in wrong(fr.store)
        fr.store.objects.put(name, data)


def test_a_damaged_database_says_so(agency: Agency, dsn: str) -> None:
    agency.add(rows("a"))
    damage = agency.store.damage()
    assert damage == ([] if dsn.startswith("sqlite") else None)


def test_labels_that_others_are_made_of_are_named_with_them(fr: ReleasingAgency, other: Agency) -> None:
    """Also when nothing else is kept of their release."""
    release_both(fr, other, "a", "b")
    release_both(fr, other, "c")
    first, second = (ReleaseFolder(fr.store, record) for record in fr.records)
    base = second.labels_made_of
    assert base == f"{first.prefix}labels"
    for name in set(fr.store.objects.ls(first.prefix)) - {base}:
        fr.store.objects.delete(name)
    flip(fr.store, base, -1)
    found = {verdict.name: verdict.wrong for verdict in verify_objects(fr.store) if verdict.wrong}
    assert base in found[second.object_of(ReleasePart.LABELS, since=None)]
