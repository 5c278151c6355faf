"""A command killed with SIGKILL at any of its steps and typed again: nothing is lost, doubled, forked or left over.

A step is a file or name that is written, a row, a commit. Which steps, a seed says: some of every command in the plain
run, a hundred (or all that there are) in the thorough one; `SIGFED_KILL_SEED` chooses others.
"""

import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import psycopg
import pytest

from keys.roles import Role
from node.backup.drill import drill
from node.clock import DAY_MS, milliseconds
from node.home import Home, store_dsn
from node.identity.audit import sign
from node.identity.identity import open_identity
from node.identity.rollback import settle
from node.lists.catalogue import report_list
from node.objects.logfiles import held_tree
from node.objects.sweep import sweep
from node.rotation.store import write_store
from node.store.lists.records import LogKind
from support.agencies import (
    LIST,
    SUBSET,
    Federation,
    federate,
    import_files,
    numbered,
    publish_files,
    table,
    written,
)
from support.copies import let_go_on
from support.federated import federated
from support.older import age
from support.postgres import PostgresServer, postgres_server
from support.preloaded import run_forked
from support.processes import Cli, Running
from support.sizes import size

pytestmark = pytest.mark.slow

POINTS: Final = size(quick=2, thorough=100)
SEED: Final = int(os.environ.get("SIGFED_KILL_SEED", "1"))
OWN: Final = (LogKind.OWN_LIST, LogKind.OWN_RELEASES, LogKind.OWN_AUDIT)
KILLER: Final = Path(__file__).parents[1] / "support" / "killer"


@dataclass(frozen=True, slots=True)
class Command:
    """What is killed; `before` prepares the state from which it starts."""

    words: tuple[str, ...]
    before: Callable[[Cli], None] = lambda _: None
    done: Callable[[Cli, Cli], bool] = lambda _, __: False
    """Whether the first was as far as the second, where it ended: typed again, it would be done twice."""


def _import(cli: Cli) -> None:
    import_files(cli, numbered("waiting", 20))


def _published(cli: Cli) -> None:
    _import(cli)
    cli.done("publish")


def _older(cli: Cli) -> None:
    """Its tables are those of a version that knew nothing of which entries are of one file."""
    _published(cli)
    home = Home(cli.home)
    age(store_dsn(home, open_identity(home).settings), "0029")


def _rotated(cli: Cli, whole: Cli) -> bool:
    """Nothing of it is under way any more: who is killed after that has rotated, and rotates again."""
    documents = [open_identity(Home(one.home)).trust.document() for one in (cli, whole)]
    under_way = list(cli.home.glob("rotation-*.json"))
    return not under_way and documents[0].serial == documents[1].serial


