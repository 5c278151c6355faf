"""The reporter `ncmec` against a stand-in for NCMEC's test system: each hit is one report, whatever gets lost."""

import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from node.errors import (
    ConfigError,
    ForbiddenError,
    NodeError,
    PeerRefusedError,
    PeerUnreachableError,
    UnauthenticatedError,
    VerificationError,
)
from node.hoster.hits.notifier import Named, Notifier
from node.hoster.hits.spool import HitSpool
from node.hoster.reporters.cybertip import CyberTipline
from node.hoster.reporters.cybertip_xml import Contact, read_answer, report
from support.cybertip_host import PASSWORD, USER, CyberTipHost, Fault, cybertip_host
from support.outside import NAME, OUTSIDE, WITH_ALL, Memory, confirmed, entry, receipt_of, secret_file, tools

PRODUCTION = {"environment": "production", "confirm_production": "report.cybertip.org"}


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[CyberTipHost]:
    async with cybertip_host(tmp_path) as made:
        yield made


def options(folder: Path, **changed: str) -> dict[str, object]:
    path = folder / "cybertip.pass"
    if not path.exists():
        secret_file(folder, PASSWORD, path.name)
    return {
        "username": USER,
        "password_file": str(path),
        "first_name": "Jo",
        "last_name": "Abuse Desk",
        "email": "abuse@hoster.example",
        **changed,
    }


def reporter(host: CyberTipHost, folder: Path, **changed: str) -> CyberTipline:
    return CyberTipline(entry(options(folder, test_url=host.url, **changed)), tools(host.ca_file))


async def test_a_hit_is_opened_and_finished(host: CyberTipHost, tmp_path: Path) -> None:
    progress = Memory()
    done = await reporter(host, tmp_path).submit(OUTSIDE, progress)
    assert host.asked == ["/status", "/submit", "/finish"]
    assert done.reference == progress.text == str(host.finished[0])
    root = ET.fromstring(next(iter(host.opened.values())))
    assert root.findtext("incidentSummary/incidentDateTime") == "2026-11-01T12:01:00Z"
    assert root.findtext("reporter/reportingPerson/email") == "abuse@hoster.example"
    said = root.findtext("additionalInfo") or ""
    assert "baseline" in said
    assert "FR, NL" in said
    assert OUTSIDE.id in said
    assert "sha256" not in said.lower()


@pytest.mark.threat("telling an authority too much")
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("/status", status=401), UnauthenticatedError),
        (Fault("/submit", status=401), UnauthenticatedError),
        (Fault("/submit", code=2000, status=401), UnauthenticatedError),
        (Fault("/submit", code=3100), ForbiddenError),
        (Fault("/submit", code=1000), PeerUnreachableError),
        (Fault("/submit", status=500), PeerUnreachableError),
        (Fault("/submit", status=503), PeerUnreachableError),
        (Fault("/submit", silent=True), PeerUnreachableError),
        (Fault("/submit", silent=True, done_first=True), PeerUnreachableError),
        (Fault("/submit", status=500, done_first=True), PeerUnreachableError),
        (Fault("/submit", code=4100, status=400), PeerRefusedError),
        (Fault("/submit", status=302), VerificationError),
        (Fault("/submit", body=b"<html>"), VerificationError),
        (Fault("/submit", body=b"x" * 70_000), VerificationError),
        (Fault("/submit", code=0), VerificationError),
        (Fault("/finish", code=1300), PeerUnreachableError),
        (Fault("/finish", code=1300, done_first=True), PeerUnreachableError),
        (Fault("/finish", status=401, done_first=True), UnauthenticatedError),
        (Fault("/finish", body=b"", status=200, done_first=True), VerificationError),
        (Fault("/finish", code=5001), PeerUnreachableError),
        (Fault("/finish", code=4000), PeerRefusedError),
    ],
    ids=lambda value: f"{value.path} {value.status} {value.code}" if isinstance(value, Fault) else "",
)
async def test_whatever_fails_is_told_once_the_next_time(
    host: CyberTipHost, tmp_path: Path, fault: Fault, error: type[NodeError]
) -> None:
    spool = HitSpool(tmp_path)
    hit = confirmed(spool)
    named = Named(entry({}, name="ncmec"), reporter(host, tmp_path))
    host.faults.append(fault)
    with pytest.raises(error):
        await Notifier(spool, tools().clock).notify(hit, named, receipt_of(hit))
    (kept,) = spool.ls()
    assert not named.told(kept).reference
    assert named.told(kept).failure
    # Another process, later.
    again, named = HitSpool(tmp_path), Named(named.entry, reporter(host, tmp_path))
    done = await Notifier(again, tools().clock).notify(again.ls()[0], named, receipt_of(hit))
    assert host.finished == [int(named.told(done).reference)], "one report, neither none nor two"
    asked = len(host.asked)
    assert await Notifier(again, tools().clock).notify(done, named, receipt_of(hit)) == done
    assert len(host.asked) == asked, "what was told is not told again"


@pytest.mark.parametrize("path", ["/status", "/finish"])
async def test_a_failure_that_passes_is_not_noticed(host: CyberTipHost, tmp_path: Path, path: str) -> None:
    host.faults += [Fault(path, status=503), Fault(path, silent=True, done_first=True)]
    await reporter(host, tmp_path).submit(OUTSIDE, Memory())
    assert len(host.finished) == 1


