"""Whom this node counts and follows: members of the federation, and peers among them.

A member is added only with fingerprint words that two people compared by another way than the network; the files
fetched from its address are believed because they match those words. A peer is a member that this node follows and
that may read here what its grant says.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from keys.signer import Signer
from keys.trust.fingerprint import from_words
from keys.trust.members import Member, Members
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.root import TrustedRoot, open_root
from node.clock import Clock, milliseconds
from node.errors import AlreadyExistsError, NotFoundError, UsageError, WrongPinError
from node.ports.objects import ObjectStore
from node.ports.peers import PeerRecord
from node.ports.storage import Storage, Unit
from node.services.trusting import OwnTrust
from protocol.grant import Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedTrust:
    """The trust files of another node as they were found at its address, and the key that served them."""

    url: str
    root: bytes
    node_document: bytes
    members: bytes
    spki_sha256: bytes | None
    """None: they came on a medium, so nobody's connection is to be believed because of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduced:
    """Another node whose files match its fingerprint and whose address has the key it names."""

    root: TrustedRoot
    document: NodeDocument
    fetched: FetchedTrust


def introduce(fetched: FetchedTrust, words: str, clock: Clock) -> Introduced:
    """Believe fetched files because of compared words.

    Raises:
        WrongRootError: other words than the root's: wrong address, wrong words, or an attack.
        WrongPinError: the server's key is not the one the node document names.
        NotCurrentError: the node document is out of date.
    """
    root = open_root(fetched.root, from_words(words))
    document = open_node_document(fetched.node_document, root)
    document.valid.require(clock.now(), f"the node document of {document.node}")
    pins = document.pins
    # A server with another key may relay the public files and read everything that follows.
    if fetched.spki_sha256 is not None and fetched.spki_sha256 not in pins:
        raise WrongPinError(f"{document.node}: the server at this address does not have the key it names")
    return Introduced(root=root, document=document, fetched=fetched)


class Membership:
    """Members and peers of this node."""

    def __init__(self, trust: OwnTrust, storage: Storage, introductions: ObjectStore, clock: Clock) -> None:
        self._trust = trust
        self._storage = storage
        self._files = introductions
        self._clock = clock

    def add_member(
        self,
        introduced: Introduced,
        *,
        country: str | None,
        authority_for: frozenset[int],
        signers: Sequence[Signer],
    ) -> Member:
        """Count another agency, for `country`.

        Raises:
            AlreadyExistsError: it is a member already.
        """
        node = introduced.document.node
        if any(member.node == node for member in self._trust.members().members):
            raise AlreadyExistsError(f"{node} is a member already", hint="see them with: sigfed member ls")
        member = Member(
            node=node,
            root_sha256=introduced.root.sha256,
            country=country,
            authority_for=authority_for,
        )
        self._keep(introduced.fetched, node)
        self._trust.revise_members(lambda old: replace(old, members=(*old.members, member)), signers=signers)
        return member

    def remove_member(self, node: str, *, signers: Sequence[Signer]) -> Members:
        """Count a member no more, follow it no more and serve it nothing; its lists stay held, for their blocks.

        Raises:
            NotFoundError: it is not a member.
            UsageError: it is this node.
        """
        if node == self._trust.root().node:
            raise UsageError("a node counts itself; this one cannot be removed here")
        self._member(node)

        def without(old: Members) -> Members:
            return replace(old, members=tuple(member for member in old.members if member.node != node))

        register = self._trust.revise_members(without, signers=signers)
        with self._storage.write() as unit:
            if any(peer.name == node for peer in unit.peers.ls()):
                unit.peers.remove(node)
            _forget(unit, node)
        return register

    def members(self) -> Members:
        """The register."""
        return self._trust.members()

    def add_peer(self, name: str, grant: Grant) -> PeerRecord:
        """Follow a member, and let it read here what `grant` covers.

        Raises:
            NotFoundError: it is not a member.
            AlreadyExistsError: it is a peer already.
        """
        member = self._member(name)
        root_data = self._files.get(f"{name}/root")
        root = open_root(root_data, member.root_sha256)
        document_data = self._files.get(f"{name}/document")
        document = open_node_document(document_data, root)
        peer = PeerRecord(
            name=name,
            url=self._files.get(f"{name}/url").decode(),
            root=root_data,
            node_document=document_data,
            serial=document.serial,
            members=self._files.get(f"{name}/members"),
            grant=json.dumps(grant.to_json()),
            added_ms=milliseconds(self._clock.now()),
        )
        with self._storage.write() as unit:
            unit.peers.add(peer)
            unit.revocations.name(name, document.revoked_sha256)
        return peer

    def remove_peer(self, name: str) -> None:
        """Follow a peer no more and serve it nothing; raises `NotFoundError`. What is held of its lists stays."""
        with self._storage.write() as unit:
            unit.peers.remove(name)
            _forget(unit, name)

    def _member(self, name: str) -> Member:
        for member in self._trust.members().members:
            if member.node == name:
                return member
        raise NotFoundError(f"{name} is not a member", hint="add it first: sigfed member add URL")

    def _keep(self, fetched: FetchedTrust, node: str) -> None:
        self._files.put_all(
            [
                (f"{node}/url", fetched.url.encode()),
                (f"{node}/root", fetched.root),
                (f"{node}/document", fetched.node_document),
                (f"{node}/members", fetched.members),
            ]
        )


def _forget(unit: Unit, node: str) -> None:
    """Drop what a node said of itself and of others: who comes back under its name may have lost everything."""
    unit.evidence.forget(node)
    unit.acknowledgements.forget(node)
    unit.trust_acknowledgements.forget(node)
    unit.withdrawals.forget(node)
