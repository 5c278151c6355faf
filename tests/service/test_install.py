"""What holders signed comes into force whole, once, and so that every reader verifies every moment of it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from typing_extensions import override

from keys.errors import NotCurrentError, ThresholdError
from keys.key import (
    PrivateKey,
    PublicKey,
    RootPrivateKey,
    SnapshotPrivateKey,
    TargetsPrivateKey,
    TimestampPrivateKey,
)
from keys.roles import Role
from keys.signer import Signer
from keys.trust.members import Member, open_members
from keys.trust.node_document import open_node_document
from keys.trust.proposals.proposal import Proposal, from_json, to_json
from keys.trust.proposals.sign import open_proposal, sign
from keys.trust.proposals.words import changes
from keys.trust.revocations import Reason, Revocation, file_name
from keys.trust.tuf.holders import Holder
from keys.trust.tuf.repository import open_snapshot, open_targets, open_timestamp
from keys.trust.tuf.root import RootContent, TrustedRoot, open_next_root, open_root
from node.errors import ConflictError, NotFoundError, StoreError, UsageError
from node.trust.foundation import found
from node.trust.install import NOTE, finish
from node.trust.own import OwnTrust
from node.trust.tuf.repository import ServedTuf
from support.founding import MemoryKeys, founding_of
from support.new_stores import MemoryObjects
from support.times import SettableClock

NOW = datetime(2026, 5, 4, 12, 0, 0, 5, tzinfo=UTC)


class CutError(Exception):
    """The power went."""


class WatchedObjects(MemoryObjects):
    """The trust folder, with somebody who does something after every write."""

    def __init__(self) -> None:
        super().__init__()
        self.after: Callable[[str], None] = lambda _: None

    @override
    def put(self, name: str, data: bytes) -> None:
        super().put(name, data)
        self.after(name)

    @override
    def put_all(self, items: Iterable[tuple[str, bytes]]) -> None:
        for name, data in items:
            self.put(name, data)

    @override
    def delete(self, name: str) -> None:
        super().delete(name)
        self.after(name)


@dataclass
class MemoryPlace:
    """Where a proposal grows."""

    held: Proposal | None = None

    def read(self) -> Proposal | None:
        return self.held

    def write(self, proposal: Proposal) -> None:
        self.held = from_json(to_json(proposal))


class Team:
    """A node whose root and targets keys three people hold, of whom two sign."""

    def __init__(self) -> None:
        self.clock = SettableClock(NOW)
        self.files = WatchedObjects()
        self.keys, self.offline = MemoryKeys(), MemoryKeys()
        founding = founding_of(profile="full")
        self.founded = found(
            founding, keychain=self.keys, root_keychain=self.offline, files=self.files, clock=self.clock
        )
        self.trust = self.opened()

    def opened(self, place: MemoryPlace | None = None) -> OwnTrust:
        """The node's trust, as a process opens it."""
        return OwnTrust(
            self.files,
            self.clock,
            root_sha256=self.founded.root_sha256,
            freshness=self.keys.freshness,
            proposal=place,
        )

    def pair(self, label: str) -> list[PrivateKey[PublicKey]]:
        """Both keys of a holder."""
        return [self.offline.key(RootPrivateKey, label), self.offline.key(TargetsPrivateKey, label)]

    def renewed(self, holders: str, *, targets: bool = False, label: str = "new") -> RootContent:
        """A next root with other keys for these holders, and other online keys."""
        root = self.trust.root()
        held = tuple(
            self._renewed(holder, label, targets=targets) if holder.name in holders else holder
            for holder in root.named_holders
        )
        count = str(len(self.keys.secrets))
        return replace(
            RootContent(**{name: getattr(root, name) for name in RootContent.__dataclass_fields__}),
            expires=root.expires + timedelta(days=30),
            holders=held,
            root_keys=tuple(holder.root for holder in held if holder.root),
            targets_keys=tuple(holder.targets for holder in held if holder.targets),
            snapshot_keys=(self.keys.create(SnapshotPrivateKey, count).public,),
            timestamp_keys=(self.keys.create(TimestampPrivateKey, count).public,),
        )

    def _renewed(self, holder: Holder, label: str, *, targets: bool) -> Holder:
        root = self.offline.create(RootPrivateKey, f"{label}-{holder.name}")
        key = self.offline.create(TargetsPrivateKey, f"{label}-{holder.name}")
        return replace(holder, root=root.public, targets=key.public if targets else holder.targets)

    def signed(self, proposal: Proposal, *rounds: str) -> Proposal:
        """The proposal after these holders signed, "1 new-1" at one sitting; it travels as bytes."""
        for sitting in rounds:
            signers = [key for label in sitting.split() for key in self.pair(label)]
            proposal = from_json(to_json(sign(open_proposal(proposal), signers).proposal))
        return proposal

    def publish(self, proposal: Proposal) -> bool:
        """What the node does with it."""
        return self.opened().publish(open_proposal(proposal))


