"""A private PostgreSQL for tests: a cluster in a temporary folder, on 127.0.0.1 and a free port, never as root."""

import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from shutil import copytree

import psycopg

from support.machine import made_once
from support.processes import free_port, wait_until
from support.programs import needed

_ROLE = "sigfed"
_serial = count(1)


class PostgresServer:
    """A running cluster; `database` makes a database and returns its DSN."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid

    def database(self, *, like: str = "", encoding: str = "") -> str:
        """DSN of a new database: empty, or as the one with the DSN `like`, to which nobody may be connected."""
        name = f"sigfed_{os.getpid()}_{next(_serial)}"
        self.make(name, like=like, encoding=encoding)
        return f"postgresql+psycopg://{_ROLE}@127.0.0.1:{self.port}/{name}"

    def make(self, name: str, *, like: str = "", encoding: str = "") -> None:
        """Make a database of this name; UTF8, unless another `encoding` is asked for."""
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            template = f" TEMPLATE {like.rpartition('/')[2]}" if like else ""
            if encoding:
                template = f" TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
            connection.execute(b"SET default_transaction_read_only = off")
            connection.execute(f"CREATE DATABASE {name}{template}".encode())

    def _conninfo(self, name: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={_ROLE} dbname={name}"


@contextmanager
def postgres_server(**settings: str) -> Iterator[PostgresServer]:
    """A cluster that lives as long as the block; the test that asks is skipped where PostgreSQL is not installed."""
    folder = needed("initdb").resolve().parent
    with tempfile.TemporaryDirectory(prefix="sigfed-pg-", ignore_cleanup_errors=True) as scratch:
        data = Path(scratch, "data")
        become = unprivileged(Path(scratch))
        _lay_out(data, [*become, folder / "initdb"])
        port = free_port()
        journal = Path(scratch, "journal")
        with journal.open("wb") as said:
            process = subprocess.Popen(
                [*become, folder / "postgres", "-D", data, *_settings(port=str(port), **settings)],
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
        server = PostgresServer(port, process.pid)
        try:
            wait_until(lambda: _answers(server, process, journal))
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # waits for no client and writes nothing that is thrown away
            process.wait(timeout=30)


def _lay_out(data: Path, initdb: Sequence[str | Path]) -> None:
    """The files of a new cluster; after the first of a run these are copies, which take a quarter as long."""
    with made_once("cluster") as made:
        if made.exists():
            _copy(made, data)
            return
        words = [*initdb, "-D", data, "-U", _ROLE, "--auth=trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        _copy(data, made)


def _copy(old: Path, new: Path) -> None:
    """With their owner, who is not the one that copies."""
    copytree(old, new)
    owner = old.stat()
    for path in (new, *new.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)


def _settings(**given: str) -> Sequence[str]:
    values = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "max_connections": "40",
        "shared_buffers": "32MB",
        **given,
    }
    return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]


def unprivileged(scratch: Path) -> Sequence[str]:
    """What to put before a command, so that PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return []
    user = next(entry for name in ("postgres", "nobody") if (entry := _user(name)) is not None)
    os.chown(scratch, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _answers(server: PostgresServer, process: "subprocess.Popen[bytes]", journal: Path) -> bool:
    assert process.poll() is None, journal.read_text()
    with (
        suppress(psycopg.OperationalError),
        psycopg.connect(server._conninfo("postgres"), connect_timeout=10),
    ):
        return True
    return False
