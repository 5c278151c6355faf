"""The night a key is stolen: the thief goes on using it, and what he gains by it once it is taken back."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from keys.encoding import MAX_INTEGER
from keys.key import AuthPrivateKey, AuthPublicKey, WitnessPrivateKey, WitnessPublicKey
from keys.roles import Role
from keys.trust.lifecycle import Lineage
from keys.trust.node_document import NodeDocument, sign_node_document
from keys.trust.revocations import Reason, Revocation, none_revoked
from node.access.callers import StoredCallers
from node.cli.exit_codes import ExitCode
from node.errors import AlreadyExistsError, NotFoundError, UsageError, VerificationError
from node.evidence.keep import accused_nodes, verify
from node.peers.sync import sync
from node.rotation.doubt import head_at, rounds
from node.trust.others.revocations import accept
from node.trust.own import window
from node.trust.revoke import next_witness_name, resume_log, revoke_keys
from node.trust.successors import with_key
from protocol.digest import Digest
from protocol.errors import UntrustedError
from protocol.evidence import encode_fork
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from support.ceremonies import replace_everybody
from support.elsewhere import hand_on, judged
from support.federation import Agency, Call, Federation, Meddle
from support.gossiping import ask, kept
from support.lists import digest
from support.revoked_keys import revoke_log_key
from support.trust import sign_revocations
from support.witnesses import Witnesses

Three = tuple[Agency, Agency, Agency]


@pytest.fixture
async def agencies(federation: Federation) -> Three:
    """France, the Netherlands and Germany follow each other, and list `shared` and `french` under k = 2."""
    fr, nl, de = federation.peers("fr", "nl", "de")
    fr.add("shared", "french", "reaffirmed")
    nl.add("shared", "planted", "planted later", "own later")
    for one in (fr, nl):
        one.publish()
    await federation.settle()
    return fr, nl, de


def files(*names: str) -> set[Digest]:
    return {digest(name) for name in names}


def revoke(agency: Agency, role: Role, name: str, new: AuthPublicKey | WitnessPublicKey) -> None:
    """Take a key back and name another in its place, from now on."""
    now = agency.clock.now()
    revocation = Revocation(role=role, key=name, time=now.replace(microsecond=0), reason=Reason.COMPROMISE)

    def change(document: NodeDocument) -> NodeDocument:
        witness = document.witness
        if role is not Role.WITNESS or witness is None:
            return with_key(document, Lineage(role), new, window(now, 90))
        renamed = replace(witness, name=next_witness_name(witness.name), vkeys=())
        lineage = Lineage(role, renamed.name)
        return with_key(replace(document, witness=renamed), lineage, new, window(now, 90))

    revoke_keys(agency.trust, agency.store, [revocation], document=change, signers=agency.signers)


def resume(agency: Agency) -> None:
    """The new key signed the head, and the holders say that it goes on from there."""
    resume_log(agency.trust, agency.store, agency.origin, agency.log().head.size, signers=agency.signers)


@pytest.mark.threat("a stolen online key")
async def test_what_a_thief_added_never_counts_and_what_he_withdrew_ends_here_alone(
    federation: Federation, agencies: Three
) -> None:
    fr, _, de = agencies
    good = fr.log().head.size
    fr.add("planted")
    fr.withdraw("french")
    fr.withdraw("shared")
    fr.publish()
    revoke_log_key(fr, last_good=good)
    fr.publish()
    await federation.settle()
    for agency in agencies:
        assert agency.effective() == set(), agency.name
    fr.publish("planted later")
    await federation.settle()
    assert de.effective() == set(), "nothing counts before the holders said from which size on"
    resume(fr)
    fr.publish("own later")
    federation.advance(hours=1)
    await federation.settle()
    for agency in agencies:
        assert agency.effective() == files("own later"), agency.name
    assert not kept(de)


async def test_what_was_effective_stays_where_the_thief_only_added(
    federation: Federation, agencies: Three
) -> None:
    fr, _, de = agencies
    good = fr.log().head.size
    fr.publish("planted")
    await federation.settle()
    assert de.effective() == files("shared", "planted"), "before anybody knows"
    revoke_log_key(fr, last_good=good)
    fr.publish()
    resume(fr)
    federation.advance(hours=1)
    await federation.settle()
    for agency in agencies:
        assert agency.effective() == files("shared"), agency.name


async def test_the_owner_adds_again_what_was_its_own_in_the_range(
    federation: Federation, agencies: Three
) -> None:
    fr, _, de = agencies
    good = fr.log().head.size
    fr.add("planted")
    fr.withdraw("shared")
    fr.publish()
    revoke_log_key(fr, last_good=good)
    fr.add("planted")
    assert fr.log().tail == fr.log().head.size, "while it is not said where the list goes on, it is listed"
    resume(fr)
    fr.add("planted", "shared", "french")
    assert fr.publish().adds == 2
    fr.add("planted", "shared", "french")
    assert not fr.publish().changed
    federation.advance(hours=1)
    await federation.settle()
    for agency in agencies:
        assert agency.effective() == files("shared", "planted"), agency.name
    assert de.log(fr.origin).head == fr.log().head


async def test_a_note_by_the_stolen_key_is_refused(federation: Federation, agencies: Three) -> None:
    fr, _, de = agencies
    stolen = revoke_log_key(fr, last_good=fr.log().head.size)
    fr.publish()
    await federation.settle()
    head = fr.log().head
    fr.publish("more")
    forged = sign_checkpoint(Checkpoint(fr.origin, head.size + 1, b"\x01" * 32), [stolen])
    federation.link(de, fr).meddle = answering("checkpoint", forged)
    report = await federation.sync(de, fr)
    assert isinstance(report.failure, UntrustedError)
    assert de.log(fr.origin).head.size == head.size


async def test_the_head_is_waited_for_that_the_next_key_has_yet_to_sign(
    federation: Federation, agencies: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node lists a key that it takes back, and signs the head anew with the next one once it has opened that."""
    monkeypatch.setattr(sync, "_SUCCESSOR_SECONDS", 0.3)
    fr, _, de = agencies
    fr.publish("more")
    before = fr.log().note
    assert before is not None
    revoke_log_key(fr, last_good=fr.log().head.size)
    began: list[float] = []

    def late(call: Call, answer: bytes) -> bytes:
        if call.what != "checkpoint" or call.origin != fr.origin:
            return answer
        began.append(asyncio.get_running_loop().time())
        return before if began[-1] - began[0] < 0.2 else answer

    federation.link(de, fr).meddle = late
    report = await federation.sync(de, fr)
    assert report.succeeded, report.words
    assert de.log(fr.origin).head == fr.log().head