@pytest.fixture
def team() -> Team:
    return Team()


ALL = "1 new-1", "2 new-2", "1 new-1"


def one_root(team: Team) -> Proposal:
    return team.signed(team.trust.propose(team.renewed("3")), "1", "2")


def all_keys(team: Team) -> Proposal:
    return team.signed(team.trust.propose(team.renewed("123", targets=True)), *ALL)


def register(team: Team) -> Proposal:
    place = MemoryPlace()
    other = Member(node="nl.example", root_sha256=bytes(32), country="NL")
    team.opened(place).revise_members(lambda old: replace(old, members=(*old.members, other)), signers=())
    team.opened(place).revise_document(lambda old: replace(old, contact="desk 7"), signers=())
    assert place.held is not None
    return team.signed(place.held, "2", "3", "2")


KINDS = {"one root key": one_root, "all keys": all_keys, "register and document": register}
Kind = Callable[[Team], Proposal]


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


class Reader:
    """Somebody who holds the first root, and reads what is served: through TUF, and the files themselves."""

    def __init__(self, team: Team) -> None:
        self._team = team
        self._served = ServedTuf(team.files)
        self.first = open_root(team.files.get("1.root.json"), team.founded.root_sha256)

    def metadata(self, name: str) -> bytes:
        return asyncio.run(self._served.tuf_metadata(name))

    def root(self) -> TrustedRoot:
        """The newest root that is served."""
        root = self.first
        while True:
            try:
                root = open_next_root(root, self.metadata(f"{root.version + 1}.root.json"))
            except NotFoundError:
                return root

    def visit(self) -> tuple[int, int, int]:
        """Version of root and timestamp, and serial of the document; everything verifies, or this raises."""
        root = self.root()
        timestamp = open_timestamp(self.metadata("timestamp.json"), root)
        snapshot = open_snapshot(self.metadata(f"{timestamp.names}.snapshot.json"), root)
        listing = open_targets(self.metadata(f"{snapshot.names}.targets.json"), root)
        found = {}
        for path, listed in listing.files.items():
            name = path.removeprefix("trust/")
            data = asyncio.run(self._served.tuf_target(f"{listed.sha256.hex()}.{name}"))
            assert sha256(data).digest() == listed.sha256
            found[name] = data
        document = open_node_document(found["node.json"], root)
        open_members(found["members.json"], root)
        self.read_files(root)
        return root.version, timestamp.version, document.serial

    def read_files(self, root: TrustedRoot) -> None:
        """The files themselves, with the newest root and with the one before it."""
        for held in {root.version: root, max(1, root.version - 1): self.older(root)}.values():
            open_node_document(self._team.files.get("node.json"), held)
            open_members(self._team.files.get("members.json"), held)

    def older(self, root: TrustedRoot) -> TrustedRoot:
        return root if root.version == 1 else self.first


def test_every_moment_of_a_publication_verifies(team: Team, kind: Kind) -> None:
    made, reader = kind(team), Reader(team)
    before, seen = reader.visit(), []
    team.files.after = lambda _: seen.append(reader.visit())
    assert team.publish(made)
    assert seen[0] == before
    assert seen[-1] == reader.visit() != before
    assert len(set(seen)) == 2, "clients see the old state or the new one"
    assert not team.files.exists(NOTE)


def test_it_is_finished_by_the_same_command_wherever_it_was_cut_off(team: Team, kind: Kind) -> None:
    made, reader = kind(team), Reader(team)
    start = dict(team.files.data)
    writes: list[str] = []
    team.files.after = writes.append
    team.publish(made)
    whole = dict(team.files.data)
    assert writes
    for count in range(1, len(writes) + 1):
        team.files.data = dict(start)
        seen: list[str] = []

        def cut(name: str, seen: list[str] = seen, count: int = count) -> None:
            seen.append(name)
            if len(seen) == count:
                raise CutError

        team.files.after = cut
        with pytest.raises(CutError):
            team.publish(made)
        team.files.after = lambda _: None
        reader.visit()
        team.publish(made)
        assert team.files.data == whole, f"cut off after {seen}"


def test_whoever_comes_next_finishes_it_too(team: Team) -> None:
    made = all_keys(team)

    def cut(name: str) -> None:
        if name == "node.json":
            raise CutError

    team.files.after = cut
    with pytest.raises(CutError):
        team.publish(made)
    team.files.after = lambda _: None
    assert team.opened().stamp(), "the hourly job of the running node"
    assert Reader(team).visit() == (2, 1, 2)
    assert not team.publish(made), "it is in force already"


