"""Agencies prove their TLS keys: whose token is good over which connection, and that the next handshake knows it."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from node.errors import WrongCertificateError
from node.tls import (
    TlsIdentity,
    client_certificate,
    client_context,
    create_identity,
    listening_context,
    spki_sha256,
)
from support.fakes_api import (
    IDENTITY,
    LIST,
    PARTNER,
    PARTNER_KEY,
    PEER,
    PEER_KEY,
    PEER_TLS,
    START,
    Loopback,
    MemoryDirectory,
    MemoryNode,
    node_on_loopback,
    peer_credential,
)
from support.raw_http import Raw, raw_to

LIST_PATH = "/lists/main/checkpoint"
NEXT_TLS = create_identity(PEER, now=START)
STRANGER_TLS = create_identity("evil.example", now=START)
SPEC = Path(__file__).parents[2] / "docs" / "spec" / "http.md"


def strict() -> MemoryNode:
    """A node as it is by default."""
    memory = MemoryNode()
    memory.certificates_required = True
    return memory


async def _problem(raw: Raw, token: str) -> str:
    reply = await raw("GET", LIST_PATH, token)
    return "" if reply.status == 200 else reply.problem


# ------------------------------------------------------------------ who gets a token


async def test_agencies_partners_and_strangers_use_one_address() -> None:
    async with node_on_loopback(strict()) as node:
        async with node.as_peer() as peer:
            assert await peer.checkpoint(LIST, held=None)
        async with node.as_partner() as partner:
            assert (await partner._client.scopes()) == {"query:baseline"}
        async with node.as_nobody() as nobody:
            assert await nobody.root()


@pytest.mark.threat("somebody else's access")
@pytest.mark.parametrize(
    "presents", [None, STRANGER_TLS, NEXT_TLS], ids=["none", "a stranger's", "not known yet"]
)
async def test_an_agency_without_its_tls_key_gets_no_token(presents: TlsIdentity | None) -> None:
    """Whoever took its auth key alone; and an agency that is ahead of what this node knows is told what to do."""
    async with node_on_loopback(strict()) as node:
        async with raw_to(node, presents=presents) as thief:
            reply = await thief.token()
            assert (reply.status, reply.problem) == (401, "wrong-certificate")
        async with node.as_peer(presents=presents) as peer:
            with pytest.raises(WrongCertificateError, match="TLS key") as caught:
                await peer.checkpoint(LIST, held=None)
            assert "next sync" in caught.value.hint


async def test_nobody_gets_a_token_over_the_tls_key_of_another() -> None:
    """Issuer, subject and the owner of the connection's key are one, also where no certificate is required."""
    memory = MemoryNode()
    async with node_on_loopback(memory) as node, raw_to(node, presents=PEER_TLS) as raw:
        assert (await raw.token(PARTNER_KEY, PARTNER)).problem == "wrong-certificate"
        assert (await raw.token()).status == 200
    async with node_on_loopback(memory) as node, raw_to(node, presents=STRANGER_TLS) as raw:
        assert (await raw.token()).problem == "wrong-certificate"


async def test_a_refused_certificate_does_not_spend_the_assertion() -> None:
    memory = strict()
    async with node_on_loopback(memory) as node, raw_to(node, presents=STRANGER_TLS) as raw:
        await raw.token()
    assert not memory.replays.used


async def test_an_agency_whose_software_has_no_certificates_can_be_admitted() -> None:
    async with node_on_loopback() as node, raw_to(node) as raw:
        assert await _problem(raw, await raw.peer_token()) == ""


# ------------------------------------------------------------------ where a token is good


@pytest.mark.threat("somebody else's access")
@pytest.mark.parametrize(
    "presents", [None, STRANGER_TLS, NEXT_TLS], ids=["none", "a stranger's", "its next one"]
)
async def test_a_bound_token_is_good_over_its_own_certificate_alone(presents: TlsIdentity | None) -> None:
    memory = strict()
    memory.directory = _knowing(PEER_TLS, NEXT_TLS)
    async with (
        node_on_loopback(memory) as node,
        raw_to(node, presents=PEER_TLS) as own,
        raw_to(node, presents=presents) as other,
    ):
        token = await own.peer_token()
        assert await _problem(other, token) == "wrong-certificate"
        assert await _problem(own, token) == ""
        assert await _problem(own, token) == ""  # from what is remembered,
        assert await _problem(other, token) == "wrong-certificate"  # which is of no use elsewhere


async def test_a_partners_token_is_good_over_no_certificate_of_another() -> None:
    async with (
        node_on_loopback(strict()) as node,
        raw_to(node) as own,
        raw_to(node, presents=PEER_TLS) as agency,
        raw_to(node, presents=STRANGER_TLS) as stranger,
    ):
        token = await own.partner_token()
        path = "/subsets/baseline/checkpoint"
        assert (await own("GET", path, token)).status == 200
        for other in (agency, stranger):
            assert (await other("GET", path, token)).problem == "wrong-certificate"


