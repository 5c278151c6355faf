"""Evidence of a hit, judged with nothing but the fingerprint of the node's root; and everything that must not pass."""

import functools
import os
from collections.abc import AsyncIterator
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from pathlib import Path

import pytest

from keys.errors import KeysError, ThresholdError
from keys.key import LogPrivateKey, StatementPrivateKey, TargetsPrivateKey
from keys.trust.members import Member, sign_members
from keys.trust.node_document import sign_node_document
from keys.trust.tuf.root import RootContent
from node.errors import GoneError, NotFoundError
from node.lists.corrections.amend import Amendment, amend
from node.objects.logfiles import LogFiles, held_tree
from node.partners.hits import sources
from node.partners.hits.sources import HeldEntries
from node.trust.tuf.repository import TufRepository
from protocol.encoding import decode_cbor, encode_cbor
from protocol.errors import ProofError, ProtocolError
from protocol.hit_evidence import trust, verify
from protocol.hit_evidence.bundle import HitEvidence, LoggedEvent, SourceProof, is_hit_evidence, read_bundle
from protocol.hit_evidence.verify import HitFinding, verify_hit
from protocol.limits import MAX_HIT_EVIDENCE_BYTES
from protocol.lists.ext import Basis, Reason
from protocol.statement.receipt import Receipt
from protocol.statement.report import HitReport
from protocol.subset.label import Label, LabelSource
from protocol.subset.manifest import Manifest
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from support.hits import HOSTER, ORIGIN, OTHER, SUBSET, HitWorld, hit_world, named
from support.sizes import size
from support.trust import author_next_root

REFUSED = (ProtocolError, KeysError)
ENDS = 100
"""Bytes at either end that are altered one by one."""


