"""TLS between nodes: 1.3 only, self-signed certificates, pinned by the SHA-256 of their public key (SPKI).

Decides what a certificate is worth here: nothing but its key. Names, dates and issuers in it are ignored; a
connection stands when the key is one that signed trust data pins, and that is checked inside the handshake,
so that nothing is sent to anyone else. An agency that calls proves its key in the same handshake: its certificate is
issued under a key that everybody can compute, so that any key is taken here. Whose it is, trust data says where tokens
are given and read (docs/adr/0014-client-certificates.md). See docs/spec/http.md.
"""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typing_extensions import Buffer, override

from node.clock import Entropy
from node.errors import StoreError

DEFAULT_DAYS: Final = 3650
_AUTHORITY_SEED: Final = b"sigfed/client-certificates/v1"
_AUTHORITY: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sigfed client certificates v1")])
_FOR_EVER: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
"""Pins say when a key counts; a certificate that ended by itself would only be a second, hidden calendar."""
_BACKDATED: Final = timedelta(days=1)  # tools that look at dates may run on a machine whose clock is behind


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """A certificate and its private key."""

    certificate: bytes
    """PEM."""
    key: bytes = field(repr=False)
    """PKCS #8, DER, not encrypted: keep it in a sealed key file."""

    @property
    def spki_sha256(self) -> bytes:
        """The pin: 32 bytes."""
        return _pin(_read(self.certificate))


def certificate_name(label: str) -> str:
    """File, among the trust files of a node, of the certificate of its TLS key of this label."""
    return f"tls-{label}.pem"


def create_identity(node: str, *, now: datetime, days: int = DEFAULT_DAYS) -> TlsIdentity:
    """A fresh P-256 key with a self-signed certificate for `node`, good for `days` days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(node)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return TlsIdentity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def certificate_window(certificate: bytes) -> tuple[datetime, datetime]:
    """From when to when a certificate (PEM) says that it counts; peers and partners look at its key alone."""
    read = _read(certificate)
    return read.not_valid_before_utc, read.not_valid_after_utc


def verify_certificate(certificate: bytes) -> None:
    """Check that a certificate (PEM) of this node is as it was made; raises `StoreError`."""
    read = _read(certificate)
    try:
        read.verify_directly_issued_by(read)
    except (InvalidSignature, ValueError, TypeError):
        raise _damaged() from None
    if read.public_bytes(serialization.Encoding.PEM) != certificate:
        raise _damaged()


def _read(certificate: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(certificate)
    except ValueError:
        raise _damaged() from None


def _damaged() -> StoreError:
    return StoreError("the node's certificate is damaged", hint="restore trust/ from a backup")


def spki_sha256(certificate_der: bytes) -> bytes:
    """The pin of a certificate: SHA-256 of its SubjectPublicKeyInfo, 32 bytes.

    Raises:
        ssl.SSLCertVerificationError: bytes that are no certificate, or a key of an unknown kind.
    """
    try:
        return _pin(x509.load_der_x509_certificate(certificate_der))
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ssl.SSLCertVerificationError("the certificate presented cannot be read") from exc


def _pin(certificate: x509.Certificate) -> bytes:
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return sha256(spki).digest()


def client_certificate(identity: TlsIdentity) -> TlsIdentity:
    """The same key in the certificate that an agency presents as a client; the same bytes whenever it is made."""
    key = serialization.load_der_private_key(identity.key, None)
    subject = _read(identity.certificate).subject
    certificate = _issued(subject, key.public_key(), authority=False)
    return TlsIdentity(certificate.public_bytes(serialization.Encoding.PEM), identity.key)


def _issued(subject: x509.Name, key: Any, *, authority: bool) -> x509.Certificate:
    """A certificate by the authority whose private key is no secret: it attests nothing, and is not meant to."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_AUTHORITY)
        .public_key(key)
        .serial_number(1)
        .not_valid_before(_FOR_EVER[0])
        .not_valid_after(_FOR_EVER[1])
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(_authority_key(), hashes.SHA256(), ecdsa_deterministic=True)
    )


@cache
def _authority_key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(sha256(_AUTHORITY_SEED).digest()), ec.SECP256R1())


@cache
def _authority_certificate() -> bytes:
    certificate = _issued(_AUTHORITY, _authority_key().public_key(), authority=True)
    return certificate.public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """What a client proved in one handshake: that it holds the key of this certificate."""

    spki_sha256: bytes
    """The pin: 32 bytes."""
    thumbprint: bytes
    """SHA-256 of the certificate, 32 bytes: `x5t#S256` of RFC 8705."""
    connection: int
    """No two connections of this process have the same."""


