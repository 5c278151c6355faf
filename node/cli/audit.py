"""`sigfed audit`: what was done at this node, by whom, in a log that nobody can change unseen."""

from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.output import listing, moment
from node.cli.prompts import ask
from node.cli.session import session
from node.fields import Fact

if TYPE_CHECKING:
    from node.audit.reader import Audited, VerifiedAudit

app = typer.Typer(help="What was done at this node, and by whom.", no_args_is_help=True)


@app.command("start")
def start(context: typer.Context) -> None:
    """Begin the audit log of a node that was founded before there was one (asks for a targets key)."""
    from node.identity.audit import start as begin

    here = session(context)
    identity = here.identity()
    with here.writing() as store:
        begun = begin(identity, store)
    here.output.result(
        {"started": begun}, "the audit log begins now" if begun else "the audit log was begun before"
    )
    here.output.following("sigfed audit ls")


@app.command("ls")
def ls(
    context: typer.Context,
    since: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")] = "",
    actor: Annotated[str, typer.Option(help="Only what this person (or node, operator, root) did.")] = "",
    action: Annotated[str, typer.Option(help="Only this noun, or noun.verb.")] = "",
) -> None:
    """Records in their order."""
    from node.access.notation import start_of_day
    from node.audit.reader import count_unsigned, read_audit
    from node.clock import milliseconds

    here = session(context)
    day = start_of_day(since)
    first_ms = milliseconds(day) if day else 0
    with here.reading() as store:
        chosen = [
            item
            for item in read_audit(store)
            if item.record.time_ms >= first_ms and item.matches(actor, action)
        ]
        unsigned = count_unsigned(store)
    header = ("record", "when", "who", "what", "on", "outcome")
    here.output.each(map(_fields, chosen), listing(header, map(_cells, chosen), none="no records"))
    if unsigned:
        here.output.talk(f"{unsigned} more are recorded and not signed yet")
    here.output.following("sigfed audit show NUMBER", "sigfed audit verify")


@app.command("show")
def show(
    context: typer.Context, number: Annotated[int, typer.Argument(help="Number of a record.", min=0)]
) -> None:
    """One record with its details."""
    from node.audit.reader import get_audited

    here = session(context)
    with here.reading() as store:
        item = get_audited(store, number)
    _, when, who, what, subject, outcome = _cells(item)
    here.output.result(
        _fields(item),
        f"record {number}: {what} {subject}".rstrip(),
        f"  when:    {when}",
        f"  who:     {who}",
        f"  outcome: {outcome}",
        *(f"  {name}: {text}" for name, text in item.record.details.items()),
    )


@app.command("verify")
def verify(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="An export; default: the log of this node.")] = None,
    words: Annotated[
        str, typer.Option(help="Fingerprint words of the root of an export's node; asked for when not given.")
    ] = "",
) -> None:
    """Check every record against the signed head; names a record that was altered, removed or inserted."""
    here = session(context)
    if file is not None:
        verified = _verify_file(file, words or ask("Fingerprint words of its root"))
    else:
        from node.identity.audit import verify_own

        identity = here.identity()
        with here.reading() as store:
            verified = verify_own(identity, store)
    here.output.result(
        {"origin": verified.origin, "records": verified.size, "actors": sorted(verified.actors)},
        verified.said,
    )
    here.output.following("sigfed audit export -o FILE, kept somewhere else")


@app.command("export")
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Option("-o", "--output", help="File to write; must not exist.")],
) -> None:
    """Write all records with what proves them; anybody checks the file with: sigfed audit verify FILE."""
    from keys.trust.tuf.target_files import NODE_FILE
    from node.audit.reader import export_audit
    from node.files import new_file

    here = session(context)
    identity = here.identity()
    roots = [root.data for root in identity.trust.roots()]
    document = identity.trust_files.get(NODE_FILE)
    records = -1
    with new_file(out) as file, here.writing() as store:
        for line in export_audit(store, roots=roots, document=document):
            file.write(f"{line}\n".encode())
            records += 1
    here.output.result({"file": str(out), "records": records}, f"{out}: {records:,} records with their proof")
    here.output.following(f"sigfed audit verify {out}, anywhere")


def _verify_file(file: Path, words: str) -> "VerifiedAudit":
    from node.access.notation import typed_words
    from node.audit.reader import verify_export
    from node.files import input_file

    with input_file(file) as stream:
        lines = TextIOWrapper(stream, encoding="ascii", errors="replace")
        return verify_export(lines, typed_words(words))


def _cells(item: "Audited") -> tuple[str, ...]:
    record = item.record
    return (
        str(item.index),
        moment(record.time_ms),
        record.actor,
        record.action,
        record.subject,
        record.outcome,
    )


def _fields(item: "Audited") -> dict[str, Fact]:
    record = item.record
    return {
        "record": item.index,
        "time_ms": record.time_ms,
        "actor": record.actor,
        "action": record.action,
        "subject": record.subject,
        "outcome": record.outcome,
        "details": dict(record.details),
    }
