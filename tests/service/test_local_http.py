"""The local daemon over HTTP: its own API, HMA's shape, Shield's SDK unchanged, and who is not answered."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import zlib
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import md5, sha1, sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node import connections
from node.config import ConnectionLimits
from node.connections import listen_tcp
from node.hoster.gateways.sockets import listen_path
from node.ports.inspection import Inspected
from node.ports.verdicts import CLEAN, Outcome, Verdict, Verdicts, over_subsets
from node.web.gateways.listener import served
from node.web.gateways.services import LocalServices
from protocol.digest import Algorithm, Digest
from support.digest_search import DigestSearch
from support.gateways import (
    CLEAR,
    HIT,
    KNOWN,
    LIMITS,
    LISTED,
    TEST_FILE,
    UNANSWERED,
    KnowingInspector,
    KnowingUpload,
    endless_looks,
    exchanged,
)
from support.leap import leap

PDQ_LISTED = sha256(LISTED).digest()
"""The inspector knows values of 32 bytes: this one stands for a PDQ value as well."""
STANDING = {"serving": True, "version": 7, "entries": 3}


@dataclass
class World:
    url: str
    port: int
    path: str
    inspector: KnowingInspector
    client: aiohttp.ClientSession

    async def json(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.client.request(method, self.url + path, **options) as reply:
            return reply.status, json.loads(await reply.read())


@asynccontextmanager
async def serving(
    tmp_path: Path, *, limits: ConnectionLimits = LIMITS, **changes: Any
) -> AsyncIterator[World]:
    inspector = KnowingInspector(max_bytes=100_000)
    services = replace(
        LocalServices(inspector=inspector, standing=lambda: STANDING, metrics=lambda: b"# metrics\n"),
        **changes,
    )
    tcp, unix = listen_tcp("127.0.0.1", 0), listen_path(tmp_path / "http.sock")
    port = tcp.getsockname()[1]
    async with served(services, [tcp, unix], limits=limits), aiohttp.ClientSession() as client:
        yield World(f"http://127.0.0.1:{port}", port, str(tmp_path / "http.sock"), inspector, client)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with serving(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("content", "verdict", "block"),
    [
        (CLEAR, "clean", False),
        (b"", "clean", False),
        (LISTED, "hit", True),
        (TEST_FILE, "test-file", True),
        (UNANSWERED, "unknown", False),
    ],
)
async def test_a_file(world: World, content: bytes, verdict: str, block: bool) -> None:
    status, said = await world.json("POST", "/v1/scan", data=content, headers={"X-File-Name": "a%20%0Ab.jpg"})
    assert (status, said["verdict"], said["block"], said["size"]) == (200, verdict, block, len(content))
    assert world.inspector.names == ["a ?b.jpg"]


@pytest.mark.parametrize("path", ["/v1/scan", "/v1/media/"])
@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data; boundary=b",
        'Multipart/Form-Data; boundary="b"',
        "multipart/mixed; boundary=b",
        "multipart/related; boundary=b",
        "multipart/form-data/x; boundary=b",
    ],
)
async def test_a_form_is_no_file(world: World, kind: str, path: str) -> None:
    """Judged as one, its envelope is clean whatever it holds."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    form = head + LISTED + b"\r\n--b--\r\n"
    status, said = await world.json("POST", path, data=form, headers={"Content-Type": kind})
    assert status == 415
    assert "--data-binary @FILE" in said["message"]
    assert world.inspector.names == []


async def test_a_hit_is_told_with_what_a_person_needs(world: World) -> None:
    _, said = await world.json("POST", "/v1/scan", data=LISTED)
    assert said == {
        "verdict": "hit",
        "block": True,
        "reason": "",
        "weak": False,
        "collection": "baseline",
        "countries": ["FR", "NL"],
        "algorithms": [],
        "hit": HIT.hit_id,
        "size": len(LISTED),
        "faults": [],
    }


async def test_unknown_files_are_blocked_where_they_must_not_pass(tmp_path: Path) -> None:
    async with serving(tmp_path, fail_closed=True) as world:
        _, said = await world.json("POST", "/v1/scan", data=UNANSWERED)
        assert (said["verdict"], said["block"]) == ("unknown", True)
        query = f"?signal_type=pdq&signal={sha256(UNANSWERED).hexdigest()}"
        status, said = await world.json("GET", "/m/lookup" + query)
        assert (status, said["message"]) == (503, "not looked up: fr.example cannot be reached")


