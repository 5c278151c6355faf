"""A batch that the evaluator was too busy or too dead to answer costs the partner nothing."""

from pathlib import Path

import pytest

from node.access.quotas import Quotas
from node.errors import EvaluatorDownError, NodeError, RateLimitedError
from protocol.messages import EvaluationRequest
from protocol.oprf.client import blind
from protocol.subset.identity import subset_id
from support.releases import SUBSET, ReleasingAgency
from support.sodium import loaded_group
from support.stores import make_store, sqlite_dsn


@pytest.mark.parametrize(
    "failure",
    [RateLimitedError("busy", retry_after_seconds=1), EvaluatorDownError("died")],
    ids=["busy", "down"],
)
async def test_what_was_not_answered_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: NodeError
) -> None:
    store = make_store(sqlite_dsn(tmp_path), tmp_path)
    agency = ReleasingAgency(store, tmp_path / "fr")
    await agency.admit_partner(tmp_path / "partner")

    async def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(agency.evaluator, "evaluate", fail)
    elements = blind(loaded_group(), [bytes([n]) for n in range(64)], entropy=lambda n: b"\7" * n).elements
    request = EvaluationRequest(
        subset_id=subset_id(f"fr.example/subsets/{SUBSET}"), epoch=1, request_id=b"r" * 16, elements=elements
    )
    before = Quotas(store).left("hoster", now=agency.clock.now())
    with pytest.raises(type(failure)):
        await agency.api().evaluate(SUBSET, request)
    assert Quotas(store).left("hoster", now=agency.clock.now()) == before
    agency.evaluator.close()
    store.dispose()
