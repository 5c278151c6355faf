"""`sigfed hit` in an agency's home: who reported what, when. The hash is shown only to whoever asks for it."""

from typing import TYPE_CHECKING

from node.cli.output import Fact, listing, spelled
from node.cli.session import Session
from node.cli.times import moment
from protocol.digest import Algorithm
from protocol.event import collection_name

if TYPE_CHECKING:
    from node.ports.hits import CaseRecord, HitRecord

_SHORT = 8


def list_reports(here: Session) -> None:
    """Reports of all partners, newest first."""
    from node.runtime.shelving import open_shelf

    with open_shelf(here.identity()) as shelf, shelf.storage.read() as unit:
        reports, cases = list(unit.hits.ls()), list(unit.partner_cases.ls())
    disputed = {(case.partner, case.report_id): case for case in cases}
    if here.output.as_json:
        for report in reports:
            here.output.result(_facts(report, disputed.get((report.partner, report.report_id))))
        return
    rows = [
        (
            report.report_id.hex()[:_SHORT],
            report.partner,
            moment(report.received_ms),
            report.subset,
            collection_name(report.collection),
            _state(report, disputed.get((report.partner, report.report_id))),
        )
        for report in reports
    ]
    header = ("id", "partner", "received", "subset", "collection", "state")
    here.output.result({}, *listing(header, rows, none="no reports"))
    here.output.following(*(["sigfed hit show ID"] if rows else []), "sigfed case ls")


def show_report(here: Session, text: str, *, hashes: bool) -> None:
    """One report; the hash only when it was asked for."""
    from node.runtime.shelving import open_shelf
    from node.services.partners.casework import find_hit
    from node.services.storage.taken_reports import taken

    with open_shelf(here.identity()) as shelf:
        report = find_hit(shelf, text)
        kept = taken(shelf, report)
        with shelf.storage.read() as unit:
            case = unit.partner_cases.find(report.partner, report.report_id)
    body = kept.report()
    value = body.digest.value.hex() if hashes else None
    lines = [
        f"{spelled(report.report_id.hex())}: reported by {report.partner}, {moment(report.received_ms)}",
        (
            f"  {collection_name(report.collection)}, by {Algorithm(report.algorithm).name.lower()}"
            f" in release {report.version} of {report.subset}; {_state(report, case)}"
        ),
    ]
    if value:
        lines.append(f"  {body.digest.algorithm.name.lower()} {value}")
    here.output.result({**_facts(report, case), "hash": value}, *lines)
    here.output.following(
        f"sigfed case show {report.report_id.hex()[:_SHORT]}"
        if case and case.answered_ms is None
        else f"sigfed hit close {report.report_id.hex()[:_SHORT]}, when done"
    )


def close_report(here: Session, text: str) -> None:
    """Mark a report as dealt with."""
    from node.clock import milliseconds
    from node.runtime.shelving import open_shelf
    from node.services.partners.casework import find_hit

    identity = here.identity()
    with open_shelf(identity) as shelf:
        report = find_hit(shelf, text)
        with shelf.storage.write() as unit:
            unit.hits.close(report, closed_ms=milliseconds(identity.clock.now()))
    here.output.result(
        {"hit": report.report_id.hex(), "partner": report.partner, "state": "closed"},
        f"{report.report_id.hex()[:_SHORT]}: closed",
    )
    here.output.following("sigfed hit ls")


def _facts(report: "HitRecord", case: "CaseRecord | None") -> dict[str, Fact]:
    return {
        "hit": report.report_id.hex(),
        "partner": report.partner,
        "received_ms": report.received_ms,
        "subset": report.subset,
        "version": report.version,
        "collection": collection_name(report.collection),
        "algorithm": Algorithm(report.algorithm).name.lower(),
        "state": _state(report, case),
    }


def _state(report: "HitRecord", case: "CaseRecord | None") -> str:
    if case is not None and case.answered_ms is None:
        return "disputed"
    return "open" if report.closed_ms is None else "closed"