async def test_hashes(world: World) -> None:
    files = [{"name": "one", "sha256": sha256(LISTED).hexdigest()}, {"md5": "00" * 16, "sha1": "11" * 20}]
    status, said = await world.json("POST", "/v1/check", json={"files": files})
    assert status == 200
    assert [(one["name"], one["verdict"]) for one in said["files"]] == [("one", "hit"), ("upload", "clean")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "a list of 1 to 1000"),
        (b'{"files": []}', "a list of 1 to 1000"),
        (b'{"files": [1]}', "files[0]: not an object"),
        (b'{"files": [{"name": "x"}]}', "files[0]: no hash"),
        (b'{"files": [{"sha256": "zz"}]}', "files[0]: digest: not hex digits"),
        (b'{"files": [{"md5": "00"}]}', "files[0]: digest: the length"),
        (b'{"files": [{"photodna": "00"}]}', "files[0]: unknown keys"),
    ],
)
async def test_requests_that_make_no_sense(world: World, body: bytes, says: str) -> None:
    status, said = await world.json("POST", "/v1/check", data=body)
    assert status == 400
    assert says in said["message"]


async def test_how_it_stands(world: World) -> None:
    assert await world.json("GET", "/health") == (200, STANDING)
    async with world.client.get(world.url + "/metrics") as reply:
        assert await reply.read() == b"# metrics\n"


async def test_what_is_too_long_or_too_slow_is_refused(tmp_path: Path) -> None:
    async def dripping() -> AsyncIterator[bytes]:
        yield b"a"
        for _ in range(100):
            leap(1)
            await asyncio.sleep(0.01)
        yield b"b"

    async with serving(tmp_path) as world:
        assert (await world.json("POST", "/v1/scan", data=b"x" * 200_000))[0] == 413
        assert (await world.json("POST", "/v1/check", data=BytesIO(b"x" * 2_000_000)))[0] == 413
        assert (await world.json("POST", "/v1/scan", data=dripping()))[0] == 408
    assert world.inspector.contents == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1234"}, 200),
        ({"Host": "[::1]"}, 200),
        ({"Host": "scanner"}, 200),
        ({"Host": "rebound.example"}, 421),
        ({"Host": "127.0.0.1.rebound.example:80"}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Encoding": "identity"}, 200),
    ],
)
async def test_pages_in_browsers_are_not_answered(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    async with serving(tmp_path, hosts=frozenset({"scanner"})) as world:
        assert (await world.json("GET", "/health", headers=headers))[0] == status


@pytest.mark.threat("an upload that evades a door")
@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Encoding: identity\r\nContent-Encoding: deflate",
        b"Content-Encoding: deflate\r\nContent-Encoding: identity",
        b"Content-Encoding: identity, deflate",
        b"Transfer-Encoding: deflate, chunked",
    ],
)
async def test_what_is_packed_on_its_way_is_never_clean(world: World, fields: bytes) -> None:
    packed = zlib.compress(LISTED)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    body = chunked if b"chunked" in fields else b"Content-Length: %d\r\n\r\n%s" % (len(packed), packed)
    head = b"POST /v1/scan HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + fields + b"\r\n"
    asked = head + (b"\r\n" if b"chunked" in fields else b"") + body
    said = await asyncio.to_thread(exchanged, ("127.0.0.1", world.port), [asked])
    assert said.startswith(b"HTTP/1.1 415 "), said
    assert world.inspector.contents == []


async def test_a_socket_needs_no_name(world: World) -> None:
    asked = b"GET /health HTTP/1.1\r\nHost: whatever\r\nConnection: close\r\n\r\n"
    assert (await asyncio.to_thread(exchanged, world.path, [asked])).startswith(b"HTTP/1.1 200 OK")


def scanned(content: bytes) -> bytes:
    """A request to look at a file; the connection may go on."""
    return b"POST /v1/scan HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (
        len(content),
        content,
    )


