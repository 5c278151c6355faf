"""`sigfed entry import`: from a file to waiting entries, with a report that names every refused line."""

from dataclasses import dataclass
from pathlib import Path

from keys.message import Message
from node.access.notation import collection_of, columns_of
from node.acts import entries as acts
from node.acts.act import Done, Node
from node.app.guards import open_guards
from node.audit.log import masked
from node.cli.acts import do, tell
from node.cli.exit_codes import ExitCode
from node.cli.session import Session
from node.files import open_input
from node.formats import Reading, read_rows
from node.lists.continuation import require_open
from node.lists.imports.intake import ImportReport, Statement, import_rows, preview_rows
from node.pages.text import counted

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


def read_into(here: Session, source: Source, *, to: str, statement: Statement, dry_run: bool) -> int:
    """Import (or preview) `source` into the list `to`; the exit code says whether rows were refused."""
    identity = here.identity()
    origin = here.own_list(to)
    number, mapping = collection_of(source.collection), columns_of(source.columns)
    with open_input(source.file) as stream, here.output.progress("read") as progress:
        reading = read_rows(
            stream,
            collection=number,
            mapping=mapping,
            delimiter=source.delimiter,
            categories=source.categories,
        )

        def take(node: Node) -> Done:
            report = import_rows(
                node.store,
                origin,
                reading,
                statement=statement,
                now_ms=identity.now_ms,
                progress=progress.at,
                guards=open_guards(identity, node.store),
            )
            return _done(report, reading, dry_run=False)

        if dry_run:
            require_open(identity.trust.document(), origin)
            with here.writing() as store:
                guards = open_guards(identity, store)
                report = preview_rows(store, origin, reading, progress=progress.at, guards=guards)
            done = _done(report, reading, dry_run=True)
            tell(here, done)
        else:
            given = acts.Imported(
                list=origin,
                file=source.file.name,
                collection=source.collection,
                statement=statement,
                work=take,
            )
            done = do(here, acts.take_in, given)
    return ExitCode.PARTIAL if done.facts["refused"] else ExitCode.OK


def _done(report: ImportReport, reading: Reading, *, dry_run: bool) -> Done:
    apart = (
        f"without an MD5: {counted(report.apart, 'row')}. Put all hashes of a file into one row: a release tells"
        " more of a file whose hashes came in several"
    )
    # Of a table without a header the first row is taken for one: its hashes are no titles.
    left_out = f"columns that were not used: {', '.join(map(masked, reading.left_out))}"
    return Done(
        said=Message(
            "{form}: {rows} {accepted} ({entries}), {listed} listed already, {repeated} repeated,"
            " {refused} refused, {quarantined} quarantined",
            _FORMS.get(reading.form, reading.form),
            counted(report.accepted, "row"),
            "would be accepted" if dry_run else "accepted",
            f"{report.entries:,} {'entry' if report.entries == 1 else 'entries'}",
            f"{report.already_listed:,}",
            f"{report.duplicates:,}",
            f"{report.refused_total:,}",
            f"{report.quarantined:,}",
        ),
        facts={
            "form": reading.form,
            **acts.imported(report, dry_run=dry_run),
            "refused_rows": [{"line": row.line, "reason": row.reason} for row in report.refused],
        },
        lines=(
            *(f"  line {row.line}: {row.reason}" for row in report.refused[:_SHOWN]),
            *([f"  … and {report.refused_total - _SHOWN:,} more"] if report.refused_total > _SHOWN else []),
        ),
        notes=(*([left_out] if reading.left_out else []), *([apart] if report.apart else [])),
        following=(
            *(["sigfed quarantine ls"] if report.quarantined and not dry_run else []),
            *(["sigfed publish"] if report.entries and not dry_run else []),
        ),
    )
