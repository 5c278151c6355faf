"""Which witnesses' cosignatures suffice: the policy file of C2SP tlog-policy.

A policy is the verifier's, never the log's. It is read into logs, witnesses, groups and one quorum;
counting is a walk over at most the groups it defines. Names are opaque octets. Stricter than C2SP: a key
may not be both a log's and a witness's, as a log that cosigns itself adds nothing. How old a cosignature
may be is `protocol.history`'s matter. Spec: docs/spec/log.md.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from protocol.encoding import parse_decimal
from protocol.errors import MalformedError, TooLargeError, UncosignedError
from protocol.limits import MAX_POLICY_BYTES, MAX_POLICY_LINES
from protocol.tlog.note import SignatureType, VerifierKey

NO_QUORUM: Final = b"none"


@dataclass(frozen=True, slots=True)
class Group:
    """`threshold` of `members`, which are names of witnesses or earlier groups."""

    threshold: int
    members: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Accepted logs, known witnesses by name, groups by name, and the name whose witnessing is required."""

    logs: tuple[VerifierKey, ...]
    witnesses: dict[bytes, VerifierKey]
    groups: dict[bytes, Group]
    quorum: bytes

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """The keys to verify cosignatures with, in the order of the file."""
        return tuple(self.witnesses.values())

    def missing(self, cosigners: Collection[VerifierKey]) -> int:
        """How many more witnesses the outermost rule needs, if `cosigners` are those that cosigned."""
        signed = {name for name, key in self.witnesses.items() if key in cosigners}
        for name, group in self.groups.items():  # a group names only what is defined above it
            if len(signed.intersection(group.members)) >= group.threshold:
                signed.add(name)
        if self.quorum == NO_QUORUM or self.quorum in signed:
            return 0
        outermost = self.groups.get(self.quorum, Group(1, (self.quorum,)))
        return outermost.threshold - len(signed.intersection(outermost.members))


def satisfied(policy: Policy, cosigners: Collection[VerifierKey]) -> bool:
    """Whether `cosigners`, whose cosignatures were verified before, meet the quorum."""
    return policy.missing(cosigners) == 0


def require_quorum(policy: Policy, cosigners: Collection[VerifierKey]) -> None:
    """Raise `UncosignedError` unless `cosigners`, whose cosignatures were verified before, meet the quorum."""
    if missing := policy.missing(cosigners):
        raise UncosignedError(missing)


def quorum_size(witnesses: int, faulty: int) -> int:
    """The least quorum q > (N + f) / 2 of N witnesses: any two quorums then share an honest one.

    N = `witnesses`, f = `faulty` of them that may collude with the log.
    """
    return (witnesses + faulty) // 2 + 1


def write_policy(policy: Policy) -> bytes:
    """The policy file of any policy, in its own order: the same policy gives the same bytes.

    `parse_policy` reads it back, unless more members of a group are required than there are: such a policy is no
    C2SP file, yet a hash of it can be compared.
    """
    lines = [b"log " + key.to_text().encode() for key in policy.logs]
    lines += [b"witness %s %s" % (name, key.to_text().encode()) for name, key in policy.witnesses.items()]
    for name, group in policy.groups.items():
        lines.append(b" ".join([b"group", name, b"%d" % group.threshold, *group.members]))
    lines.append(b"quorum " + policy.quorum)
    return b"".join(line + b"\n" for line in lines)


def parse_policy(data: bytes) -> Policy:
    """The policy in a file; raises `MalformedError`."""
    if len(data) > MAX_POLICY_BYTES:
        raise TooLargeError("a policy of {count} bytes, at most {most} allowed", len(data), MAX_POLICY_BYTES)
    if not data.endswith(b"\n"):
        raise MalformedError("a policy whose last line is not terminated")
    if any((byte < 0x20 and byte not in b"\t\n") or byte == 0x7F for byte in data):
        raise MalformedError("a policy with control characters")
    draft = _Draft()
    lines = data[:-1].split(b"\n")
    if len(lines) > MAX_POLICY_LINES:
        raise TooLargeError("a policy of more than {most} lines", MAX_POLICY_LINES)
    for line in lines:
        items = line.replace(b"\t", b" ").split(b" ")
        _read_line(draft, [item for item in items if item])
    if draft.quorum is None:
        raise MalformedError("a policy without a quorum")
    return Policy(tuple(draft.logs), draft.witnesses, draft.groups, draft.quorum)


@dataclass(slots=True)
class _Draft:
    """A policy while its lines are read."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[bytes, VerifierKey] = field(default_factory=dict)
    groups: dict[bytes, Group] = field(default_factory=dict)
    quorum: bytes | None = None
    keys: set[bytes] = field(default_factory=set)
    grouped: set[bytes] = field(default_factory=set)

    def define(self, name: bytes) -> None:
        if name == NO_QUORUM or name in self.witnesses or name in self.groups:
            raise MalformedError("a policy name that is reserved or defined twice")

    def defined(self, name: bytes) -> bool:
        return name in self.witnesses or name in self.groups

    def add_key(self, text: bytes, kind: SignatureType) -> VerifierKey:
        try:
            key = VerifierKey.from_text(text.decode("utf-8"))
        except UnicodeDecodeError:
            raise MalformedError("a verifier key that is not UTF-8") from None
        if key.type is not kind or key.key.raw in self.keys:
            raise MalformedError("a verifier key of the wrong type, or one listed twice")
        self.keys.add(key.key.raw)
        return key


def _read_line(draft: _Draft, items: list[bytes]) -> None:
    match items:
        case []:
            pass
        case [first, *_] if first.startswith(b"#"):
            pass
        case [b"log", vkey] | [b"log", vkey, _]:
            draft.logs.append(draft.add_key(vkey, SignatureType.ED25519))
        case [b"witness", name, vkey] | [b"witness", name, vkey, _]:
            draft.define(name)
            draft.witnesses[name] = draft.add_key(vkey, SignatureType.COSIGNATURE)
        case [b"group", name, threshold, *members] if members:
            draft.define(name)
            draft.groups[name] = _group(draft, threshold, members)
        case [b"quorum", name] if draft.quorum is None:
            if name != NO_QUORUM and not draft.defined(name):
                raise MalformedError("a quorum that is not defined above its line")
            draft.quorum = name
        case _:
            raise MalformedError("a policy line of unknown form, or a second quorum")


def _group(draft: _Draft, threshold: bytes, members: list[bytes]) -> Group:
    for member in members:
        if not draft.defined(member) or member in draft.grouped:
            # One place for each name: a witness in two groups would count twice.
            raise MalformedError("a group member that is unknown or in a group already")
        draft.grouped.add(member)
    count = {b"all": len(members), b"any": 1}.get(threshold)
    if count is None:
        count = parse_decimal(threshold.decode("ascii", "replace"), len(members))
    if count == 0:
        raise MalformedError("a group with threshold 0")
    return Group(count, tuple(members))
