"""A certificate is replaced while clients ask: nobody is refused on the way, and the old key is nobody's afterwards."""

import asyncio
import ssl

import pytest

from node.clock import system_entropy
from node.errors import WrongPinError
from node.tls import TlsIdentity, create_identity
from node.web.listener import Listener
from node.web.settings import WebSettings
from protocol.messages import EvaluationRequest
from support.asking import kept_asking
from support.fakes_api import IDENTITY, LIST, NODE, START, Loopback, MemoryNode, SlowSubset, node_on_loopback

NEXT = create_identity(NODE, now=START)
BOTH = frozenset({IDENTITY.spki_sha256, NEXT.spki_sha256})
"""What the node document pins while the certificate is replaced."""
UNLIMITED = WebSettings(caller_burst=10**6, address_burst=10**6)
REQUEST = EvaluationRequest(subset_id=b"s" * 16, epoch=1, request_id=b"r" * 16, elements=b"\0" * 32)


def only(identity: TlsIdentity) -> dict[str, object]:
    return {"pins": frozenset({identity.spki_sha256})}


async def _ask(node: Loopback, **changes: object) -> None:
    async with node.as_peer(**changes) as peer:
        assert await peer.checkpoint(LIST, held=None)


async def test_a_certificate_is_replaced_under_load() -> None:
    async with node_on_loopback(settings=UNLIMITED) as node:
        async with kept_asking(node, pins=BOTH):
            assert node.listener.present(NEXT)
            await _ask(node, **only(NEXT))
        with pytest.raises(WrongPinError):
            await _ask(node, **only(IDENTITY))


async def test_what_is_under_way_ends_on_its_own_connection() -> None:
    memory = MemoryNode()
    memory.subset = slow = SlowSubset()
    async with node_on_loopback(memory) as node, node.as_partner(**only(IDENTITY)) as partner:
        asked = asyncio.create_task(partner.evaluate("baseline", REQUEST))
        await slow.started.wait()
        node.listener.present(NEXT)
        await _ask(node, **only(NEXT))
        slow.finish.set()
        assert (await asked).elements == b"\1" * 32


@pytest.mark.parametrize("server_name", [NODE, "another.example", None])
async def test_every_client_gets_the_new_one_whatever_it_calls_the_server(server_name: str | None) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with node_on_loopback() as node:
        node.listener.present(NEXT)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", node.server.port, ssl=context, server_hostname=server_name or ""
        )
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert shown == ssl.PEM_cert_to_DER_cert(NEXT.certificate.decode())
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert writer.get_extra_info("ssl_object").session.has_ticket is False
        writer.close()


async def test_a_certificate_that_cannot_be_loaded_changes_nothing() -> None:
    broken = TlsIdentity(NEXT.certificate, IDENTITY.key)
    async with node_on_loopback() as node:
        with pytest.raises(ssl.SSLError):
            node.listener.present(broken)
        await _ask(node, **only(IDENTITY))


def test_the_socket_itself_holds_no_key() -> None:
    """A handshake that nobody gave a certificate fails; the first one would otherwise live as long as the process."""
    listener = Listener(IDENTITY, entropy=system_entropy)
    listener.context.sni_callback = None
    server_in, server_out, client_in, client_out = (ssl.MemoryBIO() for _ in range(4))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client = context.wrap_bio(client_in, client_out)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    server_in.write(client_out.read())
    server = listener.context.wrap_bio(server_in, server_out, server_side=True)
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):  # OpenSSL has no key for TLS 1.3
        server.do_handshake()
