"""Metrics of the local daemon: counts and times alone; docs/reference/metrics.md names them.

Where several subsets are followed, a label says of which one a value is.
"""

from collections.abc import Iterator

from node.hoster.judge.machine import Judging
from node.hoster.judge.subset import SubsetJudge
from node.metrics import Count, Gauge, of_subsets, text_of
from node.ports.verdicts import Outcome


def metrics_text(judging: Judging) -> bytes:
    """All of them, in Prometheus's text format."""
    return text_of(lambda: _facts(judging))


def _facts(judging: Judging) -> Iterator[Gauge]:
    yield Count(
        name="sigfed_agent_verdicts",
        help="Verdicts given.",
        labels=("verdict",),
        values={(outcome.value,): judging.judge.given[outcome] for outcome in Outcome},
    )
    yield from of_subsets({each.name: list(_facts_of(each)) for each in judging.followed})


def _facts_of(followed: SubsetJudge) -> Iterator[Gauge]:
    judge, in_force = followed.judge, followed.in_force
    facts: dict[str, tuple[str, float]] = {
        "waiting_files": ("Files that passed as unknown and wait for a verdict.", judge.waiting),
        "release_version": ("Version of the release in force; 0 for none.", in_force.version),
        "release_end_timestamp_seconds": ("When the release ends.", in_force.not_after_ms / 1000),
        "node_answers": ("Whether the node is asked; 0 while it is left alone.", not judge.failure),
    }
    for name, (words, value) in facts.items():
        yield Gauge(name=f"sigfed_agent_{name}", help=words, values={(): value})
    yield Gauge(
        name="sigfed_agent_group",
        help="What does the group arithmetic of look-ups.",
        labels=("name",),
        values={(in_force.group,): 1},
    )
