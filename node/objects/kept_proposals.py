"""Partners' proposals as they are kept: sealed, with their receipts, and without the hashes that had to be deleted.

Which proposals are taken is `node.partners.proposals.intake`'s to decide, and what becomes of their files a
person's. Whatever deletes reads and writes in one transaction: two that delete at once must not write back what the
other deleted.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from node.objects.sealed_names import proposal_name
from node.store.partners.records import ProposalRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.encoding import CborValue, encode_cbor
from protocol.fields import Fields
from protocol.statement.proposal import Proposal, ProposedFile

_MAX_SEALED: Final = 256 * 1024
_HASH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProposal:
    """What is kept of a proposal."""

    reason: str
    contact: str
    files: tuple[ProposedFile | None, ...] = field(repr=False)
    """None: its hashes were deleted."""
    body_sha256: bytes = field(repr=False)
    receipt: bytes = field(repr=False)

    @classmethod
    def of(cls, proposal: Proposal, receipt: bytes) -> Self:
        """All of a new proposal."""
        return cls(
            reason=proposal.reason,
            contact=proposal.contact,
            files=proposal.files,
            body_sha256=proposal.sha256(),
            receipt=receipt,
        )

    def without(self, numbers: Collection[int]) -> Self:
        """The same without the hashes of these files, by number."""
        kept = (None if number in numbers else file for number, file in enumerate(self.files, 1))
        return replace(self, files=tuple(kept))

    def to_bytes(self) -> bytes:
        """As it is sealed."""
        files: Sequence[CborValue] = [file.to_cbor() if file else None for file in self.files]
        return encode_cbor({0: self.reason, 1: self.contact, 2: files, 3: self.body_sha256, 4: self.receipt})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` wrote."""
        fields = Fields(data, name="kept proposal", max_bytes=_MAX_SEALED)
        kept = cls(
            reason=fields.text(0),
            contact=fields.text(1),
            files=fields.items(2, _file),
            body_sha256=fields.octets(3, _HASH),
            receipt=fields.octets_within(4, _MAX_SEALED),
        )
        fields.finish()
        return kept


def kept_proposal(store: Store, record: ProposalRecord) -> KeptProposal:
    """What a record holds; raises `StoreError` when it was altered."""
    name = proposal_name(record.partner, record.proposal_id)
    return KeptProposal.from_bytes(store.vault.unseal(name, record.sealed))


def sealed_proposal(store: Store, partner: str, proposal_id: bytes, kept: KeptProposal) -> bytes:
    """What is kept, as a record holds it."""
    return store.vault.seal(proposal_name(partner, proposal_id), kept.to_bytes())


def delete_hashes(store: Store, unit: Unit, record: ProposalRecord, numbers: Collection[int]) -> None:
    """Delete the hashes of files of a proposal that `unit` read, in a transaction that writes."""
    left = kept_proposal(store, record).without(numbers)
    unit.proposals.reseal(record, sealed_proposal(store, record.partner, record.proposal_id, left))


def erase_proposed(store: Store, is_gone: Callable[[Digest], bool]) -> None:
    """Delete the hashes of proposed files that have one of these digests; that they were proposed stays."""
    with store.read() as unit:
        names = unit.proposals.names()
    for name in names:
        with store.read() as unit:
            found = unit.proposals.find(*name)
        if found is None or not _gone(kept_proposal(store, found), is_gone):
            continue
        with store.write(alone=True) as unit:
            now = unit.proposals.find(*name)
            if now is not None:
                delete_hashes(store, unit, now, _gone(kept_proposal(store, now), is_gone))


def _gone(kept: KeptProposal, is_gone: Callable[[Digest], bool]) -> frozenset[int]:
    return frozenset(
        number for number, file in enumerate(kept.files, 1) if file and any(map(is_gone, file.digests))
    )


def _file(value: CborValue, where: str) -> ProposedFile | None:
    return None if value is None else ProposedFile.from_cbor(value, where)
