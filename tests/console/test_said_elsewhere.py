"""Every word of a service that a page translates is marked for the catalogues."""

from node.access.approvals import KINDS
from node.console import said_elsewhere
from node.evidence.keep import FORKED
from node.judgement.quarantine import BLOCKS, FLOOD, Aside
from node.store.peers.records import EvidenceKind
from protocol.statement.resolution import Action


def _released(kind: str) -> str:
    return Aside(id="1", kind=kind, node="", origin="", reason="", since_ms=0, count=1).consequence


def test_what_approving_does() -> None:
    assert {kind.words for kind in KINDS.values()} == set(said_elsewhere.REQUESTS)


def test_what_releasing_does() -> None:
    kinds = (FORKED, BLOCKS, FLOOD, "row", "add")
    assert {_released(kind) for kind in kinds} == set(said_elsewhere.RELEASES)


def test_what_became_of_files_and_logs() -> None:
    actions = {action.name.lower().replace("_", " ") for action in Action}
    assert actions == set(said_elsewhere.FILE_ACTIONS)
    assert {kind.value for kind in EvidenceKind} == set(said_elsewhere.EVIDENCE_KINDS)
