"""The programs of the recipes, run as the page says, against a node and an object store on loopback."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from obstore.store import S3Store

from support.agencies import BOTH, UNLISTED, Federation, federate
from support.nginx import nginx
from support.pictures import encoded, natural
from support.processes import Cli, Daemon, Running, free_port
from support.programs import needed
from support.rspamd import rspamd

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
PICTURE = encoded(natural(60, 80))
PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    made = federate(tmp_path_factory.mktemp("recipes"), shared=[PICTURE])
    yield made
    made.stop()


def variables(partner: Cli, **more: str) -> dict[str, str]:
    return {**os.environ, "SIGFED_HOME": str(partner.home), **more}


def asked(request: urllib.request.Request | str) -> tuple[int, bytes]:
    """Status and body, once somebody listens."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code, exc.read()
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@contextmanager
def running(command: list[str], environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def test_an_upload_path_serves_what_is_clean_and_holds_the_rest(
    federation: Federation, partner: Cli, tmp_path: Path
) -> None:
    port, store = free_port(), tmp_path / "store"
    program = [sys.executable, str(EXAMPLES / "upload_app.py"), str(store), str(port)]

    def upload(name: str, data: bytes) -> int:
        url = f"http://127.0.0.1:{port}/files/{name}"
        return asked(urllib.request.Request(url, data=data, method="PUT"))[0]

    def fetched(name: str) -> tuple[int, bytes]:
        return asked(f"http://127.0.0.1:{port}/files/{name}")

    with running(program, variables(partner)):
        assert upload("good.jpg", UNLISTED) == 201
        assert fetched("good.jpg") == (200, UNLISTED)
        assert upload("bad.jpg", BOTH) == 202
        assert fetched("bad.jpg")[0] == 404
        federation.fr_node.stop()
        try:
            assert upload("good2.jpg", b"another that the screen clears") == 201
            assert upload("bad2.jpg", BOTH) == 202, "what cannot be looked up is answered as a hit is"
        finally:
            federation.fr_node = Running(federation.fr)
        assert upload("%2e%2e%2fescape", UNLISTED) == 201
    held = sorted(str(path) for path in (store / "held").iterdir())
    (hit,) = partner.run("hit", "ls").results
    assert (hit["file"] in held, len(held)) == (True, 2)
    assert sorted(path.name for path in (store / "served").iterdir()) == ["escape", "good.jpg", "good2.jpg"]
    assert list((store / "incoming").iterdir()) == []


@pytest.fixture(scope="module")
def with_nginx() -> None:
    """Asked for before a federation is founded that would be behind it; so is the other."""
    needed("nginx")


@pytest.fixture(scope="module")
def with_rspamd() -> None:
    needed("rspamd")


@pytest.mark.usefixtures("with_nginx")
def test_behind_nginx_what_is_listed_is_held_and_leaves_no_copy(partner: Cli, tmp_path: Path) -> None:
    port, store = free_port(), tmp_path / "store"
    program = [sys.executable, str(EXAMPLES / "upload_app.py"), str(store), str(port)]
    large = UNLISTED * 100_000
    with (
        running(program, variables(partner)),
        nginx(
            tmp_path / "nginx", EXAMPLES / "upload_nginx.conf", {"127.0.0.1:8080": f"127.0.0.1:{port}"}
        ) as at,
    ):

        def asks(method: str, name: str, data: bytes | None = None) -> tuple[int, bytes]:
            url = f"http://127.0.0.1:{at}/files/{name}"
            return asked(urllib.request.Request(url, data=data, method=method))

        assert asked(f"http://127.0.0.1:{port}/files/nothing")[0] == 404, "the application is there"
        assert asks("PUT", "good.jpg", large)[0] == 201
        assert asks("GET", "good.jpg") == (200, large)
        assert asks("PUT", "bad.jpg", BOTH)[0] == 202
        assert asks("GET", "bad.jpg")[0] == 404
        assert asks("DELETE", "good.jpg")[0] == 403
    assert [path.read_bytes() for path in (store / "held").iterdir()] == [BOTH]
    assert len(partner.run("hit", "ls").results) == 1
    assert [
        path for path in (tmp_path / "nginx").rglob("*") if path.is_file() and BOTH in path.read_bytes()
    ] == []


def mail(*attached: bytes) -> bytes:
    """A mail with files, as a mail program makes it."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "files", "a@sender.example", "b@hoster.example"
    message.set_content("see the files")
    for number, data in enumerate(attached):
        message.add_attachment(data, maintype="image", subtype="jpeg", filename=f"{number}.jpg")
    return message.as_bytes()


def forwarded(inner: bytes) -> bytes:
    """A mail that carries another one."""
    message = EmailMessage()
    message["Subject"] = "Fwd: files"
    message.set_content("see below")
    message.add_attachment(message_from_bytes(inner, policy=policy.default))
    return message.as_bytes()


def with_file(attached: bytes, kind: str) -> bytes:
    """A mail with one file of that kind."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "a file", "a@sender.example", "b@hoster.example"
    message.set_content("see the file")
    main, _, sub = kind.partition("/")
    message.add_attachment(attached, maintype=main, subtype=sub, filename=f"it.{sub}")
    return message.as_bytes()


@pytest.mark.usefixtures("with_rspamd")
def test_rspamd_holds_a_mail_with_what_is_listed(partner: Cli, tmp_path: Path) -> None:
    shown = (EXAMPLES / "rspamd_antivirus.conf").read_text()
    asking = shown.replace("/run/sigfed-agent/clamd.sock", str(tmp_path / "clamd.sock"))
    assert asking != shown
    with (
        Daemon(partner, "agent", "--socket", str(tmp_path / "clamd.sock")),
        rspamd(
            tmp_path / "rspamd", antivirus=asking, actions=(EXAMPLES / "rspamd_actions.conf").read_text()
        ) as mails,
    ):
        assert mails.judged(with_file(UNLISTED, "application/pdf")) == ("no action", [])
        assert mails.judged(with_file(encoded(natural(60, 80, seed=9)), "image/png")) == ("no action", [])
        assert mails.judged(with_file(BOTH, "application/pdf")) == ("quarantine", ["SIGFED"])
        assert mails.judged(with_file(PICTURE, "image/png")) == ("quarantine", ["SIGFED"])
    assert len(partner.run("hit", "ls").results) == 2


def filtered(partner: Cli, folder: Path, data: bytes) -> tuple[int, str, bytes | None]:
    """Exit code and errors of the mail filter, and what it delivered."""
    held, delivered = folder / "held", folder / "delivered.eml"
    held.mkdir(exist_ok=True)
    delivered.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "mail_filter.py"), str(held), "tee", str(delivered)],
        input=data,
        env=variables(partner),
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stderr.decode(), delivered.read_bytes() if delivered.exists() else None


