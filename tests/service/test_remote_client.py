"""Retries, renewal, resumption: what the client repeats, what it does not, and how it waits."""

import asyncio
import json
from contextlib import nullcontext
from dataclasses import replace

import pytest

from node.clock import system_entropy
from node.errors import (
    ClockSkewError,
    NodeError,
    NotFoundError,
    PeerRefusedError,
    PeerUnreachableError,
    RateLimitedError,
    UnauthenticatedError,
    VerificationError,
)
from node.ports.callers import TOKEN_SECONDS
from node.remote.auth import Credentials
from node.remote.limits import RemoteLimits
from node.remote.node import RemoteNode
from node.remote.retry import passes, pause, retried
from protocol.messages import EnrolmentRequest, ReleasePart
from support.fakes_api import (
    LIST,
    NODE,
    PARTNER,
    PARTNER_KEY,
    PEER,
    QUICK,
    RELEASES,
    HandClock,
    MemoryNode,
    node_on_loopback,
    remote_to,
)
from support.hostile import Script, hostile, reply, says, then_resets

WHOLE = bytes(range(256)) * 40
TOKEN = reply(
    json.dumps({"access_token": "abc", "token_type": "Bearer", "expires_in": 600}).encode(),
    headers={"Content-Type": "application/json"},
)


# ------------------------------------------------------------------ repeating


