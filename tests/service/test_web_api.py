"""The HTTP API over real HTTPS: every endpoint, who may use it, what a wrong request gets."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from node import jose
from node.clock import system_entropy
from node.errors import ForbiddenError, GoneError, NotFoundError, RateLimitedError, UnauthenticatedError
from node.ports.callers import Caller, CallerKind
from node.remote.auth import Credentials, assertion
from node.remote.requests import ask_for
from node.web.middleware import _require_scope
from node.web.settings import MAX_FORM_BYTES, WebSettings
from protocol.endpoints import ENDPOINTS, Endpoint
from protocol.limits import MAX_REQUEST_BODY
from protocol.messages import EnrolmentRequest, EvaluationRequest, ReleasePart
from support.fakes_api import (
    LIST,
    NODE,
    ORIGIN_SHA256,
    PARTNER,
    PEER,
    PEER_KEY,
    RELEASES,
    TARGET,
    MemoryTuf,
    node_on_loopback,
)
from support.raw_http import raw_access

# ------------------------------------------------------------------ the walk


async def test_a_peer_reads_logs_and_the_openings_of_its_grant() -> None:
    async with node_on_loopback() as node, node.as_peer() as peer:
        note = await peer.checkpoint(LIST, held=None)
        assert note == node.memory.peer.notes[LIST]
        assert await peer.checkpoint(LIST, held=note) is None
        node.memory.peer.notes[LIST] = b"newer"
        assert await peer.checkpoint(LIST, held=note) == b"newer"
        assert len(await peer.tile(LIST, level=1, index=1067, width=3)) == 96
        assert await peer.entries(LIST, index=2, width=256) == f"{LIST} entries 2 256".encode()
        assert await peer.openings(LIST, index=0, width=1) == f"{LIST} openings 0 1 of [1, 2]".encode()
        rest = await peer.entries(LIST, index=2, width=256, first=255)
        assert rest == f"{LIST} entries 2 256 from 255".encode()
        rest = await peer.openings(LIST, index=0, width=9, first=8)
        assert rest == f"{LIST} openings 0 9 from 8 of [1, 2]".encode()
    assert {caller.client for caller in node.memory.callers} == {PEER}


async def test_a_partner_follows_a_subset_and_has_elements_evaluated() -> None:
    async with node_on_loopback() as node, node.as_partner() as partner:
        note = await partner.checkpoint(RELEASES, held=None)
        assert note == node.memory.subset.notes[RELEASES]
        assert len(await partner.tile(RELEASES, level=0, index=0, width=1)) == 32
        assert await partner.entries(RELEASES, index=0, width=1) == f"{RELEASES} entries 0 1".encode()
        screen = await partner.release_part("baseline", version=3, part=ReleasePart.SCREEN, since=None)
        assert screen == node.memory.subset.parts[ReleasePart.SCREEN]
        delta = await partner.release_part("baseline", version=3, part=ReleasePart.ANSWERS, since=2)
        assert delta == b"baseline 3 answers since 2"
        request = EvaluationRequest(
            subset_id=b"s" * 16, epoch=1, request_id=b"r" * 16, elements=bytes(range(64))
        )
        reply = await partner.evaluate("baseline", request)
        assert reply.elements == bytes(range(1, 65))
        assert reply.request_id == request.request_id
        assert node.memory.subset.asked == [request]


async def test_anybody_reads_trust_files_and_a_holder_of_an_invitation_enrols_once() -> None:
    request = EnrolmentRequest(
        invite_id=b"i" * 16, auth_key=b"k" * 32, mac=b"m" * 32, auth_signature=b"s" * 64
    )
    async with node_on_loopback() as node, node.as_nobody() as nobody:
        assert await nobody.root() == b'{"root":1}'
        assert await nobody._client.get(ask_for("node_document")) == b'{"node":1}'
        assert await nobody._client.get(ask_for("members")) == b'{"members":1}'
        assert await nobody.member_root(PEER) == b'{"root":2}'
        document = await nobody.member_document(PEER)
        assert document == b'{"node":2}'
        before = nobody.traffic.received
        assert await nobody.member_document(PEER, held=document) == document
        assert nobody.traffic.received - before < 250, "without its body"
        assert await nobody.member_document(PEER, held=b"older") == document
        for name in ("be.example", "nl.example/..", "..", ""):
            with pytest.raises(NotFoundError):
                await nobody.member_root(name)
        reply = await nobody.enrol(request)
        assert (reply.partner, reply.subset, reply.origin) == (PARTNER, "baseline", RELEASES)
        with pytest.raises(GoneError):
            await nobody.enrol(request)


async def test_anybody_reads_the_tuf_repository() -> None:
    async with raw_access() as raw:
        for path in ("/tuf/timestamp.json", f"/tuf/targets/trust/{TARGET}"):
            reply = await raw("GET", path)
            assert reply.body == MemoryTuf.tuf[path.rpartition("/")[2]]
            again = await raw("GET", path, headers={"If-None-Match": reply.headers["ETag"]})
            assert (again.status, again.body) == (304, b"")
        for path in ("/tuf/9.root.json", f"/tuf/targets/trust/{TARGET}x", "/tuf/..%2Fnode.json"):
            assert (await raw("GET", path)).status == 404


async def test_a_retired_epoch_is_gone_and_an_unknown_log_is_not_found() -> None:
    request = EvaluationRequest(subset_id=b"s" * 16, epoch=9, request_id=b"r" * 16, elements=b"\0" * 32)
    async with node_on_loopback() as node, node.as_partner() as partner, node.as_peer() as peer:
        with pytest.raises(GoneError):
            await partner.evaluate("baseline", request)
        with pytest.raises(NotFoundError):
            await peer.checkpoint(f"{NODE}/lists/unknown", held=None)


async def test_who_shows_no_credential_gets_nothing_but_trust() -> None:
    async with node_on_loopback() as node, node.as_nobody() as nobody:
        with pytest.raises(UnauthenticatedError):
            await nobody.checkpoint(LIST, held=None)
        assert node.memory.callers == []


async def test_each_client_is_kept_to_its_scopes() -> None:
    async with node_on_loopback() as node, node.as_partner() as partner, node.as_peer() as peer:
        with pytest.raises(ForbiddenError):
            await partner.checkpoint(LIST, held=None)
        with pytest.raises(ForbiddenError):
            await partner.openings(LIST, index=0, width=1)
        with pytest.raises(ForbiddenError):
            await partner.checkpoint(f"{NODE}/subsets/other", held=None)
        with pytest.raises(ForbiddenError):
            await peer.release_part("baseline", version=1, part=ReleasePart.SCREEN, since=None)
        assert node.memory.callers == []


def test_a_scope_that_the_gate_does_not_know_covers_nothing() -> None:
    caller = Caller(client=PEER, kind=CallerKind.PEER, scopes=frozenset({"log:read", "open:1"}))
    with pytest.raises(ForbiddenError):
        _require_scope(caller, replace(ENDPOINTS[3], scope=None), make_mocked_request("GET", "/"))


# ------------------------------------------------------------------ the edges, by raw requests

_PLACES = {"{list}": "main", "{subset}": "baseline", "{level:[0-9]+}": "0", "{tile:.+}": "000.p/1"}
_PLACES |= {"{version:[0-9]+}": "1", "{part:screen|answers|labels|filter}": "screen"}
_PLACES |= {"{metadata}": "timestamp.json", "{target}": TARGET}
_PLACES |= {"{node}": PEER, "{sha256:[0-9a-f]+}": "00" * 32}
_PLACES |= {"{origin_sha256:[0-9a-f]+}": ORIGIN_SHA256, "{report_id:[0-9a-f]+}": "00" * 16}
_PLACES |= {"{proposal_id:[0-9a-f]+}": "00" * 16}


def _example(path: str) -> str:
    for placeholder, value in _PLACES.items():
        path = path.replace(placeholder, value)
    return path


@pytest.mark.threat("hostile bytes")
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
async def test_every_endpoint_asks_for_a_token_unless_it_is_public(endpoint: Endpoint) -> None:
    async with raw_access() as raw:
        reply = await raw(endpoint.method, _example(endpoint.path))
        assert (reply.status == 401) == (endpoint.scope is not None)
        if endpoint.scope is not None:
            assert reply.problem == "unauthenticated"
            assert reply.headers["WWW-Authenticate"].startswith("Bearer")
        elif endpoint.method == "GET":
            is_off = endpoint.name == "recipient_digests"
            assert reply.status == (404 if is_off else 200)
            assert is_off or reply.headers["Content-Type"].startswith(endpoint.media_type.partition(";")[0])


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
async def test_every_endpoint_refuses_other_methods(endpoint: Endpoint) -> None:
    async with raw_access() as raw:
        reply = await raw("DELETE", _example(endpoint.path))
        assert reply.status == 405
        assert reply.problem == "method-not-allowed"
        assert endpoint.method in reply.headers["Allow"]


@pytest.mark.parametrize("query", ["0", "00", "01", "+1", "", "-1", "1&first=2", "1&since=1", "x"])
@pytest.mark.parametrize("path", ["tile/entries/000.p/9", "openings/000.p/9", "tile/entries/000"])
async def test_a_place_in_a_bundle_has_one_spelling(path: str, query: str) -> None:
    async with raw_access() as raw:
        reply = await raw("GET", f"/lists/main/{path}?first={query}", await raw.peer_token())
        assert (reply.status, reply.problem) == (400, "malformed")


async def test_a_place_behind_the_bundle_is_too_large() -> None:
    async with raw_access() as raw:
        reply = await raw("GET", "/lists/main/openings/000.p/9?first=9", await raw.peer_token())
        assert (reply.status, reply.problem) == (413, "too-large")


async def test_a_part_of_a_full_bundle_is_kept_by_nobody() -> None:
    async with raw_access() as raw:
        token = await raw.peer_token()
        whole = await raw("GET", "/lists/main/tile/entries/000", token)
        part = await raw("GET", "/lists/main/tile/entries/000?first=1", token)
        assert "immutable" in whole.headers["Cache-Control"]
        assert part.headers["Cache-Control"] == "no-store"


_HEADERS = {
    "none": {},
    "basic": {"Authorization": "Basic cTpx"},
    "no token": {"Authorization": "Bearer "},
    "nonsense": {"Authorization": "Bearer nonsense"},
    "three dots": {"Authorization": "Bearer a.b.c"},
    "huge": {"Authorization": "Bearer " + "a" * 7900},
}


@pytest.mark.parametrize("headers", _HEADERS.values(), ids=_HEADERS)
async def test_a_bad_authorization_is_one_answer(headers: dict[str, str]) -> None:
    async with raw_access() as raw:
        reply = await raw("GET", "/lists/main/checkpoint", headers=headers)
        assert (reply.status, reply.problem) == (401, "unauthenticated")
        assert "nonsense" not in reply.body.decode()


async def test_an_expired_token_is_named_so() -> None:
    async with raw_access() as raw:
        token = await raw.peer_token()
        assert (await raw("GET", "/lists/main/checkpoint", token)).status == 200
        raw.node.memory.clock.advance(601)
        reply = await raw("GET", "/lists/main/checkpoint", token)
        assert (reply.status, reply.problem) == (401, "token-expired")


async def test_the_token_endpoint_answers_as_oauth_does() -> None:
    async with raw_access() as raw:
        reply = await raw.token(form={"scope": "open:2 query:baseline", "client_id": PEER})
        assert reply.status == 200
        assert reply.headers["Cache-Control"] == "no-store"
        body = json.loads(reply.body)
        assert (body["token_type"], body["scope"], body["expires_in"]) == ("Bearer", "open:2", 600)
        opened = await raw("GET", "/lists/main/openings/000.p/1", body["access_token"])
        assert opened.body.endswith(b"of [2]")
        assert (await raw("GET", "/lists/main/checkpoint", body["access_token"])).status == 403


_FORMS = {
    "another grant type": ({"grant_type": "password"}, 400),
    "another client than the assertion's": ({"client_id": PARTNER}, 400),
    "another assertion type": ({"client_assertion_type": "x"}, 400),
    "no assertion": ({"client_assertion": ""}, 401),
    "a bad assertion": ({"client_assertion": "a.b.c"}, 401),
    "a scope of somebody else": ({"scope": "query:baseline"}, 403),
    "a very long scope": ({"scope": "open:1 " * 1000}, 400),
}


@pytest.mark.parametrize(("form", "status"), _FORMS.values(), ids=_FORMS)
async def test_a_wrong_token_request_is_refused(form: dict[str, str], status: int) -> None:
    async with raw_access() as raw:
        reply = await raw.token(form=form)
        assert reply.status == status
        assert reply.problem


async def test_a_token_request_is_a_form_with_each_field_once() -> None:
    async with raw_access() as raw:
        as_json = await raw("POST", "/oauth2/token", json={})
        assert (as_json.status, as_json.problem) == (415, "unsupported-encoding")
        twice = await raw("POST", "/oauth2/token", data=[("grant_type", "a"), ("grant_type", "b")])
        assert (twice.status, twice.problem) == (400, "malformed")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for body in (b"", b"\xff=1", b"novalue", b"&".join(b"a%d=1" % n for n in range(17))):
            reply = await raw("POST", "/oauth2/token", data=body, headers=form)
            assert (reply.status, reply.problem) == (400, "malformed")


async def test_a_wrong_clock_is_told_in_seconds() -> None:
    async with raw_access() as raw:
        now = raw.node.memory.clock.now()
        signed = assertion(
            Credentials(PEER, PEER_KEY), node=NODE, now=now.replace(hour=9), entropy=system_entropy
        )
        reply = await raw.token(form={"client_assertion": signed})
        assert (reply.status, reply.problem) == (401, "clock-skew")
        assert json.loads(reply.body)["ahead_seconds"] == -3 * 3600


_PATHS = {
    "bundle not numbered": ("/lists/main/tile/entries/x", 400),
    "bundle with leading zeros": ("/lists/main/tile/entries/0000", 400),
    "bundle of no width": ("/lists/main/tile/entries/000.p/0", 400),
    "bundle of full width written as partial": ("/lists/main/tile/entries/000.p/256", 413),
    "bundle in a padded number": ("/lists/main/tile/entries/x000/001", 400),
    "tile of an absurd level": ("/lists/main/tile/99/000", 413),
    "tile of a padded level": ("/lists/main/tile/00/000", 400),
    "openings not numbered": ("/lists/main/openings/abc", 400),
    "dots": ("/lists/main/tile/entries/..%2f..%2fetc%2fpasswd", 404),
    "no such path": ("/lists/main", 404),
    "no path": ("/", 404),
    "a list name with a slash": ("/lists/a%2fb/checkpoint", 404),
    "a letter in digits": ("/lists/%6dain/checkpoint", 404),
    "a slash in digits": ("/lists%2fmain/checkpoint", 404),
    "a digit in digits": ("/lists/main/tile/entries/00%30.p/1", 404),
}


@pytest.mark.parametrize(("path", "status"), _PATHS.values(), ids=_PATHS)
async def test_a_path_has_one_spelling(path: str, status: int) -> None:
    async with raw_access() as raw:
        reply = await raw("GET", path, await raw.peer_token())
        assert reply.status == status
        assert reply.problem in {"malformed", "not-found", "too-large"}


@pytest.mark.parametrize("name", ["Main", "main_x", "-main", "a" * 65, "main~"])
async def test_what_cannot_name_a_list_is_neither_looked_up_nor_repeated(name: str) -> None:
    async with raw_access() as raw:
        token = await raw.peer_token()
        for rest in ("checkpoint", "tile/entries/000.p/1", "tile/0/000.p/1", "openings/000.p/1"):
            reply = await raw("GET", f"/lists/{name}/{rest}", token)
            assert (reply.status, reply.problem) == (404, "not-found")
            assert b"no such log here" in reply.body


@pytest.mark.parametrize("path", ["/health", "/trust/node.json", "/nowhere", "/lists/main/checkpoint"])
async def test_no_reply_says_of_what_the_node_is_made(path: str) -> None:
    async with raw_access() as raw:
        assert (await raw("GET", path)).headers["Server"] == "sigfed"


_RELEASE_PATHS = {
    "no such part": ("/subsets/baseline/releases/1/other", 404),
    "version with a leading zero": ("/subsets/baseline/releases/01/screen", 400),
    "since with a sign": ("/subsets/baseline/releases/1/screen?since=-1", 400),
    "since twice": ("/subsets/baseline/releases/1/screen?since=1&since=2", 400),
    "since empty": ("/subsets/baseline/releases/1/screen?since=", 400),
    "another parameter": ("/subsets/baseline/releases/1/screen?digest=1", 400),
}


@pytest.mark.parametrize(("path", "status"), _RELEASE_PATHS.values(), ids=_RELEASE_PATHS)
async def test_release_paths_are_strict(path: str, status: int) -> None:
    async with raw_access() as raw:
        assert (await raw("GET", path, await raw.partner_token())).status == status


_RANGES = {
    "from the middle": ("bytes=100-", 206, slice(100, None)),
    "a piece": ("bytes=100-199", 206, slice(100, 200)),
    "past the end": ("bytes=51199-99999", 206, slice(51199, None)),
    "the whole": ("bytes=0-", 206, slice(0, None)),
    "beyond": ("bytes=51200-", 416, None),
    "backwards": ("bytes=5-4", 416, None),
    "several": ("bytes=0-1,3-4", 200, slice(0, None)),
    "from the end": ("bytes=-5", 200, slice(0, None)),
    "other units": ("lines=1-", 200, slice(0, None)),
}


@pytest.mark.parametrize(("asked", "status", "part"), _RANGES.values(), ids=_RANGES)
async def test_ranges_of_a_release_file(asked: str, status: int, part: slice | None) -> None:
    async with raw_access() as raw:
        whole = raw.node.memory.subset.parts[ReleasePart.SCREEN]
        path = "/subsets/baseline/releases/1/screen"
        reply = await raw("GET", path, await raw.partner_token(), headers={"Range": asked})
        assert reply.status == status
        if part is not None:
            assert reply.body == whole[part]
        if status == 206:
            first = part.start if part else 0
            last = first + len(reply.body) - 1
            assert reply.headers["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"


async def test_what_may_be_kept_on_the_way_says_so() -> None:
    async with raw_access() as raw:
        token = await raw.peer_token()
        kept = {
            path: (await raw("GET", path, token)).headers["Cache-Control"]
            for path in (
                "/lists/main/checkpoint",
                "/lists/main/tile/0/000",
                "/lists/main/tile/0/000.p/1",
                "/lists/main/tile/entries/000",
                "/lists/main/openings/000",
            )
        }
    assert list(kept.values()) == [
        "private, no-cache",
        "private, max-age=31536000, immutable",
        "no-store",
        "private, max-age=31536000, immutable",
        "no-store",
    ]


async def test_a_conditional_read_costs_little() -> None:
    async with raw_access() as raw:
        token = await raw.peer_token()
        full = await raw("GET", "/lists/main/checkpoint", token)
        tag = full.headers["ETag"]
        again = await raw("GET", "/lists/main/checkpoint", token, headers={"If-None-Match": tag})
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
        other = await raw("GET", "/lists/main/checkpoint", token, headers={"If-None-Match": '"x"'})
        assert other.body == full.body


@pytest.mark.threat("hostile bytes")
async def test_a_body_is_bounded_before_and_while_it_arrives() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 65_536

    async with raw_access() as raw:
        token = await raw.partner_token()
        declared = await raw("POST", "/subsets/baseline/evaluate", token, data=b"x" * (MAX_REQUEST_BODY + 1))
        assert (declared.status, declared.problem) == (413, "too-large")
        chunked = await raw("POST", "/subsets/baseline/evaluate", token, data=endless())
        assert (chunked.status, chunked.problem) == (413, "too-large")
        enrol = await raw("POST", "/enrol", data=b"x" * (MAX_FORM_BYTES + 1))
        assert (enrol.status, enrol.problem) == (413, "too-large")


@pytest.mark.threat("endless bytes")
async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(30)

    async with raw_access(settings=WebSettings(body_seconds=0.1)) as raw:
        reply = await raw("POST", "/enrol", data=stuck())
        assert (reply.status, reply.problem) == (408, "timeout")


async def test_an_encoded_body_is_refused_unread() -> None:
    async with raw_access() as raw:
        reply = await raw("POST", "/enrol", data=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
        assert (reply.status, reply.problem) == (415, "unsupported-encoding")


_BODIES = {"empty": b"", "short": b"\1" * 10, "json": b"{}", "wrong version": b"\2" + b"\0" * 75}


@pytest.mark.parametrize("body", _BODIES.values(), ids=_BODIES)
async def test_a_malformed_evaluation_is_refused_before_it_costs(body: bytes) -> None:
    async with raw_access() as raw:
        reply = await raw("POST", "/subsets/baseline/evaluate", await raw.partner_token(), data=body)
        assert (reply.status, reply.problem) == (400, "malformed")
        assert raw.node.memory.callers == []


# ------------------------------------------------------------------ limits


async def test_a_client_that_asks_too_often_is_told_when_to_come_back() -> None:
    settings = WebSettings(peer_per_minute=60, caller_burst=3)
    async with raw_access(settings=settings) as raw:
        token = await raw.peer_token()
        replies = [await raw("GET", "/lists/main/checkpoint", token) for _ in range(4)]
        assert [reply.status for reply in replies] == [200, 200, 200, 429]
        assert replies[-1].problem == "rate-limited"
        assert replies[-1].headers["Retry-After"] == "1"
        assert (await raw("GET", "/subsets/baseline/checkpoint", await raw.partner_token())).status == 200, (
            "another client is not affected"
        )
        raw.node.memory.clock.advance(1)
        assert (await raw("GET", "/lists/main/checkpoint", token)).status == 200


async def test_an_agency_may_ask_more_often_than_a_partner() -> None:
    async with raw_access(settings=WebSettings(caller_burst=10)) as raw:
        tokens = {"lists/main": await raw.peer_token(), "subsets/baseline": await raw.partner_token()}
        allowed = {}
        for path, token in tokens.items():
            while (await raw("GET", f"/{path}/checkpoint", token)).status == 200:
                pass
            raw.node.memory.clock.advance(0.02)
            allowed[path] = [
                (await raw("GET", f"/{path}/checkpoint", token)).status for _ in range(12)
            ].count(200)
        assert allowed == {"lists/main": 10, "subsets/baseline": 2}


@pytest.mark.threat("hostile bytes")
async def test_an_address_that_guesses_is_slowed_down() -> None:
    async with raw_access(settings=WebSettings(address_per_minute=60, address_burst=5)) as raw:
        token = await raw.peer_token()
        raw.node.memory.clock.advance(10)
        assert (await raw("GET", "/lists/main/checkpoint", token)).status == 200
        raw.node.memory.clock.advance(1)
        statuses = [(await raw("GET", "/lists/main/checkpoint", "guess")).status for _ in range(6)]
        assert statuses == [401, 401, 401, 401, 401, 429]
        assert (await raw("GET", "/trust/1.root.json")).status == 429
        assert (await raw("GET", "/nothing/here")).status == 429
        assert (await raw("GET", "/lists/main/checkpoint", token)).status == 200, "a known token passes"


async def test_an_address_without_allowance_costs_no_signature_check(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    read = jose.read_token

    def counted(token: str, **rest: Any) -> object:
        checked.append(token)
        return read(token, **rest)

    async with raw_access(settings=WebSettings(address_per_minute=1, address_burst=3)) as raw:
        monkeypatch.setattr("node.web.auth.jose.read_token", counted)
        for number in range(8):
            await raw("GET", "/lists/main/checkpoint", f"guess-{number}")
            await raw("GET", "/lists/main/checkpoint")
    assert checked == ["guess-0", "guess-1"]


async def test_the_client_reports_a_rate_limit() -> None:
    settings = WebSettings(address_per_minute=1, address_burst=1)
    async with node_on_loopback(settings=settings) as node, node.as_nobody() as nobody:
        await nobody.root()
        with pytest.raises(RateLimitedError) as caught:
            await nobody.root()
        assert caught.value.retry_after_seconds == 60
