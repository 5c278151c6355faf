"""Nothing is possible at the terminal alone, nor in the console alone: of every command it is decided where it is.

A command is on a page, behind a button or a file of the console; or it is a partner's; or the manual says why it stays
at the terminal. A new one is none of these, and fails here until somebody decides.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from node.cli.command_table import ROWS
from node.cli.record import READS, THEMSELVES
from node.console.surface import ACTIONS, DOWNLOADS, PAGES
from support.cli_reference import commands

ROOT = Path(__file__).parents[2]

_WORDS: Final = {row.action: row.name for row in ROWS if row.action}
ITS_OWN: Final[Mapping[str, str]] = {
    "console.session-close": "sessions are the browser's",
    "entry.reveal": "the terminal shows whole hashes at once",
    "key.take-back": "at the terminal a signed proposal is a file that is copied",
    "key.discard": "at the terminal it is deleted",
    "key.carry": "at the terminal it is copied",
}
"""What the console records that no command does, and why none has to."""
REACHED: Final[Mapping[str, str]] = {
    _WORDS.get(row.performs.name, row.performs.name.replace(".", " ").replace("-", " ")): row.name
    for row in ACTIONS
    if row.performs and row.performs.name not in ITS_OWN
} | {
    "approval approve": "approve",
    "approval ls": "tasks",
    "approval reject": "reject",
    "approval show": "task",
    "audit export": "audit-export",
    "audit ls": "audit",
    "audit show": "record",
    "audit verify": "audit-verify",
    "case ls": "disputes",
    "case show": "dispute",
    "criteria ls": "lists",
    "criteria show": "lists",
    "doctor": "health",
    "endorse": "endorse",
    "entry amend": "entry-amend",
    "entry dispute": "entry-dispute",
    "entry explain": "entry",
    "entry holders": "holders-ask",
    "entry import": "importing-take",
    "entry reaffirm": "entry-reaffirm",
    "entry resolve": "entry-resolve",
    "entry withdraw": "withdraw",
    "evidence export": "evidence-file",
    "evidence ls": "evidence",
    "evidence show": "evidence",
    "evidence verify": "evidence-verify",
    "grant diff": "grant-diff",
    "grant explain": "entry",
    "grant ls": "members",
    "guard benign ls": "guards",
    "guard tripwire ls": "guards",
    "hit ls": "hits",
    "hit precision": "precision",
    "hit show": "hit",
    "holders ls": "holders",
    "key changes": "keys",
    "key propose": "key-propose",
    "key publish": "key-publish",
    "key rehearse": "rotate",
    "key resume": "key-resume",
    "key revoke": "key-revoke",
    "key rotate": "key-rotate",
    "key status": "keys",
    "list ls": "lists",
    "list show": "lists",
    "member add": "member-propose",
    "member ls": "members",
    "member remove": "member-remove",
    "partner ls": "partners",
    "passkey ls": "persons",
    "peer ls": "members",
    "peer sync": "peer-sync",
    "person ls": "persons",
    "proposal ls": "proposals",
    "proposal show": "proposal",
    "publish": "publish",
    "quarantine ls": "quarantine",
    "quarantine show": "aside",
    "recipient ls": "recipients",
    "report transparency": "response-report",
    "review due": "review",
    "review ls": "review",
    "review show": "review-file",
    "shredding ls": "recalls",
    "status": "overview",
    "subset ls": "releases",
    "subset release": "release-now",
    "withdrawal ls": "recalls",
    "witness ask": "witness-ask",
    "witness ls": "witnesses",
}
"""The page, action or file of the console that does what a command does; of an act, the action that performs it."""

PARTNERS: Final = frozenset(
    {
        "agent",
        "check",
        "console run",
        "console token",
        "disclose",
        "enroll",
        "hit dispute",
        "hit evidence",
        "hit report",
        "hit resolve",
        "icap",
        "proposal send",
        "proposal withdraw",
        "propose",
        "recipient near",
        "renew",
        "scan",
        "update",
    }
)
"""What partners and recipients type in homes of their own, where no agency's node runs."""


def _commands() -> list[str]:
    return sorted(words.removeprefix("sigfed ") for words in commands())


def _named_by_the_manual() -> Iterator[tuple[str, str]]:
    """What stays at the terminal, as it is written there, with the reason."""
    text = (ROOT / "docs/manuals/console.md").read_text(encoding="utf-8")
    table = text.partition("## What the console does not do")[2].partition("\n## ")[0]
    for first, reason in re.findall(r"^\| (.+?) \| (.+) \|$", table, re.MULTILINE):
        for command in re.findall(r"`sigfed ([^`]+)`", first):
            yield command, reason


def _command_of(words: str) -> str:
    """Without the options that narrow it."""
    return words.partition(" --")[0]


@pytest.mark.parametrize("command", _commands())
def test_a_command_is_in_the_console_or_the_manual_says_why_not(command: str) -> None:
    at_terminal = {_command_of(words) for words, _ in _named_by_the_manual()}
    assert command in REACHED.keys() | PARTNERS | at_terminal, (
        f"sigfed {command}: give it a page or an action, or say in docs/manuals/console.md why it stays at the terminal"
    )


def test_what_is_decided_about_is_there() -> None:
    """Nothing is said of a command that is gone, of a page that is gone, or of a command twice."""
    every = set(_commands())
    rows = {row.name for table in (PAGES, ACTIONS, DOWNLOADS) for row in table}
    named = list(_named_by_the_manual())
    assert REACHED.keys() | PARTNERS | {_command_of(words) for words, _ in named} <= every
    assert set(REACHED.values()) <= rows
    assert not REACHED.keys() & PARTNERS
    wholly = [words for words, _ in named if words == _command_of(words)]
    assert not REACHED.keys() & set(wholly), "it is in the console: take it out of the manual's table"
    assert len(set(wholly)) == len(wholly)
    assert all(len(reason.split()) > 3 for _, reason in named)


def test_nothing_is_done_in_the_console_alone() -> None:
    """What it records has the name of a command, but for what only a browser needs."""
    split = [words.split() for words in _commands()]
    names = {f"{'-'.join(nouns)}.{verb}" for *nouns, verb in split} | {row.action for row in ROWS}
    recorded = {row.performs.name for row in ACTIONS if row.performs} | {row.record for row in DOWNLOADS}
    assert recorded - names == ITS_OWN.keys()


def test_what_the_console_does_not_record_the_terminal_does_not_either() -> None:
    """Its service does, beside a running node too; or nothing is changed."""
    silent = {row.name for row in ACTIONS if row.performs is None}
    actions = {row.name: row.action for row in ROWS}
    for command in (words for words, name in REACHED.items() if name in silent):
        *nouns, verb = command.split()
        typed = f"{'-'.join(nouns)}.{verb}" if nouns else actions[verb]
        assert not typed or verb in READS or typed in THEMSELVES, command
