"""Against another maker's C2SP tlog-witness and tlog-tiles: the PyPI packages aics-witness and aics-tlog."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from keys.key import LogPrivateKey
from node.objects.logfiles import held_tree
from node.witnesses.cosigners import OwnHead, ask_witness
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from protocol.tlog.note import Note, VerifierKey
from protocol.witness.cosign import AddCheckpoint
from support.c2sp_peers import ForeignWitness, foreign_witness, program, run
from support.federation import Agency, Federation


@pytest.fixture
def agency(tmp_path: Path) -> Iterator[Agency]:
    program("aics-witness")
    with Federation(tmp_path / "federation") as federation:
        yield federation.agency("fr.example", "FR")


@pytest.fixture
def witness(tmp_path: Path, agency: Agency) -> Iterator[ForeignWitness]:
    (tmp_path / "witness").mkdir()
    with foreign_witness(tmp_path / "witness", log_key(agency)) as running:
        yield running


def log_key(agency: Agency) -> VerifierKey:
    return VerifierKey.of_log(agency.origin, agency.log_key.public)


def grow(agency: Agency, count: int) -> OwnHead:
    """Publish more entries; the head as it is sent to witnesses."""
    start = agency.log().head.size
    agency.add(*(f"file {start + number}" for number in range(count)))
    note = agency.publish().note
    return OwnHead(note=Note.parse(note), tree=held_tree(agency.store, agency.log()))


async def test_their_witness_cosigns_our_log_as_it_grows(agency: Agency, witness: ForeignWitness) -> None:
    for count, guess in ((3, 0), (4, 3), (300, 0), (1, 307)):
        head = grow(agency, count)
        asked = await ask_witness(witness, head, witness="them", keys=[witness.key], guess=guess)
        cosigned = head.note.renewed(asked.lines).to_bytes()
        opened = open_checkpoint(
            cosigned, origin=agency.origin, log_keys=[log_key(agency)], witnesses=[witness.key]
        )
        assert [one.witness for one in opened.cosignatures] == [witness.key]
    shown = await witness.witnessed(sha256(agency.origin.encode()).hexdigest())
    assert Checkpoint.from_text(Note.parse(shown).text).size == 308


@pytest.mark.threat("two histories")
async def test_their_witness_refuses_our_fork(agency: Agency, witness: ForeignWitness) -> None:
    head = grow(agency, 7)
    await ask_witness(witness, head, witness="them", keys=[witness.key], guess=0)
    forked = OwnHead(
        note=Note.parse(sign_checkpoint(Checkpoint(agency.origin, 7, bytes(32)), [agency.log_key])),
        tree=head.tree,
    )
    asked = await ask_witness(witness, forked, witness="them", keys=[witness.key], guess=7)
    assert (asked.lines, asked.alarm) == ((), True)
    assert "says that it cosigned another history" in asked.words
    assert agency.origin in json.dumps(witness.evidence()), "kept as evidence there"


def test_both_witnesses_answer_alike(agency: Agency, witness: ForeignWitness) -> None:
    """The statuses that our witness gives over HTTP, in tests of its own, are those of another maker's."""
    head = grow(agency, 3)
    note = head.note
    thief = LogPrivateKey.from_seed(b"?" * 32)
    other = Checkpoint("de.example/lists/main", 3, bytes(32))
    forged = Checkpoint(agency.origin, 3, bytes(32))

    def asked(old: int, signed: Note) -> int:
        return witness.post(AddCheckpoint(old, (), signed).to_bytes())[0]

    assert witness.post(b"old 0\n\n")[0] == 400
    assert asked(0, Note.parse(sign_checkpoint(other, [agency.log_key]))) == 404
    assert asked(0, Note.parse(sign_checkpoint(forged, [thief]))) == 403
    assert asked(4, note) == 400
    assert witness.post(AddCheckpoint(2, (), note).to_bytes()) == (409, "text/x.tlog.size", b"0\n")
    assert asked(0, note) == 200
    assert asked(3, note) == 200
    assert asked(3, Note.parse(sign_checkpoint(forged, [agency.log_key]))) == 422


async def test_their_verifier_checks_our_tiles_and_checkpoint(
    agency: Agency, witness: ForeignWitness, tmp_path: Path
) -> None:
    head = grow(agency, 700)
    asked = await ask_witness(witness, head, witness="them", keys=[witness.key], guess=0)
    tiles = tmp_path / "tiles"
    prefix = f"logs/{sha256(agency.origin.encode()).hexdigest()}/"
    for name in agency.objects.ls(prefix):
        path = tiles / name.removeprefix(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(agency.objects.get(name))
    tiles.joinpath("checkpoint").write_bytes(head.note.renewed(asked.lines).to_bytes())
    options = ["--log-key", log_key(agency).to_text(), "--tiles", str(tiles)]
    options += ["--witness-key", witness.key.to_text(), "--quorum", "1"]
    verdict = json.loads(run("aics-tlog", "verify-checkpoint", *options))
    assert (verdict["ok"], verdict["tiles_ok"], verdict["size"]) == (True, True, 700)

    leaf = tmp_path / "leaf"
    leaf.write_bytes(agency.items(agency.origin)[300][1])
    inclusion = ("aics-tlog", "verify-inclusion", *options, "--leaf", str(leaf), "--index", "300")
    run(*inclusion)
    damaged = tiles / "tile/0/001"
    damaged.write_bytes(bytes(len(damaged.read_bytes())))
    run(*inclusion, code=1)
