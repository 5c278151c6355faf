"""What a node keeps of agencies that were introduced to it: address and trust files, by name of the node.

Believed is what verifies under the fingerprint that people compared, whenever it is read. A member that is followed has
newer files with the peers.
"""

from typing import Final

from keys.errors import MalformedTrustError
from keys.trust.held_trust import HeldTrust
from node.errors import MissingObjectError
from node.ports.objects import ObjectStore

_FIRST_FORM: Final = {"1.root.json": "root", "node.json": "document", "members.json": "members"}
"""Names under which earlier versions kept the same."""


def keep_introduction(files: ObjectStore, node: str, *, url: str, trust: HeldTrust) -> None:
    """Keep what was introduced, in the place of what there was."""
    names = list(files.ls(f"{node}/"))
    placed = {f"{node}/trust/{name}": data for name, data in trust.to_files().items()}
    files.put_all([*placed.items(), (f"{node}/url", url.encode())])
    for name in names:
        if name not in placed and name != f"{node}/url":
            files.delete(name)


def introduced_url(files: ObjectStore, node: str) -> str:
    """The address at which it was met; raises `MissingObjectError`."""
    return files.get(f"{node}/url").decode()


def introduced_trust(files: ObjectStore, node: str) -> HeldTrust:
    """The trust files, verified by nobody here; raises `MissingObjectError` for a node that was not introduced."""
    folder = f"{node}/trust/"
    found = {name.removeprefix(folder): files.get(name) for name in files.ls(folder)}
    if not found:
        found = {name: files.get(f"{node}/{old}") for name, old in _FIRST_FORM.items()}
    try:
        return HeldTrust.from_files(found)
    except MalformedTrustError:
        raise MissingObjectError("{node} was not introduced here", node) from None
