"""A home of an earlier version is brought on while its node serves; whoever does it is killed, again and again.

`SIGFED_OLDER_FILES` says how many files its list has, with two hashes each.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Event

import pytest

from node.home import Home, store_dsn
from node.identity.identity import open_identity
from support.agencies import (
    LIST,
    SUBSET,
    Federation,
    fetch,
    found_agency,
    import_files,
    numbered,
    report,
)
from support.federated import federated
from support.older import age
from support.postgres import PostgresServer, postgres_server
from support.preloaded import Forked, start_in_files, wait_for_forked
from support.processes import Cli, Running, wait_until

pytestmark = pytest.mark.slow

FILES = int(os.environ.get("SIGFED_OLDER_FILES", "1000"))
LEFT = "0029"
"""The revision of the version that made it: it knew nothing of which entries are of one file."""


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Federation]:
    """Two agencies that list the same files, and a partner; the first one's tables are of an earlier version."""
    with federated(tmp_path, shared=numbered("shared", FILES)) as made:
        with made.fr_stopped():
            age(store_dsn(Home(made.fr.home), open_identity(Home(made.fr.home)).settings), LEFT)
        yield made


def released(cli: Cli, folder: Path, after: float) -> bool:
    """Begin a release, and kill it after so many seconds; whether it had ended by itself before."""
    (folder / "0").touch()
    words = ["--home", str(cli.home), "--json", "subset", "release", SUBSET]
    begun = start_in_files(words, variables=cli.variables(), folder=folder, streams=folder)
    process = Forked(begun)
    code = wait_for_forked(begun, after)
    process.kill()
    process.wait(60)
    assert code in {None, 0}, (folder / "2").read_text()
    return code == 0


def ask(pair: Federation, over: Event, folder: Path) -> int:
    """A partner looks up and a peer syncs meanwhile, again and again; how many times."""
    times = 0
    while not over.is_set():
        partner = pair.new_partner(folder / f"partner-{times}")
        found = partner.run("check", pair.files["both"], pair.files["unlisted"])
        assert (found.exit, [one["verdict"] for one in found.results]) == (1, ["clean", "hit"]), found.err
        assert pair.nl.run("peer", "sync").exit == 0
        assert fetch(pair.fr, pair.fr_node, "/health/ready")[0] == 200
        times += 1
    return times


def test_an_older_home_is_brought_on_while_it_serves(older: Federation, tmp_path: Path) -> None:
    import_files(older.fr, [b"one more"])
    over, kills, after = Event(), 0, 0.1
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, older, over, tmp_path)
        try:
            while not released(older.fr, tmp_path, after):
                kills, after = kills + 1, after * 1.2
        finally:
            over.set()
        assert asked.result() > 0
    assert kills > 1
    log = report(older.fr).log
    assert (log.touched, log.head.size) == (log.head.size, 2 * FILES + 4)
    looked = older.fr.run("doctor", "--deep")
    assert looked.exit == 0, looked.out


@pytest.mark.parametrize("server", [nullcontext, postgres_server], ids=["SQLite", "PostgreSQL"])
def test_a_node_ends_once_a_newer_version_has_brought_on_its_tables(
    server: Callable[[], AbstractContextManager[PostgresServer | None]], tmp_path: Path
) -> None:
    """A service manager then starts the newer one; else it would answer 503 until somebody looks."""
    clock = tmp_path / "clock"  # which hurries what is done each minute
    clock.write_text("+0")
    with server() as database:
        cli = found_agency(
            tmp_path, name="fr", country="FR", clock_file=clock, store=database.database() if database else ""
        )
        with Running(cli) as node:
            age(store_dsn(Home(cli.home), open_identity(Home(cli.home)).settings), "0031")
            cli.done("list", "create", LIST)
            wait_until(lambda: node.process.poll() is not None)
            assert node.process.poll() == 11