@pytest.fixture(params=[True, False], ids=["labels", "no labels"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, labels=request.param, begin=begin) as made:
        yield made


async def begin(world: HitWorld) -> None:
    world.fr.add("something else", "a file")
    world.nl.add("a file", "more", basis=Basis.REVIEWED)
    await world.release()


@pytest.fixture
async def reported(world: HitWorld) -> bytes:
    """The id of a report of "a file"."""
    sent = await world.reported("a file")
    return sent.report.report_id


def pinned(world: HitWorld) -> bytes:
    return world.fr.founded.root_sha256


async def evidence(world: HitWorld, report_id: bytes) -> bytes:
    return await world.hits().hit_evidence(SUBSET, report_id.hex(), version=2)


async def judge(world: HitWorld, report_id: bytes) -> HitFinding:
    return verify_hit(await evidence(world, report_id), pinned(world))


async def test_it_says_who_lists_the_digest_since_when_and_why(world: HitWorld, reported: bytes) -> None:
    found = await judge(world, reported)
    assert (found.node, found.subset, found.version, found.partner) == ("fr.example", ORIGIN, 1, HOSTER)
    assert (found.report_id, found.digest, found.collection, found.k) == (reported, named("a file"), 1, 2)
    assert [(each.node, each.country, each.index, each.basis) for each in found.backings] == [
        ("fr.example", "FR", 1, Basis.OWN),
        ("nl.example", "NL", 0, Basis.REVIEWED),
    ]
    assert {each.since_ms for each in found.backings} == {world.fr.now_ms}


async def test_half_a_fingerprint_is_enough_and_another_is_not(world: HitWorld, reported: bytes) -> None:
    data = await evidence(world, reported)
    assert is_hit_evidence(data)
    assert verify_hit(data, pinned(world)[:16]).version == 1
    with pytest.raises(KeysError):
        verify_hit(data, world.nl.founded.root_sha256)


async def test_it_still_holds_when_lists_register_and_releases_have_moved_on(
    world: HitWorld, reported: bytes
) -> None:
    for number in range(3):
        world.list_both(*(f"later {number} {place}" for place in range(150)))
        world.federation.advance(hours=1)
        await world.release()
    world.fr.trust.revise_members(
        lambda old: replace(
            old, members=(*old.members, Member(node="be.example", root_sha256=b"b" * 32, country="BE"))
        ),
        signers=world.fr.signers,
    )
    await world.release()
    found = await judge(world, reported)
    assert [each.index for each in found.backings] == [1, 0]
    assert found.version == 1


async def test_it_still_holds_when_all_keys_of_the_trust_files_were_replaced(
    world: HitWorld, reported: bytes
) -> None:
    """The register is signed with the keys of its day, the document with those of today."""
    root, successor = world.fr.trust.root(), TargetsPrivateKey.from_seed(b"n" * 32)
    fields = {field.name: getattr(root, field.name) for field in dataclass_fields(RootContent)}
    content = RootContent(
        **fields | {"targets_keys": (successor.public,), "targets_threshold": 1, "holders": ()}
    )
    signers = [*world.fr.signers, successor]
    world.fr.files.put("node.json", sign_node_document(world.fr.trust.document(), signers))
    world.fr.files.put("members.json", sign_members(world.fr.trust.members(), signers))
    world.fr.files.put("2.root.json", author_next_root(root, content, world.fr.holders))
    repository = TufRepository(world.fr.files, world.fr.clock)
    repository.list_files(world.fr.trust.root(), world.fr.trust.listed_files(), [successor])
    world.fr.trust.revise_document(lambda old: old, signers=[successor])
    data = await evidence(world, reported)
    assert len(read_bundle(data)[0].roots) == 2
    assert verify_hit(data, pinned(world)).version == 1
    without = lying(world, data, roots=read_bundle(data)[0].roots[:1])
    with pytest.raises(ThresholdError):
        verify_hit(without, pinned(world))


async def test_it_still_holds_after_the_entry_was_withdrawn(world: HitWorld, reported: bytes) -> None:
    for agency in world.agencies:
        agency.withdraw("a file", Reason.LEGAL)
    await world.release()
    assert len((await judge(world, reported)).backings) == 2


@pytest.mark.threat("false evidence")
async def test_it_is_for_whoever_reported_alone(world: HitWorld, reported: bytes) -> None:
    with pytest.raises(NotFoundError):
        await world.hits(OTHER).hit_evidence(SUBSET, reported.hex())
    with pytest.raises(NotFoundError):
        await world.hits().hit_evidence(SUBSET, os.urandom(16).hex())
    for text in ("12", "zz" * 16, reported.hex().upper() + "00"):
        with pytest.raises(ProtocolError):
            await world.hits().hit_evidence(SUBSET, text)


async def test_what_was_shredded_is_not_shown(world: HitWorld, reported: bytes) -> None:
    origin = world.nl.origin
    files = LogFiles(world.fr.objects, world.fr.store.vault, origin)
    size = world.fr.log(origin).head.size
    world.fr.objects.put_all(list(files.without_openings([0], size=size)))
    with pytest.raises(GoneError, match="shredded"):
        await evidence(world, reported)


async def test_it_is_bounded(world: HitWorld, reported: bytes) -> None:
    assert len(await evidence(world, reported)) < 32_000
    with pytest.raises(ProtocolError):
        verify_hit(b"\xac" + bytes(MAX_HIT_EVIDENCE_BYTES), pinned(world))


# ------------------------------------------------------------------ altered by somebody on the way


@pytest.mark.threat("false evidence")
@pytest.mark.parametrize("world", [True], ids=["labels"], indirect=True)
async def test_any_altered_byte_is_refused(
    world: HitWorld, reported: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of some 25,000 bytes, in quick runs its ends and every 13th in between.

    Trust files that are as they were before are not parsed anew each time.
    """
    cached = {
        verify: ("open_earlier_members",),
        trust: ("open_roots", "open_node_document", "open_timestamp", "open_snapshot", "open_targets"),
    }
    for module, readers in cached.items():
        for reader in readers:
            monkeypatch.setattr(module, reader, functools.cache(getattr(module, reader)))
    data = await evidence(world, reported)
    assert verify_hit(data, pinned(world)).version == 1
    inner = range(ENDS, len(data) - ENDS, size(quick=13, thorough=1))
    for place in (*range(ENDS), *inner, *range(len(data) - ENDS, len(data))):
        altered = bytearray(data)
        altered[place] ^= 1 << place % 8
        with pytest.raises(REFUSED):
            verify_hit(bytes(altered), pinned(world))


@pytest.mark.parametrize("world", [True], ids=["labels"], indirect=True)
async def test_any_part_of_it_is_refused(world: HitWorld, reported: bytes) -> None:
    data = await evidence(world, reported)
    for end in (*range(0, len(data), 997), len(data) - 1):
        with pytest.raises(REFUSED):
            verify_hit(data[:end], pinned(world))
    with pytest.raises(REFUSED):
        verify_hit(data + b"\0", pinned(world))


# ------------------------------------------------------------------ made up by the node itself


def lying(world: HitWorld, data: bytes, **changes: object) -> bytes:
    """The evidence with parts replaced, sealed by the node as if it were true."""
    return replace(read_bundle(data)[0], **changes).signed(world.statement_key)  # type: ignore[arg-type]


def source(data: bytes, place: int, **changes: object) -> tuple[SourceProof, ...]:
    sources = list(read_bundle(data)[0].sources)
    sources[place] = replace(sources[place], **changes)  # type: ignore[arg-type]
    return tuple(sources)


def relabelled(world: HitWorld, data: bytes, label: Label, **changes: object) -> bytes:
    """A receipt of the same report with another label, signed by the node."""
    bundle = read_bundle(data)[0]
    report = HitReport.from_bytes(bundle.report)
    receipt = Receipt(
        node="fr.example",
        partner=report.partner,
        report_id=report.report_id,
        report_sha256=report.sha256(),
        subset_id=report.subset_id,
        epoch=report.epoch,
        version=1,
        label=label,
        received_ms=0,
    )
    return replace(receipt, **changes).signed(world.statement_key)  # type: ignore[arg-type]


@pytest.mark.threat("false evidence", "a release beside the rule")
@pytest.mark.parametrize("world", [True], ids=["labels"], indirect=True)
async def test_a_node_cannot_make_a_country_agree(world: HitWorld, reported: bytes) -> None:
    data = await evidence(world, reported)
    bundle: HitEvidence = read_bundle(data)[0]
    fr, nl = bundle.sources
    alone = relabelled(world, data, Label(1, (LabelSource(0, 1),)))
    other_entry = relabelled(world, data, Label(1, (LabelSource(0, 1), LabelSource(1, 1))))
    national = relabelled(world, data, Label(2, (LabelSource(0, 1), LabelSource(1, 0))))
    lies: dict[str, dict[str, object]] = {
        "one country of two": {"sources": (fr,), "receipt": alone},
        "one country twice": {"sources": (fr, fr)},
        "fewer proofs than sources": {"sources": (fr,)},
        "no proof at all": {"sources": ()},
        "another entry of the other": {"receipt": other_entry},
        "another collection": {"receipt": national},
        "its own trust files for the other's": {
            "sources": source(data, 1, roots=fr.roots, document=fr.document)
        },
        "a checkpoint of another list": {"sources": source(data, 1, note=fr.note)},
        "a proof of nothing": {"sources": source(data, 1, consistency=(b"h" * 32,))},
        "another opening": {"sources": source(data, 1, add=replace(nl.add, opening=fr.add.opening))},
        "another event": {"sources": source(data, 1, add=replace(nl.add, event=fr.add.event))},
        "another place": {"sources": source(data, 1, add=replace(nl.add, inclusion=()))},
        "an amendment that is none": {"sources": source(data, 1, amend=nl.add)},
        "an amendment of nothing": {"sources": source(data, 1, amend=replace(nl.add, event=bytes(56)))},
        "another release log": {"origin": "nl.example/subsets/baseline"},
        "another subset": {"origin": "fr.example/subsets/other"},
        "a receipt of nobody": {"receipt": b"{}"},
        "a receipt of another version": {
            "receipt": relabelled(world, data, Label(1, (LabelSource(0, 1), LabelSource(1, 0))), version=2)
        },
        "a receipt of another node": {
            "receipt": relabelled(
                world, data, Label(1, (LabelSource(0, 1), LabelSource(1, 0))), node="nl.example"
            )
        },
    }
    for name, changes in lies.items():
        with pytest.raises(REFUSED):
            raise_for(name, verify_hit(lying(world, data, **changes), pinned(world)))


def raise_for(name: str, finding: HitFinding) -> None:
    pytest.fail(f"{name} passed: {finding}")


async def test_a_register_that_the_release_was_not_made_with_is_refused(
    world: HitWorld, reported: bytes
) -> None:
    """A node that lowers k afterwards cannot make one country enough."""
    data = await evidence(world, reported)
    register = replace(world.fr.trust.members(), k=1)
    changed = sign_members(register, world.fr.signers)
    with pytest.raises(ProofError, match="register"):
        verify_hit(lying(world, data, members=changed), pinned(world))


async def test_a_list_of_no_member_is_refused(world: HitWorld, reported: bytes) -> None:
    data = await evidence(world, reported)
    members = world.fr.trust.members()
    alone = replace(members, members=tuple(each for each in members.members if each.node == "fr.example"))
    manifest = Manifest.from_bytes(read_bundle(data)[0].manifest)
    changed = replace(manifest, rules=replace(manifest.rules, members=alone.sha256)).to_bytes()
    lie = lying(world, data, members=sign_members(alone, world.fr.signers), manifest=changed)
    with pytest.raises(ProofError, match="no member"):
        verify_hit(lie, pinned(world))


async def test_a_list_that_the_member_did_not_sign_is_refused(world: HitWorld, reported: bytes) -> None:
    data = await evidence(world, reported)
    log = world.fr.log(world.nl.origin)
    forged = sign_checkpoint(
        Checkpoint(world.nl.origin, log.head.size, log.head.root), [LogPrivateKey.from_seed(b"f" * 32)]
    )
    with pytest.raises(ProtocolError):
        verify_hit(lying(world, data, sources=source(data, 1, note=forged)), pinned(world))


@pytest.mark.threat("false evidence")
async def test_a_digest_of_another_file_is_not_proven(world: HitWorld, reported: bytes) -> None:
    """The node swaps the digest in report and receipt: the openings say another."""
    data = await evidence(world, reported)
    bundle = read_bundle(data)[0]
    report = replace(HitReport.from_bytes(bundle.report), digest=named("innocent"))
    label = Label(1, (LabelSource(0, 1), LabelSource(1, 0)))
    receipt = relabelled(world, data, label, report_sha256=report.sha256())
    with pytest.raises(ProofError, match="another digest"):
        verify_hit(lying(world, data, report=report.to_bytes(), receipt=receipt), pinned(world))


async def test_only_the_node_seals(world: HitWorld, reported: bytes) -> None:
    bundle = read_bundle(await evidence(world, reported))[0]
    with pytest.raises(KeysError):
        verify_hit(bundle.signed(StatementPrivateKey.from_seed(b"x" * 32)), pinned(world))


async def test_an_entry_that_relies_on_others_does_not_count(tmp_path: Path) -> None:
    async with hit_world(tmp_path) as world:
        world.list_both("a file")
        world.nl.add("copied", basis=Basis.RELIES_ON)
        world.fr.add("copied")
        await world.release()
        sent = await world.reported("a file")
        data = await evidence(world, sent.report.report_id)
        copied = replace(sent.report, digest=named("copied"))
        label = Label(1, (LabelSource(0, 1), LabelSource(1, 1)))
        lie = lying(
            world,
            data,
            report=copied.to_bytes(),
            receipt=relabelled(world, data, label, report_sha256=copied.sha256()),
            sources=tuple(
                replace(each, add=logged(world, origin, 1))
                for each, origin in zip(
                    read_bundle(data)[0].sources, (world.fr.origin, world.nl.origin), strict=True
                )
            ),
        )
        with pytest.raises(ProofError, match="basis"):
            verify_hit(lie, pinned(world))


@pytest.mark.parametrize("labels", [True, False], ids=["labels", "no labels"])
async def test_an_amended_entry_counts_by_what_it_says_last(tmp_path: Path, *, labels: bool) -> None:
    async with hit_world(tmp_path, labels=labels) as world:
        world.fr.add("a file")
        world.nl.add("a file", "another", basis=Basis.RELIES_ON)
        await world.release()
        amend(world.nl.store, world.nl.origin, named("a file"), Amendment(basis=Basis.REVIEWED).revise)
        await world.release()
        sent = await world.reported("a file", version=2)
        data = await evidence(world, sent.report.report_id)
        assert [each.basis for each in verify_hit(data, pinned(world)).backings] == [
            Basis.OWN,
            Basis.REVIEWED,
        ]
        hidden = lying(world, data, sources=source(data, 1, amend=None))
        with pytest.raises(ProofError, match="basis"):
            verify_hit(hidden, pinned(world))
        foreign = replace(logged(world, world.nl.origin, 2), index=1)
        with pytest.raises(ProofError):
            verify_hit(lying(world, data, sources=source(data, 1, amend=foreign)), pinned(world))


async def test_an_amendment_that_is_left_out_is_not_noticed_and_said_so(tmp_path: Path) -> None:
    """What the file cannot show must be told to whoever relies on it."""
    async with hit_world(tmp_path, listed=["a file"]) as world:
        amend(world.nl.store, world.nl.origin, named("a file"), Amendment(basis=Basis.REVIEWED).revise)
        world.list_both("another")
        await world.release()
        sent = await world.reported("a file", version=2)
        data = await evidence(world, sent.report.report_id)
        assert [each.basis for each in verify_hit(data, pinned(world)).backings] == [
            Basis.OWN,
            Basis.REVIEWED,
        ]
        hidden = lying(world, data, sources=source(data, 1, amend=None))
        assert [each.basis for each in verify_hit(hidden, pinned(world)).backings] == [Basis.OWN, Basis.OWN]
        assert any("amended" in line for line in verify.NOT_PROVEN)


async def test_looking_for_amends_parses_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partner may ask for evidence as often as it likes, and a list has millions of events."""
    async with hit_world(tmp_path) as world:
        world.nl.publish(*(f"file {number}" for number in range(1000)))
        amend(world.nl.store, world.nl.origin, named("file 700"), Amendment(basis=Basis.REVIEWED).revise)
        world.nl.publish()
        entries = HeldEntries(world.nl.store, world.nl.log())
        parsed: list[bytes] = []
        amends = sources._amends

        def counted(event: bytes, position: int) -> bool:
            parsed.append(event)
            return amends(event, position)

        monkeypatch.setattr(sources, "_amends", counted)
        assert entries.last_amend(700, size=1001) == 1000
        assert entries.last_amend(700, size=1000) is None
        assert entries.last_amend(3, size=1001) is None
        assert len(parsed) == 1


def logged(world: HitWorld, origin: str, index: int) -> LoggedEvent:
    """An event of a list that `fr.example` holds, with everything that proves it."""
    log = world.fr.log(origin)
    entries, tree = HeldEntries(world.fr.store, log), held_tree(world.fr.store, log)
    return LoggedEvent(
        index=index,
        event=entries.event(index),
        opening=entries.opening_bytes(index),
        inclusion=tuple(tree.inclusion_proof(index)),
    )


# ------------------------------------------------------------------ the form


async def test_another_form_is_refused(world: HitWorld, reported: bytes) -> None:
    data = await evidence(world, reported)
    fields = decode_cbor(data, max_bytes=len(data))
    sources = fields[10]
    assert isinstance(sources, list)
    first = sources[0]
    changes: list[dict[int, object]] = [
        {0: 1},
        {0: 3},
        {1: 1},
        {2: 7},
        {5: "two\nlines"},
        {10: sources * 3},
        {10: [first[:-1]]},
        {10: [[*first[:2], first[2][:-1], *first[3:]]]},
        {10: [[b"x" * 70_000, *first[1:]]]},
        {10: [[*first[:-2], [b"h" * 32] * 65, first[-1]]]},
        {10: [[*first[:-2], [b"short"], first[-1]]]},
        {10: [[*first[:-1], [b"timestamp", b"snapshot", b"targets"]]]},
        {11: b""},
        {12: b"more"},
        {12: [b"timestamp", b"snapshot", b"targets", None]},
        {13: b"more"},
    ]
    for change in changes:
        with pytest.raises(REFUSED):
            verify_hit(encode_cbor({**fields, **change}), pinned(world))  # type: ignore[dict-item]


def test_what_is_other_evidence_is_told_by_its_first_bytes() -> None:
    assert not is_hit_evidence(b"")
    assert not is_hit_evidence(encode_cbor({0: 1, 1: 1, 2: b"", 3: b""}))
