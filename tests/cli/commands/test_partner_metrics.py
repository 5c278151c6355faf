"""What a partner's commands leave for monitoring: all that is documented, and nothing that names a file."""

import re
from hashlib import md5, sha256
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from node.hoster.folder import PartnerFolder
from support.agencies import BOTH, UNLISTED, Federation
from support.processes import Cli

PAGE = Path(__file__).parents[3] / "docs/reference/metrics.md"
NAME = re.compile(r"`(sigfed_partner_[a-z_]+)`")


@pytest.fixture
def textfile(partner: Cli, tmp_path: Path) -> Path:
    """Where the partner's commands write."""
    path = tmp_path / "sigfed.prom"
    (partner.home / "partner.toml").write_text(f'[metrics]\ntextfile = "{path}"\n')
    return path


def samples(path: Path) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    return {
        (one.name.removeprefix("sigfed_partner_"), *one.labels.values()): one.value
        for family in text_string_to_metric_families(path.read_text())
        for one in family.samples
    }


def test_everything_that_is_documented_is_told(partner: Cli, textfile: Path, tmp_path: Path) -> None:
    folder = tmp_path / "an uploads folder"
    folder.mkdir()
    (folder / "a file").write_bytes(BOTH)
    (folder / "another").write_bytes(UNLISTED)
    assert partner.run("scan", str(folder)).exit == 1
    found = samples(textfile)
    section = PAGE.read_text().split("## A partner")[1].split("\n## ")[0]
    rows = "\n".join(line for line in section.splitlines() if line.startswith("| `"))

    assert {f"sigfed_partner_{name}" for name, *_ in found} == set(NAME.findall(rows))
    assert found["scan_files", "hit"] == found["scan_files", "clean"] == 1
    assert found["hits", "unreported"] == found["hits", "unresolved"] >= 1
    assert found["hits", "overdue"] == found["unreadable_facts",] == 0
    assert 0 < found["evaluations_left",] <= found["evaluations_per_day",]
    assert found["scan_start_timestamp_seconds",] <= found["scan_end_timestamp_seconds",]
    assert found["confirmed_timestamp_seconds",] < found["release_end_timestamp_seconds",]
    assert found["release_end_timestamp_seconds",] < found["usable_until_timestamp_seconds",]
    for hit in partner.run("hit", "ls").results:
        partner.done("hit", "resolve", str(hit["hit"]), "--action", "removed")
    assert samples(textfile)["hits", "unresolved"] == 0


def test_nothing_names_a_file(partner: Cli, textfile: Path) -> None:
    partner.done("update")
    text = textfile.read_bytes()

    assert textfile.stat().st_mode & 0o777 == 0o644
    for content in (BOTH, UNLISTED):
        for digest in (sha256(content).digest(), md5(content).digest()):
            assert digest not in text
            assert digest.hex().encode() not in text.lower()
    assert b"uploads" not in text
    assert re.search(rb"[0-9a-f]{16}", text) is None


def test_it_is_written_after_a_failed_update_too(partner: Cli, textfile: Path) -> None:
    (partner.home / "outbound.toml").write_text('proxy = "http://127.0.0.1:9"\n')
    assert partner.run("update").exit == 16

    assert samples(textfile)["release_version",] == partner.done("status")["version"]


def test_a_client_whose_state_is_damaged_is_told(partner: Cli, textfile: Path) -> None:
    version = PartnerFolder(partner.home / "partner").load()[1].version
    (partner.home / f"partner/releases/{version}/answers.u64").unlink()

    assert partner.run("update").exit != 0

    assert samples(textfile)["unreadable_facts",] == 1


def test_a_place_that_cannot_be_written_is_told_and_changes_nothing(partner: Cli, tmp_path: Path) -> None:
    (partner.home / "partner.toml").write_text(f'[metrics]\ntextfile = "{tmp_path}/missing/sigfed.prom"\n')

    done = partner.run("update")

    assert done.exit == 0
    assert "monitoring was not told" in done.err


def test_check_is_left_alone(federation: Federation, partner: Cli, textfile: Path) -> None:
    assert partner.run("check", federation.files["unlisted"]).exit == 0
    assert not textfile.exists()
