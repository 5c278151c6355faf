"""Pictures of the reports for the documentation, of made-up numbers.

`python tests/support/report_pictures.py` draws them anew. It needs Chromium, and Pillow of the extra `images`. No test
compares them: what is in a report has tests of its own.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from node.hoster.scan.reports.names import TrueNames
from node.hoster.scan.reports.write import write_report
from node.hoster.scan.results import FileResult, HitFacts, ScanSummary, Status
from node.transparency.counts import (
    FALSE_POSITIVE,
    IN_TIME,
    LATER,
    NOT_TOLD,
    REJECTED,
    UPHELD,
    Counts,
    JudgedCount,
    ListCount,
    MonthCount,
    ReleaseCount,
)
from node.transparency.page import page
from node.transparency.periods import Period
from node.transparency.publication import publish

PICTURES = Path(__file__).parent.parent.parent / "docs/pictures"
NOON = 1_795_708_800_000
"""2026-11-26 16:00 UTC."""
COLOURS = 160
"""Enough for pages of few colours."""


def scan_report(path: Path) -> None:
    """A scan that found something."""
    hit = HitFacts(
        part="",
        collection="baseline",
        countries=("FR", "NL"),
        algorithms=("md5", "sha256"),
        weak=False,
        hit="a1" * 16,
    )
    results = [
        FileResult(source="/srv", path=f"/srv/uploads/{at}.jpg", size=9000, status=Status.HIT, hits=(hit,))
        for at in range(3)
    ]
    counts = {Status.HIT: 3, Status.UNREADABLE: 14, Status.PARTLY: 5, Status.CLEAN: 204_331}
    summary = ScanSummary(
        sources=("/srv/uploads",),
        counts=counts,
        bytes=341_200_000_000,
        read=8112,
        passed_over=17,
        started_ms=NOON,
        ended_ms=NOON + 1_450_000,
        subset="baseline",
        release=1043,
        list_age_ms=1_300_000,
    )
    write_report(path, summary, results, TrueNames())


def transparency_report(path: Path) -> None:
    """A half-year of an agency."""
    period = Period.parse("2026H1")
    own = "fr.example/lists/csam"
    growth = ((5200, 40), (7210, 31), (9100, 20), (4200, 1400), (8730, 60), (10_000, 36))
    force, months = 600_000, []
    for month, (added, withdrawn) in zip(period.months, growth, strict=True):
        force += added - withdrawn
        months.append(MonthCount(month=month, added=added, withdrawn=withdrawn, in_force=force))
    counts = Counts(
        node="fr.example",
        members=6,
        countries=("BE", "DE", "FR", "NL", "SE"),
        k=2,
        lists=[
            ListCount(
                origin=own,
                collection="baseline",
                added=sum(added for added, _ in growth),
                withdrawn=sum(withdrawn for _, withdrawn in growth),
                shredded=2,
                in_force=force,
            )
        ],
        months=months,
        objections=17,
        releases=[ReleaseCount(subset="baseline", releases=181, added=12_044, removed=377, hashes=481_220)],
        partners=23,
        evaluations=18_233_444_096,
        hits_by_collection={"baseline": 1265},
        hits_by_month=dict(zip(period.months, (180, 201, 190, 240, 222, 232), strict=True)),
        hits_by_outcome={IN_TIME: 1088, LATER: 121, FALSE_POSITIVE: 7, NOT_TOLD: 49},
        hits_withdrawn=12,
        disputes={UPHELD: 6, REJECTED: 12},
        judged=[JudgedCount(origin=own, collection="baseline", right=1080, wrong=6)],
        reports_kept=True,
    )
    path.write_text("".join(page(publish(counts, period, made_ms=period.end_ms))), encoding="utf-8")


def draw(source: Path, name: str, *, height: int) -> Path:
    """The upper part of a page as a picture."""
    chromium = shutil.which("chromium")
    assert chromium, "install chromium"
    target = PICTURES / f"{name}.png"
    size = f"--window-size=1000,{height}"
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size)
    profile = f"--user-data-dir={source.parent / 'profile'}"
    subprocess.run(  # a program of this machine, with our own arguments
        [chromium, *flags, profile, f"--screenshot={target}", source.as_uri()],
        check=True,
        capture_output=True,
    )
    with Image.open(target) as picture:
        picture.convert("RGB").quantize(COLOURS).save(target, optimize=True)
    return target


def main() -> None:
    """Draw both."""
    with TemporaryDirectory() as folder:
        for name, make, height in (
            ("scan-report", scan_report, 860),
            ("transparency-report", transparency_report, 860),
        ):
            source = Path(folder) / f"{name}.html"
            make(source)
            sys.stdout.write(f"{draw(source, name, height=height)}\n")


if __name__ == "__main__":
    main()
