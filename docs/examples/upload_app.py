"""An upload path that lets nothing be served before it was looked up.

    python upload_app.py FOLDER [PORT]

A file comes in as the body of PUT /files/NAME, waits in FOLDER/incoming where nothing serves it, and goes to
FOLDER/served when it is clean. Everything else goes to FOLDER/held, for a person. The answer says the same for a hit
and for a file that could not be looked up (202): whoever uploads must not learn what is on the list by trying.
"""

import asyncio
import sys
from pathlib import Path
from uuid import uuid4

from aiohttp import web

from node.sdk import AsyncClient, NodeError

UPDATE_SECONDS = 3600
SIGFED = web.AppKey("sigfed", AsyncClient)
FOLDER = web.AppKey("folder", Path)


async def put(request: web.Request) -> web.Response:
    """Take a file."""
    sigfed, folder, name = request.app[SIGFED], request.app[FOLDER], Path(request.match_info["name"]).name
    arrived = folder / "incoming" / uuid4().hex
    with arrived.open("xb") as file:
        async for chunk in request.content.iter_chunked(1 << 16):
            file.write(chunk)
    held = folder / "held" / arrived.name
    result = await sigfed.check_file(arrived, name=str(held))
    if result.clean:
        arrived.rename(folder / "served" / name)
        return web.Response(status=201)
    arrived.rename(held)
    return web.Response(status=202)


async def get(request: web.Request) -> web.FileResponse:
    """Serve a file that was clean."""
    path = request.app[FOLDER] / "served" / Path(request.match_info["name"]).name
    if not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path)


async def keep_fresh(sigfed: AsyncClient) -> None:
    """A newer release each hour; what could not be looked up is, then: a person sees its hit in `sigfed hit ls`."""
    while True:
        await asyncio.sleep(UPDATE_SECONDS)
        try:
            await sigfed.update()
        except NodeError as error:
            print(f"update: {error}; {error.hint}", file=sys.stderr)


async def looking_up(app: web.Application):  # noqa: ANN201 -- an async generator, as aiohttp wants it
    """One client for the life of the application."""
    for name in ("incoming", "held", "served"):
        (app[FOLDER] / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncClient() as sigfed:
        app[SIGFED] = sigfed
        fresh = asyncio.create_task(keep_fresh(sigfed))
        yield
        fresh.cancel()


def main(folder: str, port: str = "8080") -> None:
    """Serve on this machine."""
    app = web.Application()
    app[FOLDER] = Path(folder)
    app.cleanup_ctx.append(looking_up)
    app.router.add_put("/files/{name}", put)
    app.router.add_get("/files/{name}", get)
    web.run_app(app, host="127.0.0.1", port=int(port), print=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
