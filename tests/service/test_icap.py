"""The ICAP service: what a proxy is told, byte by byte, and a real Squid in front of uploads and downloads."""

import asyncio
import re
import socket
import time
import zlib
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Event, Thread

import pytest

from node.clock import system_entropy
from node.config import ConnectionLimits
from node.connections import Acceptor, listen_tcp
from node.hoster.gateways.icap import FULL, IcapService
from node.hoster.gateways.icap_protocol import chunk
from node.hoster.gateways.patience import Patience
from node.ports.inspection import Inspected
from support.gateways import (
    CLEAR,
    HIT,
    LIMITS,
    LISTED,
    TEST_FILE,
    UNANSWERED,
    KnowingInspector,
    KnowingUpload,
    endless_looks,
    exchanged,
    leaps_when_crowded,
    leaps_when_received,
)
from support.leap import leap
from support.processes import free_port
from support.sockets import heard
from support.squid import squid

CONTACT = "abuse@proxy.example <no tag>"
REQUEST = b"POST http://h/f HTTP/1.1\r\nHost: h\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"
BINARY = b"\0binary" * 1000
TEXT = b"<p>a long text</p>\n" * 500


@dataclass
class World:
    port: int
    inspector: KnowingInspector
    releases: list[str]


@asynccontextmanager
async def serving(
    *,
    fail_closed: bool = False,
    max_bytes: int = 100_000,
    idle: float = 20.0,
    crowded: float = 5.0,
    limits: ConnectionLimits = LIMITS,
) -> AsyncIterator[World]:
    inspector, releases = KnowingInspector(max_bytes=max_bytes), ["sigfed-7-3"]
    service = IcapService(
        inspector=inspector,
        release=lambda: releases[-1],
        entropy=system_entropy,
        contact=CONTACT,
        fail_closed=fail_closed,
        patience=Patience(idle, crowded_seconds=crowded),
    )
    listening = listen_tcp("127.0.0.1", 0)
    port = listening.getsockname()[1]
    async with Acceptor(
        [listening], service.serve, limits, crowded=service.patience.crowded, refusal=FULL, drain_seconds=1.0
    ):
        yield World(port, inspector, releases)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with serving() as made:
        yield made


async def asked(world: World, *pieces: bytes) -> bytes:
    return await asyncio.to_thread(exchanged, ("127.0.0.1", world.port), pieces)


def message(
    method: str, content: bytes | None, *, fields: str = "", head: bytes = b"", previewed: bytes = b""
) -> bytes:
    """A request with a body; `previewed` is how it is sent before the rest is asked for."""
    name = "req" if method == "REQMOD" else "res"
    http = head or (REQUEST if method == "REQMOD" else RESPONSE)
    kind = "null-body" if content is None else f"{name}-body"
    lines = [
        f"{method} icap://127.0.0.1/{method.lower()} ICAP/1.0",
        "Host: 127.0.0.1",
        f"Encapsulated: {name}-hdr=0, {kind}={len(http)}",
    ]
    sent = "\r\n".join(lines).encode() + b"\r\n" + fields.encode() + b"\r\n" + http
    if content is None:
        return sent
    return sent + previewed + (chunk(content) if content else b"") + b"0\r\n\r\n"


LAST = "Connection: close\r\n"
ALLOW = LAST + "Allow: 204\r\n"


async def test_what_it_offers(world: World) -> None:
    sent = b"OPTIONS icap://h/respmod ICAP/1.0\r\nHost: h\r\nConnection: close\r\n\r\n"
    said = (await asked(world, sent)).decode()
    assert said.startswith("ICAP/1.0 200 OK\r\n")
    for line in ("Methods: RESPMOD", "Preview: 4096", "Allow: 204", 'ISTag: "sigfed-7-3"'):
        assert f"{line}\r\n" in said
    assert "Transfer-Ignore" not in said, "whoever sends a file chooses its name"
    world.releases.append("sigfed-8-3")
    assert b'ISTag: "sigfed-8-3"' in await asked(world, sent)