async def test_an_unbound_token_of_an_agency_ends_when_certificates_are_required() -> None:
    lax, memory = MemoryNode(), strict()
    memory.clock = lax.clock
    async with node_on_loopback(lax) as node, raw_to(node) as raw:
        token = await raw.peer_token()
        assert await _problem(raw, token) == ""
    async with node_on_loopback(memory) as node, raw_to(node, presents=PEER_TLS) as raw:
        assert await _problem(raw, token) == "wrong-certificate"


# ------------------------------------------------------------------ added and removed while the node runs


def _knowing(*identities: TlsIdentity) -> MemoryDirectory:
    memory = MemoryNode()
    credential = replace(
        peer_credential(), tls_spki_sha256=frozenset(each.spki_sha256 for each in identities)
    )
    memory.directory.known[PEER, PEER_KEY.public.kid] = credential
    return memory.directory


async def test_a_peer_is_accepted_and_refused_at_its_next_handshake() -> None:
    memory = strict()
    key = (PEER, PEER_KEY.public.kid)
    added = memory.directory.known.pop(key)
    async with node_on_loopback(memory) as node:
        assert (await _first_answer(node, None)).startswith("unauthenticated")
        memory.directory.known[key] = added
        async with raw_to(node, presents=PEER_TLS) as standing:
            token = await standing.peer_token()
            assert await _problem(standing, token) == ""
            assert await _first_answer(node, token) == ""
            del memory.directory.known[key]
            assert await _first_answer(node, token) == "unauthenticated"
            assert await _problem(standing, token) == "", "a connection that stands is told in half a minute"
            memory.clock.advance(30)
            assert await _problem(standing, token) == "unauthenticated"


async def test_a_replaced_tls_key_is_refused_at_its_next_handshake() -> None:
    memory = strict()
    memory.directory = _knowing(PEER_TLS, NEXT_TLS)
    async with node_on_loopback(memory) as node, raw_to(node, presents=PEER_TLS) as standing:
        token = await standing.peer_token()
        assert await _first_answer(node, token) == ""
        memory.directory.known |= _knowing(NEXT_TLS).known
        assert await _first_answer(node, token) == "wrong-certificate"
        assert await _first_answer(node, None) == "wrong-certificate"
        assert await _first_answer(node, None, presents=NEXT_TLS) == ""


async def _first_answer(node: Loopback, token: str | None, presents: TlsIdentity = PEER_TLS) -> str:
    """What a new connection is told: the name of the problem, empty when there is none."""
    async with raw_to(node, presents=presents) as raw:
        if token is not None:
            return await _problem(raw, token)
        reply = await raw.token()
        return "" if reply.status == 200 else reply.problem


# ------------------------------------------------------------------ certificates


def test_the_client_certificate_has_the_key_of_the_server_and_is_always_the_same() -> None:
    one, again = (client_certificate(PEER_TLS) for _ in range(2))
    assert one == again
    assert one.spki_sha256 == PEER_TLS.spki_sha256
    assert one.certificate != PEER_TLS.certificate


def test_the_authority_is_the_one_of_the_specification() -> None:
    [anchor] = listening_context().get_ca_certs(binary_form=True)
    assert spki_sha256(anchor).hex() in SPEC.read_text()
    issued = x509.load_pem_x509_certificate(client_certificate(PEER_TLS).certificate)
    issued.verify_directly_issued_by(x509.load_der_x509_certificate(anchor))
    assert issued.issuer.rfc4514_string() in " ".join(SPEC.read_text().split())


async def _answer(node: Loopback, context: ssl.SSLContext) -> bytes:
    """What comes back to a plain request; nothing when the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port, ssl=context)
    writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    try:
        return await reader.read()
    except (ssl.SSLError, ConnectionError):
        return b""
    finally:
        writer.close()


async def test_a_certificate_that_an_agency_issued_itself_ends_in_the_handshake(tmp_path: Path) -> None:
    async with node_on_loopback() as node:
        for certificate, answered in ((client_certificate(PEER_TLS), True), (PEER_TLS, False)):
            context = client_context(frozenset({IDENTITY.spki_sha256}))
            _load(context, certificate, tmp_path)
            assert bool(await _answer(node, context)) == answered


def test_a_certificate_is_nothing_without_its_key(tmp_path: Path) -> None:
    stolen = TlsIdentity(client_certificate(PEER_TLS).certificate, STRANGER_TLS.key)
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        _load(client_context(frozenset({IDENTITY.spki_sha256})), stolen, tmp_path)


def _load(context: ssl.SSLContext, identity: TlsIdentity, folder: Path) -> None:
    (folder / "certificate").write_bytes(identity.certificate)
    key = ssl.DER_cert_to_PEM_cert(identity.key).replace("CERTIFICATE", "PRIVATE KEY")
    (folder / "key").write_text(key)
    context.load_cert_chain(folder / "certificate", folder / "key")
