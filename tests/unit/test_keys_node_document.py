"""The node document: what it holds, what its parts may be, and under which root it opens."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from keys.errors import KeysError, MalformedKeyError, MalformedTrustError, NotCurrentError, ThresholdError
from keys.key import AuthPublicKey, LogPublicKey, RootPublicKey, TokenPublicKey, WitnessPublicKey
from keys.roles import Role
from keys.trust.fingerprint import fingerprint
from keys.trust.names import is_log_name, is_node_name, is_origin_of
from keys.trust.node_document import NodeDocument, from_json, open_node_document, sign_node_document, to_json
from keys.trust.node_parts import (
    DatedKey,
    Endpoint,
    EpochInfo,
    FinalCheckpoint,
    LogInfo,
    LogStatus,
    NodeLimits,
    SubsetInfo,
    WitnessInfo,
)
from keys.trust.tuf.root import open_root
from keys.trust.tuf.write_root import author_root
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window, valid_at
from support.trust import (
    AUTH_KEY,
    LIST_KEY,
    NEXT,
    NODE,
    NOW,
    ROOT_KEYS,
    STATEMENT_KEY,
    TARGETS_KEYS,
    TOKEN_KEY,
    VALID,
    WITNESS_KEY,
    closed_list_info,
    list_info,
    node_document,
    root_content,
    trusted_root,
    witness_info,
)

ORIGIN = f"{NODE}/lists/main"
URL = "https://fr.example/"
PIN = b"\x01" * 32
IDENTITY_X = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def altered(change: Callable[[dict[str, Any]], object]) -> bytes:
    fields = json.loads(to_json(node_document(witness=witness_info())))
    change(fields)
    return json.dumps(fields).encode()


@pytest.mark.parametrize("witness", [None, witness_info()], ids=["no witness", "witness"])
def test_what_was_written_is_what_is_read(witness: WitnessInfo | None) -> None:
    document = node_document(witness=witness)
    assert from_json(to_json(document)) == document
    assert to_json(from_json(to_json(document))) == to_json(document)


def test_a_contact_is_written_when_there_is_one() -> None:
    document = replace(node_document(), contact="duty desk, +31 20 000 0000")
    assert from_json(to_json(document)) == document
    assert b"contact" not in to_json(node_document())


def test_revocations_are_named_once_there_are_some() -> None:
    document = replace(node_document(), revoked_sha256=b"\x0a" * 32)
    assert from_json(to_json(document)) == document
    assert b"revoked" not in to_json(node_document())
    with pytest.raises(MalformedTrustError, match="revoked_sha256"):
        replace(document, revoked_sha256=b"\x0a" * 16)


@pytest.mark.parametrize("contact", ["", "x" * 201, "two\nlines", "Büro"], ids=ascii)
def test_a_contact_is_one_printable_line(contact: str) -> None:
    with pytest.raises(MalformedTrustError):
        replace(node_document(), contact=contact)
    with pytest.raises(MalformedTrustError):
        from_json(altered(lambda fields: fields.update(contact=contact)))


def test_a_signed_document_opens_under_its_root() -> None:
    data = sign_node_document(node_document(), TARGETS_KEYS[:2])
    assert open_node_document(data, trusted_root()) == node_document()


def test_what_opened_under_one_root_does_not_open_under_another() -> None:
    data, root = sign_node_document(node_document(), TARGETS_KEYS), trusted_root()
    assert open_node_document(data, root) is open_node_document(bytes(data), root), "verified once"
    with pytest.raises(MalformedTrustError):
        open_node_document(data, trusted_root(node="nl.example"))


def test_a_document_signed_by_too_few_does_not_open() -> None:
    with pytest.raises(ThresholdError):
        open_node_document(sign_node_document(node_document(), TARGETS_KEYS[:1]), trusted_root())


def test_a_document_about_another_node_does_not_open() -> None:
    # The same people may hold the roots of two nodes.
    data = sign_node_document(node_document(), TARGETS_KEYS)
    with pytest.raises(MalformedTrustError, match="another node than the root"):
        open_node_document(data, trusted_root(node="nl.example"))


def test_a_key_of_the_root_is_no_key_of_the_document() -> None:
    key = AuthPublicKey(ROOT_KEYS[2].public.raw)
    document = node_document(auth_keys=(DatedKey("auth-1", key, VALID),))
    with pytest.raises(MalformedTrustError, match="one key serves as auth and root"):
        open_node_document(sign_node_document(document, TARGETS_KEYS), trusted_root())


def test_unknown_fields_are_ignored_at_any_depth() -> None:
    def extend(fields: dict[str, Any]) -> None:
        fields["new"] = [1]
        fields["logs"][0]["new"] = {}
        fields["limits"]["new"] = None

    assert from_json(altered(extend)) == node_document(witness=witness_info())


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.update(v=2),
        lambda fields: fields.update(node="Fr.example"),
        lambda fields: fields.update(node="nl.example"),
        lambda fields: fields.update(serial=0),
        lambda fields: fields.pop("valid"),
        lambda fields: fields.pop("endpoints"),
        lambda fields: fields.update(limits=None),
        lambda fields: fields["valid"].update(end=None),
        lambda fields: fields["endpoints"][0].update(url="http://fr.example/"),
        lambda fields: fields["endpoints"][0].update(tls_spki_sha256=[]),
        lambda fields: fields["auth_keys"][0].update(kid=""),
        lambda fields: fields["auth_keys"].append(fields["auth_keys"][0]),
        lambda fields: fields["logs"].append(fields["logs"][0]),
        lambda fields: fields["logs"][0].update(status="asleep"),
        lambda fields: fields["logs"][0].update(status="closed"),
        lambda fields: fields["logs"][0].update(origin="nl.example/lists/main"),
        lambda fields: fields["logs"][0].update(predecessor="nl.example/lists/main"),
        lambda fields: fields["logs"][1].update(final_checkpoint=None),
        lambda fields: fields["logs"][1].update(predecessor="fr.example/lists/old"),
        lambda fields: fields["witness"].update(name="nl.example/witness", vkeys=[]),
        lambda fields: fields["subsets"].append(fields["subsets"][0]),
        lambda fields: fields["subsets"][0]["epochs"].append(fields["subsets"][0]["epochs"][0]),
        lambda fields: fields["subsets"][0]["epochs"][0].update(pk="A" * 43),
        lambda fields: fields["limits"].update(max_adds_per_day=-1),
        lambda fields: fields["limits"].update(max_disputes_per_day="many"),
        lambda fields: fields["token_keys"].append({**fields["auth_keys"][0], "kid": "t"}),
    ],
)
def test_another_document_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(MalformedTrustError):
        from_json(altered(change))


def test_an_older_document_names_no_limit_of_disputes() -> None:
    old = from_json(altered(lambda fields: fields["limits"].pop("max_disputes_per_day")))
    assert old.limits.max_disputes_per_day == 500


def test_keys_are_admitted() -> None:
    with pytest.raises(MalformedKeyError):
        from_json(altered(lambda fields: fields["auth_keys"][0].update(x=IDENTITY_X)))


def test_a_field_given_twice_is_refused() -> None:
    with pytest.raises(MalformedTrustError, match="twice"):
        from_json(to_json(node_document()).replace(b'"serial":3', b'"serial":3,"serial":4'))


def test_every_key_is_named_with_its_role() -> None:
    roles = [role for _, role in node_document(witness=witness_info()).key_roles()]
    assert roles == [Role.AUTH, Role.TOKEN, Role.STATEMENT, Role.LOG, Role.LOG, Role.WITNESS, Role.OPRF]


@pytest.mark.parametrize(
    "document",
    [
        lambda: node_document(token_keys=(DatedKey("t", TokenPublicKey(AUTH_KEY.public.raw), VALID),)),
        lambda: node_document(auth_keys=(DatedKey("a", AuthPublicKey(STATEMENT_KEY.public.raw), VALID),)),
        lambda: node_document(auth_keys=(DatedKey("a", AuthPublicKey(LIST_KEY.public.raw), VALID),)),
        lambda: node_document(
            witness=WitnessInfo(
                f"{NODE}/w",
                URL,
                (DatedVkey.of(WitnessPublicKey(LIST_KEY.public.raw), name=f"{NODE}/w", valid=NEXT),),
            )
        ),
        lambda: node_document(subsets=(SubsetInfo("s", (EpochInfo(1, TOKEN_KEY.public.raw, VALID),)),)),
    ],
    ids=["auth and token", "auth and statement", "auth and log", "log and witness", "token and oprf"],
)
def test_no_key_serves_two_roles(document: Callable[[], NodeDocument]) -> None:
    with pytest.raises(MalformedTrustError, match="one key serves as"):
        document()


def test_one_key_may_have_two_windows_in_its_role() -> None:
    key = AUTH_KEY.public
    document = node_document(auth_keys=(DatedKey("a", key, VALID), DatedKey("b", key, NEXT)))
    assert [each.key for each in document.auth_keys] == [key, key]


def test_two_logs_may_share_a_key() -> None:
    origin = f"{NODE}/lists/second"
    vkey = DatedVkey.of(LIST_KEY.public, name=origin, valid=VALID)
    document = node_document(logs=(list_info(), LogInfo(origin=origin, url=URL, vkeys=(vkey,))))
    assert [each.vkeys[0].key for each in document.logs] == [LIST_KEY.public] * 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: Endpoint("https://fr.example", ()),
        lambda: Endpoint("https://fr.example", (PIN, PIN)),
        lambda: Endpoint("https://fr.example", (PIN[:31],)),
        lambda: Endpoint("https://fr.example", tuple(bytes([n]) * 32 for n in range(5))),
        lambda: Endpoint("https://fr.example/" + "x" * 512, (PIN,)),
        lambda: Endpoint("https://user@fr.example/", (PIN,)),
        lambda: Endpoint("https://fr.example:123456/", (PIN,)),
        lambda: Endpoint("https://fr.example/a b", (PIN,)),
        lambda: Endpoint("https://fr.example/\n", (PIN,)),
        lambda: DatedKey("a b", AUTH_KEY.public, VALID),
        lambda: DatedKey("k" * 65, AUTH_KEY.public, VALID),
        lambda: FinalCheckpoint(-1, PIN),
        lambda: FinalCheckpoint(1, PIN[:31]),
        lambda: replace(closed_list_info(), url="ftp://fr.example/"),
        lambda: replace(list_info(), origin=f"{NODE}/lists/other"),
        lambda: replace(
            closed_list_info(),
            vkeys=(DatedVkey.of(WITNESS_KEY.public, name=f"{NODE}/lists/old", valid=VALID),),
        ),
        lambda: WitnessInfo("fr.example/a+b", URL, ()),
        lambda: WitnessInfo("fr.example/a b", URL, ()),
        lambda: WitnessInfo(
            "fr.example/w", URL, (DatedVkey.of(LIST_KEY.public, name="fr.example/w", valid=VALID),)
        ),
        lambda: EpochInfo(-1, PIN, VALID),
        lambda: EpochInfo(2**32, PIN, VALID),
        lambda: EpochInfo(1, PIN[:31], VALID),
        lambda: SubsetInfo("Hosters", ()),
        lambda: NodeLimits(max_adds_per_day=2**53, max_withdraws_per_day=1, max_checkpoint_age_s=1),
        lambda: node_document(serial=2**53),
        lambda: node_document(node="fr..example"),
    ],
)
def test_another_part_is_refused_when_it_is_made(make: Callable[[], object]) -> None:
    with pytest.raises(MalformedTrustError):
        make()


@pytest.mark.parametrize(
    "url",
    [
        "https://fr.example",
        "https://fr.example/",
        "https://localhost:8443/a?b",
        "https://[::1]:8443/",
        "https://127.0.0.1",
    ],
)
def test_addresses(url: str) -> None:
    assert Endpoint(url, (PIN,)).url == url


# ---------------------------------------------------------------- verifier keys


def test_a_published_vkey_reads() -> None:
    # C2SP signed-note, "Verifier keys": an Ed25519 key and its text.
    vkey = DatedVkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", VALID)
    assert vkey.name == "example.com/foo"
    assert isinstance(vkey.key, LogPublicKey)


def test_a_vkey_holds_its_key() -> None:
    log = DatedVkey.of(LIST_KEY.public, name=ORIGIN, valid=VALID)
    witness = DatedVkey.of(WITNESS_KEY.public, name=ORIGIN, valid=VALID)
    assert (log.name, log.key) == (ORIGIN, LIST_KEY.public)
    assert (witness.name, witness.key) == (ORIGIN, WITNESS_KEY.public)
    assert log.vkey.startswith(f"{ORIGIN}+")


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "fr.example/lists/main",
        "fr.example/lists/main+00000000+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo +530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+====",
    ],
    ids=["empty", "no key", "wrong hash", "capitals", "space", "newline", "unknown type", "no bytes"],
)
def test_another_vkey_is_refused(vkey: str) -> None:
    with pytest.raises(MalformedTrustError):
        DatedVkey(vkey, VALID)


def test_the_key_in_a_vkey_is_admitted() -> None:
    smuggled = object.__new__(LogPublicKey)
    object.__setattr__(smuggled, "raw", bytes(32))
    with pytest.raises(MalformedKeyError):
        DatedVkey.of(smuggled, name=ORIGIN, valid=VALID)


# ---------------------------------------------------------------- windows and names


def test_a_window_has_its_start_and_not_its_end() -> None:
    second = timedelta(seconds=1)
    moments = [VALID.start - second, VALID.start, VALID.end - second, VALID.end]
    assert [VALID.covers(moment) for moment in moments] == [False, True, True, False]
    assert NEXT.covers(VALID.end)


def test_a_document_outside_its_window_is_not_current() -> None:
    VALID.require(NOW, "the document")
    with pytest.raises(NotCurrentError, match="the document counts from 2026-11-01T00:00:00Z only"):
        VALID.require(VALID.start - timedelta(seconds=1), "the document")
    with pytest.raises(NotCurrentError, match="the document ended on 2027-05-01T00:00:00Z"):
        VALID.require(VALID.end, "the document")


def test_keys_valid_now() -> None:
    vkeys = list_info().vkeys
    assert valid_at(vkeys, NOW) == vkeys[:1]
    assert valid_at(vkeys, VALID.end) == vkeys[1:]
    assert valid_at(vkeys, NEXT.end) == ()


@pytest.mark.parametrize(
    "start",
    [
        VALID.end,
        VALID.end + timedelta(days=1),
        VALID.start + timedelta(microseconds=1),
        VALID.start.replace(tzinfo=None),
        VALID.start.astimezone(timezone(timedelta(hours=1))),
    ],
    ids=["empty", "backwards", "microsecond", "naive", "another zone"],
)
def test_another_window_is_refused(start: datetime) -> None:
    with pytest.raises(MalformedTrustError):
        Window(start, VALID.end)


@pytest.mark.parametrize(
    "name", ["fr.example", "localhost", "a", "a-b.c-d.1", "x" * 63, ".".join(["x" * 63, "x" * 62, "x"])]
)
def test_node_names(name: str) -> None:
    assert is_node_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a",
        "a-",
        "A",
        "a_b",
        "a b",
        "a\n",
        "a/b",
        "a+b",
        "x" * 64,
        "x." * 64 + "x",
        "\u00e9",
    ],
)
def test_other_node_names(name: str) -> None:
    assert not is_node_name(name)


@pytest.mark.parametrize(
    ("origin", "ours"),
    [
        ("fr.example/lists/main", True),
        ("fr.example/subsets/hosters-2", True),
        ("nl.example/lists/main", False),
        ("fr.example/keys/main", False),
        ("fr.example/lists/", False),
        ("fr.example/lists", False),
        ("fr.example", False),
        ("fr.example/lists/a/b", False),
        ("fr.example/lists/Main", False),
        ("xfr.example/lists/main", False),
    ],
)
def test_origins(origin: str, ours: bool) -> None:
    assert is_origin_of(origin, "fr.example") is ours


def test_log_names() -> None:
    assert is_log_name("x" * 64)
    assert not is_log_name("x" * 65)
    assert not is_log_name("x-")


def test_a_root_of_other_keys_does_not_open_the_document() -> None:
    content = replace(root_content(), targets_keys=(TARGETS_KEYS[0].public,), targets_threshold=1)
    other = author_root(content, ROOT_KEYS)
    with pytest.raises(KeysError):
        open_node_document(
            sign_node_document(node_document(), TARGETS_KEYS[1:]), open_root(other, fingerprint(other))
        )


def test_parts_keep_their_types() -> None:
    document = from_json(to_json(node_document(witness=witness_info())))
    assert isinstance(document.auth_keys[0].key, AuthPublicKey)
    assert not isinstance(document.auth_keys[0].key, RootPublicKey)
    assert document.logs[1].status is LogStatus.CLOSED
    assert document.valid.start == datetime(2026, 11, 1, tzinfo=UTC)