def test_a_mail_is_delivered_once_all_that_is_in_it_was_looked_up(
    federation: Federation, partner: Cli, tmp_path: Path
) -> None:
    clean = mail(UNLISTED, b"\xff\xd8\xff\xe0 a picture that does not decode")
    assert filtered(partner, tmp_path, clean) == (0, "", clean)
    bad = mail(UNLISTED, BOTH)
    bad_inside = forwarded(bad)
    for data in (bad, bad_inside):
        assert filtered(partner, tmp_path, data) == (0, "", None)
    hits = {str(hit["file"]).partition("#")[0] for hit in partner.run("hit", "ls").results}
    held = {str(path): path for path in (tmp_path / "held").iterdir()}
    assert set(held) == hits
    assert sorted(path.read_bytes() for path in held.values()) == sorted([bad, bad_inside])
    assert {path.stat().st_mode & 0o777 for path in held.values()} == {0o600}

    federation.fr_node.stop()
    try:
        later = mail(b"first", BOTH)
        filtered(partner, tmp_path, later)
        code, said, delivered = filtered(partner, tmp_path, later)
    finally:
        federation.fr_node = Running(federation.fr)
    assert (code, delivered) == (75, None)
    assert "cannot be reached" in said
    assert set(map(str, (tmp_path / "held").iterdir())) == set(held)
    waiting = partner.done("status")["unconfirmed_files"]
    assert waiting == 1, "a mail that is tried again waits once"
    assert filtered(partner, tmp_path, later) == (0, "", None)
    assert partner.done("update")["new"] == 1
    assert len(partner.run("hit", "ls").results) == 3


@pytest.fixture
def s3() -> Iterator[dict[str, str]]:
    """An object store on loopback; the environment that reaches it."""
    port = free_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "made up",
    }
    server = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(server, os.environ):
        status, _ = asked(urllib.request.Request(f"http://127.0.0.1:{port}/uploads", method="PUT"))
        assert status == 200
        yield environment


def event(key: str, name: str = "s3:ObjectCreated:Put") -> str:
    told = {"bucket": {"name": "uploads"}, "object": {"key": quote_plus(key)}}
    return json.dumps({"Records": [{"eventName": name, "s3": told}]})


def test_objects_are_looked_up_as_they_arrive(partner: Cli, s3: dict[str, str]) -> None:
    store = S3Store(
        "uploads",
        endpoint=s3["AWS_ENDPOINT_URL"],
        region=s3["AWS_REGION"],
        access_key_id=s3["AWS_ACCESS_KEY_ID"],
        secret_access_key=s3["AWS_SECRET_ACCESS_KEY"],
        client_options={"allow_http": True},
    )
    store.put("a b/clean+1.jpg", UNLISTED)
    store.put("listed é.jpg", BOTH)
    lines = [
        event("a b/clean+1.jpg"),
        event("listed é.jpg"),
        event("gone.jpg"),
        event("listed é.jpg", "s3:ObjectRemoved:Delete"),
        "{}",
    ]
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "s3_events.py")],
        input="\n".join(lines),
        env=variables(partner, **s3),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    (hit,) = partner.run("hit", "ls").results
    assert hit["file"] == "s3://uploads/listed é.jpg"
    assert done.stdout.splitlines() == [
        "uploads a b/clean+1.jpg clean",
        f"uploads listed é.jpg hit {hit['hit']}",
        "uploads gone.jpg unreadable FileNotFoundError",
    ], done.stderr
    assert (done.returncode, done.stderr) == (1, "")
