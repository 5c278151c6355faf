"""Taking in what peers say they hold of this node's trust files: signed by the caller's own key, true, never back.

New keys begin when every peer holds a document that lists them, so a statement is believed about its signer alone, and
only about files that this node signed: every document that was ever listed lies in its TUF repository under its hash.
"""

import asyncio
from datetime import datetime
from hashlib import sha256

from keys.errors import KeysError
from keys.trust.node_document import open_node_document
from keys.trust.tuf.target_files import NODE_FILE
from node.clock import Clock, milliseconds
from node.errors import ConflictError, VerificationError
from node.peers.acknowledgements import statement_keys
from node.ports.objects import ObjectStore
from node.store.peers.records import TrustAcknowledged
from node.store.store import Store
from node.trust.own import OwnTrust
from protocol.acknowledgement import TrustAcknowledgement
from protocol.limits import MAX_CLOCK_SKEW_MS


class ServedTrustAcknowledgements:
    """`protocol.api.TrustAcknowledgementApi` for the peer `caller` of the node whose trust files are in `files`."""

    def __init__(self, store: Store, trust: OwnTrust, files: ObjectStore, clock: Clock, caller: str) -> None:
        self._store = store
        self._trust = trust
        self._files = files
        self._clock = clock
        self._caller = caller

    async def acknowledge_trust(self, statement: bytes) -> None:
        """Take in what the caller holds; saying the same again changes nothing.

        Raises:
            NotFoundError: the caller is no peer.
            KeysError: the statement is not signed by a statement key of the caller that counts now.
            MalformedError: it is no such acknowledgement.
            VerificationError: it is of another node, of files that this node never signed, or from the future.
            ConflictError: it goes back behind what was acknowledged before.
        """
        await asyncio.to_thread(self._take, statement)

    def _take(self, statement: bytes) -> None:
        now = self._clock.now()
        with self._store.read() as unit:
            said = TrustAcknowledgement.opened(statement, statement_keys(unit, self._caller, now))
        root = self._trust.root()
        if (said.node, said.of) != (self._caller, root.node):
            raise VerificationError("the acknowledgement is of another node or of another's trust files")
        if said.time_ms > milliseconds(now) + MAX_CLOCK_SKEW_MS:
            raise VerificationError("the acknowledgement is dated in the future")
        if said.root_version > root.version or not self._signed(said):
            raise VerificationError("the acknowledgement is of trust files that this node never signed")
        self._keep(said, statement, now)

    def _signed(self, said: TrustAcknowledgement) -> bool:
        """Whether this node once listed that document under that number."""
        current = self._files.get(NODE_FILE)
        name = f"targets/{said.document_sha256.hex()}.{NODE_FILE}"
        if sha256(current).digest() == said.document_sha256:
            data = current
        elif self._files.exists(name):
            data = self._files.get(name)
        else:
            return False
        for root in reversed(self._trust.roots()):
            try:
                return open_node_document(data, root).serial == said.serial
            except KeysError:  # signed with the keys of an earlier root
                continue
        return False

    def _keep(self, said: TrustAcknowledgement, statement: bytes, now: datetime) -> None:
        kept = TrustAcknowledged(
            peer=self._caller,
            root_version=said.root_version,
            serial=said.serial,
            time_ms=said.time_ms,
            received_ms=milliseconds(now),
            statement=statement,
        )
        with self._store.write() as unit:
            old = unit.trust_acknowledgements.find(self._caller)
            if old is not None and old.statement == statement:
                return
            if old is not None and _goes_back(old, kept):
                raise ConflictError("a newer acknowledgement was taken in before")
            unit.trust_acknowledgements.replace(old, kept)


def _goes_back(old: TrustAcknowledged, new: TrustAcknowledged) -> bool:
    return new.time_ms < old.time_ms or new.serial < old.serial or new.root_version < old.root_version
