"""Tokens as people type them, and answers as strangers alter them."""

import json
import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.access.tokens import grouped, new_token, read_token
from node.errors import ConfigError, UnauthenticatedError, UsageError
from node.signing.passkeys import Site, WebAuthnCeremonies
from support.authenticator import HOST, ORIGIN, Authenticator, decode, encode

CEREMONIES = WebAuthnCeremonies(Site(HOST, ORIGIN))
CHALLENGE = bytes(range(32))
HERS = Authenticator()
MADE = HERS.make(CEREMONIES.ask_new("alice", b"u" * 32, challenge=CHALLENGE, known=()))
PUBLIC_KEY = CEREMONIES.check_new(MADE, challenge=CHALLENGE).public_key
SHOWN = HERS.show(CEREMONIES.ask_shown(challenge=CHALLENGE, known=()))


@given(st.binary(min_size=15, max_size=15), st.sampled_from([str.lower, str.upper, str.title]), st.data())
def test_a_token_is_read_however_it_is_typed(random: bytes, case: object, data: st.DataObject) -> None:
    token = new_token(lambda _: random)
    assert len(grouped(token).split("-")) == 4
    typed = case(grouped(token).replace("-", data.draw(st.sampled_from(["-", " ", "", " - ", "\n"]))))  # type: ignore[operator]
    assert read_token(f" {typed} ") == token
    assert read_token(typed.replace("0", "o").replace("1", data.draw(st.sampled_from("iIlL")))) == token


@given(st.binary(min_size=15, max_size=15), st.integers(0, 18), st.integers(1, 31))
def test_a_mistyped_token_is_nearly_always_noticed(random: bytes, at: int, by: int) -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    token = new_token(lambda _: random)
    other = token[:at] + alphabet[(alphabet.index(token[at]) + by) % 32] + token[at + 1 :]
    with suppress(UsageError):
        assert read_token(other) == other != token


@given(st.text(max_size=200))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert len(read_token(text)) == 20


def test_single_slips_are_noticed_at_the_rate_of_the_check() -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    noticed = 0
    for _ in range(1000):
        token = new_token(os.urandom)
        other = alphabet[(alphabet.index(token[0]) + 1) % 32] + token[1:]
        try:
            read_token(other)
        except UsageError:
            noticed += 1
    assert noticed > 930


@given(st.text(max_size=400) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
def test_any_text_is_refused_without_details(text: str) -> None:
    for attempt in (
        CEREMONIES.read,
        lambda said: CEREMONIES.check_new(said, challenge=CHALLENGE),
        lambda said: CEREMONIES.check_shown(said, challenge=CHALLENGE, public_key=PUBLIC_KEY),
    ):
        with pytest.raises(UnauthenticatedError) as caught:
            attempt(text)
        assert caught.value.__cause__ is None


@given(
    st.sampled_from(["clientDataJSON", "attestationObject", "authenticatorData", "signature"]),
    st.integers(0, 10_000),
    st.integers(1, 255),
)
def test_an_altered_answer_is_refused(part: str, at: int, by: int) -> None:
    """Any byte of what was signed; of a registration, which nobody signs, it never raises anything else."""
    for text in (MADE, SHOWN):
        answer = json.loads(text)
        if part not in answer["response"]:
            continue
        data = bytearray(decode(answer["response"][part]))
        data[at % len(data)] = (data[at % len(data)] + by) % 256
        answer["response"][part] = encode(bytes(data))
        altered = json.dumps(answer)
        if "signature" in answer["response"]:
            with pytest.raises(UnauthenticatedError):
                CEREMONIES.check_shown(altered, challenge=CHALLENGE, public_key=PUBLIC_KEY)
            continue
        with suppress(UnauthenticatedError):
            CEREMONIES.check_new(altered, challenge=CHALLENGE)


@pytest.mark.parametrize(
    ("url", "host", "origin"),
    [
        ("http://localhost:8444/", "localhost", "http://localhost:8444"),
        ("http://localhost/", "localhost", "http://localhost"),
        ("http://localhost:80/x", "localhost", "http://localhost"),
        ("https://Console.Agency.example/", "console.agency.example", "https://console.agency.example"),
        ("https://console.agency.example:443", "console.agency.example", "https://console.agency.example"),
        (
            "https://console.agency.example:8444",
            "console.agency.example",
            "https://console.agency.example:8444",
        ),
        ("http://fr.localhost:1", "fr.localhost", "http://fr.localhost:1"),
    ],
)
def test_what_passkeys_are_bound_to(url: str, host: str, origin: str) -> None:
    assert Site.of(url) == Site(host, origin)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8444/", "https://[::1]/", "http://agency.example/", "localhost", ""]
)
def test_where_browsers_make_no_passkeys(url: str) -> None:
    with pytest.raises(ConfigError):
        Site.of(url)
