"""What a partner's client does with its node: enrols, updates, renews its key, checks files, looks hashes up."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keys.errors import KeysError
from keys.key import AuthPrivateKey
from keys.message import Message
from node.clock import SystemClock, milliseconds, system_entropy
from node.errors import AlreadyExistsError, GoneError, NodeError, UsageError, WrongPinError
from node.files import sync_folder
from node.formats.hash_queries import read_hash_queries_in
from node.hashing.plan import HashPlan, images_installed
from node.hashing.workers import hash_files
from node.home import Home
from node.hoster.connection import EachTime, partner_proxy, partner_tokens, reach_own_node
from node.hoster.cover import Cover
from node.hoster.enrolment import enrol as enrol_with
from node.hoster.enrolment import introduce, refused
from node.hoster.folder import Enrolment, PartnerFolder
from node.hoster.hits.homes import hit_spool
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.key_renewal import is_due
from node.hoster.key_renewal import renew as renew_key
from node.hoster.lookup.examiner import Examiner, Hit
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.own_node import MEANS, Means, examiner_of
from node.hoster.release.update import Updater, UpdateReport
from node.hoster.settings import load_partner_settings
from node.hoster.trust.node import Known, caught_up, is_confirmed, known
from node.hoster.trust.witness_policy import by_register
from node.tls import Traffic
from protocol.digest import Digest
from protocol.enrolment import Invitation
from protocol.subset.files import Held

if TYPE_CHECKING:  # what is answered by the screen connects to nobody
    from node.remote.node import RemoteNode

_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A new enrolment with its first release."""

    node: str
    enrolment: Enrolment
    report: UpdateReport
    bytes_received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """An update and what it moved."""

    report: UpdateReport
    bytes_received: int
    renewed: bool = False
    """Whether the key was replaced, because it had lived for half its time."""
    not_renewed: NodeError | None = None
    """Why it was not, where it should have been; the next update tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Verdicts by name, files that could not be read, and the number of blinded values sent."""

    verdicts: Sequence[tuple[str, Hit | None]]
    unreadable: Sequence[tuple[str, str]]
    evaluated: int
    not_asked: Sequence[str] = ()
    """Files given by hashes that another of the client's subsets takes in, and this one does not."""
    unanswered: Sequence[str] = ()
    """Files that were not looked up, because the node stopped answering in the middle."""
    stopped: NodeError | None = None
    """Why."""
    recorded: Sequence[SpooledHit] = ()
    """Hits that are in the spool now, to be reported."""
    at_once: bool = False
    """Whether more survived the screen than the batch of so many files holds, and the node saw that."""
    misses: "Named" = field(default=(), repr=False)
    """Files that were looked up and are not on the list, with their hashes."""


async def enrol(home: Home, text: str, *, also: bool = False) -> Enrolled:
    """Enrol with a pasted string, fetch the first release and test it; `also` beside what the home follows.

    The enrolment stands once the node has answered: when too few witnesses stand behind the release, an update later
    brings it.

    Raises:
        AlreadyExistsError: a partner is enrolled in this folder, or follows that subset.
        MalformedError: the string is not an invitation.
    """
    from node.remote.bootstrap import fetch_trust  # noqa: PLC0415
    from node.remote.node import RemoteNode  # noqa: PLC0415

    further = PartnerFolder(home.partner).exists
    if further and not also:
        raise AlreadyExistsError(
            "a partner is enrolled in {folder} already",
            home.folder,
            hint="go on with: sigfed update. To follow another subset as well: sigfed enroll --also",
        )
    followed = home.followed
    home = home.entering if further else home
    folder = PartnerFolder(home.partner)
    invitation, proxy = Invitation.from_text(text), partner_proxy(home)
    try:
        found = await fetch_trust(
            invitation.url, invitation.pin, clock=_CLOCK, entropy=system_entropy, proxy=proxy
        )
    except KeysError as exc:
        raise refused(invitation, exc) from exc
    introduction = introduce(invitation, found, _CLOCK)
    node = introduction.known.document.node
    async with RemoteNode(
        node=node,
        base_url=invitation.url,
        pins=introduction.known.pins,
        credentials=None,
        clock=_CLOCK,
        entropy=system_entropy,
        proxy=proxy,
    ) as remote:
        # Written first: when the reply is lost, the same key can ask again with the same string.
        key = folder.pending_key(AuthPrivateKey.from_seed(system_entropy(32)))
        try:
            enrolment = await enrol_with(introduction, remote, key)
        except GoneError:
            folder.forget_pending()
            raise
    folder.create(replace(enrolment, key_ms=milliseconds(_CLOCK.now())), key)
    if further:
        home = _entered(home, followed, enrolment)
    done = await update(home)
    return Enrolled(node=node, enrolment=enrolment, report=done.report, bytes_received=done.bytes_received)


