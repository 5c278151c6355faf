"""`sigfed guard`: known-benign sets, which nothing on a list may be in, and tripwires, which no release may meet."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.exit_codes import ExitCode
from node.cli.output import counted, listing
from node.cli.session import Session, session

app = typer.Typer(help="What lists and releases are compared with.", no_args_is_help=True)
benign = typer.Typer(
    help="Sets of hashes of lawful files: what is in one is set aside.", no_args_is_help=True
)
tripwire = typer.Typer(help="Hashes that must never be released.", no_args_is_help=True)
app.add_typer(benign, name="benign")
app.add_typer(tripwire, name="tripwire")

_SHOWN = 20


@benign.command("add")
def add_benign(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="NSRL table, NIST Non-RDS JSON, or CSV as `sigfed hash` writes it.")
    ],
    name: Annotated[str, typer.Option(help="Name of the set; default: that of the file.")] = "",
) -> int:
    """Set aside, from now on, what is in this file: rows of imports, and entries that peers list."""
    from node.app.guards import open_guards
    from node.clock import milliseconds
    from node.errors import InputRefusedError
    from node.formats.benign import read_benign
    from node.rotation.store import open_shelf

    here = session(context)
    identity = here.identity()
    wanted = _set_name(name or file.stem.lower().replace("_", "-").replace(" ", "-"))
    try:
        stream = file.open("rb")
    except OSError as exc:
        raise InputRefusedError("{file} cannot be read: {reason}", file, exc.strerror) from exc
    with stream, open_shelf(identity) as shelf, here.output.progress("read") as progress:
        reading = read_benign(stream)
        now_ms = milliseconds(identity.clock.now())
        report = open_guards(identity, shelf).add_benign(wanted, reading, now_ms=now_ms, progress=progress.at)
    record = report.record
    here.output.result(
        {
            "set": record.name,
            "rows": record.rows,
            "hashes": record.hashes,
            "refused": record.refused,
            "refused_rows": [{"line": row.line, "reason": row.reason} for row in report.refused],
        },
        f"{record.name}: {record.hashes:,} hashes of {record.rows:,} rows, {record.refused:,} refused",
        *(f"  line {row.line}: {row.reason}" for row in report.refused[:_SHOWN]),
        *([f"  … and {record.refused - _SHOWN:,} more"] if record.refused > _SHOWN else []),
    )
    here.output.following("sigfed guard benign ls")
    return ExitCode.PARTIAL if record.refused else ExitCode.OK


@benign.command("ls")
def ls_benign(context: typer.Context) -> None:
    """The sets, with their size."""
    from node.app.guards import open_guards
    from node.cli.times import moment
    from node.identity.store import read_shelf

    here = session(context)
    identity = here.identity()
    with read_shelf(identity) as shelf:
        records = open_guards(identity, shelf).benign_sets()
    for record in records if here.output.as_json else ():
        here.output.result(
            {"set": record.name, "hashes": record.hashes, "rows": record.rows, "added_ms": record.added_ms}
        )
    rows = [
        (record.name, f"{record.hashes:,}", f"{8 * record.hashes / 2**20:,.1f} MiB", moment(record.added_ms))
        for record in records
    ]
    if not here.output.as_json:
        here.output.result(
            {}, *listing(("set", "hashes", "size", "added"), rows, none="no known-benign sets")
        )
    if not records:
        here.output.following("sigfed guard benign add FILE")


@benign.command("remove")
def remove_benign(
    context: typer.Context, name: Annotated[str, typer.Argument(help="Name of the set.")]
) -> None:
    """Forget a set; what it set aside stays so until it is released."""
    from node.app.guards import open_guards
    from node.rotation.store import open_shelf

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        open_guards(identity, shelf).remove_benign(name)
    here.output.result({"set": name, "removed": True}, f"{name} is no known-benign set any more")
    here.output.following("sigfed quarantine ls")


@tripwire.command("add")
def add_tripwire(
    context: typer.Context,
    hash_from: Annotated[
        str,
        typer.Option(
            "--hash-from",
            help="File with hashes, one a line or as `sigfed hash` writes them; - for standard input.",
        ),
    ],
    note: Annotated[str, typer.Option(help="What they are of, for people; never a hash.")] = "",
) -> None:
    """Refuse, from now on, every release that would list one of these hashes."""
    from node.app.guards import open_guards
    from node.cli.hashes import read_hashes
    from node.clock import milliseconds
    from node.rotation.store import open_shelf

    here = session(context)
    identity = here.identity()
    digests = [digest for _, found in read_hashes(hash_from) for digest in found]
    with open_shelf(identity) as shelf:
        now_ms = milliseconds(identity.clock.now())
        added = open_guards(identity, shelf).add_tripwires(digests, note=note, now_ms=now_ms)
    here.output.result(
        {"added": added, "known": len(digests) - added},
        f"{counted(added, 'tripwire')} added, {len(digests) - added:,} known already",
    )
    here.output.following("sigfed guard tripwire ls", "sigfed subset release NAME")


@tripwire.command("ls")
def ls_tripwires(context: typer.Context) -> None:
    """The tripwires by number; their hashes are sealed and not shown."""
    from node.app.guards import open_guards
    from node.cli.times import moment
    from node.identity.store import read_shelf

    here = session(context)
    identity = here.identity()
    with read_shelf(identity) as shelf:
        found = open_guards(identity, shelf).tripwires()
    for record, algorithm in found if here.output.as_json else ():
        here.output.result(
            {
                "tripwire": record.id,
                "algorithm": algorithm.name.lower(),
                "note": record.note,
                "added_ms": record.added_ms,
            }
        )
    rows = [
        (str(record.id), algorithm.name.lower(), moment(record.added_ms), record.note)
        for record, algorithm in found
    ]
    if not here.output.as_json:
        here.output.result({}, *listing(("number", "hash", "added", "note"), rows, none="no tripwires"))
    if not found:
        here.output.following("sigfed guard tripwire add --hash-from FILE")


@tripwire.command("remove")
def remove_tripwires(
    context: typer.Context,
    numbers: Annotated[list[int], typer.Argument(help="Numbers as `sigfed guard tripwire ls` shows them.")],
) -> None:
    """Let these hashes be released again."""
    from node.app.guards import open_guards
    from node.rotation.store import open_shelf

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        open_guards(identity, shelf).remove_tripwires(numbers)
    _tell_removed(here, len(numbers))


def _tell_removed(here: Session, count: int) -> None:
    here.output.result({"removed": count}, f"{counted(count, 'tripwire')} removed")
    here.output.following("sigfed subset release NAME")


def _set_name(name: str) -> str:
    from keys.trust.names import is_log_name
    from node.errors import UsageError

    if not is_log_name(name):
        raise UsageError(
            "a set is named with up to 64 small letters, digits and hyphens", hint="give it one with --name"
        )
    return name
