"""A proposal in words: what it alters, and who still has to sign.

The words are complete: two proposals that differ in what is signed differ in their words, so nobody signs what was not
shown. Keys and hashes are shown as proquints, which people can compare. Spec: docs/spec/trust.md, "Proposals".
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from keys.encoding import Json, format_time
from keys.key import PublicKey
from keys.trust.fingerprint import WORDS_BYTES, to_words
from keys.trust.proposals.differences import Difference, Kind, differences, line_differences
from keys.trust.proposals.sign import LISTING, ROOT, Act, OpenedProposal, Quorum, is_envelope
from keys.trust.tuf.holders import Holder
from keys.trust.tuf.root import RootContent
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE, REVOKED_FILE

_TITLES: Final = {NODE_FILE: "node document", MEMBERS_FILE: "members register", REVOKED_FILE: "revocations"}
_NUMBERS: Final = {NODE_FILE: "serial", MEMBERS_FILE: "version", REVOKED_FILE: "version"}
_NOUNS: Final = {
    "auth_keys": "auth key",
    "token_keys": "token key",
    "statement_keys": "statement key",
    "logs": "log",
    "vkeys": "key",
    "subsets": "subset",
    "epochs": "epoch",
    "endpoints": "address",
    "tls_spki_sha256": "TLS pin",
    "members": "member",
    "entries": "revocation",
    "root_sha256": "root",
    "k": "countries that must agree",
    "C": "blocks of one list that apply",
}
_VERBS: Final = {
    Kind.ADDED: "adds",
    Kind.REMOVED: "removes",
    Kind.CHANGED: "changes",
    Kind.ORDERED: "orders anew",
}
_HEX_DIGITS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Signatures that one thing of a proposal needs by one set of keys: names of holders."""

    what: str
    by: str
    threshold: int
    signed: tuple[str, ...]
    able: tuple[str, ...]
    """Who of the others can."""

    @property
    def missing(self) -> int:
        """How many more must sign."""
        return max(0, self.threshold - len(self.signed))

    def words(self) -> str:
        """As people read it."""
        state = f"{self.what}: {len(self.signed)} of {self.threshold} signatures{self.by}"
        by = f" ({', '.join(self.signed)})" if self.signed else ""
        more = f"; {self.missing} more of: {', '.join(self.able)}" if self.missing else ""
        return f"{state}{by}{more}"


def key_words(key: PublicKey) -> str:
    """128 bits of a key's SHA-256 as eight words."""
    return to_words(sha256(key.raw).digest()[:WORDS_BYTES])


def changes(opened: OpenedProposal) -> tuple[str, ...]:
    """What the proposal alters, a line each; the lines of one thing follow its headline."""
    proposal = opened.proposal
    lines = [f"of {proposal.node}, whose first root is {to_words(opened.before.sha256)}"]
    if proposal.root is not None:
        lines += _root(opened, proposal.root)
    for name, data in sorted(proposal.changed.items()):
        lines += _envelope(opened, name, data) if is_envelope(name) else _text(opened, name, data)
    if proposal.changed:
        versions = f"{opened.listing.version} -> {opened.next_listing}"
        kept = sorted(proposal.files.keys() - proposal.changed.keys())
        lines.append(f"list of files {versions}, until {format_time(proposal.expires)}")
        lines += [f"  lists {name} as it is" for name in kept]
    if not proposal.handover:
        lines.append(
            "the targets keys of today sign nothing of it: whoever does not hold the next root refuses the files"
        )
    return tuple(lines)


def wanted(opened: OpenedProposal) -> tuple[Wanted, ...]:
    """Who must sign what, what is complete included; the list of files as if nobody had signed it, until it can be."""
    acts = opened.acts()
    found = [_wanted(opened, act, quorum) for act in acts for quorum in act.quorums]
    if opened.proposal.changed and all(act.of != LISTING for act in acts):
        quorums = [want for act in acts if act.of != ROOT for want in act.quorums]
        seen = dict.fromkeys(quorums)
        found += [_wanted(opened, Act(LISTING, b"", (quorum,), {}), quorum) for quorum in seen]
    return tuple(found)


def _root(opened: OpenedProposal, content: RootContent) -> Iterator[str]:
    before = opened.before
    yield f"root {before.version} -> {opened.version}, until {format_time(content.expires)}"
    old = {holder.name: holder for holder in before.named_holders}
    new = {holder.name: holder for holder in content.named_holders}
    for name in sorted(old.keys() | new.keys()):
        yield from _holder(name, old.get(name), new.get(name))
    yield _threshold(
        "root", _of(before.threshold, before.root_keys), _of(content.threshold, content.root_keys)
    )
    yield _threshold(
        "targets",
        _of(before.targets_threshold, before.targets_keys),
        _of(content.targets_threshold, content.targets_keys),
    )
    for role, one, other in (
        ("snapshot", before.snapshot_keys, content.snapshot_keys),
        ("timestamp", before.timestamp_keys, content.timestamp_keys),
    ):
        verb = "keeps" if one == other else "replaces"
        yield f"  {verb} the {role} key: {', '.join(map(key_words, other))}"


