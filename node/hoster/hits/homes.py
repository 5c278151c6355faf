"""Where the hits of a partner's client are, and the files that wait for a verdict, and who may change them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from node.errors import NodeError, NotFoundError, StoreError, UsageError
from node.files import locked
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.lookup.unconfirmed_files import UnconfirmedFiles


def hit_spool(home: Home) -> HitSpool:
    """The hits of the partner in `home`."""
    return HitSpool(home.partner)


@contextmanager
def alone(home: Home) -> Iterator[HitSpool]:
    """The hits, with other commands that change them kept out; raises `NotInitialisedError`."""
    PartnerFolder(home.partner).load()
    with locked(home.partner / "hits.lock"):
        yield hit_spool(home)


def unconfirmed_files(home: Home) -> UnconfirmedFiles:
    """The files of the partner in `home` that could not be looked up yet."""
    return UnconfirmedFiles(home.partner)


def home_of(homes: Sequence[Home], text: str) -> Home:
    """Of a client's homes, the one whose hits have an id that begins with these digits.

    Raises:
        NotFoundError: none has.
        UsageError: more than one hit is meant.
    """
    found: list[Home] = []
    failure: NodeError | OSError | None = None
    for home in homes:
        try:
            hit_spool(home).get(text)
        except (NotFoundError, StoreError, OSError) as exc:  # what is damaged elsewhere hides no hit
            failure = exc
        else:
            found.append(home)
    if len(found) > 1:
        raise UsageError("hits of {count} subsets begin with that", len(found), hint="give more digits")
    if not found:
        assert failure is not None, "a client follows at least one"
        raise failure
    return found[0]


def hits(home: Home) -> list[SpooledHit]:
    """All hits, oldest first; raises `NotInitialisedError`."""
    PartnerFolder(home.partner).load()
    return hit_spool(home).ls()
