"""Hits that an agency confirmed, and what reporters of them are made with."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from node.clock import SystemClock
from node.files import create_private, read_private
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.lookup.examiner import Hit
from node.ports.reporters import Entry, OutsideHit, Tools
from node.remote.limits import RemoteLimits
from node.remote.sites import Sites
from protocol.digest import Algorithm
from protocol.statement.receipt import Receipt
from protocol.statement.report import SentReport
from protocol.subset.label import Label, LabelSource
from support.hits import HOSTER, SUBSET_ID, report_of

DIGEST = report_of("a file").digest
NAME = "holiday.jpg"
QUICK = RemoteLimits(attempts=3, backoff_seconds=0.01)

OUTSIDE = OutsideHit(
    id="3f0c9a12d4e5b6a7980c1d2e3f405162",
    partner="hoster",
    agency="fr.example",
    found_ms=1793534460000,
    confirmed_ms=1793534520000,
    collection="baseline",
    countries=("FR", "NL"),
    weak=False,
    algorithm="sha256",
)
WITH_ALL = replace(OUTSIDE, digest=DIGEST.value.hex(), name=NAME)


@dataclass
class Memory:
    """Progress that lasts as long as the test."""

    text: str = ""

    def keep(self, text: str) -> None:
        self.text = text


def entry(options: Mapping[str, object], *, name: str = "outside", everything: bool = False) -> Entry:
    """An entry of partner.toml."""
    return Entry(name=name, sends_hash=everything, sends_name=everything, options=options)  # type: ignore[arg-type]  # also wrong ones


def tools(ca_file: Path | None = None, limits: RemoteLimits = QUICK) -> Tools:
    """Real ones, which try again at once."""
    web = Sites(proxy=None, ca_file=ca_file, entropy=os.urandom, limits=limits)
    return Tools(
        web=web,
        clock=SystemClock(),
        entropy=os.urandom,
        secret=lambda path: read_private(path).decode().strip(),
    )


def secret_file(folder: Path, line: str, name: str = "secret") -> str:
    """The path of a private file with one line."""
    create_private(folder / name, line.encode() + b"\n")
    return str(folder / name)


def confirmed(spool: HitSpool) -> SpooledHit:
    """A hit in the spool with a receipt (of which telling others needs no more than that it is there)."""
    report = report_of(NAME)
    hit = Hit(
        algorithms=(Algorithm.SHA256,),
        collection="baseline",
        sources=(),
        weak=False,
        test_file=False,
        report=SentReport(report, os.urandom(32)),
    )
    kept = spool.record(hit, name=NAME, now_ms=1793534460000)
    assert kept is not None
    reported = replace(kept, receipt=b"signed")
    spool.save(reported)
    return reported


def receipt_of(hit: SpooledHit) -> Receipt:
    """What the node said of it."""
    return Receipt(
        node="fr.example",
        partner=HOSTER,
        report_id=hit.sent.report.report_id,
        report_sha256=bytes(32),
        subset_id=SUBSET_ID,
        epoch=1,
        version=1,
        label=Label(collection=1, sources=(LabelSource(number=0, index=0),)),
        received_ms=1793534520000,
    )
