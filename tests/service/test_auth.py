"""Assertions in, tokens out: every claim, every time, every way to cheat."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import pytest

from keys.key import AuthPrivateKey, TokenPrivateKey
from node import jose
from node.clock import system_entropy
from node.errors import ClockSkewError, ForbiddenError, ReplayedError, TokenExpiredError, UnauthenticatedError
from node.ports.callers import ASSERTION_TYP, TOKEN_SECONDS, TOKEN_TYP, Caller, CallerKind, open_scope
from node.remote.auth import Credentials, assertion
from node.web.auth import TokenGate, TokenIssuer
from support.fakes_api import (
    NODE,
    PARTNER,
    PARTNER_KEY,
    PEER,
    PEER_KEY,
    TOKEN_KEY,
    MemoryNode,
    partner_credential,
)

DROP = object()


def _claims(memory: MemoryNode, **changes: object) -> dict[str, object]:
    now = int(memory.clock.now().timestamp())
    claims: dict[str, object] = {
        "iss": PEER,
        "sub": PEER,
        "aud": f"https://{NODE}",
        "iat": now,
        "exp": now + 60,
        "jti": "0123456789abcdef",
    }
    return {name: value for name, value in (claims | changes).items() if value is not DROP}


def _signed(claims: dict[str, object], *, typ: str = ASSERTION_TYP, key: AuthPrivateKey = PEER_KEY) -> str:
    return jose.sign_token(claims, typ=typ, signer=key)  # type: ignore[arg-type]  # wrong types are the point


def _encode(data: object) -> str:
    return urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def _with_header(token: str, *, key: AuthPrivateKey = PEER_KEY, **changes: object) -> str:
    """The token with another header, signed again."""
    head, payload, _ = token.split(".")
    header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    header = {name: value for name, value in (header | changes).items() if value is not DROP}
    signing = f"{_encode(header)}.{payload}"
    signature = urlsafe_b64encode(key.sign(signing.encode())).rstrip(b"=").decode()
    return f"{signing}.{signature}"


def test_a_good_assertion_buys_a_token_with_the_clients_scopes() -> None:
    memory = MemoryNode()
    issued = TokenIssuer(memory.services()).exchange(_signed(_claims(memory)), wanted=None)
    assert issued.expires_in == TOKEN_SECONDS <= 600
    assert issued.scopes == {"log:read", "open:1", "open:2"}
    head, payload, _ = (urlsafe_b64decode(part + "==") for part in issued.token.split("."))
    assert json.loads(head) == {"alg": "EdDSA", "typ": TOKEN_TYP, "kid": TOKEN_KEY.public.kid}
    claims = json.loads(payload)
    assert (claims["sub"], claims["client_id"], claims["aud"]) == (PEER, PEER, f"https://{NODE}")
    assert claims["exp"] - claims["iat"] == TOKEN_SECONDS


def test_the_clients_own_assertion_is_good() -> None:
    memory = MemoryNode()
    signed = assertion(Credentials(PEER, PEER_KEY), node=NODE, now=memory.clock.now(), entropy=system_entropy)
    assert TokenIssuer(memory.services()).exchange(signed, wanted=None).scopes


def test_a_token_may_be_narrowed_but_not_widened() -> None:
    memory = MemoryNode()
    issuer = TokenIssuer(memory.services())
    wanted = frozenset({open_scope(1), open_scope(9), "query:baseline"})
    assert issuer.exchange(_signed(_claims(memory)), wanted=wanted).scopes == {"open:1"}
    with pytest.raises(ForbiddenError):
        issuer.exchange(_signed(_claims(memory, jti="another")), wanted=frozenset({"query:baseline"}))


@pytest.mark.threat("somebody else's access")
def test_an_assertion_is_good_once() -> None:
    memory = MemoryNode()
    issuer = TokenIssuer(memory.services())
    signed = _signed(_claims(memory))
    issuer.exchange(signed, wanted=None)
    with pytest.raises(ReplayedError):
        issuer.exchange(signed, wanted=None)


_BAD_CLAIMS: dict[str, dict[str, object]] = {
    "no issuer": {"iss": DROP},
    "no subject": {"sub": DROP},
    "no audience": {"aud": DROP},
    "no issue time": {"iat": DROP},
    "no expiry": {"exp": DROP},
    "no id": {"jti": DROP},
    "subject is somebody else": {"sub": PARTNER},
    "issuer is somebody else": {"iss": PARTNER},
    "issuer is not a text": {"iss": 5},
    "another node": {"aud": "https://nl.example"},
    "audience without scheme": {"aud": NODE},
    "audience with a slash": {"aud": f"https://{NODE}/"},
    "a list of audiences": {"aud": [f"https://{NODE}"]},
    "the token endpoint as audience": {"aud": f"https://{NODE}/oauth2/token"},
    "issue time is a text": {"iat": "1"},
    "issue time is a float": {"iat": 1.0},
    "issue time is true": {"iat": True},
    "expiry is negative": {"exp": -1},
    "id is empty": {"jti": ""},
    "id is too long": {"jti": "x" * 65},
    "id is a number": {"jti": 7},
    "id that no database takes": {"jti": "\x00"},
    "issuer that no database takes": {"iss": "\x00", "sub": "\x00"},
}


@pytest.mark.threat("somebody else's access")
@pytest.mark.parametrize("changes", _BAD_CLAIMS.values(), ids=_BAD_CLAIMS)
def test_an_assertion_with_bad_claims_is_refused(changes: dict[str, object]) -> None:
    memory = MemoryNode()
    with pytest.raises(UnauthenticatedError):
        TokenIssuer(memory.services()).exchange(_signed(_claims(memory, **changes)), wanted=None)
    assert not memory.replays.used


_LIVES = {
    "for 61 seconds": (0, 61),
    "for no time": (0, 0),
    "backwards": (0, -1),
    "for a year": (0, 31_536_000),
}


@pytest.mark.parametrize(("start", "life"), _LIVES.values(), ids=_LIVES)
def test_an_assertion_must_be_short_lived(start: int, life: int) -> None:
    memory = MemoryNode()
    now = int(memory.clock.now().timestamp()) + start
    with pytest.raises(UnauthenticatedError, match="60 seconds"):
        TokenIssuer(memory.services()).exchange(
            _signed(_claims(memory, iat=now, exp=now + life)), wanted=None
        )


def test_not_before_is_honoured_when_it_is_there() -> None:
    memory = MemoryNode()
    now = int(memory.clock.now().timestamp())
    issuer = TokenIssuer(memory.services())
    assert issuer.exchange(_signed(_claims(memory, nbf=now)), wanted=None).token
    with pytest.raises(UnauthenticatedError):
        issuer.exchange(_signed(_claims(memory, nbf=now + 61, jti="b")), wanted=None)
    with pytest.raises(UnauthenticatedError, match="does not count yet"):
        issuer.exchange(_signed(_claims(memory, nbf=now + 30, jti="c")), wanted=None)
    memory.clock.advance(30)
    later = _signed(_claims(memory, iat=now, exp=now + 60, nbf=now + 30, jti="c"))
    assert issuer.exchange(later, wanted=None).token


@pytest.mark.parametrize("ahead", [3600, -3600, 6, -61], ids=lambda ahead: f"{ahead} s")
def test_a_wrong_clock_is_named_with_its_difference(ahead: int) -> None:
    memory = MemoryNode()
    now = int(memory.clock.now().timestamp()) + ahead
    with pytest.raises(ClockSkewError) as caught:
        TokenIssuer(memory.services()).exchange(_signed(_claims(memory, iat=now, exp=now + 60)), wanted=None)
    assert caught.value.ahead_seconds == ahead
    assert str(abs(ahead)) in str(caught.value)


def test_an_assertion_that_expired_early_is_old_even_if_issued_recently() -> None:
    memory = MemoryNode()
    now = int(memory.clock.now().timestamp())
    with pytest.raises(ClockSkewError):
        TokenIssuer(memory.services()).exchange(
            _signed(_claims(memory, iat=now - 30, exp=now - 10)), wanted=None
        )


@pytest.mark.parametrize("ahead", [5, 0, -60])
def test_small_differences_are_tolerated(ahead: int) -> None:
    memory = MemoryNode()
    now = int(memory.clock.now().timestamp()) + ahead
    signed = _signed(_claims(memory, iat=now, exp=now + 60))
    assert TokenIssuer(memory.services()).exchange(signed, wanted=None).token


def test_the_clock_is_only_told_to_those_whose_signature_holds() -> None:
    memory = MemoryNode()
    now = int(memory.clock.now().timestamp()) + 3600
    other = AuthPrivateKey.from_seed(b"x" * 32)
    forged = _with_header(
        _signed(_claims(memory, iat=now, exp=now + 60), key=other), key=other, kid=PEER_KEY.public.kid
    )
    with pytest.raises(UnauthenticatedError) as caught:
        TokenIssuer(memory.services()).exchange(forged, wanted=None)
    assert not isinstance(caught.value, ClockSkewError)


def _other(memory: MemoryNode) -> str:
    return _signed(_claims(memory), key=AuthPrivateKey.from_seed(b"x" * 32))


_BAD_TOKENS = {
    "signed by an unknown key": _other,
    "signed by another client's key": lambda memory: _signed(_claims(memory), key=PARTNER_KEY),
    "signed by an unknown key under a known id": lambda memory: _with_header(
        _other(memory), key=AuthPrivateKey.from_seed(b"x" * 32), kid=PEER_KEY.public.kid
    ),
    "an ordinary JWT": lambda memory: _signed(_claims(memory), typ="JWT"),
    "an access token's type": lambda memory: _signed(_claims(memory), typ=TOKEN_TYP),
    "type in other case": lambda memory: _signed(_claims(memory), typ=ASSERTION_TYP.upper()),
    "no algorithm": lambda memory: _with_header(_signed(_claims(memory)), alg="none"),
    "HMAC": lambda memory: _with_header(_signed(_claims(memory)), alg="HS256"),
    "Ed25519 by its other name": lambda memory: _with_header(_signed(_claims(memory)), alg="Ed25519"),
    "no key id": lambda memory: _with_header(_signed(_claims(memory)), kid=DROP),
    "a long key id": lambda memory: _with_header(_signed(_claims(memory)), kid="k" * 65),
    "a critical extension": lambda memory: _with_header(_signed(_claims(memory)), crit=["x"], x=1),
    "a detached payload": lambda memory: _with_header(_signed(_claims(memory)), b64=False, crit=["b64"]),
    "cut": lambda memory: _signed(_claims(memory))[:-1],
    "something critical": lambda memory: _with_header(_signed(_claims(memory)), crit=["b64"], b64=True),
    "extended": lambda memory: _signed(_claims(memory)) + "A",
    "padded": lambda memory: _signed(_claims(memory)) + "==",
    "padded in front": lambda memory: _signed(_claims(memory)).replace(".", "==.", 1),
    "with spare bits": lambda memory: _respelt(_signed(_claims(memory))),
    "with a line's end": lambda memory: _signed(_claims(memory)) + "\n",
    "four parts": lambda memory: _signed(_claims(memory)) + ".AAAA",
    "empty": lambda memory: "",
    "no dots": lambda memory: "abc",
    "not ascii": lambda memory: "é.é.é",
    "huge": lambda memory: "A" * 10_000,
    "a duplicated claim": lambda memory: _raw(b'{"iss":"nl.example","iss":"nl.example"}'),
    "a list as claims": lambda memory: _raw(b"[]"),
    "claims that are not JSON": lambda memory: _raw(b"\xff"),
    "claims nested deeply": lambda memory: _raw(b"[" * 5000),
}


def _respelt(token: str) -> str:
    """The same bytes in another spelling: 64 bytes leave four bits of the last character unused."""
    following = chr(ord(token[-1]) + 1)
    assert urlsafe_b64decode(f"{token[:-1]}{following}".split(".")[2] + "==") == urlsafe_b64decode(
        token.split(".")[2] + "=="
    )
    return token[:-1] + following


def _raw(payload: bytes) -> str:
    header = _encode({"alg": "EdDSA", "typ": ASSERTION_TYP, "kid": PEER_KEY.public.kid})
    signing = f"{header}.{urlsafe_b64encode(payload).rstrip(b'=').decode()}"
    return f"{signing}.{urlsafe_b64encode(PEER_KEY.sign(signing.encode())).rstrip(b'=').decode()}"


@pytest.mark.parametrize("make", _BAD_TOKENS.values(), ids=_BAD_TOKENS)
def test_what_is_no_assertion_is_refused_without_saying_why(make: Callable[[MemoryNode], str]) -> None:
    memory = MemoryNode()
    token = make(memory)
    with pytest.raises(UnauthenticatedError) as caught:
        TokenIssuer(memory.services()).exchange(token, wanted=None)
    assert str(caught.value) == "the credential presented does not verify"
    assert caught.value.__cause__ is None


@pytest.mark.threat("a forged credential")
def test_every_flipped_bit_of_a_signature_is_refused() -> None:
    memory = MemoryNode()
    issuer = TokenIssuer(memory.services())
    head, payload, signature = _signed(_claims(memory)).split(".")
    raw = bytearray(urlsafe_b64decode(signature + "=="))
    for bit in range(len(raw) * 8):
        raw[bit // 8] ^= 1 << bit % 8
        flipped = urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
        with pytest.raises(UnauthenticatedError):
            issuer.exchange(f"{head}.{payload}.{flipped}", wanted=None)
        raw[bit // 8] ^= 1 << bit % 8
    assert issuer.exchange(f"{head}.{payload}.{signature}", wanted=None).token


@pytest.mark.parametrize("issuer", ["\ud800", "\x00", "a\nb", ""], ids=ascii)
def test_a_name_that_cannot_be_printed_is_not_even_looked_up(issuer: str) -> None:
    """Nothing is verified yet: a stranger's name must not fail in the database."""
    looked_up: list[str] = []

    def choose(name: str, _kid: str) -> None:
        looked_up.append(name)

    token = _signed({"iss": issuer})
    with pytest.raises(UnauthenticatedError):
        jose.read_token(token, typ=ASSERTION_TYP, choose=choose)
    assert looked_up == ([] if issuer else [""])