def test_publishing_twice_is_no_harm(team: Team, kind: Kind) -> None:
    made = kind(team)
    assert team.publish(made)
    held = dict(team.files.data)
    assert not team.publish(made)
    assert team.files.data == held


@pytest.mark.threat("a deceiving proposal")
def test_one_of_two_proposals_about_one_state_is_refused(team: Team) -> None:
    first, second = register(team), one_root(team)
    team.publish(first)
    with pytest.raises(ConflictError, match="other trust files came into force") as refused:
        team.publish(second)
    assert "make it anew" in refused.value.hint
    team.publish(one_root_again(team))


def one_root_again(team: Team) -> Proposal:
    return team.signed(team.trust.propose(team.renewed("3", label="again")), "1", "2")


@pytest.mark.parametrize(
    ("kind", "days"), [("one root key", 400), ("all keys", 181), ("register and document", 181)]
)
def test_what_ended_while_it_travelled_is_not_put_in_force(team: Team, kind: str, days: int) -> None:
    made = KINDS[kind](team)
    team.clock.advance(timedelta(days=days))
    held = dict(team.files.data)
    with pytest.raises(NotCurrentError, match="make it anew"):
        team.publish(made)
    assert team.files.data == held


def test_too_few_signatures_change_nothing(team: Team) -> None:
    held = dict(team.files.data)
    made = team.trust.propose(team.renewed("3"))
    with pytest.raises(ThresholdError, match="root: 1 of the required 2"):
        team.publish(team.signed(made, "1"))
    assert team.files.data == held


def test_the_timestamp_begins_again_with_its_key(team: Team) -> None:
    for _ in range(3):
        team.clock.advance(timedelta(hours=7))
        team.trust.stamp()
    assert Reader(team).visit() == (1, 4, 1)
    team.publish(one_root(team))
    assert Reader(team).visit() == (2, 1, 1)


def test_keys_are_replaced_again_and_again(team: Team) -> None:
    team.publish(one_root(team))
    team.publish(
        team.signed(
            team.trust.propose(team.renewed("12", targets=True, label="later")),
            "1 later-1",
            "2 later-2",
            "1 later-1",
        )
    )
    root = team.trust.root()
    assert (root.version, Reader(team).root().version) == (3, 3)
    assert root.root_keys != team.trust.roots()[0].root_keys
    team.trust.revise_members(lambda old: old, signers=[team.pair("later-1")[1], team.pair("later-2")[1]])
    with pytest.raises(ThresholdError):
        team.trust.revise_members(lambda old: old, signers=[team.pair("1")[1], team.pair("2")[1]])


def test_a_threshold_changes(team: Team) -> None:
    content = replace(team.renewed(""), threshold=3)
    made = team.trust.propose(content)
    with pytest.raises(ThresholdError):
        team.publish(team.signed(made, "1", "2"))
    team.publish(team.signed(made, "1", "2", "3"))
    assert team.trust.root().threshold == 3


def test_stolen_targets_keys_sign_nothing_more(team: Team) -> None:
    content = team.renewed("123", targets=True)
    made = team.signed(team.trust.propose(content, handover=False), *ALL)
    team.publish(made)
    reader = Reader(team)
    with pytest.raises(ThresholdError):
        open_node_document(team.files.get("node.json"), reader.first)
    open_node_document(team.files.get("node.json"), reader.root())


def test_what_is_proposed_grows_and_counts_nowhere(team: Team) -> None:
    place, held = MemoryPlace(), dict(team.files.data)
    drafting = team.opened(place)
    drafting.revise_document(lambda old: replace(old, contact="desk 7"), signers=())
    drafting.revise_document(lambda old: replace(old, contact=f"{old.contact}, first floor"), signers=())
    drafting.revise_members(lambda old: replace(old, k=3), signers=())
    drafting.replace_file("criteria-1.md", b"# Baseline\n", signers=())
    assert (drafting.document().contact, drafting.members().k) == ("desk 7, first floor", 3)
    assert team.files.data == held
    assert (team.trust.document().contact, team.trust.members().k) == (None, 2)
    assert place.held is not None
    lines = changes(open_proposal(place.held))
    assert {"  adds contact: desk 7, first floor", "  changes countries that must agree from 2 to 3"} < set(
        lines
    )
    team.publish(team.signed(place.held, "1", "3", "1"))
    assert (team.trust.document().contact, team.trust.members().k) == ("desk 7, first floor", 3)
    assert (team.trust.document().serial, team.trust.members().version) == (2, 2)
    assert team.files.get("criteria-1.md") == b"# Baseline\n"


