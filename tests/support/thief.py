"""Somebody who copied an agency's home folder, and its partner's, and tries the keys in it long after.

Each attempt is made with real keys against what others hold of the agency at that moment. It ends well, which is what
a test wants to see before the rotation, or with the refusal of whoever was to be deceived.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

import aiohttp

from keys.errors import SigfedError
from keys.key import LogPrivateKey, StatementPrivateKey, TokenPrivateKey, WitnessPrivateKey
from keys.trust.node_document import NodeDocument
from node.clock import system_entropy
from node.errors import ConflictError, UnauthenticatedError
from node.group.load import load_group
from node.home import Home
from node.hoster.connection import reach_node_of
from node.hoster.folder import PartnerFolder
from node.hoster.lookup.held_releases import HeldReleases
from node.identity.identity import Identity, open_identity
from node.identity.peer import reach_peer
from node.jose import sign_token
from node.peers.acknowledgements import ServedAcknowledgements
from node.ports.callers import TOKEN_TYP
from node.remote.node import RemoteNode
from node.rotation.store import write_store
from node.tls import client_context, server_context
from node.trust.others.log_trust import log_trust
from node.trust.others.refresh import held_document
from protocol.acknowledgement import Acknowledgement
from protocol.errors import UntrustedError
from protocol.messages import REQUEST_ID_BYTES, EvaluationRequest
from protocol.oprf.client import blind
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from protocol.tlog.cosignature import cosign, verify_cosignatures
from protocol.tlog.note import Note
from protocol.witness.policy import witness_keys
from support.agencies import LIST, SUBSET
from support.load import Load
from support.processes import Cli

ROOT_OF_NOTHING: Final = sha256(b"").digest()
LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "auth": "1",
        "token": "1",
        "statement": "1",
        "witness": "1",
        "log": f"lists-{LIST}-1",
        "tls": "1",
        "oprf": f"subsets-{SUBSET}-1",
    }
)
"""The keys that FR signed with when its folder was copied."""


class Thief:
    """Has FR's folder as it is now, and its passphrase."""

    def __init__(self, load: Load, folder: Path) -> None:
        self._load = load
        home = Home(load.fr.copied(folder).home)
        self._thief = open_identity(home, clock=load.time)
        self._hosters_key = PartnerFolder(Home(load.hoster.home).partner).key()
        self._attempts: dict[str, Callable[[], None]] = {
            "auth": self._asks_for_a_token,
            "token": self._forges_a_token,
            "statement": self._acknowledges,
            "witness": self._cosigns,
            "log": self._publishes,
            "tls": self._answers_as_fr,
            "oprf": self._asks_in_the_old_epoch,
            "partner": self._asks_as_the_hoster,
        }

    def refusal(self, role: str) -> Exception | None:
        """How an attempt with the key of a role is refused; None when it works."""
        try:
            self._attempts[role]()
        except SigfedError as refused:
            return refused
        return None

    def _asks_for_a_token(self) -> None:
        """Reads NL's list as FR, over FR's own connection."""
        with write_store(self._opened(self._load.fr)) as store, store.read() as unit:
            nl = unit.peers.get("nl.example")

        async def ask() -> None:
            async with reach_peer(self._thief, nl) as remote:
                await remote.checkpoint(f"nl.example/lists/{LIST}", held=None)

        asyncio.run(ask())

    def _forges_a_token(self) -> None:
        """Reads FR's releases as the hoster, with a token of its own making."""
        now = int(self._load.time.now().timestamp())
        key = PartnerFolder(Home(self._load.hoster.home).partner).key()
        claims: dict[str, str | int] = {
            **dict.fromkeys(("iss", "aud"), "https://fr.example"),
            **dict.fromkeys(("sub", "client_id"), "hoster"),
            "client_kid": key.public.kid,
            "scope": f"query:{SUBSET}",
            "iat": now,
            "exp": now + 600,
            "jti": system_entropy(16).hex(),
        }
        signer = self._thief.keychain.signer(TokenPrivateKey, LABELS["token"])
        asyncio.run(self._shows(sign_token(claims, typ=TOKEN_TYP, signer=signer)))

    async def _shows(self, token: str) -> None:
        fr = self._held_by(self._load.nl, "fr.example")
        connector = aiohttp.TCPConnector(ssl=client_context(fr.pins))
        url = f"{fr.endpoints[0].url}subsets/{SUBSET}/checkpoint"
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(url, headers={"Authorization": f"Bearer {token}"}) as reply,
        ):
            if reply.status == 401:
                raise UnauthenticatedError("the token does not verify")
            assert reply.status == 200, await reply.text()

    def _acknowledges(self) -> None:
        """Tells NL in FR's name that FR holds its list."""
        said = Acknowledgement(
            node="fr.example",
            origin=f"nl.example/lists/{LIST}",
            time_ms=1,
            held_size=0,
            held_root=ROOT_OF_NOTHING,
        )
        key = self._thief.keychain.signer(StatementPrivateKey, LABELS["statement"])
        statement = said.signed(key)
        with write_store(self._opened(self._load.nl)) as store, suppress(ConflictError):
            # A believed statement is refused too, because it goes back: so this one changes nothing.
            served = ServedAcknowledgements(store, self._load.time, "fr.example")
            asyncio.run(served.acknowledge(said.origin, statement))

    def _cosigns(self) -> None:
        """Says as FR's witness that it saw a head of NL's list."""
        fr = self._held_by(self._load.nl, "fr.example")
        assert fr.witness is not None
        key = self._thief.keychain.signer(WitnessPrivateKey, LABELS["witness"])
        now = self._load.time.now()
        text = Checkpoint(f"nl.example/lists/{LIST}", 0, ROOT_OF_NOTHING).text()
        note = Note(text, (cosign(text, fr.witness.name, key, int(now.timestamp())),))
        members = self._opened(self._load.nl).trust.members()
        counted = witness_keys(f"nl.example/lists/{LIST}", members, {"fr.example": fr}, log_keys=(), now=now)
        if not verify_cosignatures(note, counted["fr.example"]):
            raise UntrustedError("no witness of FR cosigned it")

    def _publishes(self) -> None:
        """Shows NL a head of FR's list that FR never made."""
        fr = self._held_by(self._load.nl, "fr.example")
        origin, now = f"fr.example/lists/{LIST}", self._load.time.now()
        key = self._thief.keychain.signer(LogPrivateKey, LABELS["log"])
        note = sign_checkpoint(Checkpoint(origin, 10**6, system_entropy(32)), [key])
        open_checkpoint(note, origin=origin, log_keys=log_trust(fr, origin, now).log_keys)

    def _answers_as_fr(self) -> None:
        """Answers somebody who knows FR by what NL holds of it."""
        asyncio.run(self._impersonate(self._held_by(self._load.nl, "fr.example").pins))

    async def _impersonate(self, pins: frozenset[bytes]) -> None:
        context = server_context(self._thief.tls(), entropy=system_entropy)
        server = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=context)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with (
            server,
            RemoteNode(
                node="fr.example",
                base_url=url,
                pins=pins,
                credentials=None,
                clock=self._load.time,
                entropy=system_entropy,
            ) as remote,
        ):
            assert await remote.root() == b"{}"

    def _asks_in_the_old_epoch(self) -> None:
        """Has the hoster's look-ups answered under the key that was copied, as whoever wants to test hashes with it."""
        folder = PartnerFolder(Home(self._load.hoster.home).partner)
        enrolment, held = HeldReleases(folder).in_force()
        assert held is not None
        blinding = blind(load_group(), [b"%d" % number for number in range(64)], entropy=system_entropy)
        request = EvaluationRequest(
            subset_id=held.release.manifest.subset_id,
            epoch=1,
            request_id=system_entropy(REQUEST_ID_BYTES),
            elements=blinding.elements,
        )

        async def ask() -> None:
            async with reach_node_of(
                enrolment, folder.key(), clock=self._load.time, entropy=system_entropy, proxy=None
            ) as remote:
                await remote.evaluate(SUBSET, request)

        asyncio.run(ask())

    def _asks_as_the_hoster(self) -> None:
        """Reads FR's releases with the key that the hoster had."""
        enrolment, _ = PartnerFolder(Home(self._load.hoster.home).partner).load()

        async def ask() -> None:
            async with reach_node_of(
                enrolment, self._hosters_key, clock=self._load.time, entropy=system_entropy, proxy=None
            ) as remote:
                await remote.checkpoint(enrolment.origin, held=None)

        asyncio.run(ask())

    def _held_by(self, cli: Cli, name: str) -> NodeDocument:
        """What an agency holds of another."""
        with write_store(self._opened(cli)) as store, store.read() as unit:
            return held_document(unit.peers.get(name), self._load.time.now())

    def _opened(self, cli: Cli) -> Identity:
        return open_identity(Home(cli.home), clock=self._load.time)


async def _answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    await writer.drain()
    writer.close()
