"""Records partner_home.tar.xz: a partner's home as this version of the program leaves it, and what it says of itself.

Its keys and hashes are made up. Later versions must open it: they move what it holds into a form of their own. The one
that is kept was recorded while each thing had a file of its own. Run it as a module, from `tests`, only where another
form is to be recorded, and keep the old one beside the new one: `python -m vectors.record_partner_home`.
"""

import json
import tarfile
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.hits.homes import hit_spool, unconfirmed_files
from node.hoster.hits.reporters import agree, named_reporters
from protocol.digest import Algorithm, Digest
from protocol.encoding import b64
from support.agencies import BOTH, LIST, SUBSET, Federation, table, written
from support.federated import federated
from support.processes import Cli

SAID = (("hit", "ls"), ("proposal", "ls"), ("status",))
"""Commands whose results are recorded, as far as they do not tell the time."""
REPORTER = """
[[reporters]]
name = "ours"
kind = "webhook"
options = {{ url = "https://127.0.0.1:9/", secret_files = ["{secret}"] }}
"""


def record(target: Path) -> None:
    """Write the home of a partner that has something of every kind."""
    with TemporaryDirectory() as folder, federated(Path(folder)) as federation:
        _list_more(federation, Path(folder))
        partner = federation.new_partner(Path(folder) / "recorded")
        _use(partner, federation, Path(folder))
        said = {" ".join(words): partner.run(*words).results for words in SAID}
        written(partner.home / "said.json", json.dumps(said, indent=1))
        for lock in partner.home.rglob("*.lock"):
            lock.unlink()
        with tarfile.open(target, "w:xz") as archive:
            archive.add(partner.home, "home")


def _list_more(federation: Federation, folder: Path) -> None:
    path = written(folder / "more.csv", table(*(f"listed {number}".encode() for number in range(6))))
    for cli in (federation.fr, federation.nl):
        cli.done("entry", "import", path, "--list", LIST, "--basis", "own")
        cli.done("publish")
    federation.fr.done("peer", "sync")
    federation.fr.done("subset", "create", "second")
    for subset in (SUBSET, "second"):
        federation.fr.done("subset", "release", subset)


def _use(partner: Cli, federation: Federation, folder: Path) -> None:
    text = federation.fr.done("partner", "invite", "second-hoster", "--subset", "second")["invitation"]
    partner.done("update")
    files = [written(folder / f"{number}.bin", f"listed {number}") for number in range(5)]
    partner.run("check", *files)
    ids = [each["hit"] for each in partner.run("hit", "ls").results]
    partner.done("hit", "report", *ids[:3])
    partner.done("hit", "resolve", ids[0], "--action", "removed")
    partner.done("hit", "dispute", ids[1], "--reason", "no match", "--contact", "a@b.example")
    partner.done("hit", "resolve", ids[3], "--action", "disabled")
    (folder / "scanned").mkdir()
    written(folder / "scanned/listed.bin", "listed 5")
    partner.run("scan", str(folder / "scanned"), "--redact", "--report", str(folder / "report.jsonl"))
    for number in range(2):
        new = written(folder / f"new {number}.bin", f"new {number}")
        options = ("--reason", "found", "--contact", "a@b.example", "--yes")
        partner.run("propose", new, *options)
    partner.done("enroll", "--stdin", "--also", typed=f"{text}\n")
    partner.run("--subset", "second", "check", written(folder / "both.bin", BOTH))
    partner.done("console", "token", "Alice", "--role", "viewer")
    _keep_more(Home(partner.home))


def _keep_more(home: Home) -> None:
    for name in ("waits", "waits too"):
        digest = Digest(Algorithm.SHA256, sha256(name.encode()).digest())
        unconfirmed_files(home).keep([[digest]], name=name, now_ms=1)
    hit_spool(home).last_end = bytes(range(16))
    folder = PartnerFolder(home.partner)
    member = folder.member("nl.example")
    assert member is not None
    folder.keep_evidence(b"two signed texts", member)
    secret = home.folder / "secret"
    secret.touch(mode=0o600)
    written(secret, f"whsec_{b64(bytes(32))}\n")
    written(home.folder / "partner.toml", REPORTER.format(secret=secret))
    agree(home, named_reporters(home, ["ours"])[0])
    for path in (secret, home.folder / "partner.toml"):
        path.unlink()


if __name__ == "__main__":
    record(Path(__file__).with_name("partner_home.tar.xz"))
