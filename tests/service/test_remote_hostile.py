"""A client facing a server that is slow, endless, lying, broken or somebody else."""

import asyncio
import itertools
import json
import ssl

import pytest

from keys.errors import WrongRootError
from keys.trust.fingerprint import fingerprint
from node.clock import system_entropy
from node.errors import (
    ClockSkewError,
    ForbiddenError,
    GoneError,
    NodeError,
    NotFoundError,
    OverQuotaError,
    PeerRefusedError,
    PeerUnreachableError,
    RateLimitedError,
    ReplayedError,
    TokenExpiredError,
    UnauthenticatedError,
    VerificationError,
    WrongPinError,
)
from node.remote.auth import Credentials
from node.remote.bootstrap import fetch_trust
from node.remote.limits import RemoteLimits
from node.remote.node import RemoteNode
from node.tls import create_identity, server_context
from node.trust.tuf.repository import ServedTuf
from protocol.limits import MAX_ROOT_BYTES
from protocol.messages import EvaluationRequest
from support.fakes_api import (
    IDENTITY,
    LIST,
    NODE,
    PARTNER,
    PARTNER_KEY,
    QUICK,
    HandClock,
    MemoryNode,
    RecordingTraffic,
    node_on_loopback,
    remote_to,
)
from support.hostile import Script, drips, floods, hostile, reply, says, silent, then_resets
from support.tuf_origin import TufOrigin

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LONG = HEAD + b"Content-Length: 60000\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UNFRAMED = HEAD + b"Connection: close\r\n\r\n"
GZIP_BOMB = b"\x1f\x8b\x08\x00" + b"\0" * 200


