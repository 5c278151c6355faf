"""What the signer does for each request, and what it refuses: the rules that hold against whoever has the socket.

It has the keys and a memory of what they signed; the node has neither. Nothing that is signed is taken as bytes: a
head is computed, a token and a stamp are written here, from fields that are judged. Spec: docs/spec/signer.md.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from keys.encoding import Fields, Json, b64
from keys.errors import KeysError
from keys.key import PRIVATE_KEY_TYPES
from keys.roles import Role
from keys.signer import Signer
from keys.trust.names import is_origin_of
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.tuf.repository import Listed
from keys.trust.tuf.root import TrustedRoot
from keys.trust.tuf.target_files import NODE_FILE, target_path
from node import jose
from node.clock import Clock
from node.errors import NotFoundError
from node.ports.callers import ASSERTION_TYP, TOKEN_TYP
from node.signing.keychain import Keychain
from node.signing.log_signer import FolderLogSigner
from node.signing.process.claims import check_assertion, check_token, read_claims
from node.signing.process.frames import MAX_LEAVES, Ask, Received, Reply, refused
from node.signing.process.restore_mark import RestoreMark
from node.signing.process.roles import SIGNED_HERE
from node.signing.process.stamps import FolderStamps, Wanted
from node.signing.process.statements import statement_message
from node.signing.process.witness_state import FolderWitness
from node.store.peers.records import WitnessRecord
from protocol.errors import ProtocolError
from protocol.limits import MAX_LOG_SIZE
from protocol.slices import slices
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint
from protocol.tlog.log_keys import log_keys
from protocol.tlog.merkle import CompactRange
from protocol.witness.cosign import AddCheckpoint

KEYS: Final = "keys"
LOGS: Final = "logs"
WITNESS: Final = "witness"
STAMPS: Final = "stamps.json"
_DOCUMENT: Final = target_path(NODE_FILE)
_HASH_BYTES: Final = 32
_MAX_KEYS: Final = 512
"""Of one role: what a thief of the socket can fill the folder with."""
_MAX_SIGNERS: Final = 4
_MAX_FRONTIER: Final = 2200
_MAX_PROOF: Final = 2800
"""Characters of base64, for the longest log that there can be."""
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,110}[a-z0-9])?")


class SignerService:
    """The signer of `node`, in the folder `folder`; `root_sha256` is the root that the node was founded with."""

    def __init__(
        self, folder: Path, keychain: Keychain, clock: Clock, *, node: str, root_sha256: bytes
    ) -> None:
        self._folder = folder
        self._keychain = keychain
        self._clock = clock
        self._node = node
        self._witness = FolderWitness(folder / WITNESS)
        self._stamps = FolderStamps(folder / STAMPS, root_sha256=root_sha256)
        self._restored = RestoreMark(folder)
        self._served: Mapping[Ask, Callable[[Fields, bytes], Reply]] = {
            Ask.PUBLICS: self._publics,
            Ask.CREATE: self._create,
            Ask.DESTROY: self._destroy,
            Ask.APPEND: self._append,
            Ask.RENEW: self._renew,
            Ask.SIZE: self._size,
            Ask.COSIGN: self._cosign,
            Ask.WITNESSED: self._witnessed,
            Ask.STATEMENT: self._statement,
            Ask.ASSERTION: self._assertion,
            Ask.TOKEN: self._token,
            Ask.SNAPSHOT: self._snapshot,
            Ask.TIMESTAMP: self._timestamp,
            Ask.STAMPED: self._stamped,
            Ask.RESUME: self._resume,
            Ask.GIVE_UP: self._give_up,
            Ask.REJOINED: self._rejoined,
        }

    def serve(self, request: Received) -> Reply:
        """The reply; raises one of this project's errors for what is not signed."""
        self._restored.require_serves(request.ask)
        try:
            return self._served[request.ask](request.fields, request.body)
        except (KeysError, ProtocolError) as exc:
            raise refused(f"this {request.ask}: {exc}") from exc

    def open_all(self) -> int:
        """Open every key, so that a wrong passphrase is told at the start; how many there are."""
        labels = [(role, label) for role in SIGNED_HERE for label in self._keychain.labels(role)]
        for role, label in labels:
            self._key(role, label)
        return len(labels)

    def _publics(self, fields: Fields, _: bytes) -> Reply:
        fields.only("v", "ask", "role")
        role = _role(fields)
        labels = self._keychain.labels(role)
        lines = [f"{label} {self._keychain.public(role, label)}\n" for label in labels]
        return Reply(body="".join(lines).encode())

    def _create(self, fields: Fields, _: bytes) -> Reply:
        fields.only("v", "ask", "role", "label")
        role, label = _role(fields), _label(fields.text("label"))
        if len(self._keychain.labels(role)) >= _MAX_KEYS:
            raise refused(f"with so many {role} keys; nobody needs {_MAX_KEYS}")
        key = self._keychain.create(PRIVATE_KEY_TYPES[role], label)
        return Reply({"public": key.public.to_text()})

    def _destroy(self, fields: Fields, body: bytes) -> Reply:
        """Only a key that no signed file lets count: a thief of the socket must not silence the node for long."""
        fields.only("v", "ask", "role", "label", "lengths")
        role, label = _role(fields), _label(fields.text("label"))
        root, document = self._vouched(_parts(fields, body, least=3))
        public = self._keychain.public(role, label)
        document.valid.require(self._clock.now(), "the node document")
        if public in _counting(document, root, self._clock.now()):
            raise refused(f"away {role} key {label}, which the node's signed files let count")
        self._keychain.destroy(role, label)
        return Reply()

    def _append(self, fields: Fields, body: bytes) -> Reply:
        fields.only("v", "ask", "origin", "labels", "start")
        origin = self._own_origin(fields)
        start = fields.integer("start", most=MAX_LOG_SIZE)
        leaves = list(slices(body, _HASH_BYTES))
        if len(body) % _HASH_BYTES or start + len(leaves) > MAX_LOG_SIZE or len(leaves) > MAX_LEAVES:
            raise refused("leaves that are none, or too many")
        return Reply(body=self._log(fields, origin).sign(origin, start=start, leaf_hashes=leaves))

    def _renew(self, fields: Fields, _: bytes) -> Reply:
        fields.only("v", "ask", "origin", "labels")
        origin = self._own_origin(fields)
        return Reply(body=self._log(fields, origin).renew(origin))

    def _log(self, fields: Fields, origin: str) -> FolderLogSigner:
        """The signer of a log, with those of its keys that are named."""
        signers = self._signers(Role.LOG, _labels(fields), _log_stem(origin))
        return FolderLogSigner(self._folder / LOGS, lambda _: signers)

    def _size(self, fields: Fields, _: bytes) -> Reply:
        fields.only("v", "ask", "origin")
        origin = self._own_origin(fields)
        return Reply({"size": self._logs().size(origin)})

    def _cosign(self, fields: Fields, body: bytes) -> Reply:
        fields.only("v", "ask", "name", "labels")
        name = fields.text("name", longest=255)
        if name.partition("/")[0] != self._node:
            raise refused("as the witness of another node")
        request = AddCheckpoint.from_bytes(body)
        if request.claim.origin.partition("/")[0] == self._node:
            raise refused("as a witness a log of its own")  # its word about itself adds nothing
        signers = self._signers(Role.WITNESS, _labels(fields), "")
        now_s = int(self._clock.now().timestamp())
        return _record(self._witness.cosign(request, name=name, signers=signers, now_s=now_s))

    def _witnessed(self, fields: Fields, _: bytes) -> Reply:
        fields.only("v", "ask", "origin")
        found = self._witness.standing(fields.text("origin", longest=255))
        if found is None:
            raise NotFoundError("no checkpoint of this log was cosigned by the signer")
        return _record(found)

    def _statement(self, fields: Fields, body: bytes) -> Reply:
        fields.only("v", "ask", "label", "kind")
        message = statement_message(fields.text("kind", longest=64), body, node=self._node)
        return Reply(body=self._one(Role.STATEMENT, fields).sign(message))

    def _assertion(self, fields: Fields, body: bytes) -> Reply:
        return self._claims(Role.AUTH, fields, body, typ=ASSERTION_TYP, check=check_assertion)

    def _token(self, fields: Fields, body: bytes) -> Reply:
        return self._claims(Role.TOKEN, fields, body, typ=TOKEN_TYP, check=check_token)

    def _claims(
        self, role: Role, fields: Fields, body: bytes, *, typ: str, check: Callable[..., None]
    ) -> Reply:
        fields.only("v", "ask", "label")
        claims: Any = read_claims(body)
        check(claims, node=self._node, now_s=int(self._clock.now().timestamp()))
        return Reply(body=jose.sign_token(claims, typ=typ, signer=self._one(role, fields)).encode())

    def _snapshot(self, fields: Fields, body: bytes) -> Reply:
        signer = self._one(Role.SNAPSHOT, fields)
        return Reply(body=self._stamps.snapshot(_wanted(fields, body), signer, now=self._clock.now()))

    def _timestamp(self, fields: Fields, body: bytes) -> Reply:
        signer = self._one(Role.TIMESTAMP, fields)
        return Reply(body=self._stamps.timestamp(_wanted(fields, body), signer, now=self._clock.now()))

    def _stamped(self, fields: Fields, _: bytes) -> Reply:
        fields.only("v", "ask")
        held = self._stamps.standing()
        restored = int(self._restored.is_set)
        return Reply({"snapshot": held.snapshot, "timestamp": held.timestamp, "restored": restored})

    def _resume(self, fields: Fields, body: bytes) -> Reply:
        """Forward only, to a head that a key of this log signed: what was never signed cannot be gone on from."""
        fields.only("v", "ask", "origin", "frontier", "proof", "lengths")
        origin, frontier = self._own_origin(fields), fields.base64("frontier", longest=_MAX_FRONTIER)
        hashes = _hashes(fields)
        head, note = self._signed_head(origin, fields, body)
        tree = CompactRange.from_bytes(frontier)
        if (tree.size, tree.root()) != (head.size, head.root):
            raise refused("behind a head whose tree was not shown")
        self._logs().resume(origin, frontier=frontier, proof=hashes, note=note)
        return Reply()

    def _give_up(self, fields: Fields, body: bytes) -> Reply:
        """By a head that is beyond what is known here, or of another history: none ends a log at will."""
        fields.only("v", "ask", "origin", "root", "proof", "lengths")
        origin, logs = self._own_origin(fields), self._logs()
        head, _ = self._signed_head(origin, fields, body)
        size = logs.size(origin)
        if head.size <= size:
            root, proof = fields.base64("root"), _hashes(fields)
            if not logs.contradicts(origin, head, root=root, proof=proof):
                raise refused("away a log that it can go on with")
        logs.give_up(origin, size=max(head.size, size))
        return Reply()

    def _rejoined(self, fields: Fields, body: bytes) -> Reply:
        """The holders signed since the restore: histories go on, under another witness than that of before."""
        fields.only("v", "ask", "lengths")
        files = _parts(fields, body, least=3)
        if not self._restored.is_set:
            return Reply()
        _, document = self._vouched(files)
        named = {vkey.key.to_text() for vkey in (document.witness.vkeys if document.witness else ())}
        keychain = self._keychain
        tokens = {label: keychain.public(Role.TOKEN, label) for label in keychain.labels(Role.TOKEN)}
        self._restored.require_vouched(document, tokens)
        for label in keychain.labels(Role.WITNESS):
            if keychain.public(Role.WITNESS, label) not in named:
                keychain.destroy(Role.WITNESS, label)
        self._restored.lift()
        return Reply()

    def _signed_head(self, origin: str, fields: Fields, body: bytes) -> tuple[Checkpoint, bytes]:
        """A head of an own log, signed by a key that the node document names for it, and its note."""
        *files, note = _parts(fields, body, least=4)
        _, document = self._vouched(files)
        keys = log_keys(document, origin)
        return open_checkpoint(note, origin=origin, log_keys=keys).checkpoint, note

    def _vouched(self, files: Sequence[bytes]) -> tuple[TrustedRoot, NodeDocument]:
        """The newest root, and the node document that the newest targets metadata lists.

        Older files may not name a key yet: what counts is what the newest snapshot says is current.
        """
        *roots, listing, envelope = files
        root, current = self._stamps.current(roots, listing)
        if current.files.get(_DOCUMENT) != Listed.of(envelope):
            raise refused("by a node document that is not listed")
        return root, open_node_document(envelope, root)

    def _logs(self) -> FolderLogSigner:
        """The memory of the log signer, without keys."""
        return FolderLogSigner(self._folder / LOGS, lambda _: ())

    def _own_origin(self, fields: Fields) -> str:
        origin = fields.text("origin", longest=255)
        if not is_origin_of(origin, self._node):
            raise refused("a log of another node")
        return origin

    def _signers(self, role: Role, labels: Sequence[str], stem: str) -> list[Signer]:
        """The keys with these labels, which are `stem` and a number."""
        if not 0 < len(set(labels)) == len(labels) <= _MAX_SIGNERS:
            raise refused("with so many keys, or none")
        for label in labels:
            if not re.fullmatch(rf"{re.escape(stem)}[1-9][0-9]{{0,8}}", label):
                raise refused(f"with {role} key {label}, which is for something else")
        return [self._key(role, label) for label in labels]

    def _one(self, role: Role, fields: Fields) -> Signer:
        return self._key(role, _label(fields.text("label")))

    def _key(self, role: Role, label: str) -> Signer:
        return self._keychain.signer(PRIVATE_KEY_TYPES[role], label)


