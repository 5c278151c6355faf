"""The object folder: whole or not at all, and never outside of itself."""

import os
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from node.errors import MissingObjectError, StoreError
from node.objects.folder import FolderObjects


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "objects")


def test_gives_back_what_was_put(objects: FolderObjects) -> None:
    objects.put("logs/a/tile/0/000.p/7", b"one")
    objects.put("logs/a/tile/0/000.p/7", b"two")
    assert objects.get("logs/a/tile/0/000.p/7") == b"two"
    assert objects.exists("logs/a/tile/0/000.p/7")


def test_many_are_put_and_listed_in_order(objects: FolderObjects) -> None:
    objects.put_all((f"a/{n:04}", bytes((n % 256,))) for n in range(1100))
    objects.put("b/x", b"")
    assert list(objects.ls("a/")) == [f"a/{n:04}" for n in range(1100)]
    assert list(objects.ls(""))[-1] == "b/x"
    assert list(objects.ls("none/")) == []


def test_deletes_twice_without_complaint(objects: FolderObjects) -> None:
    objects.put("a/b", b"x")
    objects.delete("a/b")
    objects.delete("a/b")
    assert not objects.exists("a/b")
    with pytest.raises(MissingObjectError):
        objects.get("a/b")


@pytest.mark.parametrize("name", ["a/b/c", "a"], ids=["under an object", "a folder"])
def test_what_is_not_an_object_is_missing(objects: FolderObjects, name: str) -> None:
    objects.put("a/b", b"x")
    with pytest.raises(MissingObjectError):
        objects.get(name)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../b", "a//b", "", ".tmp-1", "a/.hidden", "a\0b", "a\nb", "ä"]
)
def test_refuses_names_that_leave_the_folder(objects: FolderObjects, name: str) -> None:
    with pytest.raises(StoreError):
        objects.put(name, b"x")


def test_is_readable_by_its_owner_alone(objects: FolderObjects, tmp_path: Path) -> None:
    objects.put("a/b", b"x")
    for path in (tmp_path / "objects", tmp_path / "objects/a", tmp_path / "objects/a/b"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_failed_write_leaves_the_old_bytes_and_no_object_more(
    objects: FolderObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put("a/b", b"old")

    def full(_fd: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match="no room is left"):
        objects.put("a/b", b"new")
    assert objects.get("a/b") == b"old"
    assert list(objects.ls("")) == ["a/b"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_of_a_failed_write_takes_room(
    objects: FolderObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(_fd: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((StoreError, KeyboardInterrupt)):
        objects.put_all([("a/b", b"1"), ("a/c", b"2")])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_files_and_their_folders_are_synced_before_put_returns(
    objects: FolderObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    objects.put("new/folder/b", b"x")
    assert ".tmp-" in synced[0]
    assert {Path(name).name for name in synced[1:]} == {"folder", "new", "objects"}


def test_an_object_is_exchanged_only_for_what_it_still_is(objects: FolderObjects, tmp_path: Path) -> None:
    objects.put("a/b", b"old")
    assert objects.exchange("a/b", b"old", b"new")
    assert not objects.exchange("a/b", b"old", b"newer")
    assert not objects.exchange("a/none", b"old", b"new")
    assert not objects.exchange("none/none", b"old", b"new")
    assert objects.get("a/b") == b"new"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b"]


@pytest.mark.parametrize("change", ["put", "delete"])
def test_nobody_changes_an_object_while_it_is_exchanged(
    objects: FolderObjects, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking at it and putting the new one in its place."""
    objects.put("a/b", b"old")
    changes = {"put": partial(objects.put, "a/b", b"x"), "delete": partial(objects.delete, "a/b")}
    other = Thread(target=changes[change])
    read_bytes = Path.read_bytes

    def slow(path: Path) -> bytes:
        data = read_bytes(path)
        other.start()
        other.join(0.2)
        assert other.is_alive(), "it waits"
        return data

    monkeypatch.setattr(Path, "read_bytes", slow)
    assert objects.exchange("a/b", b"old", b"new")
    monkeypatch.undo()
    other.join()
    assert not objects.exists("a/b") if change == "delete" else objects.get("a/b") == b"x"
