"""The keys that a node takes back: one encoding, nothing is taken out again, and who signs without them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from keys.errors import MalformedTrustError, ThresholdError
from keys.roles import Role
from keys.trust.node_parts import FinalCheckpoint
from keys.trust.revocations import (
    Reason,
    Revocation,
    Revocations,
    file_name,
    from_json,
    none_revoked,
    open_revocations,
    to_json,
)
from keys.trust.vkey import DatedVkey
from support.trust import (
    LIST_KEY,
    NEXT_LIST_KEY,
    NODE,
    NOW,
    TARGETS_KEYS,
    VALID,
    list_info,
    node_document,
    sign_revocations,
    trusted_root,
    witness_info,
)

ORIGIN = f"{NODE}/lists/main"
VKEY = DatedVkey.of(LIST_KEY.public, name=ORIGIN, valid=VALID).vkey
NEXT_VKEY = DatedVkey.of(NEXT_LIST_KEY.public, name=ORIGIN, valid=VALID).vkey
WITNESS_VKEY = witness_info().vkeys[0].vkey
GOOD = FinalCheckpoint(388, b"\x09" * 32)
AUTH = Revocation(role=Role.AUTH, key="auth-1", time=NOW, reason=Reason.COMPROMISE)
LOG = Revocation(role=Role.LOG, key=VKEY, time=NOW, reason=Reason.COMPROMISE, last_good=GOOD)
WITNESS = Revocation(role=Role.WITNESS, key=WITNESS_VKEY, time=NOW, reason=Reason.LOST)
REVOKED = Revocations(version=2, node=NODE, entries=(AUTH, LOG, WITNESS))


def altered(change: Callable[[dict[str, Any]], object]) -> bytes:
    fields = json.loads(to_json(REVOKED))
    change(fields)
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def test_the_encoding_of_known_revocations() -> None:
    assert to_json(replace(REVOKED, entries=(replace(LOG, resumes=391), AUTH))) == (
        b'{"entries":[{"last_good":{"root":"'
        + b"09" * 32
        + b'","size":388},"reason":"compromise","resumes":391,'
        b'"role":"log","time":"2026-11-25T12:00:00Z","vkey":"' + VKEY.encode() + b'"},'
        b'{"kid":"auth-1","last_good":null,"reason":"compromise","resumes":null,"role":"auth",'
        b'"time":"2026-11-25T12:00:00Z"}],"node":"fr.example","v":1,"version":2}'
    )


def test_what_was_written_is_what_is_read() -> None:
    assert from_json(to_json(REVOKED)) == REVOKED
    assert from_json(altered(lambda _: None)) == REVOKED


def test_signed_revocations_open_under_their_own_root_only() -> None:
    signed = sign_revocations(REVOKED, TARGETS_KEYS[:2])
    assert file_name(signed) == sha256(signed).digest()
    assert open_revocations(signed, trusted_root()) == REVOKED
    with pytest.raises(ThresholdError):
        open_revocations(sign_revocations(REVOKED, TARGETS_KEYS[:1]), trusted_root())
    with pytest.raises(MalformedTrustError, match="another node"):
        open_revocations(signed, trusted_root(node="nl.example"))


MALFORMED: dict[str, Callable[[dict[str, Any]], object]] = {
    "an unknown field": lambda fields: fields.update(note="x"),
    "an unknown field of an entry": lambda fields: fields["entries"][0].update(note="x"),
    "another format": lambda fields: fields.update(v=2),
    "version 0": lambda fields: fields.update(version=0),
    "a node that is none": lambda fields: fields.update(node="FR"),
    "an unknown role": lambda fields: fields["entries"][0].update(role="cook"),
    "a role that is not revoked here": lambda fields: fields["entries"][0].update(role="root", vkey=VKEY),
    "an unknown reason": lambda fields: fields["entries"][0].update(reason="mood"),
    "a kid that is none": lambda fields: fields["entries"][0].update(kid="a key"),
    "a vkey of another role": lambda fields: fields["entries"][2].update(vkey=VKEY),
    "a vkey that is none": lambda fields: fields["entries"][1].update(vkey="main"),
    "a log of another node": lambda fields: fields.update(node="nl.example"),
    "a key twice": lambda fields: fields["entries"].append(fields["entries"][0]),
    "a time that is none": lambda fields: fields["entries"][0].update(time="today"),
    "no last good head of a stolen log key": lambda fields: fields["entries"][1].update(last_good=None),
    "a last good head of a lost key": lambda fields: fields["entries"][1].update(reason="lost"),
    "a last good head of an auth key": lambda fields: fields["entries"][0].update(
        last_good=fields["entries"][1]["last_good"]
    ),
    "a log that resumes before the last good head": lambda fields: fields["entries"][1].update(resumes=387),
    "an auth key that resumes": lambda fields: fields["entries"][0].update(resumes=1),
    "more keys than a file holds": lambda fields: fields.update(entries=fields["entries"] * 100),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(MalformedTrustError):
        from_json(altered(change))


def test_more_keys_than_a_reader_takes_are_not_written_either() -> None:
    many = tuple(replace(AUTH, key=f"auth-{number}") for number in range(257))
    with pytest.raises(MalformedTrustError, match="more than 256"):
        replace(REVOKED, entries=many)


def test_a_time_with_fractions_is_refused() -> None:
    with pytest.raises(MalformedTrustError):
        replace(AUTH, time=NOW.replace(microsecond=1))


LATER = replace(REVOKED, version=3)
FOLLOWERS: dict[str, tuple[Revocations, bool]] = {
    "one more key": (replace(LATER, entries=(*REVOKED.entries, replace(AUTH, key="auth-2"))), True),
    "where the log goes on": (replace(LATER, entries=(AUTH, replace(LOG, resumes=391), WITNESS)), True),
    "a jump of versions": (replace(LATER, version=9), True),
    "the same, signed again": (REVOKED, True),
    "another of the same version": (
        replace(REVOKED, entries=(*REVOKED.entries, replace(AUTH, key="auth-2"))),
        False,
    ),
    "an older version": (replace(REVOKED, version=1), False),
    "a key that is taken out": (replace(LATER, entries=(AUTH, LOG)), False),
    "a key that is replaced": (replace(LATER, entries=(replace(AUTH, key="auth-2"), LOG, WITNESS)), False),
    "another order": (replace(LATER, entries=(LOG, AUTH, WITNESS)), False),
    "another reason": (replace(LATER, entries=(replace(AUTH, reason=Reason.LOST), LOG, WITNESS)), False),
    "another time": (replace(LATER, entries=(replace(AUTH, time=VALID.start), LOG, WITNESS)), False),
    "another last good head": (
        replace(LATER, entries=(AUTH, replace(LOG, last_good=replace(GOOD, size=389)), WITNESS)),
        False,
    ),
    "another node": (Revocations(version=3, node="nl.example", entries=()), False),
}


@pytest.mark.parametrize(("later", "may"), FOLLOWERS.values(), ids=FOLLOWERS)
def test_nothing_that_was_said_is_taken_back(later: Revocations, may: bool) -> None:
    assert later.follows(REVOKED) is may


def test_where_a_log_goes_on_is_said_once() -> None:
    resumed = replace(LATER, entries=(AUTH, replace(LOG, resumes=391), WITNESS))
    for entry in (LOG, replace(LOG, resumes=400)):
        assert not replace(resumed, version=4, entries=(AUTH, entry, WITNESS)).follows(resumed)


def test_the_first_file_follows_none() -> None:
    assert REVOKED.follows(none_revoked(NODE))
    assert not none_revoked(NODE).entries


def test_the_range_in_which_a_thief_may_have_added() -> None:
    (open_end,) = REVOKED.doubted(ORIGIN)
    assert (387 in open_end, 388 in open_end, 2**40 in open_end) == (False, True, True)
    resumed = replace(REVOKED, entries=(replace(LOG, resumes=391),))
    assert resumed.doubted(ORIGIN) == (range(388, 391),)
    assert REVOKED.doubted(f"{NODE}/lists/other") == ()
    assert not AUTH.doubted
    nothing_added = replace(REVOKED, entries=(replace(LOG, resumes=388),))
    assert nothing_added.doubted(ORIGIN) == ()


def test_each_stolen_key_of_a_log_has_a_range_of_its_own() -> None:
    second = replace(LOG, key=NEXT_VKEY, last_good=replace(GOOD, size=500), resumes=510)
    both = replace(REVOKED, entries=(replace(LOG, resumes=391), second))
    assert both.doubted(ORIGIN) == (range(388, 391), range(500, 510))


def test_a_key_is_found_by_role_and_name() -> None:
    assert REVOKED.find(Role.AUTH, "auth-1") == AUTH
    assert REVOKED.find(Role.TOKEN, "auth-1") is None


def test_a_kid_is_known_of_keys_that_are_named_in_either_way() -> None:
    assert (AUTH.kid, LOG.kid, WITNESS.kid) == (
        "auth-1",
        LIST_KEY.public.kid,
        witness_info().vkeys[0].key.kid,
    )


def test_who_signs_without_the_keys_taken_back() -> None:
    document = node_document(witness=witness_info())
    signing = REVOKED.signing(document)
    assert signing.auth_keys == ()
    assert signing.token_keys == document.token_keys
    assert [vkey.key for vkey in signing.logs[0].vkeys] == [NEXT_LIST_KEY.public]
    assert signing.witness is not None
    assert signing.witness.vkeys == ()


def test_what_a_lost_key_signed_is_believed() -> None:
    document = node_document(witness=witness_info())
    believable = REVOKED.believable(document)
    assert believable.witness == witness_info()
    assert believable.auth_keys == ()


def test_a_node_that_took_nothing_back_is_as_it_says() -> None:
    document = node_document(logs=(list_info(),))
    assert none_revoked(NODE).signing(document) is document
    assert none_revoked(NODE).believable(document) is document


@pytest.mark.parametrize(
    "time", [datetime(2028, 2, 29, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 58, tzinfo=UTC)]
)
def test_a_key_is_taken_back_on_any_day(time: datetime) -> None:
    """A day that only leap years have could not be written down, and stopped everybody who read it."""
    made = replace(REVOKED, entries=(replace(AUTH, time=time),))
    assert from_json(to_json(made)) == made


def test_a_time_after_all_windows_is_a_time() -> None:
    assert replace(AUTH, time=NOW + timedelta(days=3000)).time > NOW
