"""Files in forms: found where a server may find them, and a form that servers read differently is never called read."""

import time
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.hoster.gateways.forms import MAX_PARTS, read_form

TYPE = "multipart/form-data; boundary=bo-und"
FILE = b'--bo-und\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n'
FORM = (
    b'--bo-und\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'
    + FILE
    + b"Content-Type: image/png\r\n\r\nfirst\r\n\r\nfile\r\n"
    + FILE
    + b"\r\n\r\n--bo-und--\r\n"
)
FOUND = [b"value", b"first\r\n\r\nfile"]
MANY = FILE + b"\r\nx\r\n"


def read(body: bytes, *types: str) -> tuple[list[bytes], bool]:
    """The files that are found, and whether there are no others."""
    form = read_form(types, body)
    assert form is not None
    return [body[start : start + size] for start, size, _ in form.parts], not form.fault


@pytest.mark.parametrize(
    "content_type",
    [
        TYPE,
        'Multipart/Form-Data; charset=UTF-8; Boundary="bo-und"',
        "multipart/form-data;boundary=bo-und",
        'multipart/related; type="application/json"; boundary=bo-und; start="<a>"',
    ],
)
@pytest.mark.parametrize("body", [FORM, b"\r\n" + FORM, FORM.removesuffix(b"\r\n")], ids=range(3))
def test_a_form_as_the_standard_says(content_type: str, body: bytes) -> None:
    assert read(body, content_type) == (FOUND, True)


def test_an_empty_form() -> None:
    assert read(b"--bo-und--\r\n", TYPE) == ([], True)


def test_parts_may_say_that_they_are_sent_as_they_are() -> None:
    body = FILE + b"Content-Transfer-Encoding: Binary\r\n\r\nfile\r\n--bo-und--"
    assert read(body, TYPE) == ([b"file"], True)


@pytest.mark.parametrize(
    "boundary", ["----WebKitFormBoundaryAbCd1234", "----=_Part_0_12.34", '"a b"', "x" * 70, "'quoted'"]
)
def test_boundaries_of_browsers_and_libraries(boundary: str) -> None:
    body = FORM.replace(b"bo-und", boundary.strip('"').encode())
    assert read(body, f"multipart/form-data; boundary={boundary}") == (FOUND, True)


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary*=utf-8''bo-und",
        "multipart/form-data; boundary*0=bo-und",
        "multipart/form-data; boundary*0=bo-; boundary*1=und",
        'multipart/form-data; boundary="bo\\-und"',
        "multipart/form-data; boundaryZ=bo-und",
        "multipart/form-data; xboundary=bo-und",
        "multipart/form-data; boundary=a; boundary=bo-und",
        "multipart/form-data; boundary=bo-und; boundary=a",
        'multipart/form-data; x="; boundary=a"; boundary=bo-und',
        "multipart/form-data; boundary=bo-und;",
        "multipart/form-data, x; boundary=bo-und",
        "multipart/form-data ; ; boundary=bo-und",
        "text/plain, multipart/form-data; boundary=bo-und",
    ],
)
def test_boundaries_that_servers_understand_differently(content_type: str) -> None:
    assert read(FORM, content_type) == (FOUND, False)


def test_two_fields_say_two_things() -> None:
    assert read(FORM, "image/jpeg", TYPE) == (FOUND, False)


