"""The epoch secrets of a node's subsets, from its key files `oprf-subsets-NAME-EPOCH.json`.

A secret is handed on and not kept: this process evaluates nothing, and what it does not hold outlives no epoch.
"""

import re
from collections.abc import Sequence
from typing import Final

from keys.roles import Role
from node.errors import AlreadyExistsError
from node.ports.evaluator import EpochSecret
from node.signing.online import OnlineKeychain
from protocol.oprf.group import Group
from protocol.oprf.suite import epoch_key

_LABEL: Final = re.compile(r"subsets-(.+)-([0-9]+)")


def oprf_label(subset: str, epoch: int) -> str:
    """Label of the key file of an epoch."""
    return f"subsets-{subset}-{epoch}"


def held_epochs(keychain: OnlineKeychain) -> Sequence[tuple[str, int]]:
    """Subset and number of all epochs whose key files are there; needs no passphrase."""
    found = map(_LABEL.fullmatch, keychain.labels(Role.OPRF))
    return [(match[1], int(match[2])) for match in found if match is not None]


def epoch_secrets(keychain: OnlineKeychain, *, of: str = "") -> Sequence[EpochSecret]:
    """The secrets of all epochs whose key files are there, or of those of one subset.

    Raises as `OnlineKeychain.secret` does.
    """
    wanted = [each for each in held_epochs(keychain) if not of or each[0] == of]
    return [
        EpochSecret(subset=subset, epoch=epoch, seed=epoch_seed(keychain, subset, epoch))
        for subset, epoch in wanted
    ]


def epoch_seed(keychain: OnlineKeychain, subset: str, epoch: int) -> bytes:
    """The secret of an epoch; raises as `OnlineKeychain.secret` does."""
    label = oprf_label(subset, epoch)
    try:
        return keychain.secret(Role.OPRF, label)
    finally:
        keychain.forget(Role.OPRF, label)


def _new_epoch_seed(keychain: OnlineKeychain, subset: str, epoch: int) -> bytes:
    """The secret of an epoch whose key file is made now, or was by an earlier try that was cut off."""
    label = oprf_label(subset, epoch)
    try:
        return keychain.create_secret(Role.OPRF, label)
    except AlreadyExistsError:
        return keychain.secret(Role.OPRF, label)
    finally:
        keychain.forget(Role.OPRF, label)


def public_of_epoch(keychain: OnlineKeychain, group: Group, subset: str, epoch: int) -> bytes:
    """The public key (32 bytes) of an epoch whose secret is made now, or was before."""
    return epoch_key(group, _new_epoch_seed(keychain, subset, epoch)).public
