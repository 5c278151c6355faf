"""Members registers as they were when releases were made with them, by their SHA-256.

A release names the register it was made with by its hash. The register changes; evidence of a hit in an older release
needs the old one, as its targets keys signed it.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from keys.trust.members import Members, open_earlier_members
from keys.trust.root import TrustedRoot
from node.errors import GoneError, MissingObjectError
from node.ports.objects import ObjectStore

_FOLDER: Final = "registers"


def keep_register(objects: ObjectStore, envelope: bytes, members: Members) -> None:
    """Keep the signed envelope of `members`, unless it is kept."""
    name = _name(members.sha256)
    if not objects.exists(name):
        objects.put(name, envelope)


def kept_register(objects: ObjectStore, found: bytes, roots: Sequence[TrustedRoot]) -> tuple[bytes, Members]:
    """The envelope of the register with this SHA-256, and what it says; raises `GoneError` when it is not kept."""
    try:
        envelope = objects.get(_name(found))
    except MissingObjectError:
        raise GoneError("the members register of that release is not kept") from None
    return envelope, open_earlier_members(envelope, roots)


def _name(found: bytes) -> str:
    assert len(found) == sha256().digest_size, "a SHA-256"
    return f"{_FOLDER}/{found.hex()}"