async def test_a_read_succeeds_after_failures_that_pass() -> None:
    bad = then_resets(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    async with hostile(bad, says(reply(b"", status="503 Busy")), says(reply(b"good"))) as server:
        async with remote_to(server.url) as remote:
            assert await remote.root() == b"good", "nothing of the first attempt is left in the reply"
        assert len(server.requests) == 3


async def test_a_rate_limit_is_waited_out_when_the_pause_is_short() -> None:
    body = json.dumps({"type": "urn:sigfed:problem:rate-limited", "retry_after_seconds": 1}).encode()
    limited = reply(body, status="429 T", headers={"Content-Type": "application/problem+json"})
    async with hostile(says(limited), says(reply(b"good"))) as server, remote_to(server.url) as remote:
        assert await remote.root() == b"good"


async def test_an_enrolment_is_sent_once() -> None:
    request = EnrolmentRequest(
        invite_id=b"i" * 16, auth_key=b"k" * 32, mac=b"m" * 32, auth_signature=b"s" * 64
    )
    async with hostile(then_resets(b"")) as server:
        async with remote_to(server.url) as remote:
            with pytest.raises(PeerUnreachableError):
                await remote.enrol(request)
        assert len(server.requests) == 1


async def test_what_was_never_sent_may_be_sent_again() -> None:
    async with hostile(says(b"")) as server:
        url = server.url
    pauses: list[int] = []

    def counted(count: int) -> bytes:
        pauses.append(count)
        return b"\0" * count

    request = EnrolmentRequest(
        invite_id=b"i" * 16, auth_key=b"k" * 32, mac=b"m" * 32, auth_signature=b"s" * 64
    )
    async with remote_to(url, entropy=counted) as remote:
        with pytest.raises(PeerUnreachableError):
            await remote.enrol(request)
    assert len(pauses) == QUICK.attempts - 1


async def test_pauses_grow_have_jitter_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    limits = RemoteLimits(backoff_seconds=1.0, max_pause_seconds=5.0)
    down = PeerUnreachableError("down")
    for failures in range(1, 6):
        await pause(failures, down, limits=limits, entropy=lambda count: b"\x80" + b"\0" * (count - 1))
    assert waited == [0.5, 1.0, 2.0, 2.5, 2.5]
    waited.clear()
    await pause(1, down, limits=limits, entropy=lambda count: b"\0" * count)
    await pause(
        1, RateLimitedError("slow", retry_after_seconds=3), limits=limits, entropy=lambda count: b"\0" * count
    )
    assert waited == [0.0, 3.0]


async def test_a_failure_that_does_not_pass_is_not_repeated() -> None:
    tried: list[int] = []

    async def attempt() -> None:
        tried.append(1)
        raise NotFoundError("no")

    with pytest.raises(NotFoundError):
        await retried(attempt, limits=QUICK, entropy=system_entropy)
    assert len(tried) == 1


_PASSING = {
    "unreachable": (PeerUnreachableError("x"), True),
    "server error": (PeerRefusedError("x", status=500), False),
    "bad request": (PeerRefusedError("x", status=400), False),
    "short pause": (RateLimitedError("x", retry_after_seconds=1), True),
    "long pause": (RateLimitedError("x", retry_after_seconds=2), False),
    "unauthenticated": (UnauthenticatedError("x"), False),
}


@pytest.mark.parametrize(("error", "expected"), _PASSING.values(), ids=_PASSING)
def test_which_failures_pass(error: NodeError, expected: bool) -> None:
    assert passes(error, QUICK) is expected


# ------------------------------------------------------------------ tokens


async def test_one_token_serves_many_requests_at_once() -> None:
    async with node_on_loopback() as node, node.as_peer() as peer:
        await asyncio.gather(*(peer.entries(LIST, index=each, width=256) for each in range(20)))
        assert len(node.memory.replays.used) == 1


async def test_a_refusal_of_an_older_token_does_not_cost_the_newer_one() -> None:
    async with node_on_loopback() as node, node.as_peer() as peer:
        await peer.checkpoint(LIST, held=None)
        assert peer._client._keeper is not None
        peer._client._keeper.forget("an older token")
        await peer.checkpoint(LIST, held=None)
        assert len(node.memory.replays.used) == 1


async def test_a_token_is_renewed_before_it_ends() -> None:
    async with node_on_loopback() as node, node.as_peer() as peer:
        await peer.checkpoint(LIST, held=None)
        node.memory.clock.advance(TOKEN_SECONDS - 29)
        await peer.checkpoint(LIST, held=None)
        assert len(node.memory.replays.used) == 2


async def test_a_token_that_the_node_calls_expired_is_renewed_once_and_the_request_repeated() -> None:
    async with node_on_loopback() as node, node.as_peer() as peer:
        await peer.checkpoint(LIST, held=None)
        keeper = peer._client._keeper
        assert keeper is not None
        assert keeper._held is not None
        keeper._held = replace(keeper._held, renew_at=keeper._held.renew_at.replace(year=2030))
        node.memory.clock.advance(TOKEN_SECONDS + 1)
        assert await peer.checkpoint(LIST, held=None)
        assert len(node.memory.replays.used) == 2


async def test_a_node_with_a_new_token_key_gets_a_new_assertion() -> None:
    async with hostile(
        says(TOKEN), says(reply(b"", status="401 U")), says(TOKEN), says(reply(b"note"))
    ) as server:
        async with _partner(server.url) as remote:
            assert await remote.checkpoint(LIST, held=None) == b"note"
        paths = [head.split()[1] for head in server.requests]
    assert paths == [b"/oauth2/token", b"/lists/main/checkpoint"] * 2


def _partner(url: str, **changes: object) -> RemoteNode:
    return remote_to(url, credentials=Credentials(PARTNER, PARTNER_KEY), **changes)


@pytest.mark.parametrize(("seconds", "words"), [(3600, "3600 s ahead of"), (-3600, "3600 s behind")])
async def test_a_clock_an_hour_off_is_explained_to_its_owner(seconds: int, words: str) -> None:
    clock = HandClock()
    clock.advance(seconds)
    async with node_on_loopback() as node, node.as_peer(clock=clock) as peer:
        with pytest.raises(ClockSkewError, match=words) as caught:
            await peer.checkpoint(LIST, held=None)
    assert caught.value.ahead_seconds == seconds
    assert "clock" in caught.value.hint
    assert node.memory.callers == []


async def test_an_unknown_client_is_refused() -> None:
    memory = MemoryNode()
    memory.directory.known.clear()
    async with node_on_loopback(memory) as node, node.as_peer() as peer:
        with pytest.raises(UnauthenticatedError):
            await peer.checkpoint(LIST, held=None)


async def test_who_is_refused_is_told_what_its_own_kind_can_do() -> None:
    credentials = Credentials(PARTNER, PARTNER_KEY, refused_hint="ask for a new invitation")
    memory, ahead = MemoryNode(), HandClock()
    ahead.advance(3600)
    async with node_on_loopback(memory) as node, remote_to(node.url, credentials=credentials) as partner:
        async with remote_to(node.url, credentials=credentials, clock=ahead) as hasty:
            with pytest.raises(ClockSkewError) as skewed:
                await hasty.scopes()
        assert "clock" in skewed.value.hint, "its key is not what was refused"
        memory.directory.known.clear()
        with pytest.raises(UnauthenticatedError) as refused:
            await partner.scopes()
    assert refused.value.hint == "ask for a new invitation"


async def test_the_key_stays_out_of_what_is_sent_and_shown() -> None:
    credentials = Credentials(PEER, PARTNER_KEY)
    assert PARTNER_KEY.seed.hex() not in repr(credentials)


# ------------------------------------------------------------------ places


@pytest.mark.parametrize("origin", ["nl.example/lists/main", f"{NODE}/lists/", "main", f"{NODE}/other/x"])
async def test_only_logs_of_this_node_are_asked_for(origin: str) -> None:
    async with hostile(says(reply(b""))) as server, _partner(server.url) as remote:
        with pytest.raises(NotFoundError):
            await remote.checkpoint(origin, held=None)
        with pytest.raises(NotFoundError):
            await remote.openings(RELEASES, index=0, width=1)
        assert server.requests == []


async def test_a_name_cannot_leave_its_place_in_the_path() -> None:
    async with hostile(says(TOKEN), says(reply(b"x"))) as server, _partner(server.url) as remote:
        await remote.checkpoint(f"{NODE}/lists/../../trust?x#y", held=None)
        assert server.requests[1].split()[1] == b"/lists/..%2F..%2Ftrust%3Fx%23y/checkpoint"


@pytest.mark.parametrize("tail", ["", "/", "/signatures", "/signatures/"])
async def test_a_node_may_live_under_a_path(tail: str) -> None:
    async with hostile(says(reply(b"{}"))) as server, remote_to(server.url + tail) as remote:
        await remote.root()
        assert server.requests[0].split()[1].decode() == tail.rstrip("/") + "/trust/1.root.json"


# ------------------------------------------------------------------ resuming


class Parts:
    """A release file served in pieces of at most `piece` bytes before the connection breaks."""

    def __init__(self, *, piece: int, resumes: bool = True) -> None:
        self.piece, self.resumes = piece, resumes
        self.starts: list[int] = []

    async def __call__(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        start = 0
        if self.resumes and b"Range: bytes=" in head:
            start = int(head.partition(b"Range: bytes=")[2].partition(b"-")[0])
        self.starts.append(start)
        status = b"206 Partial" if start else b"200 OK"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n" % (status, len(WHOLE) - start))
        if start:
            writer.write(b"Content-Range: bytes %d-%d/%d\r\n" % (start, len(WHOLE) - 1, len(WHOLE)))
        writer.write(b"\r\n" + WHOLE[start : start + self.piece])
        await writer.drain()
        if start + self.piece < len(WHOLE):
            await asyncio.sleep(0.02)
            writer.transport.abort()


async def _release(url: str, *, limits: RemoteLimits = QUICK) -> bytes:
    async with _partner(url, limits=limits) as remote:
        return bytes(await remote.release_part("baseline", version=1, part=ReleasePart.LABELS, since=None))


async def test_a_release_file_is_resumed_where_it_stopped() -> None:
    parts = Parts(piece=2500)
    async with hostile(says(TOKEN), parts) as server:
        assert await _release(server.url) == WHOLE
    assert parts.starts == [0, 2500, 5000, 7500, 10000]


@pytest.mark.parametrize("most", [len(WHOLE) - 1, len(WHOLE)], ids=["too much", "just enough"])
async def test_a_release_file_is_cut_off_at_what_the_caller_allows(most: int) -> None:
    async with hostile(says(TOKEN), Parts(piece=len(WHOLE))) as server, _partner(server.url) as remote:
        with nullcontext() if most == len(WHOLE) else pytest.raises(VerificationError, match="longer"):
            assert (
                await remote.release_part(
                    "baseline", version=1, part=ReleasePart.LABELS, since=None, max_bytes=most
                )
                == WHOLE
            )


async def test_a_node_that_does_not_resume_is_read_from_the_start() -> None:
    once = then_resets(b"HTTP/1.1 200 OK\r\nContent-Length: 10240\r\n\r\nWRONG")
    async with hostile(says(TOKEN), once, Parts(piece=len(WHOLE), resumes=False)) as server:
        assert await _release(server.url) == WHOLE


async def test_a_node_that_makes_no_progress_is_given_up() -> None:
    async with hostile(says(TOKEN), then_resets(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")) as server:
        with pytest.raises(PeerUnreachableError):
            await _release(server.url)
        assert len(server.requests) == 1 + QUICK.attempts


@pytest.mark.threat("endless bytes")
async def test_a_node_that_gives_a_byte_at_a_time_is_given_up() -> None:
    parts = Parts(piece=1)
    limits = RemoteLimits(max_resumes=5, backoff_seconds=0.001)
    async with hostile(says(TOKEN), parts) as server:
        with pytest.raises(PeerUnreachableError):
            await _release(server.url, limits=limits)
    assert parts.starts == [0, 1, 2, 3, 4]


def _partial(headers: dict[str, str], body: bytes = b"rest") -> Script:
    return says(reply(body, status="206 Partial", headers=headers))


BEGIN = then_resets(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin-")

_STRANGE = {
    "another place": {"Content-Range": "bytes 5-8/10"},
    "no range": {},
    "other units": {"Content-Range": "lines 6-9/10"},
    "unknown total": {"Content-Range": "bytes 6-9/*"},
}


@pytest.mark.parametrize("headers", _STRANGE.values(), ids=_STRANGE)
async def test_a_resumption_at_another_place_is_refused(headers: dict[str, str]) -> None:
    async with hostile(says(TOKEN), BEGIN, _partial(headers)) as server:
        with pytest.raises(VerificationError):
            await _release(server.url)


async def test_a_resumption_that_ends_early_is_resumed_again() -> None:
    first = _partial({"Content-Range": "bytes 6-7/10"}, b"re")
    second = _partial({"Content-Range": "bytes 8-9/10"}, b"st")
    async with hostile(says(TOKEN), BEGIN, first, second) as server:
        assert await _release(server.url) == b"begin-rest"


async def test_a_release_file_is_bounded_over_all_its_pieces() -> None:
    limits = RemoteLimits(max_release_bytes=8, backoff_seconds=0.001)
    begin = then_resets(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nbegin-")
    async with hostile(says(TOKEN), begin, _partial({"Content-Range": "bytes 6-9/10"})) as server:
        with pytest.raises(VerificationError):
            await _release(server.url, limits=limits)
