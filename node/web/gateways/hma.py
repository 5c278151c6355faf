"""Look-ups in the shape of Meta's hasher-matcher-actioner (HMA 1.1), so that what asks one can ask this daemon.

PDQ and MD5 (`video_md5`) are met exactly. A match is told under its collection, where HMA tells a bank, with a number
made of the hit's id. Nothing is fetched from an address: whoever may ask could make this machine fetch anything. What
is asked in words that this daemon does not know is refused with 400, so that no client takes a match for none. Source:
facebook/ThreatExchange of July 2026, hasher-matcher-actioner, blueprints `hashing` and `matching`.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from node.ports.inspection import Inspected
from node.ports.verdicts import Outcome, Verdicts
from node.web.gateways.bodies import first_part, inspected_part, require_no_more
from node.web.gateways.services import is_match, services_of, unavailable
from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError
from protocol.lists.event import collection_name, collection_number

_TYPES: Final = {"pdq": Algorithm.PDQ, "video_md5": Algorithm.MD5}
_DISTANCES: Final = {"pdq": "0", "video_md5": "-"}
"""Of equal values, as HMA writes it: MD5 knows no distance."""
_BY_CONTENT: Final = {"photo": ("pdq",), "video": ("video_md5",)}
_ID_DIGITS: Final = 12
"""Of the hit's id: a number that JavaScript holds exactly."""
_NAME: Final = "HMA look-up"
_TEST_FILE: Final = "TEST_FILE"
_UNLABELLED: Final = "LISTED"
"""What is met in a release that says no collections."""
_NUMBERED: Final = "COLLECTION_"
"""HMA's names of banks begin with a letter."""
_LOOKUP: Final = frozenset({"banks", "bypass_coinflip", "seed", "types", "content_type"})
"""Nothing is left to chance here: every bank is asked, as HMA does with `bypass_coinflip`."""
_HASH: Final = frozenset({"signal", "signal_type"})
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}

_Match = dict[str, int | str]


async def ready(request: web.Request) -> web.Response:
    """`GET /status`, `/readyz`: 503 when no verdicts are given."""
    if services_of(request).standing()["serving"]:
        return await alive(request)
    return web.Response(text="INDEX-STALE", status=503)


async def alive(_: web.Request) -> web.Response:
    """`GET /status/live`, `/livez`."""
    return web.Response(text="I-AM-ALIVE")


async def hashed(request: web.Request) -> web.Response:
    """`POST /h/hash`: the hashes of the caller's own file."""
    _require_known(request, {"types"})
    kind, found = await _uploaded(request)
    return web.json_response(_hashes(request, kind, found))


async def fetched(_: web.Request) -> web.Response:
    """`GET /h/hash`: a file at an address, which is not fetched."""
    raise web.HTTPBadRequest(text="this daemon fetches nothing: POST the file")


async def raw_lookup(request: web.Request) -> web.Response:
    """`GET /m/raw_lookup`: numbers of what a hash meets."""
    _require_known(request, _HASH | {"banks", "include_distance"})
    with_distance = _boolean(request, "include_distance")
    banks = await _looked_up(request)
    matches = [match for found in banks.values() for match in found]
    return web.json_response(
        {"matches": matches if with_distance else [match["bank_content_id"] for match in matches]}
    )


async def lookup(request: web.Request) -> web.Response:
    """`GET /m/lookup`: what a hash meets, by bank."""
    if "url" in request.query:
        raise web.HTTPBadRequest(text="this daemon fetches nothing: POST the file")
    _require_known(request, _HASH | _LOOKUP)
    return web.json_response(await _looked_up(request))


async def lookup_file(request: web.Request) -> web.Response:
    """`POST /m/lookup`: what a file meets, by bank, by the types of hashes that were asked for.

    A file may meet by another hash: a damaged picture has no PDQ value and is listed all the same.
    """
    _require_known(request, _LOOKUP)
    wanted = _wanted_banks(request)
    kind, found = await _uploaded(request)
    return web.json_response({name: _banks(found.verdicts, name, wanted) for name in _wanted(request, kind)})


async def index_status(request: web.Request) -> web.Response:
    """`GET /m/index/status`."""
    standing = services_of(request).standing()
    each = standing.get("subsets", [standing])
    status = {
        "present": bool(standing["serving"]),
        "built_to": sum(one.get("version", 0) for one in each),  # grows with every release of any of them
        "size": sum(one.get("entries", 0) for one in each),
    }
    wanted = request.query.get("signal_type")
    if wanted is not None and wanted not in _TYPES:
        raise web.HTTPBadRequest(text="no such signal type; there are pdq and video_md5")
    return web.json_response(dict.fromkeys([wanted] if wanted else list(_TYPES), status))


