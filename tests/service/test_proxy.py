"""Through a proxy: tunnels, credentials, inspection, and what is said when it fails."""

from pathlib import Path

import pytest

from node.clock import system_entropy
from node.config import Outbound, load_outbound, parse
from node.errors import ConfigError, NotFoundError, PeerUnreachableError, WrongPinError
from node.home import Home
from node.hoster.connection import partner_proxy
from node.remote.bootstrap import fetch_trust
from node.remote.exchange import NotSentError
from node.remote.proxy import Proxy, proxy_of
from node.tls import create_identity
from node.trust.tuf.repository import ServedTuf
from support.fakes_api import IDENTITY, LIST, NODE, QUICK, START, Loopback, MemoryNode, node_on_loopback
from support.processes import free_port
from support.proxies import ConnectProxy, running
from support.tuf_origin import TufOrigin

COMPANY = create_identity("inspection.example", now=START)


async def _ask(node: Loopback, proxy: Proxy) -> bytes | None:
    async with node.as_peer(proxy=proxy) as peer:
        return await peer.checkpoint(LIST, held=None)


async def test_agencies_prove_their_keys_through_a_tunnel_and_the_proxy_reads_nothing() -> None:
    async with node_on_loopback() as node, running(ConnectProxy()) as proxy:
        node.memory.certificates_required = True
        assert await _ask(node, proxy.to())
        assert proxy.heads[0].startswith(b"CONNECT 127.0.0.1:")
        assert b"Proxy-Authorization" not in proxy.heads[0]
        assert LIST.encode() not in proxy.passed
        assert b"/oauth2/token" not in proxy.passed


async def test_first_contact_goes_through_it_too() -> None:
    origin, memory = TufOrigin(), MemoryNode()
    memory.tuf, memory.trust.files["root"] = ServedTuf(origin.files), origin.files.get("1.root.json")
    async with node_on_loopback(memory) as node, running(ConnectProxy()) as proxy:
        found = await fetch_trust(
            node.url,
            origin.roots[0].sha256,
            clock=origin.clock,
            entropy=system_entropy,
            limits=QUICK,
            proxy=proxy.to(),
        )
        assert found.spki_sha256 == IDENTITY.spki_sha256
        assert len(proxy.heads) == 1


async def test_a_proxy_that_wants_credentials_gets_them_and_the_node_does_not() -> None:
    async with node_on_loopback() as node, running(ConnectProxy(credentials="scan:pässword")) as proxy:
        assert await _ask(node, proxy.to("scan", "pässword"))
        with pytest.raises(NotSentError, match="status 407") as caught:
            await _ask(node, proxy.to())
        assert "credentials_file" in caught.value.hint
        with pytest.raises(NotSentError, match="status 407") as caught:
            await _ask(node, proxy.to("scan", "another"))
        assert "another" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(("status", "says"), [(403, "allow CONNECT"), (502, "operators")])
async def test_a_proxy_that_refuses(status: int, says: str) -> None:
    async with node_on_loopback() as node, running(ConnectProxy(refuses=status)) as proxy:
        with pytest.raises(NotSentError, match=f"the outbound proxy refused .status {status}") as caught:
            await _ask(node, proxy.to())
        assert says in caught.value.hint
        assert node.memory.callers == []


async def test_a_proxy_that_hangs_is_given_up() -> None:
    async with node_on_loopback() as node, running(ConnectProxy(hangs=True)) as proxy:
        with pytest.raises(PeerUnreachableError):
            await _ask(node, proxy.to())


async def test_a_proxy_that_is_not_there() -> None:
    async with node_on_loopback() as node:
        with pytest.raises(NotSentError, match="no connection to the outbound proxy") as caught:
            await _ask(node, Proxy(f"http://127.0.0.1:{free_port()}"))
        assert "configuration" in caught.value.hint


@pytest.mark.threat("the wire")
async def test_a_proxy_that_inspects_tls_is_told_by_its_certificate_and_learns_nothing() -> None:
    async with node_on_loopback() as node, running(ConnectProxy(inspects=COMPANY)) as proxy:
        with pytest.raises(WrongPinError) as caught:
            await _ask(node, proxy.to())
        assert "exempt the node from inspection" in caught.value.hint
        assert proxy.passed == b"", "not even an assertion"


async def test_the_environment_does_not_decide_where_we_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with node_on_loopback() as node, node.as_peer() as peer:
        assert await peer.checkpoint(LIST, held=None)


# ------------------------------------------------------------------ configured

NODE_TOML = f'node = "{NODE}"\ncountry = "FR"\n[listen]\nurl = "https://{NODE}/"\n'


def test_a_node_names_its_proxy_in_its_configuration() -> None:
    settings = parse(NODE_TOML + '[outbound]\nproxy = "http://proxy.example:3128"\n', source="x")
    assert proxy_of(settings.outbound) == Proxy("http://proxy.example:3128")
    assert proxy_of(parse(NODE_TOML, source="x").outbound) is None


@pytest.mark.parametrize(
    "url",
    ["https://proxy:3128", "proxy:3128", "http://user:password@proxy:3128", "http://proxy", "socks5://p:1"],
)
def test_what_is_no_proxy_or_holds_a_secret_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"outbound\.proxy"):
        parse(f'{NODE_TOML}[outbound]\nproxy = "{url}"\n', source="x")


def test_credentials_are_in_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "proxy"
    outbound = Outbound(proxy="http://proxy:3128", credentials_file=path)
    with pytest.raises(NotFoundError):
        proxy_of(outbound)
    path.touch(mode=0o600)
    path.write_text("scan:a:b\n")
    found = proxy_of(outbound)
    assert found == Proxy("http://proxy:3128", "scan", "a:b")
    assert "a:b" not in repr(found)
    path.write_text("no colon")
    with pytest.raises(ConfigError, match="USER:PASSWORD"):
        proxy_of(outbound)
    path.write_text("scan:secret")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="read by others"):
        proxy_of(outbound)


def test_a_partner_names_its_proxy_in_a_file_of_its_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / "op")
    assert partner_proxy(home) is None
    home.folder.mkdir()
    (home.folder / "outbound.toml").write_text('proxy = "http://proxy:3128"\n')
    assert partner_proxy(home) == Proxy("http://proxy:3128")
    (home.folder / "outbound.toml").write_text('proxi = "http://proxy:3128"\n')
    with pytest.raises(ConfigError, match="proxi"):
        load_outbound(home.folder)


def test_an_agency_that_asks_members_goes_out_as_its_node_does(tmp_path: Path) -> None:
    home = Home(tmp_path / "node").asking(b"\1" * 16)
    home.folder.mkdir(parents=True)
    (tmp_path / "node" / "sigfed.toml").write_text(NODE_TOML + '[outbound]\nproxy = "http://proxy:3128"\n')
    assert partner_proxy(home) == Proxy("http://proxy:3128")