async def test_two_histories_by_a_stolen_key_convict_nobody(federation: Federation, agencies: Three) -> None:
    fr, _, de = agencies
    stolen = revoke_log_key(fr, last_good=fr.log().head.size)
    notes = [sign_checkpoint(Checkpoint(fr.origin, 2, bytes([number]) * 32), [stolen]) for number in (1, 2)]
    fork = encode_fork(*notes)
    assert verify(fork, accused_nodes(de.store, de.introductions, de.trust)).subject == fr.origin
    federation.advance(hours=1)
    await federation.settle()
    with pytest.raises(UntrustedError):
        verify(fork, accused_nodes(de.store, de.introductions, de.trust))


@pytest.mark.threat("a stolen online key")
async def test_whoever_keeps_the_revocations_back_gains_nothing(
    federation: Federation, agencies: Three
) -> None:
    """The thief answers at the node's address: he has to show the document, and keeps from it what it names."""
    fr, nl, de = agencies
    good = fr.log().head.size
    fr.publish("planted")
    revoke_log_key(fr, last_good=good)
    resume(fr)
    link = federation.link(de, fr)
    link.meddle = refusing("revoked")
    report = await federation.sync(de, fr)
    assert "withholds its revocations" in report.words
    assert de.log(fr.origin).head.size == good + 1, "removals would have come"
    assert de.effective() == set()
    await federation.sync(nl, fr)
    await ask(de, nl)
    assert de.effective() == files("shared")
    assert (await federation.sync(de, fr)).succeeded


async def test_a_peer_that_is_kept_from_the_node_learns_from_others(
    federation: Federation, agencies: Three
) -> None:
    fr, nl, de = agencies
    good = fr.log().head.size
    fr.publish("planted")
    await federation.settle()
    assert digest("planted") in de.effective()
    revoke_log_key(fr, last_good=good)
    resume(fr)
    federation.advance(hours=1)
    await federation.sync(nl, fr)
    await ask(de, nl)
    assert de.effective() == files("shared")


