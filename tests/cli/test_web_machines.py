"""A node on several machines: those that only serve see what its own says, and do no more than they have keys for."""

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer
from typing import Final

import aiohttp
import psycopg
import pytest

from keys.trust.envelope import read_payload
from node.clock import SystemClock, system_entropy
from node.config import load
from node.errors import OverQuotaError
from node.files import decode_state, encode_state
from node.group.load import load_group
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.identity.identity import open_identity
from node.ports.callers import ASSERTION_TYPE
from node.remote.auth import Credentials, assertion
from node.remote.node import RemoteNode
from node.tls import client_context
from node.web.handlers.service import GRANT_TYPE
from protocol.messages import EvaluationRequest
from protocol.oprf.client import blind
from protocol.subset.identity import subset_id
from support.agencies import SUBSET, Federation, fetch, found_agency, list_files, numbered, publish_files
from support.postgres import PostgresServer
from support.processes import ROOT, Cli, Daemon, Running, free_port, wait_until
from support.relay import relay
from support.shell_program import shell_program
from support.tour import INSTALLED, Typist, steps
from support.web_machines import (
    BUCKET,
    NEEDED,
    copy_keys,
    serving,
    shared_federation,
    shared_stores,
    web_machine,
)

SOON = 20
"""Seconds within which another machine has seen what the node's own says."""
BATCH: Final = 1024
"""Evaluations that are asked for at once: as many as there may be."""


@pytest.fixture(scope="module")
def stores() -> Iterator[PostgresServer]:
    with shared_stores() as database:
        yield database


