"""The signer process against a node that was taken over: it has the socket and everything the node has, and no key.

Every request is tried over a real socket against a real process. Whatever is refused changes nothing.
"""

import json
import os
import re
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from keys.encoding import Json, b64, format_time
from keys.key import (
    AuthPublicKey,
    LogPrivateKey,
    LogPublicKey,
    StatementPublicKey,
    TargetsPrivateKey,
    TokenPublicKey,
    WitnessPublicKey,
)
from keys.roles import Role
from keys.trust.node_document import NodeDocument, open_node_document, sign_node_document
from keys.trust.tuf.repository import author_snapshot, author_targets, open_snapshot, open_timestamp
from keys.trust.tuf.root import TrustedRoot, open_roots
from node import jose
from node.clock import SystemClock, system_entropy
from node.errors import (
    AlreadyExistsError,
    ConflictError,
    MissingKeyError,
    NodeError,
    SignerDownError,
    SignerRefusedError,
)
from node.remote.auth import Credentials, assertion
from node.signing.process.claims import check_token
from node.signing.process.frames import MAX_BODY, MAX_LEAVES, Ask, Request
from node.signing.process.listener import MAX_CONNECTIONS
from node.signing.process.remote import RemoteCosigner, RemoteKeys, RemoteLogSigner
from node.signing.process.restore_mark import RestoreMark
from node.signing.process.service import STAMPS as STAMPS_FILE
from node.signing.process.stamps import FolderStamps
from node.trust.announce import log_info
from node.trust.foundation import FIRST
from node.trust.tuf.repository import Freshness, TufRepository
from protocol.acknowledgement import Acknowledgement
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from protocol.tlog.cosignature import verify_cosignatures
from protocol.tlog.merkle import CompactRange, consistency_proof, leaf_hash
from protocol.tlog.note import Note, VerifierKey
from protocol.witness.cosign import AddCheckpoint, Witnessed
from support.logs import ORIGIN as FOREIGN
from support.logs import signed_note
from support.signer_process import LIST, NODE, SignedNode, running_signer
from support.sockets import heard
from support.trees import naive_root
from support.trust import author_next_root

LEAVES = [leaf_hash(bytes([number])) for number in range(12)]
OTHER = [*reversed(LEAVES)]
SAID = Acknowledgement(node=NODE, origin="nl.example/lists/x", time_ms=1, held_size=1, held_root=bytes(32))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedNode]:
    with running_signer(tmp_path_factory.mktemp("n")) as running:
        running.log.sign(LIST, start=0, leaf_hashes=LEAVES[:3])
        running.log.sign(LIST, start=3, leaf_hashes=LEAVES[3:5])
        cosigner(running).cosign(request(0, 5), WHATEVER)
        yield running


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[SignedNode]:
    with running_signer(tmp_path) as running:
        yield running


WHATEVER = Witnessed(size=0, root=bytes(32), time_s=0, note=b"")


def cosigner(node: SignedNode, *labels: str) -> RemoteCosigner:
    return RemoteCosigner(node.link, name=f"{NODE}/w1", labels=lambda: labels or ["1"])


def request(old: int, size: int, hashes: list[bytes] = LEAVES) -> AddCheckpoint:
    proof = consistency_proof(hashes, old, size) if 0 < old < size else []
    note = signed_note(Checkpoint(FOREIGN, size, naive_root(hashes[:size])))
    return AddCheckpoint(old, tuple(proof), Note.parse(note))


def root_of(node: SignedNode) -> TrustedRoot:
    pinned = bytes.fromhex(re.search(r"[0-9a-f]{64}", (node.folder / "signer.toml").read_text())[0])  # type: ignore[index]
    return open_roots(node.roots, pinned)[-1]


def state(node: SignedNode) -> dict[str, bytes]:
    """All that the signer keeps."""
    return {str(path): path.read_bytes() for path in node.folder.rglob("*.json")}


# ---------------------------------------------------------------- what an honest node asks


def test_a_log_is_appended_to(node: SignedNode) -> None:
    note = node.log.sign(LIST, start=3, leaf_hashes=LEAVES[3:5])
    key = LogPublicKey.from_text(node.public(Role.LOG, "lists-main-1"))
    opened = open_checkpoint(note, origin=LIST, log_keys=[VerifierKey.of_log(LIST, key)])
    assert (opened.checkpoint.size, opened.checkpoint.root) == (5, naive_root(LEAVES[:5]))
    assert node.log.size(LIST) == 5


def test_the_last_head_is_signed_anew(fresh: SignedNode) -> None:
    assert fresh.log.renew(LIST) == b""
    note = fresh.log.sign(LIST, start=0, leaf_hashes=LEAVES[:3])
    assert fresh.log.renew(LIST) == note
    fresh.remote.create(Role.LOG, "lists-main-2")
    other = RemoteLogSigner(fresh.link, lambda _: ["lists-main-2"]).renew(LIST)
    assert other.split(b"\n")[:3] == note.split(b"\n")[:3]
    assert other != note


def test_a_head_is_cosigned_again_and_again(node: SignedNode) -> None:
    key = WitnessPublicKey.from_text(node.public(Role.WITNESS, FIRST))
    record = cosigner(node).cosign(request(5, 5), WHATEVER)
    note = Note.parse(record.head.note + record.cosignature)
    (cosignature,) = verify_cosignatures(note, [VerifierKey.of_witness(f"{NODE}/w1", key)])
    assert abs(cosignature.time_s - time.time()) < 60
    assert cosigner(node).standing(FOREIGN) == record
    assert cosigner(node).standing("nl.example/lists/unseen") is None


