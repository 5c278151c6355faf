"""What a partner believes: whose cosignatures count, and what comes in force of a release that too few stand behind."""

import asyncio
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.encoding import MAX_INTEGER
from keys.key import LogPrivateKey, WitnessPrivateKey
from keys.roles import Role
from keys.trust.fingerprint import fingerprint
from keys.trust.lifecycle import Lineage
from keys.trust.members import Members
from keys.trust.node_document import NodeDocument, open_node_document, sign_node_document
from keys.trust.node_parts import EpochInfo, WitnessInfo
from keys.trust.tuf.root import open_root
from keys.trust.vkey import DatedVkey
from node.clock import milliseconds
from node.errors import PeerUnreachableError, StoreError, VerificationError
from node.hoster.folder import PartnerFolder
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.lookup.summary import summary_of
from node.hoster.release.update import Updater
from node.hoster.store.kinds import FactName, Kind
from node.hoster.store.release import MappedFile, map_file
from node.hoster.trust.witness_policy import by_register, policy_hash, unwitnessed
from node.trust.announce import announce_epoch
from node.trust.own import window
from node.trust.successors import with_key
from protocol.evidence import verify_evidence
from protocol.limits import MAX_COSIGNATURE_AGE_DAYS
from protocol.subset.deltas.removals import removal_cap
from protocol.subset.manifest import ReleaseKind
from protocol.tlog.conflict import ConflictKind
from protocol.tlog.cosignature import cosign
from protocol.tlog.note import Note, VerifierKey
from protocol.trustfork import verify_trust_fork
from protocol.witness.policy import witness_policy
from support.ceremonies import replace_everybody
from support.federation import START, FoundedNode
from support.logs import with_lines
from support.partner_rows import bodies, replace_body
from support.release_logs import LOG_KEY, PK, SUBSET, WitnessedWorld
from support.subsets import ORIGIN
from support.times import SettableClock

NL, BE, DE = "nl.example", "be.example", "de.example"
"""Of these three, two must cosign."""
BASE = tuple(range(1000, 1200))


@pytest.fixture
async def world(tmp_path: Path) -> WitnessedWorld:
    """A partner that holds release 1, which two of three other members stand behind."""
    made = WitnessedWorld(tmp_path, members=(NL, BE, DE))
    made.log.release(BASE)
    made.show(NL, BE)
    assert (await made.update()).new == 1
    return made


async def refused(world: WitnessedWorld, says: str, *, whole: bool = False) -> VerificationError:
    """The update is refused; the release in force stays."""
    before = world.version
    with pytest.raises(VerificationError, match=says) as caught:
        await (world.whole() if whole else world.update())
    assert world.version == before
    return caught.value


# ------------------------------------------------------------------ whose word counts


@pytest.mark.threat("a release for one partner")
async def test_a_release_comes_in_force_when_enough_of_the_others_cosigned_it(world: WitnessedWorld) -> None:
    world.log.release((*BASE, 5))
    world.show(NL)
    error = await refused(world, "release 2 waits for 1 more of the members that cosign it")
    assert (
        "release 1, without what was withdrawn since, stays in force until 2026-05-18 and 7 days more"
        in error.hint
    )
    assert "exit code 13" in error.hint
    await refused(world, "release 2 waits for 1 more")  # the second time nothing new is shown
    world.show(NL, DE)
    report = await world.update()
    assert (report.new, report.added, report.gone, report.ahead) == (2, 1, 0, 0)
    assert report.backing.witnesses == (DE, NL)
    assert report.backing.words == (
        "2 of 2 needed witnesses stand behind it (de.example, nl.example), last on 2026-05-04 12:00 UTC"
    )


