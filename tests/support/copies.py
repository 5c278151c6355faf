"""Copies of homes: to the product each may be a folder that was put back, about which it asks the other members."""

from pathlib import Path

from node.home import Home
from node.identity.identity import open_identity
from node.identity.rollback import settle
from node.rotation.store import write_store


def reach_nobody(home: Path) -> None:
    """Let a copy ask at no address at which the first, or another copy, may be."""
    config = home / "sigfed.toml"
    before, after = '[outbound]\nproxy = ""', '[outbound]\nproxy = "http://127.0.0.1:9"'
    text = config.read_text()
    assert before in text
    config.write_text(text.replace(before, after))


def let_go_on(home: Path) -> None:
    """Let a copy sign without asking, as after a restore: those whom it would ask are not there."""
    identity = open_identity(Home(home))
    with write_store(identity) as store:
        settle(identity, store)
