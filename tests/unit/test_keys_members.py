"""The members register: one encoding, and nobody who would count twice."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from keys.errors import MalformedTrustError, ThresholdError
from keys.key import TargetsPrivateKey
from keys.trust.countries import COUNTRIES, is_country
from keys.trust.members import (
    Member,
    Members,
    from_json,
    open_earlier_members,
    open_members,
    sign_members,
    to_json,
)
from keys.trust.tuf.root import open_next_root
from support.trust import ROOT_KEYS, TARGETS_KEYS, author_next_root, root_content, trusted_root

FR = Member(node="fr.example", root_sha256=b"\x01" * 32, country="FR")
NL = Member(node="nl.example", root_sha256=b"\x02" * 32, country="NL")
BODY = Member(node="body.example", root_sha256=b"\x03" * 32, country=None, authority_for=frozenset({4, 1}))
MEMBERS = Members(version=2, k=2, block_cap=100, members=(FR, NL, BODY))


def altered(change: Callable[[dict[str, Any]], object]) -> bytes:
    fields = json.loads(to_json(MEMBERS))
    change(fields)
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def test_the_encoding_of_a_known_register() -> None:
    # Releases name the SHA-256 of these bytes.
    assert to_json(replace(MEMBERS, members=(FR, BODY))) == (
        b'{"C":100,"k":2,"members":['
        b'{"authority_for":[],"country":"FR","node":"fr.example","root_sha256":"' + b"01" * 32 + b'"},'
        b'{"authority_for":[1,4],"country":null,"node":"body.example","root_sha256":"' + b"03" * 32 + b'"}],'
        b'"v":1,"version":2}'
    )


def test_what_was_written_is_what_is_read() -> None:
    assert from_json(to_json(MEMBERS)) == MEMBERS
    assert from_json(altered(lambda _: None)) == MEMBERS
    assert MEMBERS.sha256 == sha256(to_json(MEMBERS)).digest()


def test_a_signed_register_opens_under_its_root() -> None:
    assert open_members(sign_members(MEMBERS, TARGETS_KEYS[:2]), trusted_root()) == MEMBERS
    with pytest.raises(ThresholdError):
        open_members(sign_members(MEMBERS, TARGETS_KEYS[:1]), trusted_root())


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.update(v=2),
        lambda fields: fields.update(version=0),
        lambda fields: fields.update(k=0),
        lambda fields: fields.update(k=5),
        lambda fields: fields.update(C=-1),
        lambda fields: fields.update(new=1),
        lambda fields: fields.update(members=None),
        lambda fields: fields["members"].append(fields["members"][0]),
        lambda fields: fields["members"][0].update(node="Fr.example"),
        lambda fields: fields["members"][0].update(country="fr"),
        lambda fields: fields["members"][0].update(country="XX"),
        lambda fields: fields["members"][0].update(country=""),
        lambda fields: fields["members"][0].pop("country"),
        lambda fields: fields["members"][0].update(root_sha256="01"),
        lambda fields: fields["members"][0].update(authority_for=[0]),
        lambda fields: fields["members"][2].update(authority_for=[4, 1]),
        lambda fields: fields["members"][2].update(authority_for=[1, 1, 4]),
        lambda fields: fields["members"][0].update(authority_for=[65_536]),
    ],
)
def test_another_register_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(MalformedTrustError):
        from_json(altered(change))


@pytest.mark.parametrize(
    "data",
    [to_json(MEMBERS) + b"\n", b" " + to_json(MEMBERS), to_json(MEMBERS).replace(b":", b": ", 1)],
    ids=["newline", "space before", "space inside"],
)
def test_another_encoding_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedTrustError, match="not the one encoding"):
        from_json(data)


@pytest.mark.parametrize(
    "make",
    [
        lambda: replace(MEMBERS, members=(FR, replace(NL, node="fr.example"))),
        lambda: replace(MEMBERS, members=(FR, replace(NL, root_sha256=FR.root_sha256))),
        lambda: replace(FR, root_sha256=b"\x01" * 31),
        lambda: replace(FR, authority_for=frozenset({-1})),
        lambda: replace(MEMBERS, version=2**53),
        lambda: replace(MEMBERS, block_cap=2**53),
    ],
    ids=["one node twice", "one root twice", "short root", "collection", "version", "cap"],
)
def test_another_value_is_refused_when_it_is_made(make: Callable[[], object]) -> None:
    with pytest.raises(MalformedTrustError):
        make()


@pytest.mark.threat("one agency as two countries")
def test_two_agencies_of_one_country_are_members() -> None:
    # They count as one country; that is the quorum's matter.
    assert len(replace(MEMBERS, members=(FR, replace(NL, country="FR"))).members) == 2


def test_the_order_of_members_is_part_of_the_register() -> None:
    assert replace(MEMBERS, members=(NL, FR, BODY)).sha256 != MEMBERS.sha256


def test_country_codes() -> None:
    assert len(COUNTRIES) == 249
    assert all(is_country(code) for code in ("FR", "NL", "AX", "ZW"))
    assert not any(is_country(code) for code in ("EU", "UK", "XK", "ZZ", "F", "FRA", "", "fr"))


def test_a_register_of_an_earlier_day_opens_with_the_keys_of_that_day() -> None:
    first, successors = (
        trusted_root(),
        [TargetsPrivateKey.from_seed(bytes([letter]) * 32) for letter in b"mn"],
    )
    content = replace(root_content(), targets_keys=tuple(key.public for key in successors))
    second = open_next_root(first, author_next_root(first, content, ROOT_KEYS))
    for signers, roots in (
        (TARGETS_KEYS, [first]),
        (TARGETS_KEYS, [first, second]),
        (successors, [first, second]),
    ):
        assert open_earlier_members(sign_members(MEMBERS, signers), roots) == MEMBERS
    with pytest.raises(ThresholdError):
        open_earlier_members(sign_members(MEMBERS, successors), [first])
    with pytest.raises(ThresholdError):
        open_members(sign_members(MEMBERS, TARGETS_KEYS), second)
