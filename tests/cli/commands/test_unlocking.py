"""Who looks opens no key and writes nothing: the passphrase is asked for by what is sealed, and by whoever acts."""

import pytest

from support.agencies import Federation
from support.processes import Cli, contents

READS = (
    "list ls",
    "list show csam",
    "peer ls",
    "member ls",
    "grant ls",
    "hit ls",
    "hit precision",
    "case ls",
    "proposal ls",
    "partner ls",
    "subset ls",
    "recipient ls",
    "witness ls",
    "withdrawal ls",
    "shredding ls",
    "quarantine ls",
    "evidence ls",
    "guard benign ls",
    "guard tripwire ls",
    "person ls",
    "passkey ls",
    "approval ls",
    "audit ls",
    "audit verify",
    "key status",
)


@pytest.fixture(scope="module")
def locked(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A copy of an agency whose passphrase cannot be had."""
    home = federation.fr_copied(tmp_path_factory.mktemp("locked") / "fr")
    home.edit("sigfed.toml", "fr-passphrase", "gone-passphrase")
    return home


@pytest.mark.parametrize("words", READS)
def test_who_looks_needs_no_passphrase_and_writes_nothing(locked: Cli, words: str) -> None:
    before = contents(locked.home)

    found = locked.run(*words.split())

    assert found.exit == 0, found.err
    assert contents(locked.home) == before


@pytest.mark.parametrize("words", ["partner suspend hoster", "publish", "key advance"])
def test_who_acts_is_asked_before_anything_is_written(locked: Cli, words: str) -> None:
    locked.refused(2, "gone-passphrase does not exist", *words.split())


def test_a_key_that_is_overdue_begins_when_somebody_acts(agency: Cli) -> None:
    before = contents(agency.home)

    looked = agency.run("list", "ls", clock="+100d")
    unchanged = contents(agency.home)
    acted = agency.run("publish", clock="+100d")

    assert (looked.exit, acted.exit) == (0, 0), looked.err + acted.err
    assert unchanged == before
    assert contents(agency.home)["ring.json"] != before["ring.json"]
