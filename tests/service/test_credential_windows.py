"""When a credential counts at the HTTP door of a node: both sides of every edge of every window."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from keys.key import AuthPrivateKey
from keys.roles import Role
from keys.trust.lifecycle import Lineage
from keys.trust.window import Window
from node import jose
from node.access.callers import StoredReplays
from node.clock import milliseconds
from node.ports.callers import ASSERTION_TYP, LEEWAY_SECONDS, MAX_ASSERTION_SECONDS, TOKEN_SECONDS
from node.trust.successors import with_key
from node.web.services import WebServices
from protocol.lists.event import BASELINE
from protocol.lists.grant import Grant
from support.fakes_api import NODE, PARTNER, PEER, MemoryNode, node_on_loopback
from support.federation import START, Agency, Federation
from support.raw_http import ASSERTION_TYPE, Raw, raw_to
from support.records import partner_record

MOMENT = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
VALID = Window(START + timedelta(minutes=20), START + timedelta(minutes=25))
"""Of the agency's key, its grant's end and the partner's former key: shorter than a token lives."""
MIDDLE = VALID.start + timedelta(minutes=3)
PEER_KEY, FORMER_KEY, PARTNER_KEY = (AuthPrivateKey.from_seed(letter * 32) for letter in (b"1", b"2", b"3"))


class StoredNode(MemoryNode):
    """A node whose callers and used assertions are those of a store."""

    def __init__(self, agency: Agency) -> None:
        super().__init__()
        self.agency = agency

    @override
    def services(self) -> WebServices:
        replays = StoredReplays(self.agency.store)
        return replace(super().services(), callers=self.agency.callers(), replays=replays)

    def at(self, moment: datetime) -> None:
        self.clock.moment = self.agency.time.moment = moment


@pytest.fixture
def agencies(tmp_path: Path) -> Iterator[tuple[Agency, Agency]]:
    with Federation(tmp_path) as federation:
        yield federation.agency(NODE, "FR"), federation.agency(PEER, "NL")


def know_peer(fr: Agency, nl: Agency, *, until: datetime | None = None) -> None:
    """Its node document lists a key for `VALID` beside that of its founding; its grant ends at `until`."""
    nl.revise(lambda old: with_key(old, Lineage(Role.AUTH), PEER_KEY.public, VALID))
    fr.know(nl, country="NL", grant=Grant(collections=frozenset({BASELINE}), until=until))


def know_partner(fr: Agency) -> None:
    """It has renewed its key; the former one counts until the end of `VALID`."""
    partner = partner_record(
        name=PARTNER,
        auth_key=PARTNER_KEY.public.raw,
        old_key=FORMER_KEY.public.raw,
        old_until_ms=milliseconds(VALID.end),
    )
    with fr.store.write() as unit:
        unit.partners.add(partner)


@asynccontextmanager
async def served(fr: Agency, moment: datetime) -> AsyncIterator[tuple[StoredNode, Raw]]:
    node = StoredNode(fr)
    node.at(moment)
    async with node_on_loopback(node) as loopback, raw_to(loopback) as raw:
        yield node, raw


async def bought(raw: Raw, key: AuthPrivateKey, client: str = PEER) -> str:
    return str(json.loads((await raw.token(key, client)).body)["access_token"])


async def read(raw: Raw, token: str, path: str = "/lists/main/checkpoint") -> int:
    return (await raw("GET", path, token)).status


# ------------------------------------------------------------------ keys and grants

KEY_EDGES = {
    "a moment before its start": (VALID.start - MOMENT, False),
    "at its start": (VALID.start, True),
    "a moment before its end": (VALID.end - MOMENT, True),
    "at its end": (VALID.end, False),
    "long after": (VALID.end + timedelta(days=1), False),
}


@pytest.mark.threat("somebody else's access")
@pytest.mark.parametrize(("moment", "counts"), KEY_EDGES.values(), ids=KEY_EDGES)
async def test_an_agencys_key_counts_in_its_window(
    agencies: tuple[Agency, Agency], moment: datetime, *, counts: bool
) -> None:
    fr, nl = agencies
    know_peer(fr, nl)
    async with served(fr, moment) as (_, raw):
        assert (await raw.token(PEER_KEY)).status == (200 if counts else 401)


@pytest.mark.threat("somebody else's access")
@pytest.mark.parametrize(
    ("moment", "counts"), [(VALID.end - MOMENT, True), (VALID.end, False)], ids=["a moment before", "at it"]
)
async def test_a_token_ends_with_the_key_that_bought_it(
    agencies: tuple[Agency, Agency], moment: datetime, *, counts: bool
) -> None:
    fr, nl = agencies
    know_peer(fr, nl)
    async with served(fr, MIDDLE) as (node, raw):
        token = await bought(raw, PEER_KEY)
        node.at(moment)
        assert await read(raw, token) == (200 if counts else 401)


