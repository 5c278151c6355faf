"""The one function that performs an act: role, proof, second person, can it be recorded, run, record; in this order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import pytest

from keys.message import Message
from node.acts import partners, quarantine, recipients
from node.acts.act import OPERATORS, Done, Field, Node, act
from node.acts.perform import perform, recorded
from node.audit.log import start_audit
from node.audit.reader import read_audit
from node.errors import ForbiddenError, NodeError, UnauthenticatedError, UsageError
from node.fields import Fact
from node.identity.audit import gaps
from node.store.accounts.records import PersonRole, Request
from protocol.audit import AuditRecord
from support.cheap_node import NODE, CheapNode, empty_store
from support.persons import join, make_persons

ran: list[str] = []
"""What was run, in this test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Something with a hash in it."""

    name: Annotated[str, Field(record=True)]
    hash: Annotated[str, Field(record=False)] = "d41d8cd9"
    sure: Annotated[bool, Field(record=True)] = False
    count: Annotated[int, Field(record=True)] = 0


@act("peer.remove", fresh=True, irreversible=True)
def once(_node: Node, given: Given) -> Done:
    """Cannot be undone."""
    ran.append(given.name)
    facts: dict[str, Fact] = {"peer": given.name, "said": "a text", "key": "secret", "left": 3, "gone": True}
    return Done(said=Message("{name} is gone", given.name), facts=facts, once="key")


@act("peer.grant", roles=OPERATORS)
def wider(_node: Node, given: Given) -> Done | Request:
    """Takes two."""

    def payload() -> bytes:
        ran.append("payload")
        return b"{}"

    return Request(kind="entry.shred", subject=f"{given.name} may read more", payload=payload)


@act("peer.grant")
def breaks(_node: Node, _given: Given) -> Done:
    """Fails."""
    raise UsageError("no")


@dataclass(kw_only=True)
class Somebody:
    """A caller."""

    role: PersonRole | None = None
    fresh: bool = True
    actor: str = "alice"
    details: Mapping[str, str] = field(default_factory=lambda: {"by": "test"})
    proved: list[str] = field(default_factory=list)

    def prove(self) -> str:
        self.proved.append(self.actor)
        return self.actor


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    ran.clear()
    identity = CheapNode.founded(tmp_path).identity()
    with empty_store(tmp_path) as store:
        start_audit(store, NODE)
        yield Node(identity, store)


def records(node: Node) -> list[AuditRecord]:
    return [each.record for each in read_audit(node.store)]


def two(node: Node) -> None:
    persons = make_persons(node.store, node.identity.clock)
    persons.add("alice", PersonRole.OPERATOR, "the passphrase of alice")
    persons.add("bruno", PersonRole.SECURITY, "the passphrase of bruno")
    join(persons, "carla", PersonRole.ANALYST)


def test_what_is_done_is_recorded_without_what_must_not_be(node: Node) -> None:
    perform(once, node, Given(name="nl.example"), Somebody(role=PersonRole.OPERATOR))
    (record,) = records(node)
    assert (record.actor, record.action, record.subject, record.outcome) == (
        "alice",
        "peer.remove",
        "nl.example",
        "ok",
    )
    assert record.details == {
        "by": "test",
        "name": "nl.example",
        "count": "0",
        "peer": "nl.example",
        "left": "3",
        "gone": "yes",
    }
    assert gaps(node.identity) == []


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (partners.Named(name="no"), {"name": "no"}),
        (recipients.Keyed(name="no"), {"name": "no"}),
        (recipients.Keyed(name="no", keep_old=True), {"name": "no", "keep_old": "yes"}),
        (quarantine.QuarantineItem(id="3", reason="no"), {"id": "3", "reason": "no"}),
        (Given(name=""), {"count": "0"}),
    ],
)
def test_what_is_called_no_is_recorded_and_what_is_not_ticked_is_not(
    node: Node, given: object, held: Mapping[str, str]
) -> None:
    assert recorded(given) == held
    perform(once, node, Given(name="no"), Somebody())
    assert records(node)[-1].subject == "no"


@pytest.mark.parametrize(
    ("caller", "error"),
    [
        (Somebody(role=PersonRole.ANALYST), ForbiddenError),
        (Somebody(role=PersonRole.VIEWER), ForbiddenError),
        (Somebody(role=PersonRole.OPERATOR, fresh=False), UnauthenticatedError),
    ],
)
def test_who_may_not_does_nothing(node: Node, caller: Somebody, error: type[NodeError]) -> None:
    with pytest.raises(error):
        perform(once, node, Given(name="nl.example"), caller)
    assert (ran, records(node)) == ([], [])


def test_whoever_has_the_home_needs_no_role(node: Node) -> None:
    perform(once, node, Given(name="nl.example"), Somebody(role=None, actor=""))
    assert records(node)[0].actor == node.identity.actor


def test_what_cannot_be_undone_is_not_begun_when_it_cannot_be_recorded(node: Node) -> None:
    (node.identity.home.folder / "audit-gaps").write_text("where notes should be")
    with pytest.raises((OSError, NodeError)):
        perform(once, node, Given(name="nl.example"), Somebody())
    assert ran == []


def test_what_fails_leaves_no_record(node: Node) -> None:
    with pytest.raises(UsageError):
        perform(breaks, node, Given(name="nl.example"), Somebody())
    assert records(node) == []
    assert gaps(node.identity) == []


def test_a_state_that_cannot_be_read_counts_as_changed(node: Node) -> None:
    readable = iter(["before"])
    act_ = replace(breaks, state=lambda _node: next(readable))
    done = perform(act_, node, Given(name="nl.example"), Somebody())
    assert isinstance(done.failure, UsageError)
    assert [each.outcome for each in records(node)] == ["partly"]


def test_a_request_changes_nothing_until_who_asks_has_proved_it(node: Node) -> None:
    caller = Somebody()
    with pytest.raises(UsageError, match="two persons"):
        perform(wider, node, Given(name="nl.example"), caller)
    assert (ran, caller.proved) == ([], []), "nobody is asked for a passphrase for nothing"
    two(node)
    done = perform(wider, node, Given(name="nl.example"), caller)
    assert (ran, caller.proved, done.outcome) == (["payload"], ["alice"], "requested")
    assert records(node)[-1].outcome == "requested"


@pytest.mark.parametrize("name", ["bruno", "carla"])
def test_who_asks_at_a_terminal_needs_the_role_as_well(node: Node, name: str) -> None:
    two(node)
    with pytest.raises(ForbiddenError, match="not for that role"):
        perform(wider, node, Given(name="nl.example"), Somebody(actor=name))
    assert (ran, records(node)) == ([], [])