@pytest.mark.parametrize(
    ("method", "content", "status"),
    [
        ("REQMOD", CLEAR, b"204"),
        ("RESPMOD", CLEAR, b"204"),
        ("REQMOD", None, b"204"),
        ("REQMOD", b"", b"204"),
        ("REQMOD", UNANSWERED, b"204"),
        ("REQMOD", LISTED, b"200"),
        ("RESPMOD", LISTED, b"200"),
        ("RESPMOD", TEST_FILE, b"200"),
    ],
)
async def test_verdicts(world: World, method: str, content: bytes | None, status: bytes) -> None:
    said = await asked(world, message(method, content, fields=ALLOW))
    assert said.split()[1] == status


async def test_the_page_tells_a_reference_and_where_to_object_and_nothing_else(world: World) -> None:
    for method, http in (
        ("REQMOD", b"HTTP/1.1 403 Forbidden"),
        ("RESPMOD", b"HTTP/1.1 451 Unavailable For Legal Reasons"),
    ):
        said = await asked(world, message(method, LISTED, fields=ALLOW))
        head, _, encapsulated = said.partition(b"\r\n\r\n")
        assert re.search(rb"Encapsulated: res-hdr=0, res-body=\d+", head)
        assert encapsulated.startswith(http)
        assert f"Reference: <strong>{HIT.hit_id[:8]}</strong>".encode() in encapsulated
        assert b"abuse@proxy.example &lt;no tag&gt;" in encapsulated
        for told in (b"baseline", b"FR", b"<img", LISTED):
            assert told not in encapsulated
        assert encapsulated.endswith(b"0\r\n\r\n")


async def test_what_may_not_be_answered_with_204_comes_back_as_it_was(world: World) -> None:
    said = await asked(world, message("REQMOD", CLEAR, fields=LAST))
    _, _, encapsulated = said.partition(b"\r\n\r\n")
    assert encapsulated == REQUEST + chunk(CLEAR) + b"0\r\n\r\n"
    said = await asked(world, message("RESPMOD", None, fields=LAST))
    assert b"Encapsulated: res-hdr=0, null-body=" in said
    assert said.endswith(RESPONSE)


async def test_a_preview_that_is_the_whole_file(world: World) -> None:
    sent = message("RESPMOD", None, fields=f"Preview: 4096\r\n{LAST}").replace(b"null-body", b"res-body")
    assert (await asked(world, sent + chunk(CLEAR) + b"0; ieof\r\n\r\n")).split()[1] == b"204"
    assert (await asked(world, sent + chunk(LISTED) + b"0; ieof\r\n\r\n")).split()[1] == b"200"
    assert world.inspector.contents == [CLEAR, LISTED]


async def test_the_rest_is_asked_for_when_it_is_no_text(world: World) -> None:
    begun = chunk(BINARY[:4096]) + b"0\r\n\r\n"
    sent = message("RESPMOD", BINARY[4096:], fields=f"Preview: 4096\r\n{ALLOW}", previewed=begun)
    said = await asked(world, sent)
    assert said.startswith(b"ICAP/1.0 100 Continue\r\n\r\nICAP/1.0 204 ")
    assert world.inspector.contents == [BINARY]


async def test_a_long_text_passes_after_its_preview_and_the_connection_goes_on(world: World) -> None:
    first = message("RESPMOD", None, fields="Preview: 4096\r\n").replace(b"null-body", b"res-body")
    first += chunk(TEXT[:4096]) + b"0\r\n\r\n"
    said = await asked(world, first + message("RESPMOD", LISTED, fields=ALLOW))
    assert re.findall(rb"ICAP/1.0 (\d+)", said) == [b"204", b"200"]
    assert world.inspector.contents == [LISTED]


