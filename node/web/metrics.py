"""The listener for monitoring: `GET /metrics` and nothing else, without TLS or token, so by default on loopback."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from node.metrics import CONTENT_TYPE
from node.web.server import RunningServer, serve


async def serve_metrics(text: Callable[[], bytes], *, host: str, port: int) -> RunningServer:
    """Start serving what `text` gives; `stop` of what is returned ends it.

    Raises:
        PortTakenError: the address cannot be listened on.
    """

    async def metrics(_: web.Request) -> web.Response:
        body = await asyncio.to_thread(text)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    app = web.Application()
    app.router.add_get("/metrics", metrics, allow_head=False)
    return await serve(app, ssl_context=None, host=host, port=port)
