"""Invitations and the enrolment string."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.enrolment import (
    Invitation,
    check_mac,
    enrolment_mac,
    enrolment_string,
    invite_id,
    renewal_string,
)
from protocol.errors import MalformedError, UntrustedError
from protocol.messages import EnrolmentRequest

INVITATION = Invitation(url="https://fr.example:8443/", pin=bytes(range(16)), secret=bytes(range(16, 32)))
TEXT = "https://fr.example:8443/#AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQTCQKRMFYYDENBWHA5DYPQ"


def test_one_string_says_where_and_whom() -> None:
    assert INVITATION.to_text() == TEXT
    assert Invitation.from_text(TEXT) == INVITATION


@pytest.mark.parametrize(
    "text", [f"  {TEXT}\n", TEXT.replace(TEXT[25:], TEXT[25:].lower())], ids=["spaces around", "lower case"]
)
def test_pasting_is_forgiving(text: str) -> None:
    assert Invitation.from_text(text) == INVITATION


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(TEXT[:-1], id="cut off"),
        pytest.param(TEXT + "A", id="one character more"),
        pytest.param(TEXT.replace("https", "http"), id="without TLS"),
        pytest.param(TEXT.replace("#", ""), id="no separator"),
        pytest.param(TEXT.replace("8443/", "8443/path"), id="a path"),
        pytest.param(TEXT[:-1] + "R", id="unused bits set"),
        pytest.param(TEXT[:-1] + "1", id="not base32"),
        pytest.param(TEXT[:-1] + "é", id="not ASCII"),
        pytest.param("x" * 601, id="endless"),
    ],
)
def test_what_is_not_an_invitation_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        Invitation.from_text(text)


@given(st.text())
def test_arbitrary_text_raises_only_our_errors(text: str) -> None:
    try:
        invitation = Invitation.from_text(text)
    except MalformedError:
        return
    assert Invitation.from_text(invitation.to_text()) == invitation


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_round_trip(pin: bytes, secret: bytes) -> None:
    invitation = Invitation(url="https://a.example/", pin=pin, secret=secret)
    assert Invitation.from_text(invitation.to_text()) == invitation


def test_wrong_lengths_are_no_invitation() -> None:
    with pytest.raises(MalformedError):
        Invitation(url="https://a.example/", pin=b"", secret=bytes(16))


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(INVITATION)
    assert INVITATION.invite_id == sha256(b"sigfed/invite/v1\0" + INVITATION.secret).digest()[:16]
    assert invite_id(bytes(16)) != INVITATION.invite_id


def request(mac: bytes) -> EnrolmentRequest:
    return EnrolmentRequest(invite_id=bytes(16), auth_key=bytes(32), mac=mac, auth_signature=bytes(64))


PARTS = {"root_sha256": b"r" * 32, "spki_sha256": b"s" * 32, "auth_key": b"a" * 32}


def test_the_mac_binds_root_connection_and_keys() -> None:
    string = enrolment_string(**PARTS)
    check_mac(INVITATION.secret, string, request(enrolment_mac(INVITATION.secret, string)))
    for name in PARTS:
        other = enrolment_string(**{**PARTS, name: b"x" * 32})
        with pytest.raises(UntrustedError):
            check_mac(INVITATION.secret, string, request(enrolment_mac(INVITATION.secret, other)))
    with pytest.raises(UntrustedError):
        check_mac(INVITATION.secret, string, request(enrolment_mac(bytes(16), string)))


def test_the_renewal_string_as_the_specification_writes_it() -> None:
    # docs/spec/enrolment.md; a CBOR map of one entry, whose value is 32 bytes, is a1 01 58 20 and the value.
    found = renewal_string(root_sha256=b"r" * 32, partner="höster", old_key=b"o" * 32, auth_key=b"a" * 32)
    keys = [sha256(bytes.fromhex("a1015820") + key * 32).digest() for key in (b"o", b"a")]
    assert found == b"sigfed/renew/v1\0" + b"r" * 32 + b"\0\x07" + "höster".encode() + keys[0] + keys[1]


RENEWAL: dict[str, Any] = {
    "root_sha256": b"r" * 32,
    "partner": "hoster",
    "old_key": b"o" * 32,
    "auth_key": b"a" * 32,
}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"root_sha256": b"x" * 32}, id="another node"),
        pytest.param({"partner": "hosters"}, id="another partner"),
        pytest.param({"old_key": b"x" * 32}, id="another old key"),
        pytest.param({"auth_key": b"x" * 32}, id="another new key"),
        pytest.param({"old_key": RENEWAL["auth_key"], "auth_key": RENEWAL["old_key"]}, id="the way back"),
    ],
)
def test_a_renewal_is_that_of_one_partner_at_one_node_in_one_direction(change: dict[str, Any]) -> None:
    assert renewal_string(**{**RENEWAL, **change}) != renewal_string(**RENEWAL)
