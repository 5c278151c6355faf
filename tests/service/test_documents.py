"""Which node documents of members a node holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.tuf.root import RootContent
from node.trust.others import documents
from node.trust.others.documents import member_documents, member_files
from node.trust.others.introductions import introduced_trust, keep_introduction
from protocol.lists.grant import NOTHING
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


def test_the_same_bytes_are_verified_once(fr: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync asks for them at each list of each peer."""
    member_documents(fr.store, fr.introductions, fr.trust)
    verified: list[bytes] = []

    def counting(envelope: bytes, root: RootContent) -> NodeDocument:
        verified.append(envelope)
        return open_node_document(envelope, root)

    monkeypatch.setattr(documents, "open_node_document", counting)
    held = member_documents(fr.store, fr.introductions, fr.trust)
    assert ({*held}, verified) == ({"fr.example", "nl.example", "de.example"}, [])


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
    for name in ("1.root.json", "node.json"):
        fr.introductions.put(f"de.example/trust/{name}", fr.introductions.get(f"nl.example/trust/{name}"))
    held = member_files(fr.store, fr.introductions, fr.trust.members(), own="fr.example")
    assert set(held) == {"nl.example"}


def test_an_introduction_of_an_earlier_version_is_read(fr: Agency) -> None:
    """A home that is older than the chain of roots; what it holds goes on to count."""
    with fr.store.write() as unit:
        unit.peers.remove("de.example")
    trust = introduced_trust(fr.introductions, "de.example")
    for name in list(fr.introductions.ls("de.example/trust/")):
        fr.introductions.delete(name)
    assert "de.example" not in member_documents(fr.store, fr.introductions, fr.trust)
    old = {"root": trust.roots[0], "document": trust.node_document, "members": trust.members}
    for name, data in old.items():
        fr.introductions.put(f"de.example/{name}", data)
    assert introduced_trust(fr.introductions, "de.example").files == trust.files
    assert "de.example" in member_documents(fr.store, fr.introductions, fr.trust)
    keep_introduction(fr.introductions, "de.example", url="https://de.example/", trust=trust)
    assert not any(fr.introductions.exists(f"de.example/{name}") for name in old)
    assert introduced_trust(fr.introductions, "de.example") == trust