@pytest.mark.threat("a forged credential")
def test_keys_offered_in_a_header_are_not_looked_at() -> None:
    memory = MemoryNode()
    own = AuthPrivateKey.from_seed(b"x" * 32)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": urlsafe_b64encode(own.public.raw).decode()}
    forged = _with_header(
        _signed(_claims(memory), key=own),
        key=own,
        kid=PEER_KEY.public.kid,
        jwk=jwk,
        jku="https://evil.example",
    )
    with pytest.raises(UnauthenticatedError):
        TokenIssuer(memory.services()).exchange(forged, wanted=None)
    harmless = _with_header(_signed(_claims(memory)), jwk=jwk, x5u="https://evil.example")
    assert TokenIssuer(memory.services()).exchange(harmless, wanted=None).token


def _token(memory: MemoryNode) -> str:
    return TokenIssuer(memory.services()).exchange(_signed(_claims(memory)), wanted=None).token


async def test_a_token_names_its_caller() -> None:
    memory = MemoryNode()
    caller = await TokenGate(memory.services()).caller(_token(memory))
    assert (caller.client, caller.kind) == (PEER, CallerKind.PEER)
    assert caller.reads_logs
    assert caller.collections == {1, 2}
    assert caller.subsets == frozenset()


async def test_a_token_expires() -> None:
    memory = MemoryNode()
    gate, token = TokenGate(memory.services()), _token(memory)
    memory.clock.advance(TOKEN_SECONDS - 1)
    assert (await gate.caller(token)).client == PEER
    memory.clock.advance(1)
    with pytest.raises(TokenExpiredError):
        await gate.caller(token)


