"""Grants as data: what is not granted reaches nobody, and everybody can be told who gets an entry and why not."""

import io
from datetime import timedelta

import pytest

from node.formats import read_rows
from node.judgement.coverage import ListedEntry, difference, listed_entries, verdicts
from node.lists.imports.intake import Statement, import_rows
from node.subsets.catalogue import create_subset
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE, INVESTIGATIVE, NATIONAL
from protocol.lists.ext import Basis
from protocol.lists.grant import Grant
from protocol.subset.filter import SubsetFilter
from support.federation import Agency, Federation
from support.lists import digest
from support.tables import md5, sha256

SUPPLIER = f"md5,sha256,collection\n{md5('x')},{sha256('x')},investigative\n{md5('y')},{sha256('y')},1024\n"


def import_file(agency: Agency, text: str) -> None:
    rows = read_rows(io.BytesIO(text.encode()), collection=BASELINE)
    statement = Statement(basis=Basis.OWN, criteria=1)
    report = import_rows(agency.store, agency.origin, rows, statement=statement, now_ms=agency.now_ms)
    assert report.entries == 4


@pytest.mark.threat("more than its grant", "a supplier's unknown category")
async def test_a_suppliers_collections_that_are_not_granted_serve_nothing(federation: Federation) -> None:
    """Neither to peers nor to partners, although the agency lists and publishes them."""
    fr, nl = federation.peers("fr", "nl")
    for agency in (fr, nl):
        import_file(agency, SUPPLIER)
        agency.publish()
    await federation.settle()
    assert nl.log(fr.origin).head.size == 4
    assert nl.digests(fr.origin) == set()
    create_subset(fr.store, fr.name, "baseline", _filter(), pk=b"\x01" * 32, now_ms=1)
    for name in ("x", "y"):
        for algorithm, text in ((Algorithm.MD5, md5(name)), (Algorithm.SHA256, sha256(name))):
            found = Digest.from_hex(algorithm, text)
            [entry] = listed_entries(fr.store, found)
            for verdict in verdicts(fr.store, entry, found, fr.judged(), now=fr.clock.now()):
                assert verdict.why_not
    assert not [number for number, _ in fr.judged().decision.effective if number == BASELINE]


@pytest.mark.threat("more than its grant")
@pytest.mark.parametrize("damage", ["", "{", "[]", '{"collections": ["baseline"]}', '{"collections": 1}'])
async def test_a_grant_that_cannot_be_read_serves_nothing(federation: Federation, damage: str) -> None:
    fr, nl = federation.peers("fr", "nl")
    fr.publish("a")
    with fr.store.write() as unit:
        unit.peers.update_grant("nl.example", damage)
    await federation.settle()
    assert nl.digests(fr.origin) == set()
    [entry] = listed_entries(fr.store, digest("a"))
    [verdict] = verdicts(fr.store, entry, digest("a"), fr.judged(), now=fr.clock.now())
    assert verdict.why_not == "its grant covers nothing, or cannot be read"


def _filter(*collections: int) -> SubsetFilter:
    return SubsetFilter(
        collections=frozenset(collections or {BASELINE}),
        algorithms=frozenset({Algorithm.SHA256}),
        screen_bits=12,
        labels=True,
    )


def why(agency: Agency, entry: ListedEntry, found: Digest) -> dict[str, str]:
    return {
        verdict.name: verdict.why_not
        for verdict in verdicts(agency.store, entry, found, agency.judged(), now=agency.clock.now())
    }


async def test_who_gets_an_entry_and_why_not(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    be, de = federation.agency("be.example", "BE"), federation.agency("de.example", "DE")
    until = federation.clock.now() + timedelta(days=1)
    federation.introduce(fr, be, grant=Grant(collections=frozenset({BASELINE}), until=until))
    federation.introduce(
        fr,
        de,
        grant=Grant(collections=frozenset({BASELINE, NATIONAL}), algorithms=frozenset({Algorithm.MD5})),
    )
    create_subset(fr.store, fr.name, "baseline", _filter(), pk=b"\x01" * 32, now_ms=1)
    create_subset(fr.store, fr.name, "national", _filter(NATIONAL), pk=b"\x02" * 32, now_ms=1)
    fr.add("a")
    [waiting] = listed_entries(fr.store, digest("a"))
    assert why(fr, waiting, digest("a"))["nl.example"] == "it is not published yet"
    fr.publish()
    fr.publish("b", collection=NATIONAL)
    [a], [b] = listed_entries(fr.store, digest("a")), listed_entries(fr.store, digest("b"))
    assert why(fr, a, digest("a")) == {
        "nl.example": "",
        "be.example": "",
        "de.example": "sha256 is not granted",
        "baseline": "it is not effective: sigfed entry explain says why",
        "national": "collection baseline is not in it",
    }
    assert why(fr, b, digest("b"))["be.example"] == "collection national is not granted"
    nl.publish("a")
    await federation.sync(fr, nl)
    assert why(fr, a, digest("a"))["baseline"] == ""
    federation.advance(days=1)
    assert why(fr, a, digest("a"))["be.example"] == f"its grant has ended {until:%Y-%m-%d}"
    fr.withdraw("a")
    assert listed_entries(fr.store, digest("a")) == []
    assert listed_entries(fr.store, digest("unknown")) == []


def test_what_another_grant_would_change(federation: Federation) -> None:
    fr, _ = federation.peers("fr", "nl", grant=Grant(collections=frozenset({BASELINE})))
    fr.add("a", "b")
    fr.add("c", collection=NATIONAL)
    fr.publish("d", collection=INVESTIGATIVE)
    fr.add("waits")
    now = fr.clock.now()
    wider = Grant(collections=frozenset({BASELINE, NATIONAL}))
    assert difference(fr.store, "nl.example", wider, now=now) == ({(NATIONAL, Algorithm.SHA256): 1}, {})
    other = Grant(collections=frozenset({INVESTIGATIVE}), algorithms=frozenset({Algorithm.MD5}))
    assert difference(fr.store, "nl.example", other, now=now) == ({}, {(BASELINE, Algorithm.SHA256): 2})
    ended = Grant(collections=frozenset({BASELINE}), until=now)
    assert difference(fr.store, "nl.example", ended, now=now) == ({}, {(BASELINE, Algorithm.SHA256): 2})
