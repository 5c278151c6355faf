"""Somebody who copied keys that a root names, from where their holders kept them, and uses them after a next root.

Each attempt is made with real keys on top of what FR serves at that moment, and shown to a peer and to a partner by
whoever answers for FR: everything else that they ask for comes from FR's running node. Nothing of it is kept.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import NamedTuple
from unittest.mock import patch

from keys.key import RootPrivateKey
from keys.signer import Signer
from keys.trust.held_trust import HeldTrust
from keys.trust.node_document import sign_node_document
from keys.trust.tuf.repository import (
    author_snapshot,
    author_targets,
    author_timestamp,
    open_snapshot,
    open_targets,
    open_timestamp,
)
from keys.trust.tuf.root import TrustedRoot
from keys.trust.tuf.target_files import NODE_FILE, target_path
from node.clock import system_entropy
from node.home import Home
from node.hoster.connection import reach_node_of
from node.hoster.folder import PartnerFolder
from node.hoster.trust.node import known, refresh
from node.identity.identity import Identity, open_freshness, open_identity
from node.identity.peer import reach_peer
from node.remote.node import RemoteNode
from node.rotation.store import write_store
from node.store.peers.records import PeerRecord
from node.trust.others.refresh import newest_root
from node.trust.tuf.client import follow
from support.load import Load
from support.processes import Cli, copy_what_stays
from support.trust import author_next_root

Files = Mapping[str, bytes]
"""What is shown instead of FR's own: metadata and trust files by name."""


class Versions(NamedTuple):
    """Of FR's root: the newest one, and those that others go by."""

    fr: int
    peer: int
    partner: int


class Refusals(NamedTuple):
    """How an attempt was refused by each of those who follow FR; None: it worked."""

    peer: Exception | None
    partner: Exception | None


def root_versions(load: Load) -> Versions:
    """Which root of FR each of them goes by."""
    enrolment, _ = PartnerFolder(Home(load.hoster.home).partner).load()
    return Versions(
        fr=_opened(load, load.fr).trust.root().version,
        peer=newest_root(_peer(_opened(load, load.nl))).version,
        partner=known(enrolment).root.version,
    )


