"""Replacing the partner's own key, so that whatever kills the process, one of the keys here is one the node knows.

The next key is written first, then the node is asked, then the next key takes the place of the old. A node that has
heard of it answers again for a day; after that the old key is refused and the next one is simply tried.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from keys.key import AuthPrivateKey
from node.clock import Clock, Entropy, milliseconds
from node.errors import ConflictError, PeerRefusedError, UnauthenticatedError
from node.hoster.folder import Enrolment, PartnerFolder
from protocol.api import RenewalApi
from protocol.enrolment import renewal_string
from protocol.limits import KEY_DAYS
from protocol.messages import RenewalRequest

LOST_HINT: Final = (
    "if this folder was put back from a backup or copied, the node knows a newer key: ask the agency for a new"
    " invitation and enrol in another folder. If it was not, somebody else may have used the key: tell the agency"
)
REFUSED_HINT: Final = f"ask the agency whether it ended this access. If it did not: {LOST_HINT}"


class RenewingApi(RenewalApi, Protocol):
    """A connection to the node, under one of the partner's keys."""

    async def scopes(self) -> frozenset[str]:
        """What the key may read; raises `UnauthenticatedError` when the node does not know it."""
        ...


Connect = Callable[[AuthPrivateKey], AbstractAsyncContextManager[RenewingApi]]


def is_due(folder: PartnerFolder, enrolment: Enrolment, now: datetime) -> bool:
    """Whether the key has lived for half its time, or a renewal was cut off."""
    lived = timedelta(milliseconds=milliseconds(now) - enrolment.key_ms)
    return folder.renewing or lived >= timedelta(days=KEY_DAYS) / 2


async def renew(folder: PartnerFolder, connect: Connect, clock: Clock, *, entropy: Entropy) -> None:
    """Replace the key by a new one, or by the one with which that was begun.

    Raises:
        UnauthenticatedError: the node knows neither of the keys here.
        ConflictError: the node knows another key that has followed the one here.
    """
    enrolment, cursor = folder.load()
    old, new = folder.key(), folder.next_key(AuthPrivateKey.from_seed(entropy(32)))
    try:
        async with connect(old) as api:
            await api.renew(enrolment.subset, _request(enrolment, old, new))
    except UnauthenticatedError as exc:
        await _require_known(connect, new, exc)
    except PeerRefusedError as exc:
        if exc.status != 409:
            raise
        raise ConflictError(
            "the node knows another key of {partner}", enrolment.partner, hint=LOST_HINT
        ) from exc
    folder.renew_key()
    folder.save(replace(enrolment, key_ms=milliseconds(clock.now())), cursor)


async def _require_known(connect: Connect, new: AuthPrivateKey, refused: UnauthenticatedError) -> None:
    """The node has taken the next key already, so long ago that the old one has ended; else `refused` is raised."""
    try:
        async with connect(new) as api:
            await api.scopes()
    except UnauthenticatedError:
        refused.hint = LOST_HINT
        raise refused from None


def _request(enrolment: Enrolment, old: AuthPrivateKey, new: AuthPrivateKey) -> RenewalRequest:
    string = renewal_string(
        root_sha256=enrolment.trust.pin,
        partner=enrolment.partner,
        old_key=old.public.raw,
        auth_key=new.public.raw,
    )
    return RenewalRequest(
        auth_key=new.public.raw, auth_signature=new.sign(string), old_signature=old.sign(string)
    )
