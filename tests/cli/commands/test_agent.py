"""`sigfed agent` with a real node: what clients of clamd and of HTTP are told, while the node is down, and after."""

import io
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import md5, sha1, sha256
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import clamd
import pytest

from node.clock import SystemClock
from node.group.load import load_group
from node.home import Home
from node.hoster.daemon.systemd import notify
from node.hoster.judge.machine import updated_lately
from protocol.subset.canary import PRESENT_TEXT
from support.agencies import BOTH, SUBSET, UNLISTED, Federation, publish_files
from support.crowds import FLOOD, MOST_MB, crowd, held, rss_mb
from support.digest_search import DigestSearch
from support.disks import small_disk
from support.federated import federated
from support.gateways import proxy_header
from support.processes import ROOT, Cli, Daemon, wait_until
from support.programs import needed
from support.squid import squid

LATER = b"listed by both a little later"
HASHES = frozenset(
    made(content).digest() for content in (BOTH, UNLISTED, LATER) for made in (md5, sha1, sha256)
)


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two agencies and a partner of this module's own: it stops a node and makes releases."""
    with federated(tmp_path_factory.mktemp("agent")) as made:
        yield made


def sockets(folder: Path) -> list[Path]:
    """Sockets that lie in a folder."""
    return [path for path in folder.iterdir() if path.is_socket()]


@contextmanager
def agent(partner: Cli, *more: str) -> Iterator[tuple[Daemon, Any, str]]:
    """The daemon, a client of clamd, and the address of its HTTP."""
    path = partner.home.with_name("clamd.sock")
    with Daemon(partner, "agent", "--socket", str(path), "--http", "127.0.0.1:0", *more) as daemon:
        yield daemon, clamd.ClamdUnixSocket(str(path), timeout=30), f"http://{daemon.answered['http'][0]}"
    assert not path.exists()


def stream(client: Any, content: bytes) -> tuple[str, str | None]:
    told: tuple[str, str | None] = client.instream(io.BytesIO(content))["stream"]
    return told


def asked(url: str, content: bytes | None = None) -> dict[str, Any]:
    with urlopen(Request(url, data=content), timeout=30) as reply:
        told: dict[str, Any] = json.loads(reply.read())
    return told


