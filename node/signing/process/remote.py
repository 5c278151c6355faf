"""Signers of the node whose keys the signer process has: the same interfaces, and a request in place of a signature.

What is to be signed is taken apart into what it says, sent as that, and written again at the other end. A signature
that does not fit what was asked is refused here, so a signer of another version breaks nothing silently.
"""

import json
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from tuf.api.metadata import Metadata

from keys.encoding import Fields, Json, b64
from keys.key import PRIVATE_KEY_TYPES, PublicKey
from keys.roles import Role
from keys.signer import Signer
from keys.trust.tuf.repository import SNAPSHOT_FILE, TARGETS_FILE
from keys.trust.tuf.target_files import NODE_FILE
from node.errors import MissingKeyError, NotFoundError
from node.signing.process.frames import Ask, Request, refused
from node.signing.process.link import SignerLink
from node.signing.process.statements import split_statement
from node.signing.verified_signer import VerifiedSigner
from node.store.peers.records import WitnessRecord
from node.trust.tuf.repository import Behind
from protocol.witness.cosign import AddCheckpoint, Witnessed

PLACE: Final = "the signer process"

Vouching = Callable[[str], Sequence[bytes]]
"""The node's roots, and the metadata of this file name that they vouch for: `3.targets.json`.

Of `node.json` the newest targets metadata, and the document that it lists."""


class RemoteKeys:
    """The signer's keys: what a keychain does with keys that sign, without a private half."""

    def __init__(self, link: SignerLink, *, vouching: Vouching) -> None:
        self._link = link
        self._vouching = vouching

    def labels(self, role: Role) -> list[str]:
        """Labels of the keys of a role, sorted."""
        return sorted(self._publics(role))

    def public(self, role: Role, label: str) -> str:
        """The text of a public half; raises `MissingKeyError`."""
        try:
            return self._publics(role)[label]
        except KeyError:
            raise MissingKeyError("the signer has no {role} key {label}", role, label) from None

    def create(self, role: Role, label: str) -> PublicKey:
        """Have a key made, and get its public half; raises `AlreadyExistsError`."""
        request = Request(Ask.CREATE, {"role": role.value, "label": label})
        return _public(role, self._link.ask(request)[0].text("public"))

    def destroy(self, role: Role, label: str) -> None:
        """Have a key destroyed that the node's signed files do not let count any more."""
        files = self._vouching(NODE_FILE)
        fields: dict[str, Json] = {"role": role.value, "label": label, "lengths": [len(one) for one in files]}
        with suppress(MissingKeyError, NotFoundError):  # it is gone; of an older signer it is unknown
            self._link.ask(Request(Ask.DESTROY, fields, b"".join(files)))

    def stamped(self) -> Behind:
        """Which versions of snapshot and timestamp were signed last."""
        fields, _ = self._link.ask(Request(Ask.STAMPED))
        return Behind(snapshot=fields.integer("snapshot"), timestamp=fields.integer("timestamp"))

    def rejoined(self) -> None:
        """Show the node document that the holders signed to finish a restore; raises `SignerRefusedError`."""
        files = self._vouching(NODE_FILE)
        self._link.ask(Request(Ask.REJOINED, {"lengths": [len(one) for one in files]}, b"".join(files)))

    def signer(self, role: Role, label: str) -> Signer:
        """A signer with this key."""
        return self.signer_of(_public(role, self.public(role, label)), label)

    def signer_of(self, public: PublicKey, label: str) -> Signer:
        """A signer with this key, whose public half is known: nobody is asked before it signs."""
        ask = _SIGNED.get(public.role, _no_way)
        return VerifiedSigner(public, lambda message: ask(self, label, message), place=PLACE)

    def _publics(self, role: Role) -> Mapping[str, str]:
        fields, body = self._link.ask(Request(Ask.PUBLICS, {"role": role.value}))
        fields.only("v")
        return {
            label: text for label, _, text in (line.partition(" ") for line in body.decode().splitlines())
        }

    def _statement(self, label: str, message: bytes) -> bytes:
        kind, payload = split_statement(message)
        return self._link.ask(Request(Ask.STATEMENT, {"label": label, "kind": kind}, payload))[1]

    def _assertion(self, label: str, message: bytes) -> bytes:
        return self._claims(Ask.ASSERTION, label, message)

    def _token(self, label: str, message: bytes) -> bytes:
        return self._claims(Ask.TOKEN, label, message)

    def _claims(self, ask: Ask, label: str, message: bytes) -> bytes:
        """The signature in the token that the signer writes of these claims."""
        _, _, payload = message.partition(b".")
        _, token = self._link.ask(Request(ask, {"label": label}, _unb64u(payload)))
        return _unb64u(token.rpartition(b".")[2])

    def _snapshot(self, label: str, message: bytes) -> bytes:
        return self._stamp(Ask.SNAPSHOT, label, message, TARGETS_FILE)

    def _timestamp(self, label: str, message: bytes) -> bytes:
        return self._stamp(Ask.TIMESTAMP, label, message, SNAPSHOT_FILE)

    def _stamp(self, ask: Ask, label: str, message: bytes, names: str) -> bytes:
        """The signature in the metadata that the signer writes of this version."""
        wanted = json.loads(message)
        named = int(wanted["meta"][names]["version"])
        files = self._vouching(f"{named}.{names}")
        fields: dict[str, Json] = {
            "label": label,
            "version": int(wanted["version"]),
            "expires": str(wanted["expires"]),
            "lengths": [len(one) for one in files],
        }
        _, data = self._link.ask(Request(ask, fields, b"".join(files)))
        (signature,) = Metadata.from_bytes(data).signatures.values()
        return bytes.fromhex(signature.signature)


