"""Web Authentication with one console, by the package `webauthn`; the only file that knows it.

Asked for are passkeys alone: kept by the authenticator, which recognises its person each time, for this console's host
and address. Who made an authenticator is not asked, and certificates that say so are refused unread, so that no parser
of certificates meets what strangers send. Whatever is wrong with an answer is one error without details.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import urlsplit

from typing_extensions import override
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from node.errors import ConfigError, UnauthenticatedError
from node.ports.persons import Answered, NewPasskey, PasskeyCeremonies

MAX_ANSWER: Final = 16_384
"""Characters; that of an authenticator without certificates has some 2 000."""
MAX_CREDENTIAL: Final = 1_023
MAX_PUBLIC_KEY: Final = 1_024

_TIMEOUT_MS: Final = 5 * 60 * 1000
_NAME: Final = "sigfed"
_PLAIN: Final = frozenset({AttestationFormat.NONE, AttestationFormat.PACKED})


@dataclass(frozen=True, slots=True)
class Site:
    """What passkeys are bound to."""

    host: str
    """The relying party's id."""
    origin: str
    """As browsers write it: scheme, host, and the port where it is not the usual one."""

    @classmethod
    def of(cls, url: str) -> Self:
        """That of the console's address; raises `ConfigError` when browsers make no passkeys for it."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if not host or _is_ip(host):
            raise ConfigError(
                "browsers make no passkeys for an address of numbers",
                hint='give the console a name, for example url = "http://localhost:8444/"',
            )
        if parts.scheme != "https" and not (host == "localhost" or host.endswith(".localhost")):
            raise ConfigError("browsers make passkeys for https and for localhost alone")
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        port = "" if parts.port in {None, usual} else f":{parts.port}"
        return cls(host, f"{parts.scheme}://{host}{port}")


class WebAuthnCeremonies(PasskeyCeremonies):
    """`node.ports.persons.PasskeyCeremonies` for the console at `site`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @override
    def ask_new(self, person: str, user: bytes, *, challenge: bytes, known: Sequence[bytes]) -> str:
        """Make a passkey for the person with the handle `user`; `known` are those that must not be made again."""
        asked = generate_registration_options(
            rp_id=self._site.host,
            rp_name=_NAME,
            user_name=person,
            user_id=user,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_descriptors(known),
        )
        return options_to_json(asked)

    @override
    def ask_shown(self, *, challenge: bytes, known: Sequence[bytes]) -> str:
        """Show a passkey, one of `known` where there are any."""
        asked = generate_authentication_options(
            rp_id=self._site.host,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            allow_credentials=_descriptors(known),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json(asked)

    @override
    def read(self, answer: str) -> Answered:
        """What an answer says of itself."""
        with _without_details(answer):
            if '"attestationObject"' in answer:
                made = parse_registration_credential_json(answer)
                client = _client(made.response.client_data_json)
                return Answered(client.challenge, made.raw_id, b"")
            shown = parse_authentication_credential_json(answer)
            client = _client(shown.response.client_data_json)
            return Answered(client.challenge, shown.raw_id, shown.response.user_handle or b"")

    @override
    def check_new(self, answer: str, *, challenge: bytes) -> NewPasskey:
        """The passkey that was made for this challenge, here, by somebody whom the authenticator recognised."""
        with _without_details(answer):
            made = parse_registration_credential_json(answer)
            attested = parse_attestation_object(made.response.attestation_object)
            _require(attested.fmt in _PLAIN and attested.att_stmt.x5c is None)
            checked = verify_registration_response(
                credential=made,
                expected_challenge=challenge,
                expected_rp_id=self._site.host,
                expected_origin=self._site.origin,
                require_user_verification=True,
            )
            _require(checked.credential_id == made.raw_id)
            _require(0 < len(checked.credential_id) <= MAX_CREDENTIAL)
            _require(len(checked.credential_public_key) <= MAX_PUBLIC_KEY)
        return NewPasskey(checked.credential_id, checked.credential_public_key, checked.sign_count)

    @override
    def check_shown(self, answer: str, *, challenge: bytes, public_key: bytes) -> int:
        """The sign count of the passkey that was shown, likewise; whether it grew is the caller's to check."""
        with _without_details(answer):
            checked = verify_authentication_response(
                credential=parse_authentication_credential_json(answer),
                expected_challenge=challenge,
                expected_rp_id=self._site.host,
                expected_origin=self._site.origin,
                credential_public_key=public_key,
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        return checked.new_sign_count


@contextmanager
def _without_details(answer: str) -> Iterator[None]:
    """What the library and its parsers say holds keys and challenges, and helps whoever tries."""
    try:
        _require(len(answer) <= MAX_ANSWER)
        yield
    except Exception:  # noqa: BLE001  # of a dozen kinds, from three parsers of what strangers send
        raise UnauthenticatedError(
            "this is not the answer of a passkey to what this console asked", hint="try again"
        ) from None


def _client(data: bytes) -> CollectedClientData:
    client = parse_client_data_json(data)
    _require(not client.cross_origin)
    return client


def _require(holds: bool) -> None:  # noqa: FBT001  # an assertion that is never optimised away
    if not holds:
        raise ValueError


def _descriptors(known: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=credential) for credential in known]


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
