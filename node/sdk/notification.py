"""Telling others than the agency of hits, from a program: whoever `partner.toml` names, and a person agreed to.

A program cannot agree: what leaves the company is read and agreed to by a person, once, with the command line.
"""

from collections.abc import Iterable, Sequence

from keys.message import Message
from node.errors import UsageError
from node.home import Home
from node.hoster.hits.reporters import TellingOutcome, agreed, named_reporters, tell
from node.sdk.results import ToldResult


def require_agreed(home: Home, names: Sequence[str]) -> None:
    """Raise `UsageError` for a reporter that is not configured, or that nobody agreed to in its words of now."""
    for named in named_reporters(home, names):
        if not agreed(home, named):
            name = named.entry.name
            raise UsageError(
                "nobody agreed to what leaves the company with {name}",
                name,
                hint=Message("a person reads and agrees once: sigfed hit report --all --to {name}", name),
            )


async def tell_each(
    home: Home, ids: Sequence[str], names: Sequence[str]
) -> tuple[tuple[ToldResult, ...], str]:
    """Tell each reporter of these hits, or of all that it was not told of; also why one was told no more."""
    told: list[ToldResult] = []
    problems = []
    for named in named_reporters(home, names):
        outcome = await tell(home, ids, named)
        told += [
            ToldResult(reporter=outcome.reporter, hit_id=hit.id, reference=named.told(hit).reference)
            for hit in outcome.done
        ]
        told += _not_told(outcome)
        problems += [f"{outcome.reporter}: {outcome.stopped}"] if outcome.stopped is not None else []
    return tuple(told), "; ".join(problems)


def _not_told(outcome: TellingOutcome) -> Iterable[ToldResult]:
    for hit, reason in (*outcome.passed_over, *outcome.failed):
        yield ToldResult(reporter=outcome.reporter, hit_id=hit.id, reference="", reason=str(reason))
