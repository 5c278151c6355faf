"""The night a log key is stolen: of a list, of a subset's releases, of the audit log."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from support.agencies import LIST, SUBSET, found_agency, numbered, publish_files
from support.processes import Cli

SHOWN: Mapping[str, tuple[str, int]] = {
    f"log-lists-{LIST}-1": (f"fr.example/lists/{LIST}", 1),
    f"log-subsets-{SUBSET}-1": (f"fr.example/subsets/{SUBSET}", 1),
    "log-audit-main-1": ("fr.example/audit/main", 3),
}


@pytest.fixture
def agency(tmp_path: Path) -> Cli:
    cli = found_agency(tmp_path, name="fr", country="FR")
    cli.done("list", "create", LIST)
    publish_files(cli, numbered("first", 3))
    cli.done("subset", "create", SUBSET)
    cli.done("subset", "release", SUBSET)
    return cli


@pytest.mark.parametrize(("name", "shown"), SHOWN.items(), ids=list(SHOWN))
def test_what_was_published_is_shown_and_the_key_taken_back(
    agency: Cli, name: str, shown: tuple[str, int]
) -> None:
    origin, least = shown
    asked = agency.run("key", "revoke", name, "--reason", "compromise")
    assert (asked.exit, f"{origin} was published so" in asked.err) == (2, True), asked.err
    rows = [line for line in asked.err.splitlines() if " UTC  " in line]
    assert len(rows) >= least
    last = rows[-1].split("  ")[1].strip()
    agency.refused(
        2, "was never published with", "key", "revoke", name, "--reason", "compromise", "--last-good", "9999"
    )
    arguments = ["key", "revoke", name, "--reason", "compromise", "--last-good", last, "--yes"]
    done = agency.run(*arguments)
    assert done.exit == 0, done.err
    assert done.first["successor"] == f"{name[:-1]}2"
    assert agency.run("doctor").exit in {0, 3}
