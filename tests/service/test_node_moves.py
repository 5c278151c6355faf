"""A node that is reached at another address than before: partners go where its signed document says."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import Endpoint
from node.hoster.trust.node import known
from support.releases import SPKI, EnrolledPartner, ReleasingAgency
from support.stores import make_store, sqlite_dsn

OLD, NEW = "https://fr.example:8443/", "https://node.fr.example/"


@pytest.fixture
async def partner(tmp_path: Path) -> AsyncIterator[EnrolledPartner]:
    store = make_store(sqlite_dsn(tmp_path), tmp_path)
    agency = ReleasingAgency(store, tmp_path)
    agency.release()
    yield await agency.admit_partner(tmp_path / "partner")
    store.dispose()


def address(partner: EnrolledPartner) -> str:
    """Where the partner would connect now."""
    enrolment, _ = partner.home.load()
    return known(enrolment).address(enrolment.url)


@pytest.mark.parametrize(
    ("named", "reached"),
    [
        pytest.param((OLD,), OLD, id="as before"),
        pytest.param((NEW, OLD), OLD, id="both, while it moves"),
        pytest.param((NEW,), NEW, id="moved"),
        pytest.param((OLD, NEW), OLD, id="another beside it"),
    ],
)
async def test_a_partner_goes_where_the_document_says(
    partner: EnrolledPartner, named: tuple[str, ...], reached: str
) -> None:
    endpoints = tuple(Endpoint(url, (SPKI,)) for url in named)

    def move(document: NodeDocument) -> NodeDocument:
        return replace(document, endpoints=endpoints)

    partner.agency.trust.revise_document(move, signers=partner.agency.signers)
    assert address(partner) == OLD, "nobody told it yet"
    await partner.update()
    assert address(partner) == reached
