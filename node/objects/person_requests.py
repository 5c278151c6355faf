"""What a request about a person carries while it waits: name, role, and the sealed verifier of a passphrase.

It may wait for longer than the key that sealed the verifier is kept, so it is sealed anew like everything else. Who may
ask and decide is `node.access.persons`'s matter.
"""

import json
from base64 import b64decode, b64encode
from typing import Final

from node.fields import dumped
from node.objects.sealed_names import verifier_name
from node.store.accounts.records import PersonRole
from node.store.vault import Vault

ABOUT_PERSONS: Final = frozenset({"person.add", "person.remove", "person.reset"})
"""Kinds of requests whose payload is one of here."""
VERIFYING: Final = frozenset({"person.add", "person.reset"})
"""Kinds of requests whose payload holds a sealed verifier."""


def change_payload(name: str, *, role: PersonRole | None = None, verifier: bytes = b"") -> bytes:
    """The payload of a request about a person."""
    return dumped({"name": name, "role": role or "", "verifier": b64encode(verifier).decode()})


def resealed_payload(payload: bytes, vault: Vault) -> bytes | None:
    """The same payload with its verifier sealed by the newest key; None where nothing older sealed one."""
    change = read_change(payload)
    if not vault.is_older(b64decode(change["verifier"])):
        return None
    change["verifier"] = b64encode(sealed_anew(change, vault)).decode()
    return dumped(change)


def sealed_anew(change: dict[str, str], vault: Vault) -> bytes:
    """The verifier of a request that waited, perhaps for longer than the key that sealed it is kept."""
    name = verifier_name(change["name"])
    return vault.seal(name, vault.unseal(name, b64decode(change["verifier"])))


def read_change(payload: bytes) -> dict[str, str]:
    """What a request asks for: the name, and the role and sealed verifier where it has them."""
    fields: dict[str, str] = json.loads(payload)
    return fields