def _holder(name: str, old: Holder | None, new: Holder | None) -> Iterator[str]:
    if new is None:
        yield f"  removes holder {name}"
        return
    if old is None:
        yield f"  adds holder {name}"
    for role, before, after in (
        ("root", old and old.root, new.root),
        ("targets", old and old.targets, new.targets),
    ):
        if before is not None and after is None:
            yield f"  takes the {role} key from holder {name}"
        elif after is not None and before is None:
            yield f"  gives holder {name} the {role} key {key_words(after)}"
        elif before is not None and after is not None and before != after:
            yield f"  replaces the {role} key of holder {name} by {key_words(after)}"


def _of(threshold: int, keys: tuple[PublicKey, ...]) -> str:
    return f"{threshold} of {len(keys)}"


def _threshold(role: str, before: str, after: str) -> str:
    if before == after:
        return f"  {role} threshold stays {after}"
    return f"  {role} threshold changes from {before} to {after}"


def _envelope(opened: OpenedProposal, name: str, data: bytes) -> Iterator[str]:
    old: dict[str, Json] = json.loads(opened.payloads[name]) if name in opened.payloads else {}
    new: dict[str, Json] = json.loads(data)
    number = _NUMBERS[name]
    if old == new:
        yield f"{_TITLES[name]} {new[number]}: signed anew, not altered"
        return
    window = _window(new.get("valid"))
    yield f"{_TITLES[name]} {old.get(number, 'none')} -> {new[number]}{window and ', '}{window}"
    told = {number, "valid"}
    if name == NODE_FILE and REVOKED_FILE in opened.proposal.changed:
        told.add("revoked_sha256")  # that of the revocations shown here
        yield "  names these revocations"
    before, after = ({name: value for name, value in each.items() if name not in told} for each in (old, new))
    yield from (f"  {_difference(found)}" for found in differences(before, after))


def _text(opened: OpenedProposal, name: str, data: bytes) -> Iterator[str]:
    old = opened.proposal.files.get(name)
    if old == data:
        yield f"{name}: listed anew, not altered"
        return
    after = data.decode("utf-8").split("\n")
    if old is None:
        yield f"{name}: new"
        yield from (f"  + {line}" for line in after[:-1])
        if after[-1]:  # every line has an end, or it is said that the last has none
            yield from (f"  + {after[-1]}", "  its last line has no end")
        return
    yield f"{name}: changed"
    for place in line_differences(old.decode("utf-8", "replace").split("\n"), after):
        yield f"  at line {place.at}"
        yield from (f"  - {line}" for line in place.removed)
        yield from (f"  + {line}" for line in place.added)


def _difference(found: Difference) -> str:
    place = _place(found.path)
    verb = _VERBS[found.kind]
    if found.kind is Kind.ADDED:
        return f"{verb} {place}: {_value(found.new)}"
    if found.kind is Kind.CHANGED:
        return f"{verb} {place} from {_value(found.old)} to {_value(found.new)}"
    if found.kind is Kind.ORDERED:
        return f"{verb} {place}: {_value(found.new)}"
    return f"{verb} {place}"


def _place(path: tuple[str, ...]) -> str:
    return " ".join(_NOUNS.get(part, _value(part)) for part in path)


def _value(value: Json) -> str:
    """All of a value; a hash as words, a window as a span."""
    if isinstance(value, Mapping):
        return _window(value) or f"({', '.join(f'{name} {_value(inner)}' for name, inner in value.items())})"
    if isinstance(value, str):
        return _hash_words(value) or value
    if value is None or isinstance(value, int):
        return "none" if value is None else str(value)
    return f"[{', '.join(map(_value, value))}]"


def _window(value: Json) -> str:
    if isinstance(value, Mapping) and value.keys() == {"start", "end"}:
        return f"from {value['start']} to {value['end']}"
    return ""


def _hash_words(text: str) -> str:
    is_hash = len(text) == _HEX_DIGITS and set(text) <= set("0123456789abcdef")
    return to_words(bytes.fromhex(text)) if is_hash else ""


def _wanted(opened: OpenedProposal, act: Act, quorum: Quorum) -> Wanted:
    holders = (*opened.after.named_holders, *opened.before.named_holders)
    names = {key: holder.name for holder in reversed(holders) for key in holder.keys}
    signed = quorum.signed(act.signatures)
    role = quorum.keys[0].role.value
    by = {"both": "", "now": f" by {role} keys of today", "next": f" by {role} keys of the next root"}[
        quorum.by
    ]
    return Wanted(
        what={ROOT: "next root", LISTING: "list of files"}.get(act.of) or _TITLES[act.of],
        by=by,
        threshold=quorum.threshold,
        signed=tuple(sorted(names[key] for key in signed)),
        able=tuple(sorted(names[key] for key in quorum.keys if key not in signed)),
    )
