"""The listener for monitoring: `GET /metrics` and nothing else, without TLS or token, so by default on loopback."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from node.errors import PortTakenError
from node.metrics import CONTENT_TYPE


async def serve_metrics(text: Callable[[], bytes], *, host: str, port: int) -> web.AppRunner:
    """Start serving what `text` gives; `cleanup` of what is returned ends it.

    Raises:
        PortTakenError: the address cannot be listened on.
    """

    async def metrics(_: web.Request) -> web.Response:
        body = await asyncio.to_thread(text)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    app = web.Application()
    app.router.add_get("/metrics", metrics, allow_head=False)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as exc:
        await runner.cleanup()
        raise PortTakenError(
            f"cannot listen for monitoring on {host} port {port}: {exc.strerror}",
            hint="change [metrics] port",
        ) from exc
    return runner
