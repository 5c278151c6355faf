"""A real PKCS #11 token in software: SoftHSM2, with Ed25519 keys that it made itself."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.programs import hint, needed

_HINT = "pip install -e '.[test]'"
PIN = "123456"
_SO_PIN = "12345678"
_ED25519_OID = "1.3.101.112"
_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")


@dataclass(frozen=True, slots=True)
class Token:
    """One token in a folder of its own."""

    folder: Path
    label: str
    module: Path

    @property
    def pin_file(self) -> Path:
        return self.folder / "pin"

    def uri(self, key: str, *, pin: bool = True, label: str = "") -> str:
        source = f"&pin-source=file:{self.pin_file}" if pin else ""
        name = quote(label or self.label)
        return f"pkcs11:token={name};object={quote(key)}?module-path={self.module}{source}"

    def make(self, key: str) -> bytes:
        """Make an Ed25519 key in the token; gives its 32 public bytes."""
        pkcs11: Any = pytest.importorskip("pkcs11", reason=_HINT)
        from pkcs11.util.ec import encode_named_curve_parameters

        library = pkcs11.lib(str(self.module))
        library.reinitialize()
        with library.get_token(token_label=self.label).open(user_pin=PIN, rw=True) as session:
            curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(_ED25519_OID)}
            domain = session.create_domain_parameters(pkcs11.KeyType.EC_EDWARDS, curve, local=True)
            public, _ = domain.generate_keypair(
                mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label=key, id=key.encode()
            )
            return bytes(public[pkcs11.Attribute.EC_POINT])[-32:]

    def away(self) -> None:
        """Pull it out."""
        (self.folder / "tokens").rename(self.folder / "pulled")
        (self.folder / "tokens").mkdir()

    def back(self) -> None:
        """Plug it in."""
        (self.folder / "tokens").rmdir()
        (self.folder / "pulled").rename(self.folder / "tokens")


def new_token(folder: Path, monkeypatch: pytest.MonkeyPatch, label: str = "sigfed test") -> Token:
    """A fresh token; skips the test where SoftHSM2 or python-pkcs11 is missing."""
    pytest.importorskip("pkcs11", reason=_HINT)
    needed("softhsm2-util")
    module = next((Path(path) for path in _MODULES if Path(path).exists()), None)
    if module is None:
        pytest.skip(hint("softhsm2-util"))
    (folder / "tokens").mkdir(parents=True)
    config = folder / "softhsm2.conf"
    config.write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", _SO_PIN]
    subprocess.run(command, env=dict(os.environ), check=True, capture_output=True)
    token = Token(folder, label, module)
    token.pin_file.write_text(PIN + "\n")
    token.pin_file.chmod(0o600)
    return token
