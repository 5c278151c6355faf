"""Reports of real scans: all forms say the same, whatever files are called; none holds a hash, or a name too much."""

import csv
import json
import os
from collections import Counter
from hashlib import md5, sha1, sha256
from pathlib import Path
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import pytest

from support.agencies import BOTH, UNLISTED
from support.digest_search import DigestSearch
from support.markup import require_self_contained
from support.processes import Cli

HOSTILE = (
    b"<script>alert(1)<script>",
    b'" onmouseover="alert(1)',
    b"=cmd|' C calc'!A0",
    b"a; =cmd|' C calc'!A0",
    b"new\nline",
    b"not utf-8 \xff\xfe",
    "right to left \u202egpj.exe".encode(),
    b"\x1b[2J",
    b"]]>&lt;",
)
FORMS = ("html", "csv", "jsonl", "xml")
SECRET = "kunde-meier"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of a customer, half of them on the list, and what cannot be looked at."""
    made = tmp_path / SECRET
    made.mkdir()
    for at, name in enumerate(HOSTILE):
        with open(os.fsencode(made) + b"/" + name, "wb") as file:  # noqa: PTH123
            file.write(BOTH if at % 2 else UNLISTED)
    with ZipFile(made / "archive.zip", "w") as archive:
        archive.writestr(f"{SECRET}.txt", BOTH)
        archive.writestr("inner.zip", b"PK\x03\x04")
    return made


def reported(partner: Cli, folder: Path, *options: str) -> dict[str, Path]:
    """The reports of a scan, by form."""
    paths = {form: folder.with_name(f"report.{form}") for form in FORMS}
    wanted = [word for path in paths.values() for word in ("--report", str(path))]
    finished = partner.run("scan", str(folder), str(folder.with_name("missing")), *wanted, *options)
    assert finished.exit == 1, finished.err
    return paths


def test_all_forms_say_the_same(partner: Cli, folder: Path) -> None:
    paths = reported(partner, folder)
    *files, summary = map(json.loads, paths["jsonl"].read_text().splitlines())
    assert len(files) == summary["files"] == len(HOSTILE) + 2
    assert {os.fsencode(one["path"]).rpartition(b"/")[2] for one in files} >= set(HOSTILE)
    counts = Counter(one["status"] for one in files)
    assert counts == {status: count for status, count in summary["counts"].items() if count}
    assert (counts["hit"], counts["unreadable"]) == (len(HOSTILE) // 2 + 1, 1)
    with paths["csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["status"] for row in rows) == counts
    for separator in ",;":  # where the comma is in numbers, spreadsheets split at the semicolon
        with paths["csv"].open(newline="") as file:
            cells = [cell.lstrip() for row in csv.reader(file, delimiter=separator) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    suite = ET.parse(paths["xml"]).getroot()  # what was written here
    assert int(suite.get("failures", "")) == counts["hit"]
    assert len(suite.findall(".//failure")) == counts["hit"]
    page = paths["html"].read_text()
    require_self_contained(page)
    assert f"{counts['hit']} of {len(files)} files are on the list" in page
    for path in paths.values():
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.threat("a scan's state or report")
def test_no_report_holds_a_hash(partner: Cli, folder: Path) -> None:
    digests = [make(file).digest() for file in (BOTH, UNLISTED) for make in (md5, sha1, sha256)]
    looking = DigestSearch(digests)
    for form, path in reported(partner, folder).items():
        assert not looking.sightings(path.read_bytes(), form)


@pytest.mark.threat("a scan's state or report")
def test_redacted_reports_name_nothing(partner: Cli, folder: Path) -> None:
    plain = {form: path.read_bytes() for form, path in reported(partner, folder).items()}
    hidden = {form: path.read_bytes() for form, path in reported(partner, folder, "--redact").items()}
    again = {form: path.read_bytes() for form, path in reported(partner, folder, "--redact").items()}
    for form in FORMS:
        assert SECRET.encode() in plain[form]
        assert SECRET.encode() not in hidden[form]
        assert str(folder.parent).encode() not in hidden[form]
    rows = [[json.loads(line) for line in one["jsonl"].splitlines()[:-1]] for one in (plain, hidden, again)]
    assert [row["path"] for row in rows[1]] == [row["path"] for row in rows[2]], (
        "tokens are the same next time"
    )
    assert [row["size"] for row in rows[0]] == [row["size"] for row in rows[1]], "in the same order"
    assert all(row["path"].startswith("file-") for row in rows[1])
