"""A node's trust files as they lie in a folder, each compared with what signs, lists or names it.

Of one's own repository as of what was received from others. Whether they are current is not asked.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from itertools import count, takewhile
from typing import Final

from keys.errors import KeysError
from keys.trust.fingerprint import fingerprint
from keys.trust.held_trust import under_newest
from keys.trust.members import open_members
from keys.trust.node_document import open_node_document
from keys.trust.revocations import open_revocations
from keys.trust.tuf.repository import (
    SNAPSHOT_FILE,
    TIMESTAMP_FILE,
    Listed,
    Pointer,
    open_snapshot,
    open_targets,
    open_timestamp,
)
from keys.trust.tuf.root import TrustedRoot, open_roots
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE, REVOKED_FILE, is_target_name, target_path
from node.objects.integrity import Verdict, attempt
from node.trust.tuf.repository import root_name

_TARGETS: Final = re.compile(r"(?:([1-9][0-9]{0,8})\.)?targets\.json", re.ASCII)
_SNAPSHOT: Final = re.compile(r"(?:([1-9][0-9]{0,8})\.)?snapshot\.json", re.ASCII)
_LISTED: Final = "targets/"
_ENVELOPES: Final[Mapping[str, Callable[[bytes, TrustedRoot], object]]] = {
    NODE_FILE: open_node_document,
    MEMBERS_FILE: open_members,
    REVOKED_FILE: open_revocations,
}


def verify_trust_files(files: Mapping[str, bytes], pin: bytes) -> Iterator[Verdict]:
    """A verdict on each of these files, by name, that something vouches for, from the root with this SHA-256 on."""
    names = list(takewhile(files.__contains__, map(root_name, count(1))))
    roots: Sequence[TrustedRoot] = ()
    for at, name in enumerate(names, 1):
        data = [files[each] for each in names[:at]]
        verdict = attempt(name, partial(open_roots, data, pin))
        yield verdict
        if verdict.wrong:
            break
        roots = open_roots(data, pin)
    if roots:
        yield from _under(files, roots)


def pin_of(files: Mapping[str, bytes]) -> bytes:
    """The SHA-256 of the first root, where nobody else says it."""
    return fingerprint(files.get(root_name(1), b""))


def _under(files: Mapping[str, bytes], roots: Sequence[TrustedRoot]) -> Iterator[Verdict]:
    named = dict(_named(files, roots))
    listed = dict(_listed(files, roots))
    for name, data in files.items():
        if name.startswith(_LISTED):
            said = name.removeprefix(_LISTED).partition(".")[0]
            right = sha256(data).hexdigest() == said
            yield Verdict(name, "" if right else "it is not what its name says")
        elif name in named or name in listed:
            expected = named.get(name) or listed.get(name)
            if Listed.of(data) == expected:
                yield Verdict(name)
            else:
                yield from _signed(name, data, roots, unlisted="it is not the one that is listed")
        else:
            yield from _signed(name, data, roots, unlisted="")


def _signed(name: str, data: bytes, roots: Sequence[TrustedRoot], *, unlisted: str) -> Iterator[Verdict]:
    """By its signatures alone; `unlisted` is what is wrong with a file that has none."""
    reader = _reader(name)
    if reader is not None:
        yield attempt(name, lambda: under_newest(roots, lambda root: reader(data, root)))
    elif unlisted:
        yield Verdict(name, unlisted)


def _reader(name: str) -> Callable[[bytes, TrustedRoot], object] | None:
    if name in _ENVELOPES:
        return _ENVELOPES[name]
    if name == TIMESTAMP_FILE:
        return open_timestamp
    if _TARGETS.fullmatch(name):
        return open_targets
    return open_snapshot if _SNAPSHOT.fullmatch(name) else None


def _named(files: Mapping[str, bytes], roots: Sequence[TrustedRoot]) -> Iterator[tuple[str, Listed]]:
    """What snapshots and the timestamp say of the metadata that they name."""
    for name, data in files.items():
        numbered = name[0].isdigit()
        try:
            if name == TIMESTAMP_FILE:
                pointer, of = _pointer(open_timestamp, data, roots), "snapshot"
                numbered = SNAPSHOT_FILE not in files
            elif _SNAPSHOT.fullmatch(name):
                pointer, of = _pointer(open_snapshot, data, roots), "targets"
            else:
                continue
        except KeysError:
            continue
        yield (f"{pointer.names}.{of}.json" if numbered else f"{of}.json"), pointer.file


def _pointer(
    read: Callable[[bytes, TrustedRoot], Pointer], data: bytes, roots: Sequence[TrustedRoot]
) -> Pointer:
    return under_newest(roots, lambda root: read(data, root))


def _listed(files: Mapping[str, bytes], roots: Sequence[TrustedRoot]) -> Iterator[tuple[str, Listed]]:
    """What the newest targets metadata lists."""
    found = [(int(match[1] or 0), name) for name in files if (match := _TARGETS.fullmatch(name))]
    if not found:
        return
    data = files[max(found)[1]]
    try:
        metadata = under_newest(roots, lambda root: open_targets(data, root))
    except KeysError:
        return
    for name in filter(is_target_name, files):
        if (one := metadata.files.get(target_path(name))) is not None:
            yield name, one
