"""A partner follows its node's release log: what a lying or replaying node cannot do, and what survives it."""

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keys.key import LogPrivateKey
from keys.trust.fingerprint import fingerprint
from keys.trust.members import Member
from keys.trust.node_document import open_node_document, sign_node_document
from keys.trust.node_parts import LogInfo
from keys.trust.tuf.root import open_root
from keys.trust.tuf.target_files import NODE_FILE
from keys.trust.vkey import DatedVkey
from node.errors import ListTooOldError, OverQuotaError, PeerUnreachableError, StoreError, VerificationError
from node.evidence.judgement import judge
from node.hoster.cover import BATCH
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.release.log import MAX_NEW_RELEASES
from node.hoster.release.update import Updater, UpdateReport
from node.hoster.store.kinds import FactName, Kind
from node.hoster.trust.node import is_confirmed
from node.trust.announce import LOG_KEY_DAYS
from node.trust.own import window
from node.trust.tuf.repository import TufRepository
from protocol.digest import Algorithm, Digest
from protocol.messages import EvaluationReply, EvaluationRequest
from protocol.subset.canary import PRESENT
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.merkle import EMPTY_ROOT
from support.partner_rows import bodies, replace_body
from support.releases import FILTER, LOG_KEY, SUBSET, EnrolledPartner, ReleasingAgency, two_agencies
from support.stores import Agency, file_digests, make_store, rows, sqlite_dsn

ORIGIN = f"fr.example/subsets/{SUBSET}"


class World:
    """Two agencies that list the same files, and an enrolled partner that holds release 1."""

    def __init__(self, fr: ReleasingAgency, nl: Agency, partner: EnrolledPartner, folder: Path) -> None:
        self.fr, self.nl, self.partner, self.folder = fr, nl, partner, folder

    def release(self, *names: str) -> None:
        for agency in (self.fr.lists, self.nl):
            agency.add(rows(*names))
        self.fr.follow(self.nl)
        self.fr.release()

    def lie(self, note: bytes | None) -> None:
        """Let the node show this checkpoint."""
        self.partner.api = _Lying(self.partner.api, note)

    async def whole(self) -> UpdateReport:
        return await Updater(self.partner.home, self.partner.api, self.fr.clock).update_whole()

    @property
    def version(self) -> int:
        return self.partner.home.load()[1].version


class _Lying:
    """The node's API with another checkpoint."""

    def __init__(self, api: object, note: bytes | None) -> None:
        self._api, self._note = api, note

    def __getattr__(self, name: str) -> Any:  # whatever the real one has
        return getattr(self._api, name)

    async def checkpoint(self, _origin: str, *, held: bytes | None) -> bytes | None:
        del held
        return self._note


@pytest.fixture(params=[True], ids=["labels"])
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    with two_agencies(tmp_path, subset_filter=replace(FILTER, labels=request.param)) as (fr, nl):
        partner = await fr.admit_partner(tmp_path / "partner")
        made = World(fr, nl, partner, tmp_path / "partner")
        made.release("a", "b")
        await partner.update()
        yield made


def _keyed(log: LogInfo, vkeys: tuple[DatedVkey, ...]) -> LogInfo:
    """The release log under these keys; another log as it was."""
    return replace(log, vkeys=vkeys) if log.origin == ORIGIN else log


def signed(size: int, root: bytes, key: LogPrivateKey = LOG_KEY) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), [key])


@pytest.mark.threat("a release for one partner")
async def test_a_fork_is_refused_and_its_evidence_convicts_the_log(world: World) -> None:
    world.lie(signed(1, b"\x09" * 32))
    with pytest.raises(VerificationError, match="fork") as refused:
        await world.partner.update()
    assert world.version == 1
    (kept,) = (world.folder / "evidence").iterdir()
    assert str(kept) in refused.value.hint
    root_bytes = (kept / "1.root.json").read_bytes()
    root = open_root(root_bytes, fingerprint(root_bytes))
    finding = judge(
        (kept / "evidence.cbor").read_bytes(), open_node_document((kept / "node.json").read_bytes(), root)
    )
    assert finding.log_at_fault