@pytest.mark.threat("somebody else's access")
async def test_a_verified_token_is_remembered_for_half_a_minute_only() -> None:
    memory = MemoryNode()
    gate, token = TokenGate(memory.services()), _token(memory)
    asked = memory.directory.asked
    for _ in range(5):
        await gate.caller(token)
    assert memory.directory.asked == asked + 1
    memory.directory.known.clear()
    memory.clock.advance(30)
    with pytest.raises(UnauthenticatedError):
        await gate.caller(token)


async def test_the_memory_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.web.auth._CACHE_TOKENS", 2)
    memory = MemoryNode()
    gate = TokenGate(memory.services())
    issuer = TokenIssuer(memory.services())
    for number in range(4):
        token = issuer.exchange(_signed(_claims(memory, jti=f"id-{number}")), wanted=None).token
        await gate.caller(token)
    assert len(gate._cache) == 2


async def test_a_grant_that_shrinks_shrinks_the_tokens_too() -> None:
    memory = MemoryNode()
    gate, token = TokenGate(memory.services()), _token(memory)
    narrowed = partner_credential()
    memory.directory.known[PEER, PEER_KEY.public.kid] = type(narrowed)(
        client=PEER, kind=CallerKind.PEER, key=PEER_KEY.public, scopes=frozenset({"open:2"})
    )
    assert (await gate.caller(token)).scopes == {"open:2"}