async def test_when_a_release_was_there_is_what_its_first_witness_said(world: WitnessedWorld) -> None:
    world.log.release((*BASE, 5))
    world.show()
    made = milliseconds(world.clock.now() - timedelta(hours=3))
    world.node.add_cosignature(world.others[NL], age=timedelta(hours=1))
    world.node.add_cosignature(world.others[BE], age=timedelta(hours=3))
    await world.update()
    assert world.folder.load()[1].seen_ms == made
    world.clock.advance(timedelta(days=1))
    world.show(NL, BE)  # the same head, cosigned anew
    await world.update()
    assert world.folder.load()[1].seen_ms == made
    await world.whole()
    assert world.folder.load()[1].seen_ms == made


async def test_without_a_witness_it_was_there_when_it_was_fetched(tmp_path: Path) -> None:
    world = WitnessedWorld(tmp_path, members=(), rule=by_register)
    world.log.release(BASE)
    world.show()
    await world.update()
    assert world.folder.load()[1].seen_ms == milliseconds(world.clock.now())


def outsider(world: WitnessedWorld) -> FoundedNode:
    return FoundedNode("us.example", "US", world.clock)


def not_a_member(world: WitnessedWorld) -> None:
    world.node.add_cosignature(outsider(world))


def the_operator(world: WitnessedWorld) -> None:
    world.node.add_cosignature(world.fr)


def not_a_member_in_a_members_name(world: WitnessedWorld) -> None:
    world.node.add_cosignature(outsider(world), name="be.example/w1")


def one_member_in_another_name(world: WitnessedWorld) -> None:
    world.node.add_cosignature(world.others[NL], name="nl.example/w2")


def too_old(world: WitnessedWorld) -> None:
    world.node.add_cosignature(world.others[BE], age=timedelta(days=MAX_COSIGNATURE_AGE_DAYS, seconds=1))


