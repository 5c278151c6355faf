"""The epoch secrets of a node's subsets, from its key files `oprf-subsets-NAME-EPOCH.json`."""

import re
from collections.abc import Sequence
from typing import Final

from keys.roles import Role
from node.ports.evaluator import EpochSecret
from node.signing.keychain import Keychain

_LABEL: Final = re.compile(r"subsets-(.+)-([0-9]+)")


def oprf_label(subset: str, epoch: int) -> str:
    """Label of the key file of an epoch."""
    return f"subsets-{subset}-{epoch}"


def epoch_secrets(keychain: Keychain) -> Sequence[EpochSecret]:
    """The secrets of all epochs whose key files are there; raises as `Keychain.secret` does."""
    found = []
    for label in keychain.labels(Role.OPRF):
        match = _LABEL.fullmatch(label)
        if match is not None:
            seed = keychain.secret(Role.OPRF, label)
            found.append(EpochSecret(subset=match[1], epoch=int(match[2]), seed=seed))
    return found
