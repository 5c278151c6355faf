"""Questions to the person at the terminal: asked on standard error, because standard output is for results alone."""

import getpass
import sys

import typer


def ask(what: str) -> str:
    """The line that was typed, which may be empty; the end of the input stops the command (`typer.Abort`)."""
    return _line(what).strip()


def ask_hidden(what: str) -> str:
    """As `ask`, without showing on a terminal what is typed, and with the spaces around it: it may be a passphrase."""
    if not sys.stdin.isatty():
        return _line(what)
    try:
        return getpass.getpass(f"{what}: ", stream=sys.stderr)
    except (KeyboardInterrupt, EOFError):
        raise typer.Abort from None


def _line(what: str) -> str:
    sys.stderr.write(f"{what}: ")
    sys.stderr.flush()
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        raise typer.Abort from None
    if not line:
        sys.stderr.write("\n")
        raise typer.Abort
    return line.rstrip("\r\n")


def confirm(question: str, *, yes: bool = False) -> None:
    """Go on only after a yes, said before or typed now; anything else stops the command (`typer.Abort`)."""
    if not yes and ask(f"{question} [y/N]").lower() not in {"y", "yes"}:
        raise typer.Abort
