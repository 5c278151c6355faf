import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pytest

from node.hashing.archive_members import shown
from node.hashing.file_hashes import Fault, Hashed
from node.hashing.plan import Bounds, HashPlan
from node.hashing.read import StreamHasher, hash_path
from support.pictures import animated, encoded, natural

PLAIN = HashPlan(images=False)
A, B = b"made-up content a" * 500, b"made-up content b" * 700


def hashed(data: bytes, plan: HashPlan = PLAIN) -> Hashed:
    hasher = StreamHasher(plan)
    for start in range(0, len(data), 1 << 20):
        hasher.update(data[start : start + (1 << 20)])
    return hasher.finish()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def tarred(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


MEMBERS = (("a.txt", A), ("folder/b", B), ("empty", b""))
ARCHIVES = {
    "zip, stored": zipped(*MEMBERS, method=zipfile.ZIP_STORED),
    "zip, deflate": zipped(*MEMBERS),
    "zip, bzip2": zipped(*MEMBERS, method=zipfile.ZIP_BZIP2),
    "zip, lzma": zipped(*MEMBERS, method=zipfile.ZIP_LZMA),
    "tar": tarred(*MEMBERS),
    "tar, ustar": tarred(*MEMBERS, form=tarfile.USTAR_FORMAT),
    "tar, GNU": tarred(*MEMBERS, form=tarfile.GNU_FORMAT),
    "tar.gz": gzip.compress(tarred(*MEMBERS)),
    "tar.bz2": bz2.compress(tarred(*MEMBERS)),
    "tar.xz": lzma.compress(tarred(*MEMBERS)),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_members_have_hashes_of_their_own(name: str, tmp_path: Path) -> None:
    data = ARCHIVES[name]
    found = hashed(data)
    assert found.faults == ()
    assert [(part.name, part.digests) for part in found.parts] == [
        ("", hashed(data, HashPlan(archives=False)).parts[0].digests),
        ("a.txt", hashed(A).parts[0].digests),
        ("folder/b", hashed(B).parts[0].digests),
    ]
    (tmp_path / "a").write_bytes(data)
    assert hash_path(tmp_path / "a", PLAIN) == found
    assert len(hashed(data, HashPlan(images=False, archives=False)).parts) == 1


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file_that_is_no_archive(compress: Callable[[bytes], bytes]) -> None:
    found = hashed(compress(A))
    assert [part.name for part in found.parts] == ["", "content"]
    assert found.parts[1].digests == hashed(A).parts[0].digests


def test_pictures_in_archives_have_pdq_and_frames() -> None:
    pytest.importorskip("PIL", reason="needs the images extra: pip install -e '.[images]'")
    gif = animated([natural(64, 80, 1), natural(64, 80, 2)])
    found = hashed(zipped(("in/a.png", encoded(natural(90, 90))), ("b.gif", gif)), HashPlan())
    counts = [(part.name, len(part.digests)) for part in found.parts]
    assert (counts, found.faults) == ([("", 3), ("in/a.png", 4), ("b.gif", 4), ("b.gif#2", 1)], ())
    damaged = hashed(zipped(("in/a.png", encoded(natural(90, 90))[:50])), HashPlan())
    assert [fault.name for fault in damaged.faults] == ["in/a.png"]


def faults(data: bytes, bounds: Bounds = Bounds()) -> list[tuple[str, str]]:  # noqa: B008 - frozen
    return [
        (fault.name, fault.reason) for fault in hashed(data, HashPlan(images=False, bounds=bounds)).faults
    ]


def test_an_archive_in_an_archive_stays_closed() -> None:
    inner = zipped(("a", A))
    found = hashed(zipped(("inner.zip", inner), ("b", B)))
    assert [part.name for part in found.parts] == ["", "inner.zip", "b"]
    assert found.parts[1].digests == hashed(inner, HashPlan(archives=False)).parts[0].digests
    assert found.faults == (Fault("inner.zip", "an archive in an archive: not opened"),)


def test_a_bomb_is_not_unpacked_to_its_end() -> None:
    zeros = bytes(1 << 20) * 40
    for data in (zipped(("a", zeros)), gzip.compress(zeros), gzip.compress(tarred(("a", zeros)))):
        assert faults(data)[-1] == ("", "an archive packed more than 200 times: not unpacked further")
    small = Bounds(unpacked_bytes=30 << 20)
    stored = zipped(("a", zeros), method=zipfile.ZIP_STORED)
    for data in (stored, tarred(("a", zeros))):
        assert faults(data, small)[-1] == (
            "",
            "an archive of more than 31,457,280 bytes: not unpacked further",
        )
    assert faults(stored) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_a_bomb_takes_no_memory_before_it_is_counted(method: int) -> None:
    """`zipfile` unpacks whole blocks of these: some hundred bytes would be all of it at once."""
    data = zipped(("a", bytes(96 << 20)), method=method)
    assert len(data) < 50_000
    tracemalloc.start()
    try:
        assert faults(data)[-1] == ("", "an archive packed more than 200 times: not unpacked further")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 48 << 20


@pytest.mark.parametrize(
    ("flag", "told"), [(0, []), (2, [("a", "damaged: hashed as far as it goes")])], ids=["none", "cut off"]
)
def test_a_mark_at_the_end_of_lzma_is_asked_for_where_one_is_promised(
    flag: int, told: list[tuple[str, str]]
) -> None:
    """Other programs leave it out: such a member ends with its last byte."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    unended = lzma.compress(A, format=lzma.FORMAT_RAW, filters=filters)[:-1]
    head = pack("<BBHBL", 9, 4, 5, 3 + 9 * 5 * 2, 1 << 16)
    data = bytearray(zipped(("a", head + unended), method=zipfile.ZIP_STORED))
    for at in (data.index(b"PK\x03\x04") + 6, data.index(b"PK\x01\x02") + 8):
        data[at : at + 4] = pack("<HH", flag, zipfile.ZIP_LZMA)
    found = hashed(bytes(data))
    assert found.parts[1].digests == hashed(A).parts[0].digests
    assert [(fault.name, fault.reason) for fault in found.faults] == told


def test_overlapping_members_do_not_multiply() -> None:
    data = bytearray(zipped(("a", bytes(1 << 20))))
    at = data.rfind(b"PK\x01\x02")
    entry, end = bytes(data[at : data.rfind(b"PK\x05\x06")]), bytes(data[data.rfind(b"PK\x05\x06") :])
    count = 3000
    many = (
        bytes(data[:at]) + entry * count + end[:8] + pack("<HHL", count, count, len(entry) * count) + end[16:]
    )
    found = hashed(many)
    assert found.faults
    assert len(found.parts) < 300


def test_many_members_are_not_all_looked_at() -> None:
    bounds = Bounds(members=20)
    members = [(f"{n}", b"x%d" % n) for n in range(30)]
    for data in (zipped(*members), tarred(*members), gzip.compress(tarred(*members))):
        found = hashed(data, HashPlan(images=False, bounds=bounds))
        assert len(found.parts) == 21
        assert found.faults == (Fault("", "an archive of more than 20 members: not looked at further"),)


def test_a_directory_beyond_all_measure_is_not_read() -> None:
    data = zipped(("a", A))
    at = data.rfind(b"PK\x05\x06")
    for told in (17 << 20, 0xFFFFFFFF):
        lie = data[: at + 12] + pack("<L", told) + data[at + 16 :]
        assert faults(lie)[0][0] == ""


def test_a_header_beyond_all_measure_is_not_read() -> None:
    header = tarfile.TarInfo("a")
    header.type, header.size = tarfile.XHDTYPE, 1 << 33
    data = header.tobuf(tarfile.GNU_FORMAT) + bytes(100_000)
    assert faults(data) == [("", "an archive with an oversized header: not looked at further")]


def test_a_sparse_member_counts_by_what_it_unpacks_to() -> None:
    info = tarfile.TarInfo("a")
    info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,1",
                        "GNU.sparse.size": str(1 << 40), "GNU.sparse.realsize": str(1 << 40)}  # fmt: skip
    info.size = 1
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(b"x"))
    assert faults(out.getvalue())[-1] == ("", "an archive packed more than 200 times: not unpacked further")


def test_encrypted_members_are_told() -> None:
    data = bytearray(zipped(("a", A), ("b", B)))
    data[6] |= 1
    data[data.rfind(b"PK\x01\x02", 0, data.rfind(b"PK\x01\x02")) + 8] |= 1
    found = hashed(bytes(data))
    assert [part.name for part in found.parts] == ["", "b"]
    assert found.faults == (Fault("a", "encrypted: not looked at"),)


@pytest.mark.parametrize("name", ["../a", "x/../../a", "/etc/a", "C:\\a", "..\\a"])
def test_a_name_that_leads_out_is_told_and_hashed(name: str) -> None:
    for data in (zipped((name, A)), tarred((name, A))):
        found = hashed(data)
        assert found.parts[1].digests == hashed(A).parts[0].digests
        assert [fault.reason for fault in found.faults] == [
            "its name leads out of the archive; it was hashed, do not unpack it"
        ]


def test_links_and_devices_in_a_tar_file_are_nothing_to_hash() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo("a")
            info.type, info.linkname = kind, "/etc/hostname"
            archive.addfile(info)
    assert [part.name for part in hashed(out.getvalue()).parts] == [""]


@pytest.mark.threat("a file that evades a scan")
def test_members_of_one_name_stay_apart() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped(*(("a", bytes([number])) for number in range(3)), ("a (2)", b"x"))
    parts = hashed(data).parts
    assert [part.name for part in parts] == ["", "a", "a (2)", "a (3)", "a (2) (2)"]
    assert len({part.digests for part in parts}) == 5


@pytest.mark.threat("a file that evades a scan")
def test_nothing_hides_behind_a_damaged_header_in_a_tar_file() -> None:
    first, second = tarred(("a", A), form=tarfile.USTAR_FORMAT), tarred(("b", B), form=tarfile.USTAR_FORMAT)
    whole = first[: 512 + len(A) + -len(A) % 512] + b"?" * 512 + second
    told = [("", "a damaged archive: not looked at further")]
    assert faults(whole) == faults(whole[: -len(second) - 412]) == told
    assert faults(gzip.compress(whole)) == told
    assert faults(first) == faults(first.rstrip(b"\0") + b"\0" * 512) == []


def test_what_is_called_a_folder_and_holds_a_file_is_hashed() -> None:
    assert [part.name for part in hashed(zipped(("empty/", b""), ("full/", A))).parts] == ["", "full/"]


def test_a_member_of_an_unknown_type_is_hashed_as_a_file() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("odd")
        info.size, info.type = len(A), b"Z"
        archive.addfile(info, io.BytesIO(A))
    assert [part.name for part in hashed(out.getvalue()).parts] == ["", "odd"]


def test_a_wrong_check_sum_hides_nothing() -> None:
    data = bytearray(zipped(("a", A)))
    for at in (14, data.rfind(b"PK\x01\x02") + 16):
        data[at : at + 4] = pack("<L", zlib.crc32(A) ^ 1)
    found = hashed(bytes(data))
    assert found.parts[1].digests == hashed(A).parts[0].digests
    short = bytearray(gzip.compress(A))
    short[-6] ^= 1
    assert hashed(bytes(short)).parts[1].digests == hashed(A).parts[0].digests
    assert hashed(bytes(short)).faults == (Fault("content", "damaged: hashed as far as it goes"),)


@pytest.mark.parametrize("name", ARCHIVES)
def test_damage_anywhere_ends_in_parts_and_faults(name: str) -> None:
    data = ARCHIVES[name]
    whole = hashed(data, HashPlan(archives=False))
    for cut in range(300, len(data), max(1, len(data) // 40)):
        found = hashed(data[:cut])
        assert found.parts[0].name == ""
        noisy = data[:cut] + b"\xff\x01" + data[cut + 2 :]
        assert hashed(noisy).size == whole.size
    assert faults(data[: len(data) * 2 // 3])


def test_what_cannot_be_opened_is_told() -> None:
    heads = {
        "7z": b"7z\xbc\xaf'\x1c\x00\x04",
        "RAR": b"Rar!\x1a\x07\x01\x00",
        "Zstandard": b"\x28\xb5\x2f\xfd\x00",
        "HEIC": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
        "JPEG XL": b"\xff\x0a\x00",
    }
    for name, head in heads.items():
        assert faults(head + bytes(600)) == [("", f"{name} cannot be looked into: exact hashes only")]
        assert faults(head) == [("", f"{name} cannot be looked into: exact hashes only")]


def test_an_archive_in_a_stream_is_held_up_to_a_bound(tmp_path: Path) -> None:
    data = zipped(("a", A), method=zipfile.ZIP_STORED)
    small = HashPlan(images=False, bounds=Bounds(archive_bytes=1000))
    assert hashed(data, small).faults == (Fault("", "an archive of more than 1,000 bytes: not looked into"),)
    (tmp_path / "a").write_bytes(data)
    assert hash_path(tmp_path / "a", small).faults == ()


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("a b/ü.jpg", "a b/ü.jpg"),
        ("a\nb\x1b[2J", "a\\x0ab\\x1b[2J"),
        ("a\udcffb", "a\\udcffb"),
        ("\u202egpj.exe", "\\x202egpj.exe"),
        ("x" * 1000, "x" * 100 + "…" + "x" * 100),
    ],
)
def test_names_are_made_fit_to_be_shown(stored: str, text: str) -> None:
    assert shown(stored) == text