def _entered(home: Home, followed: Sequence[Home], enrolment: Enrolment) -> Home:
    """The home of a further subset, once its name is known."""
    if any(PartnerFolder(each.partner).load()[0].origin == enrolment.origin for each in followed):
        shutil.rmtree(home.partner)
        raise AlreadyExistsError(
            "this home follows {origin} already, and the string is used up",
            enrolment.origin,
            hint=Message(
                "go on with: sigfed update. Tell the agency that it may suspend {partner}", enrolment.partner
            ),
        )
    place = home.following(enrolment.origin)
    home.partner.rename(place.partner)
    sync_folder(place.partner.parent)
    return place


async def update(home: Home, *, whole: bool = False) -> Updated:
    """Bring the newest release that enough witnesses stand behind in force; it is tried before."""
    folder = PartnerFolder(home.partner)
    traffic = Traffic()
    folder.load()  # where nobody is enrolled, not even a lock is left behind

    async def trial(enrolment: Enrolment, _: Known, new: Held) -> Sequence[bytes]:
        async with _reach(home, enrolment, Traffic()) as remote:
            return await examiner_of(home, enrolment, new, remote, _CLOCK).self_test()

    with folder.alone():
        home.sweep()
        renewed = await _renew_if_due(home, traffic)

        async def bring() -> UpdateReport:
            async with _reach(home, folder.load()[0], traffic) as remote:
                updater = Updater(folder, remote, _CLOCK, rule=by_register, trial=trial)
                return await (updater.update_whole() if whole else updater.update())

        try:
            report = await bring()
        except WrongPinError as exc:
            await _catch_up(home, exc)
            report = await bring()
    return Updated(report=report, bytes_received=traffic.received, renewed=renewed[0], not_renewed=renewed[1])


async def _catch_up(home: Home, refused: WrongPinError) -> None:
    """Keep what the node signed while this partner was away, its next TLS key with it; raises `refused` for another."""
    from node.remote.bootstrap import catch_up  # noqa: PLC0415

    folder = PartnerFolder(home.partner)
    enrolment, cursor = folder.load()
    caught = await catch_up(
        known(enrolment).address(enrolment.url),
        enrolment.trust,
        clock=_CLOCK,
        entropy=system_entropy,
        proxy=partner_proxy(home),
    )
    try:
        newer = caught_up(enrolment, caught.followed.reached(), caught.spki_sha256)
    except KeysError:
        newer = None
    if newer is None:
        raise refused
    folder.save(newer, cursor)


async def confirmed(home: Home) -> Enrolment:
    """The enrolment with keys that count now: after an update, where the node confirmed them more than a week ago."""
    folder = PartnerFolder(home.partner)
    if not is_confirmed(folder.load()[0], _CLOCK.now()):
        try:
            await update(home)
        except NodeError:
            enrolment, held = HeldReleases(folder).in_force()
            if held is None or not (is_confirmed(enrolment, _CLOCK.now()) or _has_ended(held)):
                raise
    return folder.load()[0]


def _has_ended(held: Held) -> bool:
    """Whether nothing is looked up in a release any more: whoever tries is told that."""
    return held.release.manifest.not_after_ms <= milliseconds(_CLOCK.now())


async def renew(home: Home) -> None:
    """Replace the key by a new one; raises as `node.hoster.key_renewal.renew`."""
    folder = PartnerFolder(home.partner)
    folder.load()
    with folder.alone():
        await _renew(home, Traffic())


async def _renew_if_due(home: Home, traffic: Traffic) -> tuple[bool, NodeError | None]:
    """Whether the key was replaced, and why not: whatever is wrong with it must not keep withdrawals away."""
    folder = PartnerFolder(home.partner)
    if not is_due(folder, folder.load()[0], _CLOCK.now()):
        return False, None
    try:
        await _renew(home, traffic)
    except NodeError as exc:
        return False, exc
    return True, None


async def _renew(home: Home, traffic: Traffic) -> None:
    folder = PartnerFolder(home.partner)
    enrolment, _ = folder.load()

    def connect(key: AuthPrivateKey) -> "RemoteNode":
        return reach_own_node(home, enrolment, key=key, traffic=traffic)

    await renew_key(folder, connect, _CLOCK, entropy=system_entropy)
    partner_tokens(home).drop()


Telling = Callable[[str, Hit | None], None]
"""Hears of each verdict as it is known, with the file's name."""


