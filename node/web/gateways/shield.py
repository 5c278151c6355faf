"""Look-ups in the shape of Project Arachnid's Shield, so that its SDK asks this daemon unchanged.

Files, and PDQ values met exactly. Nothing is fetched from an address. The test file is answered like a hit, because the
shape has no name for it. Source: PyPI arachnid-shield-sdk 0.2.2.
"""

import binascii
from base64 import b32encode, b64decode
from typing import Any, Final

from aiohttp import web

from node.ports.verdicts import Verdict
from node.web.gateways.bodies import inspected, read_json
from node.web.gateways.services import is_match, services_of
from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError

MAX_HASHES: Final = 1000
_NAME: Final = "Shield look-up"
_KNOWN: Final = "csam"
_NOTHING: Final = "no-known-match"


async def media(request: web.Request) -> web.Response:
    """`POST /v1/media/`: the body is a file; the answer names the hashes of the caller's own file."""
    found = await inspected(request, _NAME)
    values = {digest.algorithm: digest.value for digest in found.digests}
    facts = {
        "size_bytes": found.size,
        "sha1_base32": b32encode(values.get(Algorithm.SHA1, b"")).decode(),
        "sha256_hex": values.get(Algorithm.SHA256, b"").hex().upper(),
        **_match(found.verdict),
    }
    return web.json_response(facts | {"near_match_details": []})


async def pdq(request: web.Request) -> web.Response:
    """`POST /v1/pdq/`: PDQ values in base64."""
    body = await read_json(request)
    texts = body.get("hashes") if isinstance(body, dict) else None
    if not isinstance(texts, list) or not 0 < len(texts) <= MAX_HASHES:
        raise web.HTTPBadRequest(text=f"hashes: a list of 1 to {MAX_HASHES} PDQ values in base64")
    digests = [_digest(text) for text in texts]
    answers = await services_of(request).inspector.look_up([[digest] for digest in digests], _NAME)
    scanned = {
        text: _match(verdict) | {"near_match_details": None}
        for text, verdict in zip(texts, answers.parts, strict=True)
    }
    return web.json_response({"scanned_hashes": scanned})


async def url(_: web.Request) -> web.Response:
    """`POST /v1/url/`: a file at an address, which is not fetched."""
    raise web.HTTPBadRequest(text="this daemon fetches nothing: send the file")


def _digest(text: object) -> Digest:
    try:
        return Digest(Algorithm.PDQ, b64decode(str(text), validate=True))
    except (binascii.Error, ValueError, MalformedError):
        raise web.HTTPBadRequest(text="hashes: one is not a PDQ value in base64") from None


def _match(verdict: Verdict) -> dict[str, Any]:
    found = is_match(verdict)
    return {"classification": _KNOWN if found else _NOTHING, "match_type": "exact" if found else None}
