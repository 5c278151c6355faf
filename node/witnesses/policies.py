"""A witness policy for each list of this node, as a trust file: what a stock C2SP verifier asks of the list's heads.

It follows from the node document, the register and the members' documents, so it is made anew whenever one of the first
two is signed, and signed with them. Readers of this program make the policy themselves, from the same files.
"""

from collections.abc import Mapping
from datetime import datetime

from keys.trust.members import Members
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import LogInfo, LogStatus
from keys.trust.tuf.target_files import is_target_name
from keys.trust.window import valid_at
from protocol.errors import MalformedError, TooLargeError
from protocol.tlog.note import VerifierKey
from protocol.tlog.policy import parse_policy, write_policy
from protocol.witness.policy import MOST_KEYS, witness_policy


def policy_files(
    document: NodeDocument, members: Members, documents: Mapping[str, NodeDocument], now: datetime
) -> dict[str, bytes]:
    """The policies of the open lists by file name; none for a list whose policy nobody could meet yet.

    `documents` are the members' node documents as far as they are held. A policy names the keys of the list that count
    now or later: the file lasts as long as the document.
    """
    all_held = {document.node: document} | {**documents, document.node: document}
    repeated = witness_key_twice(all_held, now)
    held = {node: each for node, each in all_held.items() if node not in repeated}
    files = {}
    for log in document.logs:
        name = f"policy-{log.origin.removeprefix(f'{document.node}/lists/')}.txt"
        if log.status is LogStatus.ACTIVE and is_target_name(name):
            policy = witness_policy(log.origin, members, held, log_keys=_keys(log, now), now=now)
            data = write_policy(policy)
            if _is_readable(data):
                files[name] = data
    return files


def witness_key_twice(documents: Mapping[str, NodeDocument], now: datetime) -> dict[str, str]:
    """Nodes whose witness has a key of one before them, with the name of that one.

    A C2SP file has each key once: a member that names another's would leave all lists without one. Whose document is
    left out is asked for all the same, so that the policy gets no easier.
    """
    first: dict[bytes, str] = {}
    repeated: dict[str, str] = {}
    for node, document in documents.items():
        vkeys = valid_at(document.witness.vkeys, now) if document.witness else ()
        for dated in vkeys[:MOST_KEYS]:
            other = first.setdefault(dated.key.raw, node)
            if other != node:
                repeated[node] = other
    return repeated


def _keys(log: LogInfo, now: datetime) -> tuple[VerifierKey, ...]:
    return tuple(VerifierKey.from_text(dated.vkey) for dated in log.vkeys if now < dated.valid.end)


def _is_readable(data: bytes) -> bool:
    """Whether it is a C2SP file: one that asks for more witnesses than are known is none."""
    try:
        parse_policy(data)
    except (MalformedError, TooLargeError):
        return False
    return True
