import hashlib
import os
import time
from pathlib import Path

import pytest

from node.hashing.file_hashes import Hashed, Part
from node.hashing.plan import HashPlan
from node.hashing.read import StreamHasher, hash_path, mark_of, reason_of
from protocol.digest import Algorithm, Digest

EXACT = HashPlan(images=False, archives=False)


def exact(data: bytes) -> tuple[Digest, ...]:
    return (
        Digest(Algorithm.MD5, hashlib.md5(data).digest()),
        Digest(Algorithm.SHA1, hashlib.sha1(data).digest()),
        Digest(Algorithm.SHA256, hashlib.sha256(data).digest()),
    )


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 1024 * 1024, 3_000_001])
def test_exact_hashes_of_a_file_and_of_a_stream(tmp_path: Path, size: int) -> None:
    data = (b"made-up bytes " * (size // 14 + 1))[:size]
    (tmp_path / "a").write_bytes(data)
    expected = Hashed(size, (Part("", exact(data)),))
    assert hash_path(tmp_path / "a", EXACT) == expected
    hasher = StreamHasher(EXACT)
    for start in range(0, size, 100_003):
        hasher.update(data[start : start + 100_003])
    assert hasher.finish() == expected


def test_an_empty_file_has_no_parts(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert hash_path(tmp_path / "a", EXACT) == StreamHasher(EXACT).finish() == Hashed(0, ())


@pytest.mark.threat("a file that evades a scan")
def test_a_file_of_nothing_but_a_hole_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "hollow").open("wb") as file:
        file.write(b"x")
        file.truncate((1 << 36) + 1)
    with pytest.raises(OSError, match="next to no content") as found:
        hash_path(tmp_path / "hollow", EXACT)
    assert reason_of(found.value) == "larger than 64 GiB, with next to no content (sparse): not read"


@pytest.mark.threat("a file that evades a scan")
@pytest.mark.parametrize(("later_ms", "tells"), [(-1000, True), (0, False), (19, False), (20, True)])
def test_a_file_that_changed_just_before_it_was_read_has_no_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later_ms: int, *, tells: bool
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    found = (tmp_path / "a").stat()
    monkeypatch.setattr(time, "time_ns", lambda: found.st_ctime_ns + later_ms * 1_000_000)
    assert hash_path(tmp_path / "a", EXACT).mark == (mark_of(found) if tells else "")


def test_links_pipes_folders_and_missing_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder", "gone"):
        with pytest.raises(OSError, match=r"\[Errno \d+\]"):
            hash_path(tmp_path / name, EXACT)
