"""A kept queue is the one that a fold of everything from nothing gives, whatever happened in between."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from node.app.judgement import Judge
from node.errors import AlreadyExistsError, ConflictError, NotFoundError, UsageError
from node.judgement.effective import judge_some
from node.judgement.queue import WaitingFile, Wanted, grouped, waiting_files
from node.lists.corrections.amend import Amendment, amend
from node.lists.corrections.dispute import dispute, resolve
from node.lists.corrections.erase import carry_out
from node.lists.corrections.shred import prepare, shred
from node.lists.corrections.withdraw import withdraw
from node.lists.imports.intake import Statement
from node.store.lists.records import Quarantined
from protocol.lists.event import BASELINE, PRIVATE_FROM
from protocol.lists.ext import Basis, Reason
from support.lists import member, register
from support.stores import Agency, file_digests, make_store, row, rows, sqlite_dsn
from support.times import SettableClock
from support.whole import current, require_equal

MEMBERS = register(*(member(f"{code}.example", code.upper()) for code in ("be", "de", "fr", "nl")), cap=2)
NAMES = ("a", "b", "c", "d")
_REFUSED = (AlreadyExistsError, ConflictError, NotFoundError, UsageError)


class _World:
    """An agency that follows two others; each step may be one that either refuses."""

    def __init__(self, folder: Path) -> None:
        self.fr = self._agency(folder / "fr", "fr.example")
        self.nl = self._agency(folder / "nl", "nl.example")
        self.be = self._agency(folder / "be", "be.example")
        self.clock = SettableClock(datetime.fromtimestamp(self.fr.now_ms / 1000, UTC))
        self.members = MEMBERS
        self.judge = self._judge()

    def _judge(self) -> Judge:
        return Judge(
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
        for agency in (self.fr, self.nl, self.be):
            agency.store.dispose()

    def step(self, kind: str, whose: str, name: str) -> None:
        agency = {"fr": self.fr, "nl": self.nl, "be": self.be}[whose]
        steps: dict[str, Callable[[Agency, str], object]] = {
            "add": lambda one, what: one.add(rows(what)),
            "one": lambda one, what: one.add([row(what, digests=file_digests(what)[:1])]),
            "many": lambda one, what: one.add(rows(*(f"{what}{number}" for number in range(4)))),
            "doubted": lambda one, what: one.add(rows(what), Statement(criteria=1)),
            "private": lambda one, what: one.add(rows(what, collection=PRIVATE_FROM)),
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
        for peer in (self.nl, self.be):
            if peer.log.head.size > _held(self.fr, peer):
                self.fr.now_ms = self.clock_ms
                self.fr.pull(peer)
                carry_out(self.fr.store, peer.origin, now_ms=self.fr.now_ms)

    @property
    def clock_ms(self) -> int:
        return int(self.clock.moment.timestamp() * 1000)

    def _set_aside(self, agency: Agency, name: str) -> None:
        """Two entries of a followed list, or all that it took away so far."""
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

    def check(self) -> None:
        whole = current(
            self.fr.store, self.members, now=self.clock.now(), max_age=timedelta(days=1), previous=frozenset()
        )
        files = waiting_files(whole, self.members, self.fr.node, Wanted())
        with patch("node.judgement.ranges.EVENTS", 3), patch("node.judgement.queue_rows._EVENTS", 3):
            self._check_queue(self._judge(), files)
        self._check_queue(self.judge, files)
        for name in NAMES:
            digests = frozenset(file_digests(name))
            some = judge_some(
                self.fr.store, self.members, digests, now=self.clock.now(), max_age=timedelta(days=1)
            )
            require_equal(some, whole, digests)

    def _check_queue(self, judge: Judge, files: Sequence[WaitingFile]) -> None:
        queue = judge.now().waiting
        assert queue.places() == [(file.first.origin, file.first.index) for file in files]
        assert queue.groups == grouped(files)
        assert queue.rows.missing.tolist() == [file.missing for file in files]
        assert queue.rows.times.tolist() == [file.since_ms for file in files]
        assert judge.files(queue.places())[1] == files


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
    "one",
    "many",
    "doubted",
    "private",
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
    st.tuples(st.sampled_from(("add", *_KINDS)), st.sampled_from(("fr", "nl", "be")), st.sampled_from(NAMES)),
    min_size=3,
    max_size=12,
)


_SHREDDED_AND_QUEUED = [
    ("register", "fr", "a"),
    ("add", "fr", "a"),
    ("add", "fr", "d"),
    ("add", "nl", "a"),
    ("queue", "fr", "a"),
    ("shred", "nl", "a"),
    ("dispute", "nl", "d"),
]
"""An entry counts until its withdrawal is published, and a peer's shredding of it takes from the peer's cap."""
_LISTED_IN_PART = [
    ("register", "fr", "c"),
    ("add", "nl", "a"),
    ("one", "be", "a"),
    ("many", "nl", "b"),
    ("many", "be", "b"),
    ("withdraw", "be", "a"),
]
"""A file needs as many countries as the hash of it that fewest list."""


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(_STEPS)
@example(_SHREDDED_AND_QUEUED)
@example(_LISTED_IN_PART)
def test_it_equals_a_fold_from_nothing(steps: list[tuple[str, str, str]]) -> None:
    with TemporaryDirectory() as folder:
        world = _World(Path(folder))
        try:
            for kind, whose, name in steps:
                world.step(kind, whose, name)
                world.check()
        finally:
            world.close()
