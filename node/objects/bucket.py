"""A bucket of an S3 store: the one place that says what a store did not do, and how long is waited for it.

Credentials come from the environment (`AWS_…`), as other tools have them. What the client says of a failure holds
addresses and what the store answered: people are told a status, and nothing else of it.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from node.errors import ConfigError, NodeError, StoreDownError, StoreError, UsageError
from protocol.limits import MAX_RELEASE_FILE_BYTES

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ClientConfig, RetryConfig, S3Store

SCHEME: Final = "s3://"
_MAX_BYTES: Final = 2 * MAX_RELEASE_FILE_BYTES
"""No object is as large; a store that says so is not read into memory."""
_MEDIUM_BYTES: Final = 2**20
_LARGE_BYTES: Final = 8 * 2**20
_PAGE: Final = 1000
_SHORT: Final = timedelta(seconds=10)
_MIDDLING: Final = timedelta(minutes=2)
_LONG: Final = timedelta(minutes=15)
_QUICK: Final["ClientConfig"] = {"connect_timeout": timedelta(seconds=3), "timeout": _SHORT}
_TAKING: Final["ClientConfig"] = {**_QUICK, "timeout": _MIDDLING}
_SENDING: Final["ClientConfig"] = {**_QUICK, "timeout": _LONG}
_READING: Final["ClientConfig"] = {**_SENDING, "read_timeout": _SHORT}
"""How long is waited: for an answer; while objects leave, of which 16 share the line; for the next bytes of one that
arrives."""
_RETRY: Final["RetryConfig"] = {
    "max_retries": 3,
    "retry_timeout": _SHORT,
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
}
_STATUS: Final = re.compile(r"status code: (\d{3})")
_REFUSED: Final = frozenset({"401", "403"})
_NOT_IMPLEMENTED: Final = "501"
_NO_BUCKET: Final = "NoSuchBucket"
_PLAIN: Final = "BadScheme"
_TIMEOUT: Final = "kind: Timeout"
_SEE: Final = "is it running, and is there room on its disks? nothing was lost: do the same again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where objects are: a bucket, and what all their names begin with. What is empty, the environment says."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    ca_file: Path | None = None

    @override
    def __str__(self) -> str:
        return f"{SCHEME}{self.name}/{self.prefix}".rstrip("/")

    def get(self, name: str) -> tuple[bytes, str] | None:
        """The bytes of an object and the mark of this state of it; None when there is none."""
        with _told():
            try:
                found = _client(self, "reading").get(name)
                if found.meta["size"] > _MAX_BYTES:
                    raise StoreError("object {name} is far too long", name)
                return found.bytes().to_bytes(), found.meta["e_tag"] or ""
            except FileNotFoundError as exc:
                _require_bucket(exc)
                return None

    def size(self, name: str) -> int | None:
        """How many bytes an object has; None when there is none."""
        with _told():
            try:
                return int(_client(self).head(name)["size"])
            except FileNotFoundError:  # or there is no bucket, which an answer without a body cannot say
                found = self.get(name)
                return None if found is None else len(found[0])

    def put(self, name: str, data: bytes) -> None:
        """Write an object, whatever was there."""
        with _told():
            self._put(name, data, "overwrite", once=False)

    def create(self, name: str, data: bytes) -> bool:
        """Write an object where none is; whether it was."""
        return self._put_if(name, data, "create") is not None

    def replace(self, name: str, mark: str, data: bytes) -> bool:
        """Write an object in place of the state that `get` gave this mark; whether it was that."""
        return self._put_if(name, data, {"e_tag": mark}) is not None

    def keeps_versions(self, name: str, mark: str, data: bytes) -> bool | None:
        """As `replace`, and whether what was there is kept; None when it was not that state."""
        result = self._put_if(name, data, {"e_tag": mark})
        return None if result is None else result["version"] not in {None, "null"}

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""
        with _told():
            try:
                _client(self).delete(name)
            except FileNotFoundError as exc:
                _require_bucket(exc)

    def marks(self, prefix: str) -> dict[str, str]:
        """By the name of each object below `prefix`, the mark of its state."""
        with _told():
            pages = _client(self).list(prefix.rstrip("/") or None, chunk_size=_PAGE)
            return {each["path"]: each["e_tag"] or "" for page in pages for each in page}

    def _put_if(self, name: str, data: bytes, mode: "PutMode") -> Mapping[str, Any] | None:
        with _told():
            from obstore.exceptions import AlreadyExistsError, PreconditionError  # noqa: PLC0415 - of an extra

            try:
                # Asked again because the answer was lost, it would stand in its own way.
                return self._put(name, data, mode, once=True)
            except (AlreadyExistsError, PreconditionError):
                return None
            except FileNotFoundError as exc:
                _require_bucket(exc)
                return None

    def _put(self, name: str, data: bytes, mode: "PutMode", *, once: bool) -> Mapping[str, Any]:
        size = len(data)
        patience = "quick" if size <= _MEDIUM_BYTES else "taking" if size <= _LARGE_BYTES else "sending"
        client = _client(self, patience, once=once)
        # In parts it would be quicker, and what a killed writer sent of them would stay in the store, unseen.
        return client.put(name, data, mode=mode, use_multipart=False)


_PATIENCE: Final = {"quick": _QUICK, "taking": _TAKING, "sending": _SENDING, "reading": _READING}


@lru_cache(maxsize=16)
def _client(bucket: Bucket, patience: str = "quick", *, once: bool = False) -> "S3Store":
    """The client: one keeps its connections for all who use it."""
    options: ClientConfig = {**_PATIENCE[patience]}
    # The client, which is told how long to wait, does not ask the environment for this any more.
    if bucket.endpoint.startswith("http://") or os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true":
        options["allow_http"] = True
    if bucket.ca_file is not None:
        try:
            options["root_certificate"] = bucket.ca_file.read_bytes()
        except OSError as exc:
            raise ConfigError("{path} cannot be read", bucket.ca_file) from exc
    said = {"endpoint": bucket.endpoint, "region": bucket.region}
    return s3_store(
        bucket.name,
        prefix=bucket.prefix or None,
        config={name: value for name, value in said.items() if value},
        client_options=options,
        retry_config={"max_retries": 0} if once else _RETRY,
    )


def s3_store(bucket: str, **options: Any) -> "S3Store":
    """A client of a bucket, from a package that not everybody has; raises `UsageError` without."""
    _require_package()
    from obstore.store import S3Store  # noqa: PLC0415 - of an extra

    return S3Store(bucket, **options)


def _require_package() -> None:
    try:
        import obstore.store  # noqa: PLC0415, F401 - of an extra
    except ImportError as exc:
        raise UsageError(
            "buckets need one more package",
            hint="pip install 'FILE[s3]', of the file that sigfed was installed from",
        ) from exc


@contextmanager
def _told() -> Iterator[None]:
    """Say what stands in the way, without what the client says of it."""
    _require_package()
    from obstore.exceptions import BaseError  # noqa: PLC0415 - of an extra

    try:
        yield
    except (BaseError, OSError, ValueError) as exc:
        raise _down(exc) from None


def _down(error: Exception) -> NodeError:
    words = str(error)
    answered = _STATUS.search(words)
    if _NO_BUCKET in words:
        return StoreDownError("there is no such bucket", hint="make it, or correct store.objects")
    if answered is not None:
        return _answered(answered[1])
    if _PLAIN in words:
        return StoreDownError(
            "the address of the object store begins with http",
            hint="where that is meant, set AWS_ALLOW_HTTP=true, or name it in store.objects_endpoint",
        )
    if _TIMEOUT in words:
        return StoreDownError("the object store takes too long", hint=_SEE)
    return StoreDownError("the object store cannot be reached", hint=_SEE)


def _answered(status: str) -> NodeError:
    if status in _REFUSED:
        return StoreDownError(
            "the object store refuses this node",
            hint="see the AWS_ variables of its environment, its clock, and what the bucket allows it",
        )
    if status == _NOT_IMPLEMENTED:
        return ConfigError(
            "this object store does not know a request that this node makes",
            hint="take one that compares before it writes (If-None-Match, If-Match), in store.objects",
        )
    return StoreDownError("the object store answered {status}", status, hint=_SEE)


def _require_bucket(error: FileNotFoundError) -> None:
    """A bucket that is gone must not be taken for one in which nothing is."""
    if _NO_BUCKET in str(error):
        raise error