COMMANDS: Final[Mapping[str, Command]] = {
    "import": Command(("entry", "import", "{rows}", "--list", LIST, "--basis", "own")),
    "publish": Command(("publish",), _import),
    "sync": Command(("peer", "sync")),
    "release": Command(("subset", "release", SUBSET), _published),
    "release of an older home": Command(("subset", "release", SUBSET), _older),
    "rotate": Command(("key", "rotate", "token"), done=_rotated),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[PostgresServer | None]:
    if request.param == "sqlite":
        yield None
        return
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def pair(database: PostgresServer | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two agencies, of which the first is killed again and again; the second has more than it has synced."""
    folder = tmp_path_factory.mktemp("killed")
    with ExitStack() as ended:
        if database is None:
            made = ended.enter_context(federated(folder, running=()))
            let_go_on(made.nl.home)
        else:
            made = federate(folder, store=database.database())
            made.stop()
        publish_files(made.nl, numbered("of nl", 30))
        written(folder / "rows.csv", table(*numbered("imported", 20)))
        yield made


@dataclass(slots=True)
class Stage:
    """One state of the first agency, from which copies start."""

    cli: Cli
    server: PostgresServer | None
    folder: Path
    count: int = 0

    def copy(self) -> Cli:
        """Another home in the same state, with a database of its own, which goes on without asking anybody."""
        self.count += 1
        made = self.cli.copied(self.folder / f"copy-{self.count}")
        if self.server is not None:
            dsn = open_identity(Home(self.cli.home)).settings.store.dsn
            own = self.server.database(like=dsn)
            made.edit("sigfed.toml", dsn, own)
            with psycopg.connect(own.replace("+psycopg", ""), autocommit=True) as connection:
                connection.execute("DELETE FROM lease")
        identity = open_identity(Home(made.home))
        with write_store(identity) as store:
            settle(identity, store)
        return made


def _run(cli: Cli, words: tuple[str, ...], *, at: int) -> tuple[int, int, str]:
    """Exit code, steps taken, and what it said."""
    with NamedTemporaryFile() as steps:
        steps.write(bytes(8))
        steps.flush()
        variables = cli.variables()
        variables |= {
            "KILL_AT": str(at),
            "KILL_STEPS": steps.name,
            "PYTHONPATH": f"{KILLER}:{variables['PYTHONPATH']}",
        }
        code, _, err = run_forked(
            ["--home", str(cli.home), "--json", *words],
            typed=b"",
            variables=variables,
            folder=cli.home.parent,
            patience=120,
        )
        return code, int.from_bytes(Path(steps.name).read_bytes()), err.decode()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_killed_and_typed_again(
    pair: Federation, database: PostgresServer | None, name: str, tmp_path: Path
) -> None:
    command = COMMANDS[name]
    words = tuple(word.format(rows=pair.folder / "rows.csv") for word in command.words)
    first = Stage(pair.fr, database, tmp_path).copy()
    with (
        Running(pair.nl) if name == "sync" else nullcontext()
    ):  # else it must not learn of what the next kill undoes
        command.before(first)
        stage = Stage(first, database, tmp_path / "copies")
        whole = stage.copy()
        code, steps, err = _run(whole, words, at=0)
        assert code == 0, err
        wanted = _outcome(whole, {})
        chosen = random.Random(f"{SEED} {name}").sample(range(1, steps + 1), k=min(POINTS, steps))
        for at in chosen:
            cli = stage.copy()
            code, _, err = _run(cli, words, at=at)
            killed = code == -signal.SIGKILL
            assert killed or code == 0, (at, err)
            heads = _heads(cli)
            if killed and not command.done(cli, whole):
                again = cli.run(*words)
                assert again.exit == 0, (at, again.err)
            assert _outcome(cli, heads) == wanted, f"killed at step {at} of {steps}"
            shutil.rmtree(cli.home)


Heads = dict[str, tuple[int, bytes]]


def _heads(cli: Cli) -> Heads:
    """What others may have seen: the published heads."""
    with write_store(open_identity(Home(cli.home))) as store, store.read() as unit:
        return {log.origin: (log.head.size, log.head.root) for log in unit.logs.ls(*OWN)}


def _outcome(cli: Cli, before: Heads) -> dict[str, object]:
    """What is there in the end, without what is random; checks on the way that it is whole and no fork."""
    identity = open_identity(Home(cli.home))
    now_ms = milliseconds(identity.clock.now())
    identity.home.sweep()
    with write_store(identity) as store:
        sign(identity, store)  # a running node does so every minute, a command when it records something
        sweep(store, now_ms=now_ms)
        sweep(store, now_ms=now_ms + 3 * DAY_MS)
        signer = identity.log_signer()
        with store.read() as unit:
            logs = unit.logs.ls(*LogKind)
        for log in (log for log in logs if log.kind in OWN):
            assert log.pending is None, log.origin
            assert signer.size(log.origin) == log.head.size, log.origin
            size, root = before.get(log.origin, (0, b""))
            assert not size or held_tree(store, log).prefix_root(size) == root, "a fork"
        listed = {
            log.origin: report_list(store, log.origin)
            for log in logs
            if log.kind in {LogKind.OWN_LIST, LogKind.PEER_LIST}
        }
        kept = Counter(name.split("/")[0] for name in store.objects.ls("") if "/audit/" not in name)
    assert [tried.words for tried in drill(identity) if not tried.good] == []
    assert not identity.trust.tuf_status().unlisted
    document = identity.trust.document()
    return {
        "lists": {
            origin: (report.log.head.size, sum(report.active.values()), report.waiting)
            for origin, report in listed.items()
        },
        "releases": [log.head.size for log in logs if log.kind is LogKind.OWN_RELEASES],
        "pending": kept["pending"],
        "staging": kept["staging"],
        "tokens": len(document.token_keys),
        "serial": document.serial,
        "files": sorted(path.name for path in identity.home.folder.iterdir() if ".tmp" in path.name),
        "keys": len(identity.keychain.labels(Role.TOKEN)),
    }
