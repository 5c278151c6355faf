"""Records agency_homes.tar.xz: homes of three agencies as this version leaves them, and what each says of itself.

One keeps its tables in SQLite, and has a peer and a partner; one keeps them in PostgreSQL (`postgresql.sql`); the keys
of the third are with a signer. Keys and hashes are made up. Later versions must open them. What is kept was recorded
with the program of 27 November 2026. Run it as a module, from `tests`, only where another form is to be recorded, and
keep the old one beside the new one: `python -m vectors.record_agency_homes`.
"""

import json
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from node.clock import SystemClock
from support.agencies import LIST, SUBSET, Federation, federate, found_agency, import_files, numbered, written
from support.postgres import postgres_server
from support.processes import Cli
from support.programs import needed
from support.signer_process import SignerProcess

SAID = (
    *("list ls", "peer ls", "member ls", "partner ls", "hit ls", "case ls", "proposal ls", "subset ls"),
    *("review ls", "quarantine ls", "key status", "withdrawal ls"),
)
"""Commands whose results are recorded."""


def record(target: Path) -> None:
    """Write the homes; the list of each has something that waits to be published."""
    with TemporaryDirectory() as name, postgres_server() as server:
        folder = Path(name)
        made = federate(folder)
        try:
            _use(made, folder)
        finally:
            made.stop()
        dsn = server.database()
        alone = {
            "postgresql": found_agency(folder, name="postgresql", country="FR", store=dsn),
            "signed": found_agency(folder, name="signed", country="FR"),
        }
        for cli in alone.values():
            _list(cli)
        _split(alone["signed"], folder)
        signer = SignerProcess(folder / "signer")
        signer.start()
        try:
            said = {kind: _said(cli) for kind, cli in {"sqlite": made.fr, **alone}.items()}
        finally:
            signer.stop()
        written(folder / "said.json", json.dumps(said, indent=1))
        written(folder / "recorded", SystemClock().now().isoformat())
        written(folder / "postgresql.sql", _dumped(dsn))
        _pack(target, folder)


def _said(cli: Cli) -> dict[str, list[dict[str, Any]]]:
    found = {words: cli.run(*words.split()) for words in SAID}
    assert all(each.exit == 0 for each in found.values())
    return {words: each.results for words, each in found.items()}


def _use(made: Federation, folder: Path) -> None:
    made.partner.run("check", made.files["both"])
    hit = made.partner.run("hit", "ls").first["hit"]
    made.partner.done("hit", "report", hit)
    made.partner.done("hit", "dispute", hit, "--reason", "no match", "--contact", "a@b.example")
    new = written(folder / "new.bin", "new")
    made.partner.done("propose", new, "--reason", "found", "--contact", "a@b.example", "--yes")
    import_files(made.fr, [b"later"])


def _list(cli: Cli) -> None:
    cli.done("list", "create", LIST)
    import_files(cli, numbered("first", 3))
    cli.done("publish")
    cli.done("subset", "create", SUBSET)
    cli.done("subset", "release", SUBSET)
    import_files(cli, [b"later"])


def _split(cli: Cli, folder: Path) -> None:
    secret = folder / "signer-passphrase"
    secret.touch(mode=0o600)
    secret.write_text("the signer's own\n")
    cli.done("signer", "split", str(folder / "signer"), "--passphrase-file", str(secret), "--yes")
    with (cli.home / "sigfed.toml").open("a") as config:
        config.write(f'\n[signer]\nsocket = "{folder / "signer/socket"}"\n')


def _dumped(dsn: str) -> bytes:
    """Statements that any PostgreSQL and any driver takes."""
    program = needed("initdb").resolve().with_name("pg_dump")
    words = [str(program), "--inserts", "--no-owner", "--no-privileges", dsn.replace("+psycopg", "")]
    lines = subprocess.run(words, check=True, capture_output=True).stdout.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith((b"SET ", b"SELECT ", b"\\", b"--")))


def _pack(target: Path, folder: Path) -> None:
    with tarfile.open(target, "w:xz") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in {".lock", ".bin", ".csv", ".log", ".out"}:
                name = path.relative_to(folder)
                if name.parts[0] not in {"nl", "nl-passphrase", "nl-root-passphrase", "partner"}:
                    archive.add(path, str(name))


if __name__ == "__main__":
    record(Path(__file__).with_name("agency_homes.tar.xz"))