@pytest.fixture(scope="module")
def pair(stores: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with shared_federation(tmp_path_factory.mktemp("machines"), stores.database()) as made:
        yield made


@contextmanager
def alone(pair: Federation, machine: Cli) -> Iterator[Daemon]:
    """The node's own machine is down, and who connects to it reaches the other one."""
    with ExitStack() as stack:
        web = stack.enter_context(serving(machine))
        stack.enter_context(pair.fr_stopped())
        port = load(machine.home).listen.port
        stack.enter_context(relay(port, port=load(pair.fr.home).listen.port))
        yield web


def ready(cli: Cli, node: Daemon) -> tuple[int, str]:
    """Status of a machine of `cli`, and what it says of additions, or its problem."""
    status, body = fetch(cli, node, "/health/ready")
    said = json.loads(body)
    return status, said.get("additions") or said["type"].rpartition(":")[2]


def soon(met: Callable[[], bool]) -> None:
    began = time.monotonic()
    wait_until(met)
    assert time.monotonic() - began < SOON


def serial(cli: Cli, node: Daemon) -> int:
    """Number of the node document that a machine serves."""
    found: int = json.loads(read_payload(fetch(cli, node, "/trust/node.json")[1]))["serial"]
    return found


def test_partners_and_peers_are_served_while_the_nodes_own_machine_is_down(
    pair: Federation, tmp_path: Path
) -> None:
    publish_files(pair.fr, numbered("published before", 3))
    invited = pair.fr.done("partner", "invite", "another", "--subset", SUBSET, "--files-per-day", "100")
    machine = web_machine(pair.fr, tmp_path / "web")
    partner = pair.new_partner(tmp_path / "partner")
    with alone(pair, machine) as web:
        soon(lambda: ready(pair.fr, web) == (200, "waiting"))
        partner.done("update")
        assert partner.run("check", *pair.files.values()).exit == 1
        partner.done("hit", "report", "--all")
        assert [hit["state"] for hit in partner.run("hit", "ls").results] == ["reported"]
        hit = str(partner.run("hit", "ls").first["hit"])
        proof = tmp_path / "hit.evidence"
        partner.done("hit", "evidence", hit, "--output", str(proof))
        partner.done("hit", "resolve", hit, "--action", "removed")
        late = Cli(tmp_path / "late")
        late.done("enroll", "--stdin", typed=f"{invited['invitation']}\n")
        assert pair.nl.done("peer", "sync")["adds"] == 6
    assert "another" in {one["partner"] for one in pair.fr.run("partner", "ls").results}
    kept = {one["hit"]: one for one in pair.fr.run("hit", "ls").results}
    assert kept[hit]["action"] == "removed"
    wanted = {("partner.enrol", "another"), ("web.run", str(machine.home)), ("web.stop", str(machine.home))}

    def told() -> set[tuple[str, str]]:
        rows = pair.fr.run("audit", "ls").results
        return {(one["action"], one["subject"].rpartition(":")[2]) for one in rows}

    pair.fr.done("publish")  # which signs what was queued, as the node does each minute
    wait_until(lambda: wanted <= told())


def test_what_only_other_keys_sign_is_refused_for_now(pair: Federation, tmp_path: Path) -> None:
    """Without the statement key no hit is taken, and the partner keeps it until the node's own machine is back."""
    machine = web_machine(pair.fr, tmp_path / "web", roles=NEEDED)
    partner = pair.new_partner(tmp_path / "partner")
    with alone(pair, machine):
        assert partner.run("check", pair.files["both"]).exit == 1
        assert "status 503" in partner.run("hit", "report", "--all").err
        assert [hit["state"] for hit in partner.run("hit", "ls").results] == ["waiting"]
    partner.done("hit", "report", "--all")
    assert [hit["state"] for hit in partner.run("hit", "ls").results] == ["reported"]


def test_new_trust_files_and_keys_are_seen_within_seconds(pair: Federation, tmp_path: Path) -> None:
    machine = web_machine(pair.fr, tmp_path / "web")
    with serving(machine) as web:
        soon(lambda: ready(pair.fr, web) == (200, "signed"))
        before = serial(pair.fr, web)
        pair.fr.done("contact", "others@fr.example")
        soon(lambda: serial(pair.fr, web) == before + 1)
        with pair.fr_stopped():
            pair.fr.done("contact", "nobody@fr.example")
            soon(lambda: serial(pair.fr, web) == before + 2)
        pair.fr.done("key", "revoke", "token-1", "--reason", "superseded", "--yes")
        soon(lambda: ready(pair.fr, web) == (503, "unavailable"))
        copy_keys(pair.fr.home, machine)
        soon(lambda: ready(pair.fr, web) == (200, "signed"))
        pair.fr.done("key", "rotate", "storage")
        soon(lambda: ready(pair.fr, web) == (503, "unavailable"))
        copy_keys(pair.fr.home, machine)
        soon(lambda: ready(pair.fr, web) == (200, "signed"))
    pair.partner.done("update")


@contextmanager
def elsewhere(pair: Federation) -> Iterator[tuple[Daemon, int]]:
    """The node's own machine at another port than it says, and the port that it says."""
    public = load(pair.fr.home).listen.port
    moved = f"port = {public}", f"port = {free_port()}"
    pair.fr_node.stop()
    pair.fr.edit("sigfed.toml", *moved)
    pair.fr_node = Running(pair.fr)
    try:
        yield pair.fr_node, public
    finally:
        pair.fr_node.stop()
        pair.fr.edit("sigfed.toml", *reversed(moved))
        pair.fr_node = Running(pair.fr)


def test_a_machine_that_is_a_moment_behind_is_asked_again(pair: Federation, tmp_path: Path) -> None:
    """A partner that reached it after another one said that somebody replays trust files."""
    partner = pair.new_partner(tmp_path / "partner")
    dsn = load(pair.fr.home).store.dsn.replace("+psycopg", "")
    with ExitStack() as stack:
        own, public = stack.enter_context(elsewhere(pair))
        machine = web_machine(pair.fr, tmp_path / "web")
        web = stack.enter_context(serving(machine))
        database = stack.enter_context(psycopg.connect(dsn))
        soon(lambda: len({fetch(pair.fr, one, "/tuf/timestamp.json") for one in (own, web)}) == 1)
        before = serial(pair.fr, own)
        database.execute("LOCK TABLE home_copy IN SHARE MODE")  # nobody writes it
        revised = pair.fr.begin("contact", "later@fr.example")
        wait_until(lambda: serial(pair.fr, own) == before + 1)
        with relay(load(pair.fr.home).listen.port, port=public):
            partner.done("update")
        later = Timer(1, database.rollback)
        later.start()
        with relay(load(machine.home).listen.port, port=public):
            partner.done("update")
        later.join()
        revised.communicate()
        assert revised.returncode == 0


def test_an_older_copy_that_is_put_back_as_the_newest_is_not_believed(
    pair: Federation, tmp_path: Path
) -> None:
    """Whoever can write to the database alone would bring back a key that was taken back."""
    machine = web_machine(pair.fr, tmp_path / "web")
    dsn = load(pair.fr.home).store.dsn.replace("+psycopg", "")
    with ExitStack() as stack:
        database = stack.enter_context(psycopg.connect(dsn, autocommit=True))
        web = stack.enter_context(serving(machine))
        stack.enter_context(pair.fr_stopped())  # it would put it right within a second
        old = database.execute("SELECT sealed FROM home_copy").fetchone()
        before = serial(pair.fr, web)
        pair.fr.done("contact", "newer@fr.example")
        soon(lambda: serial(pair.fr, web) == before + 1)
        database.execute("UPDATE home_copy SET sealed = %s, number = number + 1", old)
        wait_until(lambda: "copy-failed" in web.journal.read_text())
        assert serial(pair.fr, web) == before + 1
    pair.fr.done("contact", "newest@fr.example")
    with serving(machine) as web:
        assert serial(pair.fr, web) == before + 2


def test_it_goes_on_following_where_the_file_of_a_destroyed_key_cannot_be_deleted(
    stores: PostgresServer, tmp_path: Path
) -> None:
    """It looked no more at what the node says, and whether that had moved; nor was the file ever deleted."""
    node = found_agency(tmp_path, name="lu", country="LU", store=stores.database(), objects=f"{BUCKET}/lu")
    node.done("contact", "first@lu.example")
    machine = web_machine(node, tmp_path / "web")
    ended = machine.home / "keys" / "statement-1.json"
    with serving(machine) as web:
        before = serial(node, web)
        ended.unlink()
        ended.mkdir()
        ring = node.home / "ring.json"
        fields = decode_state(ring.read_bytes())
        for key in fields["keys"]:
            if f"{key['role']}-{key['label']}" == ended.stem:
                key["stage"] = "destroyed"
        ring.write_bytes(encode_state({"v": fields["v"], "keys": fields["keys"]}) + b"\n")
        node.done("contact", "second@lu.example")
        wait_until(lambda: "copy-failed" in web.journal.read_text())
        node.done("contact", "third@lu.example")
        soon(lambda: serial(node, web) == before + 2)
        ended.rmdir()
        ended.write_bytes(b"{}")
        soon(lambda: not ended.exists())


def credentials_of(partner: Cli) -> Credentials:
    folder = PartnerFolder(Home(partner.home).partner)
    return Credentials(folder.load()[0].partner, folder.key())


def pins(pair: Federation) -> frozenset[bytes]:
    return frozenset({open_identity(Home(pair.fr.home)).tls().spki_sha256})


def signed_by(partner: Cli) -> str:
    """An assertion that nobody has seen."""
    return assertion(
        credentials_of(partner), node="fr.example", now=datetime.now(UTC), entropy=system_entropy
    )


def exchanged(pair: Federation, machines: Sequence[Daemon], signed: str) -> list[str]:
    """What these answer, at one moment, who asks each of them for a token with one assertion."""
    form = {"grant_type": GRANT_TYPE, "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}

    async def ask(session: aiohttp.ClientSession, url: str) -> str:
        async with session.post(f"{url}/oauth2/token", data=form) as reply:
            said = await reply.json(content_type=None)
            return "token" if reply.status == 200 else str(said["type"]).rpartition(":")[2]

    async def ask_all() -> list[str]:
        connector = aiohttp.TCPConnector(ssl=client_context(pins(pair)))
        async with aiohttp.ClientSession(connector=connector) as session:
            return await asyncio.gather(*(ask(session, one.answered["serving"]) for one in machines))

    return asyncio.run(ask_all())


def evaluated(pair: Federation, partner: Cli, machines: Sequence[Daemon], *, times: int) -> int:
    """How many batches these evaluate of those that each is asked for, all at once."""
    elements = blind(load_group(), numbered("asked", BATCH), entropy=system_entropy).elements

    async def ask(remote: RemoteNode) -> bool:
        request = EvaluationRequest(
            subset_id=subset_id(f"fr.example/subsets/{SUBSET}"),
            epoch=1,
            request_id=system_entropy(16),
            elements=elements,
        )
        try:
            await remote.evaluate(SUBSET, request)
        except OverQuotaError:
            return False
        return True

    async def ask_all() -> int:
        async with AsyncExitStack() as stack:
            remotes = [
                await stack.enter_async_context(
                    RemoteNode(
                        node="fr.example",
                        base_url=one.answered["serving"],
                        pins=pins(pair),
                        credentials=credentials_of(partner),
                        clock=SystemClock(),
                        entropy=system_entropy,
                    )
                )
                for one in machines
            ]
            return sum(await asyncio.gather(*(ask(remote) for remote in remotes for _ in range(times))))

    return asyncio.run(ask_all())


def kill(*machines: Daemon) -> None:
    for machine in machines:
        machine.process.kill()
        assert machine.process.wait() == -signal.SIGKILL


@pytest.mark.threat("a machine that only serves")
def test_an_assertion_is_good_once_for_all_machines_and_for_those_that_come_after(
    pair: Federation, tmp_path: Path
) -> None:
    first, second = (web_machine(pair.fr, tmp_path / name) for name in ("first", "second"))
    with serving(first) as one, serving(second) as two:
        for _ in range(10):
            said = exchanged(pair, [one, two, pair.fr_node], signed_by(pair.partner))
            assert sorted(said) == ["replayed", "replayed", "token"]
        used = signed_by(pair.partner)
        assert exchanged(pair, [one], used) == ["token"]
        kill(one, two)
    with pair.fr_stopped(), serving(first) as one, serving(second) as two:
        assert exchanged(pair, [one, two], used) == ["replayed", "replayed"]


def test_a_quota_is_one_for_all_machines_and_for_those_that_come_after(
    pair: Federation, tmp_path: Path
) -> None:
    invited = pair.fr.done("partner", "invite", "counted", "--subset", SUBSET, "--files-per-day", "1")
    partner = Cli(tmp_path / "counted")
    partner.done("enroll", "--stdin", typed=f"{invited['invitation']}\n")

    def left() -> int:
        return next(
            int(one["left"]) for one in pair.fr.run("partner", "ls").results if one["partner"] == "counted"
        )

    first, second = (web_machine(pair.fr, tmp_path / name) for name in ("first", "second"))
    allowed = left() // BATCH
    assert allowed > 10
    with serving(first) as one, serving(second) as two:
        assert evaluated(pair, partner, [one, two, pair.fr_node], times=allowed) == allowed
        kill(one, two)
    with pair.fr_stopped(), serving(first) as one, serving(second) as two:
        assert evaluated(pair, partner, [one, two], times=1) == 0
    assert left() < BATCH


def without(role: str) -> Callable[[Cli], None]:
    """Deletes the keys of a role."""

    def delete(cli: Cli) -> None:
        for path in (cli.home / "keys").glob(f"{role}-*.json"):
            path.unlink()

    return delete


@pytest.mark.threat("a machine that only serves")
def test_a_machine_that_only_serves_has_few_keys_and_the_nodes_own(pair: Federation, tmp_path: Path) -> None:
    def with_its(*roles: str, of: Cli = pair.fr) -> Callable[[Cli], None]:
        return lambda cli: copy_keys(of.home, cli, roles)

    def in_the_home(cli: Cli) -> None:
        shutil.copy2(pair.fr.home / "ring.json", cli.home)

    wrong: dict[str, Callable[[Cli], None]] = {
        "must not be on a machine that only serves: log-": with_its("log"),
        "must not be on a machine that only serves: auth-1": with_its("auth"),
        "no keys of this node: statement-1": with_its("statement", of=pair.nl),
        "there is no token key here": without("token"),
        "is the node's own home": in_the_home,
        "does not name the root": lambda cli: cli.edit("sigfed.toml", "root_sha256", "#"),
        "store.objects of a bucket": lambda cli: cli.edit("sigfed.toml", "objects = ", "#"),
    }
    for number, (says, spoil) in enumerate(wrong.items()):
        machine = web_machine(pair.fr, tmp_path / str(number))
        spoil(machine)
        done = machine.run("run", "--web", forked=True)
        assert (done.exit, says in done.err) == (2, True), (says, done.err)
    machine = web_machine(pair.fr, tmp_path / "later")
    machine.refused(10, "type this in the node's own home", "status")
    with serving(machine) as web:
        copy_keys(pair.fr.home, machine, ["log"])
        soon(lambda: web.process.poll() is not None)
        assert web.process.wait() == 2
    machine = web_machine(pair.fr, tmp_path / "epoch")
    one, *others = sorted((machine.home / "keys").glob("oprf-*.json"))
    shutil.copy2(others[0], one)
    done = machine.run("run", "--web", forked=True)
    assert (done.exit, "no key of this node: that of epoch 1" in done.err) == (2, True), done.err
    machine = web_machine(pair.fr, tmp_path / "root")
    machine.edit("sigfed.toml", load(machine.home).root_sha256, load(pair.nl.home).root_sha256)
    done = machine.run("run", "--web", forked=True)
    assert done.exit == 14, done.err


def test_a_statement_key_that_was_taken_back_signs_no_receipt_where_a_process_runs_on(
    pair: Federation, tmp_path: Path
) -> None:
    """The node went on with the key that it had found when it started, and no receipt verified until a restart."""
    pair.fr.done("key", "revoke", "statement-1", "--reason", "superseded", "--yes")
    partner = pair.new_partner(tmp_path / "partner")
    partner.done("update")
    assert partner.run("check", pair.files["both"]).exit == 1
    partner.done("hit", "report", "--all")


def test_they_stop_when_the_node_moves_and_serve_for_its_new_home(
    stores: PostgresServer, tmp_path: Path
) -> None:
    first = found_agency(tmp_path, name="be", country="BE", store=stores.database(), objects=f"{BUCKET}/be")
    list_files(first, numbered("listed", 3))
    machine = web_machine(first, tmp_path / "web")
    with serving(machine) as web:
        soon(lambda: ready(first, web) == (200, "waiting"))
        moved = first.copied(tmp_path / "moved")
        moved.done("backup", "finish", "--yes")
        soon(lambda: web.process.poll() is not None)
        assert web.process.wait() == 11
    copy_keys(moved.home, machine)
    with Running(moved), serving(machine) as web:
        soon(lambda: ready(moved, web) == (200, "signed"))


def test_the_manual_of_several_machines_is_typed(
    stores: PostgresServer, tmp_path: Path, shell_environment: dict[str, str]
) -> None:
    text = (ROOT / "docs/manuals/scaling.md").read_text(encoding="utf-8")
    with shell_program() as programs:
        variables = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        path = f"{programs}:{shell_environment['PATH']}"
        shared = {"DSN": stores.database(), "BUCKET": f"{BUCKET}/manual", "CHEAP_KEYS": "1"}
        typist = Typist(
            folder=ROOT,
            home=tmp_path,
            environment={**shell_environment, **variables, **shared, "PATH": path},
            read_over={INSTALLED: str(programs)},
        )
        try:
            done = [typist.type(step) for step in steps(text)]
        finally:
            typist.close()
    assert len(done) > 8
    wrong = [one.story for one in done if not one.as_shown]
    assert not wrong, "\n\n".join(wrong)
