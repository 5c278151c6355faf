"""The object folder: whole or not at all, durable, and its owner's alone; what every store does is in test_objects."""

import os
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from node.errors import StoreError
from node.objects.folder import FolderObjects


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "objects")


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


def test_what_is_exchanged_leaves_nothing_beside_it(objects: FolderObjects, tmp_path: Path) -> None:
    objects.put("a/b", b"old")
    assert objects.exchange("a/b", b"old", b"new")
    assert not objects.exchange("a/b", b"old", b"newer")
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
