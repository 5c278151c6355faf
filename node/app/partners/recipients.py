"""Recipients of raw digests of an opened node: the copy kept as the lists are, and every download in the audit log."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.identity.audit import begin, tell
from node.identity.identity import Identity
from node.journal import Journal
from node.recipients.accreditation import Recipients
from node.recipients.copy import RecipientCopy
from node.recipients.service import RecipientService
from node.store.store import Store

ACTION: Final = "recipient.fetch"
_journal = Journal("recipients")


class RunningRecipients:
    """Keeps the copy of a running node, and serves it; where recipients are switched off there is neither."""

    def __init__(self, identity: Identity, store: Store) -> None:
        self._identity = identity
        self._store = store
        self.enabled = identity.settings.recipients.enabled
        self.turn = asyncio.Lock()
        """Of the jobs that lay out: those that wait must not hold the threads that answer requests."""
        self._copy = RecipientCopy(
            store, identity.clock, identity.trust.members, max_age=identity.settings.guards.max_checkpoint_age
        )

    def service(self) -> RecipientService | None:
        """Where recipients are served."""
        if not self.enabled:
            return None
        log = _AuditedDownloads(self._identity, self._store)
        return RecipientService(self._store, self._identity.clock, self._copy, log)

    def lay_out(self) -> None:
        """Bring the copy to what the lists say now, or delete it where nobody may fetch anything.

        Raises:
            NodeError: it cannot be made; meanwhile nothing is served.
        """
        if self.enabled and Recipients(self._store, self._identity.clock).any_entitled():
            made = self._copy.refresh()
            _journal.debug("laid-out", digests=made.digests)
        else:
            self._copy.discard()


@dataclass(frozen=True, slots=True)
class _AuditedDownloads:
    """What is not in the audit log is not given away."""

    _identity: Identity
    _store: Store

    def begin(self, recipient: str, details: Mapping[str, str]) -> None:
        begin(self._identity, self._store, ACTION, recipient, details=details)

    def end(self, recipient: str, details: Mapping[str, str]) -> None:
        tell(self._identity, self._store, ACTION, recipient, details=details)
