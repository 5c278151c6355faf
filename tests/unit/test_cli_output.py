"""What the command line prints can be neither forged nor stopped by a file's name."""

import io
import json

import pytest

from node.cli.output import Output
from node.pages.text import visible

NAMES = {
    "newline": ("a.jpg: not on the list\nb.jpg", r"a.jpg: not on the list\nb.jpg"),
    "terminal control": ("\x1b[2K\rclean", r"\x1b[2K\rclean"),
    "not UTF-8": ("\udcff.jpg", r"\udcff.jpg"),
    "right to left": ("\u202egpj.exe", r"\u202egpj.exe"),
    "one-byte control": ("\x9b2K\x7fclean", r"\x9b2K\x7fclean"),
    "other line ends": ("a\x85b\u2028c", r"a\x85b\u2028c"),
    "letters of the world": ("été 写真 → x", "été 写真 → x"),
}


@pytest.mark.parametrize(("name", "text"), NAMES.values(), ids=NAMES)
def test_names(name: str, text: str) -> None:
    assert visible(name) == text
    for as_json in (False, True):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        output = Output(as_json=as_json, out=out, err=err)
        output.result({"file": name}, f"{name}: HIT")
        output.talk(name)
        (line,) = out.buffer.getvalue().decode().splitlines()
        assert line.isprintable()
        assert (json.loads(line) == {"file": name}) if as_json else (line == f"{text}: HIT")
        assert err.buffer.getvalue().decode() == text + "\n"
