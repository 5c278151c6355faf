"""Answering a partner's dispute at an opened node: the signed answer, and with it the withdrawal of an own entry.

The withdrawal comes first: an answer that says a file was listed by error must not be out while nothing was done.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.app.partners.hits import casework, statement_key
from node.errors import GoneError, NothingToDoError
from node.identity.identity import Identity
from node.lists.catalogue import own_list
from node.lists.corrections.withdraw import withdraw
from node.lists.families import Family
from node.partners.hits.cases import listed_in, reported_digest
from node.store.hits.records import CaseRecord
from node.store.store import Store
from protocol.digest import Digest
from protocol.lists.ext import Reason
from protocol.statement.case import CaseAnswer, Outcome, open_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What answering came to."""

    answer: CaseAnswer
    withdrawals: int
    """Entries of the file that end with the next publication of the list; 0 also where they had ended before."""
    origins: Sequence[str]
    """Lists behind the hit."""


def answer_case(
    identity: Identity,
    store: Store,
    record: CaseRecord,
    outcome: Outcome,
    reason: str,
    *,
    withdraw_from: str = "",
) -> Answered:
    """Answer a dispute, signed and for good; before that, withdraw its file from the own list `withdraw_from`.

    Raises:
        UsageError: a reason that is not one printable line of sensible length.
        ConflictError: it was answered before.
        NotFoundError: there is no such own list, or the file never was in it.
    """
    work = casework(identity, store)
    work.require_answerable(record, reason)
    entries = 0
    if withdraw_from:
        entries = _withdraw(store, withdraw_from, reported_digest(store, record))
    origins = [origin for origin, _ in entries_behind(identity, store, record)]
    answered = work.answer(record, outcome, reason, signer=statement_key(identity))
    return Answered(answer=answered, withdrawals=entries, origins=origins)


def _withdraw(store: Store, origin: str, digest: Digest) -> int:
    """How many entries end; none where all have ended already, as when an answer was cut off after this."""
    try:
        return withdraw(store, origin, digest, reason=Reason.ERROR).entries
    except NothingToDoError:
        with store.read() as unit:
            held = Family(store, unit, own_list(unit, origin)).everything(digest)
        if not any(hit.collection > 0 for hit in held):
            raise  # it disputed the file, and never listed it
        return 0


def entries_behind(identity: Identity, store: Store, record: CaseRecord) -> list[tuple[str, int]]:
    """Lists and entries behind the hit of a case, by its receipt; none once its hash was shredded."""
    try:
        return listed_in(store, identity.trust.document(), record)
    except GoneError:
        return []


def answer_given(identity: Identity, record: CaseRecord) -> CaseAnswer | None:
    """The answer to a case in this node's signed words; None while it is open."""
    if record.answered_ms is None:
        return None
    keys = [dated.key for dated in identity.trust.document().statement_keys]
    return open_answer(record.answer, partner=record.partner, report_id=record.report_id, keys=keys)