def test_keys_are_taken_back_by_a_proposal(team: Team) -> None:
    place, kid = MemoryPlace(), team.trust.document().auth_keys[0].kid
    entry = Revocation(role=Role.AUTH, key=kid, time=NOW.replace(microsecond=0), reason=Reason.LOST)
    team.opened(place).revise_revocations(lambda old: replace(old, entries=(*old.entries, entry)), signers=())
    assert place.held is not None
    assert "  names these revocations" in changes(open_proposal(place.held))
    team.publish(team.signed(place.held, "1", "2", "3", "1"))
    assert team.trust.revocations().find(Role.AUTH, kid) == entry
    assert team.trust.document().revoked_sha256 == file_name(team.files.get("revoked.json"))
    again = team.signed(team.trust.propose(team.renewed("123", targets=True)), *ALL, "2 new-2")
    team.publish(again)
    assert team.trust.document().revoked_sha256 == file_name(team.files.get("revoked.json"))


def test_keys_that_are_here_sign_the_same_files_as_those_elsewhere(team: Team) -> None:
    kid = team.trust.document().auth_keys[0].kid
    entry = Revocation(role=Role.AUTH, key=kid, time=NOW.replace(microsecond=0), reason=Reason.LOST)

    def revise(trust: OwnTrust, signers: Sequence[Signer]) -> None:
        trust.revise_revocations(lambda old: replace(old, entries=(*old.entries, entry)), signers=signers)
        trust.revise_members(lambda old: replace(old, k=3), signers=signers)
        trust.replace_file("criteria-1.md", b"# Baseline\n", signers=signers)

    before, place = dict(team.files.data), MemoryPlace()
    revise(team.opened(place), ())
    assert place.held is not None
    team.publish(team.signed(place.held, "1 2"))
    elsewhere = {name: team.files.get(name) for name in ("node.json", "members.json", "revoked.json")}
    team.files.data.clear()
    team.files.data.update(before)
    revise(team.trust, [team.pair("1")[1], team.pair("2")[1]])
    assert elsewhere == {name: team.files.get(name) for name in elsewhere}
    assert team.trust.tuf_status().unlisted == ()


def test_a_signed_or_old_proposal_grows_no_more(team: Team) -> None:
    place = MemoryPlace()
    team.opened(place).revise_members(lambda old: old, signers=())
    assert place.held is not None
    unsigned = place.held
    place.held = team.signed(unsigned, "1")
    with pytest.raises(UsageError, match="signed already"):
        team.opened(place).revise_members(lambda old: old, signers=())
    place.held = unsigned
    team.publish(register(team))
    with pytest.raises(UsageError, match="older state"):
        team.opened(place).revise_members(lambda old: old, signers=())


def test_a_text_that_was_not_listed_yet_is_proposed_as_new(team: Team) -> None:
    """Cut off before the listing: what lies there was signed by nobody."""
    team.files.put("criteria-1.md", b"# Baseline\n")
    assert "criteria-1.md" not in team.trust.in_force().files


def test_a_text_that_was_altered_and_not_listed_is_proposed_as_it_is_listed(team: Team) -> None:
    team.trust.replace_file("criteria-1.md", b"# Baseline\n", signers=[team.pair("1")[1], team.pair("2")[1]])
    team.files.put("criteria-1.md", b"# Else\n")
    assert team.trust.in_force().files["criteria-1.md"] == b"# Baseline\n"
    assert open_proposal(team.trust.propose(team.renewed("1"))).proposal.root is not None


def test_nothing_is_proposed_about_a_file_that_was_signed_and_never_listed(team: Team) -> None:
    """What was listed last is older, and the next number of the file is given already."""
    files = {name: team.files.get(name) for name in team.files.ls("") if name != "members.json"}
    team.trust.revise_members(lambda old: old, signers=[team.pair("1")[1], team.pair("2")[1]])
    cut_off = team.files.get("members.json")
    for name in team.files.ls(""):
        team.files.delete(name)
    for name, data in (files | {"members.json": cut_off}).items():
        team.files.put(name, data)
    place = MemoryPlace()
    with pytest.raises(ConflictError, match="never listed"):
        team.trust.propose(team.renewed("1"))
    with pytest.raises(ConflictError, match="never listed"):
        team.opened(place).revise_members(lambda old: old, signers=())
    assert place.held is None


def test_a_damaged_note_is_nobody_s_to_guess(team: Team) -> None:
    team.files.put(NOTE, b"{")
    with pytest.raises(StoreError, match="damaged"):
        finish(team.files)
