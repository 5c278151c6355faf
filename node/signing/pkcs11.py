"""Keys in a PKCS #11 token: a smart card, a hardware security module, or SoftHSM2.

Ed25519 only (mechanism EDDSA, PKCS #11 3.0): the key never leaves the token, and the token signs the message itself.
The token and the key are named by a URI (RFC 7512); the PIN is not, since a URI is shown and stored: it comes from the
private file that `pin-source` names, or is asked for. A token that was pulled out is opened anew by the next signature.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from keys.key import KEY_BYTES
from node.errors import ConfigError, MissingKeyError, SignerDownError
from node.files import read_private
from node.signing.keychain import Passphrase

if TYPE_CHECKING:
    import pkcs11

SCHEME: Final = "pkcs11"
_PATH: Final = frozenset({"token", "serial", "manufacturer", "model", "object", "id", "type"})
_QUERY: Final = frozenset({"module-path", "pin-source"})
_POINT_HEAD: Final = bytes([4, KEY_BYTES])
"""A DER octet string of 32 bytes, as tokens wrap the point."""
_ONE_AT_A_TIME: Final = Lock()
"""A library has one state a process, and a session is no place for two threads."""
_REFUSED: Final[set[tuple[str, str]]] = set()
"""Tokens and the PINs that they refused: whoever signs every hour with a wrong one would lock the token."""


@dataclass(frozen=True, slots=True)
class TokenUri:
    """A key in a token, as RFC 7512 names it."""

    attributes: Mapping[str, bytes]
    module: Path
    pin_source: Path | None

    @property
    def token(self) -> str:
        """What it says of the token alone."""
        named = ((name, self.attributes[name]) for name in sorted(self.attributes.keys() - {"object", "id"}))
        return f"{self.module} {dict(named)}"

    @classmethod
    def parse(cls, text: str) -> "TokenUri":
        """The URI in `text`, which begins with `pkcs11:`.

        Raises:
            ConfigError: another form, an attribute that is not understood, or a PIN in it.
        """
        path, _, query = text.removeprefix(f"{SCHEME}:").partition("?")
        attributes = _attributes(path, ";", _PATH)
        options = _attributes(query, "&", _QUERY)
        if attributes.pop("type", b"private") != b"private":
            raise _unusable("its type is not private")
        if not attributes.keys() & {"object", "id"} or not attributes.keys() & {"token", "serial"}:
            raise _unusable("it names no token (token or serial), or no key in it (object or id)")
        if "module-path" not in options:
            raise _unusable("it has no module-path, the token's PKCS #11 library")
        source = options.get("pin-source")
        return cls(
            MappingProxyType(attributes),
            _file(options["module-path"]),
            None if source is None else _file(source),
        )


class TokenKey:
    """One Ed25519 key in a token; `pin` is asked where the URI names no file."""

    def __init__(self, uri: TokenUri, pin: Passphrase) -> None:
        self._uri = uri
        self._pin = pin
        self._session: pkcs11.Session | None = None

    def raw_public(self) -> bytes:
        """The 32 bytes of its public half, which nobody has admitted yet; raises as `sign` does."""
        with _ONE_AT_A_TIME:
            return self._tried(self._read_public)

    def sign(self, message: bytes) -> bytes:
        """The signature of `message`, not verified.

        Raises:
            SignerDownError: the token is not there, or does not open with this PIN.
            MissingKeyError: the token has no such key, or several.
        """
        with _ONE_AT_A_TIME:
            return self._tried(lambda session: self._sign(session, message))

    def _tried(self, work: Any) -> bytes:
        """Do something in the session; once more in a new one, since the token may have been away."""
        module = _library()
        held, self._session = self._session, None
        try:
            if held is not None:
                with suppress(module.exceptions.PKCS11Error, MissingKeyError):
                    result = bytes(work(held))
                    self._session = held
                    return result
            fresh = self._open(anew=held is not None)
            result = bytes(work(fresh))
        except module.exceptions.PinIncorrect:
            raise SignerDownError("the token does not open with this PIN", hint=_PIN_HINT) from None
        except module.exceptions.PinLocked:
            raise SignerDownError(
                "the token is locked after wrong PINs", hint="unlock it with its own tools and its SO PIN"
            ) from None
        except module.exceptions.PKCS11Error as exc:
            raise SignerDownError(
                "the token cannot be used: {kind}", type(exc).__name__, hint="plug it in, and ask again"
            ) from exc
        self._session = fresh
        return result

    def _open(self, *, anew: bool) -> "pkcs11.Session":
        found = self._tokens(anew=anew) or self._tokens(anew=True)
        if len(found) != 1:
            raise SignerDownError(
                "{what} the one that the URI names",
                "several tokens are" if found else "no token is",
                hint="plug it in, or name it by its serial, and ask again",
            )
        exceptions, pin = _library().exceptions, self._pin_text()
        if (self._uri.token, pin) in _REFUSED:
            raise SignerDownError(
                "the token did not open with this PIN, which is not tried again", hint=_PIN_HINT
            )
        try:
            return found[0].open(user_pin=pin)
        except exceptions.UserAlreadyLoggedIn:
            # Another key of this token was opened: a token knows its user by the process.
            return found[0].open()
        except exceptions.PinIncorrect:
            _REFUSED.add((self._uri.token, pin))
            raise

    def _tokens(self, *, anew: bool) -> "list[pkcs11.Token]":
        """The tokens that the URI names; those that were plugged in since are seen `anew` only."""
        module = _library()
        try:
            library = module.lib(str(self._uri.module))
        except (RuntimeError, module.exceptions.PKCS11Error) as exc:
            raise ConfigError("{module} is no PKCS #11 library that can be loaded", self._uri.module) from exc
        if anew:
            library.reinitialize()
        return [token for token in library.get_tokens() if _is_named(token, self._uri.attributes)]

    def _pin_text(self) -> str:
        source = self._uri.pin_source
        pin = self._pin() if source is None else read_private(source)
        try:
            return pin.rstrip(b"\r\n").decode()
        except UnicodeDecodeError:
            raise ConfigError("the PIN of the token is not text") from None

    def _sign(self, session: "pkcs11.Session", message: bytes) -> bytes:
        module = _library()
        key = self._only(session, module.ObjectClass.PRIVATE_KEY)
        return bytes(key.sign(message, mechanism=module.Mechanism.EDDSA))

    def _read_public(self, session: "pkcs11.Session") -> bytes:
        module = _library()
        point = bytes(self._only(session, module.ObjectClass.PUBLIC_KEY)[module.Attribute.EC_POINT])
        return point.removeprefix(_POINT_HEAD) if len(point) == KEY_BYTES + len(_POINT_HEAD) else point

    def _only(self, session: "pkcs11.Session", kind: Any) -> Any:
        module = _library()
        wanted = {module.Attribute.CLASS: kind, module.Attribute.KEY_TYPE: module.KeyType.EC_EDWARDS}
        if "object" in self._uri.attributes:
            wanted[module.Attribute.LABEL] = self._uri.attributes["object"].decode(errors="replace")
        if "id" in self._uri.attributes:
            wanted[module.Attribute.ID] = self._uri.attributes["id"]
        found = list(session.get_objects(wanted))
        if len(found) != 1:
            raise MissingKeyError(
                "the token has {what} of that name",
                "several Ed25519 keys" if found else "no Ed25519 key",
                hint="see what is in it: pkcs11-tool --list-objects; public and private half need one id",
            )
        return found[0]


_PIN_HINT: Final = (
    "tokens lock themselves after a few wrong PINs: correct the file, or begin again and type it with care"
)


def _library() -> Any:
    """python-pkcs11, which only nodes with a token install."""
    try:
        import pkcs11  # noqa: PLC0415 - an optional dependency
    except ImportError as exc:
        raise ConfigError(
            "keys in a token need the package python-pkcs11",
            hint="pip install 'FILE[hsm]', of the file that sigfed was installed from",
        ) from exc
    return pkcs11


def _is_named(token: Any, wanted: Mapping[str, bytes]) -> bool:
    serial = token.serial if isinstance(token.serial, bytes) else str(token.serial).encode()
    there = {
        "token": token.label.encode(),
        "serial": serial.rstrip(b"\0 "),
        "manufacturer": token.manufacturer_id.encode(),
        "model": token.model.encode(),
    }
    return all(wanted.get(name, value) == value for name, value in there.items())


def _attributes(text: str, between: str, known: frozenset[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in filter(None, text.split(between)):
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise _unusable("a PIN has no place in it: use pin-source=file:…, or be asked")
        if name not in known or not equals or name in found:
            raise _unusable(f"its attribute {name[:32]!r} is unknown, empty or there twice")
        found[name] = unquote_to_bytes(value)
    return found


def _file(value: bytes) -> Path:
    path = Path(value.decode(errors="replace").removeprefix("file:"))
    if not path.is_absolute():
        raise _unusable("a path in it is not absolute")
    return path


def _unusable(why: str) -> ConfigError:
    return ConfigError(
        "the pkcs11 URI cannot be used: {why}",
        why,
        hint="pkcs11:token=NAME;object=KEY?module-path=/usr/lib/softhsm/libsofthsm2.so",
    )
