"""What every object store does, in a folder and in a bucket of a real S3 store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.errors import MissingObjectError, StoreError
from node.objects.folder import FolderObjects
from node.objects.s3 import Owner, S3Objects
from node.ports.objects import ObjectStore
from support import seaweedfs
from support.seaweedfs import S3Server


@pytest.fixture(params=["folder", "bucket"])
def objects(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    if request.param == "folder":
        return FolderObjects(tmp_path / "objects")
    seaweedfs.program()
    server: S3Server = request.getfixturevalue("s3")
    server.environment(monkeypatch)
    bucket = server.bucket(tmp_path.name)
    return S3Objects(bucket, Owner(node="fr.example"))


def test_gives_back_what_was_put(objects: ObjectStore) -> None:
    objects.put("logs/a/tile/0/000.p/7", b"one")
    objects.put("logs/a/tile/0/000.p/7", b"two")
    assert objects.get("logs/a/tile/0/000.p/7") == b"two"
    assert objects.exists("logs/a/tile/0/000.p/7")


def test_many_are_put_and_listed_in_order(objects: ObjectStore) -> None:
    objects.put_all((f"a/{n:04}", bytes((n % 256,))) for n in range(1100))
    objects.put("b/x", b"")
    assert list(objects.ls("a/")) == [f"a/{n:04}" for n in range(1100)]
    assert list(objects.ls(""))[-1] == "b/x"
    assert list(objects.ls("none/")) == []


def test_many_are_given_back_in_order(objects: ObjectStore) -> None:
    names = [f"a/{n:03}" for n in range(100)]
    objects.put_all((name, name.encode()) for name in names)
    assert list(objects.get_all(names)) == [name.encode() for name in names]
    assert list(objects.get_all([])) == []
    assert next(objects.get_all(names)) == b"a/000"  # who wants no more leaves


def test_one_that_is_missing_is_missed_in_its_turn(objects: ObjectStore) -> None:
    objects.put("a/b", b"x")
    found = objects.get_all(["a/b", "a/none", "a/b"])
    assert next(found) == b"x"
    with pytest.raises(MissingObjectError):
        next(found)


def test_how_long_one_is(objects: ObjectStore) -> None:
    objects.put("a/b", b"four")
    objects.put("a/c", b"")
    assert (objects.size("a/b"), objects.size("a/c")) == (4, 0)
    with pytest.raises(MissingObjectError):
        objects.size("a/d")


def test_long_ones_are_put_piece_by_piece_and_viewed(objects: ObjectStore) -> None:
    objects.put("a/b", b"old")
    before = objects.view("a/b")
    with objects.unnamed(iter([b"one", b"", b"two"])) as give:
        assert (objects.get("a/b"), [*objects.ls("")]) == (b"old", ["a/b"])
        give("a/b")
        assert objects.get("a/b") == b"onetwo"
    assert bytes(objects.view("a/b")[3:]) == b"two"
    assert bytes(before) == b"old"
    with objects.unnamed([]) as give:
        give("a/c")
    assert bytes(objects.view("a/c")) == b""
    with pytest.raises(MissingObjectError):
        objects.view("a/d")


def test_pieces_that_cannot_be_made_leave_what_was_there(objects: ObjectStore) -> None:
    def made() -> Iterator[bytes]:
        yield b"new"
        raise ArithmeticError

    objects.put("a/b", b"old")
    with pytest.raises(ArithmeticError), objects.unnamed(made()):
        pass
    assert objects.get("a/b") == b"old"
    assert list(objects.ls("")) == ["a/b"]


def test_what_is_given_no_name_leaves_nothing(objects: ObjectStore) -> None:
    objects.put("a/b", b"old")
    with objects.unnamed([b"new"]):
        assert objects.exchange("a/b", b"old", b"other"), "nobody waits for it"
        assert objects.sweep() == 0
    assert (list(objects.ls("")), objects.sweep()) == (["a/b"], 0)


def test_what_has_no_name_yet_is_not_swept(objects: ObjectStore) -> None:
    with objects.unnamed([b"new"]) as give:
        assert objects.sweep(wait=True) == 0
        give("a/b")
    assert objects.get("a/b") == b"new"


def test_deletes_twice_without_complaint(objects: ObjectStore) -> None:
    objects.put("a/b", b"x")
    objects.delete("a/b")
    objects.delete("a/b")
    assert not objects.exists("a/b")
    with pytest.raises(MissingObjectError):
        objects.get("a/b")


@pytest.mark.parametrize("name", ["a/b/c", "a"], ids=["under an object", "a folder"])
def test_what_is_not_an_object_is_missing(objects: ObjectStore, name: str) -> None:
    objects.put("a/b", b"x")
    with pytest.raises(MissingObjectError):
        objects.get(name)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../b", "a//b", "", ".tmp-1", "a/.hidden", "a\0b", "a\nb", "ä"]
)
def test_refuses_names_that_leave_the_folder(objects: ObjectStore, name: str) -> None:
    with pytest.raises(StoreError):
        objects.put(name, b"x")


def test_an_object_is_exchanged_only_for_what_it_still_is(objects: ObjectStore) -> None:
    objects.put("a/b", b"old")
    assert objects.exchange("a/b", b"old", b"new")
    assert not objects.exchange("a/b", b"old", b"newer")
    assert not objects.exchange("a/none", b"old", b"new")
    assert not objects.exchange("none/none", b"old", b"new")
    assert objects.get("a/b") == b"new"
