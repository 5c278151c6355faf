"""A peer that shows different people different things is found out by those who talk to each other."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from keys.key import LogPrivateKey
from keys.trust.node_document import open_node_document, sign_node_document
from keys.trust.tuf.root import open_root
from node.errors import VerificationError
from node.evidence.keep import MAX_OPEN
from node.judgement import quarantine
from node.peers.gossip_heads import FREEZE_AFTER, MAX_FETCHED
from node.store.peers.records import EvidenceKind, EvidenceRecord
from protocol.digest import Digest
from protocol.errors import RollbackError
from protocol.evidence import encode_fork
from protocol.gossip import FileKind, Gossip, GossipFile, GossipHead
from protocol.limits import MAX_GOSSIP_EVIDENCE
from protocol.lists.ext import Reason
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from support.adversary import ListPeer, follow
from support.ceremonies import replace_everybody
from support.elsewhere import hand_on, judged
from support.federation import Agency, Federation
from support.gossiping import (
    ToldByHand,
    ask,
    branches,
    gossiper,
    kept,
    round_of_gossip,
    standing_still,
    telling,
)
from support.lists import digest
from support.processes import Finished
from support.stores import let_in
from support.whole import current

HELD = 300


@pytest.fixture
def agencies(federation: Federation) -> list[Agency]:
    return federation.peers("fr", "de", "es", "se")


@pytest.fixture
def liar(agencies: list[Agency]) -> ListPeer:
    """The fifth member, which everybody follows."""
    made = ListPeer("nl.example", agencies[0].time)
    made.grow(HELD)
    for agency in agencies:
        follow(agency, made)
    return made


async def sync(liar: ListPeer, *agencies: Agency) -> None:
    for agency in agencies:
        report = await agency.syncer.sync("nl.example", liar)
        assert report.succeeded, report.words


async def split_view(liar: ListPeer, agencies: list[Agency], *, size: int = HELD) -> None:
    """Half of them see one history, half another."""
    await sync(liar, *agencies[:2])
    branches(liar, common=200, size=size)
    await sync(liar, *agencies[2:])


def verify_elsewhere(agency: Agency, liar: ListPeer, name: str, folder: Path) -> Finished:
    """What somebody who was not there says of what an agency keeps."""
    return judged(hand_on(agency.objects.get(name), liar.identity, folder), liar.identity)


@pytest.mark.threat("two histories")
async def test_a_split_view_is_proved_to_everybody_after_one_round(
    agencies: list[Agency], liar: ListPeer, tmp_path: Path
) -> None:
    await split_view(liar, agencies)
    assert not any(kept(agency) for agency in agencies)
    await round_of_gossip(agencies)
    for agency in agencies:
        [record] = kept(agency)
        assert (record.kind, record.subject) == (EvidenceKind.FORK, liar.origin)
        assert standing_still(agency, liar.origin) is not None
        said = verify_elsewhere(agency, liar, record.object, tmp_path / "judge" / agency.name)
        assert (said.exit, "verified: fork" in said.out) == (0, True)


@pytest.mark.threat("two histories")
async def test_a_split_view_at_different_sizes_is_proved_to_everybody(
    agencies: list[Agency], liar: ListPeer, tmp_path: Path
) -> None:
    await split_view(liar, agencies, size=HELD + 30)
    await round_of_gossip(agencies)
    await round_of_gossip(agencies)
    for agency in agencies:
        [record] = kept(agency)
        assert record.kind is EvidenceKind.DIVERGENCE
        assert standing_still(agency, liar.origin) is not None
        said = verify_elsewhere(agency, liar, record.object, tmp_path / "judge" / agency.name)
        assert (said.exit, "at fault: the log" in said.out) == (0, True)


async def test_altered_evidence_convinces_no_process(
    agencies: list[Agency], liar: ListPeer, tmp_path: Path
) -> None:
    await split_view(liar, agencies, size=HELD + 30)
    await round_of_gossip(agencies)
    agency = next(one for one in agencies if kept(one))
    name = kept(agency)[0].object
    data = bytearray(agency.objects.get(name))
    data[len(data) // 2] ^= 1
    agency.objects.put(name, bytes(data))
    assert verify_elsewhere(agency, liar, name, tmp_path / "judge").exit == 14


async def test_what_was_heard_ahead_is_judged_when_the_log_has_come_that_far(
    agencies: list[Agency], liar: ListPeer
) -> None:
    """Only the one who hears it can find out: the other never asks."""
    honest = liar.history()
    branches(liar, common=200, size=HELD + 30)
    await sync(liar, agencies[1])
    liar.show(honest)
    await sync(liar, agencies[0])
    await ask(agencies[0], agencies[1])
    assert not kept(agencies[0])
    branches(liar, common=HELD, size=HELD + 60)
    await sync(liar, agencies[0])
    await ask(agencies[0], agencies[1])
    [record] = kept(agencies[0])
    assert record.kind is EvidenceKind.DIVERGENCE


async def test_honest_growth_accuses_nobody(
    federation: Federation, agencies: list[Agency], liar: ListPeer
) -> None:
    for step in range(1, 6):
        await sync(liar, *agencies[: step % 4 + 1])
        await round_of_gossip(agencies)
        liar.grow(HELD + step * 77)
        liar.show(liar.writer)
        federation.advance(hours=7)
    await round_of_gossip(agencies)
    assert not any(kept(agency) for agency in agencies)
    assert all(standing_still(agency, liar.origin) is None for agency in agencies[:2])


@pytest.mark.threat("a rollback")
async def test_a_rollback_shown_to_one_is_a_claim_that_convicts_nobody(
    agencies: list[Agency], liar: ListPeer
) -> None:
    await sync(liar, *agencies)
    liar.note = liar.served.note(HELD // 2)
    report = await agencies[0].syncer.sync("nl.example", liar)
    assert isinstance(report.lists[0].error, RollbackError)
    await round_of_gossip(agencies)
    assert [record.kind for record in kept(agencies[0])] == [EvidenceKind.ROLLBACK]
    assert not any(kept(agency) for agency in agencies[1:])
    assert standing_still(agencies[0], liar.origin) is None


@pytest.mark.threat("a freeze")
async def test_a_frozen_view_is_suspected_after_a_while(
    federation: Federation, agencies: list[Agency], liar: ListPeer
) -> None:
    """One agency is shown an old head, again and again, which a peer has seen go on."""
    short = liar.history(HELD // 2)
    await sync(liar, agencies[1])
    liar.show(short)
    await sync(liar, agencies[0])
    for _ in range(3):
        await ask(agencies[0], agencies[1])
        assert not kept(agencies[0])
        federation.advance(seconds=FREEZE_AFTER.total_seconds() / 3)
        await sync(liar, agencies[0])
    await ask(agencies[0], agencies[1])
    [record] = kept(agencies[0])
    assert (record.kind, record.source) == (EvidenceKind.FREEZE, agencies[1].name)
    assert standing_still(agencies[0], liar.origin) is None
    await round_of_gossip(agencies)
    assert not kept(agencies[2]), "a claim is not told on"
    assert len(kept(agencies[0])) == 1


@pytest.mark.threat("a freeze")
async def test_a_log_whose_node_is_silent_is_not_accused(
    federation: Federation, agencies: list[Agency], liar: ListPeer
) -> None:
    short = liar.history(HELD // 2)
    await sync(liar, agencies[1])
    liar.show(short)
    await sync(liar, agencies[0])
    await ask(agencies[0], agencies[1])
    federation.advance(days=2)
    await ask(agencies[0], agencies[1])
    assert not kept(agencies[0])


def second_document(liar: ListPeer) -> bytes:
    """Another document of the same serial, under which another key signs the list."""
    document = liar.identity.trust.document()
    return sign_node_document(replace(document, logs=()), liar.identity.signers)


@pytest.mark.threat("two documents")
async def test_two_documents_of_one_serial_are_proved_and_spread(
    agencies: list[Agency], liar: ListPeer, tmp_path: Path
) -> None:
    await sync(liar, *agencies)
    with agencies[3].store.write() as unit:
        peer = unit.peers.get("nl.example")
        trust = replace(peer.trust, files={**peer.trust.files, "node.json": second_document(liar)})
        unit.peers.update_trust("nl.example", trust, serial=peer.serial)
    await round_of_gossip(agencies)
    for agency in agencies:
        [record] = kept(agency)
        assert (record.kind, record.subject) == (EvidenceKind.TRUST, "nl.example")
        assert standing_still(agency, liar.origin) is not None
        said = verify_elsewhere(agency, liar, record.object, tmp_path / "judge" / agency.name)
        assert (said.exit, "whoever holds its targets keys" in said.out) == (0, True)


@pytest.mark.threat("two documents")
async def test_a_peer_that_shows_two_documents_itself_is_proved_at_once(
    agencies: list[Agency], liar: ListPeer
) -> None:
    await sync(liar, agencies[0])
    liar.show_files(node=second_document(liar))
    agencies[0].syncer._refreshed.clear()
    assert not (await agencies[0].syncer.sync("nl.example", liar)).succeeded
    assert [record.kind for record in kept(agencies[0])] == [EvidenceKind.TRUST]


async def test_a_newer_document_comes_from_whoever_has_it(agencies: list[Agency], liar: ListPeer) -> None:
    """The node itself could hold back that a key was revoked."""
    await sync(liar, *agencies)
    liar.identity.revise(lambda old: old)
    agencies[1].syncer._refreshed.clear()
    await sync(liar, agencies[1])
    await ask(agencies[0], agencies[1])
    root = open_root(liar.identity.files.get("1.root.json"), liar.identity.founded.root_sha256)
    with agencies[0].store.read() as unit:
        peer = unit.peers.get("nl.example")
    newest = liar.identity.trust.document()
    assert (peer.serial, open_node_document(peer.node_document, root)) == (newest.serial, newest)


async def test_a_document_that_is_replaced_before_it_is_fetched_accuses_nobody(
    agencies: list[Agency], liar: ListPeer
) -> None:
    await sync(liar, *agencies)
    liar.identity.revise(lambda old: old)
    agencies[1].syncer._refreshed.clear()
    await sync(liar, agencies[1])
    told = telling(agencies[1]).gossip().to_bytes()  # before its files are others
    peer = ToldByHand(told)
    report = await gossiper(agencies[0]).ask(agencies[1].name, peer)
    assert peer.asked
    assert (report.refused, report.words) == (0, "")


async def test_whoever_has_seen_other_holders_first_tells_nothing_false(
    agencies: list[Agency], liar: ListPeer
) -> None:
    """The register is signed again as it was, the document by keys that only the next root names."""
    await sync(liar, *agencies)
    replace_everybody(liar.identity, "2")
    agencies[1].syncer._refreshed.clear()
    await sync(liar, agencies[1])
    report = await ask(agencies[0], agencies[1])
    assert (report.found, report.refused, report.words) == ((), 0, "")
    agencies[0].syncer._refreshed.clear()
    await sync(liar, agencies[0])
    assert (await ask(agencies[0], agencies[1])).words == ""


def signed(liar: ListPeer, size: int, root: bytes, key: LogPrivateKey | None = None) -> bytes:
    return sign_checkpoint(Checkpoint(liar.origin, size, root), [key or liar.key])


@pytest.mark.threat("gossip abused")
async def test_false_evidence_is_kept_out_and_asked_for_once(agencies: list[Agency], liar: ListPeer) -> None:
    await sync(liar, *agencies)
    stranger = LogPrivateKey.from_seed(b"s" * 32)
    false = [
        encode_fork(
            signed(liar, at + 1, bytes([1]) * 32, stranger), signed(liar, at + 1, bytes([2]) * 32, stranger)
        )
        for at in range(MAX_GOSSIP_EVIDENCE - 1)
    ]
    names = [sha256(data).digest() for data in false]
    told = Gossip.of([GossipHead(liar.origin, false[0])], [], [*names, b"?" * 32])
    peer = ToldByHand(told.to_bytes(), {name.hex(): data for name, data in zip(names, false, strict=True)})
    asking = gossiper(agencies[0])
    report = await asking.ask(agencies[1].name, peer)
    assert (report.found, report.refused) == ((), MAX_FETCHED + 1)
    assert len(peer.asked) == MAX_FETCHED
    for _ in range(20):
        await asking.ask(agencies[1].name, peer)
    assert len(peer.asked) == len(set(peer.asked)) == MAX_GOSSIP_EVIDENCE
    assert not kept(agencies[0])
    assert not [name for name in agencies[0].objects.data if name.startswith("evidence/")]


async def test_a_head_by_a_key_that_is_not_known_here_yet_is_passed_over(
    agencies: list[Agency], liar: ListPeer
) -> None:
    """The log may have another key since, which its node names at the next sync."""
    await sync(liar, *agencies)
    head = signed(liar, 2 * HELD, b"r" * 32, LogPrivateKey.from_seed(b"n" * 32))
    told = ToldByHand(Gossip.of([GossipHead(liar.origin, head)], [], []).to_bytes())
    assert (await gossiper(agencies[0]).ask(agencies[1].name, told)).words == ""
    with agencies[0].store.read() as unit:
        assert not unit.evidence.heard()


@pytest.mark.threat("gossip abused")
async def test_no_key_fills_the_disk(agencies: list[Agency], liar: ListPeer) -> None:
    """The liar's own key can make evidence without end; a few pieces convict it as well."""
    await sync(liar, *agencies)
    forks = [
        encode_fork(signed(liar, at + 1, bytes([1]) * 32), signed(liar, at + 1, bytes([2]) * 32))
        for at in range(50)
    ]
    names = {sha256(data).hexdigest(): data for data in forks}
    peer = ToldByHand(Gossip.of([], [], map(bytes.fromhex, names)).to_bytes(), names)
    asking = gossiper(agencies[0])
    for _ in range(5):
        await asking.ask(agencies[1].name, peer)
    assert len(kept(agencies[0])) == MAX_OPEN
    with agencies[0].store.read() as unit:
        assert len(unit.quarantine.ls()) == 1


