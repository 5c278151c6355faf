"""Where a scan's files come from: what is walked, what is passed over, and how hashes are packed."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import InputRefusedError, StoreError
from node.hashing.file_hashes import Part
from node.hoster.scan.part_codec import pack, unpack
from node.hoster.scan.sources import MAX_PATH_BYTES, Item, Walk, kernels_own, read_list
from protocol.digest import SIZES, Algorithm, Digest


def names(items: list[Item], folder: Path) -> list[str]:
    return [os.path.relpath(os.fsdecode(item.path), folder) for item in items]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for name in ("b/two", "b/one", "a/x", "z", "A", "b/inner/deep"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1234")
    os.mkfifo(folder / "pipe")
    (folder / "round").symlink_to(folder)
    (folder / "b/to a file").symlink_to(folder / "z")
    (folder / "nothing").symlink_to("nowhere")
    return folder


def test_a_folder_is_walked_in_the_order_of_its_names(tree: Path) -> None:
    walk = Walk()
    items = list(walk.paths([str(tree)]))
    assert names(items, tree) == ["A", "z", "a/x", "b/one", "b/two", "b/inner/deep"]
    assert {item.size for item in items} == {4}
    assert all(item.mark and not item.fault for item in items)
    assert walk.passed_over == 4


def test_what_is_to_be_skipped_is_skipped(tree: Path) -> None:
    skip = frozenset({os.fsencode(tree / "z"), os.fsencode(tree / "b")})
    assert names(list(Walk(skip=skip).paths([str(tree)])), tree) == ["A", "a/x"]


def test_what_is_named_is_accounted_for(tree: Path) -> None:
    given_paths = [str(tree / name) for name in ("z", "pipe", "nothing", "missing", "bad\0name")]
    faults = [item.fault for item in Walk().paths(given_paths)]
    assert faults == [
        "",
        "not a regular file",
        "a symbolic link, not followed",
        "No such file or directory",
        "the name is not one that the system accepts",
    ]


def test_a_link_to_a_folder_is_followed_for_people_only(tree: Path) -> None:
    link = tree.with_name("link")
    link.symlink_to(tree)
    assert len(list(Walk().paths([str(link)]))) == 6
    (item,) = Walk().listed("list", [os.fsencode(link)])
    assert item.fault == "a symbolic link, not followed"


def test_an_unreadable_folder_is_accounted_for(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refusing(path: bytes) -> object:
        if path.endswith(b"/b"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    items = list(Walk().paths([str(tree)]))
    assert [item.fault for item in items if item.fault] == ["the folder cannot be read: Permission denied"]


def test_a_tree_deeper_than_recursion_goes(tmp_path: Path) -> None:
    folders = [tmp_path / ("d/" * depth) for depth in range(1, 1100)]
    for folder in folders:
        folder.mkdir()
    file = folders[-1] / "file"
    file.write_bytes(b"x")
    assert len(list(Walk().paths([str(tmp_path)]))) == 1
    file.unlink()
    for folder in reversed(folders):  # what clears up after tests recurses
        folder.rmdir()


def test_what_the_kernel_shows_of_itself_is_passed_over_wherever_it_is(tree: Path) -> None:
    name = os.fsencode(tree / "b").replace(b"b", rb"\142")
    mounts = tree / "mounts"
    mounts.write_bytes(
        b"21 1 0:20 / /proc rw shared:5 - proc proc rw\n22 1 8:1 / %s rw shared:9 - proc proc rw\n"
        b"23 1 0:20 / %s/a rw - proc proc rw\n24 1 8:1 / %s/a rw - ext4 /dev/sda1 rw\n"
        % (name, os.fsencode(tree), os.fsencode(tree))
    )
    walk = Walk(kernels=kernels_own(mounts))
    assert names(list(walk.paths([str(tree)])), tree) == ["A", "mounts", "z", "a/x"]
    assert kernels_own(tree / "none") == {b"/proc", b"/sys", b"/dev"}


@given(st.lists(st.binary(min_size=1, max_size=50).filter(lambda path: b"\0" not in path)))
def test_a_list_with_nul_gives_every_path(paths: list[bytes]) -> None:
    ended = b"".join(path + b"\0" for path in paths)
    assert list(read_list(io.BytesIO(ended), separator=b"\0")) == paths
    assert list(read_list(io.BytesIO(ended[:-1]), separator=b"\0")) == paths


def test_something_else_than_a_list_is_refused() -> None:
    with pytest.raises(InputRefusedError, match="longer than any"):
        list(read_list(io.BytesIO(b"x" * 3 * MAX_PATH_BYTES), separator=b"\n"))


digests = st.sampled_from(sorted(SIZES)).flatmap(
    lambda algorithm: st.binary(min_size=SIZES[algorithm], max_size=SIZES[algorithm]).map(
        lambda value: Digest(Algorithm(algorithm), value)
    )
)
parts = st.lists(st.builds(Part, st.text(), st.lists(digests, max_size=5).map(tuple)), max_size=4).map(tuple)


@given(parts)
def test_packed_parts_come_back(found: tuple[Part, ...]) -> None:
    assert unpack(pack(found)) == found


@given(parts.filter(bool), st.data())
def test_damaged_parts_are_an_error_and_nothing_else(found: tuple[Part, ...], data: st.DataObject) -> None:
    packed = pack(found)
    cut = packed[: data.draw(st.integers(1, len(packed) - 1))]
    try:
        assert unpack(cut) != found
    except StoreError:
        return