class ListeningObject(ssl.SSLObject):
    """A connection of a listening context."""

    client: ClientKey | None = None
    """None: the client presented no certificate, as partners and strangers do."""

    @override
    def do_handshake(self) -> None:
        """Complete the handshake and note the client's key."""
        super().do_handshake()
        certificate = self.getpeercert(binary_form=True)
        if certificate is not None:
            self.client = ClientKey(
                spki_sha256=spki_sha256(certificate),
                thumbprint=sha256(certificate).digest(),
                connection=next(_CONNECTIONS),
            )


_CONNECTIONS: Final = count(1)


def listening_context() -> ssl.SSLContext:
    """A context that a node listens with, without a key.

    TLS 1.3; no tickets, because a resumed session would outlive a rotation and a peer's removal; clients may present a
    certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.sslobject_class = ListeningObject
    context.verify_mode = ssl.CERT_OPTIONAL
    try:
        context.load_verify_locations(cadata=_authority_certificate())
    except ssl.SSLError:
        # An error that a token's library left behind in OpenSSL is taken for one of ours, once.
        context.load_verify_locations(cadata=_authority_certificate())
    return context


def server_context(identity: TlsIdentity, *, entropy: Entropy) -> ssl.SSLContext:
    """A listening context that presents `identity`."""
    context = listening_context()
    _load(context, identity, passphrase=entropy(32))
    return context


def _load(context: ssl.SSLContext, identity: TlsIdentity, *, passphrase: bytes) -> None:
    """Hand the key to OpenSSL, which takes files only: encrypted there under a passphrase nobody keeps."""
    key = serialization.load_der_private_key(identity.key, None)
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.hex().encode()),
    )
    with TemporaryDirectory(prefix="sigfed-") as folder:
        certificate_file, key_file = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        certificate_file.write_bytes(identity.certificate)
        key_file.write_bytes(sealed)
        context.load_cert_chain(certificate_file, key_file, passphrase.hex())


class Traffic:
    """Counts the bytes above TLS of all connections of one client, heads of requests and replies included."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0

    def on_sent(self, data: memoryview) -> None:
        """Called with what was handed to TLS; the view is valid during the call only."""
        self.sent += data.nbytes

    def on_received(self, data: memoryview) -> None:
        """Called with what TLS handed up; the view is valid during the call only."""
        self.received += data.nbytes


class PinnedObject(ssl.SSLObject):
    """A TLS connection that ends its own handshake unless the other side has a pinned key."""

    @override
    def do_handshake(self) -> None:
        """Complete the handshake and compare the key; raises before a byte of the application is sent."""
        super().do_handshake()
        self._pinned.admit(self.getpeercert(binary_form=True))

    @override
    def read(self, *args: Any) -> Any:
        """Read and count: bytes, or with a buffer as second argument the number of bytes put there."""
        result: Any = super().read(*args)
        data = memoryview(args[1])[:result] if len(args) > 1 else memoryview(result)
        self._pinned.traffic.on_received(data)
        return result

    @override
    def write(self, data: Buffer) -> int:
        """Write and count."""
        count = super().write(data)
        self._pinned.traffic.on_sent(memoryview(data)[:count])
        return count

    @property
    def _pinned(self) -> "PinnedContext":
        assert isinstance(self.context, PinnedContext), "made by a PinnedContext"
        return self.context


class PinnedContext(ssl.SSLContext):
    """A client context; use `client_context` or `unpinned_context`."""

    sslobject_class = PinnedObject
    pins: frozenset[bytes] | None
    """None: nothing is pinned yet, keys are only noted in `seen`."""
    seen: set[bytes]
    traffic: Traffic

    def admit(self, certificate_der: bytes | None) -> None:
        """Raise `ssl.SSLCertVerificationError` unless the certificate's key is pinned."""
        if certificate_der is None:
            raise ssl.SSLCertVerificationError("no certificate was presented")
        pin = spki_sha256(certificate_der)
        self.seen.add(pin)
        if self.pins is not None and pin not in self.pins:
            raise ssl.SSLCertVerificationError("the certificate presented is not pinned")


def client_context(pins: frozenset[bytes], *, traffic: Traffic | None = None) -> PinnedContext:
    """A context that talks to holders of a pinned key only (SHA-256 of SPKI, 32 bytes each)."""
    assert pins, "a client context needs pins"
    context = unpinned_context(traffic=traffic)
    context.pins = pins
    return context


def present(context: PinnedContext, identity: TlsIdentity, *, entropy: Entropy) -> None:
    """Let a client context prove the key of `identity`, an agency's own, to whoever it talks to."""
    _load(context, client_certificate(identity), passphrase=entropy(32))


def unpinned_context(*, traffic: Traffic | None = None) -> PinnedContext:
    """A context for fetching the files that establish trust, and nothing else; it notes the keys it saw."""
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # no authority vouches for anyone: `admit` compares the key itself
    context.pins = None
    context.seen = set()
    context.traffic = traffic or Traffic()
    return context