def half_closed(address: str | tuple[str, int], sent: bytes) -> bytes:
    """What is answered to whoever sends no more behind this."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as link:
        link.settimeout(20)
        link.connect(address)
        link.sendall(sent)
        link.shutdown(socket.SHUT_WR)
        with link.makefile("rb") as answers:
            return answers.read()


@pytest.mark.parametrize("over", ["unix", "tcp"])
@pytest.mark.parametrize("seconds", [0.0, 0.2], ids=["at once", "later"])
async def test_who_sends_no_more_behind_a_request_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch, over: str, seconds: float
) -> None:
    inspect = KnowingUpload.inspect

    async def inspected(self: KnowingUpload, name: str) -> Inspected:
        await asyncio.sleep(seconds)
        return await inspect(self, name)

    monkeypatch.setattr(KnowingUpload, "inspect", inspected)
    address = world.path if over == "unix" else ("127.0.0.1", world.port)
    for requests in (1, 2):
        said = await asyncio.to_thread(half_closed, address, scanned(LISTED) * requests)
        assert (said.count(b"HTTP/1.1 200 OK"), said.count(b'"verdict": "hit"')) == (requests, requests)
    assert await asyncio.to_thread(half_closed, address, b"") == b""
    assert await asyncio.to_thread(half_closed, address, scanned(LISTED)[:-1]) == b""
    assert world.inspector.contents == [LISTED] * 3, "what was cut off is not looked at"


@pytest.mark.parametrize("over", ["unix", "tcp"])
@pytest.mark.parametrize("halves", [True, False], ids=["in two steps", "at once"])
async def test_nothing_is_looked_at_for_a_client_that_left(
    world: World, monkeypatch: pytest.MonkeyPatch, over: str, halves: bool
) -> None:
    monkeypatch.setattr(connections, "PROBE_SECONDS", 1)
    begun, left = endless_looks(monkeypatch)
    async with asyncio.timeout(30):
        with socket.socket(socket.AF_UNIX if over == "unix" else socket.AF_INET) as link:
            link.connect(world.path if over == "unix" else ("127.0.0.1", world.port))
            if over == "tcp":  # its system forgets the connection then, and not in a minute
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, 1)
            link.sendall(scanned(LISTED))
            if halves:
                link.shutdown(socket.SHUT_WR)
            await begun.wait()
            assert not left.is_set()
        await left.wait()


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ("", 401),
        ("Bearer wrong", 401),
        ("Bearer a-token", 200),
        ("bearer a-token", 200),
        ("Basic " + b64encode(b"user:a-token").decode(), 200),
        ("Basic " + b64encode(b"a-token:").decode(), 401),
        ("Basic =", 401),
        ("Bearer \u00e4", 401),
    ],
)
async def test_a_credential_where_one_is_asked_for(tmp_path: Path, shown: str, status: int) -> None:
    async with serving(tmp_path, bearer=b"a-token") as world:
        headers = {"Authorization": shown} if shown else {}
        assert (await world.json("POST", "/v1/scan", data=b"x", headers=headers))[0] == status
        assert (await world.json("GET", "/health"))[0] == 200


def _form(field: str, content: bytes) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field(field, content, filename="f.bin")
    return form


MET = {"bank_content_id": 0xABABABABABAB, "distance": "0"}
PDQ_QUERY = f"signal_type=pdq&signal={PDQ_LISTED.hex()}"


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", f"/m/raw_lookup?{PDQ_QUERY}", 200, {"matches": [0xABABABABABAB]}),
        ("GET", f"/m/raw_lookup?{PDQ_QUERY}&include_distance=True", 200, {"matches": [MET]}),
        ("GET", f"/m/raw_lookup?signal_type=pdq&signal={'0' * 64}", 200, {"matches": []}),
        ("GET", f"/m/raw_lookup?{PDQ_QUERY}&banks=NATIONAL", 200, {"matches": []}),
        ("GET", f"/m/lookup?{PDQ_QUERY}", 200, {"BASELINE": [MET]}),
        ("GET", f"/m/lookup?{PDQ_QUERY}&bypass_coinflip=true&seed=7", 200, {"BASELINE": [MET]}),
        ("GET", f"/m/lookup?{PDQ_QUERY}&banks=COLLECTION_17,BASELINE", 200, {"BASELINE": [MET]}),
        ("GET", f"/m/lookup?{PDQ_QUERY}&banks=TEST_FILE", 200, {}),
        ("GET", f"/m/lookup?signal_type=video_md5&signal={'0' * 32}", 200, {}),
        ("GET", "/m/index/status?signal_type=pdq", 200, {"pdq": {"present": True, "built_to": 7, "size": 3}}),
        ("GET", "/m/lookup?url=http://169.254.169.254/", 400, None),
        ("GET", "/h/hash?url=http://169.254.169.254/", 400, None),
        ("GET", "/m/lookup?signal_type=pdq&signal=xx", 400, None),
        ("GET", "/m/lookup?signal_type=tlsh&signal=00", 400, None),
        ("GET", "/m/lookup", 400, None),
        ("GET", "/m/index/status?signal_type=x", 400, None),
        ("POST", "/m/lookup", 400, None),
        ("POST", "/h/hash?types=tlsh", 400, None),
        # what would pass for no match when it was not understood
        ("GET", f"/m/lookup?{PDQ_QUERY}&banks=MY_BANK", 400, None),
        ("GET", f"/m/lookup?{PDQ_QUERY}&banks=baseline", 400, None),
        ("GET", f"/m/lookup?{PDQ_QUERY}&banks=COLLECTION_1", 400, None),
        ("GET", f"/m/lookup?{PDQ_QUERY}&minimum_votes=9", 400, None),
        ("GET", f"/m/raw_lookup?{PDQ_QUERY}&include_distance=perhaps", 400, None),
        ("GET", f"/m/lookup_topk?{PDQ_QUERY}&k=3", 404, None),
        ("GET", f"/m/lookup_threshold?{PDQ_QUERY}&threshold=10", 404, None),
        ("GET", "/c/banks", 404, None),
        ("POST", "/m/compare", 404, None),
    ],
)  # fmt: skip
async def test_the_shape_of_hma(world: World, method: str, path: str, status: int, said: object) -> None:
    got = await world.json(method, path)
    assert got[0] == status
    assert said is None or got[1] == said


async def test_a_client_of_hma_reads_a_hit(world: World) -> None:
    """The calls, and what is read of their answers, are those of HMA's own tests (test_matching, api.md) of 2026."""
    query = {"signal": PDQ_LISTED.hex(), "signal_type": "pdq"}
    _, raw = await world.json("GET", "/m/raw_lookup", params=query)
    assert len(raw["matches"]) >= 1
    _, told = await world.json("GET", "/m/raw_lookup", params=query | {"include_distance": "True"})
    assert len(told["matches"]) == len(raw["matches"])
    _, by_bank = await world.json("GET", "/m/lookup", params=query)
    ((bank, matches),) = by_bank.items()
    for match in [*told["matches"], *matches]:
        assert (type(match["bank_content_id"]), float(match["distance"])) == (int, 0.0)
    assert re.fullmatch("[A-Z_][A-Z0-9_]*", bank)
    _, banked = await world.json("GET", "/m/lookup", params=query | {"banks": f"{bank},OTHER"})
    assert banked == by_bank
    status, by_type = await world.json("POST", "/m/lookup?bypass_coinflip=false", data=_form("photo", LISTED))
    assert (status, by_type["pdq"][bank]) == (200, matches)


