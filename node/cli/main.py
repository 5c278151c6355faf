"""The entry point: what every command has, and where failures become messages and exit codes."""

import gc
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from keys.errors import SigfedError
from node import journal
from node.cli.command_tree import GroupedByUser
from node.cli.exit_codes import ExitCode, exit_code
from node.cli.output import Output
from node.cli.session import Session
from node.core_dumps import forbid_core_dumps
from node.files import failure_of
from node.home import Home
from node.pages.text import visible

app = typer.Typer(
    name="sigfed",
    cls=GroupedByUser,
    help="Share signed lists of known-file hashes between agencies, and let partners ask privately.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_ENDED_WELL = (ExitCode.OK, ExitCode.HITS, ExitCode.PARTIAL, ExitCode.INTERRUPTED)
"""Codes after which there is a next step."""
_OBJECTS = 300_000
"""New objects before garbage is looked for: loading modules makes many and leaves none to find."""
_VARIABLES: Final = {
    "PYDANTIC_DISABLE_PLUGINS": "__all__",  # no package that is installed beside joins in
    "OPENBLAS_NUM_THREADS": "1",  # else NumPy has a thread of each processor spin, to multiply matrices
}
"""What libraries are told as they are loaded, unless somebody has said otherwise."""


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"sigfed {version('sigfed')}\n")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(envvar="SIGFED_HOME", help="Folder of the node or partner.")
    ] = None,
    subset: Annotated[
        str,
        typer.Option(
            envvar="SIGFED_SUBSET",
            help="Only this one of the subsets that a partner's home follows.",
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print each result as one JSON line.")] = False,
    proposal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Sign no trust file here: add to this proposal, which holders sign elsewhere.",
        ),
    ] = None,
    alone: Annotated[
        bool,
        typer.Option(
            "--alone",
            help="Sign even if too few members confirm that this folder is the newest; risks two histories.",
        ),
    ] = False,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Say more (-vv: debug).")] = 0,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", is_eager=True, callback=_show_version, help="Show the version, and end."
        ),
    ] = False,
) -> None:
    """Options that every command has."""
    journal.configure(level=("WARNING", "INFO", "DEBUG")[min(verbose, 2)])
    output: Output = context.obj  # made by `run`, which tells the next steps
    output.as_json = as_json
    folder = Home(home.expanduser().absolute()) if home else Home.default()
    context.obj = Session(
        homes=(_chosen(folder, subset),) if subset else folder.followed,
        output=output,
        proposal=proposal,
        alone=alone,
    )


def _chosen(home: Home, subset: str) -> Home:
    from node.hoster.subsets import chosen

    return chosen(home, subset)


def main() -> None:
    """Run the command line and leave with its exit code."""
    forbid_core_dumps()  # any command may open a key
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    try:
        code = run(sys.argv[1:])
    except Exception:  # noqa: BLE001 - a bug: its traceback is shown, and Python's own exit code 1 would mean hits
        sys.excepthook(*sys.exc_info())
        code = ExitCode.FATAL
    gc.freeze()  # else Python looks through all that was loaded for garbage as it ends: a third of a short command
    sys.exit(code)


@cache
def command_line() -> Callable[..., object]:
    """All commands, made once a process; each is read from the signature of its function when it is called."""
    return get_command(app)


def run(arguments: list[str]) -> int:
    """The exit code of one command line; messages go to standard error."""
    output = Output()
    try:
        result = command_line()(arguments, prog_name="sigfed", standalone_mode=False, obj=output)
        sys.stdout.flush()
    except SigfedError as error:
        return _failed(error)
    except typer.Abort:
        sys.stderr.write("sigfed: stopped; nothing was changed\n")
        return ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        result = ExitCode.INTERRUPTED  # which is what Typer makes of it elsewhere, without a word
    except TyperException as error:
        return _misused(error)
    except (OSError, SystemExit) as error:
        return _machine_failed(error)
    code = result if isinstance(result, int) else ExitCode.OK
    if code == ExitCode.INTERRUPTED:
        output.talk("sigfed: interrupted")  # no more is promised: a demonstration begins anew
    output.end(failed=code not in _ENDED_WELL)
    return code


def _failed(error: SigfedError) -> int:
    sys.stderr.write(visible(f"sigfed: {error}") + "\n")
    if error.hint:
        sys.stderr.write(visible(f"  {error.hint}") + "\n")
    return exit_code(error)


def _machine_failed(error: OSError | SystemExit) -> int:
    if isinstance(error, SystemExit) and not error.code:
        return ExitCode.OK  # the answer to a shell that asked for completions
    if isinstance(error, SystemExit | BrokenPipeError):
        # Whoever read our output has gone, as `head` does. Typer then leaves with 1, which would mean hits. Nothing
        # more is written, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FATAL
    return _failed(failure_of(error))


def _misused(error: TyperException) -> int:
    show = getattr(error, "show", None)
    if show is not None:
        show()
    return ExitCode.FATAL
