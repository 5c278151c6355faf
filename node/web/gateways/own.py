"""The daemon's own API: a file, hashes of files, how it stands, metrics. What it answers holds no hash."""

import asyncio
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from node.metrics import CONTENT_TYPE
from node.ports.verdicts import Verdict
from node.web.gateways.bodies import inspected, read_json
from node.web.gateways.services import LocalServices, services_of
from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError

MAX_FILES: Final = 1000
_MAX_NAME: Final = 1024
_ALGORITHMS: Final = {
    "md5": Algorithm.MD5,
    "sha1": Algorithm.SHA1,
    "sha256": Algorithm.SHA256,
    "pdq": Algorithm.PDQ,
}
_NAMELESS: Final = "upload"
_NOT_ASKED: Final = "not-asked"
"""What a subset says of hashes of kinds that it does not take in, where another one was asked."""


async def scan(request: web.Request) -> web.Response:
    """`POST /v1/scan`: the body is a file."""
    services = services_of(request)
    found = await inspected(request, _name(unquote(request.headers.get("X-File-Name", ""))))
    facts = _facts(found.verdict, services) | {"size": found.size, "faults": list(found.faults)}
    return _json(facts)


async def check(request: web.Request) -> web.Response:
    """`POST /v1/check`: hashes of files."""
    services = services_of(request)
    body = await read_json(request)
    rows = body.get("files") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_FILES:
        raise web.HTTPBadRequest(text=f"files: a list of 1 to {MAX_FILES} files")
    files = [_file(row, place) for place, row in enumerate(rows)]
    answers = await asyncio.gather(*(services.inspector.look_up([digests], name) for name, digests in files))
    facts = [
        {"name": name, **_facts(answer.whole, services)}
        for (name, _), answer in zip(files, answers, strict=True)
    ]
    return _json({"files": facts})


async def health(request: web.Request) -> web.Response:
    """`GET /health`: 503 when no verdicts are given."""
    standing = services_of(request).standing()
    return _json(dict(standing), status=200 if standing["serving"] else 503)


async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`."""
    text = await asyncio.to_thread(services_of(request).metrics)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})


def _facts(verdict: Verdict, services: LocalServices) -> dict[str, Any]:
    """Where several subsets are followed: whose word it is as well, and what each of them says."""
    facts = {"verdict": verdict.outcome.value, "block": services.blocks(verdict), **_said(verdict)}
    if not verdict.subsets:
        return facts
    return facts | {
        "subset": verdict.subset,
        "subsets": [
            {
                "subset": each.subset,
                "version": each.version,
                "verdict": each.outcome.value if each.asked else _NOT_ASKED,
                **_said(each),
            }
            for each in verdict.subsets
        ],
    }


def _said(verdict: Verdict) -> dict[str, Any]:
    return {
        "reason": verdict.reason,
        "weak": verdict.weak,
        "collection": verdict.collection,
        "countries": list(verdict.countries),
        "algorithms": list(verdict.algorithms),
        "hit": verdict.hit_id,
    }


def _file(row: object, place: int) -> tuple[str, tuple[Digest, ...]]:
    if not isinstance(row, dict):
        raise web.HTTPBadRequest(text=f"files[{place}]: not an object")
    unknown = set(row) - set(_ALGORITHMS) - {"name"}
    if unknown:
        raise web.HTTPBadRequest(
            text=f"files[{place}]: unknown keys; there are name, {', '.join(_ALGORITHMS)}"
        )
    try:
        digests = tuple(
            Digest.from_hex(algorithm, str(row[key])) for key, algorithm in _ALGORITHMS.items() if key in row
        )
    except MalformedError as exc:
        raise web.HTTPBadRequest(text=f"files[{place}]: {exc}") from None
    if not digests:
        raise web.HTTPBadRequest(text=f"files[{place}]: no hash")
    return _name(str(row.get("name", ""))), digests


def _name(text: str) -> str:
    """The caller's name of a file, which is kept with a hit and goes nowhere: one line."""
    return "".join(char if char.isprintable() else "?" for char in text)[:_MAX_NAME] or _NAMELESS


def _json(facts: dict[str, Any], *, status: int = 200) -> web.Response:
    return web.json_response(facts, status=status)