async def test_no_key_fills_the_disk_with_many_logs(
    agencies: list[Agency], liar: ListPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names as many logs as it likes; the one that is followed is convicted all the same, and only once."""
    monkeypatch.setattr("node.evidence.keep.MAX_OF_NODE", 4)
    await sync(liar, *agencies)
    origins = [f"nl.example/subsets/s{at}" for at in range(8)]
    for origin in origins:
        liar.identity.announce(origin, liar.key)
    agencies[0].syncer._refreshed.clear()
    await sync(liar, agencies[0])

    def told(*forks: tuple[str, int]) -> ToldByHand:
        names = {}
        for origin, size in forks:
            one, other = (
                sign_checkpoint(Checkpoint(origin, size, root * 32), [liar.key]) for root in (b"1", b"2")
            )
            data = encode_fork(one, other)
            names[sha256(data).hexdigest()] = data
        return ToldByHand(Gossip.of([], [], map(bytes.fromhex, names)).to_bytes(), names)

    asking = gossiper(agencies[0])
    await asking.ask(agencies[1].name, told(*((origin, 9) for origin in origins)))
    assert len(kept(agencies[0])) == 4
    assert standing_still(agencies[0], liar.origin) is None
    await asking.ask(agencies[1].name, told((liar.origin, 9), (liar.origin, 10)))
    assert [one.subject for one in kept(agencies[0])].count(liar.origin) == 1
    assert standing_still(agencies[0], liar.origin) is not None
    fork = told((liar.origin, 11))
    released = next(one for one in quarantine.ls(agencies[0].store, agencies[0].trust.members()))
    let_in(agencies[0].store, agencies[0].trust.members(), released.id, now_ms=1)
    await asking.ask(agencies[1].name, fork)
    assert standing_still(agencies[0], liar.origin) is not None, "nobody has looked at this one"


async def test_heads_of_logs_that_nobody_follows_are_not_remembered(
    agencies: list[Agency], liar: ListPeer
) -> None:
    """A node can name thousands of logs in its document, other ones in the next, and sign heads of them all."""
    await sync(liar, *agencies)
    origins = [f"nl.example/subsets/s{at}" for at in range(5)]
    for origin in origins:
        liar.identity.announce(origin, liar.key)
    agencies[0].syncer._refreshed.clear()
    await sync(liar, agencies[0])
    heads = [
        GossipHead(origin, sign_checkpoint(Checkpoint(origin, 7, b"r" * 32), [liar.key]))
        for origin in origins
    ]
    ahead = GossipHead(liar.origin, signed(liar, 10 * HELD, b"r" * 32))
    report = await gossiper(agencies[0]).ask(
        agencies[1].name, ToldByHand(Gossip.of([*heads, ahead], [], []).to_bytes())
    )
    assert report.refused == 0
    with agencies[0].store.read() as unit:
        assert [one.origin for one in unit.evidence.heard()] == [liar.origin]


def remember(agency: Agency, subject: str, at: int) -> str:
    """Keep a record of evidence, as if it had been verified; its name."""
    name = sha256(f"{subject} {at}".encode()).hexdigest()
    record = EvidenceRecord(
        sha256=name, kind=EvidenceKind.FORK, subject=subject, pair=name, source="", created_ms=at
    )
    with agency.store.write() as unit:
        assert unit.evidence.add(record)
    return name


@pytest.mark.threat("gossip abused")
async def test_a_liar_with_many_logs_hides_no_evidence_about_others(agencies: list[Agency]) -> None:
    agency = agencies[0]
    other = remember(agency, "nl.example/lists/main", 1)
    for at in range(2, 2 + 2 * MAX_GOSSIP_EVIDENCE):
        remember(agency, f"be.example/lists/l{at}", at)
    told = telling(agency).gossip()
    assert len(told.evidence) == MAX_GOSSIP_EVIDENCE
    assert bytes.fromhex(other) in told.evidence


async def test_whose_keys_count_is_learned_before_what_a_liar_makes(
    agencies: list[Agency], liar: ListPeer
) -> None:
    """Evidence without end at every poll; the document that ends the liar's key comes through all the same."""
    await sync(liar, *agencies)
    forks = [
        encode_fork(signed(liar, at + 1, bytes([1]) * 32), signed(liar, at + 1, bytes([2]) * 32))
        for at in range(MAX_FETCHED)
    ]
    names = {sha256(data).hexdigest(): data for data in forks}
    newer = liar.identity.revise(lambda old: old)
    data = liar.identity.files.get("node.json")
    file = GossipFile(
        "nl.example", FileKind.NODE, liar.identity.founded.root_sha256, newer.serial, sha256(data).digest()
    )
    peer = ToldByHand(
        Gossip.of([], [file], map(bytes.fromhex, names)).to_bytes(), {**names, sha256(data).hexdigest(): data}
    )
    await gossiper(agencies[0]).ask(agencies[1].name, peer)
    with agencies[0].store.read() as unit:
        assert unit.peers.get("nl.example").serial == newer.serial


@pytest.mark.threat("gossip abused")
async def test_one_fork_dressed_up_is_kept_once(agencies: list[Agency], liar: ListPeer) -> None:
    await sync(liar, *agencies)
    one, other = signed(liar, 9, b"1" * 32), signed(liar, 9, b"2" * 32)
    dressed = [encode_fork(one, other), encode_fork(other, one)]
    names = {sha256(data).hexdigest(): data for data in dressed}
    peer = ToldByHand(Gossip.of([], [], map(bytes.fromhex, names)).to_bytes(), names)
    await gossiper(agencies[0]).ask(agencies[1].name, peer)
    assert len(kept(agencies[0])) == 1


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"junk",
        Gossip.of([GossipHead("un.known/lists/main", b"note")], [], []).to_bytes(),
        Gossip.of([], [GossipFile("nl.example", FileKind.NODE, b"r" * 32, 9, b"s" * 32)], []).to_bytes(),
    ],
    ids=["nothing", "junk", "a log of a stranger", "a file under another root"],
)
async def test_what_cannot_be_judged_changes_nothing(
    agencies: list[Agency], liar: ListPeer, told: bytes
) -> None:
    await sync(liar, *agencies)
    before = telling(agencies[0]).gossip()
    report = await gossiper(agencies[0]).ask(agencies[1].name, ToldByHand(told))
    assert not report.found
    assert telling(agencies[0]).gossip() == before


