"""`sigfed entry import`: from a file to waiting entries, with a report that names every refused line."""

from dataclasses import dataclass
from pathlib import Path

from node.access.notation import collection_of, columns_of
from node.app.guards import open_guards
from node.audit.log import masked
from node.cli.exit_codes import ExitCode
from node.cli.output import Fact, counted
from node.cli.session import Session
from node.clock import milliseconds
from node.errors import InputRefusedError
from node.formats import read_rows
from node.lists.catalogue import list_origin
from node.lists.imports.intake import ImportReport, Statement, import_rows, preview_rows
from node.rotation.store import write_store

_SHOWN = 20
_FORMS = {"icse": "ICSE export", "columns": "CSV with named columns"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file, and what the operator says of its columns."""

    file: Path
    collection: str
    columns: tuple[str, ...]
    categories: tuple[str, ...]
    delimiter: str | None


def read_into(
    here: Session,
    source: Source,
    *,
    to: str,
    statement: Statement,
    dry_run: bool,
) -> int:
    """Import (or preview) `source` into the list `to`; the exit code says whether rows were refused."""
    identity = here.identity()
    origin = list_origin(identity.settings.node, to)
    number, mapping = collection_of(source.collection), columns_of(source.columns)
    try:
        stream = source.file.open("rb")
    except OSError as exc:
        raise InputRefusedError("{file} cannot be read: {reason}", source.file, exc.strerror) from exc
    with stream, write_store(identity) as store, here.output.progress("read") as progress:
        guards = open_guards(identity, store)
        reading = read_rows(
            stream,
            collection=number,
            mapping=mapping,
            delimiter=source.delimiter,
            categories=source.categories,
        )
        if dry_run:
            report = preview_rows(store, origin, reading, progress=progress.at, guards=guards)
        else:
            report = import_rows(
                store,
                origin,
                reading,
                statement=statement,
                now_ms=milliseconds(identity.clock.now()),
                progress=progress.at,
                guards=guards,
            )
    _tell(here, report, form=reading.form, left_out=reading.left_out, dry_run=dry_run)
    return ExitCode.PARTIAL if report.refused_total else ExitCode.OK


def _tell(
    here: Session, report: ImportReport, *, form: str, left_out: tuple[str, ...], dry_run: bool
) -> None:
    fields: dict[str, Fact] = {
        "form": form,
        "dry_run": dry_run,
        "accepted": report.accepted,
        "entries": report.entries,
        "already_listed": report.already_listed,
        "duplicates": report.duplicates,
        "refused": report.refused_total,
        "quarantined": report.quarantined,
        "without_md5": report.apart,
        "refused_rows": [{"line": row.line, "reason": row.reason} for row in report.refused],
    }
    here.output.result(
        fields,
        f"{_FORMS.get(form, form)}: {report.accepted:,} rows {'would be ' if dry_run else ''}accepted"
        f" ({report.entries:,} entries), {report.already_listed:,} listed already,"
        f" {report.duplicates:,} repeated, {report.refused_total:,} refused,"
        f" {report.quarantined:,} quarantined",
        *(f"  line {row.line}: {row.reason}" for row in report.refused[:_SHOWN]),
        *([f"  … and {report.refused_total - _SHOWN:,} more"] if report.refused_total > _SHOWN else []),
    )
    if left_out:
        # Of a table without a header the first row is taken for one: its hashes are no titles.
        here.output.talk(f"columns that were not used: {', '.join(map(masked, left_out))}")
    if report.apart:
        here.output.talk(
            f"without an MD5: {counted(report.apart, 'row')}. Put all hashes of a file into one row: a release tells"
            " more of a file whose hashes came in several"
        )
    if report.quarantined and not dry_run:
        here.output.following("sigfed quarantine ls")
    if not dry_run and report.entries:
        here.output.following("sigfed publish")
