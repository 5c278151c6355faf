"""Key files in a folder: made once, opened with their passphrase, refused when they are not what they say."""

import subprocess
import sys
from pathlib import Path

import pytest

from keys.errors import WrongPassphraseError
from keys.key import AuthPrivateKey, LogPrivateKey
from keys.keyfile import KdfProfile
from keys.roles import Role
from node.clock import system_entropy
from node.errors import AlreadyExistsError, ConfigError, MissingKeyError
from node.signing.keychain import Keychain

CHEAP = KdfProfile(1, 64, 1)
LANES = 4


def keychain(folder: Path, *, node: str = "fr.example", passphrase: bytes = b"correct horse") -> Keychain:
    return Keychain(folder, node=node, passphrase=lambda: passphrase, entropy=system_entropy, profile=CHEAP)


def test_a_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    key = keychain(tmp_path).create(AuthPrivateKey, "1")
    assert keychain(tmp_path).key(AuthPrivateKey, "1").seed == key.seed
    assert keychain(tmp_path).public(Role.AUTH, "1") == key.public.to_text()
    assert keychain(tmp_path).labels(Role.AUTH) == ["1"]
    with pytest.raises(AlreadyExistsError):
        keychain(tmp_path).create(AuthPrivateKey, "1")


def test_a_secret_that_is_no_signing_key(tmp_path: Path) -> None:
    secret = keychain(tmp_path).create_secret(Role.STORAGE, "1")
    assert len(secret) == 32
    assert keychain(tmp_path).secret(Role.STORAGE, "1") == secret
    keychain(tmp_path).create_secret(Role.TLS, "1", secret=b"DER")
    assert keychain(tmp_path).secret(Role.TLS, "1") == b"DER"


def test_nothing_secret_is_in_the_folder(tmp_path: Path) -> None:
    secret = keychain(tmp_path).create_secret(Role.STORAGE, "1")
    assert all(secret not in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("other", "error"),
    [
        pytest.param({"passphrase": b"wrong horse"}, WrongPassphraseError, id="wrong passphrase"),
        pytest.param({"node": "nl.example"}, ConfigError, id="a key of another node"),
    ],
)
def test_refused(tmp_path: Path, other: dict[str, str], error: type[Exception]) -> None:
    keychain(tmp_path).create(AuthPrivateKey, "1")
    with pytest.raises(error):
        keychain(tmp_path, **other).key(AuthPrivateKey, "1")  # type: ignore[arg-type]  # a table of one each


def test_a_file_under_another_name_is_refused(tmp_path: Path) -> None:
    keychain(tmp_path).create(AuthPrivateKey, "1")
    (tmp_path / "auth-1.json").rename(tmp_path / "log-1.json")
    with pytest.raises(ConfigError, match="another key"):
        keychain(tmp_path).key(LogPrivateKey, "1")
    with pytest.raises(MissingKeyError):
        keychain(tmp_path).key(AuthPrivateKey, "1")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    chain = keychain(tmp_path)
    chain.create(AuthPrivateKey, "1")
    assert chain.damaged() == []
    (tmp_path / "auth-1.json").write_text("{}")
    assert chain.damaged() == ["auth-1.json"]


def test_threads_open_keys_at_the_same_time(tmp_path: Path) -> None:
    """In a process of its own, which asserts: derivations that wait for each other could not be ended."""
    program = f"""if True:
        import sys
        from concurrent.futures import ThreadPoolExecutor
        from pathlib import Path
        from keys.keyfile import KdfProfile
        from keys.roles import Role
        from node.clock import system_entropy
        from node.signing.keychain import Keychain

        def chain():
            return Keychain(
                Path(sys.argv[1]), node="fr.example", passphrase=lambda: b"correct horse",
                entropy=system_entropy, profile=KdfProfile(1, 1024, {LANES}),
            )

        chain().create_secret(Role.STORAGE, "1")
        with ThreadPoolExecutor(4) as pool:
            found = set(pool.map(lambda _: chain().secret(Role.STORAGE, "1"), range(100)))
        assert len(found) == 1
    """
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)
