"""Monitoring hears of what a partner's commands did: said here, once, for those that change what it looks at.

Nothing of it changes how a command ends; without `[metrics] textfile` in `partner.toml` nothing is loaded.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

from node.cli.session import Session, session
from node.names import PARTNER_NAME

WATCHED: Final = frozenset({"enroll", "scan", "hit.report", "hit.resolve", "hit.dispute", "hit.evidence"})
"""Commands after which numbers may be others, beside `update`, which tells by itself.

`check` is not among them: it may run many times a second.
"""

Command = Callable[..., int | None]


def watched(action: str, command: Command) -> Command:
    """The command, after which the file for monitoring is written, if it is one of `WATCHED`."""
    if action not in WATCHED:
        return command

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> int | None:
        try:
            return command(*args, **kwargs)
        finally:
            _write(session(kwargs["context"]))

    return run


def _write(here: Session) -> None:
    home = here.homes[0]
    if not (home.folder / PARTNER_NAME).exists():
        return
    from node.errors import NodeError
    from node.hoster.settings import load_partner_settings

    try:
        path = load_partner_settings(home.folder).metrics.textfile
        if path is None:
            return
        from node.hoster.metrics import write_metrics

        write_metrics(home, path)
    except (NodeError, OSError) as exc:
        here.output.talk(f"monitoring was not told: {exc}")
