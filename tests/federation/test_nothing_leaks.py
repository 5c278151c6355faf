"""Nothing leaks: what reached partner and agencies is searched for every digest that should not be there.

Real processes over real HTTPS; every byte above TLS of every connection, bodies put together and inflated, the
folders, and all logs at DEBUG, those of libraries too. Digests are looked for raw, in hex of either case, in base64 and
base64url at three offsets. That the recording catches what flows is shown by what may flow: openings between agencies.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from node.demo.parties import AGENCIES, Party
from support.digest_search import DigestSearch
from support.recorded_walk import Recorded, record


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield record(Path(tmp_path_factory.mktemp("leaks")), monkeypatch)


def test_the_walk_is_one_worth_searching(walked: Recorded) -> None:
    """Hits and misses were evaluated, a hash was withdrawn, a delta was fetched: all that could leak has happened."""
    verdicts = [result["verdict"] for result in walked.looked_up.results]
    assert (verdicts.count("hit"), verdicts.count("clean")) == (2, len(verdicts) - 2)  # each hash of the file
    assert walked.blinded_strangers > 0
    assert [result["verdict"] for result in walked.again.results] == ["clean", "hit"]
    assert (walked.updated.first["old"], walked.updated.first["new"]) == (1, 2)
    assert walked.baseline[Party.FR] & walked.baseline[Party.NL] & walked.asked
    assert walked.asked - walked.listed
    assert all(walked.others.values())


def test_every_connection_was_recorded_at_both_ends(walked: Recorded) -> None:
    served = {party: list(walked.streams(party, "server", "in").values()) for party in AGENCIES}
    for client, server in ((Party.HOSTER, Party.FR), (Party.FR, Party.NL), (Party.NL, Party.FR)):
        sent = walked.streams(client, "client", "out")
        assert sent
        assert [name for name, stream in sent.items() if stream not in served[server]] == []


def test_the_recording_shows_what_may_flow(walked: Recorded) -> None:
    """A peer receives what it was granted, raw, and nothing of what it was not."""
    for party, peer in ((Party.FR, Party.NL), (Party.NL, Party.FR)):
        received = walked.streams(party, "client", "in")
        granted = DigestSearch(walked.baseline[peer]).sightings_in(received)
        assert {sighting.digest for sighting in granted} == walked.baseline[peer]
        assert DigestSearch(walked.others[peer]).sightings_in(received) == []


def test_no_listed_digest_reached_the_partner(walked: Recorded) -> None:
    received = walked.streams(Party.HOSTER, "client", "in")
    assert any(name.startswith("hoster-update") for name in received)
    _expect_none(walked.secret, received)


def test_of_a_reported_hit_one_digest_travels_and_comes_back_in_its_evidence(walked: Recorded) -> None:
    """The one thing that a partner tells an agency about a file, and it says so when it reports."""
    search = DigestSearch(walked.reported)
    for direction in ("in", "out"):
        found = search.sightings_in(walked.streams(Party.HOSTER, "client", direction))
        assert len({sighting.digest for sighting in found}) == 1
        assert all(sighting.place.startswith("hoster-hit-") for sighting in found)


@pytest.mark.threat("enumeration", "a stolen partner's machine", "raw entries served")
def test_the_partner_holds_no_digest(walked: Recorded) -> None:
    held = walked.home(Party.HOSTER)
    assert any("release" in name for name in held)
    _expect_none(walked.listed | walked.asked, held | walked.logs(Party.HOSTER))


@pytest.mark.threat("logging look-ups", "raw entries served")
def test_no_digest_that_was_looked_up_reached_an_agency(walked: Recorded) -> None:
    for party in AGENCIES:
        # Whatever clients sent, peers and partner alike; in the other direction agencies hand each other openings.
        _expect_none(walked.secret, walked.streams(party, "server", "in"))
        _expect_none(walked.asked - walked.listed, walked.streams(party, "client", "in"))
    _expect_none(walked.secret, walked.streams(Party.HOSTER, "client", "out"))


@pytest.mark.threat("a leaking text", "raw entries served")
def test_no_digest_is_in_a_log_at_debug(walked: Recorded) -> None:
    for party in AGENCIES:
        logs = walked.logs(party)
        assert any(
            name.startswith(f"{party.value}-run") and b"\nDEBUG asyncio" in logs[name] for name in logs
        )
        assert b" INFO sigfed.web request " in logs[f"{party.value}.log"]
        _expect_none(walked.listed | walked.asked, logs)


@pytest.mark.threat("a stolen disk")
def test_no_digest_is_readable_in_the_home_of_an_agency(walked: Recorded) -> None:
    for party in AGENCIES:
        _expect_none(walked.listed | walked.asked, walked.home(party))


@pytest.mark.threat("logging look-ups")
@pytest.mark.parametrize("spelling", ["raw", "hex", "HEX", "body"])
def test_a_planted_digest_is_found(walked: Recorded, spelling: str) -> None:
    """In each place that was searched, among all that is there."""
    digest = min(walked.asked & walked.secret)
    planted = {"hex": digest.hex().encode(), "HEX": digest.hex().upper().encode()}.get(spelling, digest)
    search = DigestSearch(walked.secret)
    places = (
        walked.streams(Party.HOSTER, "client", "in"),
        walked.streams(Party.FR, "server", "in"),
        walked.home(Party.HOSTER),
        walked.logs(Party.FR),
    )
    for place in places:
        name = max(place, key=lambda each: len(place[each]))
        middle = len(place[name]) // 2
        spoilt = place | {name: place[name][:middle] + planted + place[name][middle:]}
        assert [found.digest for found in search.sightings_in(spoilt)] == [digest]


def _expect_none(digests: frozenset[bytes], places: Mapping[str, bytes]) -> None:
    assert digests
    assert sum(map(len, places.values())) > 1000
    found = DigestSearch(digests).sightings_in(places)
    assert found == [], f"{len(found)} digests in {sorted({sighting.place for sighting in found})}"