def test_a_body_that_looks_like_a_form_is_one() -> None:
    assert read(FORM, "application/octet-stream") == (FOUND, False)
    assert read(b"\n" + FORM.replace(b"\r\n", b"\n")) == ([b"value", b"first\n\nfile"], False)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("image/jpeg; boundary=a", b"\xff\xd8\xff"),
        ("text/plain", b"--a signature\r\nnot a form\r\n"),
        ("", b""),
        ("", b"-- \n" * 1000),
    ],
)
def test_other_bodies_are_no_forms(content_type: str, body: bytes) -> None:
    assert read_form([content_type], body) is None


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"preamble\r\n" + FORM, FOUND),
        (FORM + b"epilogue", FOUND),
        (FORM[:-14], FOUND),
        (FORM[: FORM.index(b"file\r\n") + 2], [b"value", b"first\r\n\r\nfi"]),
        (FORM.replace(b"\r\n", b"\n"), [b"value", b"first\n\nfile"]),
        (FORM.replace(b"\r\n", b"\r"), [b"value", b"first\r\rfile"]),
        (FORM.replace(b"file\r\n--", b"file--"), FOUND),
        (FORM.replace(b"file\r\n--", b"file\r--"), FOUND),
        (FORM.replace(b"-und\r\n", b"-und \t\r\n"), FOUND),
        (FORM.replace(b"image/png", b"multipart/mixed; boundary=x"), FOUND),
        (FORM.replace(b"Content-Type: ", b"Content-Type : "), FOUND),
        (FORM.replace(b"Content-Type: ", b"Content-Type: \r\n "), FOUND),
        (FORM.replace(b"Content-Type: ", b"X: \ry\r\nContent-Type: "), FOUND),
        (b"--bo-und\r\n\r\nno head\r\n--bo-und--", [b"no head"]),
        (FORM.replace(b"value", b"--bo-und"), [b"first\r\n\r\nfile"]),
        (b"", []),
        (b"--bo-und", []),
        (b"nothing of the kind", []),
    ],
    ids=range(18),
)
def test_forms_that_servers_read_differently(body: bytes, found: list[bytes]) -> None:
    assert read(body, TYPE) == (found, False)


SAYS = b"Content-Transfer-Encoding: "


def sent(head: bytes) -> bytes:
    """A form of one file whose head has this line as well."""
    return FILE + head + b"\r\n\r\n" + b64encode(b"x") + b"\r\n--bo-und--"


@pytest.mark.parametrize(
    ("head", "encoding", "strict"),
    [
        (SAYS + b"base64", "base64", True),
        (SAYS + b"BASE64 ", "base64", True),
        (SAYS + b"quoted-printable", "quoted-printable", True),
        (SAYS + b"binary", "", True),
        (SAYS, "", False),
        (SAYS + b"x-uuencode", "", False),
        (SAYS + b"base64; x=y", "base64", False),
        (SAYS + b"binary\r\n" + SAYS + b"base64", "base64", False),
        (SAYS.replace(b":", b" :") + b"base64", "base64", False),
        (b"Content-Encoding: identity", "", True),
        (b"Content-Encoding: gzip", "", False),
    ],
)
def test_how_a_part_says_that_it_is_sent(head: bytes, encoding: str, strict: bool) -> None:
    form = read_form([TYPE], sent(head))
    assert form is not None
    assert ([part.encoding for part in form.parts], not form.fault) == ([encoding], strict)


def test_no_more_parts_are_looked_for_than_may_be() -> None:
    most = MANY * MAX_PARTS + b"--bo-und--\r\n"
    assert read(most, TYPE) == ([b"x"] * MAX_PARTS, True)
    assert read(MANY + most, TYPE) == ([b"x"] * MAX_PARTS, False)
    assert read(MANY + most, TYPE + "; boundary=a") == ([b"x"] * MAX_PARTS, False)


def test_boundaries_without_end_are_not_all_looked_at() -> None:
    """Both are as many as an attacker likes; what is found in them stays small."""
    found, is_whole = read(b"--bo-und\n" * 300_000, TYPE)
    assert (found, is_whole) == ([], False)
    assert not read(FORM, "multipart/form-data" + "; boundary=q" * 5000)[1]


@pytest.mark.threat("an upload that evades a door")
@pytest.mark.parametrize("said", ["boundary" * 8000, "a=b; " * 12_000 + "boundary=bo-und"])
def test_a_type_without_end_is_not_read(said: str) -> None:
    began = time.process_time()
    assert read(FORM, f"multipart/form-data; {said}") == (FOUND, False)
    assert time.process_time() - began < 0.05


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from([TYPE, TYPE + ";", "multipart/x"]))
def test_files_lie_inside_the_body(before: bytes, content: bytes, content_type: str) -> None:
    body = before + FILE + b"\r\n" + content + b"\r\n--bo-und--\r\n"
    form = read_form([content_type], body)
    assert form is not None
    assert all(0 <= start < start + size <= len(body) for start, size, _ in form.parts)


@given(st.binary(max_size=300).filter(lambda content: b"--bo-und" not in content))
def test_every_content_comes_through(content: bytes) -> None:
    assert read(FILE + b"\r\n" + content + b"\r\n--bo-und--\r\n", TYPE) == (
        [content] if content else [],
        True,
    )
