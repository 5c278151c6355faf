"""Holders of root and targets keys on machines of their own, by the commands that they type."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from support.processes import Cli

NODE = "fr.example"


class KeyHolder:
    """Somebody with a stick: his key files and his own passphrase; his machine knows no node."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.stick = folder / f"stick-{name}"
        self.passphrase = folder / f"passphrase-{name}"
        self.passphrase.touch(mode=0o600)
        self.passphrase.write_text(f"the passphrase of holder {name}\n")
        self.cli = Cli(folder / f"machine-{name}", cheap_keys=True)

    @property
    def own(self) -> Sequence[str]:
        return "--keys", str(self.stick), "--passphrase-file", str(self.passphrase)

    def makes_keys(self, *only: str) -> str:
        """The path of his card."""
        made = self.cli.done("key", "holder", "new", self.name, "--node", NODE, *self.own, *only)
        return str(made["card"])

    def signs_if_asked(self, proposal: Path) -> bool:
        """Whether a signature of his was missing that he could give."""
        return self.cli.run("key", "sign", str(proposal), *self.own, "--yes").exit == 0

    def signs(self, proposal: Path) -> int:
        """How many signatures are missing afterwards."""
        missing = self.cli.done("key", "sign", str(proposal), *self.own, "--yes")["missing"]
        assert isinstance(missing, int)
        assert not self.cli.home.exists()
        return missing


def take_over(office: Cli, folder: Path) -> dict[str, KeyHolder]:
    """Three holders, of whom two sign, take over from the two of a home; no offline key stays in it."""
    holders = {name: KeyHolder(folder, name) for name in ("1", "2", "3")}
    cards = [word for holder in holders.values() for word in ("--holder", holder.makes_keys())]
    proposal = folder / "first"
    office.done("key", "propose", str(proposal), *cards, "--threshold", "2", "--targets-threshold", "2")
    passphrase = str(office.home.with_name("fr-root-passphrase"))
    at_home = "--keys", str(office.home / "keys/offline"), "--passphrase-file", passphrase
    office.done("key", "sign", str(proposal), *at_home, "--yes")
    for name in "12":
        holders[name].signs(proposal)
    office.done("key", "sign", str(proposal), *at_home, "--yes")
    holders["1"].signs(proposal)
    office.done("key", "publish", str(proposal), "--yes")
    shutil.rmtree(office.home / "keys/offline")
    return holders


def replace_keys(office: Cli, team: dict[str, KeyHolder], proposal: Path, names: str, *only: str) -> int:
    """These holders make new keys, and everybody signs who has to; the version of the root that is in force then."""
    cards = [word for name in names for word in ("--holder", team[name].makes_keys(*only))]
    office.done("key", "propose", str(proposal), *cards)
    sittings = 0
    while any(holder.signs_if_asked(proposal) for holder in team.values()):
        sittings += 1
        assert sittings < 5, "nobody can finish it"
    version = office.done("key", "publish", str(proposal), "--yes")["root"]
    assert isinstance(version, int)
    return version