async def test_gossip_that_has_not_changed_is_not_sent_again(agencies: list[Agency], liar: ListPeer) -> None:
    await sync(liar, *agencies)
    told = telling(agencies[1]).gossip().to_bytes()
    peer = ToldByHand(told)
    asking = gossiper(agencies[0])
    await asking.ask(agencies[1].name, peer)
    held = [data for name, data in agencies[0].objects.data.items() if name.startswith("gossip/")]
    assert held == [told]
    assert (await asking.ask(agencies[1].name, peer)).error is None


# what follows


async def release(agency: Agency) -> None:
    members = agency.trust.members()
    for aside in quarantine.ls(agency.store, members):
        let_in(agency.store, members, aside.id, now_ms=agency.now_ms)


@pytest.mark.threat("gossip abused")
async def test_a_released_fork_does_not_stop_its_log_again(agencies: list[Agency], liar: ListPeer) -> None:
    honest = liar.history()
    await split_view(liar, agencies)
    await round_of_gossip(agencies)
    await release(agencies[0])
    liar.show(honest)
    liar.grow(HELD + 20)
    liar.show(liar.writer)
    for _ in range(2):
        await sync(liar, agencies[0])
        await round_of_gossip(agencies)
        assert standing_still(agencies[0], liar.origin) is None


