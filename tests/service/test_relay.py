"""Members' trust files, as a node passes them on: only what its register confirms, and of nobody else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.roles import Role
from keys.trust.fingerprint import to_words
from keys.trust.members import Member
from keys.trust.node_document import open_node_document
from keys.trust.revocations import Reason, Revocation, file_name
from keys.trust.tuf.root import open_roots
from keys.trust.tuf.target_files import REVOKED_FILE
from node.errors import NotFoundError
from node.peers.membership import introduce
from node.peers.relay import RelayingTrust
from node.trust.others.introductions import keep_introduction
from node.trust.revoke import revoke_keys
from support.ceremonies import replace_everybody
from support.federation import Agency, Federation, FoundedNode
from support.new_stores import MemoryObjects


class Relay:
    """An agency with a peer, a member that it does not follow, and what it serves of them."""

    def __init__(self, folder: Path) -> None:
        self.federation = Federation(folder)
        self.fr, self.nl = self.federation.peers("fr", "nl")
        self.introductions = MemoryObjects()
        self.served = RelayingTrust(self.fr.files, self.fr.trust, self.fr.store, self.introductions)

    def admit(self, node: FoundedNode, *, root_sha256: bytes = b"") -> None:
        """A member that is not followed."""
        fetched = introduce(node.fetched(), to_words(node.founded.root_sha256), self.fr.clock).fetched
        keep_introduction(self.introductions, node.name, url=fetched.url, trust=fetched.trust)
        member = Member(node=node.name, root_sha256=root_sha256 or node.founded.root_sha256, country="BE")
        self.fr.trust.revise_members(
            lambda old: replace(old, members=(*old.members, member)), signers=self.fr.signers
        )


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    made = Relay(tmp_path)
    with made.federation:
        yield made


async def files(relay: Relay, node: str) -> tuple[bytes, bytes]:
    return await relay.served.member_root(node), await relay.served.member_document(node)


def own(node: FoundedNode | Agency) -> tuple[bytes, bytes]:
    return node.files.get("1.root.json"), node.files.get("node.json")


async def test_a_peers_files_are_those_of_the_newest_sync(relay: Relay) -> None:
    before = own(relay.nl)
    assert await files(relay, "nl.example") == before
    relay.nl.revise(lambda old: old)
    assert await files(relay, "nl.example") == before
    await relay.federation.settle()
    assert await files(relay, "nl.example") == own(relay.nl) != before


async def test_a_member_that_is_not_followed_and_the_node_itself(relay: Relay) -> None:
    be = FoundedNode("be.example", "BE", relay.fr.clock)
    with pytest.raises(NotFoundError):
        await files(relay, "be.example")
    relay.admit(be)
    assert await files(relay, "be.example") == own(be)
    assert await files(relay, "fr.example") == own(relay.fr)


@pytest.mark.parametrize("name", ["us.example", "", "..", "nl.example/..", "../fr.example"])
async def test_nothing_of_anybody_else(relay: Relay, name: str) -> None:
    with pytest.raises(NotFoundError):
        await relay.served.member_root(name)
    with pytest.raises(NotFoundError):
        await relay.served.member_document(name)


@pytest.mark.threat("a false relay")
async def test_files_of_another_root_than_the_registers_are_not_served(relay: Relay) -> None:
    be = FoundedNode("be.example", "BE", relay.fr.clock)
    relay.admit(be, root_sha256=b"\x05" * 32)
    with pytest.raises(NotFoundError):
        await files(relay, "be.example")


@pytest.mark.threat("a removed member")
async def test_a_peer_that_left_the_register_is_not_shown(relay: Relay) -> None:
    relay.fr.trust.revise_members(lambda old: replace(old, members=old.members[:1]), signers=relay.fr.signers)
    with pytest.raises(NotFoundError):
        await files(relay, "nl.example")


async def test_every_root_of_a_member_is_served_up_to_the_one_that_its_document_is_signed_under(
    relay: Relay,
) -> None:
    nl = relay.nl
    for label in ("second", "third"):
        replace_everybody(nl, label)
    await relay.federation.settle()
    roots = [nl.files.get(f"{version}.root.json") for version in (1, 2, 3)]
    assert [await relay.served.member_root(nl.name, version=version) for version in (1, 2, 3)] == roots
    # A later root came, and the files that it signs were held back.
    replace_everybody(nl, "fourth")
    with relay.fr.store.write() as unit:
        held = unit.peers.get(nl.name)
        ahead = replace(held.trust, roots=(*held.trust.roots, nl.files.get("4.root.json")))
        unit.peers.update_trust(nl.name, ahead, serial=held.serial)
    document = await relay.served.member_document(nl.name)
    for version in (0, 4, 5):
        with pytest.raises(NotFoundError):
            await relay.served.member_root(nl.name, version=version)
    assert open_node_document(document, open_roots(roots, nl.founded.root_sha256)[-1]).node == nl.name


async def test_revocations_of_a_member_are_given_by_their_hash(relay: Relay) -> None:
    """Also to whoever took its own auth key back, and came out of a backup of before."""
    nl = relay.nl
    one = Revocation(
        role=Role.STATEMENT,
        key=nl.trust.document().statement_keys[0].kid,
        time=nl.clock.now().replace(microsecond=0),
        reason=Reason.LOST,
    )
    revoke_keys(nl.trust, nl.store, [one], document=lambda document: document, signers=nl.signers)
    data = nl.files.get(REVOKED_FILE)
    name = f"{file_name(data).hex()}.{REVOKED_FILE}"
    with pytest.raises(NotFoundError):
        await relay.served.tuf_target(name)
    await relay.federation.settle()
    assert await relay.served.tuf_target(name) == data
    relay.fr.trust.revise_members(
        lambda old: replace(old, members=tuple(each for each in old.members if each.node != nl.name)),
        signers=relay.fr.signers,
    )
    with pytest.raises(NotFoundError):
        await relay.served.tuf_target(name)