_TOKEN_CHANGES: dict[str, dict[str, object]] = {
    "bound to a key": {"cnf": {"x5t#S256": "x"}},
    "of another audience": {"aud": "https://nl.example"},
    "of another issuer": {"iss": "https://nl.example"},
    "without expiry": {"exp": DROP},
    "without a client": {"sub": DROP},
    "of an unknown client": {"sub": "gone.example"},
    "without scope": {"scope": DROP},
    "with an empty scope": {"scope": ""},
}


def _token_claims(memory: MemoryNode, **changes: object) -> dict[str, object]:
    token_claims = {"client_kid": PEER_KEY.public.kid, "scope": "log:read", "iss": f"https://{NODE}"}
    return _claims(memory, **(token_claims | changes))


@pytest.mark.parametrize("changes", _TOKEN_CHANGES.values(), ids=_TOKEN_CHANGES)
async def test_a_token_of_our_own_key_with_other_claims_is_refused(changes: dict[str, object]) -> None:
    memory = MemoryNode()
    gate = TokenGate(memory.services())
    good = jose.sign_token(_token_claims(memory), typ=TOKEN_TYP, signer=TOKEN_KEY)  # type: ignore[arg-type]
    assert (await gate.caller(good)).client == PEER
    bad = jose.sign_token(_token_claims(memory, **changes), typ=TOKEN_TYP, signer=TOKEN_KEY)  # type: ignore[arg-type]
    with pytest.raises(UnauthenticatedError):
        await gate.caller(bad)


