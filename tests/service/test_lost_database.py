"""A database or a key goes away under a running node: what needs it says 503, and what does not goes on."""

import json
import ssl
import sys
import urllib.request
from base64 import urlsafe_b64encode
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode

import psycopg

from node.ports.callers import ASSERTION_TYP, ASSERTION_TYPE
from node.web.handlers.service import GRANT_TYPE
from support.agencies import BOTH, LIST, SUBSET, found_agency, import_files, list_files, numbered
from support.postgres import postgres_server
from support.processes import Cli, Running, contents, free_port, wait_until
from support.relay import relay


def in_base64(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


ASSERTION = ".".join(
    [
        in_base64({"alg": "EdDSA", "typ": ASSERTION_TYP, "kid": "auth-1"}),
        in_base64({"iss": "nl.example"}),
        "A" * 86,
    ]
)
"""Of a client that nobody knows: to find that out takes the database."""
ASKED = {"grant_type": GRANT_TYPE, "client_assertion_type": ASSERTION_TYPE, "client_assertion": ASSERTION}


READY, DOWN = (200, ""), (503, "unavailable 5")


def answered(url: str, *, data: str = "", headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and problem of a reply, and in how many seconds it says to come again."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, data=data.encode() or None, headers=headers or {})
    try:
        with urllib.request.urlopen(request, context=context, timeout=60) as reply:
            return reply.status, ""
    except HTTPError as exc:
        with exc:
            body = exc.read()
        if exc.headers.get_content_type() != "application/problem+json":
            return exc.code, ""
        soon = exc.headers.get("Retry-After", "")
        return exc.code, f"{json.loads(body)['type'].rpartition(':')[2]} {soon}".strip()


def test_a_lost_database_is_503_everywhere_and_the_node_lives(tmp_path: Path) -> None:
    console, monitoring = free_port(), free_port()
    with ExitStack() as stack:
        server = ExitStack()
        dsn = stack.enter_context(server).enter_context(postgres_server()).database()
        cli = found_agency(tmp_path, name="fr", country="FR", store=dsn)
        cli.edit("sigfed.toml", '8444/"\nenabled = false', f'{console}/"\nenabled = true')
        cli.edit("sigfed.toml", "port = 8444", f"port = {console}")
        cli.edit("sigfed.toml", "[metrics]\nenabled = false", "[metrics]\nenabled = true")
        cli.edit("sigfed.toml", "port = 9844", f"port = {monitoring}")
        url = str(stack.enter_context(Running(cli)).answered["serving"])
        needs = {
            f"{url}/health/ready": READY,
            f"http://127.0.0.1:{monitoring}/metrics": READY,
            f"http://localhost:{console}/console/sign-in": READY,
        }
        assert {one: answered(one) for one in needs} == needs
        server.close()
        wait_until(lambda: answered(f"{url}/health/ready") == DOWN)
        assert answered(f"{url}/health") == (200, "")
        assert answered(f"{url}/trust/node.json") == (200, "")
        assert answered(f"{url}/oauth2/token", data=urlencode(ASKED)) == DOWN
        assert answered(f"http://127.0.0.1:{monitoring}/metrics") == (200, ""), "it has to say what fails"
        session = {"Cookie": "__Host-sigfed=" + "a" * 64}
        assert answered(f"http://localhost:{console}/console/", headers=session)[0] == 503


def test_of_several_hosts_the_one_that_writes_is_found_again(tmp_path: Path) -> None:
    """Of three the first is gone, the second takes no writes, and the third goes away for a while."""
    with ExitStack() as stack:
        standby = stack.enter_context(postgres_server(default_transaction_read_only="on"))
        primary = stack.enter_context(postgres_server())
        database = primary.database().rpartition("/")[2]
        way = stack.enter_context(relay(primary.port))
        hosts = "&".join(f"host=127.0.0.1:{port}" for port in (free_port(), standby.port, way.port))
        standby.make(database)
        dsn = f"postgresql+psycopg://sigfed@/{database}?{hosts}&target_session_attrs=read-write"
        cli = found_agency(tmp_path, name="fr", country="FR", store=dsn)
        with Running(cli) as node:
            ready = f"{node.answered['serving']}/health/ready"
            assert answered(ready) == READY
            way.cut()
            wait_until(lambda: answered(ready) == DOWN)
            assert cli.run("list", "create", "csam").exit == 2
            way.mend()
            wait_until(lambda: answered(ready) == READY)
            cli.done("list", "create", "csam")


def test_a_statement_is_given_as_long_as_the_dsn_says(tmp_path: Path) -> None:
    """And who waits for a lock until then is told that the database is down, not that the node failed."""
    with postgres_server() as server:
        dsn = server.database()
        cli = found_agency(tmp_path, name="fr", country="FR", store=dsn)
        cli.edit("sigfed.toml", f'"{dsn}"', f'"{dsn}?options=-c%20statement_timeout%3D3000"')
        with psycopg.connect(dsn.replace("+psycopg", "")) as other:
            other.execute("LOCK TABLE lease")
            refused = cli.run("list", "create", "csam")
            assert (refused.exit, "QueryCanceled" in refused.err) == (2, True)
        cli.done("list", "create", "csam")


_LOSES_ITS_STANDBY = """
import sys
import psycopg
from node.cli import main
from node.lists import publish
read = publish._read_round
def reading(*arguments, **named):
    with psycopg.connect(sys.argv[1], autocommit=True) as database:
        database.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        database.execute("SELECT pg_reload_conf()")
        while database.execute("SHOW synchronous_standby_names").fetchone() != ("nobody",):
            pass
    return read(*arguments, **named)
publish._read_round = reading
sys.exit(main.run(sys.argv[2:]))
"""


def test_what_no_standby_has_confirmed_is_not_signed(tmp_path: Path) -> None:
    """A primary that crashed shows it when it starts again, and whoever takes its place knows nothing of it."""
    with postgres_server(synchronous_commit="on") as server:
        dsn = server.database()
        cli = found_agency(tmp_path, name="fr", country="FR", store=dsn)
        cli.done("list", "create", LIST)
        import_files(cli, numbered("listed", 2))
        cli.killed("objects", "publish")  # its head is pending, and not signed
        signer = cli.home / "signer"
        before = contents(signer)
        plain = dsn.replace("+psycopg", "")
        program = (sys.executable, "-P", "-c", _LOSES_ITS_STANDBY, plain)
        with psycopg.connect(plain, autocommit=True) as other, cli.start("publish", program=program) as found:
            waits = "SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            try:
                wait_until(lambda: other.execute(waits).rowcount > 0)
                assert contents(signer) == before
            finally:
                other.execute("ALTER SYSTEM RESET synchronous_standby_names")
                other.execute("SELECT pg_reload_conf()")
                found.communicate()
        assert found.returncode == 0
        assert contents(signer) != before


def test_a_lost_key_is_503_and_no_word_of_where_it_was(tmp_path: Path) -> None:
    """For 404 a partner would take its hits for refused: what it reports is not there."""
    fr = found_agency(tmp_path, name="fr", country="FR")
    list_files(fr, [BOTH])
    fr.done("subset", "create", SUBSET)
    fr.done("subset", "release", SUBSET)
    partner = Cli(tmp_path / "partner")
    invited = fr.done("partner", "invite", "hoster", "--subset", SUBSET)
    with Running(fr):
        (fr.home / "keys" / "token-1.json").unlink()
        finished = partner.run("enroll", "--stdin", typed=f"{invited['invitation']}\n")
        assert (finished.exit, "cannot answer now (status 503)" in finished.err) == (16, True), finished.err
