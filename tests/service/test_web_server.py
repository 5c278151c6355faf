"""Listening, draining, and what is written down while doing so."""

import asyncio
import json
import logging
import socket
from dataclasses import replace

import pytest
from typing_extensions import override

from node.clock import system_entropy
from node.connections import address_key
from node.errors import NodeError, PeerRefusedError, PeerUnreachableError, PortTakenError
from node.tls import client_context, server_context
from node.web.app import make_app
from node.web.ratelimit import MAX_BUCKETS, TokenBuckets
from node.web.server import serve
from protocol.messages import EvaluationReply, EvaluationRequest
from support.fakes_api import (
    IDENTITY,
    LIST,
    HandClock,
    MemoryNode,
    MemorySubset,
    SlowSubset,
    node_on_loopback,
)
from support.raw_http import leave

REQUEST = EvaluationRequest(subset_id=b"s" * 16, epoch=1, request_id=b"r" * 16, elements=b"\0" * 32)


async def test_a_port_that_is_taken_is_named() -> None:
    async with node_on_loopback() as node:
        context = server_context(IDENTITY, entropy=system_entropy)
        app = make_app(MemoryNode().services())
        with pytest.raises(PortTakenError, match=str(node.server.port)) as caught:
            await serve(app, ssl_context=context, host="127.0.0.1", port=node.server.port)
        assert "another port" in caught.value.hint


async def test_a_host_that_does_not_exist_is_not_a_taken_port() -> None:
    context = server_context(IDENTITY, entropy=system_entropy)
    with pytest.raises(socket.gaierror):
        await serve(make_app(MemoryNode().services()), ssl_context=context, host="no.such.invalid", port=0)


async def test_running_requests_are_finished_before_the_server_ends() -> None:
    memory = MemoryNode()
    memory.subset = slow = SlowSubset()
    async with node_on_loopback(memory) as node, node.as_partner() as partner:
        asked = asyncio.create_task(partner.evaluate("baseline", REQUEST))
        await slow.started.wait()
        stopping = asyncio.create_task(node.server.stop())
        await asyncio.sleep(0.05)
        async with node.as_peer() as late:
            with pytest.raises(PeerUnreachableError):
                await late.checkpoint(LIST, held=None)
        slow.finish.set()
        assert (await asked).elements == b"\1" * 32
        await stopping


async def test_a_server_knows_where_it_listens() -> None:
    async with node_on_loopback() as node:
        assert node.url == f"https://127.0.0.1:{node.server.port}"
        assert replace(node.server, host="::1", port=1).url == "https://[::1]:1"


# ------------------------------------------------------------------ what is logged

SECRET = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


@pytest.mark.threat("a leaking text")
async def test_no_path_query_token_or_error_text_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sigfed")  # whatever a command that ran here before has set

    class Failing(MemorySubset):
        @override
        async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
            raise RuntimeError(SECRET)

    memory = MemoryNode()
    memory.subset = Failing()
    async with node_on_loopback(memory) as node, node.as_partner() as partner:
        with pytest.raises(PeerRefusedError):
            await partner.evaluate("baseline", REQUEST)
        await _speak(node.server.port, f"GET /{SECRET}?{SECRET}={SECRET} HTTP/1.1\r\nHost: {SECRET}")
        await _speak(node.server.port, f"GET /health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}")
        await _speak(node.server.port, f"{SECRET} {SECRET}\r\nbad header {SECRET}")
    text = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert SECRET not in text
    assert "connection" not in {record.name.rpartition(".")[2] for record in caplog.records}
    assert "endpoint=evaluate status=500" in caplog.text
    assert "error=RuntimeError" in caplog.text
    assert "endpoint=none status=404" in caplog.text
    assert "caller=hoster-1" not in caplog.text


