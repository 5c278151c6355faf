"""Commands that a partner's home which follows several subsets runs once for each of them."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, Final

import typer

from keys.errors import SigfedError
from node.cli.exit_codes import ExitCode
from node.cli.session import session
from node.files import said_of

_OF_ONE: Final = ("ids", "state", "report", "jsonl")
"""Options that name something of one subset, or a file that a second run would write over."""
_READ_ONCE: Final = ("hash_from", "files_from")
"""Options that may name standard input."""


def each_subset(command: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command for each subset; its exit code is that of a hit, or else the first that is not 0.

    One that fails keeps none of the others from running; the last failure is raised when no subset had a hit.
    """

    @wraps(command)
    def run(context: typer.Context, **options: Any) -> object:
        here = session(context)
        alone = any(options.get(name) for name in _OF_ONE) or "-" in map(options.get, _READ_ONCE)
        if len(here.homes) == 1 or alone:
            return command(context, **options)
        from node.hoster.subsets import names_of

        codes: list[int] = []
        failed: dict[str, SigfedError] = {}
        for home, name in zip(here.homes, names_of(here.homes), strict=True):
            here.output.subset = name
            here.output.talk(f"subset {name}:")
            others = tuple(each for each in here.homes if each != home)
            context.obj = replace(here, homes=(home,), others=others)
            try:
                codes.append(command(context, **options) or ExitCode.OK)
            except BrokenPipeError:
                raise  # whoever read our output has gone, for all of them
            except (SigfedError, OSError) as exc:
                failed[name] = said_of(exc)
        context.obj = here
        last = None if ExitCode.HITS in codes else next(reversed(failed.values()), None)
        for name, failure in failed.items():
            here.output.talk(f"subset {name}: not done" + ("" if failure is last else f": {failure}"))
        if last is not None:
            raise last
        return ExitCode.HITS if ExitCode.HITS in codes else next(filter(None, codes), ExitCode.OK)

    return run
