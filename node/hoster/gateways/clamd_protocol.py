"""The words of clamd's protocol, without a socket: commands in, replies out. Source: clamd(8), "COMMANDS".

Replies are byte for byte those of clamd, because the programs that ask (mail filters, file shares) compare texts. What
cannot be looked up is `OK` where files pass, and `ERROR` where they must not.
"""

from dataclasses import dataclass
from typing import Final

from node.ports.inspection import signature
from node.ports.verdicts import Outcome, Verdict

MAX_COMMAND_BYTES: Final = 8 * 1024
"""A command with a path of the longest kind."""
SCANS: Final = frozenset({"SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN"})
COMMANDS: Final = " ".join(
    (
        *sorted(SCANS),
        "INSTREAM",
        "FILDES",
        "PING",
        "VERSION",
        "VERSIONCOMMANDS",
        "STATS",
        "RELOAD",
        "IDSESSION",
        "END",
    )
)
TOO_LONG: Final = "INSTREAM size limit exceeded. ERROR"
TIMED_OUT: Final = "COMMAND READ TIMED OUT"
"""To whoever is not waited for any longer."""
UNKNOWN: Final = "UNKNOWN COMMAND"
SAID: Final = {
    "PING": "PONG",
    "RELOAD": "RELOADING",
    "SHUTDOWN": "COMMAND UNAVAILABLE",
    "STATS": "POOLS: 1\n\nSTATE: VALID PRIMARY\nTHREADS: live 1  idle 0 max 1\nQUEUE: 0 items\nEND",
}
"""Replies that are always the same."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its word, what follows it, and how the reply to it ends."""

    word: str
    argument: str
    end: bytes


def delimiter(first: bytes) -> bytes:
    """What ends a command that begins with this byte, and its reply: `z` has NUL, `n` and the old form a line end."""
    return b"\0" if first == b"z" else b"\n"


def parse(line: bytes) -> Command:
    """The command in a line, its delimiter removed."""
    end = delimiter(line[:1])
    text = line[1:] if line[:1] in {b"z", b"n"} else line
    word, _, argument = text.rstrip(b"\r").partition(b" ")
    return Command(word.decode("ascii", "replace"), argument.decode("utf-8", "surrogateescape"), end)


def reply(name: str, verdict: Verdict, *, fail_closed: bool) -> str:
    """What is said of a file; `name` is `stream`, `fd[7]` or its path."""
    found = signature(verdict)
    if found:
        return f"{name}: {found} FOUND"
    if verdict.outcome is Outcome.UNKNOWN and fail_closed:
        return failed(name, f"not looked up, {verdict.reason}")
    return f"{name}: OK"


def failed(name: str, reason: str) -> str:
    """What is said of a file that could not be looked at."""
    # Clients split at the last colon: one in the reason would pass for the end of the name.
    return f"{name}: {one_line(reason).replace(': ', ', ')} ERROR"


def one_line(text: str) -> str:
    """A text that ends no reply before its end."""
    return "".join(char if char.isprintable() else "?" for char in text)
