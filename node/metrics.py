"""What a monitoring system reads of a running node: Prometheus text. The only file that knows prometheus_client.

Counted here: requests, refusals and jobs, as they happen. Everything else is read when somebody asks, by a function
that whoever serves hands in. Labels are names of endpoints, jobs, roles, peers and lists, never of a person, partner or
key; no value or label is a digest, because nothing that could hold one gets here. docs/reference/metrics.md lists all.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Summary, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

disable_created_metrics()  # type: ignore[no-untyped-call]  # lines that nobody asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A fact with its values: one for each combination of labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    values: Mapping[tuple[str, ...], float]


class Count(Gauge):
    """The same of what only grows while a process lives; its name gets `_total` behind it."""


Facts = Callable[[], Iterable[Gauge]]


def of_subsets(facts: Mapping[str, Sequence[Gauge]]) -> Iterator[Gauge]:
    """Facts of each subset, by its name: of one alone as they are, of several with a label that says of which."""
    if len(facts) == 1:
        yield from next(iter(facts.values()))
        return
    values: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    named: dict[str, Gauge] = {}
    for subset, gauges in facts.items():
        for gauge in gauges:
            named[gauge.name] = gauge
            values[gauge.name] |= {(subset, *labels): value for labels, value in gauge.values.items()}
    for name, gauge in named.items():
        yield replace(gauge, labels=("subset", *gauge.labels), values=values[name])


def text_of(facts: Facts) -> bytes:
    """Facts alone, in Prometheus's text format: of a process that is no node."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Read(facts))
    return generate_latest(registry)


class Metrics:
    """The metrics of one node, in a registry of their own: what the process itself does is its manager's to measure."""

    def __init__(self, facts: Facts) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "sigfed_http_requests",
            "Requests by endpoint and status.",
            ["endpoint", "status"],
            registry=self._registry,
        )
        self._refusals = Counter(
            "sigfed_http_refusals", "Refused requests by problem.", ["problem"], registry=self._registry
        )
        self._jobs = Counter("sigfed_job_runs", "Runs of jobs.", ["job", "outcome"], registry=self._registry)
        self._seconds = Summary("sigfed_job_seconds", "How long jobs took.", ["job"], registry=self._registry)
        self._registry.register(_Read(facts))

    def requested(self, endpoint: str, status: int, problem: str) -> None:
        """Count a request; `problem` is empty for one that was answered."""
        self._requests.labels(endpoint, str(status)).inc()
        if problem:
            self._refusals.labels(problem).inc()

    def worked(self, job: str, outcome: str, seconds: float) -> None:
        """Count a run of a job."""
        self._jobs.labels(job, outcome).inc()
        self._seconds.labels(job).observe(max(seconds, 0.0))

    def text(self) -> bytes:
        """Everything, in Prometheus's text format; reads the store."""
        return generate_latest(self._registry)


class _Read(Collector):
    """What is read when somebody asks."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    @override
    def collect(self) -> Iterator[Metric]:
        for fact in self._facts():
            kind = CounterMetricFamily if isinstance(fact, Count) else GaugeMetricFamily
            family = kind(fact.name, fact.help, labels=fact.labels)
            for labels, value in fact.values.items():
                family.add_metric(labels, value)
            yield family
