"""The reporter `webhook`, verified by the library of the standard's makers, and the way out to public sites."""

import asyncio
import json
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from node.errors import (
    ConfigError,
    NodeError,
    PeerRefusedError,
    PeerUnreachableError,
    RateLimitedError,
    VerificationError,
)
from node.hoster.reporters.webhook import Webhook
from node.ports.reporters import HttpAsk
from node.remote.limits import RemoteLimits
from support.leap import leap
from support.outside import NAME, OUTSIDE, WITH_ALL, Memory, entry, secret_file, tools

OLD, NEW = ("whsec_" + b64encode(bytes([number]) * 32).decode() for number in (1, 2))


@dataclass
class Receiver:
    """Takes messages; the next answers can be scripted."""

    url: str = ""
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    script: list[Callable[[web.Request], Awaitable[web.StreamResponse]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.heard.append((dict(request.headers), await request.read()))
        return await self.script.pop(0)(request) if self.script else web.Response(status=204)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/t0ken"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


def hook(url: str, folder: Path, *secrets: str, everything: bool = False) -> Webhook:
    paths = [secret_file(folder, line, f"secret-{os.urandom(4).hex()}") for line in secrets or (OLD,)]
    return Webhook(entry({"url": url, "secret_files": paths}, everything=everything), tools())


def status(number: int, **headers: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(
            status=number, headers={key.replace("_", "-"): value for key, value in headers.items()}
        )

    return answer


async def test_the_makers_library_verifies_a_message(receiver: Receiver, tmp_path: Path) -> None:
    done = await hook(receiver.url, tmp_path).submit(OUTSIDE, Memory())
    ((headers, body),) = receiver.heard
    message = Verifier(OLD).verify(body, headers)
    assert done.reference == headers["webhook-id"] == f"hit_{OUTSIDE.id}"
    assert message == {
        "type": "hit.confirmed",
        "timestamp": "2026-11-01T12:02:00Z",
        "data": {
            "hit": OUTSIDE.id,
            "partner": "hoster",
            "agency": "fr.example",
            "found": "2026-11-01T12:01:00Z",
            "confirmed": "2026-11-01T12:02:00Z",
            "collection": "baseline",
            "countries": ["FR", "NL"],
            "weak": False,
            "algorithm": "sha256",
        },
    }
    with pytest.raises(WebhookVerificationError):
        Verifier(NEW).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(OLD).verify(body + b" ", headers)


async def test_while_secrets_change_either_verifies(receiver: Receiver, tmp_path: Path) -> None:
    await hook(receiver.url, tmp_path, NEW, OLD).submit(OUTSIDE, Memory())
    ((headers, body),) = receiver.heard
    assert Verifier(OLD).verify(body, headers) == Verifier(NEW).verify(body, headers)


async def test_hash_and_name_are_sent_where_they_are_configured(receiver: Receiver, tmp_path: Path) -> None:
    made = hook(receiver.url, tmp_path, everything=True)
    await made.submit(WITH_ALL, Memory())
    data = json.loads(receiver.heard[0][1])["data"]
    assert (data["hash"], data["file"]) == (WITH_ALL.digest, NAME)
    assert "its hash, the name of its file" in made.leaves[1]
    assert "hash," not in hook(receiver.url, tmp_path).leaves[1].replace("the kind of its hash", "")
    assert "t0ken" not in "".join((made.destination, *made.leaves)), "a path may be a secret"


async def test_a_message_keeps_its_id(receiver: Receiver, tmp_path: Path) -> None:
    """Its receiver can tell that it heard it before, also when the hit got another id meanwhile."""
    progress = Memory()
    receiver.script.append(status(400))
    with pytest.raises(PeerRefusedError):
        await hook(receiver.url, tmp_path).submit(OUTSIDE, progress)
    await hook(receiver.url, tmp_path).submit(replace(OUTSIDE, id="0" * 32), progress)
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1


@pytest.mark.parametrize("number", [408, 429, 500, 502, 503, 504])
async def test_what_passes_is_tried_again_with_the_same_id(
    receiver: Receiver, tmp_path: Path, number: int
) -> None:
    receiver.script += [status(number), status(number)]
    await hook(receiver.url, tmp_path).submit(OUTSIDE, Memory())
    assert len(receiver.heard) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    assert len({body for _, body in receiver.heard}) == 1


@pytest.mark.threat("telling an authority too much")
@pytest.mark.parametrize(
    ("answers", "error", "heard"),
    [
        ([status(500)] * 9, PeerUnreachableError, 3),
        ([status(429, Retry_After="3600")], RateLimitedError, 1),
        ([status(400)], PeerRefusedError, 1),
        ([status(410)], PeerRefusedError, 1),
        ([status(301, Location="/elsewhere")], PeerRefusedError, 1),
        ([status(307, Location="https://other.example/")], PeerRefusedError, 1),
        ([status(200, Content_Encoding="gzip")], VerificationError, 1),
    ],
)
async def test_what_does_not_pass_is_told(
    receiver: Receiver,
    tmp_path: Path,
    answers: list[Callable[[web.Request], Awaitable[web.StreamResponse]]],
    error: type[NodeError],
    heard: int,
) -> None:
    receiver.script += answers
    with pytest.raises(error) as caught:
        await hook(receiver.url, tmp_path).submit(OUTSIDE, Memory())
    assert len(receiver.heard) == heard, "and a redirect is not followed"
    assert "t0ken" not in f"{caught.value}{caught.value.hint}"


async def test_an_endless_answer_is_cut_off(receiver: Receiver, tmp_path: Path) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 4096)

    receiver.script.append(endless)
    with pytest.raises(VerificationError, match="longer than"):
        await hook(receiver.url, tmp_path).submit(OUTSIDE, Memory())


async def test_a_silent_receiver_is_given_up(receiver: Receiver, tmp_path: Path) -> None:
    limits = RemoteLimits(attempts=1)

    async def silent(_: web.Request) -> web.StreamResponse:
        leap(limits.connect_seconds + limits.reply_seconds)
        await asyncio.Event().wait()
        raise AssertionError

    receiver.script.append(silent)
    with pytest.raises(PeerUnreachableError, match="in time"):
        await tools(limits=limits).web.ask(
            HttpAsk(method="POST", url=receiver.url, body=b"{}", repeatable=True)
        )


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "http://127.0.0.1.example/x",
        "http://10.0.0.1/x",
        "ftp://hooks.example/x",
        "file:///etc/passwd",
        "https://user:word@hooks.example/",
        "https://",
        "https://[::1",
    ],
)
async def test_only_https_or_this_machine_is_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        hook(url, tmp_path)
    with pytest.raises(ConfigError):
        await tools().web.ask(HttpAsk(method="GET", url=url))
    assert "word" not in str(caught.value).replace("a password", "")


@pytest.mark.parametrize("line", ["whsec_AAAA", "whsec_!", OLD.removeprefix("whsec_"), "whsec_", "x"])
def test_what_is_no_secret_is_refused_and_not_shown(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match="does not hold a secret") as caught:
        hook("https://hooks.example/", tmp_path, line)
    assert line == "x" or line not in f"{caught.value}"


def test_no_secret_and_three_are_too_few_and_too_many(tmp_path: Path) -> None:
    for count in (0, 3):
        with pytest.raises(ConfigError, match="secret_files"):
            Webhook(entry({"url": "https://a.example", "secret_files": ["/x"] * count}), tools())
