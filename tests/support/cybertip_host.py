"""A stand-in for NCMEC's test system, written from its public documentation, on loopback with TLS.

It opens, finishes and retracts reports, checks what it is sent against the documented schema, and can be told to fail
at a path, before or after it did what it was asked.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from xml.etree import ElementTree as ET

import trustme
from aiohttp import web

USER, PASSWORD = "usr123", "pswd123"
INCIDENT_TYPES = {"Child Pornography (possession, manufacture, and distribution)"}
ORDER = {
    "report": ["incidentSummary", "reporter", "additionalInfo"],
    "incidentSummary": ["incidentType", "platform", "incidentDateTime", "incidentDateTimeDescription"],
    "reporter": ["reportingPerson"],
    "reportingPerson": ["firstName", "lastName", "email"],
}
"""Children of each element that we send, in the order of the schema."""
REQUIRED = {"incidentSummary", "incidentType", "incidentDateTime", "reporter", "reportingPerson"}


@dataclass
class Fault:
    """What goes wrong at a path, once."""

    path: str
    status: int = 0
    """Answered in place of what should be."""
    code: int | None = None
    body: bytes | None = None
    """Answered instead of a document."""
    silent: bool = False
    """The connection is closed without an answer."""
    done_first: bool = False
    """Whether what was asked is done all the same."""


@dataclass
class CyberTipHost:
    """What it holds."""

    url: str = ""
    ca_file: Path = Path()
    opened: dict[int, str] = field(default_factory=dict)
    finished: list[int] = field(default_factory=list)
    retracted: set[int] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/ispws")
        self.asked.append(path)
        shown = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {shown}":
            return web.Response(status=401)
        fault = next((each for each in self.faults if each.path == path), None)
        answer = None
        if fault is None or fault.done_first:
            answer = self._do(request.method, path, await request.read())
        if fault is None:
            assert answer is not None
            return answer
        self.faults.remove(fault)
        if fault.silent:
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0)
        if fault.body is not None:
            return web.Response(status=fault.status or 200, body=fault.body, content_type="text/xml")
        if fault.code is not None:
            return _answer(fault.code, status=fault.status or 200)
        return web.Response(status=fault.status or 500)

    def _do(self, method: str, path: str, body: bytes) -> web.Response:
        match method, path:
            case "GET", "/status":
                return _answer(0)
            case "POST", "/submit":
                return self._submit(body)
            case "POST", "/finish":
                return self._finish(_id(body))
            case "POST", "/retract":
                return self._retract(_id(body))
            case _:
                return _answer(4000, status=400)

    def _submit(self, body: bytes) -> web.Response:
        root = ET.fromstring(body)
        if root.tag != "report" or not _well_ordered(root):
            return _answer(4100, status=400)
        present = {each.tag for each in root.iter()}
        if not present >= REQUIRED or root.findtext("incidentSummary/incidentType") not in INCIDENT_TYPES:
            return _answer(4100, status=400)
        number = 4564654 + len(self.opened)
        self.opened[number] = body.decode()
        return _answer(0, number)

    def _finish(self, number: int) -> web.Response:
        code = self._standing(number)
        if not code:
            self.finished.append(number)
        return web.Response(
            text=f"<reportDoneResponse><responseCode>{code}</responseCode><reportId>{number}</reportId>"
            "<files/></reportDoneResponse>",
            content_type="text/xml",
        )

    def _retract(self, number: int) -> web.Response:
        if code := self._standing(number):
            return _answer(code, number)
        self.retracted.add(number)
        return _answer(0, number)

    def _standing(self, number: int) -> int:
        if number not in self.opened:
            return 5001
        if number in self.retracted:
            return 5101
        return 5102 if number in self.finished else 0

    def forget(self) -> None:
        """Drop what was opened and not finished."""
        self.opened = {number: text for number, text in self.opened.items() if number in self.finished}


def _answer(code: int, number: int | None = None, *, status: int = 200) -> web.Response:
    report = "" if number is None else f"<reportId>{number}</reportId>"
    text = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><reportResponse>'
        f"<responseCode>{code}</responseCode><responseDescription>words</responseDescription>{report}</reportResponse>"
    )
    return web.Response(status=status, text=text, content_type="text/xml")


def _id(body: bytes) -> int:
    name, _, number = body.decode().partition("=")
    assert name == "id"
    return int(number)


def _well_ordered(element: ET.Element) -> bool:
    names = [child.tag for child in element]
    wanted = [name for name in ORDER.get(element.tag, []) if name in names]
    return names == wanted and all(map(_well_ordered, element))


@asynccontextmanager
async def cybertip_host(folder: Path) -> AsyncIterator[CyberTipHost]:
    """Serve one on loopback."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    host = CyberTipHost(ca_file=folder / "test-authority.pem")
    authority.cert_pem.write_to_path(str(host.ca_file))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", host.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    host.url = f"https://127.0.0.1:{runner.addresses[0][1]}/ispws"
    try:
        yield host
    finally:
        await runner.cleanup()


@contextmanager
def cybertip_host_beside(folder: Path) -> Iterator[CyberTipHost]:
    """The same in a thread, for commands that are typed meanwhile."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    host = cybertip_host(folder)
    try:
        yield asyncio.run_coroutine_threadsafe(host.__aenter__(), loop).result()
        asyncio.run_coroutine_threadsafe(host.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