def test_statements_assertions_and_tokens(node: SignedNode) -> None:
    statement_key = StatementPublicKey.from_text(node.public(Role.STATEMENT, FIRST))
    signed = SAID.signed(node.remote.signer(Role.STATEMENT, FIRST))
    assert Acknowledgement.opened(signed, [statement_key]) == SAID

    auth_key = AuthPublicKey.from_text(node.public(Role.AUTH, FIRST))
    credentials = Credentials(client=NODE, signer=node.remote.signer(Role.AUTH, FIRST))
    made = assertion(credentials, node="nl.example", now=datetime.now(UTC), entropy=system_entropy)
    claims = jose.read_token(made, typ="client-authentication+jwt", choose=lambda _issuer, _kid: auth_key)
    assert claims["aud"] == "https://nl.example"

    token_key = TokenPublicKey.from_text(node.public(Role.TOKEN, FIRST))
    token = jose.sign_token(claims_of_token(), typ="at+jwt", signer=node.remote.signer(Role.TOKEN, FIRST))
    assert jose.read_token(token, typ="at+jwt", choose=lambda _issuer, _kid: token_key)["sub"] == "hoster"


def test_trust_files_are_stamped_as_they_are_revised(fresh: SignedNode) -> None:
    root, clock = root_of(fresh), SystemClock()
    repository = TufRepository(fresh.files, clock)
    keys = Freshness(fresh.remote.signer(Role.SNAPSHOT, FIRST), fresh.remote.signer(Role.TIMESTAMP, FIRST))
    assert not repository.stamp(root, lambda: keys)
    for version in (2, 3):
        fresh.files.put(f"{version}.targets.json", targets(fresh, version))
        assert repository.stamp(root, lambda: keys)
        stamped = open_timestamp(fresh.files.get("timestamp.json"), root)
        assert (stamped.version, stamped.names) == (version, version)
        assert open_snapshot(fresh.files.get(f"{version}.snapshot.json"), root).names == version
    # What was in force before is put in force no more, under whatever number.
    for ask, older in ((Ask.SNAPSHOT, "2.targets.json"), (Ask.TIMESTAMP, "2.snapshot.json")):
        with pytest.raises(SignerRefusedError):
            fresh.link.ask(stamp(fresh, ask, fresh.files.get(older), version=4))


def targets(node: SignedNode, version: int, document: bytes = b"{}") -> bytes:
    signer = node.root_keys.key(TargetsPrivateKey, FIRST)
    expires = datetime.now(UTC) + timedelta(days=1)
    return author_targets(
        root_of(node), {"trust/node.json": document}, version=version, expires=expires, signers=[signer]
    )


def test_what_was_signed_and_lost_is_signed_again(fresh: SignedNode) -> None:
    """The node dies between the signature and the file: it goes on, and no version is given twice to two snapshots."""
    root, clock = root_of(fresh), SystemClock()
    fresh.files.put("2.targets.json", targets(fresh, 2))
    keys = Freshness(fresh.remote.signer(Role.SNAPSHOT, FIRST), fresh.remote.signer(Role.TIMESTAMP, FIRST))
    TufRepository(fresh.files, clock).stamp(root, lambda: keys)
    kept = dict(fresh.files.data)
    fresh.files.put("3.targets.json", targets(fresh, 3))
    TufRepository(fresh.files, clock).stamp(root, lambda: keys)
    del fresh.files.data["timestamp.json"]
    fresh.files.data["timestamp.json"] = kept["timestamp.json"]
    assert TufRepository(fresh.files, clock).stamp(root, lambda: keys)  # of the same snapshot, once more
    fresh.files.data = kept
    before = fresh.files.get("timestamp.json")
    fresh.files.put("3.targets.json", targets(fresh, 3))
    with pytest.raises(NodeError):  # the snapshot was named by a timestamp, so somebody may have seen it
        TufRepository(fresh.files, clock).stamp(root, lambda: keys)
    assert fresh.files.get("timestamp.json") == before


def test_keys_are_made_there(fresh: SignedNode) -> None:
    public = fresh.remote.create(Role.AUTH, "8")
    assert "8" in fresh.remote.labels(Role.AUTH)
    assert fresh.remote.public(Role.AUTH, "8") == public.to_text()
    with pytest.raises(AlreadyExistsError):
        fresh.remote.create(Role.AUTH, "8")
    with pytest.raises(MissingKeyError):
        fresh.remote.public(Role.AUTH, "9")


def test_only_keys_that_no_signed_file_lets_count_are_destroyed(fresh: SignedNode) -> None:
    fresh.remote.create(Role.AUTH, "8")
    fresh.remote.destroy(Role.AUTH, "8")
    fresh.remote.destroy(Role.AUTH, "8")  # which is gone
    assert "8" not in fresh.remote.labels(Role.AUTH)
    for role, label in (
        (Role.AUTH, "1"),
        (Role.WITNESS, "1"),
        (Role.TIMESTAMP, "1"),
        (Role.LOG, "audit-main-1"),
    ):
        with pytest.raises(SignerRefusedError):
            fresh.remote.destroy(role, label)


def next_root(node: SignedNode) -> bytes:
    """A root after the first, with other online keys, which the signer made."""
    from keys.key import RootPrivateKey, SnapshotPublicKey, TimestampPublicKey

    snapshot = node.remote.create(Role.SNAPSHOT, "2")
    timestamp = node.remote.create(Role.TIMESTAMP, "2")
    assert isinstance(snapshot, SnapshotPublicKey)
    assert isinstance(timestamp, TimestampPublicKey)
    content = replace(root_of(node), snapshot_keys=(snapshot,), timestamp_keys=(timestamp,))
    return author_next_root(root_of(node), content, [node.root_keys.key(RootPrivateKey, FIRST)])