class HeldKeysThief:
    """Has the key files that lie in FR's home as it is now, those of its holders among them, and the passphrases.

    Of today he has FR's online keys, too, when he shows what a copied targets key signed: that key alone is to fail.
    """

    def __init__(self, load: Load, folder: Path) -> None:
        self._load = load
        ignored = ignore_patterns("sigfed.db*", "objects", "*.lock")
        copytree(load.fr.home, folder, ignore=ignored, copy_function=copy_what_stays)
        copied = open_identity(Home(folder), clock=load.time)
        self._counted = copied.trust.root()
        """The root under which the copied keys sign."""
        self._root_keys, self._targets_keys = copied.root_signers(), copied.targets_signers()
        self._timestamp_key = open_freshness(copied.keychain, self._counted).timestamp
        self._forge: dict[str, Callable[[Identity], Files]] = {
            "root": self._next_root,
            "targets": self._document,
            "timestamp": self._timestamp,
        }

    def refusals(self, role: str) -> Refusals:
        """What becomes of a forgery by the copied key of a role."""
        forged = self._forge[role](_opened(self._load, self._load.fr))
        return Refusals(
            asyncio.run(_shown_to_peer(self._load, forged)),
            asyncio.run(_shown_to_partner(self._load, forged)),
        )

    def _next_root(self, fr: Identity) -> Files:
        """The thief becomes the only holder."""
        newest, own = fr.trust.root(), RootPrivateKey.from_seed(system_entropy(32))
        content = replace(newest, root_keys=(own.public,), threshold=1, holders=())
        data = author_next_root(self._wished(newest), content, [*self._root_keys, own])
        return {f"{newest.version + 1}.root.json": data}

    def _document(self, fr: Identity) -> Files:
        """The node document says something else, as the newest listing has it."""
        newest, served = fr.trust.root(), fr.trust.current()
        wished, online = self._wished(newest), open_freshness(fr.keychain, newest)
        old = fr.trust.document()
        said = replace(old, serial=old.serial + 1, contact="somebody else")
        document = sign_node_document(said, self._targets_keys)
        listed = {target_path(name): data for name, data in {**served.files, NODE_FILE: document}.items()}
        version = open_targets(served.targets, newest).version + 1
        targets = author_targets(
            wished, listed, version=version, expires=self._end, signers=self._targets_keys
        )
        number = open_snapshot(served.snapshot, newest).version + 1
        snapshot = author_snapshot(wished, targets, version=number, expires=self._end, signer=online.snapshot)
        return {
            **self._stamped(newest, served, snapshot, online.timestamp),
            f"{number}.snapshot.json": snapshot,
            f"{version}.targets.json": targets,
            NODE_FILE: document,
        }

    def _timestamp(self, fr: Identity) -> Files:
        """What is current stays so for as long as the thief likes."""
        served = fr.trust.current()
        return self._stamped(fr.trust.root(), served, served.snapshot, self._timestamp_key)

    def _stamped(self, newest: TrustedRoot, served: HeldTrust, snapshot: bytes, signer: Signer) -> Files:
        version = open_timestamp(served.timestamp, newest).version + 1
        data = author_timestamp(
            self._wished(newest), snapshot, version=version, expires=self._end, signer=signer
        )
        return {"timestamp.json": data}

    def _wished(self, newest: TrustedRoot) -> TrustedRoot:
        """FR's root as the thief would have it: the copied keys count. Without it nothing of his is written at all."""
        counted = self._counted
        return replace(
            newest,
            root_keys=counted.root_keys,
            threshold=counted.threshold,
            targets_keys=counted.targets_keys,
            targets_threshold=counted.targets_threshold,
            timestamp_keys=(*newest.timestamp_keys, *counted.timestamp_keys),
        )

    @property
    def _end(self) -> datetime:
        return self._load.time.now().replace(microsecond=0) + timedelta(days=1)


async def _shown_to_peer(load: Load, forged: Files) -> Exception | None:
    """NL follows FR."""
    identity = _opened(load, load.nl)
    peer = _peer(identity)
    async with reach_peer(identity, peer) as link:
        _answer_instead(link, forged)
        followed = await follow(peer.trust, link, load.time.now())
    return followed.failure or _unread(followed.held, forged)


async def _shown_to_partner(load: Load, forged: Files) -> Exception | None:
    """The hoster follows FR."""
    folder = PartnerFolder(Home(load.hoster.home).partner)
    enrolment, _ = folder.load()
    link = reach_node_of(enrolment, folder.key(), clock=load.time, entropy=system_entropy, proxy=None)
    async with link:
        _answer_instead(link, forged)
        found, failure = await refresh(enrolment, link, load.time.now())
    return failure or _unread(found.trust, forged)


def _answer_instead(link: RemoteNode, forged: Files) -> None:
    """Let somebody answer at FR's address who passes on what he has nothing to say about."""
    metadata, target = link.tuf_metadata, link.tuf_target

    async def tuf_metadata(name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:
        return forged.get(name) or await metadata(name, held=held, max_bytes=max_bytes)

    async def tuf_target(name: str, *, max_bytes: int | None = None) -> bytes:
        return forged.get(name.partition(".")[2]) or await target(name, max_bytes=max_bytes)

    patch.multiple(link, tuf_metadata=tuf_metadata, tuf_target=tuf_target).start()


def _unread(held: HeldTrust, forged: Files) -> AssertionError | None:
    """What is wrong with the attempt itself, where what was shown is not what is held then."""
    missing = forged.keys() if set(forged.values()) - set(held.to_files().values()) else ()
    return AssertionError(f"never looked at: {', '.join(missing)}") if missing else None


def _peer(nl: Identity) -> PeerRecord:
    with write_store(nl) as store, store.read() as unit:
        return unit.peers.get("fr.example")


def _opened(load: Load, cli: Cli) -> Identity:
    return open_identity(Home(cli.home), clock=load.time)