NATIONAL, BASELINE, OTHER_BASELINE = (
    Verdict(outcome=Outcome.HIT, collection=collection, hit_id=digit * 32)
    for collection, digit in (("national", "1"), ("baseline", "2"), ("baseline", "3"))
)
SILENT = Verdict(outcome=Outcome.UNKNOWN, reason="fr.example cannot be reached")
NOT_ASKED = replace(SILENT, asked=False)
TEST = Verdict(outcome=Outcome.TEST_FILE)
CONTAINED = {"NATIONAL": [0x111111111111], "BASELINE": [0x222222222222]}
SAID: Mapping[str, tuple[Sequence[Sequence[Verdict]], int, object]] = {
    "one subset, one part": ([(NATIONAL,)], 200, {}),
    "the other subset has it": ([(NATIONAL, BASELINE)], 200, {"BASELINE": [0x222222222222]}),
    "the other subset is silent": ([(NATIONAL, SILENT)], 503, None),
    "the other subset was not asked": ([(NATIONAL, NOT_ASKED)], 200, {}),
    "another part has it": ([(NATIONAL,), (BASELINE,)], 200, {"BASELINE": [0x222222222222]}),
    "another part is unknown": ([(NATIONAL,), (SILENT,)], 503, None),
    "another part is the test file": ([(NATIONAL,), (TEST,)], 200, {}),
    "both": ([(NATIONAL, CLEAN), (SILENT, BASELINE)], 200, {"BASELINE": [0x222222222222]}),
    "two parts have it": (
        [(BASELINE,), (OTHER_BASELINE,), (BASELINE,)],
        200,
        {"BASELINE": [0x222222222222, 0x333333333333]},
    ),
}
"""What each subset says of each part, and what is told to who restricts itself to BASELINE."""


