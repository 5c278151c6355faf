"""The object folder: whole or not at all, durable, and its owner's alone; what every store does is in test_objects."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from node.errors import StoreDownError, StoreError
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
    *above, file, folder = synced  # new folders first: whoever meets one takes it to be there for good
    assert [Path(name).name for name in above] == ["objects", "new"]
    assert ".tmp-" in file
    assert Path(folder).name == "folder"


def test_what_is_exchanged_leaves_nothing_beside_it(objects: FolderObjects, tmp_path: Path) -> None:
    objects.put("a/b", b"old")
    assert objects.exchange("a/b", b"old", b"new")
    assert not objects.exchange("a/b", b"old", b"newer")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b"]


ACTS: dict[str, Callable[[FolderObjects], object]] = {
    "put": lambda objects: objects.put("a/b", b"x"),
    "put beside": lambda objects: objects.put("c/d", b"x"),
    "exchange": lambda objects: objects.exchange("a/b", b"old", b"new"),
    "get": lambda objects: objects.get("a/b"),
    "exists": lambda objects: objects.exists("a/b"),
    "delete": lambda objects: objects.delete("a/b"),
    "ls": lambda objects: objects.ls(""),
    "ls below": lambda objects: objects.ls("a/"),
    "sweep": lambda objects: objects.sweep(wait=True),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("barred", [False, True])
def test_nothing_is_said_of_a_folder_that_was_moved(
    objects: FolderObjects, tmp_path: Path, act: str, barred: bool
) -> None:
    """That nothing is there would be taken for the truth: a shredding would say that it is done."""
    objects.put("a/b", b"old")
    root, moved = tmp_path / "objects", tmp_path / "moved"
    root.rename(moved)
    if barred:
        root.touch()
    with pytest.raises(StoreDownError, match="not in their folder any more"):
        ACTS[act](objects)
    assert not root.is_dir()
    assert (moved / "a/b").read_bytes() == b"old"


def test_a_folder_that_is_moved_while_it_is_listed(
    objects: FolderObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put_all([("a/b", b"x"), ("c/d", b"x")])
    walk = os.walk

    def walked(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        for each in walk(top):
            yield each
            if each[2]:
                (tmp_path / "objects").rename(tmp_path / "moved")

    monkeypatch.setattr(os, "walk", walked)
    with pytest.raises(StoreDownError, match="not in their folder any more"):
        objects.ls("")


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


def test_many_threads_do_not_open_more_files_than_a_process_may(
    objects: FolderObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, most = os.fsync, [0]

    def fsync(fd: int) -> None:
        most[0] = max(most[0], len(os.listdir("/proc/self/fd")))  # noqa: PTH208 - thousands of times
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with ThreadPoolExecutor(16) as pool:
        for number in range(16):
            pool.submit(objects.put_all, [(f"{number}/{at}", b"x") for at in range(64)])
    assert len(list(objects.ls(""))) == 16 * 64
    assert most[0] - before < 4 * 64 + 2 * 16
