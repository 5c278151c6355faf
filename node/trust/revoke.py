"""Taking a key of this node back: listed for good, and out of the node document, in one sitting of the holders.

What is listed is also kept beside what other nodes took back, because the quorum judges own lists like all others. Of a
log whose key was stolen the events from the last good head on are doubted, until another key has signed and the holders
say from which size on. Making the successor and letting it sign is the caller's matter.
Spec: docs/spec/trust.md, "Revocations".
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from keys.signer import Signer
from keys.trust.node_document import NodeDocument
from keys.trust.revocations import Revocation, Revocations
from keys.trust.tuf.target_files import REVOKED_FILE
from node.errors import AlreadyExistsError, NotFoundError, UsageError
from node.store.store import Store
from node.trust.others.revocations import accept
from node.trust.own import OwnTrust

Change = Callable[[NodeDocument], NodeDocument]


def revoke_keys(
    trust: OwnTrust,
    store: Store,
    revocations: Iterable[Revocation],
    *,
    document: Change,
    signers: Sequence[Signer],
) -> Revocations:
    """List keys as taken back, and sign the node document that `document` makes of the one before.

    What is listed already stays as it was said first; raises `AlreadyExistsError` when that is all of them.
    """
    known = trust.revocations()
    new = tuple(each for each in revocations if known.find(each.role, each.key) is None)
    if not new:
        raise AlreadyExistsError("this key was taken back before", hint="see it with: sigfed key status")

    def change(old: Revocations) -> Revocations:
        return replace(old, entries=(*old.entries, *new))

    revised = trust.revise_revocations(change, document=document, signers=signers)
    note_own(store, trust)  # where things are proposed, what was in force before
    return revised


def resume_log(
    trust: OwnTrust, store: Store, origin: str, size: int, *, signers: Sequence[Signer]
) -> Revocations:
    """Say that another key goes on with a log from `size` on: what is added from there counts.

    Raises:
        NotFoundError: no key of the log was stolen, or it was said before.
        UsageError: a size before the last good head.
    """
    waiting = [one for one in trust.revocations().entries if one.name == origin and _waits(one)]
    if not waiting:
        raise NotFoundError("{origin} has no stolen key after which it was not resumed", origin)
    if any(one.doubted.start > size for one in waiting):
        raise UsageError("{origin} cannot be resumed before its last good size", origin)

    def change(old: Revocations) -> Revocations:
        entries = (replace(one, resumes=size) if one in waiting else one for one in old.entries)
        return replace(old, entries=tuple(entries))

    revised = trust.revise_revocations(change, signers=signers)
    note_own(store, trust)
    return revised


def not_resumed(known: Revocations) -> tuple[str, ...]:
    """Origins of the logs of which a key was stolen, and of which it was not said yet where they go on."""
    return tuple(sorted({one.name for one in known.entries if _waits(one)}))


def note_own(store: Store, trust: OwnTrust) -> None:
    """Keep this node's own revocations beside those of others; the same again changes nothing."""
    data = trust.listed_files().get(REVOKED_FILE)
    if data is None:
        return
    root = trust.root()
    with store.read() as unit:
        if unit.revocations.get(root.node).envelope == data:
            return
    accept(store, root, data)


def next_witness_name(name: str) -> str:
    """The name of a witness after this one: `NODE/w1`, `NODE/w2`."""
    base, number = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
    return f"{base}{int(number or '1') + 1}"


def _waits(one: Revocation) -> bool:
    return one.last_good is not None and one.resumes is None