async def test_an_assertion_or_another_key_is_no_access_token() -> None:
    memory = MemoryNode()
    gate = TokenGate(memory.services())
    claims = _token_claims(memory)
    own_key = TokenPrivateKey.from_seed(b"z" * 32)
    for token in (
        _signed(claims),
        jose.sign_token(claims, typ=TOKEN_TYP, signer=own_key),  # type: ignore[arg-type]
        jose.sign_token(claims, typ=ASSERTION_TYP, signer=TOKEN_KEY),  # type: ignore[arg-type]
        "\udcff",
    ):
        with pytest.raises(UnauthenticatedError):
            await gate.caller(token)


_SCOPES = {
    "plain": ({"open:1", "open:1024"}, {1, 1024}),
    "leading zero": ({"open:01"}, set()),
    "not a number": ({"open:x", "open:", "open:-1", "open:1.0", "open:²"}, set()),
    "too long": ({"open:100000"}, set()),
    "another kind": ({"opened:1", "query:1"}, set()),
}


@pytest.mark.parametrize(("scopes", "collections"), _SCOPES.values(), ids=_SCOPES)
def test_an_unreadable_scope_reads_nothing(scopes: set[str], collections: set[int]) -> None:
    caller = Caller(client=PEER, kind=CallerKind.PEER, scopes=frozenset(scopes))
    assert caller.collections == collections
    assert not caller.reads_logs


def test_algorithm_objects_take_no_key_from_a_token() -> None:
    with pytest.raises(NotImplementedError):
        jose._EdDsa.from_jwk({})
    with pytest.raises(NotImplementedError):
        jose._EdDsa.to_jwk(b"")