async def test_an_empty_or_short_preview_says_nothing_of_a_file(world: World) -> None:
    for preview in (b"", TEXT[:10]):
        begun = (chunk(preview) if preview else b"") + b"0\r\n\r\n"
        sent = message("RESPMOD", LISTED, fields=f"Preview: 10\r\n{ALLOW}", previewed=begun)
        assert (await asked(world, sent)).startswith(b"ICAP/1.0 100 Continue")
    assert world.inspector.contents == [LISTED, TEXT[:10] + LISTED]


async def test_requests_that_are_sent_at_once_are_answered_in_turn(world: World) -> None:
    sent = message("REQMOD", CLEAR, fields="Allow: 204\r\n") * 3 + message("REQMOD", LISTED, fields=ALLOW)
    assert re.findall(rb"ICAP/1.0 (\d+)", await asked(world, sent)) == [b"204", b"204", b"204", b"200"]


FORM = b"\r\n".join(
    [b"--b", b'Content-Disposition: form-data; name="f"; filename="x"', b"", LISTED, b"--b--", b""]
)


async def test_each_file_in_a_form_is_judged(world: World) -> None:
    head = b"POST http://h/f HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    said = await asked(world, message("REQMOD", FORM, fields=ALLOW, head=head))
    assert b"HTTP/1.1 403 Forbidden" in said
    assert world.inspector.contents == [FORM, LISTED]


ENCODED = {
    "base64": b64encode(LISTED),
    "Base64": b64encode(LISTED)[:8] + b"\r\n" + b64encode(LISTED)[8:],
    "quoted-printable": b2a_qp(LISTED, quotetabs=True),
}


@pytest.mark.parametrize("encoding", ENCODED)
async def test_a_file_that_is_sent_encoded_is_judged(world: World, encoding: str) -> None:
    """What a server may decode, and what one keeps that does not."""
    head = b"POST http://h/f HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    says = b"Content-Transfer-Encoding: " + encoding.encode() + b"\r\n\r\n"
    form = HEAD + says + ENCODED[encoding] + CLOSED
    assert b"HTTP/1.1 403 Forbidden" in await asked(world, message("REQMOD", form, fields=ALLOW, head=head))
    assert world.inspector.contents == [form, ENCODED[encoding], LISTED]


async def test_line_feeds_that_are_no_lines_hold_nobody_up() -> None:
    """They are refused at once, and never take longer than a file that is read to its end."""
    head = b"POST http://h/f HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    taken = {}
    async with serving(max_bytes=2**19) as world:
        for content in (b"a\r\n" * 2**16, b"\n" * 2**18):
            form = HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + content + CLOSED
            began = time.process_time()
            assert b"ICAP/1.0 204 " in await asked(world, message("REQMOD", form, fields=ALLOW, head=head))
            taken[content[:1]] = time.process_time() - began
    assert taken[b"\n"] < 2 * taken[b"a"]


async def test_a_file_that_is_sent_encoded_may_pass() -> None:
    head = b"POST http://h/f HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    form = HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b64encode(CLEAR) + CLOSED
    async with serving(fail_closed=True) as world:
        said = await asked(world, message("REQMOD", form, fields=ALLOW, head=head))
    assert said.startswith(b"ICAP/1.0 204 ")