@pytest.mark.threat("a rollback")
@pytest.mark.parametrize("whole", [False, True], ids=["update", "update --whole"])
async def test_a_rollback_is_refused_and_nothing_is_lost(world: World, *, whole: bool) -> None:
    first = await world.partner.api.checkpoint(ORIGIN, held=None)
    world.release("c")
    await world.partner.update()
    world.lie(first)
    with pytest.raises(VerificationError, match="rollback"):
        await (world.whole() if whole else world.partner.update())
    assert world.version == 2
    assert await world.partner.hit(list(file_digests("c"))) is not None
    assert len(list((world.folder / "evidence").iterdir())) == 1


@pytest.mark.parametrize(
    ("note", "text"),
    [
        (None, "none is held"),
        (signed(0, EMPTY_ROOT), "empty"),
        (signed(MAX_NEW_RELEASES + 2, b"\x01" * 32), "more than there can be"),
        (signed(2, b"\x01" * 32), "signed root|no such"),
    ],
    ids=["nothing new where nothing is held", "an empty log", "a log without end", "another root"],
)
async def test_a_first_update_refuses(world: World, note: bytes | None, text: str) -> None:
    partner = await world.fr.admit_partner(world.folder.parent / "second", name="second")
    world.release("c")
    partner.api = _Lying(partner.api, note)
    with pytest.raises(VerificationError, match=text):
        await partner.update()
    assert partner.home.load()[1].version == 0


async def test_damaged_files_are_replaced_whole(world: World) -> None:
    shutil.rmtree(world.folder / "releases" / "1")
    with pytest.raises(StoreError, match="damaged"):
        await world.partner.update()
    report = await world.whole()
    assert (report.new, report.entries) == (1, 4)
    assert await world.partner.hit(list(file_digests("a"))) is not None


async def test_an_interrupted_whole_update_leaves_the_release_in_force(world: World) -> None:
    class Down(_Lying):
        async def release_part(self, *_: object, **__: object) -> bytes:
            raise PeerUnreachableError("gone")

    note = await world.partner.api.checkpoint(ORIGIN, held=None)
    world.partner.api = Down(world.partner.api, note)
    with pytest.raises(PeerUnreachableError):
        await world.whole()
    assert world.version == 1
    assert await world.partner.hit(list(file_digests("a"))) is not None


async def test_a_whole_update_refuses_a_log_that_leaves_out_what_is_held(world: World) -> None:
    """Another history that is longer: only the root of the checkpoint held tells."""
    folder = world.folder.parent / "thief"
    folder.mkdir()
    store = make_store(sqlite_dsn(folder), folder)
    thief = ReleasingAgency(store, folder)
    thief.files = world.fr.files
    thief.trust = world.fr.trust
    for names in (("x",), ("y",)):
        thief.lists.add(rows(*names))
        world.nl.add(rows(*names))
        thief.follow(world.nl)
        thief.release()
    world.partner.api = thief.api()
    with pytest.raises(VerificationError, match="signed root"):
        await world.whole()
    assert world.version == 1
    thief.evaluator.close()
    store.dispose()


async def test_the_same_head_under_a_new_key_is_kept(world: World) -> None:
    """Else the held head is signed by nobody once the old key leaves the node document, and no update works."""
    fresh = LogPrivateKey.from_seed(b"n" * 32)
    valid = window(world.fr.clock.now(), LOG_KEY_DAYS)
    both = (
        DatedVkey.of(LOG_KEY.public, name=ORIGIN, valid=valid),
        DatedVkey.of(fresh.public, name=ORIGIN, valid=valid),
    )
    held = world.partner.home.load()[1]
    head = Checkpoint.from_text(held.note.decode().split("\n\n")[0] + "\n")
    for vkeys in (both, both[1:]):
        world.fr.trust.revise_document(
            lambda old, vkeys=vkeys: replace(old, logs=tuple(_keyed(log, vkeys) for log in old.logs)),  # type: ignore[misc]
            signers=world.fr.signers,
        )
        world.lie(signed(head.size, head.root, fresh))
        assert (await world.partner.update()).new == 1


async def test_two_documents_under_one_serial_are_refused(world: World) -> None:
    document = world.fr.trust.document()
    other = replace(document, valid=window(world.fr.clock.now(), 1))
    world.fr.files.put(NODE_FILE, sign_node_document(other, world.fr.signers))
    repository = TufRepository(world.fr.files, world.fr.clock)
    repository.list_files(world.fr.trust.root(), world.fr.trust.listed_files(), world.fr.signers)
    with pytest.raises(VerificationError, match="two different node files"):
        await world.partner.update()