def telling(parts: Sequence[Sequence[Verdict]]) -> Verdicts:
    return Verdicts(tuple(each[0] if len(each) == 1 else over_subsets(each) for each in parts))


async def told_by_bank(
    world: World, monkeypatch: pytest.MonkeyPatch, parts: Sequence[Sequence[Verdict]], query: str
) -> tuple[int, object]:
    """What `/m/lookup` says of a file of these parts: numbers by bank; None when it says none."""
    found = Inspected(size=1, verdicts=telling(parts))
    monkeypatch.setattr(KnowingInspector, "judged", lambda *_: found)
    status, said = await world.json("POST", f"/m/lookup{query}", data=_form("video", b"x"))
    banks = said.get("video_md5")
    if banks is None:
        return status, None
    return status, {bank: [met["bank_content_id"] for met in matches] for bank, matches in banks.items()}


@pytest.mark.parametrize("name", SAID)
async def test_a_bank_is_told_whatever_else_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A hit of another bank, and what is worse than the answer, hides nothing."""
    parts, status, banks = SAID[name]
    assert await told_by_bank(world, monkeypatch, parts, "?banks=BASELINE") == (status, banks)


@pytest.mark.parametrize(
    "parts",
    [
        [(NATIONAL,), (BASELINE,)],
        [(NATIONAL, BASELINE)],
        [(NATIONAL, SILENT), (BASELINE, CLEAN)],
        [(NATIONAL, CLEAN), (SILENT, BASELINE)],
    ],
)
async def test_every_bank_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, parts: Sequence[Sequence[Verdict]]
) -> None:
    assert await told_by_bank(world, monkeypatch, parts, "") == (200, CONTAINED)
    assert await told_by_bank(world, monkeypatch, [*parts, (TEST,) * len(parts[0])], "") == (
        200,
        CONTAINED | {"TEST_FILE": [0]},
    )


WEAK = replace(NATIONAL, weak=True)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([(WEAK,), (BASELINE,)], id="in another part"),
        pytest.param([(WEAK, BASELINE)], id="of another subset"),
        pytest.param([(WEAK, CLEAN), (BASELINE, SILENT)], id="in another part, of the same subset"),
    ],
)
async def test_a_strong_hit_is_told_before_a_weak_one(
    world: World, monkeypatch: pytest.MonkeyPatch, parts: Sequence[Sequence[Verdict]]
) -> None:
    found = Inspected(size=1, verdicts=telling(parts))
    monkeypatch.setattr(KnowingInspector, "judged", lambda *_: found)
    _, said = await world.json("POST", "/v1/scan", data=b"an archive")
    for one in [said, *said.get("subsets", [])[: len(parts) - 1]]:
        assert (one["weak"], one["collection"], one["hit"]) == (False, "baseline", BASELINE.hit_id)


@pytest.mark.parametrize(
    ("collection", "outcome", "bank"),
    [
        ("national", Outcome.HIT, "NATIONAL"),
        ("17", Outcome.HIT, "COLLECTION_17"),
        ("", Outcome.HIT, "LISTED"),
        ("", Outcome.TEST_FILE, "TEST_FILE"),
    ],
)
async def test_banks_are_called_as_hma_allows(
    world: World, monkeypatch: pytest.MonkeyPatch, collection: str, outcome: Outcome, bank: str
) -> None:
    met = replace(HIT, collection=collection, outcome=outcome)
    monkeypatch.setitem(KNOWN, PDQ_LISTED, met)
    assert await world.json("GET", f"/m/lookup?{PDQ_QUERY}") == (200, {bank: [MET]})
    status, said = await world.json("GET", f"/m/lookup?{PDQ_QUERY}&banks={bank}")
    if bank == "LISTED":
        assert status == 400, "in which bank it is, nobody knows: it must not pass for none"
    else:
        assert (status, said) == (200, {bank: [MET]})


async def test_whether_it_is_alive_and_ready_in_the_words_of_hma(tmp_path: Path) -> None:
    standing = dict(STANDING)
    async with serving(tmp_path, standing=lambda: standing) as world:

        async def said(path: str) -> tuple[int, str]:
            async with world.client.get(world.url + path) as reply:
                return reply.status, await reply.text()

        paths = ("/status", "/readyz", "/status/live", "/livez")
        assert {await said(path) for path in paths} == {(200, "I-AM-ALIVE")}
        standing["serving"] = False
        assert [await said(path) for path in paths] == [(503, "INDEX-STALE")] * 2 + [(200, "I-AM-ALIVE")] * 2


async def test_files_in_the_shape_of_hma(tmp_path: Path) -> None:
    async with serving(tmp_path) as world:
        world.inspector.also = lambda content: (Digest(Algorithm.MD5, md5(content).digest()),)
        said = await world.json("POST", "/h/hash", data=_form("video", CLEAR))
        assert said == (200, {"video_md5": md5(CLEAR, usedforsecurity=False).hexdigest()})
        assert await world.json("POST", "/m/lookup", data=_form("video", LISTED)) == (
            200,
            {"video_md5": {"BASELINE": [MET | {"distance": "-"}]}},
        )
        assert await world.json("POST", "/m/lookup", data=_form("video", CLEAR)) == (200, {"video_md5": {}})
        assert await world.json("POST", "/m/lookup", data=_form("photo", LISTED)) == (
            200,
            {"pdq": {"BASELINE": [MET]}},
        )
        assert (await world.json("POST", "/m/lookup", data=_form("text", CLEAR)))[0] == 400
        long = await world.json("POST", "/h/hash", data=_form("video", b"x" * 200_000))
        assert long[0] == 413


PHOTO, BASE64 = (
    "--x\r\nContent-Disposition: form-data; name=photo\r\n",
    "Content-Transfer-Encoding: base64\r\n",
)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        pytest.param(
            "--x\r\nContent-Disposition: form-data; name=photo\r\n\r\ny\r\n--x--\r\n", 200, id="plain"
        ),
        pytest.param(PHOTO + "Content-Transfer-Encoding: x-uuencode\r\n\r\ny", 415, id="encoded"),
        pytest.param(
            PHOTO + "Content-Transfer-Encoding: binary\r\n" + BASE64 + "\r\neQ==\r\n--x--\r\n",
            415,
            id="encoded twice",
        ),
        pytest.param(PHOTO + BASE64 + "\r\n!eQ==\r\n--x--\r\n", 400, id="encoded badly"),
        pytest.param(PHOTO + "Content-Encoding: deflate\r\n\r\ny\r\n--x--\r\n", 415, id="packed"),
        pytest.param("--x\r\n" + "a: b\r\n" * 1000, 400, id="headers without end"),
        pytest.param(
            "--x\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\ny\r\n--z--\r\n--x--\r\n",
            400,
            id="form in a form",
        ),
        pytest.param(
            "--x\r\nContent-Disposition: form-data; name=photo\r\n\r\ny\r\n" * 2 + "--x--\r\n",
            400,
            id="two files",
        ),
        pytest.param("nothing", 400, id="none"),
    ],
)
async def test_forms_that_are_not_read(world: World, form: str, status: int) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await world.json("POST", "/h/hash", data=form.encode(), headers=headers))[0] == status


async def test_parts_of_another_kind_of_form_are_not_read(world: World) -> None:
    """Those say how long they are, whatever is in them."""
    form = f"{PHOTO}Content-Length: 9\r\n\r\ny\r\n--x--\r\n".encode()
    headers = {"Content-Type": "multipart/mixed; boundary=x"}
    assert (await world.json("POST", "/h/hash", data=form, headers=headers))[0] == 400


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
async def test_a_file_that_is_sent_encoded_is_judged(world: World, encoding: str) -> None:
    content = LISTED + bytes(range(256)) * 300
    text = encodebytes(content) if encoding == "base64" else b2a_qp(content, istext=False)
    form = b"--x\r\nContent-Disposition: form-data; name=photo\r\nContent-Transfer-Encoding: "
    form += encoding.encode() + b"\r\n\r\n" + text.replace(b"\n", b"\r\n") + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await world.json("POST", "/m/lookup", data=form, headers=headers))[0] == 200
    assert world.inspector.contents == [content]


async def test_no_more_connections_than_there_is_room_for(tmp_path: Path) -> None:
    """Whoever comes when it is full is told so, and those who hold a place in silence are let go."""
    limits = ConnectionLimits(connections=2, connections_per_address=2)
    async with serving(tmp_path, limits=limits) as world:
        idle = [await asyncio.open_connection("127.0.0.1", world.port) for _ in range(2)]
        assert (await world.json("GET", "/health"))[0] == 200
        for reader, writer in idle:
            assert await reader.read() == b""
            writer.close()


async def test_a_form_that_never_begins_is_let_go(tmp_path: Path) -> None:
    async def dripping() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"\r\n"
            leap(1)
            await asyncio.sleep(0.01)

    async with serving(tmp_path) as world:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert (await world.json("POST", "/h/hash", data=dripping(), headers=headers))[0] == 408


SHIELD = """
import asyncio, sys
from base64 import b64encode
from arachnid_shield_sdk import ArachnidShield, ArachnidShieldAsync, ArachnidShieldException, ScanMediaFromPdq