@pytest.mark.threat("the process taken over")
def test_no_key_is_destroyed_on_the_word_of_an_older_root(fresh: SignedNode) -> None:
    """The first root does not name the newest timestamp key: who holds it back could have that key destroyed."""
    older = fresh.vouching("node.json")
    fresh.files.put("2.root.json", next_root(fresh))
    keys = Freshness(fresh.remote.signer(Role.SNAPSHOT, "2"), fresh.remote.signer(Role.TIMESTAMP, "2"))
    assert TufRepository(fresh.files, SystemClock()).stamp(root_of(fresh), lambda: keys)
    for role in (Role.SNAPSHOT, Role.TIMESTAMP):
        with pytest.raises(SignerRefusedError, match="older root"):
            RemoteKeys(fresh.link, vouching=lambda _: older).destroy(role, "2")
        with pytest.raises(SignerRefusedError, match="let count"):
            fresh.remote.destroy(role, "2")
        fresh.remote.destroy(role, FIRST)


@pytest.mark.threat("the process taken over")
def test_no_key_is_destroyed_on_the_word_of_an_older_document(fresh: SignedNode) -> None:
    older = fresh.vouching("node.json")
    listed = fresh.remote.create(Role.AUTH, "8")
    assert isinstance(listed, AuthPublicKey)
    fresh.list_auth_key(listed)
    with pytest.raises(SignerRefusedError, match="older trust files"):
        RemoteKeys(fresh.link, vouching=lambda _: older).destroy(Role.AUTH, "8")
    roots, listing, document = (*fresh.roots, *fresh.vouching("node.json")[-2:])
    for files in ((roots, listing, older[-1]), (roots, older[-2], document)):
        with pytest.raises(SignerRefusedError):
            RemoteKeys(fresh.link, vouching=lambda _, files=files: files).destroy(Role.AUTH, "8")  # type: ignore[misc]
    with pytest.raises(SignerRefusedError, match="let count"):
        fresh.remote.destroy(Role.AUTH, "8")


# ---------------------------------------------------------------- what a thief of the socket asks

Asked = Callable[[], Request]


