"""A release log that says what a test wants, the members who cosign it, and a partner who is enrolled with its node.

    world = WitnessedWorld(folder, members=("nl.example", "be.example", "de.example"))
    world.log.release(range(100)); world.cosigned_by("nl.example", "be.example")
    await world.update()

Everything is signed with real keys; the answers are just numbers. The node lies through `WitnessedNode`'s attributes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from keys.key import AuthPrivateKey, LogPrivateKey, WitnessPrivateKey
from keys.trust.members import Member
from keys.trust.node_parts import EpochInfo
from node.clock import milliseconds
from node.errors import NotFoundError
from node.hoster.folder import Enrolment, PartnerFolder
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.release.update import Updater, UpdateReport
from node.hoster.trust.witness_policy import Rule, by_register
from node.trust.announce import announce_epoch
from node.trust.own import window
from node.trust.service import ServedTrust
from protocol.messages import EvaluationReply, EvaluationRequest, ReleasePart
from protocol.subset.files import Held, write_answers, write_screen
from protocol.subset.manifest import ReleaseKind, RuleHashes
from protocol.subset.release import Release, verify_release
from protocol.subset.widths import answer_width
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.cosignature import cosign
from protocol.tlog.merkle import leaf_hash, root_of
from protocol.tlog.note import Note
from protocol.tlog.tiles import cut_bundle, encode_bundle
from support.federation import START, FoundedNode
from support.logs import with_lines
from support.subsets import EMPTY_MANIFEST, ORIGIN, u64, values_root
from support.times import SettableClock
from support.tuf_serving import StampedTrust

SUBSET = ORIGIN.rpartition("/")[2]
LOG_KEY = LogPrivateKey.from_seed(b"w" * 32)
ANSWERS_WIDTH = 44
SCREEN_WIDTH = 24
PK = EMPTY_MANIFEST.pk
LIFE = timedelta(days=14)


@dataclass
class ScriptedLog:
    """The releases of one history; another history begins as a copy of it."""

    rules: RuleHashes
    releases: list[Release] = field(default_factory=list)

    @property
    def head(self) -> Checkpoint:
        leaves = [leaf_hash(release.manifest.to_bytes()) for release in self.releases]
        return Checkpoint(ORIGIN, len(leaves), root_of(leaves))

    def copy(self) -> "ScriptedLog":
        return ScriptedLog(self.rules, list(self.releases))

    def release(
        self,
        answers: Iterable[int],
        *,
        not_after_ms: int = 0,
        kind: ReleaseKind = ReleaseKind.ORDINARY,
        epoch: int = 1,
    ) -> Release:
        """Append a release of these answers."""
        values = u64(*sorted(answers))
        screen = u64(*sorted({int(value) % 2**SCREEN_WIDTH for value in values}))
        manifest = replace(
            EMPTY_MANIFEST,
            kind=kind,
            epoch=epoch,
            screen_count=len(screen),
            answers_count=len(values),
            screen_width=SCREEN_WIDTH,
            answers_width=max(ANSWERS_WIDTH, answer_width(len(values))),
            screen_root=values_root(screen),
            answers_root=values_root(values),
            rules=self.rules,
            not_after_ms=not_after_ms or milliseconds(START + LIFE) + len(self.releases),
        )
        made = verify_release(manifest, screen=screen, answers=values, labels=None)
        self.releases.append(made)
        return made

    def entries(self, index: int, width: int) -> bytes:
        manifests = [release.manifest.to_bytes() for release in self.releases]
        return encode_bundle(manifests[index * 256 : index * 256 + width])

    def part(self, version: int, part: ReleasePart, since: int | None) -> bytes:
        if part is ReleasePart.FILTER:
            raise NotFoundError("this release was made without a filter that could be served")
        release = self.releases[version - 1]
        held = Held(since, self.releases[since - 1]) if since else None
        return (write_screen if part is ReleasePart.SCREEN else write_answers)(release, since=held)


class WitnessedNode:
    """What the partner's requests reach: a release log with cosignatures, trust files, relayed trust files."""

    def __init__(self, own: FoundedNode, members: Sequence[FoundedNode], log: ScriptedLog) -> None:
        self.own = own
        self.log = log
        self.members_by_name = {member.name: member for member in members}
        self.relayed: dict[tuple[str, str], bytes | None] = {}
        """Lies about members: (node, `root` or `node`) to bytes, or None for nothing."""
        self.trust = StampedTrust(own.files, own.trust)
        self.note = b""
        self.asked: list[str] = []
        self.meanwhile: Callable[[], None] | None = None
        """Happens once, after its trust files were fetched and before its head is."""

    def show(self, *cosigners: FoundedNode, key: LogPrivateKey = LOG_KEY) -> None:
        """Show the log's head with the cosignatures of these nodes, made now."""
        self.note = sign_checkpoint(self.log.head, [key])
        for cosigner in cosigners:
            self.add_cosignature(cosigner)

    def add_cosignature(
        self, cosigner: FoundedNode, *, name: str = "", age: timedelta = timedelta(0)
    ) -> None:
        note = Note.parse(self.note)
        signer = cosigner.keys.key(WitnessPrivateKey, "1")
        at = int((self.own.clock.now() - age).timestamp())
        line = cosign(note.text, name or f"{cosigner.name}/w1", signer, at)
        self.note = with_lines(note, [line]).to_bytes()

    async def tuf_metadata(self, name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:
        return await self.trust.tuf_metadata(name, held=held, max_bytes=max_bytes)

    async def tuf_target(self, name: str, *, max_bytes: int | None = None) -> bytes:
        return await self.trust.tuf_target(name, max_bytes=max_bytes)

    async def root(self) -> bytes:
        return self.own.files.get("1.root.json")

    async def revoked(self, sha256: bytes) -> bytes:
        return await ServedTrust(self.own.files).revoked(sha256)

    async def member_root(self, node: str, *, version: int = 1) -> bytes:
        return self._relay(node, "root", f"{version}.root.json")

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        del held
        return self._relay(node, "node", "node.json")

    def _relay(self, node: str, what: str, name: str) -> bytes:
        self.asked.append(f"{node} {what}")
        member = self.members_by_name.get(node)
        honest = member.files.get(name) if member is not None and member.files.exists(name) else None
        if what == "root" and name != "1.root.json":
            what = name  # a lie about the first root says nothing about later ones
        data = self.relayed.get((node, what), honest)
        if data is None:
            raise NotFoundError(f"no trust files of {node} are held here")
        return data

    async def checkpoint(self, _origin: str, *, held: bytes | None) -> bytes | None:
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return None if held == self.note else self.note

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        raise NotFoundError(f"{origin} shows no tile {level} {index} {width}")

    async def entries(self, _origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        return cut_bundle(self.log.entries(index, width), width, first)

    async def release_part(
        self,
        _subset: str,
        *,
        version: int,
        part: ReleasePart,
        since: int | None,
        max_bytes: int | None = None,
    ) -> bytes:
        data = self.log.part(version, part, since)
        assert max_bytes is None or len(data) <= max_bytes
        return data

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        raise NotFoundError(f"{subset} evaluates nothing, {request.count} were asked")


class WitnessedWorld:
    """`fr.example` with a scripted release log, the other members, and a partner."""

    def __init__(self, folder: Path, *, members: Sequence[str], rule: Rule = by_register) -> None:
        self.clock = SettableClock(START)
        self.rule = rule
        self.fr = FoundedNode("fr.example", "FR", self.clock)
        countries = ("NL", "BE", "DE", "ES", "IT", "PL", "SE")
        self.others = {
            name: FoundedNode(name, country, self.clock)
            for name, country in zip(members, countries, strict=False)
        }
        self.fr.announce(ORIGIN, LOG_KEY)
        epoch = EpochInfo(epoch=1, pk=PK, valid=window(START, 730))
        announce_epoch(self.fr.trust, SUBSET, epoch, signers=self.fr.signers)
        self.register(*(self._member(node) for node in self.others.values()))
        self.node = WitnessedNode(self.fr, tuple(self.others.values()), self.log)
        self.folder = PartnerFolder(folder / "partner")
        self._enrol()

    def _member(self, node: FoundedNode) -> Member:
        country = {"nl": "NL", "be": "BE", "de": "DE", "es": "ES"}.get(node.name[:2], "SE")
        return Member(node=node.name, root_sha256=node.founded.root_sha256, country=country)

    def register(self, *members: Member) -> None:
        """Count these besides the node itself; a new log begins, as releases name their register."""
        self.fr.trust.revise_members(
            lambda old: replace(old, members=(old.members[0], *members)), signers=self.fr.signers
        )
        rules = replace(EMPTY_MANIFEST.rules, members=self.fr.trust.members().sha256)
        self.log = ScriptedLog(rules)

    def _enrol(self) -> None:
        enrolment = Enrolment(
            url="https://fr.example/",
            partner="hoster",
            subset=SUBSET,
            origin=ORIGIN,
            evaluations_per_day=1000,
            grace_days=7,
            trust=self.fr.trust.current(),
            confirmed_ms=milliseconds(self.clock.now()),
        )
        self.folder.create(enrolment, AuthPrivateKey.from_seed(sha256(b"partner").digest()))

    def show(self, *cosigners: str, log: ScriptedLog | None = None) -> None:
        """Let the node show the newest head of `log`, cosigned by these members."""
        self.node.log = log or self.log
        self.node.show(*(self.others[name] for name in cosigners))

    async def update(self) -> UpdateReport:
        return await Updater(self.folder, self.node, self.clock, rule=self.rule).update()

    async def whole(self) -> UpdateReport:
        return await Updater(self.folder, self.node, self.clock, rule=self.rule).update_whole()

    @property
    def version(self) -> int:
        """The release in force."""
        return self.folder.load()[1].version

    @property
    def answers(self) -> set[int]:
        """The answers in force."""
        held = HeldReleases(self.folder).in_force()[1]
        return set() if held is None else {int(value) for value in held.release.answers}
