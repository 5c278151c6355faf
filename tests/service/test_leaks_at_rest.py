"""What lies on the disk of a node lists nothing: every file is searched for every digest in every spelling."""

from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import pytest

from node.judgement.endorse import endorse
from node.lists.corrections.withdraw import withdraw
from node.lists.imports.intake import Statement
from protocol.lists.ext import Basis, Reason
from support.stores import Agency, file_digests, row, rows, sha256_digest, sqlite_dsn

SECRETS = [digest.value for name in ("a", "b", "c", "waiting") for digest in file_digests(name)]
SECRETS += [sha256_digest("a").value]


def spellings(secret: bytes) -> list[bytes]:
    """Raw, hex in both cases, base64 at three offsets (inner characters alone), base64url."""
    found = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    for offset in range(3):
        shifted = bytes(offset) + secret
        start = 4 if offset else 0
        found += [encode(shifted).rstrip(b"=")[start:-4] for encode in (b64encode, urlsafe_b64encode)]
    return found


def files_with_secrets(folder: Path) -> list[str]:
    needles = [spelling for secret in SECRETS for spelling in spellings(secret)]
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and any(needle in data or needle[::-1] in data for data in [path.read_bytes()] for needle in needles)
    ]


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    """The files of PostgreSQL are not in this folder: the tables are the same."""
    return sqlite_dsn(tmp_path)


@pytest.mark.threat("a stolen disk")
def test_no_file_holds_a_digest(agency: Agency, other: Agency) -> None:
    other.publish(rows("b", "c"))
    agency.publish([row("a", digests=(*file_digests("a"), sha256_digest("a")))])
    agency.follower.follow(other.origin, node=other.node)
    agency.stage(other, bundles=1)
    agency.follower.flush(other.origin)
    assert files_with_secrets(agency.folder) == []
    agency.pull(other)
    endorse(
        agency.store,
        agency.origin,
        source=other.origin,
        statement=Statement(basis=Basis.REVIEWED, criteria=1),
        now_ms=1,
    )
    agency.publish()
    withdraw(agency.store, agency.origin, file_digests("b")[0], reason=Reason.ERROR)
    agency.add(rows("waiting", "b"))
    assert files_with_secrets(agency.folder) == []
    assert any(path.suffix == ".db-wal" for path in agency.folder.iterdir()), "the database was written"


@pytest.mark.parametrize("spelling", range(9))
def test_the_search_finds_what_is_planted(tmp_path: Path, spelling: int) -> None:
    secret = SECRETS[3]
    raw = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    raw += [
        encode(b"x" * offset + secret + b"yz")
        for offset in range(3)
        for encode in (b64encode, urlsafe_b64encode)
    ]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"before" + raw[spelling] + b"after")
    assert files_with_secrets(tmp_path) == ["deep/file"]
