"""Following a TUF repository over HTTPS whose server is slow, endless or gone: at each file in turn."""

import asyncio
from collections.abc import Sequence

import pytest

from keys.trust.held_trust import HeldTrust
from node.errors import NodeError, PeerUnreachableError, VerificationError
from node.remote.limits import RemoteLimits
from node.trust.tuf.client import Followed, follow
from support.fakes_api import RecordingTraffic, remote_to
from support.hostile import Script, drips, floods, hostile, reply, says, silent, then_resets
from support.tuf_origin import HOLDERS, TufOrigin

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
LIMITS = RemoteLimits(attempts=2, backoff_seconds=0.001)
PLACES = ["/2.root.json", "/timestamp.json", ".snapshot.json", ".targets.json", ".members.json", ".node.json"]
"""In the order of asking."""


ANSWERS: dict[str, tuple[Script, type[NodeError]]] = {
    "drips": (drips(HEAD + b"Content-Length: 200\r\n\r\n"), PeerUnreachableError),
    "drips without a length": (drips(HEAD + b"\r\n"), PeerUnreachableError),
    "is endless": (floods(HEAD + b"\r\n"), VerificationError),
    "announces more than is signed for": (says(HEAD + b"Content-Length: 9000000\r\n\r\n"), VerificationError),
    "says nothing": (silent(LIMITS.connect_seconds + LIMITS.reply_seconds), PeerUnreachableError),
    "stops in the middle": (then_resets(HEAD + b"Content-Length: 200\r\n\r\n{"), PeerUnreachableError),
}


@pytest.fixture
def origin() -> TufOrigin:
    made = TufOrigin()
    made.rotate(HOLDERS[:2])
    return made


def serving(origin: TufOrigin, *, but: str = "", script: Script | None = None) -> Script:
    """The repository, except for one file."""

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        path = head.split(b" ", 2)[1].decode()
        if script is not None and path.endswith(but):
            await script(head, writer)
            return
        name = path.removeprefix("/tuf/").replace("targets/trust/", "targets/")
        known = origin.files.exists(name)
        problem = {"Content-Type": "application/problem+json"}
        writer.write(
            reply(origin.files.get(name))
            if known
            else reply(b'{"type":"urn:sigfed:problem:not-found"}', status="404 N", headers=problem)
        )

    return answer


async def visit(
    origin: TufOrigin,
    script: Script,
    held: HeldTrust | None = None,
    *,
    seconds: float = 600,
) -> tuple[Followed, Sequence[bytes], int]:
    """What came of it, what was asked for, and how many bytes were read."""
    traffic = RecordingTraffic()
    async with hostile(script) as server, remote_to(server.url, limits=LIMITS, traffic=traffic) as remote:
        start = held or HeldTrust(roots=(origin.files.get("1.root.json"),))
        followed = await follow(start, remote, origin.clock.now(), seconds=seconds)
        return followed, server.requests, traffic.received


async def test_an_honest_server_is_followed(origin: TufOrigin) -> None:
    followed, asked, _ = await visit(origin, serving(origin))
    assert followed.reached().files == origin.contents
    assert len(asked) == len(PLACES) + 1


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("script", "error"), ANSWERS.values(), ids=ANSWERS)
async def test_a_hostile_answer_ends_the_visit_and_costs_little(
    origin: TufOrigin, place: str, script: Script, error: type[NodeError]
) -> None:
    followed, asked, received = await visit(origin, serving(origin, but=place, script=script))
    assert isinstance(followed.failure, error)
    assert len(asked) <= len(PLACES) + LIMITS.attempts
    assert received < 4 << 20, "what is not wanted is not read"
    assert len(followed.held.roots) == (1 if place == PLACES[0] else 2), "what was accepted stays"
    honest, _, _ = await visit(origin, serving(origin), followed.held)
    assert honest.reached().files == origin.contents


async def test_a_visit_ends_although_the_server_still_answers(origin: TufOrigin) -> None:
    """Each answer may come just in time: all of them together have a time, too."""
    for _ in range(3):
        origin.rotate(HOLDERS[:2])
    honest = serving(origin)
    late = serving(origin, but="/4.root.json", script=silent(30))
    followed, asked, _ = await visit(origin, late, seconds=30)
    assert isinstance(followed.failure, PeerUnreachableError)
    assert len(followed.held.roots) == len(asked) == 3
    later, _, _ = await visit(origin, honest, followed.held)
    assert later.reached().files == origin.contents
