"""Look-ups in the shape of Meta's hasher-matcher-actioner (HMA), so that what asks one can ask this daemon.

PDQ and MD5 (`video_md5`) are met exactly: distance 0. Nothing is fetched from an address: whoever may ask could make
this machine fetch anything. A match is told by the name of its collection where HMA tells the name of a bank, and by a
number made of the hit's id. Source: facebook/ThreatExchange, hasher-matcher-actioner, blueprints `hashing` and
`matching`.
"""

from typing import Final

from aiohttp import web

from node.ports.inspecting import Inspected
from node.ports.judging import Verdict
from node.web.gateways.bodies import first_part, inspected_part
from node.web.gateways.services import is_match, services_of
from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError

_TYPES: Final = {"pdq": Algorithm.PDQ, "video_md5": Algorithm.MD5}
_BY_CONTENT: Final = {"photo": ("pdq",), "video": ("video_md5",)}
_ID_DIGITS: Final = 12
"""Of the hit's id: a number that JavaScript holds exactly."""
_NAME: Final = "HMA look-up"


async def alive(_: web.Request) -> web.Response:
    """`GET /status`."""
    return web.Response(text="I-AM-ALIVE")


async def hashed(request: web.Request) -> web.Response:
    """`POST /h/hash`: the hashes of the caller's own file."""
    kind, found = await _uploaded(request)
    return web.json_response(_hashes(request, kind, found))


async def fetched(_: web.Request) -> web.Response:
    """`GET /h/hash`: a file at an address, which is not fetched."""
    raise web.HTTPBadRequest(text="this daemon fetches nothing: POST the file")


async def raw_lookup(request: web.Request) -> web.Response:
    """`GET /m/raw_lookup`: numbers of what a hash meets."""
    verdict = await _looked_up(request)
    matched = is_match(verdict)
    number = int(verdict.hit_id[:_ID_DIGITS] or "0", 16)
    if request.query.get("include_distance", "").lower() in {"true", "1"}:
        return web.json_response({"matches": [{"content_id": number, "distance": "0"}] if matched else []})
    return web.json_response({"matches": [number] if matched else []})


async def lookup(request: web.Request) -> web.Response:
    """`GET /m/lookup`: names of what a hash meets."""
    if "url" in request.query:
        raise web.HTTPBadRequest(text="this daemon fetches nothing: POST the file")
    return web.json_response(_banks(await _looked_up(request)))


async def lookup_file(request: web.Request) -> web.Response:
    """`POST /m/lookup`: names of what a file meets, by the types of hashes that were asked for.

    A file may meet by another hash: a damaged picture has no PDQ value and is listed all the same.
    """
    kind, found = await _uploaded(request)
    return web.json_response({name: _banks(found.verdict) for name in _wanted(request, kind)})


async def index_status(request: web.Request) -> web.Response:
    """`GET /m/index/status`."""
    standing = services_of(request).standing()
    status = {
        "present": bool(standing["serving"]),
        "built_to": standing.get("version", 0),
        "size": standing.get("entries", 0),
    }
    wanted = request.query.get("signal_type")
    if wanted is not None and wanted not in _TYPES:
        raise web.HTTPBadRequest(text="no such signal type; there are pdq and video_md5")
    return web.json_response(dict.fromkeys([wanted] if wanted else list(_TYPES), status))


async def _looked_up(request: web.Request) -> Verdict:
    try:
        algorithm = _TYPES[request.query["signal_type"]]
        digest = Digest.from_hex(algorithm, request.query["signal"])
    except KeyError:
        raise web.HTTPBadRequest(text="signal, and signal_type pdq or video_md5, are required") from None
    except MalformedError as exc:
        raise web.HTTPBadRequest(text=f"invalid signal: {exc}") from None
    return (await services_of(request).inspector.look_up([[digest]], _NAME)).whole


async def _uploaded(request: web.Request) -> tuple[str, Inspected]:
    """The one file of a form, and what its field says that it is."""
    part = await first_part(request)
    if part.name not in _BY_CONTENT:
        raise web.HTTPBadRequest(text="no such content_type: the field is called photo or video")
    return part.name, await inspected_part(request, part, _NAME)


def _wanted(request: web.Request, kind: str) -> list[str]:
    wanted = request.query.get("types")
    names = [name.strip() for name in wanted.split(",")] if wanted else list(_BY_CONTENT[kind])
    if not set(names) <= set(_BY_CONTENT[kind]):
        raise web.HTTPBadRequest(text=f"signal type doesn't exist or is disabled for {kind}")
    return names


def _hashes(request: web.Request, kind: str, found: Inspected) -> dict[str, str]:
    values = {digest.algorithm: digest.value.hex() for digest in found.digests}
    return {name: values[_TYPES[name]] for name in _wanted(request, kind) if _TYPES[name] in values}


def _banks(verdict: Verdict) -> list[str]:
    return [verdict.collection or verdict.outcome.value] if is_match(verdict) else []
