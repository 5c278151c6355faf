"""A connection whose other side takes nothing of a reply any more: the system ends it.

A reply waits in memory until it was taken, and nothing else of the server looks at a request that was answered. Whoever
takes a byte now and then is not cut off, but long replies are for clients that are known alone.
"""

import socket

from aiohttp import web


def end_when_stalled(request: web.Request, *, seconds: float) -> None:
    """Let the connection end when nothing that was sent is taken for this long (RFC 5482)."""
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