async def test_new_keys_of_the_node_are_kept_even_if_the_release_is_refused(world: World) -> None:
    world.fr.trust.revise_document(lambda old: old, signers=world.fr.signers)
    world.lie(signed(1, b"\x09" * 32))
    with pytest.raises(VerificationError):
        await world.partner.update()
    assert world.partner.home.load()[0].trust.node_document == world.fr.files.get(NODE_FILE)


async def test_every_change_of_the_register_is_told(world: World) -> None:
    def moved(member: Member) -> Member:
        if member.node != "nl.example":
            return member
        return replace(member, country="BE", authority_for=frozenset({2}))

    world.fr.trust.revise_members(
        lambda old: replace(old, members=tuple(map(moved, old.members)), block_cap=7),
        signers=world.fr.signers,
    )
    assert (await world.partner.update()).member_changes == (
        "nl.example counts for BE instead of NL",
        "nl.example is now an authority for national",
        "7 blocks of one list apply instead of 1000",
    )


async def test_a_grace_beyond_the_calendar_is_no_crash(world: World) -> None:
    enrolment, cursor = world.partner.home.load()
    world.partner.home.save(replace(enrolment, grace_days=2**52), cursor)
    world.partner.examiner().require_current()
    world.partner.home.save(replace(enrolment, grace_days=0), cursor)
    world.fr.clock.advance(timedelta(days=4000))
    with pytest.raises(ListTooOldError):
        world.partner.examiner().require_current()


@pytest.mark.parametrize("world", [True, False], indirect=True, ids=["labels", "no labels"])
async def test_the_test_file_is_never_taken_for_material(world: World) -> None:
    hit = await world.partner.hit([PRESENT])
    assert hit is not None
    assert hit.test_file
    listed = await world.partner.hit(list(file_digests("a")))
    assert listed is not None
    assert not listed.test_file


async def test_what_was_answered_stands_when_the_quota_ends(world: World) -> None:
    class Counted(_Lying):
        batches = 0

        async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
            self.batches += 1
            if self.batches > 1:
                raise OverQuotaError("used up", retry_after_seconds=1)
            return await world.fr.api().evaluate(subset, request)

    world.partner.api = Counted(world.partner.api, None)
    examiner = world.partner.examiner()
    listed = list(file_digests("a"))
    files = [[*listed, *[Digest(Algorithm.SHA256, bytes([n]) * 32) for n in range(60)]]] * 70
    found: dict[int, bool] = {}

    async def look_up() -> None:
        async for place, hit in examiner.verdicts(files):
            found[place] = hit is not None

    with pytest.raises(OverQuotaError):
        await look_up()
    assert found == dict.fromkeys(range(BATCH // len(files[0])), True)


async def test_a_reader_is_not_disturbed_by_an_update(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state names release 1, and its files go before they are read."""
    home = world.partner.home
    before = home.load()
    world.release("c")
    await world.partner.update()
    states = [before]
    load = home.load
    monkeypatch.setattr(type(home), "load", lambda _self: states.pop() if states else load())
    _, held = HeldReleases(home).in_force()
    assert held is not None
    assert held.version == 2


def test_a_state_whose_release_is_gone_is_damaged(world: World) -> None:
    shutil.rmtree(world.folder / "releases" / "1")
    with pytest.raises(StoreError):
        HeldReleases(world.partner.home).in_force()


async def test_a_folder_of_an_earlier_version_is_read_and_kept_in_the_new_form(world: World) -> None:
    """It knew one root, and nothing of when keys were confirmed: they count after the next update."""
    home, now = world.partner.home, world.fr.clock.now()
    fields = json.loads(bodies(home.folder, Kind.FACT)[FactName.STATE])
    files = fields["trust"]
    for new in ("trust", "confirmed_ms", "revoked", "key_ms"):
        del fields[new]
    first = {"root": "1.root.json", "node_document": "node.json", "members": "members.json"}
    of_before = fields | {field: files[name] for field, name in first.items()}
    replace_body(home.folder, Kind.FACT, FactName.STATE, json.dumps(of_before).encode())
    held, _ = home.load()
    assert (len(held.trust.roots), held.trust.timestamp, is_confirmed(held, now)) == (1, b"", False)
    world.release("c")
    assert (await world.partner.update()).new == 2
    held, _ = home.load()
    assert held.trust.timestamp
    assert is_confirmed(held, now)
    assert first.keys().isdisjoint(json.loads(bodies(home.folder, Kind.FACT)[FactName.STATE]))
