"""Other machines of a node that only serve: a folder each, with a configuration and some sealed key files."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from node.config import load
from support.agencies import Federation, federate
from support.postgres import PostgresServer, postgres_server
from support.processes import Cli, Daemon, free_port
from support.seaweedfs import OPEN, S3Server, forget_clients, seaweedfs

NEEDED = ("tls", "token", "storage", "oprf")
EVERY = (*NEEDED, "statement")


def copy_keys(home: Path, machine: Cli, roles: Iterable[str] = EVERY) -> None:
    """Bring the sealed key files of these roles to a machine, as its operator does."""
    for role in roles:
        for path in (home / "keys").glob(f"{role}-*.json"):
            shutil.copy2(path, machine.home / "keys")


def web_machine(node: Cli, home: Path, *, roles: Iterable[str] = EVERY) -> Cli:
    """Another machine of a node, at a port of its own."""
    machine = replace(node, home=home)
    (home / "keys").mkdir(mode=0o700, parents=True)
    home.chmod(0o700)
    shutil.copy2(node.home / "sigfed.toml", home)
    machine.edit("sigfed.toml", f"port = {load(node.home).listen.port}", f"port = {free_port()}")
    copy_keys(node.home, machine, roles)
    return machine


def serving(machine: Cli) -> Daemon:
    """Such a machine while it serves."""
    return Daemon(machine, "run", "--web")


BUCKET = f"s3://{OPEN}/machines"


@contextmanager
def shared_stores() -> Iterator[PostgresServer]:
    """A database server, and a bucket that this process and those that it starts find in their environment."""
    with postgres_server() as database, seaweedfs() as bucket, found_in_environment(bucket):
        yield database


@contextmanager
def found_in_environment(bucket: S3Server) -> Iterator[None]:
    """This process and those that it starts know where the bucket is, and its credentials."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
        patched.setenv("AWS_ALLOW_HTTP", "true")
        patched.setenv("AWS_REGION", "eu")
        bucket.environment(patched)
        try:
            yield
        finally:
            forget_clients()


@contextmanager
def shared_federation(folder: Path, dsn: str, *, shared: Sequence[bytes] = ()) -> Iterator[Federation]:
    """Two agencies and a partner; the tables of the first are at `dsn`, the objects of both in a bucket."""
    made = federate(folder, shared=shared, store=dsn, objects=BUCKET)
    try:
        yield made
    finally:
        made.stop()
