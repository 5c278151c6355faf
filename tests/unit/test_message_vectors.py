"""The code reads and writes what an independent encoder made of the specification pages, byte for byte.

A message that is read, and written again from what was read, is the same bytes; and what was read is what the vectors
were made of.
"""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keys.key import LogPublicKey, StatementPrivateKey, StatementPublicKey
from keys.trust.fingerprint import from_words
from keys.trust.statement import open_statement
from protocol import transfer
from protocol.acknowledgement import Acknowledgement
from protocol.audit import AuditRecord
from protocol.digest import Algorithm, Digest
from protocol.enrolment import Invitation, enrolment_mac, enrolment_string
from protocol.errors import ProofError
from protocol.evidence import verify_evidence
from protocol.gossip import FileKind, Gossip, GossipFile
from protocol.hit_evidence.verify import verify_hit
from protocol.statement.case import CaseState, Outcome, PartnerDispute, open_answer
from protocol.statement.end import Ended, EndedReports, ReportEnd
from protocol.statement.receipt import open_receipt
from protocol.statement.report import SentReport, require_evaluated
from protocol.statement.resolution import Action, Resolution, open_resolution
from protocol.subset.label import Label, LabelSource
from protocol.tlog.conflict import Conflict, ConflictKind, Divergence, read_conflict
from protocol.tlog.note import SignatureType, VerifierKey
from protocol.transfer import Transfer
from protocol.trustfork import TrustFork

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "messages.json").read_text("utf-8"))
MESSAGES = {name: bytes.fromhex(text) for name, text in VECTORS["messages"].items()}
KEYS = {name: bytes.fromhex(text) for name, text in VECTORS["keys"].items()}
STATEMENT = StatementPublicKey(KEYS["statement"])
LOG = VerifierKey("fr.example/lists/main", SignatureType.ED25519, LogPublicKey(KEYS["log"]))

TIME_MS = 1_767_225_600_000
LIST = "fr.example/lists/main"
FINGERPRINT = sha256(b"1.root.json").digest()
REPORT_ID = bytes(range(16))


def opened(kind: str, name: str) -> bytes:
    return open_statement(MESSAGES[name], kind, [STATEMENT])


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("report", SentReport.from_bytes),
        ("report found in an earlier epoch", SentReport.from_bytes),
        ("dispute of a partner", PartnerDispute.from_bytes),
        ("open case", CaseState.from_bytes),
        ("answered case", CaseState.from_bytes),
        ("fork", read_conflict),
        ("rollback", read_conflict),
        ("divergence", read_conflict),
        ("trust fork", TrustFork.from_bytes),
        ("gossip", Gossip.from_bytes),
        ("audit record", AuditRecord.from_bytes),
    ],
)
def test_what_is_read_is_written_the_same(name: str, read: Callable[[bytes], Any]) -> None:
    assert read(MESSAGES[name]).to_bytes() == MESSAGES[name]


@pytest.mark.parametrize(("name", "found_epoch"), [("report", None), ("report found in an earlier epoch", 1)])
def test_report(name: str, found_epoch: int | None) -> None:
    report = require_evaluated(SentReport.from_bytes(MESSAGES[name]), bytes(range(64)), partner="hoster")
    assert report.digest == Digest(Algorithm.SHA256, sha256(b"synthetic").digest())
    assert (report.epoch, report.version, report.found_epoch) == (2, 7, found_epoch)
    assert (report.subset_id, report.report_id) == (bytes(range(16, 32)), REPORT_ID)


def test_receipt() -> None:
    report = SentReport.from_bytes(MESSAGES["report"]).report
    receipt = open_receipt(MESSAGES["receipt"], report, [STATEMENT])
    assert receipt.label == Label(1, (LabelSource(0, 5), LabelSource(1, 9)))
    assert (receipt.node, receipt.version, receipt.received_ms) == ("fr.example", 7, TIME_MS)
    assert receipt.to_bytes() == opened("receipt", "receipt")


def test_resolution() -> None:
    data: dict[str, Any] = json.loads((FOLDER / "resolution.json").read_text("utf-8"))
    sent, told = (bytes.fromhex(data["messages"][name]) for name in ("resolution", "receipt"))
    resolution = Resolution.from_bytes(sent)
    assert resolution == Resolution(report_id=REPORT_ID, action=Action.FALSE_POSITIVE, done_ms=TIME_MS)
    assert resolution.to_bytes() == sent
    receipt = open_resolution(told, partner="hoster", resolution=resolution, keys=[STATEMENT])
    assert (receipt.node, receipt.received_ms) == ("fr.example", TIME_MS + 7)
    assert receipt.to_bytes() == open_statement(told, "resolution-receipt", [STATEMENT])
    other = replace(resolution, action=Action.REMOVED)
    for partner, about in (("other", resolution), ("hoster", other)):
        with pytest.raises(ProofError):
            open_resolution(told, partner=partner, resolution=about, keys=[STATEMENT])
    key = StatementPrivateKey.from_seed(bytes(32))
    again = receipt.signed(key)
    assert open_resolution(again, partner="hoster", resolution=resolution, keys=[key.public]) == receipt


