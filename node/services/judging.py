"""Judging evidence against what its accused signed: whose log or trust files it is about, and what it shows.

Windows of keys are not applied: a retired key's signature is still the log's.
"""

from keys.trust.node_document import NodeDocument
from protocol.errors import MalformedError
from protocol.evidence import Finding, notes_of, verify_evidence
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.conflict import read_conflict
from protocol.tlog.note import Note, VerifierKey


def judge(data: bytes, document: NodeDocument) -> Finding:
    """What evidence shows about a log of the accused node.

    Raises:
        MalformedError: it is not evidence, or not about a log that the document names.
        ProtocolError: its signatures or its contradiction do not hold.
    """
    origin = accused_log(data)
    keys = log_keys(document, origin)
    if not keys:
        raise MalformedError(f"the node document of {document.node} names no log of this evidence")
    return verify_evidence(data, origin=origin, log_keys=keys)


def accused_log(data: bytes) -> str:
    """Origin that evidence about a log names first, unverified; raises `MalformedError`."""
    return claimed_head(notes_of(read_conflict(data))[0]).origin


def claimed_head(note: bytes) -> Checkpoint:
    """What a note says, unverified; raises `MalformedError`."""
    return Checkpoint.from_text(Note.parse(note).text)


def log_keys(document: NodeDocument, origin: str) -> list[VerifierKey]:
    """All keys that a document names for a log, whenever they were valid; none for a log it does not name."""
    return [
        VerifierKey.from_text(dated.vkey)
        for log in document.logs
        if log.origin == origin
        for dated in log.vkeys
    ]
