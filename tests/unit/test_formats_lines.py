import io

import pytest

from node.errors import InputRefusedError
from node.formats.lines import MAX_LINE, NOT_UTF8, TOO_LONG, LineFault, Lines


class Dribble:
    """A stream that gives few bytes at a time, and counts the largest read it was asked for."""

    def __init__(self, data: bytes, step: int) -> None:
        self._stream = io.BytesIO(data)
        self._step = step

    def read(self, _size: int = -1) -> bytes:
        return self._stream.read(self._step)


def lines(data: bytes, step: int = 1 << 30) -> list[tuple[int, str | LineFault]]:
    return list(Lines(Dribble(data, step)))  # type: ignore[arg-type]  # read() is all that is used


CASES: dict[str, tuple[bytes, list[tuple[int, str | LineFault]]]] = {
    "empty": (b"", []),
    "one line": (b"a\n", [(1, "a")]),
    "no final line end": (b"a\nb", [(1, "a"), (2, "b")]),
    "CR LF": (b"a\r\nb\r\n", [(1, "a"), (2, "b")]),
    "byte-order mark": (b"\xef\xbb\xbfa\n", [(1, "a")]),
    "byte-order mark only": (b"\xef\xbb\xbf", []),
    "blank lines are lines": (b"\n\na\n", [(1, ""), (2, ""), (3, "a")]),
    "line separator inside": ("a\u2028b\x0bc\n".encode(), [(1, "a\u2028b\x0bc")]),
    "not UTF-8": (b"a\n\xff\xfe\nb\r\n", [(1, "a"), (2, NOT_UTF8), (3, "b")]),
    "a character cut by the end": (b"a\n\xe2\x82", [(1, "a"), (2, NOT_UTF8)]),
    "longest allowed": (b"x" * MAX_LINE + b"\nb\n", [(1, "x" * MAX_LINE), (2, "b")]),
    "longest allowed, four bytes each": (
        ("\U0001f600" * MAX_LINE + "\nb").encode(),
        [(1, "\U0001f600" * MAX_LINE), (2, "b")],
    ),
    "one too long": (b"x" * (MAX_LINE + 1) + b"\nb\n", [(1, TOO_LONG), (2, "b")]),
    "too long and not UTF-8": (
        b"a\n\xff\n" + b"x" * (MAX_LINE + 1) + b"\nb",
        [(1, "a"), (2, NOT_UTF8), (3, TOO_LONG), (4, "b")],
    ),
    "huge": (b"a\n" + b"x" * 10_000_000 + b"\nb\n", [(1, "a"), (2, TOO_LONG), (3, "b")]),
    "huge and last": (b"a\n" + b"x" * 2_000_000, [(1, "a"), (2, TOO_LONG)]),
    "two huge": (
        b"x" * 2_000_000 + b"\n" + b"y" * 2_000_000 + b"\nb",
        [(1, TOO_LONG), (2, TOO_LONG), (3, "b")],
    ),
}


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("step", [1 << 30, 256 * 1024, 1000])
def test_lines_with_their_numbers(
    data: bytes, expected: list[tuple[int, str | LineFault]], step: int
) -> None:
    assert lines(data, step) == expected


def test_knows_that_the_last_line_has_no_end() -> None:
    source = Lines(io.BytesIO(b"a\nb\nc"))
    list(source)
    assert source.unterminated == 3
    closed = Lines(io.BytesIO(b"a\nb\nc\n"))
    list(closed)
    assert closed.unterminated == 0


def test_a_huge_line_is_not_held_in_memory() -> None:
    class Endless:
        """200 MB of one line, made as it is read."""

        left = 200 * 1024 * 1024

        def read(self, size: int = -1) -> bytes:
            size = min(size, self.left)
            self.left -= size
            return b"x" * size

    import tracemalloc

    tracemalloc.start()
    try:
        assert list(Lines(Endless())) == [(1, TOO_LONG)]  # type: ignore[arg-type]  # read() is all that is used
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04rest", "Excel"),
        (b"\x1f\x8brest", "gzip"),
        ("md5\n".encode("utf-16"), "UTF-16"),
        (b"\xfe\xff\x00m", "UTF-16"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_says_what_a_file_is_that_is_no_text(head: bytes, what: str) -> None:
    with pytest.raises(InputRefusedError, match=what) as caught:
        Lines(io.BytesIO(head))
    assert "UTF-8" in caught.value.hint