@pytest.mark.parametrize("what", ["older", "other"])
async def test_revocations_that_were_learned_are_not_forgotten(
    federation: Federation, agencies: Three, what: str
) -> None:
    fr, _, de = agencies
    revoke_log_key(fr, last_good=fr.log().head.size)
    resume(fr)
    await federation.sync(de, fr)
    with de.store.read() as unit:
        held = unit.revocations.get(fr.name)
    revocations = fr.trust.revocations()
    older = replace(revocations, version=1, entries=())
    other = replace(revocations, version=revocations.version + 1, entries=())
    data = sign_revocations(older if what == "older" else other, fr.signers)
    with pytest.raises(VerificationError, match="do not follow"):
        accept(de.store, fr.trust.root(), data)
    with de.store.read() as unit:
        assert unit.revocations.get(fr.name) == held


async def test_revocations_that_others_signed_are_refused(agencies: Three) -> None:
    fr, nl, de = agencies
    data = sign_revocations(none_revoked(fr.name), nl.signers)
    with pytest.raises(VerificationError, match="refused"):
        accept(de.store, fr.trust.root(), data)


@pytest.mark.threat("a stolen online key")
async def test_a_stolen_auth_key_opens_nothing_any_more(federation: Federation, agencies: Three) -> None:
    fr, _, de = agencies
    stolen = fr.keys.key(AuthPrivateKey, "1").public
    new = AuthPrivateKey.from_seed(os.urandom(32)).public
    callers = StoredCallers(de.store, de.clock)
    assert callers.credential(fr.name, stolen.kid) is not None
    revoke(fr, Role.AUTH, stolen.kid, new)
    await ask(de, fr)
    assert callers.credential(fr.name, stolen.kid) is None
    assert callers.credential(fr.name, new.kid) is not None


async def test_a_key_taken_back_signs_nothing_even_if_a_document_lists_it(
    federation: Federation, agencies: Three
) -> None:
    """A lost key stays in the document, because what it signed stands."""
    fr, _, de = agencies
    lost = fr.trust.document().auth_keys[0]
    revocation = Revocation(
        role=Role.AUTH, key=lost.kid, time=fr.clock.now().replace(microsecond=0), reason=Reason.LOST
    )
    revoke_keys(fr.trust, fr.store, [revocation], document=lambda document: document, signers=fr.signers)
    assert lost in fr.trust.document().auth_keys
    await ask(de, fr)
    assert StoredCallers(de.store, de.clock).credential(fr.name, lost.kid) is None


async def test_a_stolen_witness_key_cosigns_nothing_and_its_name_ends(
    federation: Federation, agencies: Three
) -> None:
    fr, nl, _ = agencies
    witnesses = Witnesses(federation)
    assert (await witnesses.collect(fr)).cosigned == 2
    old = nl.trust.document().witness
    assert old is not None
    new = WitnessPrivateKey.from_seed(os.urandom(32))
    revoke(nl, Role.WITNESS, old.vkeys[0].vkey, new.public)
    named = nl.trust.document().witness
    assert named is not None
    assert (old.name, named.name) == ("nl.example/w1", "nl.example/w2")
    await ask(fr, nl)
    (standing,) = witnesses.standings(fr).ls()
    assert standing.cosigned == 1, "the line of the stolen key is nobody's"
    nl.keys.secrets[Role.WITNESS, "1"] = new.seed
    assert (await witnesses.collect(fr)).cosigned == 2


async def test_a_log_is_resumed_once_and_not_before_its_last_good_head(agencies: Three) -> None:
    fr, _, _ = agencies
    with pytest.raises(NotFoundError, match="no stolen key"):
        resume(fr)
    size = fr.log().head.size
    revoke_log_key(fr, last_good=size)
    with pytest.raises(UsageError, match="before its last good"):
        resume_log(fr.trust, fr.store, fr.origin, size - 1, signers=fr.signers)
    resume(fr)
    assert fr.trust.revocations().doubted(fr.origin) == ()
    with pytest.raises(NotFoundError, match="no stolen key"):
        resume(fr)


async def test_a_key_is_taken_back_once(agencies: Three) -> None:
    fr, _, _ = agencies
    kid = fr.trust.document().auth_keys[0].kid
    new = AuthPrivateKey.from_seed(os.urandom(32)).public
    revoke(fr, Role.AUTH, kid, new)
    with pytest.raises(AlreadyExistsError):
        revoke(fr, Role.AUTH, kid, new)