async def _speak(port: int, head: str) -> bytes:
    context = client_context(frozenset({IDENTITY.spki_sha256}))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(head.encode("utf-8", "surrogateescape") + b"\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.threat("hostile bytes", "a leaking text")
@pytest.mark.parametrize(
    "head",
    [
        f"GET /health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\0",
        f"GET /health HTTP/1.1\r\nHost: x\r\nX: {SECRET * 200}",
        f"GET http://[{SECRET}/health HTTP/1.1\r\nHost: x",
        f"GET /health HTTP/1.1\r\nHost: x\r\nX: y\r\n {SECRET}",
        f"POST /enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: {SECRET}",
        f"POST /enrol HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\nX: {SECRET}",
        f"{SECRET} /health HTTP/1.1\r\nHost: x",
        f"GET /health HTTP/1.1\r\nHost: x\r\nExpect: {SECRET}",
        f"GET /health HTTP/1.1\r\nHost: x\r\nExpect: {SECRET}\udcff",
    ],
    ids=range(9),
)
async def test_what_cannot_be_read_is_not_repeated(head: str, caplog: pytest.LogCaptureFixture) -> None:
    async with node_on_loopback() as node:
        answer = await _speak(node.server.port, head)
    said, _, body = answer.partition(b"\r\n\r\n")
    assert b" 400 " in said.splitlines()[0]
    assert b"\r\nServer: sigfed" in said
    assert b"Content-Type: application/problem+json" in said
    assert json.loads(body)["type"] == "urn:sigfed:problem:malformed"
    assert SECRET.encode() not in answer
    assert caplog.records == [], "strangers would fill the journal"


@pytest.mark.threat("hostile bytes")
async def test_who_leaves_in_the_middle_of_a_body_is_no_failure_of_the_node(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "sigfed")
    async with node_on_loopback() as node:
        for path in ("/oauth2/token", "/enrol"):
            await leave(node.server, path, {}, tls=True)
    assert [record.levelname for record in caplog.records if "failure" in record.message] == []
    assert caplog.text.count("status=400") == 2


async def test_a_failure_is_opaque_to_the_client_and_has_the_id_of_the_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "sigfed")
    memory = MemoryNode()
    memory.trust.files.clear()  # KeyError
    async with node_on_loopback(memory) as node:
        answer = await _speak(node.server.port, "GET /trust/1.root.json HTTP/1.1\r\nHost: x")
    head, _, body = answer.partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert b" 500 " in head.splitlines()[0]
    assert set(problem) == {"type", "title", "status", "instance"}
    assert problem["instance"].removeprefix("urn:sigfed:request:") in caplog.text


# ------------------------------------------------------------------ buckets


def test_buckets_refill_with_time_and_never_beyond_their_size() -> None:
    clock = HandClock()
    buckets = TokenBuckets(per_minute=60, burst=2, clock=clock)
    buckets.spend("a")
    buckets.spend("a")
    for seconds, allowed in ((0.0, 0), (1.0, 1), (3600.0, 2), (-60.0, 0)):
        clock.advance(seconds)
        assert _spendable(buckets, "a") == allowed


def _spendable(buckets: TokenBuckets, key: str) -> int:
    for count in range(10):
        try:
            buckets.spend(key)
        except NodeError:
            return count
    raise AssertionError("no limit")


def test_the_number_of_buckets_is_bounded() -> None:
    buckets = TokenBuckets(per_minute=1, burst=1, clock=HandClock())
    for number in range(MAX_BUCKETS + 10):
        buckets.spend(str(number))
    assert len(buckets._buckets) == MAX_BUCKETS


_ADDRESSES = {
    "192.0.2.1": "address:192.0.2.1",
    "2001:db8:1:2:3:4:5:6": "address:20010db800010002/64",
    "2001:db8:1:2::9": "address:20010db800010002/64",
    "fe80::1%eth0": "address:fe80000000000000/64",
    "": "address:unknown",
    "socket": "address:unknown",
}


@pytest.mark.parametrize(("remote", "key"), _ADDRESSES.items())
def test_an_address_is_counted_as_the_network_of_one_subscriber(remote: str, key: str) -> None:
    assert address_key(remote) == key


def test_no_address_is_counted_as_unknown() -> None:
    assert address_key(None) == "address:unknown"