HEAD = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n'
CLOSED = b"\r\n--b--\r\n"
LENIENT = {
    "extended": ("; boundary*=utf-8''b", HEAD + b"\r\n" + LISTED + CLOSED, True),
    "continued": ("; boundary*0=b", HEAD + b"\r\n" + LISTED + CLOSED, True),
    "quoted pair": ('; boundary="\\b"', HEAD + b"\r\n" + LISTED + CLOSED, True),
    "longer name": ("; boundaryZ=b", HEAD + b"\r\n" + LISTED + CLOSED, False),
    "base64": (
        "; boundary=b",
        HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b64encode(LISTED) + CLOSED,
        False,
    ),
    "base64 with a letter that is none": (
        "; boundary=b",
        HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n!" + b64encode(LISTED) + CLOSED,
        False,
    ),
    "base64 that is none": (
        "; boundary=b",
        HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + LISTED + CLOSED,
        True,
    ),
    "no line end": ("; boundary=b", HEAD + b"\r\n" + LISTED + CLOSED[2:], False),
    "carriage returns": ("; boundary=b", (HEAD + b"\r\n" + LISTED + CLOSED).replace(b"\n", b""), True),
    "line feeds": ("; boundary=b", (HEAD + b"\r\n" + LISTED + CLOSED).replace(b"\r", b""), True),
    "preamble": ("; boundary=b", b"hidden\r\n" + HEAD + b"\r\n" + LISTED + CLOSED, True),
    "two boundaries": ("; boundary=a; boundary=b", HEAD + b"\r\n" + LISTED + CLOSED, True),
    "none": ("", HEAD + b"\r\n" + LISTED + CLOSED, False),
    "too many parts": ("; boundary=b", (HEAD + b"\r\nx\r\n") * 1000 + FORM, True),
}
"""Parameters and bodies, and whether Werkzeug finds the file. The others are found by Django (base64, no line end) and
PHP (longer name)."""


@pytest.mark.threat("an upload that evades a door")
@pytest.mark.parametrize("name", LENIENT)
async def test_a_form_that_servers_read_differently_is_not_clean(name: str) -> None:
    parameters, form, _ = LENIENT[name]
    head = f"POST http://h/f HTTP/1.1\r\nContent-Type: multipart/form-data{parameters}\r\n\r\n".encode()
    async with serving(fail_closed=True) as world:
        said = await asked(world, message("REQMOD", form, fields=ALLOW, head=head))
    assert re.search(rb"HTTP/1.1 (503|403) ", said), said


@pytest.mark.threat("an upload that evades a door")
@pytest.mark.parametrize("name", [name for name, (_, _, found) in LENIENT.items() if found])
def test_a_server_finds_files_in_such_forms(name: str) -> None:
    from werkzeug.formparser import FormDataParser
    from werkzeug.http import parse_options_header

    parameters, form, _ = LENIENT[name]
    kind, options = parse_options_header("multipart/form-data" + parameters)
    parser = FormDataParser(stream_factory=lambda *_, **__: BytesIO())
    _, _, files = parser.parse(BytesIO(form), kind, len(form), options)
    assert any(file.read() == LISTED for _, file in files.items(multi=True))


@pytest.mark.threat("an upload that evades a door")
@pytest.mark.parametrize("said", [b"deflate", b"identity\r\nContent-Encoding: deflate", b"identity, deflate"])
async def test_an_upload_that_is_packed_on_its_way_is_not_clean(said: bytes) -> None:
    head = REQUEST.removesuffix(b"\r\n") + b"Content-Encoding: " + said + b"\r\n\r\n"
    async with serving(fail_closed=True) as world:
        upload = message("REQMOD", zlib.compress(LISTED), fields=ALLOW, head=head)
        assert b"HTTP/1.1 503 Service Unavailable" in await asked(world, upload)


async def test_a_body_that_looks_like_a_form_is_not_clean() -> None:
    async with serving(fail_closed=True) as world:
        said = await asked(world, message("REQMOD", FORM.replace(LISTED, CLEAR), fields=ALLOW))
    assert b"HTTP/1.1 503 Service Unavailable" in said


