"""Which node documents of members a node holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.services.documents import member_documents, member_files
from protocol.grant import NOTHING
from support.federation import Agency, Federation


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with Federation(tmp_path) as opened:
        yield opened


@pytest.fixture
def fr(federation: Federation) -> Agency:
    fr, nl, de = (federation.agency(f"{country}.example", country.upper()) for country in ("fr", "nl", "de"))
    fr.know(nl, country="NL", grant=NOTHING)
    fr.know(de, country="DE", grant=NOTHING)
    return fr


def test_own_document_and_those_of_members_are_held(fr: Agency) -> None:
    held = member_documents(fr.store, fr.introductions, fr.trust)
    assert set(held) == {"fr.example", "nl.example", "de.example"}
    assert all(document.node == node for node, document in held.items())


def test_a_member_that_is_not_followed_is_known_by_its_introduction(fr: Agency) -> None:
    with fr.store.write() as unit:
        unit.peers.remove("de.example")
    assert "de.example" in member_documents(fr.store, fr.introductions, fr.trust)


def test_a_member_never_introduced_is_not_held(fr: Agency) -> None:
    with fr.store.write() as unit:
        unit.peers.remove("de.example")
    for name in list(fr.introductions.ls("de.example/")):
        fr.introductions.delete(name)
    assert "de.example" not in member_documents(fr.store, fr.introductions, fr.trust)


def test_a_document_under_another_root_than_the_registers_is_not_held(fr: Agency) -> None:
    with fr.store.write() as unit:
        unit.peers.remove("de.example")
    for name in ("root", "document"):
        fr.introductions.put(f"de.example/{name}", fr.introductions.get(f"nl.example/{name}"))
    held = member_files(fr.store, fr.introductions, fr.trust.members(), own="fr.example")
    assert set(held) == {"nl.example"}
