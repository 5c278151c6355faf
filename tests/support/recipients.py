"""An agency with recipients of raw digests, another that lists the same files, and what is downloaded: no sockets.

desk = Desk(fr)                # a `support.releases.ReleasingAgency`
key = desk.accredit("hotline")
desk.copy.refresh()
lines = read(desk.open(key))
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from node.recipients.accreditation import Recipients, Wanted, recipient_payload
from node.recipients.copy import RecipientCopy
from node.recipients.service import RecipientDownload, RecipientService
from node.store.accounts.records import Approval
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE
from protocol.lists.grant import Grant
from support.releases import MAX_AGE, ReleasingAgency


class Downloads:
    """What would be in the audit log."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Mapping[str, str]]] = []

    def begin(self, recipient: str, details: Mapping[str, str]) -> None:
        self.told.append(("begin", recipient, details))

    def end(self, recipient: str, details: Mapping[str, str]) -> None:
        self.told.append(("end", recipient, details))


class Desk:
    """Where the recipients of an agency are served."""

    def __init__(self, fr: ReleasingAgency) -> None:
        self.fr = fr
        self.recipients = Recipients(fr.store, fr.clock)
        self.copy = RecipientCopy(fr.store, fr.clock, fr.trust.members, max_age=MAX_AGE)
        self.downloads = Downloads()
        self.served = RecipientService(fr.store, fr.clock, self.copy, self.downloads)
        self.open = self.served.open

    def grant(self, *collections: int, **changes: object) -> Grant:
        """A grant that ends in a month."""
        until = self.fr.clock.now() + timedelta(days=30)
        made = Grant(collections=frozenset(collections or {BASELINE}), until=until)
        return replace(made, **changes)  # type: ignore[arg-type]  # fields of a grant

    def accredit(self, name: str = "hotline", grant: Grant | None = None) -> str:
        """Add a recipient; its key."""
        payload = recipient_payload(Wanted(name=name, grant=grant or self.grant()))
        approval = Approval(id=1, kind="", subject="", payload=payload, requested_by="", requested_ms=0)
        with self.recipients._store.write() as unit:
            self.recipients.carry_out_add(unit, approval)
        return self.recipients.make_key(name, entropy=os.urandom)

    def fetched(self, key: str) -> set[Digest]:
        """The digests that whoever has this key gets now."""
        return {digest for _, digest in lines_of(read(self.open(key)))}


def read(download: RecipientDownload) -> bytes:
    """A whole reply."""
    return b"".join(download.chunks())


def lines_of(reply: bytes) -> list[tuple[str, Digest]]:
    """Collection and digest of each line of a whole reply."""
    *lines, last = (json.loads(line) for line in reply.splitlines())
    assert last == {"digests": len(lines)}
    return [
        (line["collection"], Digest.from_hex(Algorithm[line["algorithm"].upper()], line["digest"]))
        for line in lines
    ]
