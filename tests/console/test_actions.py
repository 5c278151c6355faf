"""Every action in Chromium, by keyboard: its form is found, filled in and sent, and the page says what was done.

Steps of one walk share a copy of the busy home and stand in an order in which each finds what it needs.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from node.app.accounts import open_sessions
from node.app.approvals import open_approvals
from node.console.surface import ACTIONS, SURFACE
from node.console.world import World
from node.rotation import proposals
from node.store.accounts.records import PasskeyRecord, PersonRole
from support.agencies import BOTH, lawful_table, numbered, table
from support.busy_agency import FILES, busy_console
from support.console_examples import EXAMPLES
from support.console_keys import signed_by_holder
from support.disclosed import take_in_pictures
from support.driving import Step, drive
from support.windows import Windows

_A, _O, _S = PersonRole.ANALYST, PersonRole.OPERATOR, PersonRole.SECURITY
_OWN, _PEER = "fr.example/lists/csam", "nl.example/lists/csam"
_SECRET = "a sentence that only Dora knows"


def _at(query: str) -> Callable[[World], str]:
    return lambda _: query


def _day(days: int) -> Callable[[World], str]:
    return lambda world: f"{world.identity.clock.now() + timedelta(days=days):%Y-%m-%d}"


def _newest(world: World) -> str:
    return f"number={open_approvals(world.identity, world.store).ls()[-1].id}"


def _session(world: World) -> None:
    open_sessions(world.identity, world.store).open("alice")


def _pictures(world: World) -> None:
    take_in_pictures(world.store, "baseline")


def _passkey(world: World) -> None:
    record = PasskeyRecord(
        person="alice", credential=b"an id", sealed_key=b"sealed", sign_count=0, name="a key", added_ms=1
    )
    with world.store.write() as unit:
        unit.passkeys.add(record)


_LISTS: Sequence[Step] = (
    Step("entry-reveal", _A, "shown once: ", query=_at(f"list={_PEER}&index=2")),
    Step(
        "entry-dispute",
        _A,
        "will be blocked",
        fields={"sure": "on", "reason": "error"},
        query=_at(f"list={_PEER}&index=2"),
    ),
    Step("publish", _O, "changes were published"),
    Step("entry-resolve", _A, "publication", fields={"sure": "on"}, query=_at(f"list={_PEER}&index=2")),
    Step("review-publish", _O, "published"),
    Step("review-dispute", _A, "2 hashes will be blocked", fields={"sure": "on"}),
    Step(
        "importing-look",
        _A,
        "Nothing was imported yet",
        fields={"table": table(*numbered("new here", 2)).encode(), "basis": "own", "examined": "on"},
    ),
    Step(
        "importing-take",
        _A,
        "2 rows are new",
        fields={"table": table(*numbered("new here", 2)).encode(), "basis": "own", "examined": "on"},
    ),
    Step(
        "entry-look-up",
        _A,
        "A list held here has this hash",
        fields={"hash": sha256(FILES[-1]).hexdigest()},
        query=_at(""),
    ),
    Step("entry-amend", _A, "2 entries", fields={"review_by": "2030-01-02", "illegal_in": "NL"}),
    Step(
        "entry-reaffirm",
        _A,
        "2 amended",
        fields={"basis": "own", "examined": "on"},
        query=_at(f"list={_OWN}&index=12"),
    ),
    Step("withdraw", _A, "2 entries will end with the next publication", fields={"reason": "legal"}),
    Step("shred", _A, "waits for a second person", person="alice"),
    Step("approve", _S, "was approved", person="bruno", query=_newest),
    Step(
        "readmit",
        _A,
        "waits for a second person",
        person="alice",
        fields={"hash": sha256(BOTH).hexdigest()},
        query=_at("view=shredded"),
    ),
    Step("reject", _S, "was rejected", person="bruno", fields={"reason": "no"}, query=_newest),
)


_WORK: Sequence[Step] = (
    Step(
        "endorse-many",
        _A,
        "1 file",
        fields={"examined": "on"},
        query=_at("peer=nl.example&collection=baseline&basis=own"),
    ),
    Step(
        "proposal-take",
        _A,
        "1 file was taken up",
        fields={"file-1": "on", "collection": "baseline", "basis": "reviewed", "examined": "on"},
    ),
    Step("proposal-refuse", _A, "1 file was refused", fields={"file-2": "on", "reason": "lawful"}),
    Step(
        "dispute-answer",
        _A,
        "The dispute is upheld, signed",
        fields={"outcome": "upheld", "reason": "it is a logo", "final": "on"},
    ),
    Step(
        "quarantine-release", _A, "waits for a second person", person="carla", fields={"reason": "I looked"}
    ),
    Step("evidence-verify", _A, "This was not done", fields={"evidence": b"no evidence"}, refused=True),
    Step("hit-hold", _A, "It is not purged before"),
    Step("hit-unhold", _A, "It is purged in its time"),
    Step("hit-close", _A, "dealt with"),
    Step("release-now", _O, "baseline 2"),
    Step(
        "benign-add",
        _O,
        "4 hashes of 2 rows",
        fields={"name": "wallpapers", "table": lawful_table(*numbered("lawful", 2)).encode()},
    ),
    Step("benign-remove", _O, "is forgotten"),
    Step("tripwire-add", _O, "1 tripwire was added", fields={"hash": sha256(b"never").hexdigest()}),
    Step("tripwire-remove", _O, "is gone"),
    Step("audit-verify", _S, "Verified: "),
    Step("health-examine", _O, r"\d+ checks were made just now"),
)

_PEOPLE: Sequence[Step] = (
    Step("session-close", _O, "The session was ended", person="alice", before=_session),
    Step("passkey-remove", _O, "signs nobody in any more", person="alice", before=_passkey),
    Step("persons-passkey", _S, "signs nobody in any more", person="bruno", before=_passkey),
    Step("person-token", _O, "The token of", person="alice"),
    Step(
        "person-add",
        _O,
        "Request .*dora decides here as analyst",
        person="alice",
        fields={"name": "dora", "passphrase": _SECRET, "passphrase_again": _SECRET},
    ),
    Step(
        "person-reset",
        _O,
        "Request .*carla",
        person="alice",
        fields={"name": "carla", "passphrase": _SECRET, "passphrase_again": _SECRET},
    ),
    Step("person-remove", _O, "fewer than two would be left", person="alice", refused=True),
    Step("sessions-close", _O, "All sessions were ended", person="alice"),
    Step("language", _O, "nothing, at .*/console/account$", person="alice", fields={"language": "en"}),
)

_FEDERATION: Sequence[Step] = (
    Step("peer-sync", _O, "This was not done", refused=True),
    Step("grant-diff", _O, "nothing was changed", fields={"collections": "baseline", "algorithms": "md5"}),
    Step("peer-grant", _O, "may read baseline", fields={"collections": "baseline", "algorithms": "md5"}),
    Step("peer-remove", _O, "is no peer any more"),
    Step(
        "peer-follow",
        _O,
        "is followed, and may read baseline",
        person="alice",
        fields={"collections": "baseline"},
    ),
    Step(
        "member-propose",
        _O,
        "This was not done",
        fields={"url": "https://localhost:1/", "words": " ".join(["abcde"] * 8)},
        refused=True,
    ),
    Step("member-remove", _O, "is no longer followed"),
    Step("witness-ask", _O, "The witnesses were asked"),
    Step("partner-quota", _O, "evaluations a day", person="alice", fields={"files_per_day": "1000"}),
    Step(
        "partner-disclose",
        _O,
        "waits for a second person",
        person="alice",
        fields={"values": "5"},
        before=_pictures,
    ),
    Step("partner-suspend", _O, "is refused", page="partner"),
    Step("partner-resume", _O, "may ask again"),
    Step("partner-invite", _O, "newcomer is invited", fields={"name": "newcomer"}),
    Step(
        "recipient-add",
        _O,
        "waits for a second person",
        person="alice",
        fields={"name": "another", "collections": "baseline", "until": _day(60)},
    ),
    Step("recipient-make-key", _O, "hotline has a new key"),
    Step(
        "recipient-grant",
        _O,
        "hotline may fetch",
        fields={"collections": "baseline", "algorithms": "sha256", "until": _day(10)},
    ),
    Step("recipient-suspend", _O, "is refused from now on"),
    Step("recipient-resume", _O, "may fetch again"),
    Step("recipient-remove", _O, "is forgotten"),
)


def _signed(world: World) -> bytes:
    (one,) = proposals.ls(world.identity.home)
    return signed_by_holder(world, one.path.read_bytes())


_KEYS: Sequence[Step] = (
    Step("key-propose", _S, "The next root is prepared", fields={"targets_threshold": "1"}),
    Step("key-discard", _S, "was thrown away"),
    Step("key-rotate", _S, "The next key is made"),
    Step("key-take-back", _S, "signed by everybody who must", fields={"signed": _signed}),
    Step("key-publish", _S, "is in force"),
    Step("key-allow", _S, "auth-4"),
    Step("key-revoke", _S, "stopped here. Nobody else knows", fields={"sure": "on"}),
)

_WALKS = {"lists": _LISTS, "work": _WORK, "people": _PEOPLE, "federation": _FEDERATION, "keys": _KEYS}
_ELSEWHERE = {
    # Both take a member whose node answers, as those tests run it.
    "holders-join": "test_holders.py::test_a_string_joins_once_and_is_shown_nowhere",
    "holders-ask": "test_holders.py::test_who_holds_it_is_named_and_who_asked_recorded",
    # On the busy home one file waits for this agency's word: the walk has it endorsed by many.
    "endorse": "test_walk.py::test_from_the_overview_to_an_endorsement_and_a_closed_hit",
    # Its button stands there only after the witnesses, who do not run beside this home, have cosigned.
    "key-resume": "test_revoke.py::test_a_log_goes_on_under_another_key_once_that_is_said",
}
"""What is tested elsewhere, and where."""


def test_every_action_is_driven() -> None:
    driven = [step.action for steps in _WALKS.values() for step in steps]
    assert sorted([*driven, *_ELSEWHERE]) == sorted(action.name for action in ACTIONS)
    for file, _, test in (where.partition("::") for where in _ELSEWHERE.values()):
        assert f"async def {test}(" in Path(__file__).with_name(file).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("walk", _WALKS)
@pytest.mark.usefixtures("with_browser")
@pytest.mark.asyncio(loop_scope="module")
async def test_actions_by_keyboard(windows: Windows, busy_home: Path, tmp_path: Path, walk: str) -> None:
    async with busy_console(busy_home, tmp_path / "busy") as busy:
        assert await drive(windows, busy, SURFACE, EXAMPLES, _WALKS[walk]) == []
