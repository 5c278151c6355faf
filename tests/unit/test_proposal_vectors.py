"""Proposals are read and written as an independent encoder made them of docs/spec/proposal.md, byte for byte."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keys.errors import KeysError
from keys.key import StatementPrivateKey, StatementPublicKey
from keys.trust.statement import open_statement
from protocol.digest import SIZES, Algorithm, Digest
from protocol.encoding import CborValue, decode_cbor, encode_cbor
from protocol.errors import MalformedError, ProofError
from protocol.limits import (
    MAX_PROPOSAL_BYTES,
    MAX_PROPOSAL_RECEIPT_BYTES,
    MAX_PROPOSAL_STATE_BYTES,
    MAX_PROPOSED_FILES,
)
from protocol.statement.proposal import Proposal, ProposedFile, require_telling
from protocol.statement.proposal_receipt import ProposalReceipt, open_proposal_receipt
from protocol.statement.proposal_state import FileOutcome, FileState, ProposalState
from protocol.subset.canary import PRESENT
from protocol.subset.manifest import MAX_TIME_MS

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "proposals.json").read_text("utf-8"))
MESSAGES = {name: bytes.fromhex(text) for name, text in VECTORS["messages"].items()}
STATEMENT = StatementPublicKey(bytes.fromhex(VECTORS["keys"]["statement"]))
FILM = ProposedFile((Digest(Algorithm.SHA256, sha256(b"a made-up film").digest()),))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("proposal", Proposal),
        ("proposal that claims nothing", Proposal),
        ("state", ProposalState),
        ("state before anybody decided", ProposalState),
    ],
)
def test_what_is_read_is_written_the_same(name: str, kind: Any) -> None:
    assert kind.from_bytes(MESSAGES[name]).to_bytes() == MESSAGES[name]


def test_proposal() -> None:
    found = Proposal.from_bytes(MESSAGES["proposal"])
    assert (found.partner, found.claim, found.reason) == ("hoster", 1, "found by our moderators")
    assert (found.subset_id, found.proposal_id) == (bytes(range(16, 32)), bytes(range(16)))
    assert [digest.algorithm for digest in found.files[0].digests] == [1, 2, 3, 4, 5]
    assert found.files[1] == FILM
    require_telling(found.files)


def test_receipt() -> None:
    proposal = Proposal.from_bytes(MESSAGES["proposal"])
    receipt = open_proposal_receipt(MESSAGES["receipt"], proposal, [STATEMENT])
    assert (receipt.node, receipt.files, receipt.received_ms) == ("fr.example", 2, 1_767_225_600_000)
    assert receipt.to_bytes() == open_statement(MESSAGES["receipt"], receipt.kind, [STATEMENT])
    other = Proposal.from_bytes(MESSAGES["proposal that claims nothing"])
    with pytest.raises(ProofError):
        open_proposal_receipt(MESSAGES["receipt"], other, [STATEMENT])
    strangers = StatementPrivateKey.from_seed(os.urandom(32))
    forged = receipt.signed(strangers)
    with pytest.raises(KeysError):
        open_proposal_receipt(forged, proposal, [STATEMENT])


def test_state() -> None:
    assert ProposalState.from_bytes(MESSAGES["state"]).files == (
        FileOutcome(FileState.TAKEN),
        FileOutcome(FileState.REFUSED, "an adult, by her papers"),
    )


def altered(**changes: Any) -> bytes:
    """The example with other fields: `f7` is field 7; None leaves a field out."""
    fields: dict[int, CborValue] = decode_cbor(MESSAGES["proposal"], max_bytes=MAX_PROPOSAL_BYTES)
    fields |= {int(name[1:]): value for name, value in changes.items()}
    return encode_cbor({key: value for key, value in fields.items() if value is not None})


SHA256 = int(Algorithm.SHA256)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(altered(f7=[]), id="no files"),
        pytest.param(altered(f7=[{}]), id="a file without a hash"),
        pytest.param(altered(f7=[{SHA256: b"x" * 31}]), id="a hash of another length"),
        pytest.param(altered(f7=[{0: b"x" * 32}]), id="a hidden algorithm"),
        pytest.param(altered(f7=[{6: b"x" * 32}]), id="an unknown algorithm"),
        pytest.param(altered(f7=[{SHA256: "x" * 32}]), id="text for a hash"),
        pytest.param(altered(f7=[b"x" * 32]), id="a file that is no map"),
        pytest.param(altered(f7=[{SHA256: b"x" * 32}] * 2), id="the same file twice"),
        pytest.param(
            altered(f7=[{SHA256: n.to_bytes(32)} for n in range(MAX_PROPOSED_FILES + 1)]), id="too many"
        ),
        pytest.param(altered(f0=2), id="another format"),
        pytest.param(altered(f1=""), id="nobody's"),
        pytest.param(altered(f1="x" * 65), id="a long name"),
        pytest.param(altered(f2=b"x" * 15), id="no subset's id"),
        pytest.param(altered(f3=b"x" * 17), id="no id"),
        pytest.param(altered(f4=5), id="no collection"),
        pytest.param(altered(f5=""), id="no reason"),
        pytest.param(altered(f5="a\nb"), id="two lines"),
        pytest.param(altered(f5="\x1b[2J"), id="a terminal's command"),
        pytest.param(altered(f5="x" * 501), id="a long reason"),
        pytest.param(altered(f6="x" * 201), id="a long contact"),
        pytest.param(altered(f6=None), id="no contact"),
        pytest.param(altered(f8=1), id="a field that nobody knows"),
        pytest.param(b"", id="nothing"),
        pytest.param(MESSAGES["proposal"] + b"\0", id="bytes behind it"),
        pytest.param(b"\xa1" * 80_000, id="too long"),
    ],
)
def test_what_is_no_proposal(body: bytes) -> None:
    with pytest.raises(MalformedError):
        Proposal.from_bytes(body)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (PRESENT, "the published test file"),
        (Digest(Algorithm.SHA256, sha256(b"").digest()), "empty file"),
        (Digest(Algorithm.PDQ, b"\xff" * 32), "every byte is the same"),
    ],
)
def test_a_hash_that_tells_nothing(value: Digest, says: str) -> None:
    with pytest.raises(MalformedError, match=f"file 2: .*{says}"):
        require_telling([FILM, ProposedFile((value,))])


@pytest.mark.parametrize(
    ("state", "reason"),
    [(FileState.REFUSED, ""), (FileState.TAKEN, "it was listed"), (FileState.WAITING, "x")],
)
def test_a_reason_is_what_a_refused_file_has(state: FileState, reason: str) -> None:
    with pytest.raises(MalformedError):
        FileOutcome(state, reason)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([], id="no files"),
        pytest.param([[2]], id="a state alone"),
        pytest.param([[0, ""]], id="no state"),
        pytest.param([[5, ""]], id="a state that nobody knows"),
        pytest.param([[3, "x" * 501]], id="a long reason"),
        pytest.param([[3, "a\nb"]], id="two lines"),
    ],
)
def test_what_is_no_state(files: list[CborValue]) -> None:
    with pytest.raises(MalformedError):
        ProposalState.from_bytes(encode_cbor({0: 1, 1: 1_800_000_000_000, 2: files}))


def test_everything_that_may_be_said_fits_its_bounds() -> None:
    full = tuple(
        ProposedFile(tuple(Digest(algorithm, n.to_bytes(SIZES[algorithm])) for algorithm in sorted(SIZES)))
        for n in range(MAX_PROPOSED_FILES)
    )
    longest = Proposal(
        partner="p" * 64,
        subset_id=bytes(16),
        proposal_id=bytes(16),
        claim=4,
        reason="r" * 500,
        contact="c" * 200,
        files=full,
    )
    assert Proposal.from_bytes(longest.to_bytes()) == longest
    receipt = ProposalReceipt(
        node="n" * 128,
        partner="p" * 64,
        proposal_id=bytes(16),
        proposal_sha256=longest.sha256(),
        files=MAX_PROPOSED_FILES,
        received_ms=MAX_TIME_MS,
    )
    assert len(receipt.signed(StatementPrivateKey.from_seed(bytes(32)))) < (MAX_PROPOSAL_RECEIPT_BYTES)
    refused = (FileOutcome(FileState.REFUSED, "r" * 500),) * MAX_PROPOSED_FILES
    state = ProposalState(received_ms=MAX_TIME_MS, files=refused)
    assert len(state.to_bytes()) < MAX_PROPOSAL_STATE_BYTES
    assert ProposalState.from_bytes(state.to_bytes()) == state
