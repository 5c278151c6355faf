"""Where a node keeps its objects: whatever needs some gets them here.

Three object stores: the objects of a node, which may be in a bucket, and two folders of trust files, which stay on the
machine: whoever keeps a node's objects must not be able to put back an old root or an old register.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from node.config import Settings
from node.errors import AlreadyExistsError, StoreDownError
from node.files import locked, make_private_folder
from node.home import Home
from node.objects.folder import FolderObjects
from node.ports.objects import ObjectStore
from node.store.lease import Claim

if TYPE_CHECKING:  # where the objects are in a folder, nothing of this is loaded
    from node.objects.s3 import S3Objects


def open_objects(home: Home, settings: Settings, claim: Claim) -> ObjectStore:
    """The bulk: lists, openings, releases, cases, and whatever else is sealed in them; `claim` is the home's."""
    if settings.store.objects:
        require_no_folder(settings, home.objects)
        return open_bucket(settings, claim)
    if not home.objects.exists():
        with placing(home):
            if home.moved_objects.exists():  # a move was killed before it put a file there
                raise StoreDownError("a move of the objects was cut off", hint="sigfed doctor says where to")
            make_private_folder(home.objects)
    return FolderObjects(home.objects, create=False)


def open_source(home: Home) -> tuple[ObjectStore, Path]:
    """The objects that a move takes out of the home, and their folder: one that was killed late has renamed it."""
    folder = home.moved_objects if home.moved_objects.is_dir() else home.objects
    return FolderObjects(folder, create=False), folder


@contextmanager
def placing(home: Home) -> Iterator[None]:
    """Nobody else makes the folder of objects, or puts something else in its place, while the block lasts."""
    with locked(home.folder / "objects.lock"):
        yield


def require_no_folder(settings: Settings, folder: Path) -> None:
    """See to a bucket that nobody wrote into the configuration of a home that has its objects in a folder.

    What is in the folder is nowhere else then, and what is written meanwhile would be in the bucket alone. Raises
    `AlreadyExistsError`.
    """
    if settings.store.objects and folder.is_dir():
        raise AlreadyExistsError(
            "{folder}/ is in the home, and no move has copied all of it",
            folder.name,
            hint="take store.objects out of sigfed.toml, then sigfed store move --to that bucket",
        )


def open_bucket(settings: Settings, claim: Claim) -> "S3Objects":
    """The objects of a node that keeps them in a bucket."""
    from node.objects.bucket import Bucket  # noqa: PLC0415 - few nodes do
    from node.objects.s3 import Owner, S3Objects  # noqa: PLC0415

    said = settings.store
    name, _, prefix = said.objects.partition("://")[2].partition("/")
    bucket = Bucket(
        name=name,
        prefix=prefix.rstrip("/"),
        endpoint=said.objects_endpoint,
        region=said.objects_region,
        ca_file=said.objects_ca_file,
    )
    return S3Objects(bucket, Owner(node=settings.node, home=claim.holder, place=claim.place))


def open_trust(home: Home) -> ObjectStore:
    """The node's own trust files, and its certificates."""
    return FolderObjects(home.trust)


def open_introductions(home: Home) -> ObjectStore:
    """Trust files of members, as they were introduced."""
    return FolderObjects(home.introductions)
