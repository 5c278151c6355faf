"""The reporter `webhook`: a signed message to an address of the company's own choice (standardwebhooks.com).

The message's id is the same at every attempt, so that a receiver that heard it twice can tell. It is signed with every
secret that is configured: during a change of secrets both sides go on without a moment in common.
"""

import hmac
import json
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from keys.message import Message
from node.clock import milliseconds, moment_of
from node.config import Section, validated
from node.errors import ConfigError, PeerRefusedError
from node.ports.reporters import Entry, HttpAsk, OutsideHit, OutsideReceipt, Progress, Tools

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = range(24, 65)
"""As the specification bounds a secret of HMAC-SHA256."""


class _Options(Section):
    url: Annotated[str, Field(min_length=8, max_length=2048)]
    secret_files: Annotated[tuple[Path, ...], Field(min_length=1, max_length=2)]
    """Private files with one `whsec_…` each; two while secrets are changed."""


class Webhook:
    """Posts a message for each hit."""

    def __init__(self, entry: Entry, tools: Tools) -> None:
        options = validated(_Options, entry.options, source=f"reporter {entry.name}")
        tools.web.require_allowed(options.url)
        self._entry = entry
        self._tools = tools
        self._url = options.url
        self._secrets = [_secret(tools.secret(path), path) for path in options.secret_files]

    @property
    def destination(self) -> str:
        """As `Reporter.destination`: a path may change with a token, and one site may have several receivers."""
        return f"{_site(self._url)}#{self._entry.name}"

    @property
    def leaves(self) -> Sequence[str]:
        """As `Reporter.leaves`."""
        more = [
            *(["its hash"] if self._entry.sends_hash else []),
            *(["the name of its file"] if self._entry.sends_name else []),
        ]
        return (
            f"to {_site(self._url)}: the id of the hit, when it was found and confirmed, its collection, the countries",
            "that list it, the kind of its hash, whether it is weak, your name and the agency's"
            + "".join(f", {each}" for each in more),
        )

    async def submit(self, hit: OutsideHit, progress: Progress) -> OutsideReceipt:
        """As `Reporter.submit`: any status from 200 to 299 is a receipt."""
        if not progress.text:
            progress.keep(f"hit_{hit.id}")  # the hit's id may be replaced; the message's stays
        message, body = progress.text, _body(hit)
        stamp = str(milliseconds(self._tools.clock.now()) // 1000)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": stamp,
            "webhook-signature": " ".join(sign(secret, message, stamp, body) for secret in self._secrets),
        }
        reply = await self._tools.web.ask(
            HttpAsk(method="POST", url=self._url, headers=headers, body=body, repeatable=True)
        )
        if not 200 <= reply.status < 300:
            raise PeerRefusedError(
                "{url} did not take the message (status {status})",
                _site(self._url),
                reply.status,
                status=reply.status,
                hint="see its log; a redirect is not followed, name the address where it ends",
            )
        return OutsideReceipt(reference=message)


def sign(secret: bytes, message: str, stamp: str, body: bytes) -> str:
    """One signature as it stands in the header: version, comma, HMAC-SHA256 over `id.timestamp.body`."""
    signed = b".".join((message.encode(), stamp.encode(), body))
    return f"v1,{b64encode(hmac.digest(secret, signed, sha256)).decode('ascii')}"


def _body(hit: OutsideHit) -> bytes:
    data = {
        "hit": hit.id,
        "partner": hit.partner,
        "agency": hit.agency,
        "found": _moment(hit.found_ms),
        "confirmed": _moment(hit.confirmed_ms),
        "collection": hit.collection,
        "countries": list(hit.countries),
        "weak": hit.weak,
        "algorithm": hit.algorithm,
        **({} if hit.digest is None else {"hash": hit.digest}),
        **({} if hit.name is None else {"file": hit.name}),
    }
    message = {"type": "hit.confirmed", "timestamp": _moment(hit.confirmed_ms), "data": data}
    return json.dumps(message, separators=(",", ":")).encode("ascii")


def _moment(at_ms: int) -> str:
    return moment_of(at_ms).isoformat(timespec="seconds").replace("+00:00", "Z")


def _site(url: str) -> str:
    """Scheme, host and port of the address; its path may hold a token."""
    return "/".join(url.split("/")[:3])


def _secret(line: str, path: Path) -> bytes:
    try:
        secret = b64decode(line.removeprefix(_PREFIX), validate=True)
    except NotBase64Error:
        secret = b""
    if not line.startswith(_PREFIX) or len(secret) not in _SECRET_BYTES:
        raise ConfigError(
            "{path} does not hold a secret of a webhook",
            path,
            hint=Message("one line: {name} and the base64 of 24 to 64 random bytes", _PREFIX),
        )
    return secret
