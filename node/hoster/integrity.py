"""`sigfed doctor --deep` of a partner's client: each row and file that a seal, a signature or a hash vouches for.

Nothing is written, and nobody is asked.
"""

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

from keys.trust.held_trust import open_held
from node.errors import StoreError
from node.files import decode_state, sum_path, verify_key
from node.health import Check
from node.home import Home
from node.hoster.folder import Cursor, Enrolment, PartnerFolder
from node.hoster.hits.homes import hit_spool, unconfirmed_files
from node.hoster.lookup.summary import releases_path
from node.hoster.proposals.folder import OwnProposals
from node.hoster.store.database import FILE, PartnerStore, Row
from node.hoster.store.kinds import FactName, Kind, ReleaseFile
from node.hoster.store.release import map_file
from node.objects.findings import below, told
from node.objects.integrity import UNREADABLE, Verdict, attempt, words_of
from node.store.mapped_files import sparing
from node.trust.files import pin_of, verify_trust_files
from protocol.subset.manifest import Manifest
from protocol.subset.release import check_answers, check_labels, check_screen, pieces_of
from protocol.subset.rice import blocks_of

_STEP: Final = "sigfed update --whole fetches a release again; restore the rest, or enrol in another folder"
_STATE: Final = f"{FILE}/{Kind.FACT}/{FactName.STATE}"


def examine_partner_deeply(home: Home) -> Iterator[Check]:
    """What is wrong, what was checked, and what nobody can check."""
    yield from told(home, verify_partner(home), step=_STEP)


def verify_partner(home: Home) -> Iterator[Verdict]:
    """A verdict on every file of this client that something vouches for, by its name in the home."""
    folder = PartnerFolder(home.partner)
    verdicts: list[Verdict] = []
    try:
        verdicts += _kept(home)
        enrolment, cursor = folder.load()
        verdicts += [*_trust(folder, enrolment), *_releases(folder, cursor)]
    except UNREADABLE as exc:
        verdicts.append(Verdict(_STATE, words_of(exc)))
    yield from below(home, home.partner, verdicts)


def _kept(home: Home) -> Iterator[Verdict]:
    """What this client keeps for itself: its state, its keys, and what they seal."""
    folder = home.partner
    store = PartnerStore(folder)
    yield Verdict(FILE, store.damage())
    with store.reading() as rows:
        found = [(kind, row) for kind in (Kind.FACT, Kind.CONSOLE_TOKEN) for row in rows.ls(kind)]
    for kind, row in found:
        yield attempt(f"{FILE}/{kind}/{row.name}", partial(_require_whole, row))
    for path in sorted(folder.glob("*.key")):
        wrong = verify_key(path)
        if wrong is not None:
            yield Verdict(path.name, wrong)
            yield Verdict(sum_path(path).name, wrong)
    for kept in (hit_spool(home), unconfirmed_files(home), OwnProposals(folder)):
        yield from (Verdict(f"{FILE}/{name}", wrong) for name, wrong in kept.verify())
    for path in sorted((folder / "evidence").glob("*/evidence.cbor")):
        right = sha256(path.read_bytes()).hexdigest() == path.parent.name
        name = path.relative_to(folder).as_posix()
        yield Verdict(name, "" if right else "it is not what its folder says")


def _require_whole(row: Row) -> None:
    if not row.body:
        raise StoreError("it is damaged")
    if row.name in {FactName.STATE, FactName.SELF_TEST}:  # those of before have a SHA-256 of their own
        decode_state(row.body)


def _trust(folder: PartnerFolder, enrolment: Enrolment) -> Iterator[Verdict]:
    """Those of the node are in the state; those of other members and of evidence have folders."""
    for verdict in verify_trust_files(enrolment.trust.to_files(), enrolment.trust.pin):
        if verdict.wrong:
            yield Verdict(_STATE, f"{verdict.name}: {verdict.wrong}")
    members = open_held(enrolment.trust).members
    pins = {each.node: each.root_sha256 for each in members.members} if members else {}
    for place in sorted([*folder.folder.glob("members/*"), *folder.folder.glob("evidence/*")]):
        files = {path.name: path.read_bytes() for path in place.glob("*.json")}
        prefix = place.relative_to(folder.folder).as_posix()
        for verdict in verify_trust_files(files, pins.get(place.name) or pin_of(files)):
            yield Verdict(f"{prefix}/{verdict.name}", verdict.wrong)


def _releases(folder: PartnerFolder, cursor: Cursor) -> Iterator[Verdict]:
    if not cursor.version:
        return
    place = releases_path(folder) / str(cursor.version)
    prefix = f"releases/{cursor.version}/"
    said, made_by = place / ReleaseFile.MANIFEST, place / ReleaseFile.FILTER
    data = said.read_bytes() if said.exists() else b""
    if cursor.tail:  # else its leaf is in a bundle that is not kept
        right = data == cursor.tail[-1]
        yield Verdict(prefix + said.name, "" if right else "it is not the one that was followed")
        data = cursor.tail[-1]
    manifest = Manifest.from_bytes(data)
    if made_by.exists():
        right = sha256(made_by.read_bytes()).digest() == manifest.rules.filter
        yield Verdict(prefix + made_by.name, "" if right else "it is not the one whose hash the manifest has")
    required = {ReleaseFile.SCREEN: _require_screen, ReleaseFile.ANSWERS: _require_answers}
    if manifest.labels_root is not None:
        required[ReleaseFile.LABELS] = _require_labels
    for name, require in required.items():
        yield attempt(prefix + name, partial(require, manifest, place / name))


def _require_screen(manifest: Manifest, path: Path) -> None:
    screen = map_file(path)
    check_screen(manifest, sparing(blocks_of(screen.values), screen.maps))


def _require_answers(manifest: Manifest, path: Path) -> None:
    answers = map_file(path)
    check_answers(manifest, sparing(blocks_of(answers.values), answers.maps))


def _require_labels(manifest: Manifest, path: Path) -> None:
    labels = map_file(path)
    check_labels(manifest, sparing(pieces_of(labels.octets), labels.maps))