_BROKEN: dict[str, Script] = {
    "hangs up at once": says(b""),
    "hangs up in the head": says(HEAD),
    "stops in the body": says(LONG + b"x" * 100),
    "resets in the body": then_resets(LONG + b"x" * 100),
    "ends chunks early": says(CHUNKED + b"5\r\nab"),
    "sends a broken chunk": says(CHUNKED + b"zz\r\nab\r\n"),
    "does not speak HTTP": says(b"220 mail.example ESMTP\r\n\r\n"),
    "contradicts itself on length": says(HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde"),
    "has a negative length": says(HEAD + b"Content-Length: -5\r\n\r\nabcde"),
    "sends an endless head": says(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"y" * 100_000 + b"\r\n\r\n"),
    "is overloaded": says(reply(b"", status="503 Service Unavailable")),
}


@pytest.mark.threat("endless bytes")
@pytest.mark.parametrize("script", _BROKEN.values(), ids=_BROKEN)
async def test_a_failure_that_may_pass_is_tried_again_and_then_reported(script: Script) -> None:
    limits = RemoteLimits(attempts=2, backoff_seconds=0.001)
    async with hostile(script) as server, remote_to(server.url, limits=limits) as remote:
        with pytest.raises(PeerUnreachableError):
            await remote.root()
        assert len(server.requests) >= 2


_SLOW: dict[str, Script] = {
    "says nothing": silent(RemoteLimits().connect_seconds + RemoteLimits().reply_seconds),
    "drips the head": drips(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "drips the body": drips(LONG),
    "drips a body without length": drips(UNFRAMED),
}


@pytest.mark.parametrize("script", _SLOW.values(), ids=_SLOW)
async def test_whoever_is_too_slow_is_given_up(script: Script) -> None:
    async with hostile(script) as server, remote_to(server.url, limits=RemoteLimits(attempts=1)) as remote:
        with pytest.raises(PeerUnreachableError):
            await remote.root()
        assert len(server.requests) == 1


@pytest.mark.parametrize("script", _SLOW.values(), ids=_SLOW)
async def test_whoever_was_too_slow_is_asked_again(script: Script) -> None:
    limits = RemoteLimits(attempts=2, backoff_seconds=0.001)
    async with hostile(script, says(reply(b"{}"))) as server, remote_to(server.url, limits=limits) as remote:
        assert await remote.root() == b"{}"
        assert len(server.requests) == 2


_REFUSED: dict[str, Script] = {
    "announces too much": says(HEAD + b"Content-Length: 9999999999\r\n\r\n"),
    "announces one byte too many": says(HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_ROOT_BYTES + 1)),
    "floods without length": floods(UNFRAMED),
    "floods a chunk": floods(CHUNKED + b"FFFFFFF\r\n"),
    "sends gzip unasked": says(reply(GZIP_BOMB, headers={"Content-Encoding": "gzip"})),
    "sends brotli unasked": says(reply(b"x", headers={"Content-Encoding": "br"})),
    "sends an encoded problem": says(
        reply(GZIP_BOMB, status="500 Oops", headers={"Content-Encoding": "deflate"})
    ),
    "floods a problem": floods(
        b"HTTP/1.1 400 Bad\r\nContent-Type: application/problem+json\r\nConnection: close\r\n\r\n"
    ),
}


@pytest.mark.threat("endless bytes")
@pytest.mark.parametrize("script", _REFUSED.values(), ids=_REFUSED)
async def test_an_answer_outside_the_rules_is_refused_at_once(script: Script) -> None:
    traffic = RecordingTraffic()
    async with hostile(script) as server:
        async with remote_to(server.url, traffic=traffic) as remote:
            with pytest.raises(VerificationError):
                await remote.root()
        assert len(server.requests) == 1
    assert traffic.received < 4 * 1024 * 1024, "what is not wanted is not read"


async def test_a_reply_of_the_greatest_length_is_taken() -> None:
    async with hostile(says(reply(b"x" * MAX_ROOT_BYTES))) as server, remote_to(server.url) as remote:
        assert len(await remote.root()) == MAX_ROOT_BYTES


async def test_a_slow_answer_above_the_minimum_rate_is_waited_for() -> None:
    async def slow(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 20000\r\n\r\n")
        for _ in range(5):
            writer.write(b"x" * 4000)
            await writer.drain()
            await asyncio.sleep(0.1)

    async with hostile(slow) as server, remote_to(server.url) as remote:
        assert len(await remote.root()) == 20_000


async def test_only_identity_is_asked_for_and_nothing_else_is_told() -> None:
    async with hostile(says(reply(b"{}"))) as server, remote_to(server.url) as remote:
        await remote.root()
        fields = dict(line.split(b": ", 1) for line in server.requests[0].split(b"\r\n")[1:] if line)
    assert fields[b"Accept-Encoding"] == b"identity"
    assert fields[b"User-Agent"] == b"sigfed"
    assert set(fields) == {b"Host", b"Accept-Encoding", b"User-Agent", b"Accept"}


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_refused_and_not_followed(status: str) -> None:
    async with hostile(says(reply(b""))) as trap:
        away = reply(b"", status=status, headers={"Location": trap.url + "/trust/1.root.json"})
        async with hostile(says(away)) as server, remote_to(server.url) as remote:
            with pytest.raises(PeerRefusedError) as caught:
                await remote.root()
            assert caught.value.status == int(status[:3])
        assert trap.requests == []


async def test_a_304_that_was_not_asked_for_is_no_answer() -> None:
    async with (
        hostile(says(reply(b"", status="304 Not Modified"))) as server,
        remote_to(server.url) as remote,
    ):
        with pytest.raises(PeerRefusedError):
            await remote.root()


async def test_cookies_are_not_kept() -> None:
    cookie = reply(b"{}", headers={"Set-Cookie": "id=1"})
    async with hostile(says(cookie)) as server, remote_to(server.url) as remote:
        await remote.root()
        await remote.root()
        assert b"Cookie" not in server.requests[1]


async def test_nobody_there_is_unreachable() -> None:
    async with hostile(says(b"")) as server:
        url = server.url
    async with remote_to(url) as remote:
        with pytest.raises(PeerUnreachableError, match=NODE):
            await remote.root()


@pytest.mark.parametrize(
    "url", ["http://fr.example", "https://", "https://user:pw@fr.example", "ftp://x", "x"]
)
def test_an_address_must_be_plain_https(url: str) -> None:
    with pytest.raises(PeerRefusedError):
        remote_to(url)


# ------------------------------------------------------------------ what a refusal becomes


def _problem(name: str, status: str, **facts: object) -> Script:
    body = json.dumps({"type": f"urn:sigfed:problem:{name}", "detail": "SECRET-TEXT"} | facts).encode()
    return says(reply(body, status=status, headers={"Content-Type": "application/problem+json"}))


_PROBLEMS: dict[str, tuple[Script, type[NodeError]]] = {
    "unauthenticated": (_problem("unauthenticated", "401 U"), UnauthenticatedError),
    "expired": (_problem("token-expired", "401 U"), TokenExpiredError),
    "replayed": (_problem("replayed", "401 U"), ReplayedError),
    "clock": (_problem("clock-skew", "401 U", ahead_seconds=5), ClockSkewError),
    "clock without number": (_problem("clock-skew", "401 U"), ClockSkewError),
    "forbidden": (_problem("forbidden", "403 F"), ForbiddenError),
    "not found": (_problem("not-found", "404 N"), NotFoundError),
    "gone": (_problem("gone", "410 G"), GoneError),
    "quota": (_problem("over-quota", "429 T", retry_after_seconds=7), OverQuotaError),
    "rate": (_problem("rate-limited", "429 T", retry_after_seconds=700), RateLimitedError),
    "rate without number": (_problem("rate-limited", "429 T"), RateLimitedError),
    "an invented type": (_problem("surprise", "418 T"), PeerRefusedError),
    "no problem at all": (says(reply(b"<html>SECRET-TEXT", status="400 B")), PeerRefusedError),
    "a broken problem": (
        says(reply(b"{", status="400 B", headers={"Content-Type": "application/problem+json"})),
        PeerRefusedError,
    ),
    "a problem that is a list": (
        says(reply(b"[1]", status="400 B", headers={"Content-Type": "application/problem+json"})),
        PeerRefusedError,
    ),
    "a type that is a number": (_problem("x", "400 B", type=5), PeerRefusedError),
}


@pytest.mark.parametrize(("script", "cls"), _PROBLEMS.values(), ids=_PROBLEMS)
async def test_a_refusal_becomes_an_error_without_the_others_words(
    script: Script, cls: type[NodeError]
) -> None:
    async with hostile(script) as server, remote_to(server.url) as remote:
        with pytest.raises(NodeError) as caught:
            await remote.root()
    assert type(caught.value) is cls
    assert NODE in str(caught.value)
    assert "SECRET" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(("said", "meant"), [(10**30, 366 * 86_400), (-5, 1), (True, 60), ("9", 60), (7, 7)])
async def test_a_pause_asked_for_is_kept_in_a_sensible_range(said: object, meant: int) -> None:
    async with (
        hostile(_problem("over-quota", "429 T", retry_after_seconds=said)) as server,
        remote_to(server.url) as remote,
    ):
        with pytest.raises(OverQuotaError) as caught:
            await remote.root()
    assert caught.value.retry_after_seconds == meant


# ------------------------------------------------------------------ tokens


def _token_reply(**changes: object) -> bytes:
    body = {"access_token": "abc", "token_type": "Bearer", "expires_in": 600} | changes
    return reply(json.dumps(body).encode(), headers={"Content-Type": "application/json"})


_TOKEN_REPLIES = {
    "not JSON": reply(b"x"),
    "a list": reply(b"[]"),
    "another type": _token_reply(token_type="mac"),
    "no token": _token_reply(access_token=None),
    "an empty token": _token_reply(access_token=""),
    "a token that breaks the header": _token_reply(access_token="a\r\nX-Evil: 1"),
    "a token with a space": _token_reply(access_token="a b"),
    "a huge token": _token_reply(access_token="a" * 9000),
    "no lifetime": _token_reply(expires_in=None),
    "a lifetime of true": _token_reply(expires_in=True),
    "a negative lifetime": _token_reply(expires_in=-1),
    "a year": _token_reply(expires_in=31_536_000),
}


@pytest.mark.parametrize("data", _TOKEN_REPLIES.values(), ids=_TOKEN_REPLIES)
async def test_a_strange_token_reply_is_refused(data: bytes) -> None:
    async with hostile(says(data)) as server, _partner(server.url) as remote:
        with pytest.raises(VerificationError):
            await remote.checkpoint(LIST, held=None)
        assert len(server.requests) == 1


def _partner(url: str) -> RemoteNode:
    return remote_to(url, credentials=Credentials(PARTNER, PARTNER_KEY))


async def test_a_node_that_refuses_every_token_is_asked_twice_only() -> None:
    refuse = _problem("token-expired", "401 U")
    async with hostile(says(_token_reply()), refuse, says(_token_reply()), refuse) as server:
        async with _partner(server.url) as remote:
            with pytest.raises(TokenExpiredError):
                await remote.checkpoint(LIST, held=None)
        assert len(server.requests) == 4


async def test_a_clock_complaint_is_not_answered_with_another_token() -> None:
    skew = _problem("clock-skew", "401 U", ahead_seconds=-9)
    async with hostile(says(_token_reply()), skew) as server:
        async with _partner(server.url) as remote:
            with pytest.raises(ClockSkewError, match="9 s behind"):
                await remote.checkpoint(LIST, held=None)
        assert len(server.requests) == 2


# ------------------------------------------------------------------ first contact


async def test_first_contact_fetches_trust_files_only_and_tells_the_key() -> None:
    origin, memory = TufOrigin(), MemoryNode()
    memory.tuf, memory.trust.files["root"] = ServedTuf(origin.files), origin.files.get("1.root.json")
    pinned = origin.roots[0].sha256
    async with node_on_loopback(memory) as node:
        files = await fetch_trust(node.url, pinned, clock=origin.clock, entropy=system_entropy, limits=QUICK)
        with pytest.raises(WrongRootError):
            await fetch_trust(node.url, b"?" * 32, clock=origin.clock, entropy=system_entropy, limits=QUICK)
    assert files.trust.files == origin.contents
    assert files.spki_sha256 == IDENTITY.spki_sha256
    assert node.memory.callers == []


@pytest.mark.threat("the wire")
async def test_first_contact_with_two_faces_is_refused() -> None:
    other = create_identity(NODE, now=HandClock().now())
    contexts = [server_context(each, entropy=system_entropy) for each in (IDENTITY, other)]
    listening = contexts[0]
    turns = itertools.cycle(contexts)

    def turn(connection: ssl.SSLObject, _name: str, _context: ssl.SSLContext) -> None:
        connection.context = next(turns)

    listening.sni_callback = turn
    root = TufOrigin().files.get("1.root.json")
    async with hostile(says(reply(root)), context=listening) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with pytest.raises(WrongPinError):
            await fetch_trust(url, fingerprint(root), clock=HandClock(), entropy=system_entropy, limits=QUICK)


async def test_an_evaluation_is_not_repeated_once_it_was_sent() -> None:
    request = EvaluationRequest(subset_id=b"s" * 16, epoch=1, request_id=b"r" * 16, elements=b"\0" * 32)
    async with hostile(says(_token_reply()), then_resets(b"")) as server:
        async with _partner(server.url) as remote:
            with pytest.raises(PeerUnreachableError):
                await remote.evaluate("baseline", request)
        assert [head.split()[0] for head in server.requests] == [b"POST", b"POST"]
