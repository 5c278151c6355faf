"""A backup file: parts by name in one encrypted stream, with a manifest at its end.

    one line of JSON: version, node, time, and how the key comes from the passphrase (as in a key file)
    encrypted: a POSIX tar of the parts, and as its last member the manifest: each part's name, size and SHA-256

It is written and read from front to back with little memory, and whole under its final name (`node.files.new_file`).
Which parts a node has is `node.backup.write`'s matter.
"""

import io
import json
import os
import re
import tarfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from keys.encoding import format_time
from keys.errors import KeysError
from keys.keyfile import KdfProfile, WrappingKey
from node.backup.sealed_stream import SealedReader, SealedWriter
from node.errors import InputRefusedError, NotFoundError, StoreError, VerificationError
from node.files import new_file, sweep_temporaries

VERSION: Final = 1
_MANIFEST: Final = "manifest.jsonl"
_SALT_BYTES: Final = 16
_MAX_HEADER_BYTES: Final = 4096
_CHUNK: Final = 1 << 18
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """How a backup is encrypted: by a passphrase, at this cost of a guess."""

    passphrase: bytes = field(repr=False)
    profile: KdfProfile
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupHeader:
    """What a backup says without its passphrase; unproven until it is read."""

    node: str
    created: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part, as the manifest lists it."""

    name: str
    size: int
    sha256: str


class ArchiveWriter:
    """Takes parts into a backup that is being written."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.parts: list[Part] = []

    def add(self, name: str, path: Path) -> None:
        """Take in a file, whole as it is now; raises `StoreError` when it shrinks meanwhile."""
        assert _NAME.fullmatch(name), "a part's name"
        with path.open("rb") as source:
            info = tarfile.TarInfo(name)
            info.size, info.mode = os.fstat(source.fileno()).st_size, 0o600
            hashed = _Hashing(source)
            try:
                self._tar.addfile(info, cast("BinaryIO", hashed))
            except OSError as exc:
                raise StoreError("{name} changed while it was copied", name) from exc
        self.parts.append(Part(name, info.size, hashed.digest.hexdigest()))


def named(target: Path, whose: str, now: datetime) -> Path:
    """`target`, or in a folder a name by whose backup it is and the time; what killed ones left there goes first."""
    if not target.is_dir():
        return target
    sweep_temporaries(target, of=f"sigfed-{whose}-*.backup")
    return target / f"sigfed-{whose}-{now:%Y%m%dT%H%M%SZ}.backup"


@contextmanager
def writing(target: Path, *, node: str, created: datetime, sealing: Sealing) -> Iterator[ArchiveWriter]:
    """A backup at `target`, there when the block ends well, and not at all otherwise.

    Raises:
        AlreadyExistsError: the file is there.
        MemoryError: the cost of the key cannot be had.
    """
    with new_file(target) as out:
        yield from _written(out, node, created, sealing)


