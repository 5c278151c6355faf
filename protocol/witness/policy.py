"""Whose cosignatures a verifier asks for: a witness policy out of the members register and the members' documents.

The policy is the verifier's own. A member speaks once, however many keys it has; the log's own operator is never heard,
and a key that it names is no witness's. What is not known makes a policy harder to
meet, never easier: with fewer known witnesses than the threshold it cannot be met at all. Counting is
`protocol.tlog.policy`'s, age `protocol.history`'s. Spec: docs/spec/witness.md, "Policy".
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from keys.trust.members import Members
from keys.trust.node_document import NodeDocument
from keys.trust.window import valid_at
from protocol.tlog.note import VerifierKey
from protocol.tlog.policy import NO_QUORUM, Group, Policy, quorum_size

_QUORUM: Final = b"members"
MOST_KEYS: Final = 2
"""Of one member at a time: a note has room for so many lines, and one member must not fill it."""


def witness_policy(
    origin: str,
    members: Members,
    documents: Mapping[str, NodeDocument],
    *,
    log_keys: Sequence[VerifierKey],
    now: datetime,
    quorum: int | None = None,
) -> Policy:
    """The policy for the log `origin`: enough of the members other than its operator must cosign.

    `documents` are the members' node documents as far as they are held, by node name; those that have ended at `now`
    count as not held. `log_keys` are the log's keys at `now`. `quorum` replaces the number that the register gives; 0
    asks for no witness.
    """
    keys = witness_keys(origin, members, documents, log_keys=log_keys, now=now)
    threshold = required(len(keys)) if quorum is None else quorum
    if not threshold:
        return Policy(logs=tuple(log_keys), witnesses={}, groups={}, quorum=NO_QUORUM)
    return _policy(log_keys, filter(None, keys.values()), threshold)


def witness_keys(
    origin: str,
    members: Members,
    documents: Mapping[str, NodeDocument],
    *,
    log_keys: Sequence[VerifierKey],
    now: datetime,
) -> dict[str, tuple[VerifierKey, ...]]:
    """The members that are asked about the log `origin`, each with the witness keys that count; none if unknown.

    Asked are all but the operator and those known to be no witness; arguments as in `witness_policy`.
    """
    current = {node: document for node, document in documents.items() if document.valid.covers(now)}
    operator = origin.partition("/")[0]
    not_theirs = {key.key.raw for key in log_keys} | _raw_keys(current.get(operator))
    asked = (member.node for member in members.members if member.node != operator)
    # A key that two members name counts for both. Who names another's key says no more than with a key of its own,
    # and if such a key counted for nobody, one member could silence all others by naming theirs.
    return {
        node: tuple(key for key in _witness_keys(current.get(node), now) if key.key.raw not in not_theirs)
        for node in asked
        if _may_witness(current.get(node))
    }


def required(witnesses: int) -> int:
    """How many of so many witnesses must cosign; one in three may collude with the log. 0 of none."""
    return quorum_size(witnesses, (witnesses - 1) // 3) if witnesses else 0


def answers_needed(witnesses: int) -> int:
    """How many of so many witnesses must say what they cosigned last, so that no head that was followed is overlooked.

    With `required` of them behind every head that was followed, one that answers and does not lie knows it.
    """
    return (witnesses + (witnesses - 1) // 3 + 1) // 2 if witnesses else 0


def _may_witness(document: NodeDocument | None) -> bool:
    return document is None or document.witness is not None


def _witness_keys(document: NodeDocument | None, now: datetime) -> tuple[VerifierKey, ...]:
    """A member's witness keys that count now; two while one follows the other.

    Two keys with one name and hash are found in minutes. No note can be read with both, nor with the second when the
    first has signed it: neither counts at any time, so that a member cannot stop every log of the others with them.
    """
    if document is None or document.witness is None:
        return ()
    named = {VerifierKey.from_text(dated.vkey) for dated in document.witness.vkeys}
    hashes = Counter(key.key_hash for key in named)
    valid = dict.fromkeys(
        VerifierKey.from_text(dated.vkey) for dated in valid_at(document.witness.vkeys, now)
    )
    return tuple(key for key in valid if hashes[key.key_hash] == 1)[:MOST_KEYS]


def _raw_keys(document: NodeDocument | None) -> set[bytes]:
    return set() if document is None else {raw for raw, _ in document.key_roles()}


def _policy(
    log_keys: Sequence[VerifierKey], voices: Iterable[Sequence[VerifierKey]], threshold: int
) -> Policy:
    """`threshold` of `voices`, each of which speaks by any of its keys."""
    witnesses: dict[bytes, VerifierKey] = {}
    groups: dict[bytes, Group] = {}
    names: list[bytes] = []
    for number, own in enumerate(voices, 1):
        letters = [b"w%d.%d" % (number, place) for place in range(1, len(own) + 1)]
        witnesses.update(zip(letters, own, strict=True))
        if len(own) > 1:
            names.append(b"m%d" % number)
            groups[names[-1]] = Group(1, tuple(letters))
        else:
            names.extend(letters)
    groups[_QUORUM] = Group(threshold, tuple(names))  # more than there are names of: nobody can meet it
    return Policy(logs=tuple(log_keys), witnesses=witnesses, groups=groups, quorum=_QUORUM)
