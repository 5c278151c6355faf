import hashlib
import io
import os
from pathlib import Path

import pytest

from node.formats import read_columns
from node.formats.hashing import (
    MAX_IMAGE_BYTES,
    HashedFile,
    SkippedFile,
    hash_file,
    hash_folder,
    is_image,
    path_identity,
    write_csv,
)
from node.formats.pdq import PdqHasher, installed_hasher
from protocol.digest import Algorithm, Digest
from support.tables import accepted, pdq


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.bin").write_bytes(b"two" * 1_000_000)
    (tmp_path / "a.txt").write_bytes(b"one")
    (tmp_path / "sub" / "c").write_bytes(b"three")
    (tmp_path / "empty").write_bytes(b"")
    return tmp_path


def hex_digests(file: HashedFile | SkippedFile) -> list[str]:
    assert isinstance(file, HashedFile)
    return [digest.value.hex() for digest in file.digests]


def test_every_file_in_order_of_name(folder: Path) -> None:
    results = list(hash_folder(folder))
    assert [str(result.path) for result in results] == ["a.txt", "b.bin", "empty", "sub/c"]
    assert results[2] == SkippedFile(Path("empty"), "empty file")
    data = b"two" * 1_000_000
    assert hex_digests(results[1]) == [
        hashlib.md5(data).hexdigest(),
        hashlib.sha1(data).hexdigest(),
        hashlib.sha256(data).hexdigest(),
    ]


def test_a_single_file(folder: Path) -> None:
    (result,) = hash_folder(folder / "a.txt")
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
    assert list(hash_folder(inside)) == [
        SkippedFile(Path("link-to-file"), "a symbolic link, not followed"),
        SkippedFile(Path("link-to-folder"), "a symbolic link, not followed"),
        SkippedFile(Path("loop"), "a symbolic link, not followed"),
        SkippedFile(Path("pipe"), "not a regular file"),
    ]
    assert [result.path.name for result in hash_folder(tmp_path / "gone")] == ["gone"]


def test_what_may_not_be_read_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def guarded(path: Path, flags: int) -> int:
        if path.name == "b.bin":
            raise PermissionError(13, "Permission denied")
        return real(path, flags)

    monkeypatch.setattr(os, "open", guarded)
    results = {str(result.path): result for result in hash_folder(folder)}
    assert results["b.bin"] == SkippedFile(Path("b.bin"), "Permission denied")
    assert isinstance(results["sub/c"], HashedFile)


def test_the_table_is_read_back(folder: Path) -> None:
    files = [file for file in hash_folder(folder) if isinstance(file, HashedFile)]
    out = io.StringIO()
    assert write_csv(files, out) == 3
    rows = accepted(read_columns(io.BytesIO(out.getvalue().encode()), collection=1))
    assert [row.source_id for row in rows] == ["1", "2", "3"]
    assert [row.digests for row in rows] == [file.digests for file in files]
    assert "a.txt" not in out.getvalue()


def test_paths_only_when_asked_for() -> None:
    digests = (Digest(Algorithm.MD5, hashlib.md5(b"a made-up file").digest()),)
    names = ["=cmd()", 'quo"te', "new\nline", "com,ma", os.fsdecode(b"\xff")]
    files = [HashedFile(Path(name), digests) for name in names]
    out = io.StringIO()
    write_csv(files, out, identity=path_identity)
    rows = accepted(read_columns(io.BytesIO(out.getvalue().encode()), collection=1))
    assert [row.source_id for row in rows] == [
        "./=cmd()",
        './quo"te',
        "./new\\x0aline",
        "./com,ma",
        "./\\xff",
    ]


def test_an_empty_table_has_its_header() -> None:
    out = io.StringIO()
    assert write_csv([], out) == 0
    assert out.getvalue() == "id,md5,sha1,sha256,pdq\n"


class FakeHasher:
    """Stands for PDQ: notes what it was given."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, data: bytes) -> Digest | None:
        self.seen.append(len(data))
        return Digest(Algorithm.PDQ, bytes.fromhex(pdq("a"))) if len(data) > 100 else None


def test_images_by_their_first_bytes_go_to_the_image_hasher(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff\xd8\xff" + b"x" * 3_000_000)
    (tmp_path / "b.jpg").write_bytes(b"no image" * 100)
    (tmp_path / "c").write_bytes(b"\x89PNG\r\n\x1a\n")
    hasher = FakeHasher()
    counts = [len(hex_digests(file)) for file in hash_folder(tmp_path, image_hasher=hasher)]
    assert counts == [4, 3, 3]
    assert hasher.seen == [3_000_003, 8]


def test_a_huge_image_gets_no_pdq_and_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as stream:
        stream.write(b"GIF89a")
        stream.truncate(MAX_IMAGE_BYTES + 1)
    hasher = FakeHasher()
    assert len(hash_file(path, image_hasher=hasher)) == 3
    assert hasher.seen == []


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", True),
        (b"RIFF\x00\x00\x00\x00WAVE", False),
        (b"", False),
        (b"GIF89a", True),
    ],
)
def test_is_image(head: bytes, expected: bool) -> None:
    assert is_image(head) is expected


@pytest.fixture
def pdq_hasher() -> PdqHasher:
    hasher = installed_hasher()
    if hasher is None:
        pytest.skip("needs the images extra: pip install -e '.[images]'")
    return hasher


def picture(width: int = 256, height: int = 256) -> bytes:
    """A made-up pattern with structure, as PNG."""
    import numpy as np
    from PIL import Image  # type: ignore[import-not-found,unused-ignore]  # optional extra

    y, x = np.mgrid[0:height, 0:width]
    red = (np.sin(x / 9.0) + np.cos(y / 17.0) + np.sin((x + y) / 31.0)) * 40 + 128
    pixels = np.stack([red, red[::-1], red.T if width == height else red], axis=-1).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_pdq_of_a_picture_is_what_the_reference_package_says(pdq_hasher: PdqHasher) -> None:
    import numpy as np
    import pdqhash
    from PIL import Image

    data = picture()
    bits, quality = pdqhash.compute(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert quality >= 50
    digest = pdq_hasher(data)
    assert digest is not None
    assert digest.value.hex() == f"{int(''.join(map(str, bits)), 2):064x}"


@pytest.mark.parametrize("name", ["damaged", "not an image", "flat", "bomb", "one pixel"])
def test_pictures_without_a_useful_pdq(pdq_hasher: PdqHasher, name: str) -> None:
    from PIL import Image

    def encoded(size: tuple[int, int]) -> bytes:
        out = io.BytesIO()
        Image.new("1", size).save(out, "PNG")
        return out.getvalue()

    data = {
        "damaged": picture()[:200],
        "not an image": b"\xff\xd8\xff" + b"x" * 100,
        "flat": encoded((64, 64)),
        "bomb": encoded((11_000, 11_000)),
        "one pixel": encoded((1, 1)),
    }[name]
    assert pdq_hasher(data) is None


def test_without_the_extra_there_is_no_hasher(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    assert installed_hasher() is None
