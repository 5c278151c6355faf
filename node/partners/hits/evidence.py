"""Evidence for a reported hit: everything that lets somebody else judge it with nothing but this node's words.

Openings of other members' lists are handed out here and nowhere else, to the partner whose report verified, for the
entries behind its hit alone. Spec: docs/spec/hit.md.
"""

from collections.abc import Callable
from dataclasses import replace

from keys.errors import KeysError
from keys.signer import Signer
from keys.trust.fingerprint import fingerprint
from keys.trust.tuf.target_files import REVOKED_FILE
from node.errors import GoneError
from node.objects.logfiles import LogFiles
from node.objects.taken_reports import taken
from node.partners.hits.sources import HeldEntries
from node.ports.objects import ObjectStore
from node.store.hits.records import HitRecord
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.subsets.registers import kept_register
from node.trust.others.documents import MemberFiles, member_files
from node.trust.own import OwnTrust
from protocol.errors import ProtocolError
from protocol.hit_evidence.bundle import CurrentFiles, HitEvidence, LoggedEvent, SourceProof
from protocol.hit_evidence.trust import believe
from protocol.hit_evidence.verify import verify_hit
from protocol.limits import BUNDLE_WIDTH
from protocol.statement.receipt import Receipt, open_receipt
from protocol.subset.label import LabelSource
from protocol.subset.manifest import Manifest
from protocol.subset.sources import SourceCheckpoint
from protocol.tlog.proof import TlogProof
from protocol.tlog.tileproof import TileTree


class Proving:
    """Makes the evidence of this node's hits."""

    def __init__(
        self,
        store: Store,
        trust: OwnTrust,
        trust_files: ObjectStore,
        introductions: ObjectStore,
        *,
        signer: Callable[[], Signer],
    ) -> None:
        self._store = store
        self._trust = trust
        self._files = trust_files
        self._introductions = introductions
        self._signer = signer

    def evidence(self, partner: str, subset: str, report_id: bytes, *, version: int = 1) -> bytes:
        """The evidence file of a partner's reported hit, in this version of its format.

        Raises:
            NotFoundError: this partner has no such report in this subset.
            GoneError: an entry behind it was shredded, the register of that release is not kept, or what is behind it
                may be of who stole a key.
        """
        with self._store.read() as unit:
            origin = unit.subsets.get(subset).origin
            record = unit.hits.get(partner, subset, report_id)
        # An honest node shows nobody what it would not believe itself: what is known of stolen keys counts here, also
        # for whoever asks for the format that does not hold it.
        with self._store.read() as unit:
            revoked = [each.envelope for each in unit.revocations.ls() if each.envelope]
        try:
            bundle = self._bundle(record, origin)
            data = bundle.signed(self._signer())
            verify_hit(data, fingerprint(bundle.roots[0]), revoked=revoked)
        except (ProtocolError, KeysError) as exc:
            raise GoneError("nothing is left that proves this hit: {reason}", exc) from exc
        return data if version == bundle.version else _first_format(bundle).signed(self._signer())

    def _bundle(self, record: HitRecord, origin: str) -> HitEvidence:
        kept = taken(self._store, record)
        own_keys = tuple(dated.key for dated in self._trust.document().statement_keys)
        receipt = open_receipt(kept.receipt, kept.report(), own_keys)
        with self._store.read() as unit:
            log = unit.logs.get(origin)
        files = self._log_files(log)
        manifest = files.events((receipt.version - 1) // BUNDLE_WIDTH, size=log.head.size)[
            (receipt.version - 1) % BUNDLE_WIDTH
        ]
        parsed = Manifest.from_bytes(manifest)
        register, members = kept_register(self._store.objects, parsed.rules.members, self._trust.roots())
        held = member_files(self._store, self._introductions, members, own=self._trust.root().node)
        own = self._own()
        return HitEvidence(
            roots=own.roots,
            document=own.envelope,
            current=_current(own, own.held.files.get(REVOKED_FILE, b"")),
            members=register,
            origin=origin,
            manifest=manifest,
            release=self._release_proof(log, receipt),
            report=kept.body,
            receipt=kept.receipt,
            sources=tuple(
                self._source(source, parsed.source(source.number), {**held, own.document.node: own})
                for source in receipt.label.sources
            ),
        )

    def _own(self) -> MemberFiles:
        held = self._trust.current()
        return MemberFiles(
            roots=held.roots, envelope=held.node_document, document=self._trust.document(), held=held
        )

    def _release_proof(self, log: LogRecord, receipt: Receipt) -> bytes:
        assert log.note is not None, "a release that was reported from is published"
        index = receipt.version - 1
        return TlogProof(
            index, tuple(self._tree(log, log.head.size).inclusion_proof(index)), log.note
        ).to_bytes()

    def _source(
        self, named: LabelSource, read: SourceCheckpoint, held: dict[str, MemberFiles]
    ) -> SourceProof:
        with self._store.read() as unit:
            log = unit.logs.get(read.origin)
            revoked = unit.revocations.get(log.node).envelope
        if log.node not in held or log.note is None:
            raise GoneError("the trust files of {node} are not held any more", log.node)
        entries = HeldEntries(self._store, log)
        tree = self._tree(log, read.size)
        amend = entries.last_amend(named.index, size=read.size)
        grown = log.head.size > read.size
        return SourceProof(
            roots=held[log.node].roots,
            document=held[log.node].envelope,
            current=_current(held[log.node], held[log.node].held.files.get(REVOKED_FILE, revoked)),
            add=_logged(entries, tree, named.index),
            amend=None if amend is None else _logged(entries, tree, amend),
            note=log.note,
            consistency=(tuple(self._tree(log, log.head.size).consistency_proof(read.size)) if grown else ()),
        )

    def _log_files(self, log: LogRecord) -> LogFiles:
        return LogFiles(self._store.objects, self._store.vault, log.origin)

    def _tree(self, log: LogRecord, size: int) -> TileTree:
        """The tree of the first `size` leaves, out of the tiles of what is held."""
        return self._log_files(log).tree(size=log.head.size, leaves=size)


def _current(files: MemberFiles, revoked: bytes) -> CurrentFiles | None:
    """What a node's repository listed when it was last read; None where that is not of the files that are shown."""
    held = files.held
    current = CurrentFiles(
        timestamp=held.timestamp, snapshot=held.snapshot, targets=held.targets, revoked=revoked
    )
    try:
        believe(files.roots, files.envelope, current, pinned=held.pin)
    except (ProtocolError, KeysError):
        return None
    return current


def _first_format(bundle: HitEvidence) -> HitEvidence:
    """The same in the format that a partner's program of before reads."""
    sources = tuple(replace(each, current=None) for each in bundle.sources)
    return replace(bundle, current=None, sources=sources)


def _logged(entries: HeldEntries, tree: TileTree, index: int) -> LoggedEvent:
    opening = entries.opening_bytes(index)
    if not opening:
        raise GoneError("an entry behind this hit was shredded since: there is nothing left to show")
    return LoggedEvent(
        index=index, event=entries.event(index), opening=opening, inclusion=tuple(tree.inclusion_proof(index))
    )
