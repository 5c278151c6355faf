"""A list as the fold sees it against a plain account of the same events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.lists.ext import EntryRef, Reason
from protocol.lists.listing import fold, overlay
from protocol.lists.sequence import LogShape
from support.lists import ORIGIN, OWN, RELYING, REVIEWED, START_MS, ListWriter, digest

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "withdraw", "error", "amend", "dispute", "resolve", "later"]),
        st.integers(0, 20),
        st.booleans(),
    ),
    max_size=25,
)


class Account:
    """The writer of a list and what it should say by now."""

    def __init__(self) -> None:
        self.writer = ListWriter()
        self.adds: list[EntryRef] = []
        self.disputes: list[EntryRef] = []
        self.active: dict[int, bool] = {}
        """Active adds and whether their last statement counts."""
        self.open: set[int] = set()
        self.shredded: set[int] = set()

    def step(self, kind: str, pick: int, flag: bool) -> None:
        writer = self.writer
        match kind:
            case "add":
                self.adds.append(writer.add(digest(f"{pick % 4}"), OWN if flag else RELYING))
                self.active[self.adds[-1].index] = flag
            case "withdraw" | "error" if self.adds:
                ref = self.adds[pick % len(self.adds)]
                reason = Reason.ERROR if kind == "error" else Reason.DUPLICATE
                end = writer.withdraw(ref, reason, shred=flag)
                self.active.pop(ref.index, None)
                self.open |= {end.index} if kind == "error" else set()
                self.shredded |= {ref.index} if flag else set()
            case "amend" if self.adds:
                ref = self.adds[pick % len(self.adds)]
                writer.amend(ref, REVIEWED if flag else RELYING)
                if ref.index in self.active:
                    self.active[ref.index] = flag
            case "dispute":
                self.disputes.append(writer.dispute(digest(f"{pick % 4}")))
                self.open.add(self.disputes[-1].index)
            case "resolve" if self.disputes:
                ref = self.disputes[pick % len(self.disputes)]
                writer.resolve(ref, shred=flag)
                self.open.discard(ref.index)
                self.shredded |= {ref.index} if flag else set()
            case "later":
                writer.write(9, digest("later"), ref=pick)
            case _:  # nothing there yet to refer to
                pass


def account(steps: list[tuple[str, int, bool]]) -> Account:
    made = Account()
    for step in steps:
        made.step(*step)
    return made


@pytest.mark.threat("broken rules")
@given(STEPS)
def test_the_fold_says_what_the_writer_meant(steps: list[tuple[str, int, bool]]) -> None:
    made = account(steps)
    LogShape().admit_bundle(0, made.writer.events, START_MS + 1000)  # the account keeps the rules of a list
    listing = made.writer.listing()
    assert {index: entry.ext.counts for index, entry in listing.entries.items()} == made.active
    assert {block.index for block in listing.blocks if not block.ended_by} == made.open
    assert set(listing.withdrawn) == {ref.index for ref in made.adds} - made.active.keys()
    assert listing.shredded == made.shredded


@given(STEPS, st.integers(0, 25))
def test_an_overlay_only_removes(steps: list[tuple[str, int, bool]], stop: int) -> None:
    items = account(steps).writer.items
    trusted = fold(ORIGIN, items[:stop])
    shown = overlay(trusted, items[stop:])
    assert shown.entries.items() <= trusted.entries.items()
    assert set(trusted.blocks) <= set(shown.blocks)
    assert shown.size == trusted.size


@given(STEPS, st.sets(st.integers(0, 25)))
def test_without_openings_less_is_said_and_nothing_else(
    steps: list[tuple[str, int, bool]], closed: set[int]
) -> None:
    writer = account(steps).writer
    whole = writer.listing()
    part = fold(ORIGIN, [(at, event, None if at in closed else data) for at, event, data in writer.items])
    assert part.entries.keys() == whole.entries.keys() - closed
    assert {block.index for block in part.blocks} <= {block.index for block in whole.blocks}
    assert part.shredded == whole.shredded
    assert part.withdrawn.keys() == whole.withdrawn.keys()
