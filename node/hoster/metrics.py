"""What monitoring reads of a partner's client: a file in Prometheus's text format, as node_exporter collects them.

Numbers and times alone: no hash, no name of a file or folder. Facts that cannot be read are left out, and the number of
such groups is a fact itself. The file is replaced whole, and readable by the exporter's user.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from keys.errors import SigfedError
from node.clock import Clock, SystemClock, milliseconds, system_entropy
from node.errors import ConfigError, StoreLockedError
from node.home import Home
from node.hoster.hits.homes import hits
from node.hoster.scan.results import ScanSummary, Status
from node.hoster.scan.scans import default_state
from node.hoster.scan.state import open_state, state_key
from node.hoster.status import read_partner_status
from node.hoster.subsets import names_of
from node.metrics import Gauge, of_subsets, text_of

_PREFIX: Final = "sigfed_partner_"


def write_metrics(home: Home, path: Path, *, clock: Clock | None = None) -> None:
    """Write all facts of the client in `home`, of every subset that it follows, into `path`.

    Raises:
        ConfigError: it cannot be written.
    """
    text = text_of(lambda: _every_subset(home, clock or SystemClock()))
    # Its name ends otherwise until it is whole: the collector reads `*.prom`.
    temporary = path.with_name(f".{path.name}.{system_entropy(8).hex()}")
    try:
        temporary.write_bytes(text)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as exc:
        raise ConfigError(
            "{path} cannot be written: {reason}", path, exc.strerror, hint="see [metrics] in partner.toml"
        ) from exc
    finally:
        temporary.unlink(missing_ok=True)


def _every_subset(home: Home, clock: Clock) -> Iterator[Gauge]:
    homes = home.followed
    if len(homes) == 1:
        return facts(homes[0], clock)
    return of_subsets(
        {name: list(facts(each, clock)) for each, name in zip(homes, names_of(homes), strict=True)}
    )


def facts(home: Home, clock: Clock) -> Iterator[Gauge]:
    """Everything that can be read now."""
    failed = 0
    groups: tuple[Callable[[Home, Clock], Iterator[Gauge]], ...] = (_list, _hits, _scan)
    for read in groups:
        try:
            yield from list(read(home, clock))
        except (SigfedError, OSError):
            failed += 1
    yield _one("unreadable_facts", "Groups of facts that could not be read.", failed)


def _list(home: Home, clock: Clock) -> Iterator[Gauge]:
    now = read_partner_status(home, clock=clock)
    yield _one("release_version", "Version of the release in force; 0 for none.", now.version)
    yield _one("entries", "Hashes in the release in force.", now.entries)
    times = {
        "confirmed": ("When the node last confirmed what is held.", now.enrolment.confirmed_ms),
        "release_end": ("When the release ends.", now.not_after_ms),
        "usable_until": ("When look-ups stop: the end of its grace.", now.usable_until_ms),
        "cosigned": ("When the last of its witnesses cosigned; 0 for never.", now.cosigned_ms),
    }
    for name, (words, time_ms) in times.items():
        yield _one(f"{name}_timestamp_seconds", words, time_ms / 1000)
    yield _one("witnesses_missing", "Witnesses that are missing.", now.backing.missing if now.backing else 0)
    yield _one("release_waiting", "A later release that waits for witnesses; 0 for none.", now.ahead)
    yield _one("evidence", "Contradictions of the node that are kept.", len(now.evidence))
    yield _one(
        "evaluations_per_day", "Evaluations that were agreed for a day.", now.enrolment.evaluations_per_day
    )
    if now.evaluations_left is not None:
        yield _one(
            "evaluations_left", "Evaluations that are left, as this home counts.", now.evaluations_left
        )


def _hits(home: Home, clock: Clock) -> Iterator[Gauge]:
    found, now_ms = hits(home), milliseconds(clock.now())
    counted = {
        "unreported": sum(hit.waiting for hit in found),
        "unresolved": sum(hit.unresolved for hit in found),
        "overdue": sum(hit.overdue(now_ms) for hit in found),
        "to_undo": sum(hit.to_undo for hit in found),
    }
    yield Gauge(
        name=f"{_PREFIX}hits",
        help="Hits that somebody has to do something about.",
        labels=("state",),
        values={(state,): count for state, count in counted.items()},
    )


def _scan(home: Home, _: Clock) -> Iterator[Gauge]:
    path = default_state(home)
    if not path.exists():
        return
    try:
        with open_state(path, state_key(home.partner)) as state:
            run = state.runs.last()
            summary = None if run is None else state.runs.summary(run)
    except StoreLockedError:
        return  # one runs: it is told when it has ended
    if summary is not None:
        yield from _scanned(summary)


def _scanned(summary: ScanSummary) -> Iterator[Gauge]:
    yield _one("scan_start_timestamp_seconds", "When the last scan began.", summary.started_ms / 1000)
    yield _one("scan_end_timestamp_seconds", "When it ended; 0: interrupted.", summary.ended_ms / 1000)
    yield _one("scan_bytes", "Bytes of its files.", summary.bytes)
    yield _one("scan_release_version", "The release that it judged with.", summary.release)
    yield Gauge(
        name=f"{_PREFIX}scan_files",
        help="Its files by status.",
        labels=("status",),
        values={(status.value,): summary.counts.get(status, 0) for status in Status},
    )


def _one(name: str, words: str, value: float) -> Gauge:
    return Gauge(name=_PREFIX + name, help=words, values={(): value})
