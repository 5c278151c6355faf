"""The keys of a node as its operator sees and replaces them."""

import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from node.clock import SystemClock
from support.agencies import cheapen
from support.processes import Cli, wait_until, waits_for_file


@pytest.fixture
def fr(founded: Cli, tmp_path: Path) -> Cli:
    return founded.copied(tmp_path / "fr")


def test_every_key_is_shown_with_its_stage_and_what_comes_next(fr: Cli) -> None:
    shown = {key["key"]: key for key in fr.run("key", "status").results}
    assert (shown["auth-1"]["stage"], shown["auth-2"]["stage"]) == ("active", "published")
    assert {"root", "targets"}.isdisjoint({key["role"] for key in shown.values()})
    assert {(key["known"], key["peers"]) for key in shown.values()} == {(0, 0)}


def test_what_is_shown_as_published_can_be_let_begin(fr: Cli) -> None:
    assert fr.done("key", "allow", "auth-2")["missing"] == []
    shown = {key["key"]: key["stage"] for key in fr.run("key", "status").results}
    assert shown["auth-2"] == "published", "its window has not begun"


def test_a_successor_begins_at_once_where_nobody_must_know_it(fr: Cli) -> None:
    done = fr.done("key", "rotate", "auth")
    assert done["stage"] == "active"
    shown = {key["key"]: key["stage"] for key in fr.run("key", "status").results}
    assert (shown[done["key"]], shown["auth-1"]) == ("active", "retired")
    assert "key.rotate" in {record["action"] for record in fr.run("audit", "ls").results}


def test_a_successor_can_be_set_for_later(fr: Cli) -> None:
    later = f"{SystemClock().now() + timedelta(days=30):%Y-%m-%d}"
    done = fr.done("key", "rotate", "token", "--at", later)
    assert (done["stage"], done["start"]) == ("published", f"{later}T00:00:00Z")


def test_what_is_due_is_done_once(fr: Cli) -> None:
    steps = {step["key"]: step["stage"] for step in fr.run("key", "advance").results}
    assert steps["auth-2"] == steps["token-2"] == "published"
    assert fr.run("key", "advance").out == ""


def test_a_tls_key_begins_when_its_pin_has_been_public_for_a_week(fr: Cli) -> None:
    done = fr.done("key", "rotate", "tls")
    start = datetime.fromisoformat(done["start"])
    assert (done["key"], done["stage"]) == ("tls-2", "published")
    assert timedelta(days=6) < start - SystemClock().now() <= timedelta(days=7)
    later = f"{SystemClock().now() + timedelta(days=30):%Y-%m-%d}"
    assert fr.done("key", "rotate", "tls", "--at", later)["start"] == f"{later}T00:00:00Z"


def test_of_two_rotations_at_once_the_second_follows_the_first(fr: Cli) -> None:
    """The first stands still where it has its key and is about to end those that are not it."""
    rotate = ("key", "rotate", "storage")
    first = fr.begin(*rotate, stops_at="node.signing.ring_file:FolderKeyRing.change 1")
    second = fr.begin(*rotate)
    wait_until(lambda: second.poll() is not None or waits_for_file(second.pid))
    first.send_signal(signal.SIGCONT)
    for one in (first, second):
        _, said = one.communicate()
        assert one.returncode == 0, said
    shown = {key["key"]: key for key in fr.run("key", "status").results}
    newest = shown["storage-3"]
    assert newest["stage"] == "active"
    assert datetime.fromisoformat(newest["end"]) > SystemClock().now() + timedelta(days=300)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("rotate", "auth", "--at", "tomorrow"), "YYYY-MM-DD"),
        (("rotate", "auth", "--at", "2020-01-01"), "in the past"),
        (("rotate", "auth", "--at", "2090-01-01"), "180 days"),
        (("rotate", "log", "--of", "nobody"), "which log key"),
        (("allow", "auth-9"), "no key auth-9"),
        (("allow", "auth-1"), "waits for nobody"),
    ],
)
def test_what_cannot_be_done_is_said(fr: Cli, words: tuple[str, ...], why: str) -> None:
    before = fr.run("key", "status").out
    finished = fr.run("key", *words)
    assert finished.exit != 0
    assert why in finished.err
    assert fr.run("key", "status").out == before


def test_commands_alone_keep_the_keys_going(fr: Cli) -> None:
    """Nobody runs the node: each command lets begin what should have begun."""
    assert fr.run("list", "create", "later", clock="+100d").exit == 0
    cheapen(fr)
    shown = {key["key"]: key["stage"] for key in fr.run("key", "status", clock="+100d").results}
    assert (shown.get("auth-1"), shown["auth-2"]) == (None, "active"), "destroyed keys are not shown"
