"""A witness over real HTTPS, code by code: what it cosigns, remembers, refuses and keeps."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from keys.key import LogPrivateKey, WitnessPrivateKey
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import FinalCheckpoint, LogStatus
from node.clock import Clock
from node.errors import ConflictError, NotFoundError, StoreLockedError
from node.store.peers.records import PeerRecord, WitnessRecord
from node.store.store import Store
from node.witnesses.witness import KeyCosigner, ServedWitness, Witness
from protocol.errors import UntrustedError
from protocol.evidence import verify_evidence
from protocol.limits import MAX_ADD_CHECKPOINT_BYTES
from protocol.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, sign_checkpoint
from protocol.tlog.conflict import ConflictKind
from protocol.tlog.cosignature import verify_cosignatures
from protocol.tlog.merkle import consistency_proof
from protocol.tlog.note import Note, VerifierKey, parse_signatures
from protocol.witness.cosign import AddCheckpoint, Refuse, Status, Witnessed
from support.fakes_api import MemoryNode
from support.federation import Agency, Federation
from support.logs import with_lines
from support.raw_http import Raw, Reply, raw_access
from support.trees import leaves, naive_root

LEAVES = leaves(12)
OTHER = [*reversed(LEAVES)]
SUBMIT = "/witness/add-checkpoint"


@dataclass
class World:
    """The witness fr.example and the log it is asked about, of its peer nl.example."""

    federation: Federation
    fr: Agency
    nl: Agency

    @property
    def origin(self) -> str:
        return self.nl.origin

    @property
    def log_key(self) -> VerifierKey:
        return VerifierKey.of_log(self.origin, self.nl.log_key.public)

    @property
    def witness_key(self) -> VerifierKey:
        """As anybody reads it in the witness's node document."""
        info = self.fr.trust.document().witness
        assert info is not None
        return VerifierKey.from_text(info.vkeys[0].vkey)

    def witness(self, *, clock: Clock | None = None) -> Witness:
        return Witness(
            self.fr.store,
            clock or self.fr.clock,
            node=self.fr.name,
            cosigner=lambda: KeyCosigner(self.witness_key.name, [self.fr.keys.key(WitnessPrivateKey, "1")]),
        )

    def request(
        self,
        old: int,
        size: int,
        hashes: list[bytes] = LEAVES,
        *,
        origin: str | None = None,
        key: LogPrivateKey | None = None,
    ) -> bytes:
        """A request with the true proof of `hashes`."""
        proof = consistency_proof(hashes, old, size) if 0 < old < size else []
        head = Checkpoint(origin or self.origin, size, naive_root(hashes[:size]))
        note = Note.parse(sign_checkpoint(head, [key or self.nl.log_key]))
        return AddCheckpoint(old, tuple(proof), note).to_bytes()

    def opened(self, note: bytes) -> SignedCheckpoint:
        return open_checkpoint(
            note, origin=self.origin, log_keys=[self.log_key], witnesses=[self.witness_key]
        )

    def served(self) -> AbstractAsyncContextManager[Raw]:
        """The witness behind HTTPS."""
        memory = MemoryNode()
        memory.witness = ServedWitness(self.witness(), self.fr.clock)
        return raw_access(memory)

    def evidence(self) -> list[str]:
        return list(self.fr.objects.ls("evidence/"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Federation(tmp_path) as federation:
        fr, nl = federation.peers("fr", "nl")
        yield World(federation, fr, nl)


def path_of(origin: str) -> str:
    return f"/witness/{sha256(origin.encode()).hexdigest()}/checkpoint"


def is_size(reply: Reply, size: int) -> bool:
    """Whether this is the answer 409 of the protocol."""
    return (reply.status, reply.body, reply.headers["Content-Type"]) == (
        409,
        f"{size}\n".encode(),
        "text/x.tlog.size",
    )


# ------------------------------------------------------------------ the dialogue


async def test_a_log_is_cosigned_as_it_grows(world: World) -> None:
    async with world.served() as ask:
        for old, size in ((0, 3), (3, 7), (7, 7), (7, 12)):
            body = world.request(old, size)
            reply = await ask("POST", SUBMIT, data=body)
            assert (reply.status, reply.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
            note = AddCheckpoint.from_bytes(body).note
            cosigned = with_lines(note, parse_signatures(reply.body.decode()))
            (cosignature,) = verify_cosignatures(cosigned, [world.witness_key])
            assert cosignature.time_s == int(world.fr.clock.now().timestamp())
            with pytest.raises(UntrustedError):
                verify_cosignatures(Note(note.text + "x\n", cosigned.signatures), [world.witness_key])
            shown = await ask("GET", path_of(world.origin))
            assert shown.status == 200
            opened = world.opened(shown.body)
            assert opened.checkpoint.size == size
            assert (opened.signers, opened.cosignatures) == ((world.log_key,), (cosignature,))
            world.federation.advance(seconds=5)


async def test_a_body_that_is_not_a_request_is_400(world: World) -> None:
    good = world.request(0, 3)
    async with world.served() as ask:
        for body in (b"", b"old 0\n\n", good[1:], good[:-1], good.replace(b"old 0", b"old 00")):
            reply = await ask("POST", SUBMIT, data=body)
            assert (reply.status, reply.problem) == (400, "malformed")
        many = good.replace(b"old 0\n", b"old 0\n" + (b"A" * 43 + b"=\n") * 64)
        assert (await ask("POST", SUBMIT, data=many)).status == 400
        reply = await ask("POST", SUBMIT, data=world.request(7, 3))
        assert (reply.status, reply.problem) == (400, "malformed")
        reply = await ask("POST", SUBMIT, data=b"o" * (MAX_ADD_CHECKPOINT_BYTES + 1))
        assert (reply.status, reply.problem) == (413, "too-large")


async def test_a_checkpoint_that_the_log_did_not_sign_is_403(world: World) -> None:
    async with world.served() as ask:
        thief = world.request(0, 3, key=LogPrivateKey.from_seed(b"?" * 32))
        forged = world.request(0, 3).replace(b"main\n3\n", b"main\n4\n")
        assert forged != world.request(0, 3)
        for body in (thief, forged):
            reply = await ask("POST", SUBMIT, data=body)
            assert (reply.status, reply.problem) == (403, "forbidden")
        assert (await ask("GET", path_of(world.origin))).status == 404


async def test_a_log_that_is_not_a_peers_is_404(world: World) -> None:
    async with world.served() as ask:
        for origin in ("de.example/lists/main", "nl.example/lists/other", "x", world.fr.origin):
            key = world.fr.log_key if origin == world.fr.origin else None
            reply = await ask("POST", SUBMIT, data=world.request(0, 3, origin=origin, key=key))
            assert (reply.status, reply.problem) == (404, "not-found")
        for hashed in ("00", "0" * 64, "0" * 65):
            assert (await ask("GET", f"/witness/{hashed}/checkpoint")).status == 404
        assert (await ask("GET", f"/witness/{'A' * 64}/checkpoint")).status == 404


async def test_another_old_size_is_409_and_told_the_size(world: World) -> None:
    async with world.served() as ask:
        assert is_size(await ask("POST", SUBMIT, data=world.request(3, 7)), 0)
        assert (await ask("POST", SUBMIT, data=world.request(0, 7))).status == 200
        assert is_size(await ask("POST", SUBMIT, data=world.request(0, 9)), 7)
        assert is_size(await ask("POST", SUBMIT, data=world.request(3, 9)), 7)


@pytest.mark.threat("a rollback")
async def test_a_rollback_is_409(world: World) -> None:
    async with world.served() as ask:
        assert (await ask("POST", SUBMIT, data=world.request(0, 7))).status == 200
        for old, size in ((0, 3), (3, 3), (3, 5), (0, 0)):
            assert is_size(await ask("POST", SUBMIT, data=world.request(old, size)), 7)
        assert world.opened((await ask("GET", path_of(world.origin))).body).checkpoint.size == 7
    assert world.evidence() == []


@pytest.mark.threat("two histories")
async def test_a_fork_is_422_and_both_notes_are_kept(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with world.served() as ask:
        assert (await ask("POST", SUBMIT, data=world.request(0, 7))).status == 200
        for _ in range(2):
            reply = await ask("POST", SUBMIT, data=world.request(7, 7, OTHER))
            assert (reply.status, reply.problem) == (422, "not-verified")
        assert world.opened((await ask("GET", path_of(world.origin))).body).checkpoint.root == naive_root(
            LEAVES[:7]
        )
    (name,) = world.evidence()
    data = world.fr.objects.get(name)
    assert name == f"evidence/{sha256(data).hexdigest()}.cbor"
    finding = verify_evidence(data, origin=world.origin, log_keys=[world.log_key])
    assert (finding.kind, finding.log_at_fault) == (ConflictKind.FORK, True)
    assert finding.offered.checkpoint.root == naive_root(OTHER[:7])
    assert f"fork origin={world.origin} evidence={name}" in [r.getMessage() for r in caplog.records]


async def test_a_history_that_does_not_contain_the_last_head_is_422(world: World) -> None:
    async with world.served() as ask:
        assert (await ask("POST", SUBMIT, data=world.request(0, 7))).status == 200
        for body in (
            world.request(7, 12, OTHER),
            world.request(7, 12).replace(b"old 7\n", b"old 7\n" + b"A" * 43 + b"=\n"),
        ):
            reply = await ask("POST", SUBMIT, data=body)
            assert (reply.status, reply.problem) == (422, "not-verified")
    assert world.evidence() == []


async def test_a_closed_log_ends_with_its_final_head(world: World) -> None:
    final = FinalCheckpoint(7, naive_root(LEAVES[:7]))

    def close(document: NodeDocument) -> NodeDocument:
        logs = (
            replace(log, status=LogStatus.CLOSED, final_checkpoint=final)
            if log.origin == world.origin
            else log
            for log in document.logs
        )
        return replace(document, logs=tuple(logs))

    world.nl.revise(close)
    await world.federation.sync(world.fr, world.nl)  # fetches the node document
    async with world.served() as ask:
        assert (await ask("POST", SUBMIT, data=world.request(0, 9))).status == 422
        assert (await ask("POST", SUBMIT, data=world.request(0, 7))).status == 200


async def test_a_node_without_a_witnesss_key_is_no_witness(world: World) -> None:
    memory = MemoryNode()
    memory.witness = None
    async with raw_access(memory) as ask:
        assert (await ask("POST", SUBMIT, data=world.request(0, 3))).status == 404
        assert (await ask("GET", path_of(world.origin))).status == 404


async def test_a_published_list_and_a_release_log_are_cosigned(world: World) -> None:
    world.nl.add("a file", "another")
    note = Note.parse(world.nl.publish().note)
    releases = "nl.example/subsets/baseline"
    key = LogPrivateKey.from_seed(b"r" * 32)
    world.nl.announce(releases, key)
    await world.federation.sync(world.fr, world.nl)  # fetches the node document too
    async with world.served() as ask:
        assert (await ask("POST", SUBMIT, data=AddCheckpoint(0, (), note).to_bytes())).status == 200
        reply = await ask("POST", SUBMIT, data=world.request(0, 3, origin=releases, key=key))
        assert reply.status == 200


def test_a_log_of_its_own_is_never_cosigned_even_if_it_were_its_own_peer(world: World) -> None:
    own = world.fr.fetched()
    peer = PeerRecord(
        name=world.fr.name, url=own.url, trust=own.trust, serial=1, grant="{}", added_ms=1, confirmed_ms=1
    )
    with world.fr.store.write() as unit:
        unit.peers.add(peer)
    answer = world.witness().add(world.request(0, 3, origin=world.fr.origin, key=world.fr.log_key))
    assert isinstance(answer, Refuse)
    assert answer.status is Status.UNKNOWN


# ------------------------------------------------------------------ races and clocks


async def test_of_two_at_once_one_is_cosigned_and_the_other_told(world: World) -> None:
    async with world.served() as ask:
        assert (await ask("POST", SUBMIT, data=world.request(0, 3))).status == 200
        replies = await asyncio.gather(*(ask("POST", SUBMIT, data=world.request(3, size)) for size in (7, 9)))
        statuses = [reply.status for reply in replies]
        assert sorted(statuses) == [200, 409]
        won = (7, 9)[statuses.index(200)]
        assert is_size(replies[statuses.index(409)], won)
        assert world.opened((await ask("GET", path_of(world.origin))).body).checkpoint.size == won


@pytest.mark.threat("a witness that forgot")
def test_many_threads_make_one_history(world: World) -> None:
    witness = world.witness()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(witness.add, [world.request(0, size) for size in range(1, 7)]))
    assert sum(isinstance(answer, bytes) for answer in answers) == 1
    assert all(
        answer.status is Status.BEHIND and answer.size for answer in answers if isinstance(answer, Refuse)
    )


class MeddlingClock:
    """Lets something happen when the time is read for the second time, after the state was."""

    def __init__(self, world: World, body: bytes, *, times: int = 1) -> None:
        self.world, self.body, self.times = world, body, times
        self.read = 0

    def now(self) -> datetime:
        self.read += 1
        if 1 < self.read <= self.times + 1:
            self.world.federation.advance(seconds=1)
            assert isinstance(self.world.witness().add(self.body), bytes)
        return self.world.fr.clock.now()


@pytest.mark.threat("a witness that forgot")
@pytest.mark.parametrize("first", [0, 3], ids=["first checkpoint", "later checkpoint"])
def test_a_state_that_changed_after_it_was_read_is_not_overwritten(world: World, first: int) -> None:
    if first:
        assert isinstance(world.witness().add(world.request(0, first)), bytes)
    slow = world.witness(clock=MeddlingClock(world, world.request(first, 9)))
    answer = slow.add(world.request(first, 7))
    assert isinstance(answer, Refuse)
    assert (answer.status, answer.size) == (Status.BEHIND, 9)


def test_whoever_loses_again_and_again_is_asked_to_come_back(world: World) -> None:
    assert isinstance(world.witness().add(world.request(0, 3)), bytes)
    slow = world.witness(clock=MeddlingClock(world, world.request(3, 3), times=99))
    with pytest.raises(StoreLockedError):
        slow.add(world.request(3, 7))


@pytest.mark.threat("a witness that forgot")
def test_a_clock_that_went_back_does_not_date_a_cosignature_back(world: World) -> None:
    witness = world.witness()
    world.federation.advance(hours=2)
    assert isinstance(witness.add(world.request(0, 3)), bytes)
    before = int(world.fr.clock.now().timestamp())
    world.federation.clock.advance(timedelta(hours=-1))
    assert isinstance(witness.add(world.request(3, 7)), bytes)
    (cosignature,) = world.opened(witness.checkpoint(sha256(world.origin.encode()).hexdigest())).cosignatures
    assert cosignature.time_s == before


def test_trust_files_that_have_ended_sign_nothing(world: World) -> None:
    world.federation.advance(days=200)
    answer = world.witness().add(world.request(0, 3))
    assert isinstance(answer, Refuse)
    assert answer.status is Status.UNTRUSTED


# ------------------------------------------------------------------ the table, on both databases

RECORD = WitnessRecord(
    origin="nl.example/lists/main",
    head=Witnessed(size=3, root=b"r" * 32, time_s=5, note=b"note"),
    cosignature=b"line",
)
LATER = replace(RECORD, head=replace(RECORD.head, size=7, time_s=6), cosignature=b"other")


def put(store: Store, old: WitnessRecord | None, new: WitnessRecord) -> None:
    with store.write() as unit:
        unit.witnessed.replace(old, new)


def test_a_record_is_found_by_origin_and_by_its_hash(store: Store) -> None:
    put(store, None, RECORD)
    put(store, RECORD, LATER)
    with store.read() as unit:
        assert unit.witnessed.find(RECORD.origin) == LATER
        assert unit.witnessed.get(sha256(RECORD.origin.encode()).hexdigest()) == LATER
        assert unit.witnessed.find("other") is None
        with pytest.raises(NotFoundError):
            unit.witnessed.get("0" * 64)


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(None, id="none"),
        pytest.param(RECORD, id="an older one"),
        pytest.param(replace(LATER, head=replace(LATER.head, root=b"x" * 32)), id="another root"),
        pytest.param(replace(LATER, head=replace(LATER.head, time_s=5)), id="an older cosignature"),
    ],
)
def test_a_record_is_replaced_only_by_who_read_it(store: Store, held: WitnessRecord | None) -> None:
    put(store, None, LATER)
    with pytest.raises(ConflictError):
        put(store, held, replace(RECORD, head=replace(RECORD.head, size=9)))
    with store.read() as unit:
        assert unit.witnessed.find(RECORD.origin) == LATER