def test_files_are_judged_and_hits_recorded(federation: Federation, partner: Cli) -> None:
    with agent(partner, "--root", str(federation.folder)) as (daemon, client, url):
        assert stream(client, BOTH) == ("FOUND", "Sigfed.Baseline")
        assert stream(client, UNLISTED) == ("OK", None)
        assert stream(client, PRESENT_TEXT) == ("FOUND", "Sigfed.TestFile")
        listed = federation.files["both"]
        assert client.scan(listed) == {listed: ("FOUND", "Sigfed.Baseline")}
        program, release, made = client.version().split("/")
        assert (program.partition(" ")[0], release) == ("sigfed", "1")
        age = SystemClock().now() - datetime.strptime(made, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        assert timedelta(0) <= age < timedelta(hours=1), "where clamd says when its database was made"
        hit = asked(f"{url}/v1/scan", BOTH)
        assert (hit["verdict"], hit["countries"], hit["collection"]) == ("hit", ["FR", "NL"], "baseline")
        names = {one["file"]: one["hit"] for one in partner.run("hit", "ls").results}
        assert set(names) == {"clamd stream", listed, "upload"}
        assert names["upload"] == hit["hit"]
        assert partner.done("hit", "report", hit["hit"])["reported"]
        standing = asked(f"{url}/health")
        assert (standing["serving"], standing["subset"], standing["version"]) == (True, SUBSET, 1)
        with urlopen(f"{url}/metrics", timeout=30) as reply:
            metrics = reply.read().decode()
        assert 'sigfed_agent_verdicts_total{verdict="hit"} 3.0' in metrics
        assert "sigfed_agent_release_version 1.0" in metrics
        assert f'sigfed_agent_group{{name="{load_group().name}"}} 1.0' in metrics
        page = (ROOT / "docs/reference/metrics.md").read_text()
        assert set(re.findall(r"^(sigfed_[a-z_]+)", metrics, re.MULTILINE)) == set(
            re.findall(r"^\| `(sigfed_agent_[a-z_]+)`", page, re.MULTILINE)
        )
    assert daemon.stop() == 0
    search = DigestSearch(HASHES)
    told = daemon.journal.read_bytes() + metrics.encode() + repr((hit, standing)).encode()
    assert not search.sightings(told, "what was said")


def test_the_metrics_name_the_group_that_was_chosen(partner: Cli) -> None:
    (partner.home / "partner.toml").write_text('group = "libsodium"\n')
    with agent(partner) as (_, _, url), urlopen(f"{url}/metrics", timeout=30) as reply:
        assert b'sigfed_agent_group{name="libsodium"} 1.0' in reply.read()


def test_silent_connections_fill_no_memory_and_keep_nobody_out(partner: Cli) -> None:
    with agent(partner, "--clamd", "127.0.0.1:0") as (daemon, _, url):
        ports = [int(url.rpartition(":")[2]), int(daemon.answered["clamd"][1].rpartition(":")[2])]
        before = rss_mb(daemon.process.pid)
        with crowd(ports[0]) as at_http, crowd(ports[1]) as at_clamd:
            at_http.comes(FLOOD // 2)
            at_clamd.comes(FLOOD // 2)
            wait_until(lambda: min(held(ports[0]), held(ports[1])) > 200)
            assert rss_mb(daemon.process.pid) - before < MOST_MB
            wait_until(lambda: answers(url))
            wait_until(lambda: pongs(ports[1]))
            assert rss_mb(daemon.process.pid) - before < MOST_MB


def answers(url: str) -> bool:
    """Whether the daemon's HTTP says how it stands; whoever comes when it is full is told 503, or let go."""
    try:
        return bool(asked(f"{url}/health")["serving"])
    except OSError:
        return False


def pongs(port: int) -> bool:
    """Whether the daemon answers a client of clamd; one that is let go may be cut off."""
    with suppress(clamd.ConnectionError):
        return bool(clamd.ClamdNetworkSocket("127.0.0.1", port, timeout=60).ping() == "PONG")
    return False


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_what_is_asked_while_the_node_is_down_is_found_later(
    federation: Federation, partner: Cli, closed: bool
) -> None:
    heard = partner.home.with_name("heard")
    program = ["/bin/sh", "-c", f'echo "$SIGFED_EVENT $SIGFED_LATE $SIGFED_HIT" >> {heard}']
    (partner.home / "partner.toml").write_text(f"[hooks]\non_hit = {json.dumps(program)}\n")
    with federation.fr_stopped(), agent(partner, *(["--fail-closed"] if closed else [])) as (_, client, url):
        said, reason = stream(client, BOTH)
        assert (said, "cannot be reached" in str(reason)) == (("ERROR", True) if closed else ("OK", False))
        scanned = asked(f"{url}/v1/scan", BOTH)
        assert (scanned["verdict"], scanned["block"]) == ("unknown", closed)
        assert "cannot be reached" in scanned["reason"]
        assert asked(f"{url}/health")["waiting"] == 2
        assert partner.run("hit", "ls").results == []
        assert partner.done("status")["unconfirmed_files"] == 2
    with agent(partner) as (daemon, _, url):
        wait_until(lambda: asked(f"{url}/health")["waiting"] == 0)
        found = {one["file"]: one["hit"] for one in partner.run("hit", "ls").results}
        assert set(found) == {"clamd stream", "upload"}
        wait_until(lambda: heard.exists() and len(heard.read_text().splitlines()) == len(found))
    assert sorted(heard.read_text().splitlines()) == sorted(f"on_hit yes {hit}" for hit in found.values())
    assert "late=yes" in daemon.journal.read_text()


def test_it_answers_while_its_disk_is_full_and_says_that_a_hit_was_not_recorded(
    federation: Federation, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as acts:
        partner = federation.new_partner(tmp_path / "disk/home")
        with agent(partner) as (daemon, client, url):
            acts.gives_way()
            assert stream(client, UNLISTED) == ("OK", None)
            assert stream(client, BOTH) == ("FOUND", "Sigfed.Baseline")
            told = asked(f"{url}/v1/scan", BOTH)
            assert (told["verdict"], told["hit"]) == ("hit", ""), told
            said = [line for line in daemon.journal.read_text().splitlines() if "-not-" in line]
            assert {line.split()[4] for line in said} == {"unconfirmed-not-kept", "hit-not-recorded"}, said
            assert all("no room is left on its disk" in line for line in said), said
            acts.comes_back()
            again = asked(f"{url}/v1/scan", BOTH)
        assert again["hit"] in {one["hit"] for one in partner.run("hit", "ls").results}
        assert partner.done("hit", "report", again["hit"])["reported"]


def test_a_release_that_an_update_brought_is_in_use_soon(federation: Federation, partner: Cli) -> None:
    with agent(partner) as (_, client, url):
        assert stream(client, LATER) == ("OK", None)
        for cli in (federation.fr, federation.nl):
            publish_files(cli, [LATER])
        federation.fr.done("peer", "sync")
        federation.fr.done("subset", "release", SUBSET)
        assert partner.done("update")["new"] == 2
        wait_until(lambda: asked(f"{url}/health")["version"] == 2)
        assert stream(client, LATER) == ("FOUND", "Sigfed.Baseline")


@pytest.fixture(scope="module")
def with_squid() -> None:
    """Asked for before a federation is founded that would be behind it."""
    needed("squid")


@pytest.mark.usefixtures("with_squid")
def test_a_proxy_is_answered(federation: Federation, partner: Cli, tmp_path: Path) -> None:
    (partner.home / "partner.toml").write_text('[agent]\ncontact = "abuse@proxy.example"\n')
    files = {"/listed": BOTH, "/clear": UNLISTED}
    with Daemon(partner, "icap", "--listen", "127.0.0.1:0") as daemon:
        port = int(daemon.answered["reqmod"].rpartition(":")[2].partition("/")[0])
        with squid(tmp_path, icap=port, files=files) as through:
            assert through.get("/clear") == (200, UNLISTED)
            status, body = through.get("/listed")
            assert through.post(BOTH)[0] == 403
    found = {one["file"]: one["hit"] for one in partner.run("hit", "ls").results}
    assert set(found) == {"download through the proxy", "upload through the proxy"}
    assert (status, found["download through the proxy"][:8].encode() in body) == (451, True)
    assert b"abuse@proxy.example" in body


@pytest.mark.parametrize(
    ("arguments", "door", "asking"),
    [
        (["agent", "--clamd", "127.0.0.1:0"], "clamd", b"zPING\0"),
        (["agent", "--http", "127.0.0.1:0"], "http", b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        (
            ["icap", "--listen", "127.0.0.1:0"],
            "reqmod",
            b"OPTIONS icap://h/reqmod ICAP/1.0\r\nHost: h\r\n\r\n",
        ),
    ],
    ids=["clamd", "http", "icap"],
)
def test_how_many_connections_an_address_has_is_configured(
    partner: Cli, arguments: list[str], door: str, asking: bytes
) -> None:
    settings = '[agent]\nconnections_per_address = 2\nproxies = ["127.0.0.1/32"]\n'
    (partner.home / "partner.toml").write_text(settings)
    with Daemon(partner, *arguments) as daemon, ExitStack() as stack:
        found = re.search(r"127\.0\.0\.1:(\d+)", str(daemon.answered[door]))
        assert found is not None
        connected = partial(socket.create_connection, ("127.0.0.1", int(found[1])), timeout=30)

        def asked_from(address: str) -> bytes:
            with connected() as link, suppress(ConnectionError):
                link.sendall(proxy_header(address) + asking)
                return link.recv(10)
            return b""

        for _ in range(2):
            stack.enter_context(connected()).sendall(proxy_header("192.0.2.66"))
        wait_until(lambda: not asked_from("192.0.2.66"))
        assert asked_from("192.0.2.1")


def test_the_service_manager_is_told(partner: Cli, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(120)
        heard = [b""]

        def hear() -> None:
            """All the while, as a manager does: what it does not take stands in the daemon's way."""
            while heard[-1] != b"STOPPING=1":
                heard.append(manager.recv(100))

        hearing = Thread(target=hear, daemon=True)
        hearing.start()
        variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        door = str(tmp_path / "s")
        with Daemon(partner, "agent", "--socket", door, variables=variables) as daemon:
            wait_until(lambda: heard.count(b"WATCHDOG=1") >= 3)
            daemon.stop()
            hearing.join(60)
    assert set(heard) == {b"", b"READY=1", b"WATCHDOG=1", b"STOPPING=1"}
    assert sockets(tmp_path) == [tmp_path / "notify"]


def test_a_service_manager_that_hears_nothing_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon tells it from the loop in which all are answered."""

    def tell() -> None:
        for _ in range(10_000):
            notify("WATCHDOG=1")

    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        telling = Thread(target=tell, daemon=True)
        telling.start()
        telling.join(60)
        assert not telling.is_alive()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nothing to listen on"),
        (["--http", "0.0.0.0:1"], "other machines would reach"),
        (["--clamd", "nonsense"], "is not an address and a port"),
        (["--socket", "/nowhere/at/all"], "does its folder exist?"),
    ],
)
def test_doors_that_are_refused(partner: Cli, arguments: list[str], says: str) -> None:
    done = partner.run("agent", *arguments)
    assert done.exit == 2, done.err
    assert says in done.err


def test_nobody_is_enrolled(tmp_path: Path) -> None:
    done = Cli(tmp_path / "nothing").run("agent", "--socket", str(tmp_path / "s"))
    assert (done.exit, sockets(tmp_path)) == (10, [])


def test_two_daemons_of_one_home_do_not_both_update(partner: Cli) -> None:
    home, before = Home(partner.home), datetime.now(UTC)
    partner.done("update")
    after = datetime.now(UTC)
    assert updated_lately(home, 60, now=after)
    assert not updated_lately(home, 60, now=before + timedelta(minutes=31))
    assert not updated_lately(home, 60, now=before - timedelta(minutes=1)), "a clock that was ahead"
