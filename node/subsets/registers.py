"""Members registers as they were when releases were made with them, by their SHA-256.

A release names the register it was made with by its hash. The register changes; evidence of a hit in an older release
needs the old one, as its targets keys signed it.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Final

from keys.trust.members import Members, open_earlier_members
from keys.trust.tuf.root import TrustedRoot
from node.errors import GoneError, MissingObjectError, StoreError
from node.objects.integrity import Verdict, attempt
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


def verify_registers(objects: ObjectStore, roots: Sequence[TrustedRoot]) -> Iterator[Verdict]:
    """A verdict on every register that is kept."""
    for name in objects.ls(f"{_FOLDER}/"):
        yield attempt(name, partial(_require_register, objects, name, roots))


def _require_register(objects: ObjectStore, name: str, roots: Sequence[TrustedRoot]) -> None:
    if _name(open_earlier_members(objects.get(name), roots).sha256) != name:
        raise StoreError("it is another register than its name says")


def _name(found: bytes) -> str:
    assert len(found) == sha256().digest_size, "a SHA-256"
    return f"{_FOLDER}/{found.hex()}"
