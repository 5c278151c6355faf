"""The keys that a node document names for a log, as notes are verified with them."""

from keys.trust.node_document import NodeDocument
from protocol.tlog.note import VerifierKey


def log_keys(document: NodeDocument, origin: str) -> tuple[VerifierKey, ...]:
    """All keys that a document names for a log, whenever they were valid; none for a log it does not name."""
    vkeys = (dated.vkey for log in document.logs if log.origin == origin for dated in log.vkeys)
    return tuple(map(VerifierKey.from_text, vkeys))
