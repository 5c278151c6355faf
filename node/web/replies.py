"""Replies: bytes of the media type that the endpoint's line says, conditional and partial where that is documented.

An ETag is a hash of public signed bytes, never of list contents. Ranges are single (RFC 9110 §14.2); a range header in
any other form is ignored, as the RFC says it may be.
"""

import re
from collections.abc import AsyncIterator, Iterable
from hashlib import sha256
from typing import Final

from aiohttp import web

from node.store.mapped_files import maps_of, sparing
from node.web.state import endpoint_of
from protocol.encoding import Octets
from protocol.subset.spliced_octets import Laid, Spliced

NO_STORE: Final = "no-store"
REVALIDATE: Final = "private, no-cache"
FOREVER: Final = "private, max-age=31536000, immutable"
_RANGE: Final = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})?")
_TAG_CHARS: Final = 32
_PIECE: Final = 2**16


def plain(request: web.Request, body: bytes, *, cache: str = NO_STORE) -> web.Response:
    """A whole reply."""
    return web.Response(body=body, headers={"Content-Type": _media_type(request), "Cache-Control": cache})


def conditional(request: web.Request, body: bytes) -> web.Response:
    """A reply that costs almost nothing when the client holds the same bytes (`If-None-Match`)."""
    tag = etag(body)
    headers = {"ETag": tag, "Cache-Control": REVALIDATE}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers | {"Content-Type": _media_type(request)})


def etag(body: bytes) -> str:
    """The strong entity tag of a reply body."""
    return f'"{sha256(body).hexdigest()[:_TAG_CHARS]}"'


def ranged(request: web.Request, body: Laid) -> web.Response:
    """A reply of which the client may ask a part (`Range: bytes=FIRST-[LAST]`), to resume.

    It is written as the client takes it: what is written at once, TLS would have in memory three times over; and what
    was read of a mapped file is given back.
    """
    headers = {"Content-Type": _media_type(request), "Cache-Control": NO_STORE, "Accept-Ranges": "bytes"}
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None:
        return _written(200, body, 0, len(body), headers)
    first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
    if first > last:
        raise web.HTTPRequestRangeNotSatisfiable
    headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
    return _written(206, body, first, last + 1, headers)


def _written(status: int, body: Laid, first: int, end: int, headers: dict[str, str]) -> web.Response:
    pieces = Spliced.of(body).pieces(_PIECE, slice(first, end))
    length = {"Content-Length": str(end - first)}
    awaited = _awaited(sparing(pieces, maps_of(body)))
    return web.Response(status=status, body=awaited, headers=headers | length)


async def _awaited(pieces: Iterable[Octets]) -> AsyncIterator[Octets]:
    for piece in pieces:
        yield piece


def _media_type(request: web.Request) -> str:
    endpoint = endpoint_of(request)
    assert endpoint is not None, "what is no endpoint has no handler"
    return endpoint.media_type