class RemoteLogSigner:
    """`node.ports.log_signer.LogSigner` in the signer process; `labels_of` says which keys sign a log now."""

    def __init__(
        self,
        link: SignerLink,
        labels_of: Callable[[str], Sequence[str]],
        *,
        vouching: Vouching = lambda _: (),
    ) -> None:
        self._link = link
        self._labels_of = labels_of
        self._vouching = vouching

    def sign(self, origin: str, *, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
        """Append `leaf_hashes` at `start`; the signer computes the head, and gives its note.

        Raises:
            ConflictError: `start` is not where the signer stands, or the repeated batch differs.
            SignerDownError: it cannot be reached.
        """
        fields: dict[str, Json] = {
            "origin": origin,
            "start": start,
            "labels": " ".join(self._labels_of(origin)),
        }
        return self._link.ask(Request(Ask.APPEND, fields, b"".join(leaf_hashes)))[1]

    def renew(self, origin: str) -> bytes:
        """The note of the head that was signed last, under the keys that sign now; empty when none was."""
        fields: dict[str, Json] = {"origin": origin, "labels": " ".join(self._labels_of(origin))}
        return self._link.ask(Request(Ask.RENEW, fields))[1]

    def size(self, origin: str) -> int:
        """How many leaves of `origin` were signed."""
        return self._link.ask(Request(Ask.SIZE, {"origin": origin}))[0].integer("size")

    def resume(self, origin: str, *, frontier: bytes, proof: Sequence[bytes], note: bytes) -> None:
        """Have it go on from a head that it signed and others kept.

        Raises:
            ConflictError: it stands further, or at another history.
            SignerRefusedError: no key of the log signed that head.
        """
        fields: dict[str, Json] = {"frontier": b64(frontier), "proof": b64(b"".join(proof))}
        self._show(Ask.RESUME, origin, fields, note)

    def give_up(self, origin: str, *, note: bytes) -> None:
        """Have it sign nothing of this log any more, whose newest head is this one and whose entries are lost."""
        self._show(Ask.GIVE_UP, origin, {}, note)

    def give_up_forked(self, origin: str, *, note: bytes, root: bytes, proof: Sequence[bytes]) -> None:
        """Have it sign nothing of this log any more, of which a key signed another history than it did.

        `root` is what its own had at the size of that head, and `proof` leads from there to where it stands.
        """
        self._show(Ask.GIVE_UP, origin, {"root": b64(root), "proof": b64(b"".join(proof))}, note)

    def _show(self, ask: Ask, origin: str, fields: dict[str, Json], note: bytes) -> None:
        files = [*self._vouching(NODE_FILE), note]
        fields |= {"origin": origin, "lengths": [len(one) for one in files]}
        self._link.ask(Request(ask, fields, b"".join(files)))


class RemoteCosigner:
    """The witness `name` in the signer process; `labels` says which keys cosign now."""

    def __init__(self, link: SignerLink, *, name: str, labels: Callable[[], Sequence[str]]) -> None:
        self._link = link
        self._name = name
        self._labels = labels

    def cosign(self, request: AddCheckpoint, head: Witnessed) -> WitnessRecord:
        """The head, cosigned.

        Raises:
            ConflictError: the signer cosigned another one since; `standing` has it.
            SignerDownError: it cannot be reached.
        """
        del head  # the signer judges by what it remembers itself
        fields: dict[str, Json] = {"name": self._name, "labels": " ".join(self._labels())}
        return _record(*self._link.ask(Request(Ask.COSIGN, fields, request.to_bytes())))

    def standing(self, origin: str) -> WitnessRecord | None:
        """What the signer cosigned last of a log."""
        try:
            return _record(*self._link.ask(Request(Ask.WITNESSED, {"origin": origin})))
        except NotFoundError:
            return None


def _no_way(_keys: RemoteKeys, _label: str, _message: bytes) -> bytes:
    """Logs are appended to and heads are cosigned: no bytes are signed for them."""
    raise refused("bytes with a key of this role")


_SIGNED: Final[Mapping[Role, Callable[[RemoteKeys, str, bytes], bytes]]] = {
    Role.STATEMENT: RemoteKeys._statement,  # noqa: SLF001 - its own methods
    Role.AUTH: RemoteKeys._assertion,  # noqa: SLF001
    Role.TOKEN: RemoteKeys._token,  # noqa: SLF001
    Role.SNAPSHOT: RemoteKeys._snapshot,  # noqa: SLF001
    Role.TIMESTAMP: RemoteKeys._timestamp,  # noqa: SLF001
}


def _public(role: Role, text: str) -> PublicKey:
    return PRIVATE_KEY_TYPES[role].public_type.from_text(text)


def _record(fields: Fields, body: bytes) -> WitnessRecord:
    length = fields.integer("note", most=len(body))
    head = Witnessed(
        size=fields.integer("size"),
        root=b64decode(fields.text("root")),
        time_s=fields.integer("time_s"),
        note=body[:length],
    )
    return WitnessRecord(origin=fields.text("origin"), head=head, cosignature=body[length:])


def _unb64u(data: bytes) -> bytes:
    return urlsafe_b64decode(data + b"==")
