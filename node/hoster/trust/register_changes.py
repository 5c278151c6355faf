"""What changed between two members registers, in words: the partner trusts its node for it, so each change is shown."""

from collections.abc import Iterator

from keys.trust.members import Member, Members
from protocol.lists.event import collection_name


def member_changes(old: Members, new: Members) -> tuple[str, ...]:
    """What changed between two registers, in words."""
    before = {member.node: member for member in old.members}
    after = {member.node: member for member in new.members}
    words = [
        f"{node} joined for {after[node].country or 'no country'}" for node in sorted(after.keys() - before)
    ]
    words += [f"{node} left" for node in sorted(before.keys() - after)]
    words += [text for node in sorted(after.keys() & before) for text in _changed(before[node], after[node])]
    if old.k != new.k:
        words.append(f"{new.k} countries must agree instead of {old.k}")
    if old.block_cap != new.block_cap:
        words.append(f"{new.block_cap} blocks of one list apply instead of {old.block_cap}")
    return tuple(words)


def _changed(old: Member, new: Member) -> Iterator[str]:
    if old.root_sha256 != new.root_sha256:
        yield f"{new.node} has another root"
    if old.country != new.country:
        yield f"{new.node} counts for {new.country or 'no country'} instead of {old.country or 'no country'}"
    for collection in sorted(new.authority_for ^ old.authority_for):
        verb = "is now" if collection in new.authority_for else "is no longer"
        yield f"{new.node} {verb} an authority for {collection_name(collection)}"
