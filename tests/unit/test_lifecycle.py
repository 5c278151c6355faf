"""A key's life, told as rotations: who waits for whom, what goes on without anybody, what is alarmed."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from keys.roles import Role
from keys.trust.lifecycle import (
    GRACE,
    LAST_CALL,
    MAX_OVERLAP,
    Advance,
    AlarmKind,
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

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
OLD_WINDOW = Window(START, START + 90 * DAY)
NEW_WINDOW = successor_window(OLD_WINDOW)
PEERS = frozenset({"de.example", "nl.example"})

LIST = Lineage(Role.LOG, "fr.example/lists/main")
AUTH = Lineage(Role.AUTH)


def pair(
    lineage: Lineage = AUTH, *, old: Stage = Stage.ACTIVE, new: Stage = Stage.PUBLISHED
) -> list[ManagedKey]:
    """A key and its successor."""
    return [ManagedKey("old", lineage, OLD_WINDOW, old), ManagedKey("new", lineage, NEW_WINDOW, new)]


def facts(now: datetime, **changes: Any) -> Facts:
    """Both keys are listed, and no peer has acknowledged anything but the old one."""
    known = {"listed": frozenset({"old", "new"}), "peers": PEERS, "acknowledged": {"old": PEERS}}
    return Facts(now=now, **(known | changes))


def stages(result: Advance) -> list[Stage]:
    return [key.stage for key in result.keys]


def reasons(result: Advance) -> list[tuple[str, Stage, Reason]]:
    return [(step.kid, step.after, step.reason) for step in result.steps]


def alarms(result: Advance) -> list[AlarmKind]:
    return [alarm.kind for alarm in result.alarms]


def kids(keys: Iterable[ManagedKey]) -> list[str]:
    return [key.kid for key in keys]


# ------------------------------------------------------------------ a rotation, step by step


def test_a_key_is_published_when_the_signed_document_lists_it() -> None:
    keys = pair(new=Stage.GENERATED)
    before = facts(START + DAY, listed=frozenset({"old"}))
    assert advance(keys, before).steps == ()
    after = advance(keys, facts(START + DAY))
    assert reasons(after) == [("new", Stage.PUBLISHED, Reason.LISTED)]
    assert stages(after) == [Stage.ACTIVE, Stage.PUBLISHED]


def test_nothing_signs_before_its_window_whoever_has_acknowledged_it() -> None:
    known = facts(
        NEW_WINDOW.start - timedelta(seconds=1), acknowledged={"new": PEERS}, allowed={"new": "anna"}
    )
    assert advance(pair(), known).steps == ()


def test_a_successor_takes_over_when_every_peer_has_acknowledged_it() -> None:
    now = NEW_WINDOW.start
    waits = advance(pair(), facts(now, acknowledged={"new": frozenset({"nl.example"})}))
    assert (waits.steps, waits.alarms) == ((), ())
    goes = advance(pair(), facts(now, acknowledged={"new": PEERS | {"of no peer"}}))
    assert reasons(goes) == [
        ("new", Stage.ACTIVE, Reason.ACKNOWLEDGED),
        ("old", Stage.RETIRED, Reason.SUCCEEDED),
    ]
    assert goes.alarms == ()
    assert kids(signers(goes.keys, now)) == ["new"]


def test_an_operator_lets_it_begin_by_name_and_the_record_says_who_was_missing() -> None:
    known = {"old": PEERS, "new": frozenset({"nl.example"})}
    result = advance(pair(), facts(NEW_WINDOW.start, acknowledged=known, allowed={"new": "anna"}))
    step = result.steps[0]
    assert (step.kid, step.reason, step.by, step.missing) == (
        "new",
        Reason.ALLOWED,
        "anna",
        PEERS - {"nl.example"},
    )
    assert result.alarms == (), "they know"


def test_a_peer_that_is_silent_delays_within_the_overlap_only() -> None:
    last_call = OLD_WINDOW.end - LAST_CALL
    assert advance(pair(), facts(last_call - timedelta(seconds=1))).steps == ()
    result = advance(pair(), facts(last_call))
    assert reasons(result)[0] == ("new", Stage.ACTIVE, Reason.LAST_CALL)
    [alarm] = result.alarms
    assert (alarm.kind, alarm.kid, alarm.missing) == (AlarmKind.UNACKNOWLEDGED, "new", PEERS)
    assert alarm.lineage == AUTH


def test_a_first_key_waits_for_nobody() -> None:
    first = [ManagedKey("first", AUTH, OLD_WINDOW)]
    result = advance(first, Facts(now=START, listed=frozenset({"first"})))
    assert [step.after for step in result.steps] == [Stage.PUBLISHED, Stage.ACTIVE]
    assert result.alarms == ()


@pytest.mark.parametrize("end", [Stage.REVOKED, Stage.LOST, Stage.RETIRED, Stage.DESTROYED])
def test_without_a_predecessor_that_signs_the_gate_is_open(end: Stage) -> None:
    result = advance(pair(old=end), facts(NEW_WINDOW.start))
    assert result.keys[1].stage is Stage.ACTIVE
    assert alarms(result) == [AlarmKind.UNACKNOWLEDGED]


def test_a_predecessor_that_is_not_listed_any_more_signs_for_nobody() -> None:
    result = advance(pair(), facts(NEW_WINDOW.start, listed=frozenset({"new"})))
    assert reasons(result)[0] == ("new", Stage.ACTIVE, Reason.LAST_CALL)


def test_a_key_that_is_not_listed_any_more_does_not_begin() -> None:
    result = advance(pair(), facts(OLD_WINDOW.end - LAST_CALL, listed=frozenset({"old"})))
    assert result.steps == ()
    assert alarms(result) == [AlarmKind.UNLISTED]


def test_a_key_that_signs_and_is_not_listed_is_alarmed() -> None:
    result = advance(pair(), facts(START, listed=frozenset({"new"})))
    assert [(alarm.kind, alarm.kid) for alarm in result.alarms] == [(AlarmKind.UNLISTED, "old")]


def test_a_key_of_another_lineage_is_no_predecessor() -> None:
    keys = [*pair(), ManagedKey("other", LIST, NEW_WINDOW, Stage.PUBLISHED)]
    result = advance(keys, facts(NEW_WINDOW.start, listed=frozenset({"old", "new", "other"})))
    assert [step.kid for step in result.steps] == ["other"]


def test_the_example_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "spec" / "rotation.md").read_text("utf-8")
    rows = re.findall(r"^\| (2026-\S+(?: \S+)?) \|.*\| (\w+) \| (\w+) \|$", page, re.MULTILINE)
    held: dict[str, frozenset[str]] = {"2026-03-18": frozenset({"nl.example"}), "2026-03-20": PEERS}
    keys, acknowledged = tuple(pair(new=Stage.GENERATED)), frozenset[str]()
    for date, old, new in rows:
        acknowledged = held.get(date, acknowledged)
        now = datetime.fromisoformat(date).replace(tzinfo=UTC)
        keys = advance(keys, facts(now, acknowledged={"new": acknowledged})).keys
        assert [key.stage for key in keys] == [old, new]
    assert len(rows) == 4
    assert f"{OLD_WINDOW.end - LAST_CALL:%Y-%m-%d}" in page


# ------------------------------------------------------------------ together or alone


@pytest.mark.parametrize("role", [Role.LOG, Role.WITNESS, Role.OPRF])
def test_both_keys_serve_while_their_windows_overlap(role: Role) -> None:
    lineage, now = Lineage(role, "fr.example/w1"), NEW_WINDOW.start
    result = advance(pair(lineage), facts(now, acknowledged={"new": PEERS}))
    assert kids(signers(result.keys, now)) == ["old", "new"]
    after = advance(result.keys, facts(OLD_WINDOW.end))
    assert reasons(after) == [("old", Stage.RETIRED, Reason.ENDED)]
    assert kids(signers(after.keys, OLD_WINDOW.end)) == ["new"]


def test_for_each_signature_type_one_key_signs() -> None:
    other = replace(LIST, algorithm="ML-DSA-44")
    keys = [ManagedKey("a", LIST, OLD_WINDOW, Stage.ACTIVE), ManagedKey("b", other, OLD_WINDOW, Stage.ACTIVE)]
    assert kids(signers(keys, START)) == ["a", "b"]
    known = Facts(now=START, listed=frozenset({"a", "b"}), needed=frozenset({LIST, other}))
    assert advance(keys, known).alarms == ()
    [alarm] = (
        each
        for each in advance([keys[0], replace(keys[1], stage=Stage.LOST)], known).alarms
        if each.kind is AlarmKind.NOBODY_SIGNS
    )
    assert alarm.lineage == other


def test_a_storage_key_is_listed_nowhere_and_kept_while_something_is_encrypted_with_it() -> None:
    lineage = Lineage(Role.STORAGE)
    late = OLD_WINDOW.end + GRACE
    begun = advance(pair(lineage, new=Stage.GENERATED), Facts(now=NEW_WINDOW.start, peers=PEERS))
    assert stages(begun) == [Stage.RETIRED, Stage.ACTIVE]
    assert begun.alarms == ()
    assert advance(begun.keys, Facts(now=late, in_use=frozenset({"old"}))).steps == ()
    assert reasons(advance(begun.keys, Facts(now=late))) == [("old", Stage.DESTROYED, Reason.ENDED)]


def test_the_key_of_an_epoch_waits_for_no_peer_but_must_be_listed() -> None:
    lineage = Lineage(Role.OPRF, "hosters")
    begun = advance(pair(lineage), facts(NEW_WINDOW.start))
    assert (stages(begun), begun.alarms) == ([Stage.ACTIVE, Stage.ACTIVE], ())
    unlisted = advance(pair(lineage), Facts(now=NEW_WINDOW.start, peers=PEERS))
    assert stages(unlisted) == [Stage.ACTIVE, Stage.PUBLISHED]


# ------------------------------------------------------------------ ends


def test_a_private_key_is_destroyed_an_hour_after_its_window() -> None:
    keys = pair(old=Stage.RETIRED, new=Stage.ACTIVE)
    end = OLD_WINDOW.end + GRACE
    assert advance(keys, facts(end - timedelta(seconds=1))).steps == ()
    assert reasons(advance(keys, facts(end))) == [("old", Stage.DESTROYED, Reason.ENDED)]


def test_a_key_whose_time_passed_unused_is_put_away() -> None:
    keys = pair(old=Stage.GENERATED, new=Stage.PUBLISHED)
    result = advance(keys, facts(NEW_WINDOW.end + GRACE))
    assert reasons(result) == [
        ("old", Stage.DESTROYED, Reason.UNUSED),
        ("new", Stage.RETIRED, Reason.UNUSED),
        ("new", Stage.DESTROYED, Reason.ENDED),
    ]


def test_a_node_that_was_off_for_a_year_catches_up_at_once() -> None:
    result = advance(pair(), facts(NEW_WINDOW.end + 365 * DAY, needed=frozenset({AUTH})))
    assert stages(result) == [Stage.DESTROYED, Stage.DESTROYED]
    assert alarms(result) == [AlarmKind.NOBODY_SIGNS, AlarmKind.NO_SUCCESSOR]


def test_a_clock_that_is_far_ahead_puts_nothing_away() -> None:
    """Nothing comes back from there, and for a year, by that clock, nobody else has said anything."""
    keys, sure = pair(), OLD_WINDOW.start + 7 * DAY
    ahead = advance(keys, facts(NEW_WINDOW.end + 365 * DAY, sure=sure, needed=frozenset({AUTH})))
    assert (stages(ahead), ahead.steps) == ([key.stage for key in keys], ())
    assert alarms(ahead) == [AlarmKind.NOBODY_SIGNS, AlarmKind.NO_SUCCESSOR]
    assert signers(ahead.keys, OLD_WINDOW.start) == signers(keys, OLD_WINDOW.start) != ()
    later = facts(NEW_WINDOW.end + 365 * DAY, sure=NEW_WINDOW.end + 365 * DAY)
    assert stages(advance(ahead.keys, later)) == [Stage.DESTROYED, Stage.DESTROYED]


def test_of_a_key_whose_end_is_not_sure_the_successor_begins() -> None:
    """A node that nobody answered for weeks must still be able to sign."""
    result = advance(pair(), facts(OLD_WINDOW.end + DAY, sure=OLD_WINDOW.end - DAY))
    assert stages(result) == [Stage.ACTIVE, Stage.ACTIVE]


def test_a_clock_that_is_set_back_undoes_nothing() -> None:
    keys = pair(old=Stage.RETIRED, new=Stage.ACTIVE)
    result = advance(keys, facts(NEW_WINDOW.start - DAY))
    assert result.steps == ()
    assert signers(result.keys, NEW_WINDOW.start - DAY) == (), "outside its window a key signs nothing"


@pytest.mark.parametrize("stage", [Stage.REVOKED, Stage.LOST])
def test_what_is_revoked_or_lost_does_nothing_more(stage: Stage) -> None:
    [key, _] = pair(old=stage)
    assert advance([key], facts(OLD_WINDOW.end + 99 * DAY)).steps == ()
    assert signers([key], START) == ()


# ------------------------------------------------------------------ alarms and dates


def test_a_successor_is_asked_for_at_twice_the_overlap_before_the_end() -> None:
    alone = [ManagedKey("old", AUTH, OLD_WINDOW, Stage.ACTIVE)]
    due = OLD_WINDOW.end - 2 * (OLD_WINDOW.end - NEW_WINDOW.start)
    needed = {"needed": frozenset({AUTH}), "listed": frozenset({"old"})}
    assert alarms(advance(alone, facts(due - timedelta(seconds=1), **needed))) == []
    assert alarms(advance(alone, facts(due, **needed))) == [AlarmKind.NO_SUCCESSOR]
    with_next = [*alone, ManagedKey("new", AUTH, NEW_WINDOW)]
    assert alarms(advance(with_next, facts(due, **needed))) == [AlarmKind.NO_SUCCESSOR], "nobody knows of it"
    assert alarms(advance(with_next, facts(due, needed=frozenset({AUTH})))) == []


@pytest.mark.parametrize(("days", "overlap"), [(30, 7.5 * DAY), (90, MAX_OVERLAP), (365, MAX_OVERLAP)])
def test_windows_overlap_by_a_quarter_and_at_most_two_weeks(days: int, overlap: timedelta) -> None:
    window = Window(START, START + days * DAY)
    following = successor_window(window)
    assert window.end - following.start == overlap
    assert following.end - following.start == days * DAY


def test_the_next_step_has_a_date() -> None:
    dues = {
        Stage.GENERATED: (Stage.PUBLISHED, OLD_WINDOW.start),
        Stage.PUBLISHED: (Stage.ACTIVE, OLD_WINDOW.start),
        Stage.ACTIVE: (Stage.RETIRED, OLD_WINDOW.end),
        Stage.RETIRED: (Stage.DESTROYED, OLD_WINDOW.end + GRACE),
    }
    for stage in Stage:
        due = next_due([ManagedKey("old", AUTH, OLD_WINDOW, stage)], START)
        assert (due and (due.stage, due.at)) == dues.get(stage)
    due = next_due(pair(), NEW_WINDOW.start)
    assert due is not None
    assert (due.kid, due.stage, due.at) == ("new", Stage.ACTIVE, OLD_WINDOW.end - LAST_CALL)


@pytest.mark.parametrize("role", [Role.ROOT, Role.TARGETS])
def test_offline_keys_are_not_managed(role: Role) -> None:
    with pytest.raises(AssertionError):
        Lineage(role)


def test_a_kid_names_one_key() -> None:
    with pytest.raises(AssertionError):
        advance([pair()[0], pair()[0]], facts(START))