listed, clear = bytes.fromhex(sys.argv[1]), bytes(range(32))
config = ScanMediaFromPdq(hashes=[b64encode(listed).decode(), b64encode(clear).decode()])
shield = ArachnidShield(username="anyone", password="a-token")
found = shield.scan_pdq_hashes(config).scanned_hashes
assert [one.matches_known_media for one in found.values()] == [True, False], found
assert found[config.hashes[0]].match_type == "exact"
again = asyncio.run(ArachnidShieldAsync(username="anyone", password="a-token").scan_pdq_hashes(config))
assert again.scanned_hashes == found
media = shield.scan_media_from_bytes(sys.argv[2].encode(), "image/jpeg")
assert media.matches_known_media and media.size_bytes == len(sys.argv[2]), media
assert not shield.scan_media_from_bytes(b"a holiday", "image/jpeg").matches_known_media
for wrong in (
    lambda: shield.scan_media_from_url("http://169.254.169.254/"),
    lambda: shield.scan_pdq_hashes(ScanMediaFromPdq(hashes=["AAAA"])),
    lambda: ArachnidShield(username="anyone", password="wrong").scan_pdq_hashes(config),
):
    try:
        wrong()
    except ArachnidShieldException as exc:
        assert str(exc), exc
    else:
        raise AssertionError("nothing was raised")
"""


async def test_the_sdk_of_arachnid_shield_works_unchanged(tmp_path: Path) -> None:
    async with serving(tmp_path, bearer=b"a-token") as world:
        environment = os.environ | {"ARACHNID_SHIELD_URL": world.url + "/"}
        command = [sys.executable, "-c", SHIELD, PDQ_LISTED.hex(), LISTED.decode()]
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
    assert done.returncode == 0, done.stderr


async def test_neither_answers_nor_journal_spell_a_hash(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "sigfed")
    said = [await world.json("POST", "/v1/scan", data=content) for content in (LISTED, CLEAR, UNANSWERED)]
    said.append(await world.json("POST", "/v1/check", json={"files": [{"sha256": PDQ_LISTED.hex()}]}))
    await world.json("GET", f"/m/lookup?signal_type=pdq&signal={PDQ_LISTED.hex()}")
    values = [PDQ_LISTED, *KNOWN, sha256(CLEAR).digest(), sha1(LISTED, usedforsecurity=False).digest()]
    search = DigestSearch(frozenset(values))
    assert caplog.text
    assert not search.sightings((repr(said) + caplog.text).encode(), "what was said")
