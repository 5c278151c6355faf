"""A kept judgement is the one that a fold of everything from nothing gives, whatever happened in between."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from node.app.judgement import Judge, Judgement
from node.errors import AlreadyExistsError, ConflictError, NotFoundError, UsageError
from node.judgement.effective import judge_some
from node.judgement.queue import Wanted, waiting_files
from node.lists.corrections.amend import Amendment, amend
from node.lists.corrections.dispute import dispute, resolve
from node.lists.corrections.erase import carry_out
from node.lists.corrections.shred import prepare, shred
from node.lists.corrections.withdraw import withdraw
from node.store.lists.records import Quarantined
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis, Reason
from support.lists import member, register
from support.stores import Agency, file_digests, make_store, rows, sqlite_dsn
from support.times import SettableClock
from support.whole import current, require_equal

MEMBERS = register(*(member(f"{code}.example", code.upper()) for code in ("de", "fr", "nl")), cap=2)
NAMES = ("a", "b", "c", "d")
_REFUSED = (AlreadyExistsError, ConflictError, NotFoundError, UsageError)


class _World:
    """An agency that follows another; each step may be one that either refuses."""

    def __init__(self, folder: Path) -> None:
        self.fr = self._agency(folder / "fr", "fr.example")
        self.nl = self._agency(folder / "nl", "nl.example")
        self.clock = SettableClock(datetime.fromtimestamp(self.fr.now_ms / 1000, UTC))
        self.members = MEMBERS
        self.judge = Judge(
            self.fr.store,
            node=self.fr.node,
            members=lambda: self.members,
            clock=self.clock,
            max_age=timedelta(days=1),
        )

    def _agency(self, folder: Path, node: str) -> Agency:
        folder.mkdir()
        return Agency(make_store(sqlite_dsn(folder), folder), folder, node=node)

    def close(self) -> None:
        self.fr.store.dispose()
        self.nl.store.dispose()

    def step(self, kind: str, whose: bool, name: str) -> None:
        agency = self.fr if whose else self.nl
        steps: dict[str, Callable[[Agency, str], object]] = {
            "add": lambda one, what: one.add(rows(what)),
            "withdraw": lambda one, what: withdraw(
                one.store, one.origin, file_digests(what)[0], reason=Reason.OTHER
            ),
            "queue": lambda one, what: withdraw(
                one.store, one.origin, file_digests(what)[0], reason=Reason.OTHER
            ),
            "error": lambda one, what: withdraw(
                one.store, one.origin, file_digests(what)[0], reason=Reason.ERROR
            ),
            "dispute": lambda one, what: dispute(
                one.store, one.origin, [file_digests(what)[0]], collection=BASELINE
            ),
            "resolve": lambda one, what: resolve(one.store, one.origin, [file_digests(what)[0]]),
            "amend": lambda one, what: amend(
                one.store, one.origin, file_digests(what)[0], Amendment(basis=Basis.REVIEWED).revise
            ),
            "shred": _shred,
            "aside": self._set_aside,
            "release": self._release,
            "later": self._later,
            "register": self._register,
        }
        try:
            steps[kind](agency, name)
        except _REFUSED:
            return
        if kind == "queue":
            return  # published with the next step of the agency
        agency.publish()
        carry_out(agency.store, agency.origin, now_ms=agency.now_ms)
        if self.nl.log.head.size > _held(self.fr, self.nl):
            self.fr.now_ms = self.clock_ms
            self.fr.pull(self.nl)
            carry_out(self.fr.store, self.nl.origin, now_ms=self.fr.now_ms)

    @property
    def clock_ms(self) -> int:
        return int(self.clock.moment.timestamp() * 1000)

    def _set_aside(self, agency: Agency, name: str) -> None:
        """Two entries of the followed list, or all that it took away so far."""
        place = NAMES.index(name)
        with self.fr.store.write() as unit:
            log = unit.logs.get(self.nl.origin)
            runs = (
                [("add", place, place + 1)]
                if agency is self.nl
                else [(kind, 0, log.head.size) for kind in ("withdraw", "dispute")]
            )
            unit.quarantine.add(
                [
                    Quarantined(
                        log_id=log.id, kind=kind, first=first, last=last, reason="listed", created_ms=0
                    )
                    for kind, first, last in runs
                ]
            )

    def _release(self, _: Agency, name: str) -> None:
        with self.fr.store.write() as unit:
            waiting = unit.quarantine.ls()
            for one in waiting[: NAMES.index(name)]:
                unit.quarantine.release(one.id, now_ms=0)

    def _later(self, _: Agency, name: str) -> None:
        self.clock.advance(timedelta(hours=NAMES.index(name) * 12))

    def _register(self, _: Agency, name: str) -> None:
        self.members = replace(MEMBERS, k=1 + NAMES.index(name) % 3)

    def check(self, found: Judgement) -> None:
        whole = current(
            self.fr.store, self.members, now=self.clock.now(), max_age=timedelta(days=1), previous=frozenset()
        )
        assert found.current.listings == whole.listings
        assert [log.head for log in found.current.heads] == [log.head for log in whole.heads]
        assert found.current.decision.effective == whole.decision.effective
        assert found.current.decision.blocks == whole.decision.blocks
        assert found.waiting == waiting_files(whole, self.members, self.fr.node, Wanted())
        for name in NAMES:
            digests = frozenset(file_digests(name))
            some = judge_some(
                self.fr.store, self.members, digests, now=self.clock.now(), max_age=timedelta(days=1)
            )
            require_equal(some, whole, digests)


def _held(agency: Agency, other: Agency) -> int:
    try:
        return agency.log_of(other.origin).head.size
    except NotFoundError:
        return 0


def _shred(agency: Agency, name: str) -> None:
    plan = prepare(agency.store, agency.origin, file_digests(name)[0])
    shred(agency.store, agency.origin, plan.position, reason=Reason.ERROR)


_KINDS = (
    "add",
    "withdraw",
    "queue",
    "error",
    "dispute",
    "resolve",
    "amend",
    "shred",
    "aside",
    "release",
    "later",
    "register",
)
_STEPS = st.lists(
    st.tuples(st.sampled_from(("add", *_KINDS)), st.booleans(), st.sampled_from(NAMES)),
    min_size=3,
    max_size=12,
)


_SHREDDED_AND_QUEUED = [
    ("register", True, "a"),
    ("add", True, "a"),
    ("add", True, "d"),
    ("add", False, "a"),
    ("queue", True, "a"),
    ("shred", False, "a"),
    ("dispute", False, "d"),
]
"""An entry counts until its withdrawal is published, and a peer's shredding of it takes from the peer's cap."""


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(_STEPS)
@example(_SHREDDED_AND_QUEUED)
def test_it_equals_a_fold_from_nothing(steps: list[tuple[str, bool, str]]) -> None:
    with TemporaryDirectory() as folder:
        world = _World(Path(folder))
        try:
            for kind, whose, name in steps:
                world.step(kind, whose, name)
                world.check(world.judge.now())
        finally:
            world.close()