async def test_a_report_that_the_other_side_dropped_is_opened_anew(
    host: CyberTipHost, tmp_path: Path
) -> None:
    progress = Memory()
    host.faults.append(Fault("/finish", status=401))
    with pytest.raises(UnauthenticatedError):
        await reporter(host, tmp_path).submit(OUTSIDE, progress)
    host.forget()
    await reporter(host, tmp_path).submit(OUTSIDE, progress)
    assert len(host.finished) == 1


async def test_an_opened_report_can_be_taken_back_and_a_finished_one_not(
    host: CyberTipHost, tmp_path: Path
) -> None:
    ours, progress = reporter(host, tmp_path), Memory()
    host.faults.append(Fault("/finish", status=401))
    with pytest.raises(UnauthenticatedError):
        await ours.submit(OUTSIDE, progress)
    await ours.retract(int(progress.text))
    done = await ours.submit(OUTSIDE, progress)
    assert host.finished == [int(done.reference)]
    with pytest.raises(PeerRefusedError):
        await ours.retract(int(done.reference))


async def test_a_report_that_cannot_be_finished_is_taken_back(host: CyberTipHost, tmp_path: Path) -> None:
    progress = Memory()
    host.faults.append(Fault("/finish", code=4000))
    with pytest.raises(PeerRefusedError, match="code 4000"):
        await reporter(host, tmp_path).submit(OUTSIDE, progress)
    assert (host.retracted, host.finished, progress.text) == (set(host.opened), [], "")


async def test_a_certificate_that_does_not_verify_is_told_nothing(host: CyberTipHost, tmp_path: Path) -> None:
    made = CyberTipline(entry(options(tmp_path, test_url=host.url)), tools(None))
    with pytest.raises(VerificationError, match="certificate"):
        await made.submit(OUTSIDE, Memory())
    assert host.asked == []


async def test_a_wrong_password_is_in_no_error(host: CyberTipHost, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    secret_file(tmp_path, "not the password", "wrong")
    with pytest.raises(UnauthenticatedError) as caught:
        await reporter(host, tmp_path, password_file=str(wrong)).submit(OUTSIDE, Memory())
    assert "not the password" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__!r}"


@pytest.mark.threat("telling an authority too much")
@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"environment": "production"}, "confirm_production"),
        ({"environment": "production", "confirm_production": "exttest.cybertip.org"}, "confirm_production"),
        ({**PRODUCTION, "test_url": "https://127.0.0.1/"}, "test_url"),
        ({"test_url": "https://Report.CyberTip.org/ispws"}, "production host"),
        ({"environment": "live"}, "environment"),
        ({"email": "nobody"}, "email"),
        ({"username": "a:b"}, "username"),
        ({"passwort": "x"}, "passwort"),
    ],
)
def test_real_reports_are_never_sent_by_mistake(tmp_path: Path, changed: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        CyberTipline(entry(options(tmp_path, **changed)), tools())


def test_the_destination_parts_test_reports_from_real_ones(tmp_path: Path) -> None:
    test = CyberTipline(entry(options(tmp_path)), tools())
    real = CyberTipline(entry(options(tmp_path, **PRODUCTION)), tools())
    assert (test.destination, real.destination) == ("exttest.cybertip.org", "report.cybertip.org")
    assert "no report is acted upon" in test.leaves[0]
    assert "2258A" in real.leaves[0]


def test_a_password_that_others_can_read_is_refused(tmp_path: Path) -> None:
    given = options(tmp_path)
    path = Path(str(given["password_file"]))
    path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o044)
    with pytest.raises(ConfigError, match="read by others"):
        CyberTipline(entry(given), tools())


CONTACT = Contact(first_name="Jo", last_name="Desk", email="a@b.example", platform="Hoster")


def test_hash_and_name_are_in_the_report_where_they_are_configured() -> None:
    said = ET.fromstring(report(WITH_ALL, CONTACT)).findtext("additionalInfo") or ""
    assert WITH_ALL.digest is not None
    assert f"SHA256: {WITH_ALL.digest}" in said
    assert f"File name: {NAME}" in said
    assert WITH_ALL.digest not in repr(WITH_ALL)


@pytest.mark.parametrize(
    "name", ["a\x00b\x1b[2J.jpg", "\udcff.jpg", "<a>&'\"]]>.jpg", "\ufffe", "é日\U0001f600"]
)
def test_any_file_name_makes_a_document_that_can_be_read(name: str) -> None:
    text = report(replace(WITH_ALL, name=name), CONTACT)
    assert "File name: " in (ET.fromstring(text).findtext("additionalInfo") or "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe<\x00",
        b"<reportResponse/>",
        b"<other><responseCode>0</responseCode></other>",
        b"<reportResponse><responseCode>zero</responseCode></reportResponse>",
        b"<reportResponse><responseCode>0</responseCode><reportId>-1</reportId></reportResponse>",
        b"<reportResponse><responseCode>0</responseCode><reportId>"
        + b"9" * 5000
        + b"</reportId></reportResponse>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><reportResponse><responseCode>0</responseCode></reportResponse>',
        bytes(range(192, 256)),
    ],
)
def test_an_answer_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(VerificationError):
        read_answer(body)
