"""How a partner's client stands: which list, how old, who stands behind it, what is wrong. Nobody is asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from keys.errors import SigfedError
from node.clock import DAY_MS, Clock, SystemClock, milliseconds, moment_of
from node.group.check import group_checks
from node.health import Check, Health
from node.home import Home
from node.hoster.cover import Cover
from node.hoster.folder import Enrolment, PartnerFolder
from node.hoster.hits.homes import unconfirmed_files
from node.hoster.lookup.allowance import Meter
from node.hoster.lookup.summary import summary_of
from node.hoster.settings import load_partner_settings
from node.hoster.store.migrate import aside
from node.hoster.trust.members import held_documents
from node.hoster.trust.node import known
from node.hoster.trust.witness_policy import Backing, backing_of, by_register
from protocol.subset.filter import SubsetFilter
from protocol.subset.manifest import MAX_TIME_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerStatus:
    """What is in force."""

    enrolment: Enrolment
    version: int
    """0: no release yet."""
    entries: int
    not_after_ms: int
    made_by: SubsetFilter | None
    """Of the release; None where the node serves no filter, and without a release."""
    backing: Backing | None
    """Of the head of the release in force; None without one."""
    ahead: int
    """A later release that waits for witnesses; 0: none."""
    gone: int
    """Answers that it took away."""
    evidence: tuple[Path, ...]
    unconfirmed: int
    """Files that a daemon let pass, or not, without a verdict, and that wait for one."""
    aside: tuple[Path, ...]
    """What a program of before still wrote about something that is a row: kept, and not taken in."""
    cover: Cover
    evaluations_left: int | None
    """About so many could be made at once now; None: this home has not counted any yet."""

    @property
    def usable_until_ms(self) -> int:
        """When verdicts of it may not be used any more: the end of its grace; 0: no release."""
        if not self.version:
            return 0
        # The node chose both, and their sum may lie beyond the calendar.
        return min(self.not_after_ms + self.enrolment.grace_days * DAY_MS, MAX_TIME_MS)

    @property
    def cosigned_ms(self) -> int:
        """When the last of the witnesses cosigned; 0 for never."""
        newest = self.backing.newest if self.backing else None
        return milliseconds(newest) if newest else 0

    @property
    def words(self) -> Iterator[str]:
        """Who stands behind the release, what waits, and what is kept, a line each."""
        if self.backing is not None:
            yield self.backing.words
        if self.ahead:
            yield f"release {self.ahead} waits for witnesses; {self.gone:,} answers that it takes away are gone already"
        if self.unconfirmed:
            yield (
                f"{self.unconfirmed:,} files wait for a verdict since the node could not be asked;"
                " sigfed agent looks them up"
            )
        for folder in self.evidence:
            yield f"evidence is kept in {folder}"
        for path in self.aside:
            yield f"{path} was written by an earlier version of sigfed, and is not taken in: sigfed doctor"


def read_partner_status(home: Home, *, clock: Clock | None = None) -> PartnerStatus:
    """How the client in `home` stands now.

    Raises:
        NotInitialisedError: nobody is enrolled there.
        StoreError: what it holds is damaged.
    """
    now = (clock or SystemClock()).now()
    folder = PartnerFolder(home.partner)
    enrolment, held = folder.in_force(partial(summary_of, folder))
    cursor = held.cursor if held else folder.load()[1]
    found = known(enrolment)
    policy = by_register(found, enrolment.origin, held_documents(folder, found, now), now)
    return PartnerStatus(
        enrolment=enrolment,
        version=cursor.version,
        entries=held.entries if held else 0,
        not_after_ms=held.manifest.not_after_ms if held else 0,
        made_by=held.made_by if held else None,
        backing=backing_of(cursor.note, found, enrolment.origin, policy, now) if cursor.note else None,
        ahead=cursor.ahead.version if cursor.ahead else 0,
        gone=held.gone if held else 0,
        evidence=folder.evidence,
        unconfirmed=len(unconfirmed_files(home)),
        aside=tuple(aside(home.partner)),
        cover=load_partner_settings(home.folder).cover,
        evaluations_left=Meter.of(folder, enrolment, clock or SystemClock()).left(),
    )


def examine_partner(home: Home, *, clock: Clock | None = None) -> Iterator[Check]:
    """All checks of a partner's client, in the order in which they should be mended."""
    try:
        now = read_partner_status(home, clock=clock)
        yield Check("enrolment", Health.OK, f"{now.enrolment.partner}, subset {now.enrolment.subset}")
        yield from _list(now, (clock or SystemClock()).now())
        yield from _witnesses(now)
        yield from group_checks(load_partner_settings(home.folder).group)
        yield from _aside(now)
        yield Check("files", Health.OK, "what is in them is compared by: sigfed doctor --deep")
    except SigfedError as exc:
        yield Check("state", Health.FAIL, exc.message, exc.hint)


def _list(now: PartnerStatus, moment: datetime) -> Iterator[Check]:
    if not now.version:
        yield Check("list", Health.FAIL, "no release is held, so nothing can be looked up", "sigfed update")
        return
    end = moment_of(now.not_after_ms)
    if milliseconds(moment) >= now.usable_until_ms:
        yield Check("list", Health.FAIL, f"release {now.version} ended on {end:%Y-%m-%d}", "sigfed update")
    elif moment >= end:
        words = f"release {now.version} ended on {end:%Y-%m-%d} and is in its grace"
        yield Check("list", Health.WARN, words, "sigfed update; tell the agency if that brings no newer one")
    else:
        words = f"release {now.version}, {now.entries:,} entries, valid until {end:%Y-%m-%d}"
        yield Check("list", Health.OK, words)


def _witnesses(now: PartnerStatus) -> Iterator[Check]:
    back = now.backing
    if back is not None:
        step = "sigfed update; tell the agency if it stays so" if back.missing else ""
        yield Check("witnesses", Health.WARN if back.missing else Health.OK, back.words, step)
    if now.ahead:
        words = f"release {now.ahead} waits for witnesses; what it takes away is gone already"
        yield Check("waiting", Health.WARN, words, "sigfed update; tell the agency if it lasts for a day")
    for folder in now.evidence:
        yield Check(
            "evidence",
            Health.WARN,
            f"two signed texts that contradict each other are kept in {folder}",
            "give the folder to another member of the federation than the one that it is about",
        )


def _aside(now: PartnerStatus) -> Iterator[Check]:
    for path in now.aside:
        yield Check(
            "earlier version",
            Health.WARN,
            f"{path} was written by an earlier version of sigfed about what is in state.db by now",
            "stop what still runs of that version; if somebody recorded something there, record it again"
            " (sigfed hit show, sigfed hit resolve); then remove the file",
        )
