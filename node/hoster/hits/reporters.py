"""The reporters of a partner's client: made from `partner.toml`, agreed to by a person, told of the hits in the spool.

What leaves the company with a reporter is agreed to once, in the words of its `leaves`, and again when those change:
a setting that was changed by one person must not send what another agreed to send less of.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from keys.message import Message
from node.clock import SystemClock, system_entropy
from node.errors import ConfigError, NodeError, UsageError, VerificationError
from node.files import read_private
from node.home import Home
from node.hoster.connection import partner_proxy
from node.hoster.hits.exchange import reporting
from node.hoster.hits.homes import alone
from node.hoster.hits.notifier import Named, Notifier, NotNotified, why_not
from node.hoster.hits.sender import HitSender
from node.hoster.hits.spool import SpooledHit
from node.hoster.reporters.kinds import maker
from node.hoster.settings import ReporterSettings, load_partner_settings
from node.hoster.store.database import PartnerStore, Rows
from node.hoster.store.kinds import FactName, Kind
from node.hoster.turns import Done, in_turn
from node.ports.reporters import Entry, Reporter, Tools
from node.remote.limits import RemoteLimits
from node.remote.sites import Sites
from protocol.statement.case import CaseAnswer

_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingOutcome(Done[SpooledHit]):
    """What became of telling one reporter of hits; done is what was told now, or earlier where it was named."""

    reporter: str
    passed_over: Sequence[tuple[SpooledHit, NotNotified]]


@dataclass(frozen=True, slots=True)
class ReporterStatus:
    """What is left to do with one reporter."""

    name: str
    untold: int
    """Hits that it could be told of and was not."""
    problem: str = ""
    """Why it can be told of none; empty: it can."""


def named_reporters(home: Home, names: Sequence[str]) -> list[Named]:
    """The reporters of these names, once each, ready to tell.

    Raises:
        UsageError: there is no entry of that name.
        ConfigError: an entry, or a secret that it names, cannot be used.
    """
    entries = {each.name: each for each in load_partner_settings(home.folder).reporters}
    missing = [name for name in names if name not in entries]
    if missing:
        there = ", ".join(entries) or "none"
        raise UsageError(
            "partner.toml has no reporter {missing}",
            missing[0],
            hint=Message("there are: {there}; see [[reporters]]", there),
        )
    return [_made(home, entries[name]) for name in dict.fromkeys(names)]


def agreed(home: Home, named: Named) -> bool:
    """Whether a person agreed to what leaves the company with it, in its words of now."""
    with PartnerStore(home.partner).reading() as rows:
        return _agreements(rows).get(named.entry.name) == _fingerprint(named.reporter)


def agree(home: Home, named: Named) -> None:
    """Keep that a person agreed."""
    with PartnerStore(home.partner).writing() as rows:
        kept = {**_agreements(rows), named.entry.name: _fingerprint(named.reporter)}
        rows.put(Kind.FACT, FactName.AGREED, json.dumps(kept).encode())


async def tell(home: Home, ids: Sequence[str], named: Named) -> TellingOutcome:
    """Tell of these hits, or without ids of all that it was not told of; nothing is lost where it fails."""
    with alone(home) as spool:
        hits = [spool.get(text) for text in ids] if ids else _untold(spool.readable().hits, named)
        notifier = Notifier(spool, _CLOCK)
        async with reporting(home, spool) as (ours, _):
            reasons = [(hit, why_not(hit, _answer(ours, hit), named_by_person=bool(ids))) for hit in hits]
            told = await in_turn(
                [hit for hit, reason in reasons if reason is None],
                lambda hit: notifier.notify(hit, named, ours.receipt(hit)),
            )
    return TellingOutcome(
        reporter=named.entry.name,
        done=told.done,
        passed_over=[(hit, reason) for hit, reason in reasons if reason is not None],
        failed=told.failed,
        stopped=told.stopped,
    )


def _answer(ours: HitSender, hit: SpooledHit) -> CaseAnswer | None:
    """The answer to its dispute; one that does not verify any more is none."""
    with suppress(VerificationError):
        return ours.answer(hit)
    return None


def standings(home: Home, hits: Sequence[SpooledHit]) -> list[ReporterStatus]:
    """How each configured reporter stands; nothing is asked, and one that cannot be made says why."""
    found = []
    for settings in load_partner_settings(home.folder).reporters:
        try:
            named = _made(home, settings)
        except NodeError as exc:
            found.append(ReporterStatus(settings.name, 0, str(exc)))
            continue
        open_hits = [hit for hit in _untold(hits, named) if why_not(hit, None, named_by_person=False) is None]
        found.append(ReporterStatus(settings.name, len(open_hits)))
    return found


def _untold(hits: Sequence[SpooledHit], named: Named) -> list[SpooledHit]:
    return [hit for hit in hits if hit.receipt and not named.told(hit).reference]


def _made(home: Home, settings: ReporterSettings) -> Named:
    entry = Entry(
        name=settings.name,
        sends_hash=settings.send_hash,
        sends_name=settings.send_name,
        options=settings.options,
    )
    sites = Sites(
        proxy=partner_proxy(home), ca_file=settings.ca_file, entropy=system_entropy, limits=RemoteLimits()
    )
    tools = Tools(web=sites, clock=_CLOCK, entropy=system_entropy, secret=_line)
    return Named(entry, maker(settings.kind)(entry, tools))


def _line(path: Path) -> str:
    """The one line in a private file; a secret is never shown, whatever is wrong with it."""
    line = read_private(path).decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    if not line or not line.isprintable():
        raise ConfigError("{path} is not one line of text", path)
    return line


def _agreements(rows: Rows) -> dict[str, str]:
    """By name, the fingerprint of what was agreed to; what cannot be read agrees to nothing."""
    try:
        fields = json.loads(rows.body(Kind.FACT, FactName.AGREED) or b"{}")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _fingerprint(reporter: Reporter) -> str:
    return sha256("\n".join((reporter.destination, *reporter.leaves)).encode()).hexdigest()
