"""A node as `sigfed init` makes it, in this process, with a clock that a test moves and keys that open at once."""

from pathlib import Path

from node.app.create import create, plan
from node.clock import system_entropy
from node.home import Home
from node.identity.identity import Identity, open_identity
from support.moving_time import changed
from support.times import SettableClock


def real_home(folder: Path, clock: SettableClock) -> Identity:
    """A node that was just founded."""
    passphrase = folder / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("a made-up passphrase\n")
    home = Home(folder / "home")
    wanted = plan(
        node="fr.example",
        country="FR",
        url="https://fr.example/",
        host="127.0.0.1",
        port=1,
        profile="small",
        objects="",
        dsn="",
        passphrase_file=passphrase,
        root_passphrase_file=passphrase,
        root_kdf="online",
    )
    with changed({"CHEAP_KEYS": "1"}):
        create(home, wanted, clock=clock, entropy=system_entropy)
    return open_identity(home, clock=clock)
