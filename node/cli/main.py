"""The entry point: the command tree, what every command has, and where failures become messages and exit codes."""

import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from keys.errors import KeysError
from node import journal
from node.cli import (
    approvals,
    audit,
    backups,
    casework,
    criteria,
    entries,
    evidence,
    grants,
    guards,
    hits,
    holders,
    keys,
    lists,
    members,
    partner,
    partners,
    peers,
    persons,
    quarantine,
    recalls,
    recipients,
    review,
    setup,
    signer,
    subsets,
    transfers,
    witnesses,
)
from node.cli.exit_codes import ExitCode, exit_code
from node.cli.grouping import GroupedByUser
from node.cli.output import Output, shown
from node.cli.recording import recorded
from node.cli.session import Session
from node.errors import NodeError
from node.runtime.home import Home
from protocol.errors import ProtocolError

AGENCY, PARTNER, OPERATOR = "For agencies", "For partners", "For operators"

app = typer.Typer(
    name="sigfed",
    cls=GroupedByUser,
    help="Share signed lists of known-file hashes between agencies, and let partners ask privately.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option("--home", envvar="SIGFED_HOME", help="Folder of the node or partner.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Results as one JSON line each.")] = False,
    proposal: Annotated[
        Path | None,
        typer.Option(
            "--proposal",
            metavar="FILE",
            help="Sign no trust file here: add to this proposal, which holders sign elsewhere.",
        ),
    ] = None,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Say more (-vv: debug).")] = 0,
) -> None:
    """Options that every command has."""
    journal.configure(level=("WARNING", "INFO", "DEBUG")[min(verbose, 2)])
    context.obj = Session(
        home=Home(home.expanduser().absolute()) if home else Home.default(),
        output=Output(as_json=as_json),
        proposal=proposal,
    )


_COMMANDS: dict[str, dict[str, Callable[..., int | None]]] = {
    AGENCY: {"hash": entries.hash_folder, "publish": lists.publish, "endorse": entries.endorse},
    PARTNER: {
        "enroll": partner.enroll,
        "update": partner.update,
        "renew": partner.renew,
        "check": partner.check,
    },
    OPERATOR: {
        "init": setup.init,
        "contact": holders.contact,
        "run": setup.run,
        "status": setup.status,
        "doctor": setup.doctor,
        "demo": setup.demo,
    },
}
_NOUNS = {
    "list": (lists.app, AGENCY),
    "criteria": (criteria.app, AGENCY),
    "entry": (entries.app, AGENCY),
    "review": (review.app, AGENCY),
    "withdrawal": (recalls.withdrawals, AGENCY),
    "shredding": (recalls.shreddings, AGENCY),
    "evidence": (evidence.app, AGENCY),
    "hit": (hits.app, PARTNER),
    "case": (casework.app, AGENCY),
    "member": (members.app, OPERATOR),
    "peer": (peers.app, OPERATOR),
    "quarantine": (quarantine.app, OPERATOR),
    "guard": (guards.app, OPERATOR),
    "grant": (grants.app, OPERATOR),
    "subset": (subsets.app, OPERATOR),
    "witness": (witnesses.app, OPERATOR),
    "transfer": (transfers.app, OPERATOR),
    "holders": (holders.app, OPERATOR),
    "partner": (partners.app, OPERATOR),
    "recipient": (recipients.app, OPERATOR),
    "person": (persons.app, OPERATOR),
    "approval": (approvals.app, OPERATOR),
    "audit": (audit.app, OPERATOR),
    "backup": (backups.app, OPERATOR),
    "key": (keys.app, OPERATOR),
    "signer": (signer.app, OPERATOR),
}
_ACTIONS = {"publish": "list.publish", "endorse": "entry.endorse", "contact": "node.contact"}
"""What the audit log calls the commands without a noun that change a node; `init` and `run` record themselves."""
for _panel, _commands in _COMMANDS.items():
    for _name, _command in _commands.items():
        _run = recorded(_ACTIONS[_name], _command) if _name in _ACTIONS else _command
        app.command(_name, rich_help_panel=_panel)(_run)


def _record(noun: typer.Typer, name: str) -> None:
    """Have the commands of a noun recorded, and those of the nouns below it (`guard benign` is guard-benign)."""
    for info in noun.registered_commands:
        assert info.callback is not None, "a command does something"
        assert info.name is not None, "a command has a name"
        info.callback = recorded(f"{name}.{info.name}", info.callback)
    for group in noun.registered_groups:
        assert group.typer_instance is not None, "a noun has commands"
        _record(group.typer_instance, f"{name}-{group.name}")


for _name, (_noun, _panel) in _NOUNS.items():
    _record(_noun, _name)
    app.add_typer(_noun, name=_name, rich_help_panel=_panel)


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        code = run(sys.argv[1:])
    except Exception:  # noqa: BLE001 - a bug: its traceback is shown, and Python's own exit code 1 would mean hits
        sys.excepthook(*sys.exc_info())
        code = ExitCode.FATAL
    sys.exit(code)


@cache
def command_line() -> Callable[..., object]:
    """All commands, read from the signatures of their functions once a process: it takes as long as a short command."""
    return get_command(app)


def run(arguments: list[str]) -> int:
    """The exit code of one command line; messages go to standard error."""
    try:
        result = command_line()(arguments, standalone_mode=False)
        sys.stdout.flush()
    except (KeysError, ProtocolError, NodeError) as error:
        return _failed(error)
    except typer.Abort:
        sys.stderr.write("sigfed: stopped; nothing was changed\n")
        return ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        return _interrupted()
    except TyperException as error:
        return _misused(error)
    except (OSError, SystemExit) as error:
        return _machine_failed(error)
    return _ended(result)


def _ended(result: object) -> int:
    if result == ExitCode.INTERRUPTED:  # what Typer makes of Ctrl-C, without a word
        return _interrupted()
    return result if isinstance(result, int) else ExitCode.OK


def _interrupted() -> int:
    sys.stderr.write("sigfed: interrupted; the same command resumes\n")
    return ExitCode.INTERRUPTED


def _failed(error: KeysError | ProtocolError | NodeError) -> int:
    sys.stderr.write(shown(f"sigfed: {error}") + "\n")
    hint = error.hint if isinstance(error, NodeError) else ""
    if hint:
        sys.stderr.write(shown(f"  {hint}") + "\n")
    return exit_code(error)


def _machine_failed(error: OSError | SystemExit) -> int:
    if isinstance(error, SystemExit) and not error.code:
        return ExitCode.OK  # the answer to a shell that asked for completions
    if isinstance(error, SystemExit | BrokenPipeError):
        # Whoever read our output has gone, as `head` does. Typer then leaves with 1, which would mean hits. Nothing
        # more is written, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FATAL
    sys.stderr.write(shown(f"sigfed: {error.filename or 'a file'}: {error.strerror or 'failed'}") + "\n")
    return ExitCode.FATAL


def _misused(error: TyperException) -> int:
    show = getattr(error, "show", None)
    if show is not None:
        show()
    return ExitCode.FATAL
