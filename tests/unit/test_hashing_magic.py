import pytest

from node.hashing.magic import Family, kind_of


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "WEBP"),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"JUNK\x00\x00\x00\x00WEBP", None),
        (b"", None),
        (b"GIF89a", "GIF"),
        (b"BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", "BMP"),
        (b"BMW is a maker of cars, and this a text", None),
        (b"XX\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", None),
        (b"BZh91AY&SY", "bzip2"),
        (b"BZhang is a name", None),
        (b"\x00" * 257 + b"ustar\x0000", "tar"),
        (b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00", "AVIF"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1miafheic", "HEIC"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1miafavif", "AVIF"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1miafheic", None),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", None),
        (b"\xff\xff\xff\xffftypmif1", None),
        (b"%PDF-1.7", None),
    ],
)
def test_what_a_file_is(head: bytes, name: str | None) -> None:
    kind = kind_of(head)
    assert (kind.name if kind else None) == name


def test_what_cannot_be_looked_into_is_known() -> None:
    kind = kind_of(b"7z\xbc\xaf'\x1c")
    assert kind is not None
    assert kind.family is Family.CLOSED