async def test_what_was_published_when_is_shown_without_hashes(
    federation: Federation, agencies: Three
) -> None:
    fr, _, _ = agencies
    good = fr.log().head.size
    federation.advance(minutes=5)
    fr.add("planted", "planted later")
    fr.withdraw("french")
    fr.publish()
    (before, after) = rounds(fr.store, fr.log())
    assert (before.first, before.size, before.adds) == (0, good, 3)
    assert (after.first, after.size, after.adds, after.withdrawals, after.others) == (3, 6, 2, 1, 0)
    assert after.time_ms - before.time_ms == 300_000
    with pytest.raises(UsageError):
        head_at(fr.store, fr.log(), 7)


def answering(what: str, data: bytes) -> Meddle:
    return lambda call, answer: data if call.what == what else answer


def refusing(what: str) -> Meddle:
    """Somebody at the node's address keeps one kind of file back."""

    def meddle(call: Call, answer: bytes) -> bytes:
        if call.what == what:
            raise NotFoundError("there is no such file")
        return answer

    return meddle


async def test_a_stolen_key_convicts_nobody_on_a_machine_without_a_node(
    agencies: Three, tmp_path: Path
) -> None:
    """The thief hands on two heads that he signed, with the node document of the day before."""
    fr, _, _ = agencies
    before = fr.files.get("node.json")
    stolen = revoke_log_key(fr, last_good=fr.log().head.size)
    one, other = (
        sign_checkpoint(Checkpoint(fr.origin, 9, bytes([letter]) * 32), [stolen]) for letter in b"xy"
    )
    folder = hand_on(encode_fork(held=one, offered=other), fr, tmp_path / "handed on")
    (folder / "node.json").write_bytes(before)
    said = judged(folder, fr)
    assert (said.exit, "of one that it took back later, they say nothing" in said.out + said.err) == (0, True)
    (folder / "revoked.json").write_bytes(fr.files.get("revoked.json"))
    said = judged(folder, fr)
    assert (said.exit, "verified" in said.out + said.err) == (ExitCode.VERIFICATION_FAILED, False)
    (folder / "revoked.json").unlink()
    (folder / "node.json").write_bytes(fr.files.get("node.json"))
    said = judged(folder, fr)
    assert (said.exit, "its file of them is not here" in said.out + said.err) == (
        ExitCode.VERIFICATION_FAILED,
        True,
    )


def greatest(agency: Agency) -> bytes:
    """What a thief of the targets keys signs: a node document with the greatest number there is."""
    document = replace(agency.trust.document(), serial=MAX_INTEGER)
    return sign_node_document(document, agency.signers)


def take_files(taker: Agency, agency: Agency, **files: bytes) -> None:
    """Let `taker` hold these files of the agency, by name without `.json`."""
    with taker.store.write() as unit:
        peer = unit.peers.get(agency.name)
        named = {f"{name}.json": data for name, data in files.items()}
        trust = replace(peer.trust, files={**peer.trust.files, **named})
        unit.peers.update_trust(agency.name, trust, serial=MAX_INTEGER)


def serial(holder: Agency, agency: Agency) -> int:
    with holder.store.read() as unit:
        return unit.peers.get(agency.name).serial


async def test_a_thief_of_targets_keys_is_left_behind_with_his_numbers(
    federation: Federation, agencies: Three
) -> None:
    fr, nl, de = agencies
    take_files(nl, fr, node=greatest(fr))
    await ask(de, nl)
    assert serial(de, fr) == MAX_INTEGER, "as long as the keys count, whoever has them is believed"
    replace_everybody(fr, "after the theft")
    federation.advance(hours=2)
    assert (await federation.sync(de, fr)).succeeded
    assert serial(de, fr) == fr.trust.document().serial < MAX_INTEGER
    await ask(de, nl)
    assert serial(de, fr) == fr.trust.document().serial
    assert not kept(de), "and nobody is accused"


async def test_gossip_brings_no_document_by_keys_that_a_held_root_replaced(agencies: Three) -> None:
    """The root came, and the files that it signs were held back."""
    fr, nl, de = agencies
    take_files(nl, fr, node=greatest(fr))
    replace_everybody(fr, "after the theft")
    with de.store.write() as unit:
        peer = unit.peers.get(fr.name)
        ahead = replace(peer.trust, roots=(*peer.trust.roots, fr.files.get("2.root.json")))
        unit.peers.update_trust(fr.name, ahead, serial=peer.serial)
    before = serial(de, fr)
    await ask(de, nl)
    assert serial(de, fr) == before
