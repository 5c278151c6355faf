"""Judging evidence against a node document: whose log it is about, and what its signatures show."""

from keys.trust.node_document import NodeDocument
from protocol.errors import MalformedError
from protocol.evidence import Finding, verify_evidence
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.conflict import Conflict
from protocol.tlog.note import Note, VerifierKey


def judge(data: bytes, document: NodeDocument) -> Finding:
    """What evidence shows about a log of the accused node.

    Raises:
        MalformedError: it is not evidence, or not about a log that the document names.
        ProtocolError: its signatures or its contradiction do not hold.
    """
    origin = Checkpoint.from_text(Note.parse(Conflict.from_bytes(data).held).text).origin
    keys = [
        VerifierKey.from_text(dated.vkey)
        for log in document.logs
        if log.origin == origin
        for dated in log.vkeys
    ]
    if not keys:
        raise MalformedError(f"the node document of {document.node} names no log of this evidence")
    return verify_evidence(data, origin=origin, log_keys=keys)