async def check(
    home: Home,
    *,
    files: Sequence[Path],
    hash_from: str,
    others: Sequence[Home] = (),
    tell: Telling = lambda _name, _hit: None,
) -> Checked:
    """Look up files, or the rows of a table of hashes; what is on the list is in the spool before anybody is told.

    `others` are homes of subsets that the same rows are looked up in: what one of them takes in need not ask this one.
    """
    folder, spool = PartnerFolder(home.partner), hit_spool(home)
    recorded: list[SpooledHit] = []
    await confirmed(home)
    examiner = covered_examiner(home, *HeldReleases(folder).in_force())
    if not hash_from:
        examiner.require_tried(images=images_installed())
    named, unreadable = (read_hash_queries_in(hash_from), []) if hash_from else _hash(files)
    not_asked: Named = ()
    unasked: Named = ()
    if hash_from:
        named, unasked = _asked(named, lambda digests: not examiner.unasked(digests))
        not_asked, unasked = _asked_elsewhere(others, unasked)
    hashes = [digests for _, digests in named]
    least = 0 if load_partner_settings(home.folder).cover is Cover.OFF else examiner.cover(hashes)
    known_hits: dict[int, Hit | None] = {}
    stopped = None
    try:
        async for place, hit in examiner.verdicts(hashes, least=least):
            if hit is not None:
                recorded += _record(spool, named[place][0], hit)
            known_hits[place] = hit
            tell(named[place][0], hit)
    except NodeError as exc:
        # A hit that was paid for and proven must reach a person, whatever became of the rest.
        if not known_hits:
            raise
        stopped = exc
    if unasked:
        named, stopped = [*named, *unasked], stopped or UsageError(examiner.unasked(unasked[0][1]))
    return Checked(
        verdicts=[(name, known_hits[place]) for place, (name, _) in enumerate(named) if place in known_hits],
        unreadable=unreadable,
        evaluated=examiner.evaluated,
        at_once=bool(least) and examiner.evaluated > least,
        not_asked=[name for name, _ in not_asked],
        unanswered=[name for place, (name, _) in enumerate(named) if place not in known_hits],
        stopped=stopped,
        recorded=recorded,
        misses=[named[place] for place, hit in sorted(known_hits.items()) if hit is None],
    )


async def look_up(home: Home, named: Sequence[Sequence[Digest]]) -> Sequence[Hit | None]:
    """What the release in force says about files by their hashes; nothing is recorded.

    Raises `UsageError` for a file given by hashes of kinds that the subset does not take in: a miss would say nothing.
    """
    await confirmed(home)
    examiner = covered_examiner(home, *HeldReleases(PartnerFolder(home.partner)).in_force())
    unasked = next(filter(None, map(examiner.unasked, named)), "")
    if unasked:
        raise UsageError(unasked)
    return await examiner.examine(named)


def covered_examiner(
    home: Home, enrolment: Enrolment, held: Held | None, *, means: Means = MEANS
) -> Examiner:
    """What looks up in a release, over connections that end with each batch; raises where there is none."""
    return examiner_of(home, enrolment, held, EachTime(lambda: means.reach(home, enrolment)), means.clock)


def _record(spool: HitSpool, name: str, hit: Hit) -> list[SpooledHit]:
    kept = spool.record(hit, name=name, now_ms=milliseconds(_CLOCK.now()))
    return [] if kept is None else [kept]


def _reach(home: Home, enrolment: Enrolment, traffic: Traffic) -> "RemoteNode":
    """A connection over which our key is proven anew, so that an update hears of its end at once."""
    return reach_own_node(home, enrolment, traffic=traffic, spool=home.partner)


Named = Sequence[tuple[str, Sequence[Digest]]]
FOLDER: Final = "it is a folder, and the files in it are looked up by: sigfed scan"
"""Why a folder is not looked up as a file, in words."""


def _hash(files: Sequence[Path]) -> tuple[Named, list[tuple[str, str]]]:
    folders = [(str(path), FOLDER) for path in files if path.is_dir()]
    files = [path for path in files if not path.is_dir()]
    outcomes = hash_files(files, HashPlan(images=images_installed(), archives=False))
    named = [
        (str(outcome.path), [digest for part in outcome.hashed.parts for digest in part.digests])
        for outcome in outcomes
        if outcome.hashed is not None
    ]
    unread = [(str(outcome.path), outcome.unreadable) for outcome in outcomes if outcome.hashed is None]
    return named, [*folders, *unread]


def _asked(named: Named, is_asked: Callable[[Sequence[Digest]], bool]) -> tuple[Named, Named]:
    """Rows that ask something, and those whose hashes are of kinds that are not taken in."""
    answers = [is_asked(digests) for _, digests in named]
    asked, unasked = (
        [row for row, answer in zip(named, answers, strict=True) if answer is wanted]
        for wanted in (True, False)
    )
    return asked, unasked


def _asked_elsewhere(others: Sequence[Home], named: Named) -> tuple[Named, Named]:
    """Rows that ask another subset something, and those that ask none anything."""
    examiners: list[Examiner] = []
    for other in others if named else ():
        try:
            examiners.append(covered_examiner(other, *HeldReleases(PartnerFolder(other.partner)).in_force()))
        except NodeError:
            return named, []  # nobody can say, which its own look-up tells
    return _asked(named, lambda digests: any(not each.unasked(digests) for each in examiners))
