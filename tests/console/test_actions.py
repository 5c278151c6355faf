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
from support.busy_agency import FILES
from support.console import RunningConsole
from support.console_examples import EXAMPLES
from support.console_keys import signed_by_holder
from support.disclosed import take_in_pictures
from support.driving import Step, drive
from support.windows import windows_open

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
    Step(action="entry-reveal", role=_A, says="shown once: ", query=_at(f"list={_PEER}&index=2")),
    Step(
        action="entry-dispute",
        role=_A,
        query=_at(f"list={_PEER}&index=2"),
        fields={"sure": "on", "reason": "error"},
        says="will be blocked",
    ),
    Step(action="publish", role=_O, says="changes were published"),
    Step(
        action="entry-resolve",
        role=_A,
        query=_at(f"list={_PEER}&index=2"),
        fields={"sure": "on"},
        says="publication",
    ),
    Step(action="review-publish", role=_O, says="published"),
    Step(action="review-dispute", role=_A, fields={"sure": "on"}, says="2 hashes will be blocked"),
    Step(
        action="importing-look",
        role=_A,
        fields={"table": table(*numbered("new here", 2)).encode(), "basis": "own", "examined": "on"},
        says="Nothing was imported yet",
    ),
    Step(
        action="importing-take",
        role=_A,
        fields={"table": table(*numbered("new here", 2)).encode(), "basis": "own", "examined": "on"},
        says="2 rows are new",
    ),
    Step(
        action="entry-look-up",
        role=_A,
        query=_at(""),
        fields={"hash": sha256(FILES[-1]).hexdigest()},
        says="A list held here has this hash",
    ),
    Step(
        action="entry-amend",
        role=_A,
        fields={"review_by": "2030-01-02", "illegal_in": "NL"},
        says="2 entries",
    ),
    Step(
        action="entry-reaffirm",
        role=_A,
        query=_at(f"list={_OWN}&index=12"),
        fields={"basis": "own", "examined": "on"},
        says="2 amended",
    ),
    Step(
        action="withdraw",
        role=_A,
        fields={"reason": "legal"},
        says="2 entries will end with the next publication",
    ),
    Step(action="shred", role=_A, person="alice", says="waits for a second person"),
    Step(action="approve", role=_S, person="bruno", query=_newest, says="was approved"),
    Step(
        action="readmit",
        role=_A,
        person="alice",
        query=_at("view=shredded"),
        fields={"hash": sha256(BOTH).hexdigest()},
        says="waits for a second person",
    ),
    Step(
        action="reject", role=_S, person="bruno", query=_newest, fields={"reason": "no"}, says="was rejected"
    ),
)


_WORK: Sequence[Step] = (
    Step(
        action="endorse-many",
        role=_A,
        query=_at("peer=nl.example&collection=baseline&basis=own"),
        fields={"examined": "on"},
        says="1 file",
    ),
    Step(
        action="proposal-take",
        role=_A,
        fields={"file-1": "on", "collection": "baseline", "basis": "reviewed", "examined": "on"},
        says="1 file was taken up",
    ),
    Step(
        action="proposal-refuse",
        role=_A,
        fields={"file-2": "on", "reason": "lawful"},
        says="1 file was refused",
    ),
    Step(
        action="dispute-answer",
        role=_A,
        fields={"outcome": "upheld", "reason": "it is a logo", "final": "on"},
        says="The dispute is upheld, signed",
    ),
    Step(
        action="quarantine-release",
        role=_A,
        person="carla",
        fields={"reason": "I looked"},
        says="waits for a second person",
    ),
    Step(
        action="evidence-verify",
        role=_A,
        fields={"evidence": b"no evidence"},
        refused=True,
        says="This was not done",
    ),
    Step(action="hit-hold", role=_A, says="It is not purged before"),
    Step(action="hit-unhold", role=_A, says="It is purged in its time"),
    Step(action="hit-close", role=_A, says="dealt with"),
    Step(action="release-now", role=_O, says="baseline 2"),
    Step(
        action="benign-add",
        role=_O,
        fields={"name": "wallpapers", "table": lawful_table(*numbered("lawful", 2)).encode()},
        says="4 hashes of 2 rows",
    ),
    Step(action="benign-remove", role=_O, says="is forgotten"),
    Step(
        action="tripwire-add",
        role=_O,
        fields={"hash": sha256(b"never").hexdigest()},
        says="1 tripwire was added",
    ),
    Step(action="tripwire-remove", role=_O, says="is gone"),
    Step(action="audit-verify", role=_S, says="Verified: "),
    Step(action="health-examine", role=_O, says=r"\d+ checks were made just now"),
)

