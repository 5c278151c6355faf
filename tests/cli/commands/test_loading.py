"""What commands load when they do their work: a partner's client nothing of a node, a reader nothing that connects."""

from pathlib import Path

import pytest

from support.agencies import LIST, SUBSET, Federation, written
from support.loaded import LIBRARIES, loaded
from support.processes import Cli

STORE = {"sqlalchemy", "sqlmodel", "alembic", "psycopg", "cbor2"}
NODE = STORE | {"apscheduler", "prometheus_client"}
NETWORK = {"aiohttp", "jwt"}
ARCHIVES = {"node.hashing.archive_members", "tarfile"}
SERVER = {"alembic", "apscheduler", "prometheus_client", "psycopg", "cbor2"}
POSTGRESQL = "sqlalchemy.dialects.postgresql"
SIGNING = {
    "node.identity.distant_keys",
    "node.identity.key_holders",
    "node.identity.keyring",
    "node.identity.witness_policies",
    "node.ports.keyring",
    "node.signing.log_signer",
    "node.signing.process.link",
}
"""What is opened to sign: with it come two dozen classes that a reader makes none of."""


@pytest.mark.parametrize(
    ("words", "not_loaded"),
    [
        (("hit ls", "status", "doctor"), NODE | NETWORK),
        (("check {unlisted}", "scan {unlisted}", "update", "hit report --all"), NODE | ARCHIVES),
    ],
    ids=["alone", "with its node"],
)
def test_a_partners_client_loads_its_own_part(
    federation: Federation, words: tuple[str, ...], not_loaded: set[str]
) -> None:
    typed = [one.format(**federation.files).split() for one in words]

    modules = loaded(*(["--home", str(federation.partner.home), *one] for one in typed))

    assert modules & not_loaded == set()


def test_a_node_that_is_read_loads_nothing_that_connects_or_serves(federation: Federation) -> None:
    words = ("list ls", "peer ls", "hit ls", "partner ls", "status")

    modules = loaded(*(["--home", str(federation.fr.home), *one.split()] for one in words))

    assert modules & (SERVER | SIGNING | {"aiohttp", POSTGRESQL}) == set()


def test_what_tells_how_a_node_stands_loads_nothing_that_admits_asks_or_follows(
    federation: Federation,
) -> None:
    modules = loaded(["--home", str(federation.fr.home), "status"])

    acting = {
        "node.access.approvals",
        "node.audit.log",
        "node.partners.admission",
        "node.partners.hits.overview",
        "node.recipients.accreditation",
        "node.remote",
        "node.trust.others.refresh",
        "node.witnesses.cosigners",
        "protocol.lists.listing",
        "protocol.messages",
        "protocol.witness.cosign",
    }
    assert "node.witnesses.standings" in modules
    assert modules & acting == set()


def test_a_node_that_is_read_loads_no_arrays(agency: Cli) -> None:
    """A fifth of what such a command takes."""
    words = ("list ls", "peer ls", "person ls", "status")

    assert "numpy" not in loaded(*(["--home", str(agency.home), *one.split()] for one in words))


def test_a_node_that_has_asked_its_members_loads_what_connects_for_witnesses_alone(
    federation: Federation, tmp_path: Path
) -> None:
    table = written(tmp_path / "more.csv", f"id,sha256,collection\n1,{'5a' * 32},baseline\n")
    here = ("--home", str(federation.fr.home))
    federation.fr.done("publish")  # asks them, for the first time since this machine started

    entering = loaded((*here, "entry", "import", table, "--list", LIST, "--basis", "own"))
    releasing = loaded((*here, "subset", "release", SUBSET))

    assert "node.lists.imports.intake" in entering
    assert entering & (SERVER | NETWORK | {POSTGRESQL}) == set()
    assert "node.remote.witness" in releasing
    assert releasing & (SERVER | {"jwt", POSTGRESQL, "node.partners.hits.cases"}) == set()


def test_a_doctor_connects_and_serves_nobody(federation: Federation) -> None:
    modules = loaded(["--home", str(federation.fr.home), "doctor"])

    assert modules & SERVER == set()


def test_hashing_files_loads_no_library_but_that_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"a file")

    modules = loaded(["hash", str(tmp_path)])

    assert modules & (LIBRARIES - {"numpy"}) == set()


def test_what_the_screen_answers_loads_nothing_that_connects(federation: Federation, partner: Cli) -> None:
    (partner.home / "partner.toml").write_text('cover = "off"\n')

    modules = loaded(["--home", str(partner.home), "check", federation.files["unlisted"]])

    assert modules & NETWORK == set()
