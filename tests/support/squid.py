"""A real Squid in front of a web server of this process, which asks an ICAP service about what passes."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

from support.processes import free_port, listens, wait_until
from support.programs import needed

CONFIG = """
http_port 127.0.0.1:{port}
http_access allow all
cache deny all
shutdown_lifetime 0 seconds
pid_filename none
access_log none
cache_log {folder}/cache.log
coredump_dir {folder}
netdb_filename none
icap_enable on
icap_preview_enable on
icap_service upload reqmod_precache bypass={bypass} icap://127.0.0.1:{icap}/reqmod
icap_service download respmod_precache bypass={bypass} icap://127.0.0.1:{icap}/respmod
adaptation_access upload allow all
adaptation_access download allow all
icap_connect_timeout 2 seconds
icap_service_failure_limit -1
"""


@dataclass
class Proxied:
    """What asks through the proxy, and what arrived behind it."""

    proxy: int
    origin: int
    uploads: list[bytes]

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a download."""
        return self._asked(f"GET http://127.0.0.1:{self.origin}{path} HTTP/1.0\r\n\r\n".encode())

    def post(self, body: bytes, content_type: str = "application/octet-stream") -> tuple[int, bytes]:
        """Status and body of the answer to an upload."""
        head = f"POST http://127.0.0.1:{self.origin}/up HTTP/1.0\r\nContent-Type: {content_type}\r\n"
        return self._asked(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def _asked(self, request: bytes) -> tuple[int, bytes]:
        with socket.create_connection(("127.0.0.1", self.proxy), timeout=60) as link:
            link.sendall(request)
            received = b""
            while piece := link.recv(65536):
                received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        return int(head.split()[1]), body


@dataclass
class _Origin:
    files: Mapping[str, bytes]
    uploads: list[bytes] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(origin.files[self.path])

            def do_POST(self) -> None:
                origin.uploads.append(self.rfile.read(int(self.headers["Content-Length"])))
                self._say(b"taken")

            def _say(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "image/png")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            @override
            def log_message(self, *_: object) -> None:
                return

        return Handler


@contextmanager
def squid(folder: Path, *, icap: int, files: Mapping[str, bytes], bypass: bool = False) -> Iterator[Proxied]:
    """Run Squid and a web server that serves `files`, until the block ends."""
    program = needed("squid")
    # Squid gives up root, and then must write here.
    place = folder / "squid"
    place.mkdir()
    for each in (place, *place.parents[:3]):
        if each.stat().st_uid == os.getuid():
            each.chmod(each.stat().st_mode | 0o055)
    place.chmod(0o777)
    port, origin = free_port(), _Origin(files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), origin.handler())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = place / "squid.conf"
    config.write_text(CONFIG.format(port=port, folder=place, icap=icap, bypass="on" if bypass else "off"))
    process = subprocess.Popen([program, "-N", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port, process, place / "cache.log"))
        yield Proxied(port, server.server_address[1], origin.uploads)
    finally:
        process.terminate()
        process.wait(30)
        server.shutdown()
        server.server_close()