@pytest.mark.threat("somebody else's access")
@pytest.mark.parametrize(
    ("moment", "status"), [(VALID.end - MOMENT, 200), (VALID.end, 403)], ids=["a moment before", "at it"]
)
async def test_a_grant_opens_nothing_from_its_end_on(
    agencies: tuple[Agency, Agency], moment: datetime, status: int
) -> None:
    fr, nl = agencies
    key = nl.keys.key(AuthPrivateKey, "1")
    know_peer(fr, nl, until=VALID.end)
    async with served(fr, MIDDLE) as (node, raw):
        token = await bought(raw, key)
        node.at(moment)
        assert (await raw.token(key)).status == status
        assert await read(raw, token) == status


@pytest.mark.threat("somebody else's access")
@pytest.mark.parametrize(
    ("moment", "counts"), [(VALID.end - MOMENT, True), (VALID.end, False)], ids=["a moment before", "at it"]
)
async def test_a_partners_former_key_and_its_token_end_on_their_day(
    agencies: tuple[Agency, Agency], moment: datetime, *, counts: bool
) -> None:
    fr, _ = agencies
    know_partner(fr)
    path, status = "/subsets/baseline/checkpoint", 200 if counts else 401
    async with served(fr, MIDDLE) as (node, raw):
        token, new = [await bought(raw, key, PARTNER) for key in (FORMER_KEY, PARTNER_KEY)]
        node.at(moment)
        assert (await raw.token(FORMER_KEY, PARTNER)).status == status
        assert await read(raw, token, path) == status
        assert await read(raw, new, path) == 200


# ------------------------------------------------------------------ assertions and tokens

TIMES: dict[str, tuple[dict[str, int], str]] = {
    "as our own program dates it": ({"iat": 0, "exp": MAX_ASSERTION_SECONDS}, ""),
    "issued as far ahead as clocks may differ": ({"iat": LEEWAY_SECONDS, "exp": 60}, ""),
    "issued a second further ahead": ({"iat": LEEWAY_SECONDS + 1, "exp": 60}, "clock-skew"),
    "issued as long ago as it may live": ({"iat": -MAX_ASSERTION_SECONDS, "exp": 0}, ""),
    "issued a second longer ago": ({"iat": -MAX_ASSERTION_SECONDS - 1, "exp": -1}, "clock-skew"),
    "ended as long ago as clocks may differ": ({"iat": -30, "exp": -LEEWAY_SECONDS}, ""),
    "ended a second longer ago": ({"iat": -30, "exp": -LEEWAY_SECONDS - 1}, "clock-skew"),
    "living a second too long": ({"iat": 0, "exp": MAX_ASSERTION_SECONDS + 1}, "unauthenticated"),
    "living a second": ({"iat": 0, "exp": 1}, ""),
    "living no time": ({"iat": 0, "exp": 0}, "unauthenticated"),
    "not before what clocks may differ": ({"iat": 0, "exp": 60, "nbf": LEEWAY_SECONDS}, ""),
    "not before a second later": ({"iat": 0, "exp": 60, "nbf": LEEWAY_SECONDS + 1}, "unauthenticated"),
    "not before its end": ({"iat": -55, "exp": 5, "nbf": 5}, ""),
    "not before a second after its end": ({"iat": -56, "exp": 4, "nbf": 5}, "unauthenticated"),
    "not before a second before its issue": ({"iat": 0, "exp": 60, "nbf": -1}, "unauthenticated"),
}


@pytest.mark.threat("a wrong clock")
@pytest.mark.parametrize(("times", "problem"), TIMES.values(), ids=TIMES)
async def test_an_assertion_counts_within_what_clocks_may_differ(
    agencies: tuple[Agency, Agency], times: dict[str, int], problem: str
) -> None:
    fr, nl = agencies
    know_peer(fr, nl)
    now = int(MIDDLE.timestamp())
    who = {"iss": PEER, "sub": PEER, "aud": f"https://{NODE}", "jti": "0123456789abcdef"}
    claims: dict[str, jose.Claim] = {**who, **{name: now + offset for name, offset in times.items()}}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jose.sign_token(claims, typ=ASSERTION_TYP, signer=PEER_KEY),
    }
    async with served(fr, MIDDLE) as (_, raw):
        reply = await raw("POST", "/oauth2/token", data=form)
        assert ("" if reply.status == 200 else reply.problem) == problem
        if not problem:
            assert (await raw("POST", "/oauth2/token", data=form)).status == 401, "it counts once"


@pytest.mark.threat("somebody else's access")
@pytest.mark.parametrize("seen_before", [True, False], ids=["remembered", "never seen"])
async def test_a_token_lives_ten_minutes(agencies: tuple[Agency, Agency], *, seen_before: bool) -> None:
    fr, nl = agencies
    key = nl.keys.key(AuthPrivateKey, "1")
    know_peer(fr, nl)
    end = START + timedelta(seconds=TOKEN_SECONDS)
    async with served(fr, START) as (node, raw):
        token, other = await bought(raw, key), await bought(raw, key)
        node.at(end - SECOND)
        assert await read(raw, token) == 200
        node.at(end - MOMENT)
        assert await read(raw, token) == 200
        node.at(end)
        reply = await raw("GET", "/lists/main/checkpoint", token if seen_before else other)
        assert (reply.status, reply.problem) == (401, "token-expired")
