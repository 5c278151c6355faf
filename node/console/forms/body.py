"""What a posted form holds: its fields, and the text of files that it brings, within bounds."""

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import BadHttpMessage

from node.console.parts import Attached, Values
from node.errors import UsageError
from node.web.http_connections import arriving

_PLAIN: Final = "application/x-www-form-urlencoded"
_WITH_FILES: Final = "multipart/form-data"
_MAX_FIELDS: Final = 2000
MOST_TYPED: Final = 256 * 1024
"""Bytes of all that is no file. It is taken apart between all other requests, and megabytes of `%41` take seconds:
what is large comes as a file, which is copied and no more."""
_SECONDS: Final = 60.0


async def read_form(request: web.Request, most_bytes: int) -> Values:
    """The fields of a posted form; of a file, its text.

    Raises:
        UsageError: it is no form, larger than `most_bytes`, or holds more than `MOST_TYPED` besides files.
        HTTPBadRequest: it did not arrive whole.
    """
    try:
        with arriving():
            async with asyncio.timeout(_SECONDS):
                return await _read(request, most_bytes)
    except TimeoutError as exc:
        raise UsageError("the form did not arrive in time") from exc


async def _read(request: web.Request, most_bytes: int) -> Values:
    if request.content_type == _WITH_FILES:
        return await _read_parts(request, most_bytes)
    if request.content_type != _PLAIN:
        raise UsageError("this is not a form of this console")
    most, body = min(most_bytes, MOST_TYPED), bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        _require_small(len(body), most)
    return Values(_fields(body.decode("utf-8", "replace")))


def _fields(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as exc:
        raise UsageError("a form has {most} fields at most", f"{_MAX_FIELDS:,}") from exc


async def _read_parts(request: web.Request, most_bytes: int) -> Values:
    found: dict[str, str] = {}
    files: dict[str, Attached] = {}
    size = typed = parts = 0
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            parts += 1  # not how many names: many parts may have one
            if not isinstance(part, BodyPartReader) or part.name is None or parts > _MAX_FIELDS:
                raise UsageError("this is not a form of this console")
            body = bytearray()
            while chunk := await part.read_chunk():
                body += chunk
                _require_small(size + len(body), most_bytes)
                if part.filename is None:
                    _require_small(typed + len(body), MOST_TYPED)
            size += len(body)
            found[part.name] = body.decode("utf-8", "replace")
            if part.filename is None:
                typed += len(body)
            else:
                files[part.name] = Attached(part.filename, bytes(body))
    except (ValueError, RuntimeError, BadHttpMessage) as exc:
        raise UsageError("the form cannot be read") from exc
    return Values(found, files)


def _require_small(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise UsageError("the form holds more than {most} kB", f"{most_bytes // 1024:,}")
