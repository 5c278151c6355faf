"""Whatever a peer sends, what is held is a prefix of one signed history, and honesty afterwards brings all of it.

First the pull alone on arbitrary answers, then a follower with a real store against a peer that grows, lies in any of
its ways, breaks off and is honest, in any order.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from node.errors import NotFoundError
from node.judgement import quarantine
from protocol.errors import ProtocolError
from protocol.pull.machine import GetBundle, Pulled, Unchanged
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint
from protocol.tlog.merkle import leaf_hash, root_of
from support.adversary import ATTACKS, REFUSALS, ListPeer, follow
from support.federation import Agency, Federation
from support.pulling import drive, pull_of, served
from support.stores import let_in

SOURCE = served(600)
NOTE = SOURCE.note()


# ---------------------------------------------------------------- the pull alone


@given(st.binary(max_size=300))
def test_no_head_raises_anything_but_our_errors(data: bytes) -> None:
    pull = pull_of(SOURCE, SOURCE.held(600))
    try:
        pull.receive_head(data)
    except ProtocolError:
        assert pull.next_request() is None


@given(st.binary(max_size=500), st.binary(max_size=500))
def test_no_bundle_raises_anything_but_our_errors(entries: bytes, openings: bytes) -> None:
    pull = pull_of(SOURCE)
    pull.receive_head(NOTE)
    try:
        pull.receive_bundle(entries, openings)
    except ProtocolError:
        assert pull.next_request() is None


@given(st.integers(0, len(NOTE) * 8 - 1))
def test_every_bit_of_a_head_counts(bit: int) -> None:
    """What is still accepted is the signed head itself, in a note whose unknown parts changed."""
    altered = bytearray(NOTE)
    altered[bit // 8] ^= 1 << bit % 8
    pull = pull_of(SOURCE)
    try:
        pull.receive_head(bytes(altered))
    except ProtocolError:
        return
    raise AssertionError("an altered head was accepted")


@given(st.data())
def test_every_bit_of_a_bundle_counts(data: st.DataObject) -> None:
    request = GetBundle(SOURCE.origin, 2, 88, openings=True)
    entries, openings = SOURCE.bundle(request)
    assert openings is not None
    answer = [bytearray(entries), bytearray(openings)]
    part = data.draw(st.sampled_from(answer))
    bit = data.draw(st.integers(0, len(part) * 8 - 1))
    part[bit // 8] ^= 1 << bit % 8
    pull = pull_of(SOURCE, SOURCE.held(512))
    pull.receive_head(NOTE)
    pull.recall(SOURCE.shape(512))
    try:
        pull.receive_bundle(bytes(answer[0]), bytes(answer[1]))
    except ProtocolError:
        return
    raise AssertionError("an altered bundle was accepted")


@given(st.lists(st.integers(0, 600), max_size=6))
def test_any_cuts_lead_to_the_same_tree(sizes: list[int]) -> None:
    held = 0
    for size in [*sorted(sizes), 600]:
        course = drive(pull_of(SOURCE, SOURCE.held(held) if held else None), SOURCE, note=SOURCE.note(size))
        if isinstance(course.result, Unchanged):
            assert size == held
        else:
            assert isinstance(course.result, Pulled)
            assert course.result.frontier == SOURCE.tree(size).to_bytes()
            assert course.result.shape.to_bytes() == SOURCE.shape(size).to_bytes()
        held = size


# ---------------------------------------------------------------- a follower and a peer

HONEST = "grows honestly"
BREAKS = "breaks off"
PLAYED = [name for name in ATTACKS if name != "goes on after its end"]
"""A log that its node closed stays closed, so nothing could be played after that."""
STEPS = st.tuples(st.sampled_from([HONEST, HONEST, BREAKS, *PLAYED]), st.integers(1, 300), st.integers(0, 12))


class World:
    """A follower, a peer, and the one history that counts: what the follower took over first."""

    def __init__(self, follower: Agency) -> None:
        self.follower = follower
        self.peer = ListPeer("nl.example", follower.time)
        follow(follower, self.peer)
        self.peer.grow(20)
        self.held: list[bytes] = []
        self.met: set[type] = set()
        """Classes of the errors that syncs ended in."""

    async def step(self, what: str, grow: int, breaks: int) -> None:
        """Grow, misbehave as told, sync, and look at what is held."""
        peer, honest = self.peer, self.peer.writer
        peer.grow(len(honest.events) + grow)
        peer.cursor = len(self.held)
        if what in ATTACKS:
            ATTACKS[what].prepare(peer)
        if what == BREAKS:
            self._break_after(breaks)
        await self.sync()
        shown = peer.writer
        self.check(shown.events, honest.events)
        follows_other = len(self.held) > 0 and self.held != honest.events[: len(self.held)]
        peer.honest_again(shown if follows_other else honest)

    async def sync(self) -> None:
        self.follower.syncer._refreshed.clear()
        report = await self.follower.syncer.sync("nl.example", self.peer)
        self.met |= {type(report.error), *(type(outcome.error) for outcome in report.lists)}
        self._let_pass()

    def _let_pass(self) -> None:
        """Operators look at what was set aside, and release it."""
        store, members = self.follower.store, self.follower.trust.members()
        for aside in quarantine.ls(store, members):
            let_in(store, members, aside.id, now_ms=self.follower.now_ms)

    def check(self, *histories: list[bytes]) -> None:
        """Held events extend those held before, are a prefix of a history the peer signed, and have its root."""
        try:
            log = self.follower.log(self.peer.origin)
        except NotFoundError:
            return
        events = [event for _, event, _ in self.follower.items(self.peer.origin)]
        assert len(events) == log.head.size
        assert events[: len(self.held)] == self.held
        assert any(events == history[: len(events)] for history in histories)
        assert root_of(map(leaf_hash, events)) == log.head.root
        if log.note is not None:
            keys = self.peer.served.trust().log_keys
            opened = open_checkpoint(log.note, origin=self.peer.origin, log_keys=keys)
            assert opened.checkpoint == Checkpoint(self.peer.origin, log.head.size, log.head.root)
        self.held = events

    async def converge(self) -> None:
        """The peer is honest and signed a new document."""
        self.peer.grow(len(self.peer.writer.events) + 3)
        document = self.peer.identity.trust.document()
        assert not any(log.final_checkpoint for log in document.logs)
        self.peer.identity.revise(lambda old: old)
        await self.sync()
        # What was proved before the list was known stops it at the first look, until it is released.
        await self.sync()
        assert self.follower.log(self.peer.origin).note == self.peer.served.note()
        self.check(self.peer.writer.events)
        assert self.held == self.peer.writer.events

    def _break_after(self, calls: int) -> None:
        left = iter(range(calls))

        def lie(entries: bytes, openings: bytes) -> tuple[bytes, bytes | None]:
            if next(left, None) is None:
                self.peer.unreachable = True
            return entries, openings

        self.peer.lie = lie


@contextmanager
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder, Federation(Path(folder)) as federation:
        yield World(federation.agency("fr.example", "FR"))


def test_one_follower_meets_every_attack_in_turn() -> None:
    async def play() -> set[type]:
        with world() as played:
            await played.step(HONEST, 300, 0)
            for what in PLAYED:
                await played.step(what, 30, 0)
            await played.converge()
            return played.met

    met = asyncio.run(play())
    assert met >= REFUSALS, REFUSALS - met


@given(st.lists(STEPS, max_size=6))
@settings(max_examples=30)
def test_what_is_held_is_a_prefix_of_one_signed_history(steps: list[tuple[str, int, int]]) -> None:
    async def play() -> None:
        with world() as played:
            for step in steps:
                await played.step(*step)
            await played.converge()

    asyncio.run(play())
