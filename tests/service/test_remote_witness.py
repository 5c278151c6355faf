"""The client of a witness over real HTTPS: every status of the protocol, and servers that are none."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from pathlib import Path

import pytest

from keys.key import LogPrivateKey
from node.clock import system_entropy
from node.errors import (
    NodeError,
    NotFoundError,
    PeerRefusedError,
    PeerUnreachableError,
    VerificationError,
    WrongPinError,
)
from node.remote.witness import RemoteWitness
from node.witnesses.witness import ServedWitness
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.note import Note
from protocol.witness.cosign import AddCheckpoint, Refuse, Status
from support.fakes_api import IDENTITY, MemoryNode
from support.federation import Agency, Federation
from support.hostile import floods, hostile, reply, says
from support.raw_http import Raw, raw_access
from support.witnesses import witness_of

THIEF = LogPrivateKey.from_seed(b"?" * 32)


def client(url: str, pin: bytes = IDENTITY.spki_sha256) -> RemoteWitness:
    return RemoteWitness(
        node="nl.example", base_url=f"{url}/witness/", pins=frozenset({pin}), entropy=system_entropy
    )


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with Federation(tmp_path) as made:
        fr, _ = made.peers("fr", "nl")
        fr.publish("a", "b", "c")
        yield made


def served(agency: Agency) -> AbstractAsyncContextManager[Raw]:
    memory = MemoryNode()
    memory.witness = ServedWitness(witness_of(agency), agency.clock)
    return raw_access(memory)


def body(old: int, note: Note) -> bytes:
    return AddCheckpoint(old, (), note).to_bytes()


async def test_every_status_of_the_dialogue_arrives(federation: Federation) -> None:
    fr, nl = federation.agencies
    own = fr.log().note
    assert own is not None
    note = Note.parse(own)

    def signed(origin: str, key: LogPrivateKey) -> Note:
        return Note.parse(sign_checkpoint(Checkpoint(origin, 3, bytes(32)), [key]))

    dialogue = [
        (b"old 0\n\n", Status.MALFORMED, None),
        (body(0, signed("de.example/lists/main", fr.log_key)), Status.UNKNOWN, None),
        (body(0, signed(fr.origin, THIEF)), Status.UNTRUSTED, None),
        (body(2, note), Status.BEHIND, 0),
        (body(0, note), None, None),
        (body(0, note), Status.BEHIND, 3),
        (body(3, note), None, None),
        (body(3, signed(fr.origin, fr.log_key)), Status.INCONSISTENT, None),
    ]
    async with served(nl) as ask, client(ask.node.url) as witness:
        with pytest.raises(NotFoundError):
            await witness.witnessed(sha256(fr.origin.encode()).hexdigest())
        for request, status, size in dialogue:
            answer = await witness.add_checkpoint(request)
            if status is None:
                assert isinstance(answer, bytes)
                continue
            assert isinstance(answer, Refuse)
            assert (answer.status, answer.size) == (status, size)
        shown = await witness.witnessed(sha256(fr.origin.encode()).hexdigest())
    assert Note.parse(shown).text == note.text
    assert len(Note.parse(shown).signatures) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(reply(b"7", status="409 Conflict"), None, id="a size without newline"),
        pytest.param(reply(b"seven\n", status="409 Conflict"), VerificationError, id="a word"),
        pytest.param(reply(b"07\n", status="409 Conflict"), VerificationError, id="a leading zero"),
        pytest.param(reply(b"\xff\n", status="409 Conflict"), VerificationError, id="no text"),
        pytest.param(reply(b"9" * 5000, status="409 Conflict"), VerificationError, id="a long size"),
        pytest.param(reply(b"x" * 5000), VerificationError, id="a long answer"),
        pytest.param(reply(b"", status="500 Broken"), PeerRefusedError, id="500"),
        pytest.param(reply(b"", status="413 Large"), PeerRefusedError, id="413"),
        pytest.param(
            reply(b"", status="302 Elsewhere", headers={"Location": "/"}), PeerRefusedError, id="a redirect"
        ),
        pytest.param(reply(b"", headers={"Content-Encoding": "gzip"}), VerificationError, id="encoded"),
        pytest.param(b"", PeerUnreachableError, id="nothing"),
    ],
)
async def test_what_is_no_answer_of_the_protocol_is_an_error(
    answer: bytes, error: type[NodeError] | None
) -> None:
    async with hostile(says(answer)) as server, client(server.url) as witness:
        if error is None:
            told = await witness.add_checkpoint(b"old 0\n")
            assert isinstance(told, Refuse)
            assert told.size == 7
            return
        with pytest.raises(error):
            await witness.add_checkpoint(b"old 0\n")
        assert len(server.requests) == 1, "asked again by the next run, not by this one"


async def test_an_answer_without_end_is_cut() -> None:
    endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    async with hostile(floods(endless)) as server, client(server.url) as witness:
        with pytest.raises(VerificationError, match="longer than"):
            await witness.add_checkpoint(b"old 0\n")


async def test_somebody_else_is_not_asked() -> None:
    async with hostile(says(b"")) as server, client(server.url, pin=bytes(32)) as witness:
        with pytest.raises(WrongPinError):
            await witness.add_checkpoint(b"old 0\n")
        assert server.requests == []


# ------------------------------------------------------------------ logs that the witness has not heard of


class Renewals:
    """Fetches a peer's trust files, as `node.app.peers.renewal` does, and counts."""

    def __init__(self, federation: Federation) -> None:
        self.fr, self.nl = federation.agencies
        self.asked: list[str] = []
        self.fails = False

    async def __call__(self, name: str) -> None:
        self.asked.append(name)
        if self.fails:
            raise PeerUnreachableError("away")
        files = self.fr.fetched()
        serial = self.fr.trust.document().serial
        with self.nl.store.write() as unit:
            unit.peers.update_trust(name, files.trust, serial=serial)