@pytest.mark.threat("an upload that evades a door")
async def test_a_form_of_boundaries_costs_next_to_nothing() -> None:
    form = b"--b\n" * (10 * 2**20 // 4)
    head = b"POST http://h/f HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    async with serving(fail_closed=True, max_bytes=2**24) as world:
        began = time.process_time()
        said = await asked(world, message("REQMOD", form, fields=ALLOW, head=head))
        took = time.process_time() - began
        began = time.process_time()
        await asked(world, message("REQMOD", form, fields=ALLOW))
        assert took < 5 * (time.process_time() - began) + 0.2, "as a body of that size that is no form"
    assert b"HTTP/1.1 503 Service Unavailable" in said


BEGUN = message("REQMOD", None).replace(b"null-body", b"req-body") + b"ffff\r\n"
"""A body of which all is still to come."""


@contextmanager
def dripping(world: World, count: int) -> Iterator[None]:
    """Senders of a byte now and then, far more often than anybody is let go for his silence."""
    with ExitStack() as stack:
        links = [
            stack.enter_context(socket.create_connection(("127.0.0.1", world.port))) for _ in range(count)
        ]
        for link in links:
            link.sendall(BEGUN)
        ended = stack.enter_context(_beating(links))
        yield
        ended.set()


@contextmanager
def _beating(links: Sequence[socket.socket]) -> Iterator[Event]:
    ended = Event()

    def beat() -> None:
        while not ended.wait(0.05):
            for link in links:
                with suppress(OSError):
                    link.send(b"x")

    thread = Thread(target=beat)
    thread.start()
    try:
        yield ended
    finally:
        ended.set()
        thread.join()


@pytest.mark.threat("an upload that evades a door")
async def test_slow_senders_give_their_places_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    leaps_when_crowded(monkeypatch, 5)
    limits = ConnectionLimits(connections=3, connections_per_address=3)
    async with serving(limits=limits) as world:
        with dripping(world, 3):
            said = await asked(world, message("REQMOD", LISTED, fields=ALLOW))
    assert b"HTTP/1.1 403 Forbidden" in said


@pytest.mark.parametrize(("fail_closed", "passes"), [(False, True), (True, False)])
async def test_a_body_that_takes_too_long_is_not_judged(
    monkeypatch: pytest.MonkeyPatch, fail_closed: bool, passes: bool
) -> None:
    monkeypatch.setattr("node.hoster.gateways.icap.WHOLE_SECONDS", 0.3)

    def slow() -> Iterator[bytes]:
        yield BEGUN[:-6] + chunk(BINARY)
        time.sleep(0.6)
        yield chunk(LISTED) + b"0\r\n\r\n" + message("REQMOD", LISTED, fields=ALLOW)

    async with serving(fail_closed=fail_closed) as world:
        said = await asyncio.to_thread(exchanged, ("127.0.0.1", world.port), slow())
    if passes:
        _, _, encapsulated = said.partition(b"\r\n\r\n")
        sent, _, following = encapsulated[len(REQUEST) :].partition(b"0\r\n\r\n")
        assert _unchunked(sent + b"0\r\n\r\n") == BINARY + LISTED
        assert b"HTTP/1.1 403 Forbidden" in following
    else:
        assert b"HTTP/1.1 503 Service Unavailable" in said


@pytest.mark.parametrize("previewed", [False, True], ids=["head", "preview"])
async def test_whoever_sends_byte_by_byte_is_not_waited_for_anew(
    monkeypatch: pytest.MonkeyPatch, previewed: bool
) -> None:
    monkeypatch.setattr("node.hoster.gateways.icap.WHOLE_SECONDS", 0.3)
    begun = message("RESPMOD", None, fields="Preview: 4096\r\n").replace(b"null-body", b"res-body")
    ended = Event()

    def trickled() -> Iterator[bytes]:
        yield begun + chunk(BINARY[:200]) if previewed else begun[:20]
        while not ended.wait(0.05):
            yield chunk(b"x") if previewed else b"x"

    async with serving(idle=0.5, max_bytes=100) as world:
        said = await asyncio.to_thread(exchanged, ("127.0.0.1", world.port), trickled())
        ended.set()
    assert said.startswith(b"ICAP/1.0 408 Request timeout\r\n")


async def test_whoever_is_let_go_is_told_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    leaps_when_received(monkeypatch, 20)
    assert (await asked(world, BEGUN)).startswith(b"ICAP/1.0 408 Request timeout\r\n")


async def test_who_asks_for_nothing_more_is_let_go_without_a_word(world: World) -> None:
    """It may be asking just now, and would take that word for its answer."""
    loop = asyncio.get_running_loop()

    def asked_once() -> bytes:
        with socket.create_connection(("127.0.0.1", world.port), timeout=20) as link:
            link.sendall(message("REQMOD", CLEAR, fields="Allow: 204\r\n"))
            answer = link.recv(65536)
            loop.call_soon_threadsafe(leap, 20)
            return answer + heard(link)

    said = await asyncio.to_thread(asked_once)
    assert re.findall(rb"ICAP/1.0 (\d+)", said) == [b"204"]


@pytest.mark.threat("an upload that evades a door")
async def test_what_is_judged_for_nobody_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client leaves while its file is looked at, and what it sent behind that does not hide it."""
    begun, left = endless_looks(monkeypatch)
    async with asyncio.timeout(20):
        with socket.create_connection(("127.0.0.1", world.port)) as link:
            await asyncio.to_thread(link.sendall, message("REQMOD", LISTED) * 2)
            await begun.wait()
        assert await left.wait()


async def test_a_form_is_not_judged_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def inspect(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(KnowingUpload, "inspect_part", inspect)
    monkeypatch.setattr("node.hoster.gateways.icap.JUDGING_SECONDS", 0.1)
    head = b"POST http://h/f HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    async with serving(fail_closed=True) as world:
        said = await asked(world, message("REQMOD", FORM, fields=ALLOW, head=head))
    assert b"HTTP/1.1 503 Service Unavailable" in said


@pytest.mark.parametrize("whole", [False, True])
async def test_a_preview_that_there_is_no_room_for_passes(whole: bool) -> None:
    preview = chunk(BINARY[:4096]) + (b"0; ieof\r\n\r\n" if whole else b"0\r\n\r\n")
    first = message("RESPMOD", None, fields="Preview: 4096\r\n").replace(b"null-body", b"res-body") + preview
    async with serving(max_bytes=100) as world:
        said = await asked(world, first + message("RESPMOD", LISTED, fields=ALLOW))
    assert re.findall(rb"ICAP/1.0 (\d+)", said) == [b"204", b"200"]


async def test_a_part_that_cannot_be_hashed_hides_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(content: bytes, name: str) -> Inspected:
        if content == b"broken":
            raise OSError("it cannot be hashed")
        return whole(content, name)

    whole = world.inspector.judged
    monkeypatch.setattr(world.inspector, "judged", judged)
    head = b"POST http://h/f HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    form = b"--b\r\n\r\n" + LISTED + b"\r\n--b\r\n\r\nbroken\r\n--b--\r\n"
    said = await asked(world, message("REQMOD", form, fields=ALLOW, head=head))
    assert b"HTTP/1.1 403 Forbidden" in said


@pytest.mark.parametrize("preview", [False, True])
async def test_a_body_that_there_is_no_room_for_passes_as_it_comes(preview: bool) -> None:
    async with serving(max_bytes=5000) as world:
        begun, rest = (chunk(BINARY[:4096]) + b"0\r\n\r\n", BINARY[4096:]) if preview else (b"", BINARY)
        fields = f"Preview: 4096\r\n{LAST}" if preview else LAST
        said = await asked(world, message("RESPMOD", rest * 5, fields=fields, previewed=begun))
    said = said.removeprefix(b"ICAP/1.0 100 Continue\r\n\r\n")
    _, _, encapsulated = said.partition(b"\r\n\r\n")
    assert encapsulated.startswith(RESPONSE)
    sent = BINARY[:4096] + rest * 5 if preview else BINARY * 5
    assert _unchunked(encapsulated[len(RESPONSE) :]) == sent


def _unchunked(body: bytes) -> bytes:
    content = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if not int(size, 16):
            return content
        content, body = content + body[: int(size, 16)], body[int(size, 16) + 2 :]


@pytest.mark.parametrize("content", [UNANSWERED, BINARY * 5])
async def test_nothing_unjudged_passes_where_it_must_not(content: bytes) -> None:
    async with serving(fail_closed=True, max_bytes=5000) as world:
        said = await asked(world, message("REQMOD", content, fields=ALLOW))
    assert b"HTTP/1.1 503 Service Unavailable" in said
    assert b"could not be checked" in said


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"OPTIONS icap://h/nowhere ICAP/1.0\r\n\r\n", b"404"),
        (b"REQMOD icap://h/respmod ICAP/1.0\r\nEncapsulated: null-body=0\r\n\r\n", b"405"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"OPTIONS icap://h/reqmod ICAP/9.9\r\n\r\n", b"505"),
        (message("REQMOD", LISTED)[:-9] + b"zz\r\n", b"400"),
    ],
)
async def test_what_makes_no_sense_ends_the_connection(world: World, sent: bytes, status: bytes) -> None:
    said = await asked(world, sent + b"OPTIONS icap://h/reqmod ICAP/1.0\r\n\r\n")
    assert re.findall(rb"ICAP/1.0 (\d+)", said) == [status]
    assert world.inspector.contents == []


FILES = {"/clear": BINARY, "/listed": LISTED, "/text": TEXT, "/large": BINARY * 100, "/small": CLEAR}


@pytest.mark.threat("an upload that evades a door")
@pytest.mark.parametrize("bypass", [False, True])
async def test_squid_that_asks_as_it_is_let_go_asks_again(tmp_path: Path, bypass: bool) -> None:
    loop, asking = asyncio.get_running_loop(), Event()

    def let_go() -> None:
        """While this daemon stands still: then both are there, the end of a connection's time and a request."""
        asking.wait(10)
        leap(20)

    async with serving() as world:

        def ask() -> None:
            with (
                squid(tmp_path, icap=world.port, files=FILES, bypass=bypass) as through,
                ThreadPoolExecutor(1) as pool,
            ):
                assert through.get("/clear") == (200, BINARY)
                loop.call_soon_threadsafe(let_go)
                listed = pool.submit(through.post, LISTED)
                time.sleep(0.5)
                asking.set()
                assert listed.result()[0] == 403

        await asyncio.to_thread(ask)


async def test_squid_lets_pass_what_is_clear_and_blocks_what_is_listed(tmp_path: Path) -> None:
    async with serving(max_bytes=10_000_000) as world:

        def ask() -> None:
            with squid(tmp_path, icap=world.port, files=FILES) as through:
                for path in ("/clear", "/text", "/large", "/small"):
                    assert through.get(path) == (200, FILES[path])
                status, body = through.get("/listed")
                assert (status, LISTED in body) == (451, False)
                assert HIT.hit_id[:8].encode() in body
                for content in (CLEAR, BINARY * 100):
                    assert through.post(content) == (200, b"taken")
                assert through.post(LISTED)[0] == 403
                assert through.post(FORM, "multipart/form-data; boundary=b")[0] == 403
                assert through.uploads == [CLEAR, BINARY * 100]

        await asyncio.to_thread(ask)
    assert {BINARY, LISTED, BINARY * 100, CLEAR} <= set(world.inspector.contents)
    assert TEXT not in world.inspector.contents


@pytest.mark.parametrize(("bypass", "status"), [(False, 500), (True, 200)])
async def test_squid_without_the_service_does_as_it_was_told(
    tmp_path: Path, bypass: bool, status: int
) -> None:
    def ask() -> None:
        with squid(tmp_path, icap=free_port(), files=FILES, bypass=bypass) as through:
            assert through.get("/listed")[0] == status
            assert through.post(LISTED)[0] == status

    await asyncio.to_thread(ask)
