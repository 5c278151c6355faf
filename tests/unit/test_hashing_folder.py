import hashlib
import os
from pathlib import Path

import pytest

from node.hashing import folder as module
from node.hashing.folder import HashedFile, SkippedFile, hash_folder
from node.hashing.plan import HashPlan
from protocol.digest import Algorithm

EXACT = HashPlan(images=False, archives=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.bin").write_bytes(b"two" * 1_000_000)
    (tmp_path / "a.txt").write_bytes(b"one")
    (tmp_path / "sub" / "c").write_bytes(b"three")
    (tmp_path / "empty").write_bytes(b"")
    return tmp_path


def hashed(folder: Path) -> list[HashedFile | SkippedFile]:
    return list(hash_folder(folder, EXACT, jobs=2))


def test_a_tree_deeper_than_recursion_goes(tmp_path: Path) -> None:
    folders = [tmp_path / ("d/" * depth) for depth in range(1, 1100)]
    for folder in folders:
        folder.mkdir()
    file = folders[-1] / "file"
    file.write_bytes(b"x")
    assert [result.path.name for result in hashed(tmp_path)] == ["file"]
    file.unlink()
    for folder in reversed(folders):  # what clears up after tests recurses
        folder.rmdir()


def hex_digests(file: HashedFile | SkippedFile) -> list[str]:
    assert isinstance(file, HashedFile)
    return [digest.value.hex() for digest in file.digests]


@pytest.mark.parametrize("window", [1, 3, 4096])
def test_every_file_in_order_of_name(folder: Path, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WINDOW", window)
    results = hashed(folder)
    assert [str(result.path) for result in results] == ["a.txt", "b.bin", "empty", "sub/c"]
    assert results[2] == SkippedFile(Path("empty"), "empty file")
    data = b"two" * 1_000_000
    assert hex_digests(results[1]) == [
        hashlib.md5(data).hexdigest(),
        hashlib.sha1(data).hexdigest(),
        hashlib.sha256(data).hexdigest(),
    ]


def test_a_single_file(folder: Path) -> None:
    (result,) = hashed(folder / "a.txt")
    assert (str(result.path), len(hex_digests(result))) == ("a.txt", 3)


def test_links_pipes_and_missing_files_are_reported(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"x")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link-to-file").symlink_to(outside / "secret")
    (inside / "link-to-folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    os.mkfifo(inside / "pipe")
    assert hashed(inside) == [
        SkippedFile(Path("link-to-file"), "a symbolic link, not followed"),
        SkippedFile(Path("link-to-folder"), "a symbolic link, not followed"),
        SkippedFile(Path("loop"), "a symbolic link, not followed"),
        SkippedFile(Path("pipe"), "not a regular file"),
    ]
    assert [result.path.name for result in hashed(tmp_path / "gone")] == ["gone"]


def test_pictures_have_pdq_and_damaged_ones_a_fault(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="needs the images extra: pip install -e '.[images]'")
    from support.pictures import encoded, natural

    data = encoded(natural(100, 100), "JPEG")
    (tmp_path / "a.txt").write_bytes(data)
    (tmp_path / "b.jpg").write_bytes(b"no picture" * 100)
    (tmp_path / "c.jpg").write_bytes(data[:40])
    found = list(hash_folder(tmp_path, HashPlan(archives=False), jobs=1))
    assert all(isinstance(file, HashedFile) for file in found)
    algorithms = [[one.algorithm for one in file.digests] for file in found if isinstance(file, HashedFile)]
    exact = [Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256]
    assert algorithms == [[*exact, Algorithm.PDQ], exact, exact]
    assert [len(file.faults) for file in found if isinstance(file, HashedFile)] == [0, 0, 1]