async def test_a_lie_that_nobody_has_released_suspends_again(agencies: list[Agency], liar: ListPeer) -> None:
    await split_view(liar, agencies)
    await round_of_gossip(agencies)
    await release(agencies[0])
    other = encode_fork(signed(liar, 9, b"1" * 32), signed(liar, 9, b"2" * 32))
    name = sha256(other).digest()
    peer = ToldByHand(Gossip.of([], [], [name]).to_bytes(), {name.hex(): other})
    await gossiper(agencies[0]).ask(agencies[1].name, peer)
    assert standing_still(agencies[0], liar.origin) is not None


async def test_a_released_branch_fills_no_disk(agencies: list[Agency], liar: ListPeer) -> None:
    await sync(liar, *agencies)
    known = signed(liar, 9, b"1" * 32)
    forks = [encode_fork(known, signed(liar, 9, bytes([number]) * 32)) for number in range(2, 40)]
    names = {sha256(data).hexdigest(): data for data in forks}
    asking = gossiper(agencies[0])
    for told in (list(names)[:1], names):
        peer = ToldByHand(Gossip.of([], [], map(bytes.fromhex, told)).to_bytes(), names)
        for _ in range(5):
            await asking.ask(agencies[1].name, peer)
        await release(agencies[0])
    assert len(kept(agencies[0])) == MAX_OPEN