async def _looked_up(request: web.Request) -> Mapping[str, list[_Match]]:
    wanted, name = _wanted_banks(request), request.query.get("signal_type", "")
    try:
        digest = Digest.from_hex(_TYPES[name], request.query["signal"])
    except KeyError:
        raise web.HTTPBadRequest(text="signal, and signal_type pdq or video_md5, are required") from None
    except MalformedError as exc:
        raise web.HTTPBadRequest(text=f"invalid signal: {exc}") from None
    return _banks(await services_of(request).inspector.look_up([[digest]], _NAME), name, wanted)


async def _uploaded(request: web.Request) -> tuple[str, Inspected]:
    """The one file of a form, and what its field says that it is."""
    form, part = await first_part(request)
    if part.name not in _BY_CONTENT:
        raise web.HTTPBadRequest(text="no such content_type: the field is called photo or video")
    _wanted(request, part.name)
    found = await inspected_part(request, part, _NAME)
    await require_no_more(request, form)
    return part.name, found


def _wanted(request: web.Request, kind: str) -> list[str]:
    wanted = request.query.get("types")
    if wanted is None:
        return list(_BY_CONTENT[kind])
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not names or not set(names) <= set(_BY_CONTENT[kind]):
        raise web.HTTPBadRequest(text=f"signal type doesn't exist or is disabled for {kind}")
    return names


def _hashes(request: web.Request, kind: str, found: Inspected) -> dict[str, str]:
    values = {digest.algorithm: digest.value.hex() for digest in found.digests}
    return {name: values[_TYPES[name]] for name in _wanted(request, kind) if _TYPES[name] in values}


def _require_known(request: web.Request, known: frozenset[str] | set[str]) -> None:
    """Raise 400 for a parameter that may narrow what is asked in a way that is not done here."""
    if not set(request.query) <= known:
        raise web.HTTPBadRequest(text=f"unknown parameters; there are {', '.join(sorted(known))}")


def _boolean(request: web.Request, name: str) -> bool:
    try:
        return _BOOLEANS[request.query.get(name, "false").lower()]
    except KeyError:
        raise web.HTTPBadRequest(text=f"{name}: true or false") from None


def _wanted_banks(request: web.Request) -> frozenset[str] | None:
    """The banks that the caller restricts itself to; None: all. Raises 400 for one that is none of ours."""
    text = request.query.get("banks")
    if not text:
        return None
    wanted = frozenset(text.split(","))
    if not all(map(_is_bank, wanted)):
        raise web.HTTPBadRequest(text="no such bank; there are BASELINE, NATIONAL, INVESTIGATIVE, OTHER")
    return wanted


def _is_bank(name: str) -> bool:
    try:
        number = collection_number(name.removeprefix(_NUMBERED).lower())
    except MalformedError:
        return name == _TEST_FILE
    return name == _bank(collection_name(number))


def _bank(collection: str) -> str:
    """The name of a bank for what the release calls the collection."""
    if not collection:
        return _UNLABELLED
    return f"{_NUMBERED}{collection}" if collection.isdecimal() else collection.upper()


def _banks(found: Verdicts, name: str, wanted: frozenset[str] | None) -> Mapping[str, list[_Match]]:
    """What was met by a hash of the type `name`, by bank, in whichever part and subset; empty: nothing.

    Raises 503 where what is unknown may be in a bank that is wanted.
    """
    if not is_match(found.whole):
        return {}
    banks: dict[str, list[_Match]] = {}
    for met in found.each:
        if met.outcome not in {Outcome.HIT, Outcome.TEST_FILE}:
            continue
        bank = _TEST_FILE if met.outcome is Outcome.TEST_FILE else _bank(met.collection)
        if wanted is not None and bank == _UNLABELLED:
            raise web.HTTPBadRequest(
                text="this release does not say what is in which bank: ask without banks"
            )
        match: _Match = {
            "bank_content_id": int(met.hit_id[:_ID_DIGITS] or "0", 16),
            "distance": _DISTANCES[name],
        }
        if (wanted is None or bank in wanted) and match not in banks.get(bank, []):
            banks.setdefault(bank, []).append(match)
    unknown = next((each for each in found.each if each.asked and each.outcome is Outcome.UNKNOWN), None)
    if not banks and unknown is not None:
        raise unavailable(unknown.reason)
    return banks
