"""TLS: what is pinned, when it is checked, what is refused."""

import asyncio
import ssl
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from node.clock import system_entropy
from node.errors import PeerUnreachableError, WrongPinError
from node.tls import (
    TlsIdentity,
    client_context,
    create_identity,
    server_context,
    spki_sha256,
    unpinned_context,
)
from support.fakes_api import IDENTITY, NODE, START, RecordingTraffic, node_on_loopback, remote_to
from support.hostile import hostile, reply, says

OTHER = create_identity("other.example", now=START)


def _der(identity: TlsIdentity) -> bytes:
    certificate = x509.load_pem_x509_certificate(identity.certificate)
    return certificate.public_bytes(serialization.Encoding.DER)


def test_a_new_identity_is_a_p256_certificate_of_its_node() -> None:
    certificate = x509.load_pem_x509_certificate(IDENTITY.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NODE]
    assert certificate.not_valid_before_utc < START < certificate.not_valid_after_utc
    certificate.verify_directly_issued_by(certificate)


def test_the_pin_is_the_sha256_of_the_public_key_info() -> None:
    key = serialization.load_der_private_key(IDENTITY.key, None).public_key()
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert IDENTITY.spki_sha256 == sha256(spki).digest() == spki_sha256(_der(IDENTITY))
    assert OTHER.spki_sha256 != IDENTITY.spki_sha256


def test_the_private_key_does_not_show_in_a_repr() -> None:
    assert "PRIVATE" not in repr(IDENTITY)
    assert IDENTITY.key.hex()[20:40] not in repr(IDENTITY)
    assert "key=" not in repr(IDENTITY)


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"not a certificate", _der(IDENTITY)[:-1]])
def test_what_is_no_certificate_is_refused_as_a_certificate(data: bytes) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        spki_sha256(data)


def test_a_missing_certificate_is_refused() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        client_context(frozenset({IDENTITY.spki_sha256})).admit(None)


def test_a_client_without_pins_is_a_programming_mistake() -> None:
    with pytest.raises(AssertionError):
        client_context(frozenset())


@pytest.mark.threat("the wire")
def test_contexts_speak_tls_1_3_only() -> None:
    server = server_context(IDENTITY, entropy=system_entropy)
    client = client_context(frozenset({IDENTITY.spki_sha256}))
    assert server.minimum_version == client.minimum_version == ssl.TLSVersion.TLSv1_3
    assert server.num_tickets == 0


async def test_a_tls_1_2_client_is_refused() -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with node_on_loopback() as node:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", node.server.port, ssl=old)


async def test_a_tls_1_2_server_is_not_talked_to() -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    _load(old)
    async with hostile(says(reply(b"{}")), context=old) as server, remote_to(server.url) as remote:
        with pytest.raises(PeerUnreachableError):
            await remote.root()
        assert server.requests == []


def _load(context: ssl.SSLContext) -> None:
    from node.tls import _load as load

    load(context, IDENTITY, passphrase=b"x" * 32)


@pytest.mark.threat("the wire")
async def test_the_pin_is_checked_before_any_request_byte_is_sent() -> None:
    traffic = RecordingTraffic()
    context = server_context(OTHER, entropy=system_entropy)
    async with hostile(says(reply(b"{}")), context=context) as server:
        async with remote_to(server.url, traffic=traffic) as remote:
            with pytest.raises(WrongPinError) as caught:
                await remote.root()
        assert server.requests == []
        assert (traffic.sent, traffic.received) == (0, 0)
        assert "inspecting" in caught.value.hint


async def test_current_and_next_pin_are_both_good_during_a_rotation() -> None:
    pins = frozenset({OTHER.spki_sha256, IDENTITY.spki_sha256})
    for identity in (IDENTITY, OTHER):
        async with node_on_loopback(identity=identity) as node, remote_to(node.url, pins=pins) as remote:
            assert await remote.root() == b'{"root":1}'


async def test_traffic_is_every_byte_above_tls() -> None:
    traffic = RecordingTraffic()
    async with hostile(says(reply(b'{"root":1}'))) as server:
        async with remote_to(server.url, traffic=traffic) as remote:
            await remote.root()
        assert bytes(traffic.sent_bytes) == server.requests[0]
    assert bytes(traffic.received_bytes) == reply(b'{"root":1}')
    assert (traffic.sent, traffic.received) == (len(traffic.sent_bytes), len(traffic.received_bytes))


async def test_an_unpinned_context_notes_whom_it_saw() -> None:
    context = unpinned_context()
    async with hostile(says(b"")) as server:
        port = int(server.url.rsplit(":", 1)[1])
        _reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.close()
    assert context.seen == {IDENTITY.spki_sha256}


def test_a_certificate_may_be_of_any_age_because_only_its_key_counts() -> None:
    old = create_identity(NODE, now=datetime(1999, 1, 1, tzinfo=UTC), days=1)
    context = client_context(frozenset({old.spki_sha256}))
    context.admit(_der(old))
    assert context.seen == {old.spki_sha256}