def new_log(fr: Agency, name: str = "baseline") -> bytes:
    origin = f"fr.example/subsets/{name}"
    fr.announce(origin, THIEF)
    return body(0, Note.parse(sign_checkpoint(Checkpoint(origin, 1, bytes(32)), [THIEF])))


async def test_a_new_log_is_cosigned_after_the_document_was_fetched(federation: Federation) -> None:
    fr, nl = federation.agencies
    renew = Renewals(federation)
    witness = ServedWitness(witness_of(nl), nl.clock, renew=renew)
    assert isinstance(await witness.add_checkpoint(new_log(fr)), bytes)
    assert renew.asked == ["fr.example"]


async def test_without_a_way_to_fetch_it_is_unknown(federation: Federation) -> None:
    fr, nl = federation.agencies
    answer = await ServedWitness(witness_of(nl), nl.clock).add_checkpoint(new_log(fr))
    assert isinstance(answer, Refuse)
    assert answer.status is Status.UNKNOWN


async def test_a_peer_that_is_away_leaves_it_unknown(federation: Federation) -> None:
    fr, nl = federation.agencies
    renew = Renewals(federation)
    renew.fails = True
    answer = await ServedWitness(witness_of(nl), nl.clock, renew=renew).add_checkpoint(new_log(fr))
    assert isinstance(answer, Refuse)


async def test_strangers_cannot_make_it_fetch_without_end(federation: Federation) -> None:
    fr, nl = federation.agencies
    renew = Renewals(federation)
    witness = ServedWitness(witness_of(nl), nl.clock, renew=renew)
    request = new_log(fr).replace(b"baseline", b"unknown!".replace(b"!", b"-1"))
    for _ in range(40):
        await witness.add_checkpoint(request)
    assert len(renew.asked) == 12
    federation.advance(minutes=2)
    await witness.add_checkpoint(request)
    assert len(renew.asked) == 13


@pytest.mark.parametrize(
    "request_body",
    [
        pytest.param(b"nonsense", id="no request"),
        pytest.param(
            body(0, Note.parse(sign_checkpoint(Checkpoint("nl.example/lists/main", 3, bytes(32)), [THIEF]))),
            id="its own",
        ),
        pytest.param(
            body(0, Note.parse(sign_checkpoint(Checkpoint("us.example/lists/main", 3, bytes(32)), [THIEF]))),
            id="a stranger's",
        ),
        pytest.param(
            body(0, Note.parse(sign_checkpoint(Checkpoint("fr.example/other", 3, bytes(32)), [THIEF]))),
            id="no log's name",
        ),
    ],
)
async def test_only_about_a_peers_log_it_fetches_anything(
    federation: Federation, request_body: bytes
) -> None:
    renew = Renewals(federation)
    nl = federation.agencies[1]
    assert isinstance(
        await ServedWitness(witness_of(nl), nl.clock, renew=renew).add_checkpoint(request_body), Refuse
    )
    assert renew.asked == []
