"""Every command that changes something, or shows hashes, and performs no act, is in the audit log by what is said here.

The record holds who acted, the command's noun and verb, its arguments and the numbers of its result. Arguments never
hold a secret or a hash (they are asked for, or come from files), and of a result only numbers and the names of things
are taken. What cannot be undone is not begun when it could not be recorded. A command that failed leaves no record,
unless it had done a part. Whatever only reads is named in `READS`; what is not named there is recorded, so that a new
command cannot be forgotten.
"""

import functools
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

from node.cli.session import Session, session

READS: Final = frozenset(
    {
        "ls",
        "show",
        "explain",
        "verify",
        "due",
        "held",
        "diff",
        "ask",
        "status",
        "drill",
        "changes",
        "sign",
        "near",
        "rehearse",
        "precision",
    }
)
"""Verbs that change nothing."""

_HASHES: Final = "hashes"
"""The option with which a command that reads shows hashes, which is recorded as `NOUN.reveal`, before it is done."""

THEMSELVES: Final = frozenset(
    {
        "approval.approve",
        "approval.reject",
        "audit.start",
        "hit.purge",
        "list.publish",
        "subset.release",
        "peer.sync",
        "signer.join",
        "signer.refer",
        "signer.run",
        "signer.split",
        "store.move",
    }
)
"""Actions whose services record them, because the running node does them as well or their order matters."""

IRREVERSIBLE: Final = frozenset({"list.create", "subset.create", "key.ceremony"})
"""Actions that are not begun when they could not be recorded. Withdrawing is not among them: it must never wait."""

_SAYING: Final = (Enum, list, tuple, str, int)
Command = Callable[..., int | None]


def recorded(action: str, command: Command) -> Command:
    """The command, recorded as `action` unless it only reads or records itself."""
    if action in THEMSELVES or hasattr(command, "performs"):
        return command
    noun, _, verb = action.partition(".")
    reads = verb in READS

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> int | None:
        if reads and not kwargs.get(_HASHES):
            return command(*args, **kwargs)
        here = session(kwargs["context"])
        if kwargs.get("dry_run") or not here.homes[0].config.exists():
            return command(*args, **kwargs)
        done = functools.partial(command, *args, **kwargs)
        return _run(
            here, f"{noun}.reveal" if reads else action, done, kwargs, strict=reads or action in IRREVERSIBLE
        )

    return run


def _run(
    here: Session, action: str, command: Command, arguments: Mapping[str, object], *, strict: bool
) -> int | None:
    from node.cli.acts import tell_proposed
    from node.identity.audit import about

    given = _given(arguments)
    subject = next(iter(given.values()), "")
    if strict:
        _require_ready(here)
    with about(here.identity(), action, subject, strict=strict) as act:
        try:
            code = command()
        except Exception:
            if here.output.results:  # it went some way, and said so
                _tell(here, action, subject, given, outcome="partly")
            raise
        outcome = "requested" if "approval" in here.output.last else "ok"
        if here.proposal is not None:
            outcome = "proposed"
            tell_proposed(here)
        act.recorded = _tell(here, action, subject, given, outcome=outcome)
    return code


def _require_ready(here: Session) -> None:
    from node.identity.audit import require_ready

    identity = here.identity()
    with here.writing() as store:
        require_ready(identity, store)


def _tell(here: Session, action: str, subject: str, given: Mapping[str, str], *, outcome: str) -> bool:
    from node.identity.audit import tell

    identity = here.identity()
    with here.writing() as store:
        actor = here.acting[-1] if here.acting else identity.actor
        details = {**given, **_facts(here)}
        return tell(identity, store, action, subject, actor=actor, outcome=outcome, details=details)


def _given(arguments: Mapping[str, object]) -> dict[str, str]:
    """The arguments that say something, as texts; of a file its name."""
    from node.acts.perform import text_of

    said = {name: value.name if isinstance(value, Path) else value for name, value in arguments.items()}
    texts = {
        name: text_of(value)
        for name, value in said.items()
        if value is not False and isinstance(value, _SAYING)
    }
    return {name: text for name, text in texts.items() if text}


def _facts(here: Session) -> dict[str, str]:
    """The numbers and names of a single result; of several only how many there were."""
    from node.acts.perform import results

    output = here.output
    if output.results != 1:
        return {"results": str(output.results)}
    return {f"result_{name}": text for name, text in results(output.last).items()}