def _written(out: BinaryIO, node: str, created: datetime, sealing: Sealing) -> Iterator[ArchiveWriter]:
    header = _header(node, created, sealing)
    out.write(header)
    wrapping = WrappingKey.derive(sealing.passphrase, salt=sealing.salt, profile=sealing.profile)
    sealed = SealedWriter(out, wrapping.key, header)
    # A stream without a position: tarfile writes it from front to back.
    with tarfile.open(fileobj=cast("BinaryIO", sealed), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        writer = ArchiveWriter(tar)
        yield writer
        manifest = "".join(
            json.dumps([part.name, part.size, part.sha256]) + "\n" for part in writer.parts
        ).encode()
        info = tarfile.TarInfo(_MANIFEST)
        info.size, info.mode = len(manifest), 0o600
        tar.addfile(info, io.BytesIO(manifest))
    sealed.close()


def read_header(source: Path) -> BackupHeader:
    """What a backup says it is; raises `NotFoundError` or `InputRefusedError`."""
    with _opened(source) as file:
        fields = _fields(_line(file, source), source)
    return BackupHeader(node=str(fields["node"]), created=str(fields["created"]))


def read_parts(source: Path, passphrase: bytes, take: Callable[[str, BinaryIO], None]) -> list[Part]:
    """Hand every part to `take`, in order; its parts, once all of them are as the manifest lists them.

    Nothing that `take` got may be used before this returns.

    Raises:
        NotFoundError: there is no such file.
        InputRefusedError: it is no backup.
        VerificationError: it was altered or cut off, or the passphrase is wrong.
    """
    with _opened(source) as file:
        header = _line(file, source)
        fields = _fields(header, source)
        kdf = fields["kdf"]
        profile = KdfProfile(kdf["t"], kdf["m_kib"], kdf["p"])
        wrapping = WrappingKey.derive(passphrase, salt=b64decode(kdf["salt"]), profile=profile)
        reader = SealedReader(file, wrapping.key, header)
        try:
            with tarfile.open(fileobj=reader, mode="r|") as tar:
                found = _members(tar, take)
        except tarfile.TarError as exc:
            raise VerificationError("what the backup holds cannot be read") from exc
        while reader.read(_CHUNK):  # to the last frame, which proves that nothing was cut off
            pass
    return found


def _members(tar: tarfile.TarFile, take: Callable[[str, BinaryIO], None]) -> list[Part]:
    found: list[Part] = []
    listed: list[Part] | None = None
    for member in tar:
        stream = tar.extractfile(member) if member.isfile() else None
        if stream is None or listed is not None or not _NAME.fullmatch(member.name):
            raise VerificationError("the backup holds something that is no part of a node")
        if member.name == _MANIFEST:
            listed = [Part(*json.loads(line)) for line in stream]
            continue
        hashed = _Hashing(cast("BinaryIO", stream))
        take(member.name, cast("BinaryIO", hashed))
        hashed.drain()
        found.append(Part(member.name, member.size, hashed.digest.hexdigest()))
    if listed != found:
        raise VerificationError("the parts of the backup are not those that its manifest lists")
    return found


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.digest = sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        return data

    def drain(self) -> None:
        while self.read(_CHUNK):
            pass


def _header(node: str, created: datetime, sealing: Sealing) -> bytes:
    assert len(sealing.salt) == _SALT_BYTES, "a salt of this backup alone"
    profile = sealing.profile
    kdf = {
        "name": "argon2id",
        "t": profile.time_cost,
        "m_kib": profile.memory_kib,
        "p": profile.lanes,
        "salt": b64encode(sealing.salt).decode(),
    }
    fields = {"sigfed-backup": VERSION, "node": node, "created": format_time(created), "kdf": kdf}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


@contextmanager
def _opened(source: Path) -> Iterator[BinaryIO]:
    try:
        with source.open("rb") as file:
            yield file
    except FileNotFoundError as exc:
        raise NotFoundError("{source} does not exist", source) from exc
    except IsADirectoryError as exc:
        raise InputRefusedError("{source} is a folder, not a backup", source) from exc


def _line(file: BinaryIO, source: Path) -> bytes:
    line = file.readline(_MAX_HEADER_BYTES)
    if not line.endswith(b"\n"):
        raise InputRefusedError("{source} is not a backup of a node", source)
    return line


def _fields(line: bytes, source: Path) -> dict[str, Any]:
    try:
        fields = json.loads(line)
        if fields["sigfed-backup"] != VERSION:
            raise InputRefusedError(
                "{source} was written by a newer version", source, hint="upgrade the program"
            )
        kdf = fields["kdf"]
        KdfProfile(kdf["t"], kdf["m_kib"], kdf["p"])
        if len(b64decode(kdf["salt"])) != _SALT_BYTES or kdf["name"] != "argon2id":
            raise InputRefusedError("{source} is not a backup of a node", source)
        str(fields["node"] + fields["created"])
    except (ValueError, KeyError, TypeError, KeysError):
        raise InputRefusedError("{source} is not a backup of a node", source) from None
    return cast("dict[str, Any]", fields)