def claims_of_token(*, issued: int = 0, life: int = 600, **changes: Any) -> dict[str, Any]:
    """Issued so many seconds from now."""
    iat = int(time.time()) + issued
    claims = {
        "iss": f"https://{NODE}",
        "aud": f"https://{NODE}",
        "sub": "hoster",
        "client_id": "hoster",
        "client_kid": "0" * 16,
        "scope": "log:read open:1 query:baseline",
        "iat": iat,
        "exp": iat + life,
        "jti": "0" * 32,
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def claims_of_assertion(*, issued: int = 0, life: int = 60, **changes: Any) -> dict[str, Any]:
    iat = int(time.time()) + issued
    claims = {
        "iss": NODE,
        "sub": NODE,
        "aud": "https://nl.example",
        "iat": iat,
        "exp": iat + life,
        "jti": "0" * 32,
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def append(body: bytes, **fields: Json) -> Request:
    return Request(Ask.APPEND, {"origin": LIST, "labels": "lists-main-1", "start": 5, **fields}, body)


def cosign(body: bytes, **fields: Json) -> Request:
    return Request(Ask.COSIGN, {"name": f"{NODE}/w1", "labels": "1", **fields}, body)


def statement(kind: str, payload: bytes) -> Request:
    return Request(Ask.STATEMENT, {"label": "1", "kind": kind}, payload)


def claimed(ask: Ask, claims: Callable[..., dict[str, Any]], **changes: Any) -> Asked:
    """Made when it is asked: claims of a minute ago are refused whatever else is wrong with them."""
    return lambda: Request(ask, {"label": "1"}, json.dumps(claims(**changes)).encode())


token = partial(claimed, Ask.TOKEN, claims_of_token)
assertion_of = partial(claimed, Ask.ASSERTION, claims_of_assertion)
HOSTILE: Mapping[str, Request | Asked] = {
    "append: a second batch of the same size": append(b"".join(OTHER[:2]), start=3),
    "append: a batch before the last": append(b"".join(OTHER[:3]), start=0),
    "append: from where the log is shorter": append(b"".join(OTHER[:1]), start=4),
    "append: from the beginning, longer": append(b"".join(OTHER), start=0),
    "append: beyond the end": append(LEAVES[0], start=6),
    "append: half a leaf": append(bytes(31)),
    "append: another node's log": append(LEAVES[0], origin="nl.example/lists/main"),
    "append: a log that is none": append(LEAVES[0], origin=f"{NODE}/lists/../main"),
    "append: a log without a key": append(
        LEAVES[0], origin=f"{NODE}/lists/other", labels="lists-other-1", start=0
    ),
    "append: with another log's key": append(LEAVES[0], labels="audit-main-1"),
    "append: with another role's key": append(LEAVES[0], labels="../auth-1"),
    "append: with a key twice": append(LEAVES[0], labels="lists-main-1 lists-main-1"),
    "append: with no key": append(LEAVES[0], labels=" "),
    "append: at a negative size": append(LEAVES[0], start=-1),
    "append: at the end of numbers": append(LEAVES[0], start=2**48),
    "append: with a field of one's own": append(LEAVES[0], root="00"),
    "renew: with another log's key": Request(Ask.RENEW, {"origin": LIST, "labels": "audit-main-1"}),
    "renew: another node's log": Request(
        Ask.RENEW, {"origin": "nl.example/lists/main", "labels": "lists-main-1"}
    ),
    "size: of another node's log": Request(Ask.SIZE, {"origin": "nl.example/lists/main"}),
    "cosign: a second head of the size": cosign(request(5, 5, OTHER).to_bytes()),
    "cosign: an older head": cosign(request(3, 4).to_bytes()),
    "cosign: from the beginning again": cosign(request(0, 9, OTHER).to_bytes()),
    "cosign: a fork that is longer": cosign(request(5, 9, OTHER).to_bytes()),
    "cosign: an own log": cosign(
        AddCheckpoint(0, (), Note.parse(signed_note(Checkpoint(LIST, 5, naive_root(OTHER[:5]))))).to_bytes()
    ),
    "cosign: under another node's name": cosign(request(5, 6).to_bytes(), name="nl.example/w1"),
    "cosign: with a key of another name": cosign(request(5, 6).to_bytes(), labels="x-1"),
    "cosign: garbage": cosign(b"old 5\n\ngarbage"),
    "statement: of unknown kind": statement("confession", SAID.to_bytes()),
    "statement: a kind that is a path": statement("../receipt", SAID.to_bytes()),
    "statement: one kind as another": statement("receipt", SAID.to_bytes()),
    "statement: in another's name": statement(SAID.kind, replace(SAID, node="nl.example").to_bytes()),
    "statement: not canonical": statement(SAID.kind, SAID.to_bytes() + b"\0"),
    "statement: a checkpoint": statement(SAID.kind, f"{LIST}\n9\nAAAA\n".encode()),
    "statement: anything as a seal": statement("hit-evidence", b"anything"),
    "statement: with a key that is none": Request(
        Ask.STATEMENT, {"label": "9", "kind": SAID.kind}, SAID.to_bytes()
    ),
    "token: a scope that no node has": token(scope="admin"),
    "token: everything": token(scope="open:*"),
    "token: a collection that is none": token(scope="open:99999999"),
    "token: no scope": token(scope=""),
    "token: for ever": token(life=10**8),
    "token: for next year": token(issued=10**7),
    "token: at another node": token(aud="https://nl.example"),
    "token: of another node": token(iss="https://nl.example"),
    "token: of two clients": token(client_id="other"),
    "token: with claims of one's own": token(admin=True),
    "token: without an end": token(exp=None),
    "token: bound to nothing": token(cnf={}),
    "token: not an object": Request(Ask.TOKEN, {"label": "1"}, b"[]"),
    "token: a claim twice": Request(Ask.TOKEN, {"label": "1"}, b'{"iss":"a","iss":"b"}'),
    "assertion: as a token": claimed(Ask.ASSERTION, claims_of_token),
    "assertion: in another's name": assertion_of(iss="nl.example", sub="nl.example"),
    "assertion: for itself": assertion_of(aud=f"https://{NODE}"),
    "assertion: for no node": assertion_of(aud="https://*"),
    "assertion: for several nodes": assertion_of(aud=["https://nl.example", "https://de.example"]),
    "assertion: for ten minutes": assertion_of(life=600),
    "assertion: for tomorrow": assertion_of(issued=86400),
    "create: a root key": Request(Ask.CREATE, {"role": "root", "label": "9"}),
    "create: a storage key": Request(Ask.CREATE, {"role": "storage", "label": "9"}),
    "create: over one that exists": Request(Ask.CREATE, {"role": "auth", "label": "1"}),
    "create: somewhere else": Request(Ask.CREATE, {"role": "auth", "label": "../../x"}),
    "destroy: without proof": Request(Ask.DESTROY, {"role": "auth", "label": "1", "lengths": [1, 1]}, b"ab"),
    "destroy: with lengths that lie": Request(
        Ask.DESTROY, {"role": "auth", "label": "1", "lengths": [9]}, b"ab"
    ),
}


@pytest.mark.threat("the process taken over")
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_thief_of_the_socket_gets_nothing(node: SignedNode, hostile: Request | Asked) -> None:
    before = state(node)
    with pytest.raises(NodeError) as caught:
        node.link.ask(hostile if isinstance(hostile, Request) else hostile())
    assert not isinstance(caught.value, SignerDownError), "the process lives, and says why not"
    assert state(node) == before
    assert node.log.size(LIST) == 5


@pytest.mark.threat("the process taken over")
@pytest.mark.parametrize(
    ("issued", "life", "signed"),
    [
        (0, 1, True),
        (0, 600, True),
        (0, 601, False),
        (0, 0, False),
        (60, 600, True),
        (61, 600, False),
        (-60, 600, True),
        (-61, 600, False),
    ],
)
def test_a_token_is_of_now_and_of_ten_minutes(issued: int, life: int, *, signed: bool) -> None:
    claims = claims_of_token(issued=issued, life=life)
    now_s = claims["iat"] - issued
    if signed:
        check_token(claims, node=NODE, now_s=now_s)
    else:
        with pytest.raises(SignerRefusedError):
            check_token(claims, node=NODE, now_s=now_s)


Stamp = Callable[[SignedNode], Request]


def stamp(
    node: SignedNode, ask: Ask, names: bytes, *, version: int, hours: int = 1, roots: Any = None
) -> Request:
    files = [*(node.roots if roots is None else roots), names]
    fields: dict[str, Json] = {
        "label": "1",
        "version": version,
        "expires": format_time(datetime.now(UTC) + timedelta(hours=hours)),
        "lengths": [len(one) for one in files],
    }
    return Request(ask, fields, b"".join(files))


def own_snapshot(node: SignedNode, version: int, names: int) -> bytes:
    """A snapshot that the key's first owner made: what a thief of a backup would have."""
    from keys.key import SnapshotPrivateKey

    signer = node.keys.key(SnapshotPrivateKey, FIRST)
    expires = datetime.now(UTC) + timedelta(days=1)
    return author_snapshot(
        root_of(node), targets(node, names), version=version, expires=expires, signer=signer
    )


STAMPS: Mapping[str, Stamp] = {
    "snapshot: the version after the next": lambda node: stamp(
        node, Ask.SNAPSHOT, targets(node, 2), version=3
    ),
    "snapshot: the same version": lambda node: stamp(node, Ask.SNAPSHOT, targets(node, 2), version=1),
    "snapshot: for years": lambda node: stamp(node, Ask.SNAPSHOT, targets(node, 2), version=2, hours=10_000),
    "snapshot: of files nobody signed": lambda node: stamp(node, Ask.SNAPSHOT, b"{}", version=2),
    "snapshot: under no root": lambda node: stamp(node, Ask.SNAPSHOT, targets(node, 2), version=2, roots=[]),
    "snapshot: under another root": lambda node: stamp(
        node, Ask.SNAPSHOT, targets(node, 2), version=2, roots=[b"{}"]
    ),
    "timestamp: the version after the next": lambda node: stamp(
        node, Ask.TIMESTAMP, node.files.get("1.snapshot.json"), version=3
    ),
    "timestamp: fast forward": lambda node: stamp(
        node, Ask.TIMESTAMP, node.files.get("1.snapshot.json"), version=2**31
    ),
    "timestamp: for years": lambda node: stamp(
        node, Ask.TIMESTAMP, node.files.get("1.snapshot.json"), version=2, hours=10_000
    ),
    "timestamp: of another snapshot": lambda node: stamp(
        node, Ask.TIMESTAMP, own_snapshot(node, 5, 1), version=2
    ),
    "timestamp: of older files": lambda node: stamp(node, Ask.TIMESTAMP, own_snapshot(node, 1, 9), version=2),
    "timestamp: of no snapshot": lambda node: stamp(node, Ask.TIMESTAMP, targets(node, 2), version=2),
}


@pytest.mark.threat("the process taken over")
@pytest.mark.parametrize("hostile", STAMPS.values(), ids=STAMPS.keys())
def test_a_thief_of_the_socket_turns_no_trust_file_back(node: SignedNode, hostile: Stamp) -> None:
    before = state(node)
    with pytest.raises(NodeError) as caught:
        node.link.ask(hostile(node))
    assert not isinstance(caught.value, SignerDownError)
    assert state(node) == before


# ---------------------------------------------------------------- a signer that was restored, and who pretends it was

GROWN = [*LEAVES[:5], *OTHER[:4]]
FORKED = [*LEAVES[:4], *OTHER[:6]]
LOG_KEY = "lists-main-1"


def head_of(node: SignedNode, leaves: list[bytes], label: str = LOG_KEY, origin: str = LIST) -> bytes:
    """A head as its key signs it: what others kept of the time before a loss, or what a thief of the key makes."""
    key = node.keys.key(LogPrivateKey, label)
    return sign_checkpoint(Checkpoint(origin, len(leaves), naive_root(leaves)), [key])


def document(node: SignedNode, label: str = LOG_KEY, **changes: Any) -> tuple[bytes, bytes]:
    """The node document with the list in it, and what lists it, signed by the holders."""
    key, held = node.keys.key(LogPrivateKey, label).public, node_document(node)
    info = log_info("https://fr.example/", LIST, key, valid=held.valid)
    changed = replace(held, serial=held.serial + 1, logs=(info,), **changes)
    signed = sign_node_document(changed, [node.root_keys.key(TargetsPrivateKey, FIRST)])
    return targets(node, 2, signed), signed


def of_before(node: SignedNode) -> tuple[bytes, bytes]:
    """The node document that is listed, and what lists it."""
    *_, listing, held = node.vouching("node.json")
    return listing, held


def node_document(node: SignedNode) -> NodeDocument:
    return open_node_document(node.files.get("node.json"), root_of(node))


def shown(node: SignedNode, ask: Ask, *files: bytes, roots: Any = None, **fields: Json) -> Request:
    parts = [*(node.roots if roots is None else roots), *files]
    named = {"origin": LIST} if ask is not Ask.REJOINED else {}
    return Request(ask, {**named, "lengths": [len(one) for one in parts], **fields}, b"".join(parts))


def grown(leaves: list[bytes]) -> CompactRange:
    tree = CompactRange()
    tree.extend(leaves)
    return tree


def resume(
    node: SignedNode,
    leaves: list[bytes],
    *,
    note: bytes | None = None,
    proof: list[bytes] | None = None,
    files: tuple[bytes, ...] | None = None,
    **more: Any,
) -> Request:
    proof = consistency_proof(leaves, 5, len(leaves)) if proof is None else proof
    fields = {"frontier": b64(grown(leaves).to_bytes()), "proof": b64(b"".join(proof))} | more
    signed = head_of(node, leaves) if note is None else note
    return shown(node, Ask.RESUME, *(document(node) if files is None else files), signed, **fields)


def forked(
    node: SignedNode,
    leaves: list[bytes],
    *,
    root: bytes | None = None,
    proof: list[bytes] | None = None,
    label: str = LOG_KEY,
) -> Request:
    """To give the log up, because of the head over `leaves`; the signer stands at five of its own."""
    at = len(leaves)
    own = naive_root(LEAVES[:at]) if root is None else root
    proven = consistency_proof(LEAVES[:5], at, 5) if proof is None and 0 < at < 5 else proof or []
    fields = {"root": b64(own), "proof": b64(b"".join(proven))}
    return shown(node, Ask.GIVE_UP, *document(node), head_of(node, leaves, label), **fields)


RESTORING: Mapping[str, Stamp] = {
    "resume: a fork that is longer": lambda node: resume(node, FORKED),
    "resume: a fork with the proof of what follows": lambda node: resume(
        node, FORKED, proof=consistency_proof(GROWN, 5, 9)
    ),
    "resume: a second head of the size": lambda node: resume(node, FORKED[:5], proof=[]),
    "resume: an older head": lambda node: resume(node, LEAVES[:3], proof=[]),
    "resume: an older head, proven the other way": lambda node: resume(
        node, LEAVES[:3], proof=consistency_proof(LEAVES, 3, 5)
    ),
    "resume: the empty log": lambda node: resume(node, [], proof=[]),
    "resume: without proof": lambda node: resume(node, GROWN, proof=[]),
    "resume: with half a proof": lambda node: resume(node, GROWN, proof=consistency_proof(GROWN, 5, 9)[:-1]),
    "resume: with a proof that is none": lambda node: resume(node, GROWN, proof=[bytes(32)] * 64),
    "resume: with a proof that never ends": lambda node: resume(node, GROWN, proof=[bytes(32)] * 66),
    "resume: from the tree of another head": lambda node: resume(
        node, GROWN, frontier=b64(grown(FORKED[:9]).to_bytes())
    ),
    "resume: from no tree": lambda node: resume(node, GROWN, frontier=b64(b"x")),
    "resume: a head that nobody signed": lambda node: resume(
        node, GROWN, note=Checkpoint(LIST, 9, naive_root(GROWN)).text().encode()
    ),
    "resume: a head that a key of its own signed": lambda node: resume(
        node, GROWN, note=head_of(node, GROWN, "other")
    ),
    "resume: another log's head": lambda node: resume(
        node, GROWN, note=head_of(node, GROWN, origin=f"{NODE}/lists/else")
    ),
    "resume: another node's log": lambda node: resume(node, GROWN, origin="nl.example/lists/main"),
    "resume: on a document that nobody signed": lambda node: resume(
        node, GROWN, files=(targets(node, 2), b"{}")
    ),
    "resume: on a document that names no such log": lambda node: resume(node, GROWN, files=of_before(node)),
    "resume: on a document that is not listed": lambda node: resume(
        node, GROWN, files=(targets(node, 2), document(node)[1])
    ),
    "resume: on no document": lambda node: shown(node, Ask.RESUME, head_of(node, GROWN)),
    "resume: with a field of one's own": lambda node: resume(node, GROWN, size=9),
    "give up: by the head that is known": lambda node: shown(
        node, Ask.GIVE_UP, *document(node), head_of(node, LEAVES[:5])
    ),
    "give up: by an older head": lambda node: shown(
        node, Ask.GIVE_UP, *document(node), head_of(node, LEAVES[:3])
    ),
    "give up: by an older head, proven": lambda node: forked(node, LEAVES[:3]),
    "give up: by the head that is known, proven": lambda node: forked(node, LEAVES[:5]),
    "give up: by another history, without a proof": lambda node: forked(node, FORKED[:3], proof=[]),
    "give up: by another history, without its own root": lambda node: forked(
        node, FORKED[:5], root=naive_root(FORKED[:5])
    ),
    "give up: by no history, of which nothing is its own": lambda node: forked(node, [], root=bytes(32)),
    "give up: by another history that a key of its own signed": lambda node: forked(
        node, FORKED[:5], label="other"
    ),
    "give up: by a head that a key of its own signed": lambda node: shown(
        node, Ask.GIVE_UP, *document(node), head_of(node, GROWN, "other")
    ),
    "give up: by no head": lambda node: shown(node, Ask.GIVE_UP, *document(node), b"9"),
    "give up: a log of another node": lambda node: shown(
        node, Ask.GIVE_UP, *document(node), head_of(node, GROWN), origin="nl.example/lists/main"
    ),
}


def without_serial(held: dict[str, bytes]) -> dict[str, bytes]:
    return {path: data for path, data in held.items() if not path.endswith("document.json")}


@pytest.mark.threat("the process taken over")
@pytest.mark.parametrize("hostile", RESTORING.values(), ids=RESTORING.keys())
def test_a_thief_of_the_socket_restores_nothing(node: SignedNode, hostile: Stamp) -> None:
    if (Role.LOG, "other") not in node.keys.secrets:
        node.keys.create(LogPrivateKey, "other")
    before = state(node)
    with pytest.raises(NodeError) as caught:
        node.link.ask(hostile(node))
    assert not isinstance(caught.value, SignerDownError)
    assert state(node) == before
    assert node.log.size(LIST) == 5


def test_a_signer_that_was_not_restored_forgets_no_witness(node: SignedNode) -> None:
    before = state(node)
    node.link.ask(shown(node, Ask.REJOINED, *document(node, witness=None)))
    assert state(node) == before


def marked(node: SignedNode) -> None:
    """As `sigfed signer restore` leaves the folder."""
    FolderStamps(node.folder / STAMPS_FILE, root_sha256=bytes(32)).leave_room(1000)
    RestoreMark(node.folder).set(token_labels=node.remote.labels(Role.TOKEN), backup="then")


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[SignedNode]:
    """A signer that stands at three leaves, and signed nine: the rest is in no backup."""
    with running_signer(tmp_path) as running:
        running.log.sign(LIST, start=0, leaf_hashes=LEAVES[:3])
        marked(running)
        yield running


CLOSED: Mapping[str, Stamp] = {
    "append": lambda _: append(b"".join(OTHER[:2]), start=3),
    "append: the last batch again": lambda _: append(b"".join(LEAVES[:3]), start=0),
    "renew": lambda _: Request(Ask.RENEW, {"origin": LIST, "labels": LOG_KEY}),
    "cosign": lambda _: cosign(request(0, 5).to_bytes()),
    "destroy": lambda node: Request(Ask.DESTROY, {"role": "auth", "label": "1", "lengths": [1, 1]}, b"ab"),
    "rejoined: on the document of before": lambda node: shown(node, Ask.REJOINED, *of_before(node)),
    "rejoined: on a newer document of before": lambda node: shown(node, Ask.REJOINED, *document(node)),
    "rejoined: on a document that nobody signed": lambda node: shown(
        node, Ask.REJOINED, targets(node, 2), b"{}"
    ),
    "rejoined: under another root": lambda node: shown(node, Ask.REJOINED, *document(node), roots=[b"{}"]),
}


@pytest.mark.threat("the process taken over")
@pytest.mark.parametrize("hostile", CLOSED.values(), ids=CLOSED.keys())
def test_no_history_goes_on_before_the_holders_finished_the_restore(
    restored: SignedNode, hostile: Stamp
) -> None:
    restored.remote.create(Role.TOKEN, "98")  # which no document lists
    before = state(restored)
    with pytest.raises(NodeError) as caught:
        restored.link.ask(hostile(restored))
    assert not isinstance(caught.value, SignerDownError)
    assert without_serial(state(restored)) == without_serial(before)


def test_a_restored_signer_goes_on_behind_what_it_signed_before(restored: SignedNode) -> None:
    leaves = [*LEAVES[:3], *GROWN[3:]]
    again = resume(restored, leaves, proof=consistency_proof(leaves, 3, 9))
    for _ in range(2):
        restored.link.ask(again)
    token = restored.remote.create(Role.TOKEN, "99")
    assert isinstance(token, TokenPublicKey)
    held = node_document(restored)
    signed = document(
        restored, token_keys=(replace(held.token_keys[0], kid=token.kid, key=token),), witness=None
    )
    restored.link.ask(shown(restored, Ask.REJOINED, *signed))
    note = restored.log.sign(LIST, start=9, leaf_hashes=LEAVES[9:10])
    assert Checkpoint.from_text(Note.parse(note).text).root == naive_root([*leaves, LEAVES[9]])
    assert restored.remote.labels(Role.WITNESS) == [], "under the old name it says nothing any more"
    assert restored.remote.stamped().timestamp == 1001


def test_a_log_of_which_more_was_signed_than_is_held_is_given_up(restored: SignedNode) -> None:
    restored.link.ask(shown(restored, Ask.GIVE_UP, *document(restored), head_of(restored, GROWN)))
    (restored.folder / "restored.json").unlink()
    with pytest.raises(ConflictError, match="never signed again"):
        restored.log.sign(LIST, start=3, leaf_hashes=LEAVES[3:4])


@pytest.mark.parametrize("leaves", [FORKED[:5], [OTHER[0], *LEAVES[1:3]]], ids=["its size", "a smaller one"])
def test_a_log_that_was_signed_twice_is_given_up(node: SignedNode, leaves: list[bytes]) -> None:
    node.link.ask(forked(node, leaves))
    for again in (
        lambda: node.log.sign(LIST, start=5, leaf_hashes=LEAVES[5:6]),
        lambda: node.log.renew(LIST),
        lambda: node.link.ask(resume(node, LEAVES[:4], proof=[])),
    ):
        with pytest.raises(ConflictError, match="never signed again"):
            again()


@pytest.mark.parametrize("role", [Role.LOG, Role.WITNESS], ids=str)
def test_nothing_signs_bytes_with_a_key_whose_meaning_is_a_history(node: SignedNode, role: Role) -> None:
    label = "lists-main-1" if role is Role.LOG else FIRST
    signer = node.remote.signer(role, label)
    with pytest.raises(SignerRefusedError):
        signer.sign(Checkpoint(LIST, 9, bytes(32)).text().encode())
    with pytest.raises(SignerRefusedError):
        node.remote.signer(Role.STATEMENT, FIRST).sign(b"anything")


# ---------------------------------------------------------------- bytes that are no requests


def talk(node: SignedNode, data: bytes) -> bytes:
    """Send bytes as they are, and read until the signer hangs up."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(30)
        link.connect(str(node.socket))
        try:
            link.sendall(data)
            link.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return heard(link)


def framed(header: bytes, body: bytes = b"", *, length: int | None = None) -> bytes:
    return struct.pack(">II", len(header), len(body) if length is None else length) + header + body


GARBAGE: Mapping[str, bytes] = {
    "nothing": b"",
    "half a length": b"\0\0",
    "a header that does not come": struct.pack(">II", 100, 0),
    "a header without end": struct.pack(">II", 2**32 - 1, 0) + bytes(100_000),
    "not JSON": framed(b"\xff\xfe"),
    "deep JSON": framed(b"[" * 16_000),
    "a field twice": framed(b'{"v":1,"v":1,"ask":"size"}'),
    "another version": framed(b'{"v":2,"ask":"size"}'),
    "an unknown request": framed(b'{"v":1,"ask":"sign"}', b"these bytes"),
    "no request": framed(b'{"v":1}'),
    "a body that is too long": framed(b'{"v":1,"ask":"size"}', length=2**32 - 1),
    "more leaves than a round": framed(b'{"v":1,"ask":"append"}', length=MAX_BODY[Ask.APPEND] + 32),
    "a body that does not come": framed(b'{"v":1,"ask":"statement"}', length=100),
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.threat("the process taken over")
@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_refused_and_the_next_request_is_served(node: SignedNode, data: bytes) -> None:
    before = state(node)
    talk(node, data)
    assert state(node) == before
    assert node.log.size(LIST) == 5


def test_the_largest_batch_is_a_rounds(node: SignedNode) -> None:
    assert MAX_BODY[Ask.APPEND] == 32 * MAX_LEAVES


def serves(node: SignedNode) -> bool:
    try:
        return node.log.size(LIST) >= 0
    except SignerDownError:
        return False


def test_many_connections_are_sent_away_and_the_rest_is_served(fresh: SignedNode) -> None:
    held = []
    try:
        for _ in range(MAX_CONNECTIONS + 8):
            link = socket.socket(socket.AF_UNIX)
            link.connect(str(fresh.socket))
            held.append(link)
        with pytest.raises(SignerDownError):
            fresh.log.size(LIST)
        held[0].close()
        held[1].close()
        deadline = time.monotonic() + 20
        while not serves(fresh):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        for link in held:
            link.close()


def test_who_writes_slowly_is_cut_off(fresh: SignedNode) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(30)
        link.connect(str(fresh.socket))
        start = time.monotonic()
        for byte in framed(b'{"v":1,"ask":"size"}') * 10:
            try:
                link.sendall(bytes([byte])[:1] if byte else b"\0")
                time.sleep(0.2)
            except OSError:
                break
            if time.monotonic() - start > 20:
                break
        heard(link)
        assert time.monotonic() - start < 20
    assert fresh.log.size(LIST) == 0


def test_the_socket_is_for_its_owner(node: SignedNode) -> None:
    assert node.socket.stat().st_mode & 0o777 == 0o600
    assert node.folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in (node.folder / "keys").iterdir())


def test_no_secret_and_no_hash_is_in_the_journal(node: SignedNode) -> None:
    for hostile in [each for each in HOSTILE.values() if isinstance(each, Request)][:5]:
        with pytest.raises(NodeError):
            node.link.ask(hostile)
    assert node.signer.running is not None
    journal = node.signer.running.journal.read_text()
    assert "correct horse" not in journal
    assert not re.search(r"[0-9a-f]{64}", journal)


# ---------------------------------------------------------------- several that ask, and a process that dies


@pytest.mark.threat("the process taken over")
def test_of_two_nodes_that_race_one_appends(fresh: SignedNode) -> None:
    def publish(leaves: list[bytes]) -> bytes | None:
        try:
            return fresh.log.sign(LIST, start=0, leaf_hashes=leaves)
        except ConflictError:
            return None

    with ThreadPoolExecutor(8) as pool:
        notes = list(pool.map(publish, [LEAVES[: 1 + number] for number in range(8)]))
    (won,) = {note for note in notes if note is not None}
    assert fresh.log.size(LIST) == int(won.split(b"\n")[1])


@pytest.mark.threat("the process taken over")
def test_of_two_nodes_that_race_as_a_witness_one_history_is_cosigned(fresh: SignedNode) -> None:
    def ask(hashes: list[bytes]) -> bytes | None:
        try:
            return cosigner(fresh).cosign(request(0, 4, hashes), WHATEVER).head.root
        except NodeError:
            return None

    with ThreadPoolExecutor(8) as pool:
        roots = set(pool.map(ask, [LEAVES, OTHER] * 8))
    assert len(roots - {None}) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_signer_that_was_started_anew_goes_on_where_it_stood(fresh: SignedNode, number: int) -> None:
    first = fresh.log.sign(LIST, start=0, leaf_hashes=LEAVES[:3])
    fresh.signer.stop(number)
    with pytest.raises(SignerDownError) as caught:
        fresh.log.sign(LIST, start=3, leaf_hashes=LEAVES[3:])
    assert "sigfed signer run" in caught.value.hint
    fresh.signer.start()
    assert fresh.log.sign(LIST, start=0, leaf_hashes=LEAVES[:3]) == first
    with pytest.raises(ConflictError):
        fresh.log.sign(LIST, start=0, leaf_hashes=OTHER[:3])
    fresh.log.sign(LIST, start=3, leaf_hashes=LEAVES[3:])


def test_one_process_signs_in_a_folder(fresh: SignedNode) -> None:
    import subprocess

    from support.processes import PROGRAM, environment

    command = [*PROGRAM, "--home", str(fresh.folder), "signer", "run"]
    second = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 11
    assert fresh.log.size(LIST) == 0


def test_it_leaves_no_core_behind(fresh: SignedNode) -> None:
    assert fresh.signer.running is not None
    limits = Path(f"/proc/{fresh.signer.running.process.pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0", limits)


@pytest.mark.threat("the process taken over")
def test_another_user_is_sent_away(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to be somebody else")
    import subprocess
    import sys

    with running_signer(tmp_path) as node:
        node.socket.chmod(0o666)
        for folder in (node.folder, *node.folder.parents):
            if folder != Path("/"):
                folder.chmod(folder.stat().st_mode | 0o011)
        script = (
            "import os, socket, sys; os.setuid(65534); link = socket.socket(socket.AF_UNIX);"
            f"link.connect({str(node.socket)!r}); link.settimeout(10);"
            "sys.exit(0 if link.recv(1) == b'' else 1)"
        )
        subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
        assert node.signer.running is not None
        assert "stranger" in node.signer.running.journal.read_text()
        assert node.log.size(LIST) == 0
