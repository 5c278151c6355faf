"""A node whose tables are in PostgreSQL: the same commands, from nothing to a release."""

from pathlib import Path

import pytest

from support.postgres import postgres_server
from support.processes import Cli

ROWS = "id,sha256\n" + "".join(f"{number},{number:064x}\n" for number in range(0x11111111, 0x11111119))


@pytest.mark.parametrize("encoding", ["UTF8", "SQL_ASCII"])
def test_the_same_commands_work_on_postgresql(encoding: str, tmp_path: Path) -> None:
    """Also where `initdb` found no locale, as in a container, and the database knows of no encoding."""
    secret, table = tmp_path / "secret", tmp_path / "rows.csv"
    secret.touch(mode=0o600)
    secret.write_text("correct horse battery\n")
    table.write_text(ROWS)
    never = tmp_path / "never.txt"
    never.write_text("f" * 64 + "\n")
    cli = Cli(tmp_path / "home", cheap_keys=True)
    with postgres_server() as server:
        dsn = server.database(encoding=encoding)
        passphrases = ("--passphrase-file", str(secret), "--root-passphrase-file", str(secret))
        url = "https://127.0.0.1:8443/"
        founding = ("--node", "fr.example", "--country", "FR", "--url", url, "--store", dsn)
        steps = [
            ("init", *founding, *passphrases, "--root-kdf", "online"),
            ("list", "create", "csam"),
            ("entry", "import", str(table), "--list", "csam", "--basis", "own"),
            ("publish",),
            ("subset", "create", "baseline"),
            ("subset", "release", "baseline"),
            ("guard", "tripwire", "add", "--hash-from", str(never), "--note", "jamais publié"),
            ("guard", "tripwire", "ls"),
            ("status",),
            ("doctor",),
        ]
        done = [cli.run(*step) for step in steps]
        assert [one.exit for one in done] == [0] * len(steps), [one.err for one in done]
        assert done[3].first["adds"] == 8
        assert done[7].first["note"] == "jamais publié"
        assert not (cli.home / "sigfed.db").exists()
        again = cli.run("init", *founding, *passphrases, "--root-kdf", "online")
    assert again.exit == 2
    gone = cli.run("status")
    assert gone.exit != 0
    assert "Traceback" not in gone.err
