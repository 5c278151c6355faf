"""The node's own trust files: its root, node document and members register, read and revised.

A revision is a function from the old value to the new one, and one is made at a time; serial and version grow here and
nowhere else, and what was signed is verified before it replaces what was there. Targets keys are needed for every
revision, so a thief of the running node cannot change who it is or whom it counts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta

from keys.errors import ThresholdError
from keys.roles import Role
from keys.signer import Signer
from keys.trust.envelope import claimed_signers, open_envelope, read_payload, seal
from keys.trust.held_trust import HeldTrust
from keys.trust.members import Members, open_members, sign_members
from keys.trust.members import from_json as members_from_json
from keys.trust.members import to_json as members_to_json
from keys.trust.node_document import NodeDocument, open_node_document, sign_node_document
from keys.trust.node_document import from_json as node_document_from_json
from keys.trust.node_document import to_json as node_document_to_json
from keys.trust.proposals.proposal import Proposal
from keys.trust.proposals.sign import (
    NOT_YET,
    Decided,
    OpenedProposal,
    changes_targets,
    decide,
    is_envelope,
    open_proposal,
    sign,
)
from keys.trust.revocations import Revocations, file_name, none_revoked, open_revocations
from keys.trust.revocations import from_json as revocations_from_json
from keys.trust.revocations import to_json as revocations_to_json
from keys.trust.tuf.keys import tuf_key_id
from keys.trust.tuf.repository import open_targets
from keys.trust.tuf.root import RootContent, TrustedRoot, open_roots
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE, REVOKED_FILE, is_target_name, target_name
from keys.trust.window import Window
from node.clock import Clock
from node.errors import ConflictError, VerificationError
from node.ports.objects import ObjectStore
from node.trust import install
from node.trust.proposals import InForce, ProposalPlace, grown, require_time_left
from node.trust.tuf.repository import (
    Behind,
    Freshness,
    TufRepository,
    TufStatus,
    listing_items,
    root_files,
    root_name,
)

ROOT_NAME = "1.root.json"
"""The first root, which others pin."""
DOCUMENT_DAYS = 180
_CLOCKS_APART = timedelta(days=1)
"""So long before it is signed a document counts: where the clock is ahead, nobody would believe the node until then."""

_OLD_FOUNDING = VerificationError(
    "root keys signed the node document: this node was founded by a version that knew no targets keys",
    hint="found it anew in another folder (sigfed init), and have the members compare its new words",
)


Succeed = Callable[[NodeDocument, TrustedRoot], NodeDocument]


Texts = Callable[[NodeDocument, Members], Mapping[str, bytes]]
"""The plain trust files that belong to a node document and a register."""


def _no_texts(_document: NodeDocument, _members: Members) -> Mapping[str, bytes]:
    return {}


def _as_it_is(document: NodeDocument, _root: TrustedRoot) -> NodeDocument:
    return document


class OwnTrust:
    """The trust files in `files`, whose first root has this SHA-256.

    `freshness` opens the keys of a root that say what is current, None where others say it; `alone` keeps other
    processes from revising at the same time. `succeed` adds to a document that is about to be signed the keys that
    follow those in it, and `texts` makes the plain files that belong to what is signed. With a `proposal` nothing that
    is revised comes into force: it is added to what is proposed there, and read back from it, and nobody has to sign.
    """

    def __init__(
        self,
        files: ObjectStore,
        clock: Clock,
        *,
        root_sha256: bytes,
        freshness: Callable[[TrustedRoot], Freshness] | None,
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
        succeed: Succeed = _as_it_is,
        texts: Texts = _no_texts,
        proposal: ProposalPlace | None = None,
    ) -> None:
        self._files = files
        self._clock = clock
        self._pinned = root_sha256
        self._freshness = freshness
        self._alone = alone
        self._succeed = succeed
        self._texts = texts
        self._proposal = proposal
        self._repository = TufRepository(files, clock)
        self.before_signing: Callable[[], None] = lambda: None
        """Raises where nothing may be signed here now; asked before a trust file gets its next number."""

    def without_proposal(self) -> "OwnTrust":
        """The same files as they are in force, whatever is proposed."""
        found = copy(self)
        found._proposal = None  # noqa: SLF001 - a copy of one's own
        return found

    def roots(self) -> tuple[TrustedRoot, ...]:
        """All roots, from the one that this node was founded with to the newest."""
        return open_roots(root_files(self._settled()), self._pinned)

    def root(self) -> TrustedRoot:
        """The newest root."""
        return self.roots()[-1]

    def document(self) -> NodeDocument:
        """The newest node document; where things are proposed, the one that is proposed.

        Raises:
            VerificationError: root keys signed it, as an earlier version of this program had them do.
        """
        if (drafted := self._drafted(NODE_FILE)) is not None:
            return node_document_from_json(drafted)
        data, root = self._settled().get(NODE_FILE), self.root()
        try:
            return open_node_document(data, root)
        except ThresholdError as exc:
            if claimed_signers(data) <= {tuf_key_id(key) for key in root.root_keys}:
                raise _OLD_FOUNDING from exc
            raise

    def members(self) -> Members:
        """The newest members register; where things are proposed, the one that is proposed."""
        if (drafted := self._drafted(MEMBERS_FILE)) is not None:
            return members_from_json(drafted)
        return open_members(self._settled().get(MEMBERS_FILE), self.root())

    def revocations(self) -> Revocations:
        """The keys that this node took back; where things are proposed, with those that are proposed."""
        if (drafted := self._drafted(REVOKED_FILE)) is not None:
            return revocations_from_json(drafted)
        root = self.root()
        if not self._files.exists(REVOKED_FILE):
            return none_revoked(root.node)
        return open_revocations(self._files.get(REVOKED_FILE), root)

    def revise_document(
        self, change: Callable[[NodeDocument], NodeDocument], *, signers: Sequence[Signer]
    ) -> NodeDocument:
        """Sign and store the next node document; its window starts now and lasts 180 days.

        Whatever the change lists, a stolen key is left out, and the newest revocations are named.
        """
        self._require_signable()
        with self._revising():
            changed = self._next_document(change)
            self._bring({NODE_FILE: node_document_to_json(changed)}, signers, document=changed)
            return changed

    def leave_room(
        self,
        change: Callable[[NodeDocument], NodeDocument],
        *,
        signers: Sequence[Signer],
        room: int,
        behind: Behind | None = None,
    ) -> NodeDocument:
        """Sign the changed document and the register, `room` numbers ahead of those that are there, and list both.

        Where somebody else knows which versions were stamped last, these are `behind`.

        A node that was restored from a backup does not know which numbers it has used since, and two files of one
        number are evidence against it. Between them nothing may be missing to anybody: numbers only have to grow.
        """
        with self._revising():
            document = self._next_document(change)
            document = replace(document, serial=document.serial + room)
            register = self.members()
            register = replace(register, version=register.version + 1 + room)
            changed = {
                MEMBERS_FILE: sign_members(register, signers),
                NODE_FILE: sign_node_document(document, signers),
            }
            held = {**self.listed_files(), **changed}
            texts = self._other_texts(document, register, held)
            listed = self._repository.listing_of(self.root(), {**held, **texts}, signers, room=room)
            behind = behind or self._repository.used(self.root(), room=room)
            install.install(self._files, [*changed.items(), *texts.items(), *listed])
            self._stamp(behind=behind)
            return self.document()

    def adopt_roots(
        self, later: Sequence[bytes], *, signers: Callable[[TrustedRoot], Sequence[Signer]]
    ) -> None:
        """Put next roots of our own that somebody else kept in force, and what is here under the newest.

        Their holders sign the same again: targets keys of before count no more. What is current is not said yet.

        Raises:
            KeysError: they are not ours.
        """
        with self._revising():
            root = open_roots((*root_files(self._files), *later), self._pinned)[-1]
            before, keys = self.root(), signers(root)
            held = self.listed_files()
            for name in filter(is_envelope, held):
                kind = name.removesuffix(".json")
                held[name] = seal(kind, open_envelope(held[name], kind, before), keys)
            first = root.version - len(later) + 1
            roots = ((root_name(first + number), data) for number, data in enumerate(later))
            listed = self._repository.listing_of(root, held, keys)
            install.install(self._files, [*held.items(), *roots, *listed])

    def adopt_newer(self, data: bytes, revoked: bytes | None) -> None:
        """Put a node document of our own that somebody else kept, if it is newer, in force with its revocations.

        Raises:
            KeysError: they are not ours.
            VerificationError: the document names other revocations.
        """
        with self._revising():
            root = self.root()
            document = open_node_document(data, root)
            if document.serial <= self.document().serial:
                return
            if document.revoked_sha256 != (None if revoked is None else file_name(revoked)):
                raise VerificationError("the node document names other revocations")
            files = [(NODE_FILE, data)]
            if revoked is not None:
                open_revocations(revoked, root)
                files.insert(0, (REVOKED_FILE, revoked))
            install.install(self._files, files)

    def revise_members(self, change: Callable[[Members], Members], *, signers: Sequence[Signer]) -> Members:
        """Sign and store the next members register."""
        self._require_signable()
        with self._revising():
            old = open_members(self._files.get(MEMBERS_FILE), self.root())
            changed = replace(change(self.members()), version=old.version + 1)
            self._bring({MEMBERS_FILE: members_to_json(changed)}, signers, members=changed)
            return changed

    def revise_revocations(
        self,
        change: Callable[[Revocations], Revocations],
        *,
        document: Callable[[NodeDocument], NodeDocument] = lambda document: document,
        signers: Sequence[Signer],
    ) -> Revocations:
        """Sign and store the next revocations, and a node document that names them, changed by `document`.

        The keys taken back are what that document had, so both come in one sitting.
        """
        self._require_signable()
        with self._revising():
            changed = self._next_revocations(change)
            named = self._next_document(lambda old: changed.believable(document(old)))
            named = replace(named, revoked_sha256=NOT_YET)
            files = {REVOKED_FILE: revocations_to_json(changed), NODE_FILE: node_document_to_json(named)}
            self._bring(files, signers, document=named)
            return changed

    def listed_files(self) -> dict[str, bytes]:
        """The trust files that are listed, by name: node document, register, and whatever else the holders signed."""
        names = (name for name in self._settled().ls("") if is_target_name(name))
        return {name: self._files.get(name) for name in names}

    def replace_file(self, name: str, data: bytes, *, signers: Sequence[Signer]) -> None:
        """Put a trust file, or the next version of one, in force, and list it; what it says was checked before.

        For files with a name of `keys.trust.tuf.target_files` other than the two that have revisions of their own.
        """
        assert is_target_name(name), "only what clients may fetch is listed"
        assert name not in {NODE_FILE, MEMBERS_FILE}, "those have numbers that only grow"
        self._require_signable()
        with self._revising():
            self._bring({name: read_payload(data) if is_envelope(name) else data}, signers)

    def in_force(self) -> InForce:
        """The node's state, as proposals carry it: its envelopes, and the other files as they are listed."""
        root, listing = self.root(), self._repository.listing()
        names = map(target_name, open_targets(listing, root).files)
        texts = {
            name: self._repository.listed(root, name) for name in names if name and not is_envelope(name)
        }
        envelopes = {name: data for name, data in self.listed_files().items() if is_envelope(name)}
        return InForce(
            node=root.node, roots=root_files(self._files), files={**envelopes, **texts}, listing=listing
        )

    def _to_propose(self) -> InForce:
        """As `in_force`; raises `ConflictError` where a file was signed and never listed."""
        found, standing = self.in_force(), self.tuf_status()
        if unlisted := [name for name in standing.unlisted if is_envelope(name)]:
            raise ConflictError(
                "{unlisted} was signed and never listed, so nothing can be proposed about it",
                ", ".join(unlisted),
                hint="a targets key lists it, in this home and without --proposal: sigfed contact TEXT does",
            )
        return found

    def propose(self, content: RootContent, *, handover: bool = True) -> Proposal:
        """A proposal of a next root; where it names other targets keys, with every trust file to be signed by them."""
        with self._revising():
            in_force, root = self._to_propose(), self.root()
            changed: dict[str, bytes] = {}
            if changes_targets(root, content):
                envelopes = {name: data for name, data in in_force.files.items() if is_envelope(name)}
                changed = {
                    name: open_envelope(data, name.removesuffix(".json"), root)
                    for name, data in envelopes.items()
                }
                document = self._next_document(lambda old: old)
                if REVOKED_FILE in changed:
                    document = replace(document, revoked_sha256=NOT_YET)
                changed[NODE_FILE] = node_document_to_json(document)
                changed |= self._other_texts(document, self.members(), in_force.files)
            return in_force.proposal(changed, expires=self._listing_ends(), root=content, handover=handover)

    def publish(self, opened: OpenedProposal) -> bool:
        """Put in force what the holders signed; False where it is in force already. The same call finishes it.

        Raises:
            ThresholdError: signatures are missing.
            ConflictError: the proposal is about an older state.
            NotCurrentError: what it would put in force has ended meanwhile.
        """
        self._require_signable()
        with self._revising():
            decided, in_force = decide(opened), self.in_force()
            if in_force.holds(decided):
                self._stamp()
                return False
            in_force.require_carried_by(opened)
            require_time_left(opened, self._clock.now())
            self._install(decided, in_force)
            return True

    def tuf_status(self) -> TufStatus:
        """How the TUF repository stands; reads only."""
        return self._repository.standing(self.root(), self.listed_files())

    def current(self) -> HeldTrust:
        """The trust files as a TUF client holds them after a visit, said to be current now.

        Raises `MissingObjectError` when they were never listed.
        """
        self.stamp()
        return self._repository.current(self.roots())

    def stamp(self) -> bool:
        """Say to TUF clients that the trust files are current, unless that was said lately; whether it was said."""
        if self._freshness is None:
            return False
        with self._revising():
            return self._stamp()

    def _stamp(self, *, behind: Behind | None = None) -> bool:
        freshness, root = self._freshness, self.root()
        assert freshness is not None, "who revises says what is current"
        return self._repository.stamp(root, lambda: freshness(root), behind=behind)

    def _settled(self) -> ObjectStore:
        """The files, once what somebody was cut off in is in force: whoever looks must not begin it again."""
        if self._files.exists(install.NOTE):
            with self._alone():
                install.finish(self._files)
        return self._files

    def _next_document(self, change: Callable[[NodeDocument], NodeDocument]) -> NodeDocument:
        """Its number and window; it names the newest revocations."""
        root = self.root()
        serial = open_node_document(self._files.get(NODE_FILE), root).serial + 1
        valid = window(self._clock.now(), DOCUMENT_DAYS)
        changed = self.revocations().believable(change(self.document()))
        named = self._newest_revoked()
        made = self._succeed(replace(changed, serial=serial, valid=valid, revoked_sha256=named), root)
        return replace(made, valid=Window(valid.start - _CLOCKS_APART, valid.end))

    def _next_revocations(self, change: Callable[[Revocations], Revocations]) -> Revocations:
        root = self.root()
        if not self._files.exists(REVOKED_FILE):
            return replace(change(self.revocations()), version=1)
        in_force = open_revocations(self._files.get(REVOKED_FILE), root)
        changed = replace(change(self.revocations()), version=in_force.version + 1)
        assert changed.follows(in_force), "what was taken back stays so"
        return changed

    def _require_signable(self) -> None:
        if self._proposal is None:
            self.before_signing()

    @contextmanager
    def _revising(self) -> Iterator[None]:
        """Alone, and after what somebody else began and did not finish."""
        with self._alone():
            install.finish(self._files)
            yield

    def _listing_ends(self) -> datetime:
        return self._clock.now() + timedelta(days=Role.TARGETS.info.days)

    def _drafted(self, name: str) -> bytes | None:
        held = None if self._proposal is None else self._proposal.read()
        return None if held is None else held.changed.get(name)

    def _bring(
        self,
        changed: Mapping[str, bytes],
        signers: Sequence[Signer],
        *,
        document: NodeDocument | None = None,
        members: Members | None = None,
    ) -> None:
        """Have these payloads, and the texts that belong to them, signed and put in force; or proposed.

        The holders whose keys are here sign a proposal as others do, which is made, signed and published at once.
        """
        if self._proposal is None:
            self._list_rest(signers)
        in_force, expires = self._to_propose(), self._listing_ends()
        if self._proposal is None:
            made = in_force.proposal(changed, expires=expires, root=None, handover=True)
        else:
            made = grown(self._proposal, in_force, changed, expires=expires)
        texts = self._other_texts(
            document or self.document(), members or self.members(), {**made.files, **made.changed}
        )
        made = replace(made, changed={**made.changed, **texts})
        opened = open_proposal(made)
        if self._proposal is None:
            # Opened again: what was signed is verified before it takes the place of what was there.
            self._install(decide(open_proposal(sign(opened, signers).proposal)), in_force)
        else:
            self._proposal.write(made)

    def _list_rest(self, signers: Sequence[Signer]) -> None:
        """List what was signed and never listed, as where a program of an earlier version was cut off."""
        if self.tuf_status().unlisted:
            _ = self.document(), self.members(), self.revocations()  # what is damaged is never listed
            listed = self._repository.listing_of(self.root(), self.listed_files(), signers)
            install.install(self._files, list(listed))

    def _install(self, decided: Decided, in_force: InForce) -> None:
        install.install(self._files, _items(decided, {**in_force.files, **decided.files}))
        self._stamp()

    def _other_texts(
        self, document: NodeDocument, members: Members, held: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        """The texts that belong to this document and register, where they are not the ones held."""
        made = self._texts(document, members)
        return {name: data for name, data in made.items() if held.get(name) != data}

    def _newest_revoked(self) -> bytes | None:
        if self._drafted(REVOKED_FILE) is not None:
            return NOT_YET
        exists = self._files.exists(REVOKED_FILE)
        return file_name(self._files.get(REVOKED_FILE)) if exists else None


def _items(decided: Decided, files: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """What is written, in this order: files that old and new roots verify, then the root, then the list."""
    items = list(decided.files.items())
    if decided.root is not None:
        items.append((root_name(decided.root_version), decided.root))
    if decided.targets is not None:
        items += listing_items(files, decided.targets, version=decided.targets_version)
    return items


def window(start: datetime, days: int) -> Window:
    """From `start` (cut to whole seconds) for `days` days."""
    begin = start.replace(microsecond=0)
    return Window(begin, begin + timedelta(days=days))
