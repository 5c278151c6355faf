"""Homes of agencies as an earlier program left them: they open, say what they said, and go on.

They were recorded by `vectors/record_agency_homes.py` with the program of that time. The clock is put back to then.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support.agencies import SUBSET, import_files
from support.postgres import postgres_server
from support.processes import Cli, Daemon
from support.recorded_homes import lay_out

PASSING = {"left"}
"""What is told by the clock."""
FOLDERS = {"sqlite": "fr", "postgresql": "postgresql", "signed": "signed"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lay_out("agency_homes", tmp_path)
    recorded = datetime.fromisoformat((tmp_path / "recorded").read_text())
    written = (recorded - datetime.now(UTC)).total_seconds()
    (tmp_path / "clock").write_text(f"{int(written) + 60:+d}")
    for name in ("fr/sigfed.toml", "postgresql/sigfed.toml", "signed/sigfed.toml", "signer/signer.toml"):
        path = tmp_path / name
        path.write_text(
            re.sub(r'"/[^"]*/([^/"]+passphrase|signer/socket)"', rf'"{tmp_path}/\1"', path.read_text())
        )
    return tmp_path


@pytest.fixture(params=FOLDERS)
def agency(request: pytest.FixtureRequest, folder: Path) -> Iterator[Cli]:
    cli = Cli(folder / FOLDERS[request.param], folder / "clock", cheap_keys=True)
    match request.param:
        case "postgresql":
            with postgres_server() as server:
                dsn = server.database()
                with psycopg.connect(dsn.replace("+psycopg", "")) as connection:
                    connection.execute((folder / "postgresql.sql").read_bytes())
                path = cli.home / "sigfed.toml"
                path.write_text(re.sub(r'dsn = ".*"', f'dsn = "{dsn}"', path.read_text()))
                yield cli
        case "signed":
            signer = Daemon(Cli(folder / "signer", folder / "clock"), "signer", "run", options=())
            try:
                yield cli
            finally:
                signer.stop()
        case _:
            yield cli


def said(agency: Cli) -> dict[str, list[dict[str, Any]]]:
    kind = next(kind for kind, folder in FOLDERS.items() if folder == agency.home.name)
    return dict(json.loads((agency.home.parent / "said.json").read_text())[kind])


def lasting(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in PASSING}


def test_it_says_what_it_said_and_goes_on(agency: Cli) -> None:
    """What waited is published, and what comes later; a release is made, a key rotated, and nothing is damaged."""
    before = said(agency)
    for words, results in before.items():
        found = agency.run(*words.split()).results
        assert len(found) == len(results), words
        for now, then in zip(found, results, strict=True):
            assert lasting({name: now.get(name) for name in then}) == lasting(then), words

    import_files(agency, [b"later still"])
    agency.done("--alone", "publish")
    agency.done("--alone", "subset", "release", SUBSET)
    agency.done("--alone", "key", "rotate", "statement")

    old, new = (own_list(results) for results in (before["list ls"], agency.run("list", "ls").results))
    assert new["size"] == old["size"] + old["waiting"] + 2
    assert agency.run("subset", "ls").first["version"] == 2
    checks = agency.run("doctor", "--deep").results
    assert [one for one in checks if one["health"] == "fail"] == []


def own_list(results: list[dict[str, Any]]) -> dict[str, Any]:
    [own] = [one for one in results if one["kind"] == "own_list"]
    return own