_PEOPLE: Sequence[Step] = (
    Step(action="session-close", role=_O, person="alice", before=_session, says="The session was ended"),
    Step(action="passkey-remove", role=_O, person="alice", before=_passkey, says="signs nobody in any more"),
    Step(action="persons-passkey", role=_S, person="bruno", before=_passkey, says="signs nobody in any more"),
    Step(action="person-token", role=_O, person="alice", says="The token of"),
    Step(
        action="person-add",
        role=_O,
        person="alice",
        fields={"name": "dora", "passphrase": _SECRET, "passphrase_again": _SECRET},
        says="Request .*dora decides here as analyst",
    ),
    Step(
        action="person-reset",
        role=_O,
        person="alice",
        fields={"name": "carla", "passphrase": _SECRET, "passphrase_again": _SECRET},
        says="Request .*carla",
    ),
    Step(action="person-remove", role=_O, person="alice", refused=True, says="fewer than two would be left"),
    Step(action="sessions-close", role=_O, person="alice", says="All sessions were ended"),
    Step(
        action="language",
        role=_O,
        person="alice",
        fields={"language": "en"},
        says="nothing, at .*/console/account$",
    ),
)

_FEDERATION: Sequence[Step] = (
    Step(action="peer-sync", role=_O, refused=True, says="This was not done"),
    Step(
        action="grant-diff",
        role=_O,
        fields={"collections": "baseline", "algorithms": "md5"},
        says="nothing was changed",
    ),
    Step(
        action="peer-grant",
        role=_O,
        fields={"collections": "baseline", "algorithms": "md5"},
        says="may read baseline",
    ),
    Step(action="peer-remove", role=_O, says="is no peer any more"),
    Step(
        action="peer-follow",
        role=_O,
        person="alice",
        fields={"collections": "baseline"},
        says="is followed, and may read baseline",
    ),
    Step(
        action="member-propose",
        role=_O,
        fields={"url": "https://localhost:1/", "words": " ".join(["abcde"] * 8)},
        refused=True,
        says="This was not done",
    ),
    Step(action="member-remove", role=_O, says="is followed no more"),
    Step(action="witness-ask", role=_O, says="The witnesses were asked"),
    Step(
        action="partner-quota",
        role=_O,
        person="alice",
        fields={"files_per_day": "1000"},
        says="evaluations a day",
    ),
    Step(
        action="partner-disclose",
        role=_O,
        person="alice",
        fields={"values": "5"},
        before=_pictures,
        says="waits for a second person",
    ),
    Step(action="partner-suspend", role=_O, page="partner", says="is refused"),
    Step(action="partner-resume", role=_O, says="may ask again"),
    Step(action="partner-invite", role=_O, fields={"name": "newcomer"}, says="newcomer is invited"),
    Step(
        action="recipient-add",
        role=_O,
        person="alice",
        fields={"name": "another", "collections": "baseline", "until": _day(60)},
        says="waits for a second person",
    ),
    Step(action="recipient-make-key", role=_O, says="hotline has a new key"),
    Step(
        action="recipient-grant",
        role=_O,
        fields={"collections": "baseline", "algorithms": "sha256", "until": _day(10)},
        says="hotline may fetch",
    ),
    Step(action="recipient-suspend", role=_O, says="is refused from now on"),
    Step(action="recipient-resume", role=_O, says="may fetch again"),
    Step(action="recipient-remove", role=_O, says="is forgotten"),
)


def _signed(world: World) -> bytes:
    (one,) = proposals.ls(world.identity.home)
    return signed_by_holder(world, one.path.read_bytes())


_KEYS: Sequence[Step] = (
    Step(action="key-propose", role=_S, fields={"targets_threshold": "1"}, says="The next root is prepared"),
    Step(action="key-discard", role=_S, says="was thrown away"),
    Step(action="key-rotate", role=_S, says="The next key is made"),
    Step(action="key-take-back", role=_S, fields={"signed": _signed}, says="signed by everybody who must"),
    Step(action="key-publish", role=_S, says="is in force"),
    Step(action="key-allow", role=_S, says="auth-4"),
    Step(action="key-revoke", role=_S, fields={"sure": "on"}, says="stopped here. Nobody else knows"),
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
async def test_actions_by_keyboard(busy: RunningConsole, walk: str) -> None:
    async with windows_open() as windows:
        assert await drive(windows, busy, SURFACE, EXAMPLES, _WALKS[walk]) == []
