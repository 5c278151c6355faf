"""The newest head of an own log under the keys that sign now, without waiting until the log grows.

When one key follows another as planned, its signature is added: a list that is quiet must not be refused once the old
key has ended. After a theft the cosignatures go: every witness is asked again, because one that saw more of the log
from whoever had the key before says so then. The signer signs the head that it stands at and no other, so a key that
was just made cannot be had to sign an older one. Rules: docs/spec/rotation.md.
"""

from node.errors import ConflictError
from node.ports.log_signer import HeadRenewer
from node.store.store import Store
from protocol.tlog.note import Note


def resign(store: Store, origin: str, signer: HeadRenewer) -> bool:
    """Put the newest head under new signatures; whether there was one that needed them.

    Raises:
        ConflictError: the log was published or cosigned at the same time; running again does it.
    """
    data = signer.renew(origin)
    with store.write() as unit:
        log = unit.logs.get(origin)
        if log.note is None or not data:
            return False
        new, old = Note.parse(data), Note.parse(log.note)
        if new.text != old.text:
            raise ConflictError("{origin} was published meanwhile", origin, hint="run the command again")
        if {line.key_hash for line in new.signatures} <= {line.key_hash for line in old.signatures}:
            return False
        unit.logs.cosign(log, data)
    return True


def sign_also(
    store: Store, origin: str, signer: HeadRenewer, *, wanted: frozenset[bytes], good: frozenset[bytes]
) -> bool:
    """Add to the newest head the signatures of keys that have begun since; its cosignatures stay.

    `wanted` are the key hashes of all keys that sign now, `good` those of all keys that were never taken back: a head
    that only a stolen key signed is not made better here. Whether something was added.

    Raises:
        NotFoundError: there is no such log.
        ConflictError: it was cosigned at the same time.
    """
    with store.read() as unit:
        log = unit.logs.get(origin)
    held = set() if log.note is None else {line.key_hash for line in Note.parse(log.note).signatures}
    if wanted <= held or not good & held:
        return False
    data = signer.renew(origin)
    with store.write() as unit:
        log = unit.logs.get(origin)
        if log.note is None or not data:
            return False
        new, old = Note.parse(data), Note.parse(log.note)
        if new.text != old.text:
            return False  # published meanwhile, by the keys that sign now
        unit.logs.cosign(log, old.renewed(new.signatures).to_bytes())
    return True
