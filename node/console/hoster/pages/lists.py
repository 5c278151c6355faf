"""The list and its health: what `sigfed doctor` finds, whom this home believes, and what leaves when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keys.errors import SigfedError
from keys.message import marked
from keys.trust.fingerprint import to_words
from node.access.sessions import Visitor
from node.console.hoster.world import EVERYBODY, HANDLING, PartnerWorld
from node.console.languages import plural
from node.console.languages import translated as _
from node.console.parts import Action, Led, Page, Section, Values
from node.errors import VerificationError
from node.health import Check, Health, worst_first
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.release.self_test import tested_here
from node.hoster.settings import load_partner_settings
from node.hoster.settle import bring_update
from node.hoster.status import examine_partner
from node.hoster.trust.node import known

LISTS: Final = "/console/lists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom this home believes."""

    agency: str
    address: str
    words: str
    """The fingerprint of the root that was compared when it enrolled."""
    root_version: int
    """Of the newest root that follows from it."""
    key_ms: int
    """Since when this partner's key counts; 0: not known."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Something that leaves the company."""

    what: str
    when: str
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """What the page shows."""

    checks: Sequence[Check]
    """The worst first."""
    trusts: Sequence[tuple[str, Trust]]
    """By subset, whose name is empty where there is one; without those that cannot be read: the checks say why."""
    self_tests: Sequence[tuple[str, str]]
    """By subset `passed`, `failed`, or `none` where nothing is kept to test with."""
    leaving: Sequence[Leaving]

    @property
    def failed(self) -> int:
        """How many must be mended."""
        return sum(check.health is Health.FAIL for check in self.checks) + sum(
            result == "failed" for _, result in self.self_tests
        )

    @property
    def warned(self) -> int:
        """How many will have to be."""
        return sum(check.health is Health.WARN for check in self.checks)


def gather(world: PartnerWorld, _: Visitor, __: Values) -> Lists:
    """Everything as it is now; nobody is asked."""
    named = list(zip(world.names, world.homes, strict=True))
    checks = [
        replace(check, name=f"{name}: {check.name}") if name else check
        for name, home in named
        for check in examine_partner(home, clock=world.clock)
    ]
    return Lists(
        checks=worst_first(checks),
        trusts=[(name, trust) for name, home in named if (trust := _trust(home))],
        self_tests=[(name, _self_test(home)) for name, home in named],
        leaving=_leaving(world),
    )


def update(world: PartnerWorld, _visitor: Visitor, _form: Values) -> Led:
    """Bring the newest release of each subset in force, as `sigfed update`."""
    said = world.in_each(lambda name, home: " ".join(filter(None, (name and f"{name}:", *_updated(home)))))
    return Led(LISTS, said)


def _updated(home: Home) -> Iterator[str]:
    wrong: list[str] = []
    report, settled = bring_update(home, say=wrong.append)
    yield (
        _("Release {version} is the newest, and was held already.")
        if report.old == report.new
        else _("Release {version} is in force, verified.")
    ).format(version=report.new)
    yield plural(
        "{count} hit is closed: no release lists it any more.",
        "{count} hits are closed: no release lists them any more.",
        settled.closed,
    )
    yield plural(
        "{count} hit was withdrawn after you acted on it: see its page.",
        "{count} hits were withdrawn after you acted on them: see their pages.",
        settled.to_undo,
    )
    yield plural(
        "The agency answered {count} dispute: see its page.",
        "The agency answered {count} disputes: see their pages.",
        settled.answered,
    )
    yield from (_(settled.problem), *wrong)


def _trust(home: Home) -> Trust | None:
    try:
        enrolment, _ = PartnerFolder(home.partner).load()
        found = known(enrolment)
    except SigfedError:
        return None
    return Trust(
        agency=found.document.node,
        address=found.address(enrolment.url),
        words=to_words(enrolment.trust.pin),
        root_version=found.root.version,
        key_ms=enrolment.key_ms,
    )


def _self_test(home: Home) -> str:
    folder = PartnerFolder(home.partner)
    try:
        _, held = HeldReleases(folder).in_force()
        return "passed" if held is not None and tested_here(folder.folder, held) else "none"
    except VerificationError:
        return "failed"
    except SigfedError:
        return "none"  # that the list cannot be read is a check of its own


def _leaving(world: PartnerWorld) -> Sequence[Leaving]:
    settings = load_partner_settings(world.home.folder)
    told = settings.hits.tell_resolutions
    disclosed = settings.disclosed_lookup.enabled
    return (
        _LOOKING,
        *([_DAEMON] if settings.agent.update_minutes else []),
        _ASKING,
        _REPORTING,
        *([_RESOLVING] if told else []),
        _DISPUTING,
        _PROPOSING,
        *([_DISCLOSING] if disclosed else []),
        *(Leaving(_TOLD, f"sigfed hit report --to {each.name}", each.name) for each in settings.reporters),
    )


_AGENCY: Final = marked("the agency")
_NODE: Final = marked("the agency's node")
_LOOKING: Final = Leaving(
    marked("your IP address, the moment, the release you hold"),
    marked("an update: sigfed update, or here"),
    _NODE,
)
_DAEMON: Final = Leaving(
    marked("your IP address, the moment, the release you hold"),
    marked("while a daemon runs, by itself, as often as update_minutes says"),
    _NODE,
)
_ASKING: Final = Leaving(
    marked("values that look random, 64 or more at a time, and how many"),
    marked("a check, a scan or a daemon, when a file passes the local screen"),
    _NODE,
)
_REPORTING: Final = Leaving(
    marked("of one hit: its hash, the release, your name, the moment"),
    marked("somebody reports it: sigfed hit report, or here"),
    _AGENCY,
)
_RESOLVING: Final = Leaving(
    marked("of a reported hit: the id of the report, what you did with the file, when"),
    marked("somebody resolves it; with the next update when the node was down"),
    _AGENCY,
)
_DISPUTING: Final = Leaving(
    marked("the id of a report, your reason and contact"), marked("somebody disputes it"), _AGENCY
)
_PROPOSING: Final = Leaving(
    marked("of files that you propose: all hashes in the clear, your name, reason and contact, the moment"),
    marked("sigfed propose, once you agreed"),
    _AGENCY,
)
_DISCLOSING: Final = Leaving(
    marked("PDQ values of pictures in the clear, your name, the moment"),
    marked("sigfed disclose, once you agreed"),
    _NODE,
)
_TOLD: Final = marked("of one hit: what this reporter is told")


PAGES: Final = (
    Page(
        name="lists",
        path=LISTS,
        title="List and health",
        gather=gather,
        section=Section.RECORD,
        roles=EVERYBODY,
    ),
)

ACTIONS: Final = (
    Action(name="update", path="/console/lists/update", page="lists", act=update, roles=HANDLING),
)
