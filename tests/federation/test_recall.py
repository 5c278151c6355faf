"""Who has applied a withdrawal: acknowledgements are signed, true, never go back, and their latency is measured."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace

import pytest

from keys.errors import BadSignatureError, KeysError, MalformedTrustError
from keys.key import StatementPrivateKey
from keys.trust.statement import seal_statement
from node.clock import milliseconds
from node.errors import (
    ConflictError,
    MissingObjectError,
    NotFoundError,
    PeerUnreachableError,
    VerificationError,
)
from node.judgement.recall import (
    Latency,
    PeerState,
    WithdrawalReport,
    has_waiting,
    recall,
    report_withdrawals,
)
from node.peers.acknowledge import Acknowledger, Behind, not_applied
from node.peers.acknowledgements import ServedAcknowledgements
from node.store.store import Store
from protocol.acknowledgement import Acknowledgement
from protocol.errors import MalformedError
from support.federation import Agency, Federation
from support.new_stores import MemoryObjects

MINUTE = 60_000


def key_of(agency: Agency) -> StatementPrivateKey:
    return agency.keys.key(StatementPrivateKey, "1")


async def tell(follower: Agency, owner: Agency) -> None:
    acknowledger = Acknowledger(follower.store, follower.clock, node=follower.name, signer=key_of(follower))
    api = ServedAcknowledgements(owner.store, owner.clock, follower.name)
    assert await acknowledger.tell(owner.name, api) is None


def releases(agency: Agency, owner: Agency, size: int) -> None:
    """As if a subset of `agency` had been judged by so much of the list of `owner`."""
    with agency.store.write() as unit:
        unit.judged.note("baseline", {owner.origin: size})


def behind(fr: Agency, position: int) -> tuple[Behind, ...]:
    with fr.store.read() as unit:
        return not_applied(unit, unit.logs.get(fr.origin), position)


def pair(federation: Federation) -> tuple[Agency, Agency]:
    fr, nl = federation.peers("fr", "nl")
    fr.publish("a", "b")
    return fr, nl


@pytest.mark.threat("a late withdrawal", "a delisting that does not arrive")
async def test_a_withdrawal_is_followed_until_everybody_has_applied_it(federation: Federation) -> None:
    fr, nl = pair(federation)
    de = federation.agency("de.example", "DE")
    federation.introduce(fr, de)
    await federation.settle()
    await tell(nl, fr)
    releases(nl, fr, 2)
    fr.withdraw("a")
    assert has_waiting(fr.store)
    [waiting] = report_withdrawals(fr.store)
    assert (waiting.first, waiting.last, waiting.published_ms, waiting.open) == (2, 2, None, True)
    fr.publish()
    assert not has_waiting(fr.store)
    published_ms = fr.now_ms
    assert {each.peer for each in behind(fr, 2)} == {"nl.example", "de.example"}
    federation.advance(minutes=5)
    await federation.settle()
    await tell(nl, fr)
    await tell(de, fr)
    [report] = report_withdrawals(fr.store)
    later = published_ms + 5 * MINUTE
    assert report.peers == (
        PeerState(peer="de.example", held_ms=later, released_ms=later),
        PeerState(peer="nl.example", held_ms=later, released_ms=None),
    )
    assert behind(fr, 2) == (Behind(peer="nl.example", held_size=3, released_size=2),)
    assert recall(fr.store).held == Latency(count=2, median_ms=5 * MINUTE, max_ms=5 * MINUTE)
    federation.advance(minutes=10)
    releases(nl, fr, 3)
    await tell(nl, fr)
    assert behind(fr, 2) == ()
    numbers = recall(fr.store)
    assert (numbers.withdrawals, numbers.open) == (1, 0)
    assert numbers.released == Latency(count=2, median_ms=10 * MINUTE, max_ms=15 * MINUTE)
    assert [each.open for each in report_withdrawals(fr.store)] == [False]


class _SlowlyRead:
    """What fr stores, read by somebody so slow that `meanwhile` comes first."""

    def __init__(self, objects: MemoryObjects, meanwhile: Callable[[], object]) -> None:
        self._objects = objects
        self._meanwhile: list[Callable[[], object]] = [meanwhile]

    def get(self, name: str) -> bytes:
        while self._meanwhile:
            self._meanwhile.pop()()
        return self._objects.get(name)


async def test_an_acknowledgement_that_a_publication_overtakes_counts(federation: Federation) -> None:
    fr, nl = pair(federation)
    await federation.settle()
    fr.add("c")
    slow = copy(fr.store)
    slow.objects = _SlowlyRead(fr.objects, fr.publish)  # type: ignore[assignment]
    acknowledger = Acknowledger(nl.store, nl.clock, node=nl.name, signer=key_of(nl))
    assert await acknowledger.tell("fr.example", ServedAcknowledgements(slow, fr.clock, nl.name)) is None
    assert fr.log().head.size == 3
    assert {each.held_size for each in behind(fr, 2)} == {2}


async def test_an_acknowledgement_of_a_list_that_was_damaged(federation: Federation) -> None:
    fr, nl = pair(federation)
    await federation.settle()
    slow = copy(fr.store)
    slow.objects = _SlowlyRead(fr.objects, fr.objects.data.clear)  # type: ignore[assignment]
    acknowledger = Acknowledger(nl.store, nl.clock, node=nl.name, signer=key_of(nl))
    with pytest.raises(MissingObjectError):
        await acknowledger.tell("fr.example", ServedAcknowledgements(slow, fr.clock, nl.name))


async def test_what_was_withdrawn_before_a_peer_came_is_no_latency(federation: Federation) -> None:
    fr = federation.agency("fr.example", "FR")
    fr.publish("a")
    fr.withdraw("a")
    fr.publish()
    federation.advance(days=30)
    nl = federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    await federation.settle()
    await tell(nl, fr)
    assert [each.open for each in report_withdrawals(fr.store)] == [False]
    assert recall(fr.store).held is None


async def test_it_is_said_again_only_when_it_changed(federation: Federation) -> None:
    fr, nl = pair(federation)
    await federation.settle()
    acknowledger = Acknowledger(nl.store, nl.clock, node=nl.name, signer=key_of(nl))
    assert [each.held_size for each in acknowledger.due("fr.example")] == [2]
    await tell(nl, fr)
    federation.advance(hours=1)
    assert acknowledger.due("fr.example") == []
    releases(nl, fr, 1)
    assert [each.released_size for each in acknowledger.due("fr.example")] == [1]


async def test_a_peer_that_does_not_listen_is_told_again(federation: Federation) -> None:
    fr, nl = pair(federation)
    await federation.settle()

    class Deaf:
        async def acknowledge(self, origin: str, statement: bytes) -> None:
            raise PeerUnreachableError("no answer")

    acknowledger = Acknowledger(nl.store, nl.clock, node=nl.name, signer=key_of(nl))
    assert isinstance(await acknowledger.tell("fr.example", Deaf()), PeerUnreachableError)
    assert len(acknowledger.due("fr.example")) == 1
    await tell(nl, fr)


def true(fr: Agency, nl: Agency) -> Acknowledgement:
    head = fr.log().head
    return Acknowledgement(
        node=nl.name,
        origin=fr.origin,
        time_ms=milliseconds(nl.clock.now()),
        held_size=head.size,
        held_root=head.root,
        released_size=1,
    )


Forge = Callable[[Acknowledgement], Acknowledgement]

FORGERIES: dict[str, tuple[Forge, type[Exception]]] = {
    "of another node": (lambda said: replace(said, node="de.example"), VerificationError),
    "of another list": (lambda said: replace(said, origin="fr.example/lists/other"), VerificationError),
    "of another history": (lambda said: replace(said, held_root=bytes(32)), VerificationError),
    "of more than was published": (lambda said: replace(said, held_size=9), VerificationError),
    "from the future": (lambda said: replace(said, time_ms=said.time_ms + 6 * MINUTE), VerificationError),
}


@pytest.mark.parametrize(("forge", "error"), FORGERIES.values(), ids=FORGERIES)
async def test_what_is_not_true_is_refused(
    federation: Federation, forge: Forge, error: type[Exception]
) -> None:
    fr, nl = pair(federation)
    api = ServedAcknowledgements(fr.store, fr.clock, nl.name)
    statement = forge(true(fr, nl)).signed(key_of(nl))
    with pytest.raises(error):
        await api.acknowledge(fr.origin, statement)
    assert behind(fr, 0) == (Behind(peer="nl.example", held_size=0, released_size=None),)
    await api.acknowledge(fr.origin, true(fr, nl).signed(key_of(nl)))


async def test_only_the_caller_signs_for_itself(federation: Federation) -> None:
    fr, nl = pair(federation)
    de = federation.agency("de.example", "DE")
    said = true(fr, nl).to_bytes()
    api = ServedAcknowledgements(fr.store, fr.clock, nl.name)
    with pytest.raises(BadSignatureError):
        await api.acknowledge(fr.origin, seal_statement(Acknowledgement.kind, said, key_of(de)))
    with pytest.raises(MalformedTrustError):
        await api.acknowledge(fr.origin, seal_statement("receipt", said, key_of(nl)))
    with pytest.raises(MalformedError):
        await api.acknowledge(fr.origin, seal_statement(Acknowledgement.kind, said + b"\0", key_of(nl)))
    with pytest.raises(KeysError):
        await api.acknowledge(fr.origin, b"{}")
    stranger = ServedAcknowledgements(fr.store, fr.clock, de.name)
    with pytest.raises(NotFoundError):
        await stranger.acknowledge(fr.origin, seal_statement(Acknowledgement.kind, said, key_of(de)))
    with pytest.raises(NotFoundError):
        await api.acknowledge("fr.example/lists/none", seal_statement(Acknowledgement.kind, said, key_of(nl)))


async def test_a_peers_list_is_not_acknowledged_here(federation: Federation) -> None:
    fr, nl = pair(federation)
    await federation.settle()
    api = ServedAcknowledgements(nl.store, nl.clock, fr.name)
    with pytest.raises(NotFoundError):
        await api.acknowledge(fr.origin, true(fr, nl).signed(key_of(fr)))


async def test_an_expired_document_signs_nothing(federation: Federation) -> None:
    fr, nl = pair(federation)
    federation.advance(days=181)
    api = ServedAcknowledgements(fr.store, fr.clock, nl.name)
    with pytest.raises(VerificationError):
        await api.acknowledge(fr.origin, true(fr, nl).signed(key_of(nl)))


async def test_it_never_goes_back(federation: Federation) -> None:
    fr, nl = pair(federation)
    api = ServedAcknowledgements(fr.store, fr.clock, nl.name)
    first = true(fr, nl)
    old_root = fr.log().head
    statement = first.signed(key_of(nl))
    await api.acknowledge(fr.origin, statement)
    await api.acknowledge(fr.origin, statement)
    federation.advance(minutes=1)
    fr.publish("c")
    newer = replace(true(fr, nl), released_size=2)
    await api.acknowledge(fr.origin, newer.signed(key_of(nl)))
    backwards = [
        first,
        replace(newer, held_size=old_root.size, held_root=old_root.root),
        replace(newer, released_size=1),
        replace(newer, time_ms=first.time_ms),
    ]
    for said in backwards:
        with pytest.raises(ConflictError):
            await api.acknowledge(fr.origin, said.signed(key_of(nl)))
    stopped = replace(newer, released_size=None, time_ms=newer.time_ms + 1)
    await api.acknowledge(fr.origin, stopped.signed(key_of(nl)))
    assert behind(fr, 2) == ()


async def test_what_a_peer_said_before_it_was_removed_does_not_count(federation: Federation) -> None:
    """Its machine was lost; whoever comes back under the name holds nothing, and lists what was withdrawn."""
    fr, nl = pair(federation)
    before = fr.log().head
    fr.withdraw("a")
    fr.publish()
    nl.publish("c")
    await federation.settle()
    await tell(nl, fr)
    await tell(fr, nl)
    assert behind(fr, 2) == ()
    grant = fr.grant_of(nl.name)
    fr.membership.remove_peer(nl.name)
    fr.membership.add_peer(nl.name, grant)
    assert behind(fr, 2) == (Behind(peer=nl.name, held_size=0, released_size=None),)
    [report] = report_withdrawals(fr.store)
    assert report.peers == (PeerState(peer=nl.name, held_ms=None, released_ms=None),)
    acknowledger = Acknowledger(fr.store, fr.clock, node=fr.name, signer=key_of(fr))
    assert [each.origin for each in acknowledger.due(nl.name)] == [nl.origin], "it is told again"
    fresh = replace(true(fr, nl), held_size=before.size, held_root=before.root, released_size=None)
    await ServedAcknowledgements(fr.store, fr.clock, nl.name).acknowledge(fr.origin, fresh.signed(key_of(nl)))
    assert behind(fr, 2) == (Behind(peer=nl.name, held_size=2, released_size=None),)


async def test_a_peer_that_is_removed_meanwhile_is_no_latency(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The running node measures while somebody types a command."""
    fr, nl = pair(federation)
    fr.withdraw("a")
    fr.publish()
    await federation.settle()
    await tell(nl, fr)
    found = report_withdrawals(fr.store)

    def overtaken(_: Store) -> tuple[WithdrawalReport, ...]:
        fr.membership.remove_peer(nl.name)
        return found

    monkeypatch.setattr("node.judgement.recall.report_withdrawals", overtaken)
    assert recall(fr.store).held is None
