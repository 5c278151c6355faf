"""ICAP's words: whatever the pieces in which it comes, the same is read; what could be read in two ways is refused."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.hoster.gateways.icap_protocol import (
    Data,
    End,
    Event,
    IcapError,
    Parser,
    Request,
    chunk,
    encapsulated,
    fields_of,
    reply,
)

HTTP = b"POST http://h/f HTTP/1.1\r\nHost: h\r\nContent-Type: image/jpeg\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"


def reqmod(body: bytes = b"", *, fields: str = "", http: bytes = HTTP, kind: str = "req-body") -> bytes:
    head = f"REQMOD icap://127.0.0.1:1344/reqmod ICAP/1.0\r\nHost: x\r\n{fields}"
    return f"{head}Encapsulated: req-hdr=0, {kind}={len(http)}\r\n\r\n".encode() + http + body


def events(data: bytes, *cuts: int) -> list[Event]:
    """Everything that is read, the data cut at these places; a preview is always gone on with."""
    parser, found = Parser(), []
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        parser.feed(data[start:end])
        while (event := parser.next()) is not None:
            found.append(event)
            if event == End(whole=False):
                parser.go_on()
    return found


def joined(found: list[Event]) -> list[Event]:
    """The same with pieces of one body joined."""
    whole: list[Event] = []
    for event in found:
        if isinstance(event, Data) and whole and isinstance(whole[-1], Data):
            whole[-1] = Data(whole[-1].content + event.content)
        else:
            whole.append(event)
    return whole


CONVERSATION = (
    reqmod(chunk(b"first") + chunk(b"second") + b"0\r\n\r\n")
    + b"\r\nOPTIONS icap://h/respmod ICAP/1.0\r\nHost: h\r\n\r\n"
    + reqmod(kind="null-body")
    + reqmod(chunk(b"pre") + b"0\r\n\r\n" + chunk(b"view") + b"0\r\n\r\n", fields="Preview: 3\r\n")
    + reqmod(b"2;name=value\r\nok\r\n0; ieof\r\n\r\n", fields="Preview: 30\r\nAllow: 204, 206\r\n")
    + reqmod(chunk(b"x") + b"0\r\nTrailer: kept out\r\n\r\n")
)


def test_a_conversation_is_read() -> None:
    found = joined(events(CONVERSATION))
    assert [event for event in found if not isinstance(event, Request)] == [
        Data(b"firstsecond"), End(whole=True),
        Data(b"pre"), End(whole=False), Data(b"view"), End(whole=True),
        Data(b"ok"), End(whole=True),
        Data(b"x"), End(whole=True),
    ]  # fmt: skip
    requests = [event for event in found if isinstance(event, Request)]
    assert [(one.method, one.service, one.has_body) for one in requests] == [
        ("REQMOD", "reqmod", True), ("OPTIONS", "respmod", False), ("REQMOD", "reqmod", False),
        ("REQMOD", "reqmod", True), ("REQMOD", "reqmod", True), ("REQMOD", "reqmod", True),
    ]  # fmt: skip
    assert [(one.preview, one.allows_204) for one in requests[3:5]] == [(True, False), (True, True)]
    assert requests[0].heads == {"req-hdr": HTTP}
    assert fields_of(HTTP, "Content-Type") == ["image/jpeg"]


@given(st.lists(st.integers(min_value=0), max_size=8))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    assert joined(events(CONVERSATION, *cuts)) == joined(events(CONVERSATION))


def test_every_byte_alone_is_the_same() -> None:
    assert joined(events(CONVERSATION, *range(len(CONVERSATION)))) == joined(events(CONVERSATION))


@given(st.binary(max_size=300), st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_noise_is_refused_or_waited_for_and_nothing_else(noise: bytes, at: int, byte: int) -> None:
    """Any other error fails this."""
    altered = bytearray(CONVERSATION)
    altered[at % len(altered)] = byte
    for data in (noise, bytes(altered), CONVERSATION[: at % len(CONVERSATION)] + noise):
        with suppress(IcapError):
            events(data)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5))
def test_what_is_sent_in_chunks_is_read_again(pieces: list[bytes]) -> None:
    body = b"".join(map(chunk, pieces)) + b"0\r\n\r\n"
    found = events(reqmod(body))
    assert b"".join(one.content for one in found if isinstance(one, Data)) == b"".join(pieces)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/2.0\r\n\r\n", 505),
        (b"TRACE icap://h/x ICAP/1.0\r\n\r\n", 405),
        (b"REQMOD icap://h/x ICAP/1.0\r\n\r\n", 400),
        (b"REQMOD  icap://h/x ICAP/1.0\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nEncapsulated: req-hdr=0\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nEncapsulated: req-body=5\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nEncapsulated: req-hdr=0, req-body=0\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nEncapsulated: req-hdr=0, req-body=99999999\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nEncapsulated: res-hdr=0, res-body=9\r\n\r\n", 400),
        (b"RESPMOD icap://h/x ICAP/1.0\r\nEncapsulated: res-hdr=0, req-hdr=4, res-body=9\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nEncapsulated: req-body=0\r\nEncapsulated: req-body=0\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nEncapsulated: req-body=0\r\nPreview: -1\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nEncapsulated: req-body=0\r\nPreview: 9999999999\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nEncapsulated: req-body=0\r\nPreview: \xb2\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\n folded: x\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nname : x\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nname: x\ny\r\n\r\n", 400),
        (b"x" * 100_000, 400),
        (reqmod().replace(b"req-hdr=0, req-body", b"req-hdr=0\r\nEncapsulated: req-body"), 400),
        (reqmod(http=b"no empty line"), 400),
        (reqmod(b"xyz\r\n"), 400),
        (reqmod(b"-1\r\n"), 400),
        (reqmod(b"0x1\r\na\r\n"), 400),
        (reqmod(b"fffffffff\r\n"), 400),
        (reqmod(b"80000001\r\n"), 400),
        (reqmod(b"1\r\nab\r\n"), 400),
        (reqmod(b"1\na\r\n"), 400),
        (reqmod(b"0\r\nnot a trailer\r\n\r\n"), 400),
        (reqmod(b"1" * 5000), 400),
        (reqmod(b"0\r\n" + b"a: b\r\n" * 2000), 400),
        (reqmod(chunk(b"longer than promised"), fields="Preview: 4\r\n"), 400),
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(sent: bytes, status: int) -> None:
    with pytest.raises(IcapError) as refused:
        events(sent)
    assert refused.value.status == status


def test_replies() -> None:
    assert reply(204, '"sigfed-7"', {"Encapsulated": "null-body=0"}) == (
        b'ICAP/1.0 204 No Content\r\nISTag: "sigfed-7"\r\nEncapsulated: null-body=0\r\n\r\n'
    )
    heads = {"req-hdr": HTTP, "res-hdr": RESPONSE}
    assert encapsulated(heads, body="res-body") == (
        f"req-hdr=0, res-hdr={len(HTTP)}, res-body={len(HTTP) + len(RESPONSE)}"
    )


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ("Content-Type: a/b; c=d", ["a/b; c=d"]),
        ("Content-Type: a/b;\r\n c=d", ["a/b; c=d"]),
        ("Content-Type: image/jpeg\r\ncontent-type : a/b", ["image/jpeg", "a/b"]),
        ("Host: h", []),
    ],
)
def test_values_of_a_field(fields: str, found: list[str]) -> None:
    head = f"POST http://h/f HTTP/1.1\r\n{fields}\r\n\r\n".encode()
    assert fields_of(head, "Content-Type") == found
