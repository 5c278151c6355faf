"""Questions to the person at the terminal: asked on standard error, because standard output is for results alone."""

import getpass
import sys

import typer


def ask(what: str) -> str:
    """The line that was typed, which may be empty; the end of the input stops the command (`typer.Abort`)."""
    sys.stderr.write(f"{what}: ")
    sys.stderr.flush()
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        raise typer.Abort from None
    if not line:
        sys.stderr.write("\n")
        raise typer.Abort
    return line.strip()


def ask_hidden(what: str) -> str:
    """As `ask`, without showing on a terminal what is typed."""
    if not sys.stdin.isatty():
        return ask(what)
    try:
        return getpass.getpass(f"{what}: ", stream=sys.stderr).strip()
    except (KeyboardInterrupt, EOFError):
        raise typer.Abort from None


def confirm(question: str) -> None:
    """Go on only after a yes; anything else stops the command (`typer.Abort`)."""
    if ask(f"{question} [y/N]").lower() not in {"y", "yes"}:
        raise typer.Abort
