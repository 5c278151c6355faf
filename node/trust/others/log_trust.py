"""Whom to believe about a log, by the node document that names it."""

from datetime import datetime

from keys.trust.node_document import NodeDocument
from keys.trust.window import valid_at
from protocol.pull.inputs import LogTrust
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.note import VerifierKey


def log_trust(document: NodeDocument, origin: str, now: datetime) -> LogTrust:
    """Whom to believe about a log; nobody when the document does not name it."""
    for log in document.logs:
        if log.origin == origin:
            keys = tuple(VerifierKey.from_text(dated.vkey) for dated in valid_at(log.vkeys, now))
            end = log.final_checkpoint
            final = None if end is None else Checkpoint(origin, end.size, end.root)
            return LogTrust(origin=origin, log_keys=keys, final=final)
    return LogTrust(origin=origin, log_keys=())