@pytest.mark.parametrize(
    ("cosign", "says"),
    [
        (not_a_member, "waits for 1 more"),
        (the_operator, "waits for 1 more"),
        (not_a_member_in_a_members_name, "waits for 1 more"),
        (one_member_in_another_name, "waits for 1 more"),
        (too_old, "cosignatures of release 2 are too old"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_a_cosignature_that_does_not_count(
    world: WitnessedWorld, cosign: Callable[[WitnessedWorld], None], says: str
) -> None:
    world.log.release((*BASE, 5))
    world.show(NL)
    cosign(world)
    await refused(world, says)
    world.show(NL, BE)
    assert (await world.update()).new == 2


def renamed(node: FoundedNode, key: WitnessPrivateKey) -> None:
    """The node says that it cosigns with this key too."""

    def change(old: NodeDocument) -> NodeDocument:
        assert old.witness is not None
        vkey = DatedVkey.of(key.public, name=old.witness.name, valid=window(node.clock.now(), 365))
        return replace(old, witness=replace(old.witness, vkeys=(vkey,)))

    node.revise(change)


async def test_a_member_speaks_once_with_however_many_keys(world: WitnessedWorld) -> None:
    """NL names a second key and cosigns under both: else one machine would be two witnesses."""
    nl, second = world.others[NL], WitnessPrivateKey.from_seed(b"2" * 32)

    def change(old: NodeDocument) -> NodeDocument:
        witness = _witness(old)
        vkey = DatedVkey.of(second.public, name=witness.name, valid=window(nl.clock.now(), 365))
        return replace(old, witness=replace(witness, vkeys=(*witness.vkeys, vkey)))

    nl.revise(change)
    world.log.release((*BASE, 5))
    world.show(NL)
    note = Note.parse(world.node.note)
    twice = cosign(note.text, "nl.example/w1", second, int(world.clock.now().timestamp()))
    world.node.note = with_lines(note, [twice]).to_bytes()
    await refused(world, "waits for 1 more")


async def test_a_bad_line_of_a_known_witness_refuses_the_head(world: WitnessedWorld) -> None:
    world.log.release((*BASE, 5))
    elsewhere = world.log.copy()
    elsewhere.release(BASE)
    world.show(NL, BE, log=elsewhere)
    borrowed = world.node.note.split(b"\n\n")[1].splitlines(keepends=True)[1:]
    world.show()
    world.node.note += b"".join(borrowed)
    await refused(world, "signature")


async def test_a_federation_without_another_member_needs_no_witness(tmp_path: Path) -> None:
    world = WitnessedWorld(tmp_path, members=())
    world.log.release(BASE)
    world.show()
    report = await world.update()
    assert (report.new, report.backing.needed, report.warnings) == (1, 0, ())
    assert report.backing.words.startswith("no witness is needed")


async def test_a_first_release_without_witnesses_waits_and_the_enrolment_stands(tmp_path: Path) -> None:
    world = WitnessedWorld(tmp_path, members=(NL, BE, DE))
    world.log.release(BASE)
    world.show()
    error = await refused(world, "release 1 waits for 2 more")
    assert "you are enrolled" in error.hint
    assert world.answers == set()
    world.show(BE, DE)
    assert (await world.update()).new == 1
    assert world.answers == set(BASE)


# ------------------------------------------------------------------ the members' own files


async def test_a_member_that_is_not_passed_on_counts_as_not_heard(tmp_path: Path) -> None:
    world = WitnessedWorld(tmp_path, members=(NL, BE, DE))
    world.node.relayed = {(NL, "root"): None, (BE, "root"): None}
    world.log.release(BASE)
    world.show(NL, BE, DE)
    await refused(world, "waits for 1 more")
    del world.node.relayed[(NL, "root")]
    report = await world.update()
    assert (report.new, report.backing.witnesses) == (1, (DE, NL))
    assert report.warnings[0] == "the node does not pass on what be.example says of itself"


async def test_what_is_held_of_a_member_stays_when_it_is_not_passed_on(world: WitnessedWorld) -> None:
    world.node.relayed = {(name, "node"): None for name in (NL, BE, DE)}
    world.log.release((*BASE, 5))
    world.show(NL, BE)
    report = await world.update()
    assert report.new == 2
    assert len([one for one in report.warnings if "does not pass on" in one]) == 3
    assert f"{NL} root" not in world.node.asked[3:], "a root that is held is not asked for again"


@pytest.mark.threat("a false relay")
async def test_a_document_of_another_member_is_refused(tmp_path: Path) -> None:
    world = WitnessedWorld(tmp_path, members=(NL, BE, DE))
    world.node.relayed = {(BE, "node"): world.others[NL].files.get("node.json")}
    world.log.release(BASE)
    world.show(NL, DE)
    report = await world.update()
    assert report.warnings[0].startswith("what the node passed on of be.example is refused")
    world.node.relayed[(BE, "root")] = world.others[NL].files.get("1.root.json")
    assert any("be.example is refused" in one for one in (await world.update()).warnings)
    assert world.folder.member(BE) is None


@pytest.mark.threat("a false relay")
async def test_a_register_that_names_one_members_root_for_another(tmp_path: Path) -> None:
    world = WitnessedWorld(tmp_path, members=(NL, BE, DE))
    members = world.fr.trust.members().members[1:]
    de = world.others[DE]
    false = FoundedNode("se.example", "SE", world.clock)
    world.register(*members[:2], replace(members[2], root_sha256=false.founded.root_sha256))
    world.node.relayed = {(DE, what): false.files.get(name) for what, name in FILES}
    world.log.release(BASE)
    world.show(NL, BE)
    assert "the register names the root of se.example for de.example" in (await world.update()).warnings
    assert de.name not in {path.name for path in (world.folder.folder / "members").iterdir()}


FILES = (("root", "1.root.json"), ("node", "node.json"))


@pytest.mark.threat("a false relay")
async def test_an_older_document_is_not_used(world: WitnessedWorld) -> None:
    nl = world.others[NL]
    old = nl.files.get("node.json")
    fresh = WitnessPrivateKey.from_seed(b"f" * 32)
    renamed(nl, fresh)
    report = await world.update()
    assert report.member_changes == ("nl.example has a new witness key",)
    world.node.relayed = {(NL, "node"): old}
    world.log.release((*BASE, 5))
    world.show(NL, BE)  # NL under its old key
    await refused(world, "waits for 1 more")
    world.show(DE, BE)
    report = await world.update()
    assert "the node passed on an older document of nl.example than before: not used" in report.warnings


async def test_two_documents_under_one_number_are_kept_as_evidence(world: WitnessedWorld) -> None:
    nl = world.others[NL]
    document = nl.trust.document()
    other = sign_node_document(replace(document, valid=window(world.clock.now(), 5)), nl.signers)
    world.node.relayed = {(NL, "node"): other}
    report = await world.update()
    (warning,) = [one for one in report.warnings if "two documents" in one]
    (kept,) = world.folder.evidence
    assert str(kept) in warning
    root = (kept / "1.root.json").read_bytes()
    finding = verify_trust_fork((kept / "evidence.cbor").read_bytes(), open_root(root, fingerprint(root)))
    assert (finding.node, finding.what, finding.version) == (NL, "node", document.serial)
    world.log.release((*BASE, 5))
    world.show(NL, BE)
    assert (await world.update()).new == 2, "the document held still counts"


@pytest.mark.threat("a false relay")
async def test_every_change_of_a_witness_is_told(world: WitnessedWorld) -> None:
    nl, be = world.others[NL], world.others[BE]
    before: WitnessInfo | None = nl.trust.document().witness
    nl.revise(lambda old: replace(old, witness=None))
    be.revise(elsewhere)
    assert (await world.update()).member_changes == (
        "nl.example no longer cosigns",
        "be.example changed what it says of its witness key",
    )
    nl.revise(lambda old: replace(old, witness=before))
    assert (await world.update()).member_changes == ("nl.example cosigns from now on",)


def elsewhere(document: NodeDocument) -> NodeDocument:
    """With its witness at another address."""
    return replace(document, witness=replace(_witness(document), url="https://be.example/elsewhere/"))


def _witness(document: NodeDocument) -> WitnessInfo:
    assert document.witness is not None
    return document.witness


async def test_what_changed_is_told_with_a_refusal_too(world: WitnessedWorld) -> None:
    """It is kept, so no later update would tell it."""
    renamed(world.others[NL], WitnessPrivateKey.from_seed(b"f" * 32))
    world.node.relayed = {(BE, "node"): None}
    world.log.release((*BASE, 5))
    world.show(DE)
    error = await refused(world, "waits for 1 more")
    assert error.hint.endswith(
        "; nl.example has a new witness key; the node does not pass on what be.example says of itself"
    )


NEW_LOG_KEY = LogPrivateKey.from_seed(b"n" * 32)


def another_log_key(world: WitnessedWorld) -> None:
    now = world.clock.now()
    world.fr.revise(
        lambda old: with_key(old, Lineage(Role.LOG, ORIGIN), NEW_LOG_KEY.public, window(now, 365))
    )


def another_epoch(world: WitnessedWorld) -> None:
    epoch = EpochInfo(epoch=2, pk=PK, valid=window(world.clock.now(), 730))
    announce_epoch(world.fr.trust, SUBSET, epoch, signers=world.fr.signers)


def another_register(world: WitnessedWorld) -> None:
    trust = world.fr.trust

    def change(old: Members) -> Members:
        return replace(old, members=(*old.members[:-1], replace(old.members[-1], country="AT")))

    trust.revise_members(change, signers=world.fr.signers)
    world.log.rules = replace(world.log.rules, members=trust.members().sha256)


CHANGES = {"a log key": another_log_key, "an epoch": another_epoch, "a register": another_register}


@pytest.mark.parametrize("what", CHANGES)
async def test_what_the_node_signed_since_its_trust_files_were_fetched_is_asked_for(
    world: WitnessedWorld, what: str
) -> None:
    """What was new before is told all the same, once."""

    def meanwhile() -> None:
        CHANGES[what](world)
        world.others[BE].revise(elsewhere)
        world.log.release((*BASE, 5), epoch=2 if what == "an epoch" else 1)
        cosigners = [world.others[name] for name in (BE, DE)]
        world.node.show(*cosigners, key=NEW_LOG_KEY if what == "a log key" else LOG_KEY)

    renamed(world.others[NL], WitnessPrivateKey.from_seed(b"f" * 32))
    world.node.meanwhile = meanwhile
    report = await world.update()
    assert report.new == 2
    register = ("de.example counts for AT instead of DE",) if what == "a register" else ()
    assert report.member_changes == (
        *register,
        "nl.example has a new witness key",
        "be.example changed what it says of its witness key",
    )
    assert (await world.update()).member_changes == ()


async def test_what_newer_trust_files_do_not_explain_is_refused_and_what_changed_is_told(
    world: WitnessedWorld,
) -> None:
    renamed(world.others[NL], WitnessPrivateKey.from_seed(b"f" * 32))
    world.log.release((*BASE, 5))
    world.node.show(key=NEW_LOG_KEY)
    error = await refused(world, "no trusted key signed the note")
    assert error.hint.endswith("; nl.example has a new witness key")
    world.node.meanwhile = lambda: another_register(world)
    error = await refused(world, "no trusted key signed the note")
    assert error.hint.endswith("; de.example counts for AT instead of DE")


async def test_what_changed_is_told_by_an_update_that_loses_its_connection(world: WitnessedWorld) -> None:
    """It is kept, so no later update would tell it."""

    def gone() -> None:
        raise PeerUnreachableError("fr.example does not answer", hint="try again later")

    renamed(world.others[NL], WitnessPrivateKey.from_seed(b"f" * 32))
    world.node.meanwhile = gone
    with pytest.raises(PeerUnreachableError) as caught:
        await world.update()
    assert caught.value.hint == "try again later; nl.example has a new witness key"


async def test_a_member_whose_root_has_ended_is_not_heard(tmp_path: Path) -> None:
    world = WitnessedWorld(tmp_path, members=(NL, BE, DE))
    clock = SettableClock(START - timedelta(days=370))
    old = FoundedNode(NL, "NL", clock)
    clock.advance(timedelta(days=370))
    old.revise(lambda document: replace(document, witness=renewed(document, clock)))
    world.others[NL] = world.node.members_by_name[NL] = old
    members = world.fr.trust.members().members[1:]
    world.register(replace(members[0], root_sha256=old.founded.root_sha256), *members[1:])
    world.log.release(BASE)
    world.show(NL, BE)
    await refused(world, "waits for 1 more")
    world.show(DE, BE)
    report = await world.update()
    assert "the root of nl.example has ended: it counts as a witness that is not heard" in report.warnings


def renewed(document: NodeDocument, clock: SettableClock) -> WitnessInfo:
    """The witness of the document, with the same key for another year."""
    witness = _witness(document)
    vkeys = tuple(replace(vkey, valid=window(clock.now(), 365)) for vkey in witness.vkeys)
    return replace(witness, vkeys=vkeys)


async def test_a_release_made_under_another_policy_is_told(world: WitnessedWorld) -> None:
    documents = {
        name: open_node_document(node.files.get("node.json"), node.trust.root())
        for name, node in world.others.items()
    }
    keys = [VerifierKey.of_log(ORIGIN, LOG_KEY.public)]
    ours = policy_hash(
        witness_policy(ORIGIN, world.fr.trust.members(), documents, log_keys=keys, now=world.clock.now())
    )
    said = []
    for hashed in (bytes(32), ours):
        world.log.rules = replace(world.log.rules, witness_policy=hashed)
        world.log.release((*BASE, 5))
        world.show(NL, BE)
        said.append((await world.update()).warnings)
    assert said == [
        ("the node asked other witnesses for this release than ours; ours are asked all the same",),
        (),
    ]


# ------------------------------------------------------------------ what is taken away without witnesses


@pytest.mark.threat("a late withdrawal")
async def test_a_withdrawal_needs_no_witness_and_adds_nothing(world: WitnessedWorld) -> None:
    end = HeldReleases(world.folder).in_force()[1]
    assert end is not None
    world.log.release(BASE[2:], kind=ReleaseKind.REMOVAL_ONLY, not_after_ms=2_000_000_000_000)
    world.show()
    report = await world.update()
    assert (report.new, report.ahead, report.gone, report.backing.missing) == (1, 2, 2, 2)
    assert world.answers == set(BASE[2:])
    held = HeldReleases(world.folder).in_force()[1]
    assert held is not None
    assert held.release.manifest.not_after_ms == end.release.manifest.not_after_ms, "nothing lives longer"
    again = await world.update()
    assert (again.ahead, again.gone) == (2, 2)
    world.show(NL, BE)
    full = await world.update()
    assert (full.new, full.ahead, full.gone, full.removed) == (2, 0, 0, 2)
    assert world.answers == set(BASE[2:])


async def test_what_a_release_adds_waits_while_what_it_takes_away_is_gone(world: WitnessedWorld) -> None:
    world.log.release((*BASE[3:], 7, 8))
    world.show(NL)
    await refused(world, "release 2 waits for 1 more")
    assert world.answers == set(BASE[3:])
    world.log.release((*BASE[4:], 7, 8))
    world.show(NL)
    await refused(world, "release 3 waits")
    assert world.answers == set(BASE[4:])
    world.show(NL, BE)
    assert (await world.update()).new == 3
    assert world.answers == {*BASE[4:], 7, 8}


async def test_what_is_gone_does_not_come_back_without_witnesses(world: WitnessedWorld) -> None:
    world.log.release(BASE[3:])
    world.show()
    await world.update()
    world.log.release(BASE)
    world.show()
    await refused(world, "release 3 waits for 2 more")
    assert world.answers == set(BASE[3:])
    world.show(NL, BE)
    await world.update()
    assert world.answers == set(BASE)


@pytest.mark.threat("a release for one partner")
async def test_no_more_goes_than_the_cap_in_all_steps_together(world: WitnessedWorld) -> None:
    cap = removal_cap(len(BASE))
    assert cap == len(BASE) // 4
    world.log.release(BASE[cap:])
    world.show()
    assert (await world.update()).gone == cap
    world.log.release(BASE[cap + 1 :])
    world.show()
    error = await refused(world, f"more than may go without witnesses: {cap + 1} of at most {cap}")
    assert "telephone the agency" in error.hint
    assert world.answers == set(BASE[cap:])
    world.show(BE, DE)
    assert (await world.update()).new == 3


async def test_another_epoch_or_width_cannot_be_compared_and_waits(world: WitnessedWorld) -> None:
    release = world.log.release(BASE[3:])
    manifest = replace(release.manifest, answers_width=45)
    world.log.releases[-1] = replace(release, manifest=manifest)
    world.show()
    await refused(world, "release 2 waits")
    assert world.answers == set(BASE)


async def test_whole_files_wait_for_witnesses_too(world: WitnessedWorld) -> None:
    world.log.release((*BASE, 5))
    world.show()
    error = await refused(world, "release 2 waits for 2 more", whole=True)
    assert "can replace the files of release 1" in error.hint
    world.node.log = world.log = world.log.copy()
    world.log.releases.pop()
    world.show()
    report = await world.whole()  # the same head as is in force
    assert (report.new, report.backing.missing) == (1, 0)


@pytest.mark.threat("a release for one partner")
@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=5))
def test_no_sequence_of_uncosigned_releases_adds_an_answer(steps: list[set[int]]) -> None:
    """Whatever they take away, keep, bring back or add."""

    async def walk(world: WitnessedWorld) -> None:
        base = set(range(20))
        world.log.release(base)
        world.show(NL)
        await world.update()
        for step in steps:
            before = world.answers
            world.log.release(step)
            world.show()
            with suppress(VerificationError):
                await world.update()
            assert world.answers <= before
            assert len(base - world.answers) <= removal_cap(len(base))
            assert world.answers <= step | (base - before) or len(base - step) > removal_cap(len(base))

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(walk(WitnessedWorld(Path(folder), members=(NL,))))


# ------------------------------------------------------------------ when the witnessed history is another


async def test_a_witnessed_head_of_the_same_size_that_differs_is_a_fork(world: WitnessedWorld) -> None:
    theft = world.log.copy()
    theft.release(BASE[10:])
    world.show(log=theft)
    assert (await world.update()).gone == 10
    world.log.release(BASE[1:])
    world.show(NL, DE)
    error = await refused(world, "fork")
    assert "what the other took away is back" in error.hint
    assert world.answers == set(BASE)
    assert convicted(world) is ConflictKind.FORK
    assert (await world.update()).new == 2
    assert world.answers == set(BASE[1:])


async def test_a_longer_witnessed_history_without_the_head_ahead_is_a_fork(world: WitnessedWorld) -> None:
    theft = world.log.copy()
    theft.release(BASE[10:])
    world.show(log=theft)
    await world.update()
    world.log.release(BASE[1:])
    world.log.release((*BASE[1:], 9))
    world.show(NL, DE)
    await refused(world, "fork")
    assert convicted(world) is ConflictKind.DIVERGENCE
    assert (await world.update()).new == 3


async def test_without_witnesses_neither_of_two_histories_is_believed(world: WitnessedWorld) -> None:
    world.log.release(BASE[1:])
    world.show()
    await world.update()
    theft = world.log.copy()
    theft.releases.pop()
    theft.release(BASE[10:])
    theft.release(BASE[11:])
    world.show(log=theft)
    await refused(world, "fork")
    assert world.answers == set(BASE[1:]), "what was taken away first stays so"
    assert convicted(world) is ConflictKind.DIVERGENCE


async def test_witnesses_may_be_on_their_way_to_the_head_ahead(world: WitnessedWorld) -> None:
    ahead = world.log.copy()
    ahead.release((*BASE[1:], 7))
    middle = ahead.copy()
    ahead.release((*BASE[2:], 7))
    world.show(log=ahead)
    await refused(world, "release 3 waits")
    world.show(NL, BE, log=middle)
    await refused_at(world, 2, "release 3 waits")
    assert world.answers == {*BASE[2:], 7}
    world.show(NL, BE, log=ahead)
    assert (await world.update()).new == 3


async def refused_at(world: WitnessedWorld, version: int, says: str) -> None:
    """The update ends with that release in force, and says that another one waits."""
    with pytest.raises(VerificationError, match=says):
        await world.update()
    assert world.version == version


async def test_a_head_ahead_cannot_go_back(world: WitnessedWorld) -> None:
    first = world.log.copy()
    world.log.release(BASE[1:])
    world.show()
    await world.update()
    world.show(NL, BE, log=first)
    await refused(world, "rollback")
    assert world.answers == set(BASE[1:])


def convicted(world: WitnessedWorld) -> ConflictKind:
    """The kind of the one evidence kept, which convicts the log."""
    (kept,) = world.folder.evidence
    keys = [VerifierKey.of_log(ORIGIN, LOG_KEY.public)]
    finding = verify_evidence((kept / "evidence.cbor").read_bytes(), origin=ORIGIN, log_keys=keys)
    assert finding.log_at_fault
    return finding.kind


# ------------------------------------------------------------------ state


async def test_what_is_gone_is_read_whole_while_an_update_takes_more_away(
    world: WitnessedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the old count the new places were cut off, and some that are gone came back."""
    world.log.release(BASE[2:])
    world.show()
    await world.update()
    held, (_, cursor) = HeldReleases(world.folder), world.folder.load()
    before = held.gone(cursor)
    more = np.concatenate([np.arange(2, dtype=before.dtype), before + 2])

    def mapped_later(path: Path) -> MappedFile:
        held.keep_gone(cursor.version, more)
        return map_file(path)

    monkeypatch.setattr("node.hoster.lookup.held_releases.map_file", mapped_later)
    assert held.gone(cursor).tolist() == more.tolist()


async def test_damage_to_what_is_gone_is_noticed(world: WitnessedWorld) -> None:
    world.log.release(BASE[2:])
    world.show()
    await world.update()
    (path,) = world.folder.folder.glob("releases/1/gone.u64")
    good = path.read_bytes()
    for bad in (b"", good[:-8], good[:-1], good[:-2] + b"\xff\xff", None):
        if bad is None:
            path.unlink()
        else:
            path.write_bytes(bad)
        with pytest.raises(StoreError, match="damaged"):
            HeldReleases(world.folder).in_force()
        if bad is None or len(bad) != len(good):
            with pytest.raises(StoreError, match="damaged"):
                summary_of(world.folder, world.folder.load()[1])
    world.show(NL, BE)
    assert (await world.whole()).new == 2


async def test_a_state_of_before_goes_on(world: WitnessedWorld) -> None:
    folder = world.folder.folder
    fields = json.loads(bodies(folder, Kind.FACT)[FactName.STATE])
    del fields["ahead"], fields["waits"], fields["seen_ms"]
    replace_body(folder, Kind.FACT, FactName.STATE, json.dumps(fields).encode())
    world.log.release((*BASE, 5))
    world.show(NL, BE)
    assert (
        await Updater(PartnerFolder(world.folder.folder), world.node, world.clock, rule=by_register).update()
    ).new == 2


async def test_no_rule_asks_nobody(tmp_path: Path) -> None:
    world = WitnessedWorld(tmp_path, members=(NL, BE, DE), rule=unwitnessed)
    world.log.release(BASE)
    world.show()
    assert (await world.update()).backing.needed == 0


async def test_a_member_is_heard_after_all_its_holders_were_replaced_twice(world: WitnessedWorld) -> None:
    nl = world.others[NL]
    for label in ("second", "third"):
        replace_everybody(nl, label)
    world.log.release((*BASE, 5))
    world.show(NL, BE)
    report = await world.update()
    assert (report.new, report.backing.witnesses) == (2, (BE, NL))
    held = world.folder.member(NL)
    assert held is not None
    assert held.roots == tuple(root.data for root in nl.trust.roots())


async def test_a_root_of_a_member_that_is_held_back_leaves_the_member_as_it_was(
    world: WitnessedWorld,
) -> None:
    """The newer document is there, and nobody can say that the keys which signed it are the member's."""
    nl = world.others[NL]
    for label in ("second", "third"):
        replace_everybody(nl, label)
    world.node.relayed = {(NL, "2.root.json"): None}
    world.log.release((*BASE, 5))
    world.show(NL, BE)
    report = await world.update()
    assert (report.new, report.backing.witnesses) == (2, (BE, NL)), "under the key that is held"
    assert any("nl.example is refused" in one for one in report.warnings)
    held = world.folder.member(NL)
    assert held is not None
    assert len(held.roots) == 1


async def test_a_members_thief_of_targets_keys_is_left_behind_with_his_numbers(world: WitnessedWorld) -> None:
    nl = world.others[NL]
    stolen = replace(nl.trust.document(), serial=MAX_INTEGER)
    world.node.relayed = {(NL, "node"): sign_node_document(stolen, nl.signers)}
    await world.update()
    replace_everybody(nl, "after the theft")
    world.node.relayed = {}
    report = await world.update()
    assert not [one for one in report.warnings if NL in one]
    held = world.folder.member(NL)
    assert held is not None
    assert held.document == nl.files.get("node.json")
