"""Judging evidence against what its accused signed: whose log or trust files it is about, and what it shows.

Windows of keys are not applied: a retired key's signature is still the log's. A stolen one's is not: whoever stole it
could convict its owner.
"""

from collections.abc import Sequence

from keys.trust.held_trust import under_newest
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.revocations import open_revocations
from keys.trust.tuf.root import TrustedRoot
from node.errors import VerificationError
from protocol.errors import MalformedError
from protocol.evidence import Finding, notes_of, verify_evidence
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.conflict import read_conflict
from protocol.tlog.log_keys import log_keys
from protocol.tlog.note import Note


def judge(data: bytes, document: NodeDocument) -> Finding:
    """What evidence shows about a log of the accused node.

    Raises:
        MalformedError: it is not evidence, or not about a log that the document names.
        ProtocolError: its signatures or its contradiction do not hold.
    """
    origin = accused_log(data)
    keys = log_keys(document, origin)
    if not keys:
        raise MalformedError("the node document of {node} names no log of this evidence", document.node)
    return verify_evidence(data, origin=origin, log_keys=keys)


def believable_document(roots: Sequence[TrustedRoot], document: bytes, revoked: bytes) -> NodeDocument:
    """The node document of the accused without the keys that it says were stolen, on that day or later.

    `revoked` is its file of revocations, empty where there is none.

    Raises:
        VerificationError: the document names revocations, and there are none.
        KeysError: something is not signed as it must be.
    """
    found = under_newest(roots, lambda root: open_node_document(document, root))
    if revoked:
        return under_newest(roots, lambda root: open_revocations(revoked, root)).believable(found)
    if found.revoked_sha256 is not None:
        raise VerificationError(
            "{node} took keys back, and its file of them is not here",
            found.node,
            hint="put its revoked.json beside node.json: a stolen key convicts nobody",
        )
    return found


def accused_log(data: bytes) -> str:
    """Origin that evidence about a log names first, unverified; raises `MalformedError`."""
    return claimed_head(notes_of(read_conflict(data))[0]).origin


def claimed_head(note: bytes) -> Checkpoint:
    """What a note says, unverified; raises `MalformedError`."""
    return Checkpoint.from_text(Note.parse(note).text)
