"""Who holds which trust files: said once, true, never going back; and a key begins when all its peers know it."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from keys.errors import BadSignatureError, KeysError
from keys.key import AuthPublicKey, StatementPrivateKey
from keys.roles import Role
from keys.trust.lifecycle import Lineage, ManagedKey, Reason, Stage, advance
from keys.trust.listed_keys import listed_keys
from keys.trust.node_parts import DatedKey
from keys.trust.statement import seal_statement
from keys.trust.window import Window
from node.errors import ConflictError, NotFoundError, PeerUnreachableError, VerificationError
from node.peers.acknowledge import Acknowledger
from node.peers.trust_acknowledgements import ServedTrustAcknowledgements
from node.ports.keyring import RingKey
from node.trust.steps import facts_of
from protocol.acknowledgement import TrustAcknowledgement
from protocol.errors import MalformedError
from support.federation import Agency, Federation


def key_of(agency: Agency) -> StatementPrivateKey:
    return agency.keys.key(StatementPrivateKey, "1")


def desk(owner: Agency, caller: Agency) -> ServedTrustAcknowledgements:
    return ServedTrustAcknowledgements(owner.store, owner.trust, owner.files, owner.clock, caller.name)


def acknowledger(agency: Agency) -> Acknowledger:
    return Acknowledger(agency.store, agency.clock, node=agency.name, signer=key_of(agency))


def serial_of(owner: Agency, peer: Agency) -> int | None:
    with owner.store.read() as unit:
        found = unit.trust_acknowledgements.find(peer.name)
    return None if found is None else found.serial


def pair(federation: Federation) -> tuple[Agency, Agency]:
    fr, nl = federation.peers("fr", "nl")
    fr.publish("a")
    return fr, nl


def true(owner: Agency, caller: Agency) -> TrustAcknowledgement:
    """What `caller` may say of the newest files of `owner`."""
    data = owner.files.get("node.json")
    return TrustAcknowledgement(
        node=caller.name,
        of=owner.name,
        time_ms=owner.now_ms,
        root_version=owner.trust.root().version,
        serial=owner.trust.document().serial,
        document_sha256=sha256(data).digest(),
    )


async def test_a_peer_says_what_it_holds_once(federation: Federation) -> None:
    fr, nl = pair(federation)
    await federation.settle()
    teller = acknowledger(nl)
    assert await teller.tell_trust(fr.name, desk(fr, nl)) is None
    assert serial_of(fr, nl) == fr.trust.document().serial
    assert teller.trust_due(fr.name) is None
    fr.revise(lambda old: replace(old, contact="duty desk"))
    federation.advance(hours=2)
    await federation.settle()
    assert await teller.tell_trust(fr.name, desk(fr, nl)) is None
    assert serial_of(fr, nl) == fr.trust.document().serial


async def test_who_cannot_be_told_is_told_later(federation: Federation) -> None:
    fr, nl = pair(federation)

    class Away:
        async def acknowledge_trust(self, statement: bytes) -> None:
            raise PeerUnreachableError("away")

    class Older:
        async def acknowledge_trust(self, statement: bytes) -> None:
            raise NotFoundError("no such address")

    assert isinstance(await acknowledger(nl).tell_trust(fr.name, Away()), PeerUnreachableError)
    assert await acknowledger(nl).tell_trust(fr.name, Older()) is None
    assert acknowledger(nl).trust_due(fr.name) is not None


Forge = Callable[[TrustAcknowledgement], TrustAcknowledgement]
FORGERIES: dict[str, Forge] = {
    "of another node": lambda said: replace(said, node="de.example"),
    "about another node": lambda said: replace(said, of="de.example"),
    "from the future": lambda said: replace(said, time_ms=said.time_ms + 600_000),
    "a document that nobody signed": lambda said: replace(said, document_sha256=b"x" * 32),
    "another serial": lambda said: replace(said, serial=said.serial + 1),
    "a root of tomorrow": lambda said: replace(said, root_version=2),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_what_is_not_true_is_refused(federation: Federation, forge: Forge) -> None:
    fr, nl = pair(federation)
    with pytest.raises(VerificationError):
        await desk(fr, nl).acknowledge_trust(forge(true(fr, nl)).signed(key_of(nl)))
    assert serial_of(fr, nl) is None
    await desk(fr, nl).acknowledge_trust(true(fr, nl).signed(key_of(nl)))
    assert serial_of(fr, nl) == fr.trust.document().serial


async def test_only_the_caller_signs_for_itself(federation: Federation) -> None:
    fr, nl = pair(federation)
    de = federation.agency("de.example", "DE")
    said = true(fr, nl).to_bytes()
    with pytest.raises(BadSignatureError):
        await desk(fr, nl).acknowledge_trust(seal_statement(TrustAcknowledgement.kind, said, key_of(de)))
    with pytest.raises(MalformedError):
        await desk(fr, nl).acknowledge_trust(
            seal_statement(TrustAcknowledgement.kind, said + b"\0", key_of(nl))
        )
    with pytest.raises(KeysError):
        await desk(fr, nl).acknowledge_trust(seal_statement("acknowledgement", said, key_of(nl)))
    with pytest.raises(NotFoundError):
        await desk(fr, de).acknowledge_trust(seal_statement(TrustAcknowledgement.kind, said, key_of(de)))


async def test_it_never_goes_back(federation: Federation) -> None:
    fr, nl = pair(federation)
    first = true(fr, nl)
    statement = first.signed(key_of(nl))
    await desk(fr, nl).acknowledge_trust(statement)
    await desk(fr, nl).acknowledge_trust(statement)
    federation.advance(minutes=1)
    fr.revise(lambda old: replace(old, contact="duty desk"))
    newer = true(fr, nl)
    await desk(fr, nl).acknowledge_trust(newer.signed(key_of(nl)))
    for said in (first, replace(first, time_ms=newer.time_ms), replace(newer, time_ms=first.time_ms)):
        with pytest.raises(ConflictError):
            await desk(fr, nl).acknowledge_trust(said.signed(key_of(nl)))
    assert serial_of(fr, nl) == newer.serial


async def test_a_removed_peer_is_waited_for_no_longer(federation: Federation) -> None:
    fr, nl = pair(federation)
    await desk(fr, nl).acknowledge_trust(true(fr, nl).signed(key_of(nl)))
    fr.membership.remove_peer(nl.name)
    assert serial_of(fr, nl) is None


async def test_a_key_begins_when_every_peer_knows_it(federation: Federation) -> None:
    fr, nl = pair(federation)
    de = federation.agency("de.example", "DE")
    federation.introduce(fr, de)
    now = fr.clock.now().replace(microsecond=0)
    old = fr.trust.document().auth_keys[0]
    new = AuthPublicKey(fr.keys.create(StatementPrivateKey, "9").public.raw)
    valid = Window(now, old.valid.end)
    document = fr.revise(lambda was: replace(was, auth_keys=(*was.auth_keys, DatedKey(new.kid, new, valid))))
    ring = [
        RingKey(
            managed=ManagedKey(kid, Lineage(Role.AUTH), window, stage), label=label, since=now, serial=serial
        )
        for kid, window, stage, label, serial in (
            (old.key.kid, Window(old.valid.start.replace(year=2020), old.valid.end), Stage.ACTIVE, "1", 1),
            (new.kid, valid, Stage.PUBLISHED, "9", document.serial),
        )
    ]

    def reasons() -> list[Reason]:
        with fr.store.read() as unit:
            facts = facts_of(unit, ring, document, listed_keys(document, fr.trust.root()), fr.clock)
        return [step.reason for step in advance([key.managed for key in ring], facts).steps]

    assert reasons() == []
    await desk(fr, nl).acknowledge_trust(true(fr, nl).signed(key_of(nl)))
    assert reasons() == [], "de.example has not said so"
    await desk(fr, de).acknowledge_trust(true(fr, de).signed(key_of(de)))
    assert reasons() == [Reason.ACKNOWLEDGED, Reason.SUCCEEDED]
