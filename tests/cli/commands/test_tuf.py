"""A running node says that its trust files are current, and serves all the same when it cannot say so."""

from pathlib import Path

from node.home import Home
from node.identity.identity import open_identity
from support.agencies import fetch
from support.processes import Cli, Running, free_port, wait_until


def copied(founded: Cli, folder: Path) -> Cli:
    """A node of its own, at a port of its own, that has not said it for long."""
    cli = founded.copied(folder / "fr")
    port = open_identity(Home(cli.home)).settings.listen.port
    cli.edit("sigfed.toml", f"\nport = {port}", f"\nport = {free_port()}")
    (cli.home / "trust" / "timestamp.json").unlink()
    return cli


def test_a_node_that_was_down_says_so_at_once(founded: Cli, tmp_path: Path) -> None:
    cli = copied(founded, tmp_path)
    timestamp = cli.home / "trust" / "timestamp.json"
    with Running(cli) as node:
        wait_until(timestamp.exists)
        assert fetch(cli, node, "/tuf/timestamp.json") == (200, timestamp.read_bytes())
        assert fetch(cli, node, "/tuf/1.root.json") == fetch(cli, node, "/trust/1.root.json")


def test_without_its_key_it_serves_all_the_same(founded: Cli, tmp_path: Path) -> None:
    """What it lists and takes back must not wait for a key that only says that trust files are fresh."""
    cli = copied(founded, tmp_path)
    (cli.home / "keys" / "timestamp-1.json").unlink()
    with Running(cli) as node:
        wait_until(lambda: b"job-failed" in node.journal.read_bytes())
        assert fetch(cli, node, "/tuf/timestamp.json")[0] == 404
        assert fetch(cli, node, "/health")[0] == 200
        assert b"stamp" in node.journal.read_bytes()