def _counting(document: NodeDocument, root: TrustedRoot, now: datetime) -> set[str]:
    """Texts of the public keys that the signed files let count now or later."""
    dated = [*document.auth_keys, *document.token_keys, *document.statement_keys]
    found = {key.key.to_text() for key in dated if key.valid.end > now}
    vkeys = [vkey for log in document.logs for vkey in log.vkeys]
    vkeys += document.witness.vkeys if document.witness else ()
    found |= {vkey.key.to_text() for vkey in vkeys if vkey.valid.end > now}
    return found | {key.to_text() for key in (*root.snapshot_keys, *root.timestamp_keys)}


def _hashes(fields: Fields) -> list[bytes]:
    return list(slices(fields.base64("proof", longest=_MAX_PROOF), _HASH_BYTES))


def _wanted(fields: Fields, body: bytes) -> Wanted:
    fields.only("v", "ask", "label", "version", "expires", "lengths")
    *roots, names = _parts(fields, body)
    version, expires = fields.integer("version", least=1), fields.time("expires")
    return Wanted(roots=roots, names=names, version=version, expires=expires)


def _parts(fields: Fields, body: bytes, *, least: int = 2) -> list[bytes]:
    """A body of several files, whose lengths are in the header: a chain of roots, and what they vouch for."""
    parts, at = [], 0
    for length in fields.integers("lengths", least=1):
        parts.append(body[at : at + length])
        at += length
    if at != len(body) or len(parts) < least:
        raise refused("files whose lengths do not fit")
    return parts


def _record(record: WitnessRecord) -> Reply:
    head = record.head
    fields: dict[str, Json] = {
        "origin": record.origin,
        "size": head.size,
        "root": b64(head.root),
        "time_s": head.time_s,
        "note": len(head.note),
    }
    return Reply(fields, head.note + record.cosignature)


def _role(fields: Fields) -> Role:
    text = fields.text("role", longest=16)
    if text not in set(SIGNED_HERE):
        raise refused("with keys of this role, which it does not have")
    return Role(text)


def _labels(fields: Fields) -> list[str]:
    return [_label(text) for text in fields.text("labels", longest=512).split(" ")]


def is_label(text: str) -> bool:
    """Whether it can name a key: it becomes the name of a file."""
    return _LABEL.fullmatch(text) is not None


def _label(text: str) -> str:
    if not is_label(text):
        raise refused("with a key of such a name")
    return text


def _log_stem(origin: str) -> str:
    return "-".join([*origin.split("/")[1:], ""])
