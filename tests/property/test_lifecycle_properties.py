"""Rotations under arbitrary silence and accidents: somebody signs, nobody begins too early, nothing goes back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from keys.roles import Role
from keys.trust.lifecycle import (
    GRACE,
    LAST_CALL,
    SIGN_TOGETHER,
    Facts,
    Lineage,
    ManagedKey,
    Reason,
    Stage,
    advance,
    next_due,
    signers,
    successor_window,
)
from keys.trust.window import Window

START = datetime(2026, 1, 1, tzinfo=UTC)
PEERS = ("be.example", "de.example", "nl.example")
ONWARDS = {
    Stage.GENERATED: {Stage.PUBLISHED, Stage.DESTROYED},
    Stage.PUBLISHED: {Stage.ACTIVE, Stage.RETIRED},
    Stage.ACTIVE: {Stage.RETIRED},
    Stage.RETIRED: {Stage.DESTROYED},
    Stage.DESTROYED: set[Stage](),
    Stage.REVOKED: set[Stage](),
    Stage.LOST: set[Stage](),
}

lineages = st.sampled_from(
    [
        Lineage(Role.AUTH),
        Lineage(Role.TLS),
        Lineage(Role.LOG, "fr.example/lists/main"),
        Lineage(Role.OPRF, "s"),
    ]
)
peer_sets = st.frozensets(st.sampled_from(PEERS))
moments = st.integers(0, 400 * 24).map(lambda hours: START + timedelta(hours=hours))
windows = st.tuples(moments, st.integers(1, 60)).map(lambda at: Window(at[0], at[0] + timedelta(days=at[1])))


@st.composite
def any_keys(draw: st.DrawFn) -> list[ManagedKey]:
    """Keys in whatever state, as after any accident."""
    count = draw(st.integers(0, 6))
    return [
        ManagedKey(f"k{number}", draw(lineages), draw(windows), draw(st.sampled_from(Stage)))
        for number in range(count)
    ]


@st.composite
def any_facts(draw: st.DrawFn, now: datetime | None = None) -> Facts:
    kids = st.sampled_from([f"k{number}" for number in range(6)])
    return Facts(
        now=now or draw(moments),
        listed=draw(st.frozensets(kids)),
        peers=draw(peer_sets),
        acknowledged=draw(st.dictionaries(kids, peer_sets)),
        allowed=draw(st.dictionaries(kids, st.just("anna"), max_size=2)),
        in_use=draw(st.frozensets(kids, max_size=2)),
        needed=draw(st.frozensets(lineages)),
    )


@given(any_keys(), any_facts())
def test_every_step_goes_onwards_and_the_same_facts_make_no_other(
    keys: list[ManagedKey], facts: Facts
) -> None:
    result = advance(keys, facts)
    stages = {key.kid: key.stage for key in keys}
    for step in result.steps:
        assert step.before is stages[step.kid]
        assert step.after in ONWARDS[step.before]
        stages[step.kid] = step.after
    assert [key.stage for key in result.keys] == list(stages.values())
    assert advance(result.keys, facts).steps == ()
    assert [replace(key, stage=Stage.LOST) for key in result.keys] == [
        replace(key, stage=Stage.LOST) for key in keys
    ]


@given(any_keys(), any_facts(), st.randoms(use_true_random=False))
def test_the_order_of_the_keys_does_not_matter(keys: list[ManagedKey], facts: Facts, random: object) -> None:
    mixed = list(keys)
    random.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis' Random
    mixed_result, result = advance(mixed, facts), advance(keys, facts)
    assert set(mixed_result.keys) == set(result.keys)
    assert mixed_result.steps == result.steps
    assert set(mixed_result.alarms) == set(result.alarms)


@given(any_keys(), any_facts())
def test_nothing_is_used_outside_its_window_nor_destroyed_while_in_use(
    keys: list[ManagedKey], facts: Facts
) -> None:
    result = advance(keys, facts)
    by_kid = {key.kid: key for key in keys}
    for step in result.steps:
        valid = by_kid[step.kid].valid
        if step.after is Stage.ACTIVE:
            assert valid.covers(facts.now)
            assert step.kid in facts.listed
        if step.after is Stage.DESTROYED and step.reason is Reason.ENDED:
            assert facts.now >= valid.end + GRACE
            assert step.kid not in facts.in_use
    assert all(key.valid.covers(facts.now) for key in signers(result.keys, facts.now))


@given(any_keys(), any_facts())
def test_who_signs_alone_signs_alone(keys: list[ManagedKey], facts: Facts) -> None:
    result = advance(keys, facts)
    alone = [key.lineage for key in result.keys if key.stage is Stage.ACTIVE and key.valid.covers(facts.now)]
    alone = [lineage for lineage in alone if lineage.role not in SIGN_TOGETHER]
    assert len(alone) == len(set(alone))


@given(any_keys(), any_facts())
def test_no_key_begins_unknown_to_a_peer_while_another_can_sign_on(
    keys: list[ManagedKey], facts: Facts
) -> None:
    held = {key.kid: key for key in keys}
    for step in advance(keys, facts).steps:
        key = held[step.kid]
        if step.reason is Reason.LAST_CALL:
            assert step.missing == facts.missing(key) != frozenset()
            assert not any(
                other.lineage == key.lineage
                and other in signers([other], facts.now)
                and facts.lists(other)
                and facts.now < other.valid.end - LAST_CALL
                for other in held.values()
            )
        elif step.after is Stage.ACTIVE:
            assert not facts.missing(key) or facts.allowed[step.kid] == step.by
        held[step.kid] = replace(key, stage=step.after)


@given(
    lineages,
    st.integers(4, 60),
    st.lists(st.integers(1, 20), min_size=20, max_size=120),
    st.lists(peer_sets, min_size=1, max_size=8),
)
def test_planned_rotations_leave_no_moment_without_a_signature(
    lineage: Lineage, days: int, pauses: list[int], heard: list[frozenset[str]]
) -> None:
    """A job that runs at least daily, peers that acknowledge whenever they like or never: somebody always signs."""
    plan = [Window(START, START + timedelta(days=days))]
    for _ in range(3):
        plan.append(successor_window(plan[-1]))
    keys = tuple(ManagedKey(f"k{number}", lineage, window) for number, window in enumerate(plan))
    now, listed = START, frozenset(key.kid for key in keys)
    for number, pause in enumerate(pauses):
        if now >= plan[-1].end:
            break
        assert number == 0 or signers(keys, now), "before the job runs"
        acknowledged = {key.kid: heard[(number + place) % len(heard)] for place, key in enumerate(keys)}
        facts = Facts(now=now, listed=listed, peers=frozenset(PEERS), acknowledged=acknowledged)
        keys = advance(keys, facts).keys
        assert signers(keys, now), "after it ran"
        now += timedelta(hours=pause)


@given(any_keys(), moments)
def test_a_date_is_named_while_any_key_can_still_move(keys: list[ManagedKey], now: datetime) -> None:
    can_move = [key for key in keys if ONWARDS[key.stage]]
    assert (next_due(keys, now) is not None) == bool(can_move)


def test_windows_follow_each_other_without_a_gap() -> None:
    plan = [Window(START, START + timedelta(days=30))]
    for _ in range(50):
        plan.append(successor_window(plan[-1]))
    assert all(after.start < before.end < after.end for before, after in pairwise(plan))
