"""Ed25519 where verifiers are known to differ: which keys are admitted, which signatures count, and at every place.

Nodes that disagree about one signature see two histories. So what counts is decided once, in `keys.key`; the tables
below show that no place where a signature counts decides otherwise. Spec: docs/spec/keys.md, "Admission".
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keys.encoding import Fields
from keys.errors import BadSignatureError, MalformedKeyError, MalformedTrustError, ThresholdError
from keys.key import (
    AuthPublicKey,
    LogPublicKey,
    PublicKey,
    RootPrivateKey,
    RootPublicKey,
    SnapshotPublicKey,
    StatementPublicKey,
    TargetsPublicKey,
    TimestampPublicKey,
    TokenPublicKey,
    WitnessPublicKey,
)
from keys.trust.envelope import open_envelope, seal
from keys.trust.fingerprint import fingerprint
from keys.trust.holder_card import make_card, read_card
from keys.trust.node_parts import DatedKey, read_key
from keys.trust.statement import open_statement, seal_statement
from keys.trust.tuf.holders import Holder
from keys.trust.tuf.repository import author_targets, open_targets
from keys.trust.tuf.root import TrustedRoot, open_root
from keys.trust.tuf.write_root import author_root
from keys.trust.vkey import DatedVkey
from node import jose
from node.errors import UnauthenticatedError
from node.ports.callers import ASSERTION_TYP, TOKEN_TYP
from node.web.auth import TokenGate, TokenIssuer
from protocol.errors import MalformedError, UntrustedError
from protocol.tlog.cosignature import cosign, verify_cosignatures
from protocol.tlog.note import Note, VerifierKey, sign_note, verify_note
from support.edwards import TORSION
from support.fakes_api import NODE, PEER, PEER_KEY, MemoryNode, peer_credential
from support.irregular import IRREGULAR, REGULAR, Irregularity, IrregularSigner, smuggle
from support.trust import EXPIRES, VALID, root_content

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "vectors"
VECTORS = json.loads((FOLDER / "ed25519_edge_cases.json").read_text("utf-8"))
RECORDED = json.loads((FOLDER / "ed25519_refused_keys.json").read_text("utf-8"))["keys"]

HOLDER = RootPrivateKey.from_seed(bytes(32))

CCTV_CLASSES = {
    "low_order_A",
    "low_order_R",
    "low_order_component_A",
    "low_order_component_R",
    "low_order_residue",
    "non_canonical_A",
    "non_canonical_R",
    "reencoded_k",
}
CLASSES = sorted(CCTV_CLASSES | {"identity_key", "non_canonical_S"})


def name_of(vector: dict[str, Any]) -> str:
    return f"{vector['class']}: {vector['name']}"


# ------------------------------------------------------------------ the vectors


def test_every_class_and_every_case_of_the_literature_is_there() -> None:
    signatures = VECTORS["signatures"]
    assert {vector["class"] for vector in signatures} == {"regular", *CLASSES}
    assert {f"taming {number}" for number in range(12)} <= {vector["name"] for vector in signatures}


def test_the_arithmetic_finds_the_low_order_encodings_that_others_have_tabled() -> None:
    found = {raw.hex() for point in TORSION for raw in point.encodings()}
    assert found == {key["raw"] for key in RECORDED[:14]}


def test_there_are_signatures_that_only_the_cofactor_lets_pass() -> None:
    """If none of them were, nothing here would tell a verifier with the cofactor from ours."""
    split = [
        vector for vector in VECTORS["signatures"] if vector["cofactored"] and not vector["cofactorless"]
    ]
    assert {vector["class"] for vector in split if vector["admitted"]} >= {
        "low_order_component_R",
        "low_order_R",
    }


@pytest.mark.parametrize("vector", VECTORS["keys"], ids=name_of)
def test_only_keys_of_prime_order_in_their_canonical_form_are_admitted(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["raw"])
    if vector["admitted"]:
        assert LogPublicKey.from_bytes(raw).raw == raw
        return
    with pytest.raises(MalformedKeyError):
        LogPublicKey.from_bytes(raw)


@pytest.mark.parametrize("vector", VECTORS["signatures"], ids=name_of)
def test_signatures_verify_as_the_specification_says(vector: dict[str, Any]) -> None:
    """`verifies` is what remains when admission is left out: the second line, and where it has holes."""
    public, message, signature = (bytes.fromhex(vector[name]) for name in ("public", "message", "signature"))
    if vector["verifies"]:
        smuggle(LogPublicKey, public).verify(message, signature)
    else:
        with pytest.raises(BadSignatureError):
            smuggle(LogPublicKey, public).verify(message, signature)


@pytest.mark.threat("a forged credential")
def test_admission_and_verification_together_leave_the_regular_one() -> None:
    good = [vector for vector in VECTORS["signatures"] if vector["admitted"] and vector["verifies"]]
    assert [vector["class"] for vector in good] == ["regular"]


def test_another_library_alone_would_accept_many_of_them() -> None:
    """Why keys are admitted before other software sees them, and why that software does not decide here."""
    accepted = set()
    for vector in VECTORS["signatures"]:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vector["public"]))
        try:
            key.verify(bytes.fromhex(vector["signature"]), bytes.fromhex(vector["message"]))
        except Exception:  # noqa: BLE001 - it raises classes of two kinds
            continue
        accepted.add(vector["class"])
    assert accepted >= {
        "identity_key",
        "low_order_A",
        "low_order_R",
        "low_order_component_A",
        "non_canonical_A",
    }


# ------------------------------------------------------------------ the places


def _signer(kind: type[PublicKey], how: Irregularity) -> Any:
    """As `Any`: our writers want the types of honest keys, and this is none."""
    return IrregularSigner(kind, how)


def _as_read(kind: type[PublicKey], how: Irregularity) -> Any:
    """The key as it comes out of a node document."""
    dated = DatedKey("k", smuggle(kind, how.public), VALID)
    return read_key(Fields(dated.to_fields(), where="keys", error=MalformedTrustError), kind).key


def _note(how: Irregularity) -> None:
    text, signer = "fr.example/lists/main\n3\nroot\n", _signer(LogPublicKey, how)
    note = Note(text, (sign_note(text, "fr.example/lists/main", signer),))
    vkey = VerifierKey.of_log("fr.example/lists/main", signer.public).to_text()
    assert verify_note(Note.parse(note.to_bytes()), [VerifierKey.from_text(vkey)])


def _cosignature(how: Irregularity) -> None:
    text, signer = "fr.example/lists/main\n3\nroot\n", _signer(WitnessPublicKey, how)
    note = Note(text, (cosign(text, "nl.example/w1", signer, 1_700_000_000),))
    vkey = VerifierKey.of_witness("nl.example/w1", signer.public).to_text()
    assert verify_cosignatures(Note.parse(note.to_bytes()), [VerifierKey.from_text(vkey)])


def _root_of(**changes: Any) -> TrustedRoot:
    """A root with these fields, signed by one honest holder unless it says otherwise; reads what it wrote."""
    signer = changes.pop("signer", HOLDER)
    fields: dict[str, Any] = {"root_keys": (HOLDER.public,), "threshold": 1} | changes
    content = replace(root_content(), **fields)
    data = author_root(content, [signer])
    return open_root(data, fingerprint(data))


def _root(how: Irregularity) -> None:
    signer = _signer(RootPublicKey, how)
    assert _root_of(root_keys=(signer.public,), signer=signer).version == 1


def _trust_document(how: Irregularity) -> None:
    signer = _signer(TargetsPublicKey, how)
    root = _root_of(targets_keys=(signer.public,), targets_threshold=1)
    assert open_envelope(seal("members", b"{}", [signer]), "members", root) == b"{}"


def _metadata(how: Irregularity) -> None:
    signer = _signer(TargetsPublicKey, how)
    root = _root_of(targets_keys=(signer.public,), targets_threshold=1)
    data = author_targets(root, {}, version=1, expires=EXPIRES, signers=[signer])
    assert open_targets(data, root).version == 1


def _holder_card(how: Irregularity) -> None:
    signer = _signer(RootPublicKey, how)
    holder = Holder(name="anna", root=signer.public, targets=None)
    assert read_card(make_card(NODE, holder, [signer]), NODE) == holder


def _statement(how: Irregularity) -> None:
    sealed = seal_statement("receipt", b"payload", _signer(StatementPublicKey, how))
    assert open_statement(sealed, "receipt", [_as_read(StatementPublicKey, how)]) == b"payload"


def _claims(memory: MemoryNode) -> dict[str, str | int]:
    now = int(memory.clock.now().timestamp())
    return {"aud": f"https://{NODE}", "iat": now, "exp": now + 60, "jti": "0123456789abcdef"}


def _assertion(how: Irregularity) -> None:
    memory, signer = MemoryNode(), _signer(AuthPublicKey, how)
    credential = peer_credential(_as_read(AuthPublicKey, how))
    memory.directory.known[PEER, credential.key.kid] = credential
    claims = _claims(memory) | {"iss": PEER, "sub": PEER}
    token = jose.sign_token(claims, typ=ASSERTION_TYP, signer=signer)
    assert TokenIssuer(memory.services()).exchange(token, wanted=None).token


def _access_token(how: Irregularity) -> None:
    memory, signer = MemoryNode(), _signer(TokenPublicKey, how)
    services = replace(memory.services(), token_keys=lambda: (_as_read(TokenPublicKey, how),))
    of_client = {"client_kid": PEER_KEY.public.kid, "scope": "log:read"}
    claims = _claims(memory) | {"iss": f"https://{NODE}", "sub": PEER} | of_client
    token = jose.sign_token(claims, typ=TOKEN_TYP, signer=signer)
    assert asyncio.run(TokenGate(services).caller(token)).client == PEER


class Place(NamedTuple):
    receives: Callable[[Irregularity], None]
    """Writes with our own writer and the irregular signer, reads with our reader; raises when it is refused."""
    refuses_key: type[Exception]
    refuses_signature: type[Exception]


PLACES = {
    "checkpoint": Place(_note, MalformedError, UntrustedError),
    "cosignature": Place(_cosignature, MalformedError, UntrustedError),
    "root": Place(_root, MalformedKeyError, ThresholdError),
    "trust document": Place(_trust_document, MalformedKeyError, ThresholdError),
    "TUF metadata": Place(_metadata, MalformedKeyError, ThresholdError),
    "holder card": Place(_holder_card, MalformedKeyError, BadSignatureError),
    "statement": Place(_statement, MalformedKeyError, BadSignatureError),
    "client assertion": Place(_assertion, MalformedKeyError, UnauthenticatedError),
    "access token": Place(_access_token, MalformedKeyError, UnauthenticatedError),
}
"""Where a signature counts; the enrolment of a partner is in tests/service/test_admission.py."""


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_an_honest_key_signs_is_accepted(place: Place) -> None:
    """Who receives it raises otherwise, as it does below."""
    place.receives(REGULAR)


@pytest.mark.threat("two documents", "a forged credential")
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("kind", CLASSES)
def test_no_place_accepts_what_is_irregular(place: Place, kind: str) -> None:
    tried = 0
    for how in IRREGULAR:
        if how.kind == kind and how.signs_everything:
            honest_key = how.public == REGULAR.public
            with pytest.raises(place.refuses_signature if honest_key else place.refuses_key):
                place.receives(how)
            tried += 1
    assert tried


def test_the_table_names_every_place() -> None:
    """A new verifier of signatures must come into the table above; what is asked without a signature verifies none."""
    callers = _files_with(r"\.verify\((?!\))") - {"keys/key.py"}
    assert callers == {
        "keys/trust/tuf/keys.py",  # root, trust document, TUF metadata
        "keys/trust/statement.py",
        "keys/trust/holder_card.py",
        "keys/trust/proposals/sign.py",  # by keys of a root, and again when put in force
        "protocol/tlog/note.py",  # checkpoint, cosignature
        "node/jose.py",  # client assertion, access token
        "node/partners/admission.py",
        "node/partners/key_renewal.py",  # of a partner, like admitting
        "node/signing/verified_signer.py",  # our own, from an agent, a token or the signer process
        "node/identity/distant_keys.py",
    }
    assert _files_with(r"^(from|import) nacl\b") == {"keys/key.py"}
    assert _files_with(r"asymmetric(\.| import .*)ed25519|verify_signature\(|verify_delegate\(") == set()


def _files_with(pattern: str) -> set[str]:
    files = (path for package in ("keys", "protocol", "node") for path in (ROOT / package).rglob("*.py"))
    found = re.compile(pattern, re.MULTILINE)
    return {path.relative_to(ROOT).as_posix() for path in files if found.search(path.read_text("utf-8"))}


# ------------------------------------------------------------------ keys in documents


def _root_with(**keys: PublicKey) -> None:
    _root_of(**{f"{role}_keys": (key,) for role, key in keys.items()}, targets_threshold=1)


def _vkey(key: Any) -> None:
    dated = DatedVkey.of(key, name="fr.example", valid=VALID)
    DatedVkey.read(Fields(dated.to_fields(), where="vkeys", error=MalformedTrustError))


KEY_PLACES: dict[str, tuple[type[PublicKey], Callable[[Any], object]]] = {
    "text": (LogPublicKey, lambda key: LogPublicKey.from_text(key.to_text())),
    "log of a node document": (LogPublicKey, _vkey),
    "witness of a node document": (WitnessPublicKey, _vkey),
    "targets key of a root": (TargetsPublicKey, lambda key: _root_with(targets=key)),
    "snapshot key of a root": (SnapshotPublicKey, lambda key: _root_with(snapshot=key)),
    "timestamp key of a root": (TimestampPublicKey, lambda key: _root_with(timestamp=key)),
}


@pytest.mark.parametrize(("kind", "read"), KEY_PLACES.values(), ids=KEY_PLACES)
def test_no_document_brings_in_an_irregular_key(kind: type[PublicKey], read: Callable[[Any], object]) -> None:
    read(smuggle(kind, bytes.fromhex(VECTORS["keys"][0]["raw"])))
    for vector in _not_admitted(VECTORS["keys"]):
        with pytest.raises(MalformedKeyError):
            read(smuggle(kind, bytes.fromhex(vector["raw"])))


def _not_admitted(keys: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return (key for key in keys if not key["admitted"])