def test_ended() -> None:
    data: dict[str, Any] = json.loads((FOLDER / "ended.json").read_text("utf-8"))
    signed, reply, none = (bytes.fromhex(data["messages"][name]) for name in ("end", "reply", "none"))
    payload = open_statement(signed, "report-ended", [STATEMENT])
    end = ReportEnd.from_bytes(payload)
    assert (end.node, end.partner, end.report_id) == ("fr.example", "hoster", REPORT_ID)
    assert (end.version, end.ended_ms, end.to_bytes()) == (8, TIME_MS, payload)
    ended = EndedReports.from_bytes(reply)
    assert ended == EndedReports((Ended(REPORT_ID, b"the receipt", signed),))
    assert (ended.to_bytes(), ended.is_full) == (reply, False)
    assert EndedReports.from_bytes(none).ended == ()


def test_case() -> None:
    dispute = PartnerDispute.from_bytes(MESSAGES["dispute of a partner"])
    assert (dispute.report_id, dispute.reason) == (REPORT_ID, "our own logo")
    state = CaseState.from_bytes(MESSAGES["answered case"])
    assert (state.opened_ms, state.due_ms, state.answer) == (TIME_MS, TIME_MS + 9, MESSAGES["answer"])
    answer = open_answer(state.answer, partner="hoster", report_id=REPORT_ID, keys=[STATEMENT])
    assert (answer.outcome, answer.reason, answer.answered_ms) == (Outcome.UPHELD, "withdrawn", TIME_MS + 5)
    assert answer.to_bytes() == opened("case-answer", "answer")


@pytest.mark.parametrize(
    ("name", "released"), [("acknowledgement", 300), ("acknowledgement without releases", None)]
)
def test_acknowledgement(name: str, released: int | None) -> None:
    payload = opened(Acknowledgement.kind, name)
    found = Acknowledgement.from_bytes(payload)
    assert (found.node, found.origin, found.held_size) == ("nl.example", LIST, 388)
    assert found.released_size == released
    assert found.to_bytes() == payload


@pytest.mark.parametrize(
    ("name", "algorithms"),
    [("transfer", None), ("transfer of some algorithms", frozenset({Algorithm.MD5, Algorithm.SHA256}))],
)
def test_transfer(name: str, algorithms: frozenset[Algorithm] | None) -> None:
    payload = opened(transfer.KIND, name)
    found = Transfer.from_bytes(payload)
    assert found.algorithms == algorithms
    assert (found.peer, found.granted) == ("nl.example", frozenset({1, 2}))
    assert found.lists == {"fr.example/lists/extra": 0, LIST: 388}
    assert found.to_bytes() == payload


@pytest.mark.parametrize(
    ("name", "kind", "convicts"),
    [
        ("fork", ConflictKind.FORK, True),
        ("rollback", ConflictKind.ROLLBACK, False),
        ("divergence", ConflictKind.DIVERGENCE, True),
    ],
)
def test_evidence(name: str, kind: ConflictKind, *, convicts: bool) -> None:
    finding = verify_evidence(MESSAGES[name], origin=LIST, log_keys=[LOG])
    assert (finding.kind, finding.log_at_fault) == (kind, convicts)
    assert isinstance(read_conflict(MESSAGES[name]), Divergence if name == "divergence" else Conflict)


def test_gossip() -> None:
    told = Gossip.from_bytes(MESSAGES["gossip"])
    assert [head.origin for head in told.heads] == [LIST]
    assert [(file.kind, file.root_sha256, file.version) for file in told.files] == [
        (FileKind.NODE, FINGERPRINT, 7),
        (FileKind.MEMBERS, FINGERPRINT, 3),
    ]
    assert all(isinstance(file, GossipFile) for file in told.files)
    assert told.evidence == (sha256(MESSAGES["fork"]).digest(),)


def test_audit_record() -> None:
    record = AuditRecord.from_bytes(MESSAGES["audit record"])
    assert (record.actor, record.action, record.subject) == ("a.martin", "peer.grant", "nl.example")
    assert record.details == {"grant": "baseline", "algorithms": "all"}


def test_enrolment() -> None:
    invitation = Invitation.from_text(MESSAGES["invitation"].decode())
    assert (invitation.url, invitation.pin) == ("https://fr.example:8443/", FINGERPRINT[:16])
    assert invitation.invite_id == MESSAGES["invitation id"]
    string = enrolment_string(
        root_sha256=FINGERPRINT, spki_sha256=sha256(b"spki").digest(), auth_key=KEYS["auth"]
    )
    assert string == MESSAGES["enrolment string"]
    assert enrolment_mac(invitation.secret, string) == MESSAGES["enrolment MAC"]


@pytest.mark.parametrize("name", ["hit_evidence.json", "hit_evidence_2.json"])
def test_recorded_evidence_of_a_hit(name: str) -> None:
    """Whoever holds such a file has it verified years later, by whatever version is current then."""
    recorded = json.loads((FOLDER / name).read_text("utf-8"))
    finding = verify_hit(b64decode("".join(recorded["evidence"])), from_words(recorded["root"]))
    assert (finding.node, finding.partner, finding.k) == ("fr.example", "hoster", 2)
    assert [backing.country for backing in finding.backings] == ["FR", "NL"]
    assert finding.revocations_known is (name == "hit_evidence_2.json")
