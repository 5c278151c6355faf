import hashlib
import io
import os
from pathlib import Path

from node.formats import read_columns
from node.formats.hash_table import path_identity, write_csv
from protocol.digest import Algorithm, Digest
from support.tables import accepted, pdq

MD5 = Digest(Algorithm.MD5, hashlib.md5(b"a made-up file").digest())
SHA1 = Digest(Algorithm.SHA1, hashlib.sha1(b"a made-up file").digest())
STORED, SHOWN = (Digest.from_hex(Algorithm.PDQ, pdq(name)) for name in ("stored", "shown"))


def test_the_table_is_read_back() -> None:
    out = io.StringIO()
    assert write_csv([(Path("a.txt"), (MD5, SHA1)), (Path("b.jpg"), (SHA1,))], out) == 2
    rows = accepted(read_columns(io.BytesIO(out.getvalue().encode()), collection=1))
    assert [row.source_id for row in rows] == ["1", "2"]
    assert [row.digests for row in rows] == [(MD5, SHA1), (SHA1,)]
    assert "a.txt" not in out.getvalue()


def test_a_picture_that_is_turned_has_the_value_it_is_stored_with() -> None:
    out = io.StringIO()
    write_csv([(Path("a.jpg"), (MD5, STORED, SHOWN))], out)
    assert out.getvalue().splitlines()[1] == f"1,{MD5.value.hex()},,,{STORED.value.hex()}"


def test_paths_only_when_asked_for() -> None:
    names = ["=cmd()", "a;=cmd()", 'quo"te', "new\nline", "com,ma", os.fsdecode(b"\xff")]
    out = io.StringIO()
    write_csv([(Path(name), (MD5,)) for name in names], out, identity=path_identity)
    rows = accepted(read_columns(io.BytesIO(out.getvalue().encode()), collection=1))
    assert [row.source_id for row in rows] == [
        "./=cmd()",
        "./a\\x3b=cmd()",
        './quo"te',
        "./new\\x0aline",
        "./com,ma",
        "./\\xff",
    ]


def test_an_empty_table_has_its_header() -> None:
    out = io.StringIO()
    assert write_csv([], out) == 0
    assert out.getvalue() == "id,md5,sha1,sha256,pdq\n"
