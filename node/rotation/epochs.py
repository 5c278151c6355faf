"""Epochs of an opened node's subsets: the next one begun, and those that are over forgotten, all while it runs.

Nothing here talks to a running node: it reads the node document and the key folder again when they change. So a step
that was cut off is finished by doing it once more.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from keys.roles import Role
from keys.signer import Signer
from keys.trust.lifecycle import Lineage
from keys.trust.listed_keys import epoch_kid
from keys.trust.node_document import NodeDocument
from node.errors import ConflictError
from node.evaluator.process import EvaluatorProcess
from node.group.sodium import load_sodium
from node.identity.identity import Identity
from node.rotation.progress import Begun, rotation
from node.rotation.rotate import Rotated, advance_keys, require_soon, rotated
from node.signing.epochs import held_epochs, public_of_epoch
from node.store.store import Store
from node.subsets.epochs import epochs_of, next_number, succeed


def rotate_epoch(
    identity: Identity, store: Store, name: str, *, at: datetime, signers: Sequence[Signer]
) -> Rotated:
    """Let the next epoch of the subset `name` begin at `at`.

    Releases are made in it from then on. Partners go on with the release they hold until they update, and at the latest
    until the window of its epoch, which is shortened to the overlap, ends.

    Raises:
        UsageError: `at` is in the past, or later than the node document lasts.
        ConflictError: the trust files were revised at the same moment.
    """
    with rotation(identity, Lineage(Role.OPRF, name)) as begun:
        number = announce_next(identity, name, begun, at=at, signers=signers)
        advance_keys(identity, store)
        return rotated(identity, store, Lineage(Role.OPRF, name), epoch_kid(name, number))


def announce_next(
    identity: Identity, name: str, begun: Begun, *, at: datetime, signers: Sequence[Signer]
) -> int:
    """Announce the next epoch of a subset, or propose that; gives its number. Raises as `rotate_epoch` does."""
    now = identity.clock.now()
    for epoch in epochs_of(identity.trust.document(), name):
        # One that was announced ahead, and not by an earlier try, begins later.
        if begun.name == str(epoch.epoch) and epoch.valid.start <= max(at, now):
            return epoch.epoch
    require_soon(identity, at)
    held = frozenset(epoch for subset, epoch in held_epochs(identity.keychain) if subset == name)
    number = next_number(epochs_of(identity.trust.document(), name), now, held=held)
    begun.note(str(number))
    pk = public_of_epoch(identity.keychain, load_sodium(), name, number)

    def change(old: NodeDocument) -> NodeDocument:
        if next_number(epochs_of(old, name), now, held=held) != number:
            raise ConflictError(
                "another epoch of {name} was announced meanwhile", name, hint="run the command again"
            )
        others = tuple(each for each in old.subsets if each.name != name)
        return replace(old, subsets=(*others, succeed(old, name, pk, now=now, at=at, held=held)))

    identity.trust.revise_document(change, signers=signers)
    return number


def let_go(identity: Identity, evaluator: EvaluatorProcess) -> bool:
    """Take from the evaluator what has no key file any more, whoever deleted it; whether there was something."""
    if evaluator.held <= set(held_epochs(identity.keychain)):
        return False
    evaluator.renew()
    return True
