"""Whether anything lives in the home that a command is for: said before the command loads what it works with."""

import functools
from collections.abc import Callable
from typing import Any, Final

from node.cli.session import session
from node.errors import no_node, no_partner
from node.names import SIGNER_CONFIG_NAME

ANYWHERE: Final = frozenset(
    {
        "audit",
        "backup",
        "console",
        "demo",
        "dev",
        "doctor",
        "enroll",
        "evidence",
        "hash",
        "init",
        "key",
        "recipient.near",
        "signer",
    }
)
"""Words, and verbs of other nouns, that also have a use where nothing lives: they look by themselves."""

_PARTNERS: Final = frozenset(
    {
        "agent",
        "check",
        "disclose",
        "hit.dispute",
        "hit.evidence",
        "hit.report",
        "hit.resolve",
        "icap",
        "proposal.send",
        "proposal.withdraw",
        "propose",
        "renew",
        "scan",
        "update",
    }
)

Command = Callable[..., int | None]


def housed(action: str, command: Command) -> Command:
    """The command, which raises `NotInitialisedError` where nothing lives at all; others say what they miss."""
    noun = action.partition(".")[0].partition("-")[0]  # `key holder new` is key-holder.new
    if not ANYWHERE.isdisjoint({action, noun}):
        return command

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> int | None:
        home = session(kwargs["context"]).homes[0]
        if not any(path.exists() for path in (home.config, home.partner, home.folder / SIGNER_CONFIG_NAME)):
            raise no_partner(home.partner) if action in _PARTNERS else no_node(home.folder)
        return command(*args, **kwargs)

    return run
