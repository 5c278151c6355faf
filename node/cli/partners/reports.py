"""`sigfed report`: what this agency did, in numbers that may be published."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.session import session

if TYPE_CHECKING:
    from node.transparency.publication import Report

app = typer.Typer(help="What this agency did, in numbers that may be published.", no_args_is_help=True)


@app.command("transparency")
def transparency(
    context: typer.Context,
    period: Annotated[
        str, typer.Option(help="Year, half-year, quarter or month: 2026, 2026H1, 2026Q3, 2026-05.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="File to write: a page (.html), a sheet (.csv) or JSON (.json).",
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Numbers of a period from this node's records; small ones are withheld, so that none can be computed."""
    from node.app.partners.transparency import FORMS, make_report
    from node.files import replace_named
    from node.transparency.fields import as_fields
    from node.transparency.periods import Period

    here = session(context)
    asked = Period.parse(period)
    if out is not None:
        _require_form(out)
    identity = here.identity()
    with here.reading() as store:
        report = make_report(identity, store, asked)
    if out is not None:
        replace_named(out, map(str.encode, FORMS[out.suffix.lower()[1:]](report)))
    written = [f"written: {out}"] if out else []
    here.output.result({**as_fields(report), "file": str(out) if out else None}, *written, *_lines(report))
    here.output.following(
        *([] if out else [f"sigfed report transparency --period {asked.text} -o report.html"]),
        "publish periods of one length only: the difference of two that overlap gives numbers back",
    )


def _require_form(out: Path) -> None:
    from node.errors import UsageError
    from node.files import require_folder_of

    if out.suffix.lower() not in {".html", ".csv", ".json"}:
        raise UsageError("{name}: a report ends in .html, .csv, .json", out.name)
    require_folder_of(out)


def _lines(report: "Report") -> list[str]:
    from node.transparency.words import in_words, percent

    force = sum(each.in_force for each in report.lists)
    added, withdrawn = (
        sum(each.added for each in report.lists),
        sum(each.withdrawn for each in report.lists),
    )
    over = "" if report.complete else " (not over yet)"
    return [
        f"{report.node}, {report.period.text}{over}: {force:,} in force",
        f"  added {added:,}, withdrawn {withdrawn:,}; {sum(each.releases for each in report.releases):,} releases",
        f"  partners: {in_words(report.partners)}; evaluations: {in_words(report.evaluations)}",
        f"  hits reported: {in_words(report.hits)}; acted on within 24 hours: {percent(report.in_time)}",
        f"  disputes: {in_words(report.disputes)}",
    ]