async def test_a_convicted_list_gains_no_effect_and_loses_none(federation: Federation) -> None:
    fr, de, nl = federation.peers("fr", "de", "es")
    fr.add("old", "new")
    de.add("old", "new")
    for agency in (fr, de):
        agency.publish()
    await federation.settle()
    old = frozenset({(1, digest("old"))})
    fork = encode_fork(
        sign_checkpoint(Checkpoint(de.origin, 1, b"1" * 32), de.log_keys),
        sign_checkpoint(Checkpoint(de.origin, 1, b"2" * 32), de.log_keys),
    )
    name = sha256(fork).digest()
    peer = ToldByHand(Gossip.of([], [], [name]).to_bytes(), {name.hex(): fork})
    await gossiper(nl).ask(fr.name, peer)
    judged = current(nl.store, nl.trust.members(), now=nl.clock.now(), max_age=FREEZE_AFTER, previous=old)
    assert set(judged.decision.effective) == old


@pytest.mark.threat("a late withdrawal")
async def test_a_withdrawal_passes_the_suspension_of_its_list(federation: Federation) -> None:
    """Who steals a log's key can convict the log; it must not stop what the agency takes back."""
    fr, de, nl = federation.peers("fr", "de", "es")
    for agency in (fr, de):
        agency.publish("wrong", "right")
    await federation.settle()
    fork = encode_fork(
        sign_checkpoint(Checkpoint(de.origin, 1, b"1" * 32), de.log_keys),
        sign_checkpoint(Checkpoint(de.origin, 1, b"2" * 32), de.log_keys),
    )
    name = sha256(fork).digest()
    peer = ToldByHand(Gossip.of([], [], [name]).to_bytes(), {name.hex(): fork})
    await gossiper(nl).ask(fr.name, peer)
    assert standing_still(nl, de.origin) is not None
    assert effective_now(nl) >= {digest("wrong"), digest("right")}
    de.withdraw("wrong", Reason.ERROR)
    de.add("more")
    fr.add("more")
    for agency in (fr, de):
        agency.publish()
    for _ in range(2):
        (outcome,) = (await federation.sync(nl, de)).lists
        assert (outcome.overlaid, type(outcome.error)) == (True, VerificationError)
    await federation.sync(nl, fr)
    assert digest("wrong") not in effective_now(nl)
    assert digest("more") not in effective_now(nl), "nothing of it is added"
    await release(nl)
    (outcome,) = (await federation.sync(nl, de)).lists
    assert (outcome.overlaid, outcome.error) == (False, None)
    assert digest("wrong") not in effective_now(nl)


