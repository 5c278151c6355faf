"""Evidence in one file: what is put in comes out, and an archive from elsewhere is bounded while it is unpacked."""

from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile

import pytest

from node.errors import InputRefusedError
from node.evidence.bundles import bundle, opened
from node.evidence.submission import Brought

_FILES = {"evidence.cbor": b"\xa0", "1.root.json": b"1", "2.root.json": b"2", "node.json": b"n"}


def _packed(*files: tuple[str, bytes], method: int = ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def _damaged(packed: bytes) -> bytes:
    """With wrong bytes where the first member's content begins."""
    at = packed.index(b"evidence.cbor") + len("evidence.cbor")
    return packed[: at + 4] + b"\xff" * 8 + packed[at + 12 :]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xa0", Brought(evidence=b"\xa0")),
        (bundle(_FILES), Brought(evidence=b"\xa0", roots=[b"1", b"2"], document=b"n")),
        (
            _packed(("case/evidence.cbor", b"\xa0"), ("case/revoked.json", b"r"), ("case/3.root.json", b"3")),
            Brought(evidence=b"\xa0", roots=[], revoked=b"r"),
        ),
    ],
    ids=["alone", "as-exported", "in-a-folder-with-a-gap"],
)
def test_what_was_put_in_comes_out(data: bytes, expected: Brought) -> None:
    assert opened(data) == expected


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (_packed(("evidence.cbor", bytes(8_000_001))), "more than 8 MB"),
        (_packed(*((f"{number}", bytes(90_000)) for number in range(100))), "more than 8 MB"),
        (_packed(*((f"{number}", b"") for number in range(301))), "more than 300 files"),
        (_packed(("letter.txt", b"")), "holds no evidence"),
        (bundle(_FILES).replace(b"\xa0", b"\xa1", 1), "cannot be read"),
    ],
    ids=["a-bomb", "many-small-bombs", "many-files", "no-evidence", "damaged"],
)
def test_an_archive_is_bounded(data: bytes, says: str) -> None:
    with pytest.raises(InputRefusedError, match=says):
        opened(data)


@pytest.mark.parametrize("method", [ZIP_BZIP2, ZIP_LZMA], ids=["bzip2", "lzma"])
def test_what_unpacks_without_bounds_is_not_opened(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole block is unpacked at once, however little of it is read."""
    bomb = _packed(("evidence.cbor", b"\xa0"), ("bomb", bytes(20_000_000)), method=method)
    assert len(bomb) < 5_000
    damaged = _damaged(_packed(("evidence.cbor", bytes(1_000)), method=method))
    opening: list[str] = []
    monkeypatch.setattr(ZipFile, "open", lambda _self, member: opening.append(member.filename))
    for data in (bomb, damaged):
        with pytest.raises(InputRefusedError, match="packed in a way that is not read here"):
            opened(data)
    assert not opening


def test_a_directory_of_too_many_files_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its end says of it: the large formats (ZIP64) say that elsewhere."""
    many = _packed(*((f"{number}", b"") for number in range(301)))
    monkeypatch.setattr(ZipFile, "_RealGetContents", lambda _self: pytest.fail("it was read"))
    with pytest.raises(InputRefusedError, match="more than 300 files"):
        opened(many)


def test_what_is_not_packed_at_all_is_read() -> None:
    assert opened(_packed(("evidence.cbor", b"\xa0"), method=ZIP_STORED)).evidence == b"\xa0"
