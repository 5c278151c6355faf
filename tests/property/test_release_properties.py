"""A release is byte for byte the one that is made from nothing, whatever happened since the one before.

From nothing: all lists are folded whole, every listed digest is evaluated, every label sealed, and what the release
before lists is remembered by digest.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from keys.roles import Role
from keys.trust.members import Member, Members
from keys.trust.node_parts import FinalCheckpoint
from keys.trust.revocations import Reason as RevokedFor
from keys.trust.revocations import Revocation, Revocations, from_json, to_json
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window
from node.errors import AlreadyExistsError, ConflictError, NotFoundError, TripwireError, UsageError
from node.judgement.premises import SET_ASIDE
from node.judgement.ranges import EVENTS
from node.judgement.reaffirm import open_blocks, reaffirm
from node.lists.corrections import erase
from node.lists.corrections.amend import Amendment, amend
from node.lists.corrections.dispute import dispute, resolve
from node.lists.corrections.shred import _queue, prepare, shred
from node.lists.corrections.withdraw import withdraw
from node.lists.guards import Guards
from node.lists.imports.intake import Statement
from node.objects.release_files import ReleaseFolder, deltas
from node.peers.sync.overlays import OverlayKeeper
from node.ports.evaluator import EpochSecret
from node.store.lists.records import Quarantined
from node.store.store import Store
from node.subsets import release as releasing
from node.subsets.compare import differing
from node.subsets.compose import Terms, choose, is_same
from node.subsets.grounds import Order
from node.trust.others.revocations import withheld
from protocol.digest import Digest
from protocol.judgement.voices import MemberListing
from protocol.lists.event import BASELINE, NATIONAL, Op
from protocol.lists.ext import Basis, Reason
from protocol.messages import ReleasePart
from protocol.oprf.suite import epoch_key
from protocol.subset.canary import PRESENT
from protocol.subset.files import Held
from protocol.subset.prf_input import prf_input
from protocol.subset.release import Release
from support.answers import compose_whole
from support.releases import FILTER, MAX_AGE, SEED, SUBSET, ReleasingAgency, folder, listed_of
from support.selected import budget, select_screened
from support.sizes import size
from support.sodium import loaded_group
from support.stores import (
    Agency,
    deliver,
    file_digests,
    let_in,
    make_store,
    row,
    rows,
    sha256_digest,
    sqlite_dsn,
)
from support.whole import judge_whole

BOTH = replace(FILTER, collections=frozenset({BASELINE, NATIONAL}))
NAMES: Final = ("a", "b", "c", "d", "e", "f")
_BEFORE, _AFTER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
_REFUSED = (AlreadyExistsError, ConflictError, NotFoundError, UsageError)


class Killed(BaseException):
    """What a kill -9 looks like from inside: nothing handles it."""


def _killed(*_: object, **__: object) -> None:
    raise Killed


@dataclass
class FromNothing:
    """The release that was made last, and what it lists."""

    version: int = 0
    release: Release | None = None
    listed: dict[Digest, tuple[int, ...]] = field(default_factory=dict)


class World:
    """An agency that releases what it and another list; each act may be one that is refused."""

    def __init__(self, folder: Path, *, alike: bool, authority: bool) -> None:
        for name in ("fr", "nl"):
            (folder / name).mkdir()
        self._stores = [make_store(sqlite_dsn(folder / name), folder / name) for name in ("fr", "nl")]
        self.fr = ReleasingAgency(self._stores[0], folder / "fr", subset_filter=BOTH)
        self.nl = Agency(self._stores[1], folder / "nl", node="nl.example")
        self._epoch = 1
        self._expelled: Member | None = None
        self._before = FromNothing()
        self._told = (1, 0, 0, False)
        self._patched = pytest.MonkeyPatch()
        self._patched.setattr(erase, "erase_reports", self._forget)
        if alike:
            self._make_outputs_alike()
        self._register(authority=authority)

    def _register(self, *, authority: bool) -> None:
        """At most one block of a list applies. What an authority says is enough, against a block, too."""
        said = frozenset({BASELINE}) if authority else frozenset()

        def revised(old: Members) -> Members:
            members = tuple(replace(each, authority_for=said) for each in old.members)
            return replace(old, block_cap=1, members=members)

        self.fr.trust.revise_members(revised, signers=self.fr.signers)

    def _make_outputs_alike(self) -> None:
        """As if tags had two bits, so that most answers are equal to others and only whole outputs tell the order."""
        outputs = self.fr.evaluator.outputs

        def alike(subset: str, epoch: int, inputs: Sequence[bytes]) -> list[bytes]:
            return [bytes([one[0] % 4] * 8) + one[8:] for one in outputs(subset, epoch, inputs)]

        self.fr.evaluator.outputs = alike  # type: ignore[method-assign]

    def close(self) -> None:
        self._patched.undo()
        self.fr.evaluator.close()
        for store in self._stores:
            store.dispose()

    def act(self, kind: str, own: bool, name: str) -> None:
        agency = self.fr.lists if own else self.nl
        digest, now_ms = file_digests(name)[0], self.fr.lists.now_ms
        acts: dict[str, Callable[[], object]] = {
            "add": lambda: agency.add(rows(name)),
            "national": lambda: agency.add(rows(name, collection=NATIONAL)),
            "relied": lambda: agency.add(rows(name), Statement(basis=Basis.RELIES_ON, criteria=1)),
            "mixed": lambda: agency.add([row(name, digests=[file_digests(name)[0], sha256_digest(name)])]),
            "liar": lambda: agency.add(
                [row(name, digests=[digest, sha256_digest(_after(name))], collection=NATIONAL)]
            ),
            "amend": lambda: amend(
                agency.store, agency.origin, digest, Amendment(basis=Basis.REVIEWED).revise
            ),
            "withdraw": lambda: withdraw(agency.store, agency.origin, digest, reason=Reason.OTHER),
            "error": lambda: withdraw(agency.store, agency.origin, digest, reason=Reason.ERROR),
            "dispute": lambda: dispute(agency.store, agency.origin, [digest], collection=BASELINE),
            "resolve": lambda: resolve(agency.store, agency.origin, [digest]),
            "reaffirm": lambda: self._reaffirm(agency, digest),
            "shred": lambda: self._shred(agency, digest),
            "shred one": lambda: self._shred_one(digest, everywhere=own),
            "readmit": lambda: self._readmit(digest),
            "set aside": lambda: self._set_aside(agency.origin, name),
            "look": self._release_set_aside,
            "register": lambda: self._revise(agency, name),
            "stolen": lambda: self._take_back(agency, name),
            "overlay": lambda: self._lay(name, Reason.ERROR if own else Reason.OTHER),
            "drop": self._drop,
            "blocks": lambda: let_in(self.fr.store, self.fr.trust.members(), self.nl.node, now_ms=1),
            "follow": lambda: self.fr.follow(self.nl),
            "later": lambda: self.fr.clock.advance(timedelta(hours=30 * NAMES.index(name))),
            "tripwire": lambda: Guards(self.fr.store).add_tripwires([digest], note="", now_ms=now_ms),
            "no tripwire": lambda: Guards(self.fr.store).remove_tripwires(
                [each.id for each, _ in Guards(self.fr.store).tripwires()]
            ),
            "silence": self._silence,
            "epoch": self._enter_epoch,
            "kill": lambda: self._release_killed(own),
        }
        with suppress(*_REFUSED):
            acts[kind]()
        if not own and kind not in {"later", "kill", "overlay", "drop"}:
            self.fr.follow(self.nl)

    def release(self) -> None:
        """Release what there is to say, and compare."""
        self.fr.lists.now_ms = int(self.fr.clock.now().timestamp() * 1000)
        try:
            report = self.fr.release()
        except TripwireError:
            report = None
        if self.fr.records and self.fr.records[-1].version > self._before.version:
            self._compare(self.fr.records[-1].version)
        elif report is not None:
            self._require_nothing_new()
        if report is not None:
            odds = BOTH.odds(self._told[0])
            told = report.told
            assert (told.worst_odds, told.doubled, told.apart) == (odds, *self._told[1:3])
            assert bool(told.contradicted) == self._told[3]
        if self.fr.records:
            assert not self._differing(), "as `doctor --deep` compares them"
            assert {
                digest: row.numbers for digest, row in listed_of(self.fr.store).items()
            } == self._before.listed

    def require_counted(self) -> None:
        """The numbers of active entries are those of the index."""
        for store in self._stores:
            with store.read() as unit:
                assert unit.entries.is_counted
                assert unit.entries.counts() == unit.entries.scan()

    def _differing(self) -> int | None:
        now = self.fr.clock.now()
        with self.fr.store.read() as unit:
            subset = unit.subsets.get(SUBSET)
        order = Order(
            subset=subset,
            members=self.fr.trust.members(),
            now=now,
            max_age=MAX_AGE,
            until=now,
        )
        return differing(self.fr.store, self.fr.records[-1], order)

    def _require_nothing_new(self) -> None:
        held, before = folder(self.fr).load().release, self._before.release
        whole, _ = self._whole(held)
        assert before is not None
        assert is_same(before, whole)

    def _reaffirm(self, agency: Agency, digest: Digest) -> None:
        members, now = self.fr.trust.members(), self.fr.clock.now()
        judged = judge_whole(self.fr.store, members, now=now, max_age=MAX_AGE)
        reaffirm(
            agency.store,
            agency.origin,
            open_blocks(judged, agency.node, [digest]),
            statement=Statement(basis=Basis.REVIEWED, criteria=2),
            collection=BASELINE,
            now_ms=self.fr.lists.now_ms,
        )

    def _shred(self, agency: Agency, digest: Digest) -> None:
        plan = prepare(agency.store, agency.origin, digest)
        shred(agency.store, agency.origin, plan.position, reason=Reason.LEGAL)
        self._publish(agency)
        erase.carry_out(self.fr.store, agency.origin, now_ms=self.fr.lists.now_ms)

    def _shred_one(self, digest: Digest, *, everywhere: bool) -> None:
        """One hash of a file, as another program may, or a guard that sets some withdrawals aside."""
        for agency in (self.fr.lists, self.nl) if everywhere else (self.nl,):
            with agency.store.read() as unit:
                log = unit.logs.get(agency.origin)
                done = {each.position for each in unit.shreddings.ls(log.id)}
                hits = unit.entries.find([agency.store.vault.key_of(digest)], log_id=log.id)
            _queue(agency.store, log, [hit for hit in hits if hit.position not in done], Reason.LEGAL)
            self._publish(agency)

    def _publish(self, agency: Agency) -> None:
        if agency is self.nl:
            self.fr.follow(self.nl)
        else:
            agency.publish()

    def _readmit(self, digest: Digest) -> None:
        with self.fr.store.write() as unit:
            unit.tombstones.lift(self.fr.store.vault.tombstone_of(digest))

    def _set_aside(self, origin: str, name: str) -> None:
        """The newest event but a few, as a guard does before somebody looks."""
        items = self.fr.lists.items(origin)
        position, event, _ = items[-1 - NAMES.index(name) % len(items)]
        kinds = {op: kind for kind, op in SET_ASIDE.items()}
        if event[1] in kinds:
            with self.fr.store.write() as unit:
                log_id, kind = unit.logs.get(origin).id, kinds[Op(event[1])]
                unit.quarantine.add(
                    [
                        Quarantined(
                            log_id=log_id, kind=kind, first=position, last=position, reason="", created_ms=0
                        )
                    ]
                )

    def _release_set_aside(self) -> None:
        with self.fr.store.write() as unit:
            for each in unit.quarantine.ls():
                unit.quarantine.release(each.id, now_ms=1)
        for origin in (self.fr.lists.origin, self.nl.origin):
            erase.carry_out(self.fr.store, origin, now_ms=self.fr.lists.now_ms)

    def _revise(self, agency: Agency, name: str) -> None:
        """The other country for a member, none, the list of no member, of an authority; another cap, another quorum."""

        def member(old: Member) -> Member:
            country = "BE" if old.country != "BE" else agency.node[:2].upper()
            changed: dict[str, Callable[[], Member]] = {
                "a": lambda: replace(old, country=country),
                "b": lambda: replace(old, country=country),
                "c": lambda: replace(old, authority_for=old.authority_for ^ {NATIONAL}),
            }
            return changed[name]() if name in changed and old.node == agency.node else old

        def revised(old: Members) -> Members:
            members = [member(each) for each in old.members]
            if name == "d":
                named = next((each for each in members if each.node == self.nl.node), None)
                members = [each for each in members if each is not named]
                members += [self._expelled] if self._expelled and not named else []
                self._expelled = named or self._expelled
            cap = 3 - old.block_cap if name == "e" else old.block_cap
            k = 3 - old.k if name == "f" else old.k
            return replace(old, members=tuple(members), block_cap=cap, k=k)

        self.fr.trust.revise_members(revised, signers=self.fr.signers)

    def _take_back(self, agency: Agency, name: str) -> None:
        """Its log key was stolen, after some events, and it goes on with another one; or that is not so."""
        first, end = NAMES.index(name) % 4, 4 + NAMES.index(name)
        vkey = DatedVkey.of(agency.key.public, name=agency.origin, valid=Window(_BEFORE, _AFTER))
        stolen = Revocation(
            role=Role.LOG,
            key=vkey.vkey,
            time=_BEFORE,
            reason=RevokedFor.COMPROMISE,
            last_good=FinalCheckpoint(size=first, root=bytes(32)),
            resumes=end,
        )
        with self.fr.store.write() as unit:
            held = unit.revocations.get(agency.node)
            was = from_json(held.payload).entries if held.version else ()
            file = Revocations(
                version=held.version + 1, node=agency.node, entries=() if stolen in was else (stolen,)
            )
            unit.revocations.put(agency.node, version=file.version, payload=to_json(file), envelope=b"")

    def _lay(self, name: str, reason: Reason) -> None:
        """A withdrawal or dispute of a head that nobody has cosigned yet."""
        digest = file_digests(name)[0]
        self.fr.follow(self.nl)
        with suppress(*_REFUSED):
            dispute(self.nl.store, self.nl.origin, [digest], collection=BASELINE)
        with suppress(*_REFUSED):
            withdraw(self.nl.store, self.nl.origin, digest, reason=reason)
        self.nl.publish()
        store = self.fr.store
        with store.read() as unit:
            log = unit.logs.get(self.nl.origin)
        if log.head.size < self.nl.log.head.size:
            keeper = OverlayKeeper(store, self.fr.lists.follower, log)
            delivery = deliver(keeper, self.nl, log.head.size)
            keeper.commit(self.nl.origin, delivery, now_ms=self.fr.lists.now_ms)

    def _drop(self) -> None:
        with self.fr.store.write() as unit:
            unit.overlays.drop(unit.logs.get(self.nl.origin).id)

    def _silence(self) -> None:
        """Its node withholds which keys it took back, and its list is fresh no more; or it is again."""
        with self.fr.store.write() as unit:
            unit.revocations.name(self.nl.node, None if withheld(unit) else bytes(32))

    def _forget(self, store: Store, is_gone: Callable[[Digest], bool], **_: int) -> None:
        """What is erased everywhere is not remembered, either."""
        if store is not self.fr.store:
            return
        kept = {digest: numbers for digest, numbers in self._before.listed.items() if not is_gone(digest)}
        self._before.listed = kept

    def _enter_epoch(self) -> None:
        self._epoch += 1
        seeds = [bytes([number]) * 32 for number in range(2, self._epoch + 1)]
        secrets = [
            EpochSecret(subset=SUBSET, epoch=at, seed=seed) for at, seed in enumerate([SEED, *seeds], 1)
        ]
        self.fr.evaluator.hold(secrets)
        with self.fr.store.write() as unit:
            unit.subsets.enter(SUBSET, self._epoch, epoch_key(loaded_group(), secrets[-1].seed).public)

    def _release_killed(self, claimed: bool) -> None:
        with pytest.MonkeyPatch.context() as patched, suppress(Killed, TripwireError):
            patched.setattr(releasing, "require_leaves" if claimed else "next_head", _killed)
            self.fr.release()
        with self.fr.store.read() as unit:
            pending = unit.logs.get(self.fr.subset.origin).pending
        if pending is not None:
            self._compare(pending.size)

    def _compare(self, version: int) -> None:
        """A release, published or claimed, against the one from nothing."""
        with self.fr.store.read() as unit:
            record = unit.releases.get(SUBSET, version)
            last = unit.releases.get(SUBSET, version - 1) if self._before.release else None
        assert version == self._before.version + 1
        folder = ReleaseFolder(self.fr.store, record)
        made = folder.load().release
        whole, listed = self._whole(made)
        assert made.manifest == whole.manifest
        assert (made.answers.tolist(), made.screen.tolist()) == (
            whole.answers.tolist(),
            whole.screen.tolist(),
        )
        assert (made.labels and bytes(made.labels)) == whole.labels
        before = self._before
        if last and before.release and folder.has_deltas(last):
            compared = deltas(made, Held(last.version, before.release))
            for part, data in (
                (ReleasePart.SCREEN, compared.screen),
                (ReleasePart.ANSWERS, compared.answers),
                (ReleasePart.LABELS, compared.labels),
            ):
                file = bytes(folder.part(part, since=None))
                assert folder.part(part, since=last) == min(file, data or file, key=len)
        came, stayed = listed.keys() - before.listed.keys(), listed.keys() & before.listed.keys()
        answers = before.release.manifest.answers_count - 1 if before.release else 0
        assert (record.added, record.removed) == (len(came), answers - len(stayed))
        self._before = FromNothing(version, whole, listed)

    def _whole(self, made: Release) -> tuple[Release, dict[Digest, tuple[int, ...]]]:
        store, members, manifest = self.fr.store, self.fr.trust.members(), made.manifest
        before = self._before
        judged = judge_whole(
            store,
            members,
            now=self.fr.clock.now(),
            max_age=MAX_AGE,
            previous=frozenset(
                (number, digest) for digest, numbers in before.listed.items() for number in numbers
            ),
        )
        chosen = choose(judged.decision.effective, BOTH)
        tripped = Guards(store).tripped(chosen)
        if tripped:
            chosen = {
                each: of for each, of in chosen.items() if each in before.listed and each not in tripped
            }
        terms = Terms(
            subset_id=manifest.subset_id,
            epoch=self._epoch,
            pk=manifest.pk,
            filter=BOTH,
            k=members.k,
            sources=manifest.sources,
            rules=manifest.rules,
            not_after_ms=manifest.not_after_ms,
        )
        digests = [PRESENT, *chosen]
        inputs = [prf_input(manifest.subset_id, digest) for digest in digests]
        outputs = dict(zip(digests, self.fr.evaluator.outputs(SUBSET, self._epoch, inputs), strict=True))
        listings: Sequence[MemberListing] = judged.listings
        selection = select_screened(
            {digest: each.supports for digest, each in chosen.items()}, listings, members.k
        )
        self._told = (*budget(selection), len(selection.contradicted) > 0)
        release = compose_whole(terms, chosen, outputs, screened=selection.screened, held=before.release)
        return release, {digest: each.collections for digest, each in chosen.items()}


def _after(name: str) -> str:
    return NAMES[(NAMES.index(name) + 1) % len(NAMES)]


_SAID: Final = (
    "add",
    "national",
    "relied",
    "mixed",
    "liar",
    "amend",
    "withdraw",
    "error",
    "dispute",
    "resolve",
    "reaffirm",
)
"""In lists: mostly the next release begins from the one before."""
_FRESH: Final = ("follow", "later", "silence")
"""Not in lists, and yet mostly the same."""
_BESIDE: Final = (
    "shred",
    "shred one",
    "readmit",
    "set aside",
    "look",
    "overlay",
    "drop",
    "stolen",
    "register",
    "blocks",
    "tripwire",
    "no tripwire",
)
"""Beside lists: likewise."""
_ELSE: Final = ("epoch", "kill")
Acts = list[tuple[str, bool, str]]
_EACH_OTHERWISE: Final[Acts] = [
    ("add", True, "d"),
    ("relied", False, "d"),
    ("national", True, "e"),
    ("national", False, "e"),
    ("liar", True, "f"),
    ("add", False, "f"),
    ("stolen", False, "b"),
    ("overlay", False, "c"),
]
"""Of these files lists say what they say of no other."""


@settings(
    max_examples=size(quick=20, thorough=400),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    deadline=None,
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(_SAID * 3 + _FRESH * 3 + _BESIDE * 2 + _ELSE),
            st.booleans(),
            st.sampled_from(NAMES),
        ),
        max_size=12,
    ),
    st.sampled_from([False, False, False, True]),
    st.booleans(),
    st.sampled_from([2, EVENTS]),
    st.sampled_from([1, 1, 3]),
)
@example(
    [
        ("add", False, "e"),
        ("add", False, "f"),
        ("dispute", True, "e"),
        ("dispute", True, "f"),
        ("withdraw", False, "b"),
        ("resolve", True, "e"),
    ],
    False,
    True,
    2,
    1,
)
@example([("add", True, "e"), ("dispute", False, "e"), ("reaffirm", True, "e")], False, True, EVENTS, 1)
@example(
    [
        ("add", False, "e"),
        ("later", True, "b"),
        ("add", True, "e"),
        ("withdraw", True, "a"),
        ("follow", True, "a"),
    ],
    False,
    False,
    2,
    1,
)
@example(
    [
        ("mixed", True, "b"),
        ("mixed", False, "b"),
        ("liar", True, "a"),
        ("add", True, "e"),
        ("add", False, "e"),
    ],
    False,
    False,
    EVENTS,
    1,
)
@example(
    [("withdraw", True, "a"), ("kill", True, "a"), ("add", True, "a"), ("follow", True, "a")],
    False,
    False,
    2,
    1,
)
@example(
    [("shred", True, "a"), ("epoch", True, "a"), ("withdraw", True, "b"), ("shred", False, "c")],
    True,
    True,
    EVENTS,
    1,
)
@example(
    [("silence", True, "a"), ("add", False, "e"), ("add", True, "e"), ("follow", True, "a")],
    False,
    True,
    2,
    1,
)
@example(
    [
        ("add", False, "e"),
        ("dispute", True, "e"),
        ("silence", True, "a"),
        ("reaffirm", False, "e"),
        ("silence", True, "a"),
    ],
    False,
    True,
    EVENTS,
    1,
)
@example([("tripwire", True, "b"), ("withdraw", False, "a"), ("follow", True, "a")], True, False, 2, 1)
@example([("later", True, "c"), ("national", True, "a"), ("national", False, "a")], False, False, EVENTS, 1)
@example([("set aside", False, "a"), ("look", True, "a")], False, False, EVENTS, 1)
@example([("overlay", False, "a"), ("drop", True, "a")], False, False, EVENTS, 1)
@example([("shred one", True, "a"), ("shred one", False, "b")], False, False, EVENTS, 1)
@example([("shred", True, "a"), ("readmit", True, "a")], False, True, EVENTS, 1)
@example([("stolen", False, "a"), ("stolen", False, "a")], False, False, EVENTS, 1)
@example([("register", False, "c"), ("register", False, "d")], False, False, EVENTS, 1)
@example(
    [
        ("add", False, "e"),
        ("add", False, "f"),
        ("dispute", True, "e"),
        ("dispute", True, "f"),
        ("register", True, "e"),
    ],
    False,
    True,
    EVENTS,
    1,
)
@example(
    [("add", True, "e"), ("dispute", False, "e"), ("register", False, "d"), ("blocks", True, "a")],
    False,
    True,
    EVENTS,
    1,
)
@example([("shred", True, "a"), ("readmit", True, "a")], False, True, EVENTS, 2)
def test_a_release_equals_the_one_from_nothing(
    acts: Acts, alike: bool, authority: bool, events: int, every: int
) -> None:
    """Also when it is judged in many ranges of `events` events, all that waits does so on disk, or each second or third
    act is released."""
    with begun((*NAMES[:4], "x", "y"), alike=alike, authority=authority, events=events) as world:
        world.release()
        assert world.fr.records
        for number, act in enumerate(acts, 1):
            world.act(*act)
            if number % every == 0 or number == len(acts):
                world.release()
                world.require_counted()


@settings(
    max_examples=size(quick=10, thorough=400),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    deadline=None,
)
@given(
    st.lists(
        st.tuples(st.sampled_from(_SAID * 3 + _FRESH + _BESIDE), st.booleans(), st.sampled_from(NAMES)),
        max_size=12,
    ),
    st.booleans(),
)
@example(_EACH_OTHERWISE, False)
def test_a_first_release_equals_the_one_from_nothing(acts: Acts, authority: bool) -> None:
    """Of all that is alike in it one digest is judged."""
    with begun((*NAMES[:3], *"uvwxyz"), alike=False, authority=authority, events=EVENTS) as world:
        for act in acts:
            world.act(*act)
        world.release()


@contextmanager
def begun(names: Sequence[str], *, alike: bool, authority: bool, events: int) -> Iterator[World]:
    """A world in which both list these files."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr("node.judgement.ranges.EVENTS", events)
        if events != EVENTS:
            patched.setattr("node.subsets.draft.EVENTS", events)
            patched.setattr("node.store.spool._PAGE", 1)
            patched.setattr("node.store.spool._IN_MEMORY", 1)
        world = World(Path(folder), alike=alike, authority=authority)
        try:
            for name in names:  # each by itself: one import is queued in random order
                world.fr.lists.add(rows(name))
                world.nl.add(rows(name))
            world.act("follow", True, "a")
            world.fr.lists.publish()
            yield world
        finally:
            world.close()
