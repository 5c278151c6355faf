"""Whom this node counts and follows: members of the federation, and peers among them.

A member is added only with fingerprint words that two people compared by another way than the network; the files
fetched from its address are believed because they match those words. A peer is a member that this node follows and
that may read here what its grant says.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from keys.errors import WrongRootError
from keys.message import Message
from keys.signer import Signer
from keys.trust.fingerprint import fingerprint, from_words, require_match
from keys.trust.held_trust import open_held
from keys.trust.members import Member, Members
from keys.trust.node_document import NodeDocument
from keys.trust.tuf.root import TrustedRoot
from node.clock import Clock, milliseconds
from node.errors import (
    AlreadyExistsError,
    MissingObjectError,
    NotFoundError,
    UsageError,
    VerificationError,
    WrongPinError,
)
from node.ports.objects import ObjectStore
from node.store.lists.records import LogKind
from node.store.peers.records import FetchedTrust, PeerRecord
from node.store.store import Store
from node.store.unit import Unit
from node.trust.others.introductions import introduced_trust, introduced_url, keep_introduction
from node.trust.own import OwnTrust
from protocol.lists.grant import Grant


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
        NotCurrentError: root or node document are out of date.
    """
    require_match(fingerprint(fetched.trust.roots[0]), from_words(words))
    opened = open_held(fetched.trust)
    opened.check_current(clock.now())
    root, document = opened.root, opened.document
    pins = document.pins
    # A server with another key may relay the public files and read everything that follows.
    if fetched.spki_sha256 is not None and fetched.spki_sha256 not in pins:
        raise WrongPinError(
            "{node}: the server at this address does not have the key it names", document.node
        )
    return Introduced(root=root, document=document, fetched=fetched)


def recognise(fetch: Callable[[], FetchedTrust], words: str, clock: Clock) -> Introduced:
    """As `introduce` of what `fetch` finds, and tells whoever typed the words what another root means.

    Raises:
        VerificationError: another root, whether that shows in fetching or afterwards.
    """
    try:
        return introduce(fetch(), words, clock)
    except WrongRootError as exc:
        raise VerificationError(
            exc.message,
            hint="compare all eight words by telephone again; if they are the same, this is not that agency: stop",
        ) from exc


class Membership:
    """Members and peers of this node."""

    def __init__(self, trust: OwnTrust, store: Store, introductions: ObjectStore, clock: Clock) -> None:
        self._trust = trust
        self._store = store
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
            VerificationError: logs of that name are held here that another root vouches for, or nobody knows which.
        """
        node = introduced.document.node
        if any(member.node == node for member in self._trust.members().members):
            raise AlreadyExistsError(
                "{node} is a member already", node, hint="see them with: sigfed member ls"
            )
        self._require_own_logs(node, introduced.fetched.trust.pin)
        member = Member(
            node=node, root_sha256=introduced.root.sha256, country=country, authority_for=authority_for
        )
        keep_introduction(self._files, node, url=introduced.fetched.url, trust=introduced.fetched.trust)
        self._trust.revise_members(lambda old: replace(old, members=(*old.members, member)), signers=signers)
        return member

    def _require_own_logs(self, node: str, pin: bytes) -> None:
        """What one root vouched for must not count as another's word, whose logs of that name nobody could follow."""
        with self._store.read() as unit:
            origins = {log.origin for log in unit.logs.ls(LogKind.PEER_LIST) if log.note is not None}
            origins |= {each.origin for each in unit.witnessed.ls()}
        if not any(origin.startswith(f"{node}/") for origin in origins):
            return
        try:
            known = introduced_trust(self._files, node).pin
        except MissingObjectError:
            raise VerificationError(
                "lists of {node} are held here, and which root vouched for them is not known any more",
                node,
                hint=Message(
                    "put back from a backup what members/{node} in the home of this node held", node
                ),
            ) from None
        if known != pin:
            raise VerificationError(
                "{node} had another root when its lists were followed here",
                node,
                hint="an agency that is founded anew takes another name: sigfed init --node NAME",
            )

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

        # First what it may read here: whoever is no member any more cannot be named again to end that.
        with self._store.write() as unit:
            if unit.peers.find(node):
                unit.peers.remove(node)
            _forget(unit, node)
        return self._trust.revise_members(without, signers=signers)

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
        trust = introduced_trust(self._files, name)
        require_match(trust.pin, member.root_sha256)
        document, now_ms = open_held(trust).document, milliseconds(self._clock.now())
        peer = PeerRecord(
            name=name,
            url=introduced_url(self._files, name),
            trust=trust,
            serial=document.serial,
            grant=json.dumps(grant.to_json()),
            added_ms=now_ms,
            confirmed_ms=now_ms,
        )
        with self._store.write() as unit:
            unit.peers.add(peer)
            unit.revocations.name(name, document.revoked_sha256)
        return peer

    def remove_peer(self, name: str) -> None:
        """Follow a peer no more and serve it nothing; raises `NotFoundError`. What is held of its lists stays."""
        with self._store.write() as unit:
            unit.peers.remove(name)
            _forget(unit, name)

    def _member(self, name: str) -> Member:
        for member in self._trust.members().members:
            if member.node == name:
                return member
        raise NotFoundError("{name} is not a member", name, hint="add it first: sigfed member add URL")


def _forget(unit: Unit, node: str) -> None:
    """Drop what a node said of itself and of others: who comes back under its name may have lost everything."""
    unit.evidence.forget(node)
    unit.acknowledgements.forget(node)
    unit.trust_acknowledgements.forget(node)
    unit.withdrawals.forget(node)