def effective_now(agency: Agency) -> set[Digest]:
    members, now = agency.trust.members(), agency.clock.now()
    previous = frozenset((1, digest(name)) for name in ("wrong", "right"))
    judged = current(agency.store, members, now=now, max_age=timedelta(days=1), previous=previous)
    return {value for _, value in judged.decision.effective}


async def test_evidence_about_the_own_log_is_kept_and_stops_nothing(agencies: list[Agency]) -> None:
    """Whoever stole the key signs in our name: operators must hear of it, and our own list goes on."""
    own = agencies[0]
    fork = encode_fork(
        sign_checkpoint(Checkpoint(own.origin, 1, b"1" * 32), own.log_keys),
        sign_checkpoint(Checkpoint(own.origin, 1, b"2" * 32), own.log_keys),
    )
    name = sha256(fork).digest()
    peer = ToldByHand(Gossip.of([], [], [name]).to_bytes(), {name.hex(): fork})
    report = await gossiper(own).ask(agencies[1].name, peer)
    assert own.origin in report.words
    assert standing_still(own, own.origin) is None


async def test_a_log_that_was_convicted_before_it_was_followed_stands_still(
    federation: Federation, agencies: list[Agency]
) -> None:
    """The newcomer hears of it before its first sync."""
    liar = ListPeer("nl.example", federation.clock)
    liar.grow(HELD)
    for agency in agencies:
        follow(agency, liar)
    await sync(liar, agencies[1])
    branches(liar, common=200, size=HELD)
    await sync(liar, agencies[2])
    await round_of_gossip(agencies[1:3])
    await ask(agencies[0], agencies[1])
    assert [record.kind for record in kept(agencies[0])] == [EvidenceKind.FORK]
    report = await agencies[0].syncer.sync("nl.example", liar)
    assert "contradicted itself" in report.words
    assert agencies[0].log(liar.origin).head.size == 0


@pytest.mark.threat("an old state")
async def test_a_head_of_the_own_log_that_this_node_does_not_have_is_told_to_its_operators(
    agencies: list[Agency],
) -> None:
    """It was put back to an older state, or somebody else signs with its key."""
    own = agencies[0]
    own.publish("listed")
    stolen = sign_checkpoint(Checkpoint(own.origin, 9, b"9" * 32), own.log_keys)
    peer = ToldByHand(Gossip.of([GossipHead(own.origin, stolen)], [], []).to_bytes())
    for _ in range(2):
        await gossiper(own).ask(agencies[1].name, peer)
    [record] = kept(own)
    assert (record.kind, record.subject) == (EvidenceKind.UNPROVEN, own.origin)
    assert standing_still(own, own.origin) is None
