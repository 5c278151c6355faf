"""Is this the log's newest head, and may it follow the one held? Steps 3 to 5 of a pull, in that order.

A contradiction comes before a missing cosignature: what a log signed convicts it, whoever cosigned.
Spec: docs/spec/sync.md, "The head".
"""

from datetime import datetime

from protocol.errors import RootMismatchError
from protocol.history import Follow, check_freshness, follow
from protocol.pull.inputs import LogTrust
from protocol.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint


def judge_head(
    note: bytes, *, held: SignedCheckpoint | None, trust: LogTrust, now: datetime
) -> tuple[Follow, SignedCheckpoint]:
    """The opened head in `note`, and how it relates to the one held.

    Raises:
        MalformedError: not the encoding of a checkpoint.
        UntrustedError: not signed as it must be; `WrongOriginError` for another log, `UncosignedError` for too few
            witnesses.
        HistoryError: rollback, fork (both with evidence), freeze, or growth past the end of a closed log.
    """
    witnessing = trust.witnessing
    offered = open_checkpoint(
        note,
        origin=trust.origin,
        log_keys=trust.log_keys,
        witnesses=witnessing.policy.witness_keys if witnessing else (),
    )
    relation = follow(held, offered)
    # Its end is signed by the holders, which is more than cosignatures say; and who saw more cosigns no smaller head.
    if witnessing and offered.checkpoint != trust.final:
        check_freshness(
            witnessing.heard(offered, now), witnessing.policy, now=now, max_age=witnessing.max_age
        )
    if trust.final:
        _check_final(offered.checkpoint, trust.final)
    return relation, offered


def _check_final(offered: Checkpoint, final: Checkpoint) -> None:
    """Whoever stole the key of a closed log can sign, but not add to it."""
    if offered.size > final.size or (offered.size == final.size and offered.root != final.root):
        raise RootMismatchError("the log was closed with another head")
