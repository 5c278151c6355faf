"""Encrypted streams: they read back as they were written, in whatever pieces, and nothing altered reads to its end."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.backup import sealed_stream
from node.backup.sealed_stream import SealedReader, SealedWriter
from node.errors import VerificationError

KEY, HEADER = bytes(range(32)), b"a header\n"
PIECES = st.lists(st.binary(max_size=40), max_size=12)


@pytest.fixture(autouse=True, scope="module")
def _small_frames() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed_stream, "FRAME_BYTES", 16)
        yield


def sealed(pieces: list[bytes]) -> bytes:
    out = io.BytesIO()
    writer = SealedWriter(out, KEY, HEADER)
    for piece in pieces:
        writer.write(piece)
    writer.close()
    return out.getvalue()


def opened(data: bytes, *, size: int = -1, key: bytes = KEY, header: bytes = HEADER) -> bytes:
    reader = SealedReader(io.BytesIO(data), key, header)
    if size < 0:
        return reader.readall()
    return b"".join(iter(lambda: reader.read(size), b""))


@given(PIECES, st.integers(1, 50))
def test_what_was_written_is_read_in_whatever_pieces(pieces: list[bytes], size: int) -> None:
    assert opened(sealed(pieces), size=size) == b"".join(pieces) == opened(sealed(pieces))


@given(PIECES, st.data())
def test_what_was_altered_does_not_read_to_its_end(pieces: list[bytes], data: st.DataObject) -> None:
    whole = sealed(pieces)
    at = data.draw(st.integers(0, len(whole) - 1))
    for spoilt in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole + whole[:1]):
        with pytest.raises(VerificationError):
            opened(spoilt)


def test_frames_in_another_order_another_key_and_another_header_are_refused() -> None:
    whole = sealed([bytes(range(48))])
    frames = [whole[at : at + 32] for at in range(0, len(whole), 32)]
    spoilt: list[tuple[bytes, bytes, bytes]] = [
        (b"".join([frames[1], frames[0], *frames[2:]]), KEY, HEADER),
        (b"".join([frames[0], frames[0], *frames[1:]]), KEY, HEADER),
        (frames[0] + frames[1], KEY, HEADER),
        (whole, bytes(32), HEADER),
        (whole, KEY, b"another\n"),
    ]
    for data, key, header in spoilt:
        with pytest.raises(VerificationError):
            opened(data, key=key, header=header)
