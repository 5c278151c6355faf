"""A partner's key is replaced: both count for a day, and whatever dies in between, the partner can go on."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from keys.key import AuthPrivateKey
from node.access.callers import StoredCallers
from node.clock import milliseconds, system_entropy
from node.errors import ConflictError, PeerRefusedError, UnauthenticatedError, VerificationError
from node.hoster import key_renewal
from node.hoster.folder import PartnerFolder
from node.hoster.key_renewal import is_due, renew
from node.partners.key_renewal import OVERLAP, PartnerRenewal, ServedRenewals
from node.store.store import Store
from protocol.enrolment import renewal_string
from protocol.limits import KEY_DAYS
from protocol.messages import RenewalReply, RenewalRequest
from support.releases import SUBSET, EnrolledPartner, ReleasingAgency

NAME = "hoster"
MOMENT = timedelta(seconds=1)


class Killed(BaseException):
    """The process ends here."""


class Line:
    """A partner's connection to the node, authenticated by one key."""

    def __init__(self, world: "World", key: AuthPrivateKey) -> None:
        self._world = world
        self._key = key

    async def scopes(self) -> frozenset[str]:
        found = self._world.callers.credential(NAME, self._key.public.kid)
        if found is None:
            raise UnauthenticatedError("the node does not accept our credential")
        return found.scopes

    async def renew(self, subset: str, request: RenewalRequest) -> RenewalReply:
        assert await self.scopes() == {f"query:{SUBSET}"}
        try:
            reply = await ServedRenewals(self._world.renewal, NAME).renew(subset, request)
        except ConflictError as exc:
            raise PeerRefusedError("the node refused", status=409) from exc
        self._world.at("answered")
        return reply


class World:
    """A node and an enrolled partner that may die at a place."""

    def __init__(self, agency: ReleasingAgency, partner: EnrolledPartner) -> None:
        self.agency = agency
        self.clock = agency.clock
        self.home = partner.home
        self.renewal = PartnerRenewal(agency.store, agency.trust, agency.clock)
        self.callers = StoredCallers(agency.store, agency.clock)
        self.dies_at = ""

    def at(self, place: str) -> None:
        if place == self.dies_at:
            raise Killed

    @asynccontextmanager
    async def connect(self, key: AuthPrivateKey) -> AsyncIterator[Line]:
        self.at("written")
        yield Line(self, key)

    async def renew(self) -> None:
        connect: Callable[[AuthPrivateKey], AbstractAsyncContextManager[Line]] = self.connect
        await renew(self.home, connect, self.clock, entropy=system_entropy)

    def accepts(self, key: AuthPrivateKey) -> bool:
        return self.callers.credential(NAME, key.public.kid) is not None


@pytest.fixture
async def world(store: Store, tmp_path: Path) -> World:
    agency = ReleasingAgency(store, tmp_path)
    return World(agency, await agency.admit_partner(tmp_path / "partner"))


async def test_both_keys_count_for_a_day_and_then_the_new_one_alone(world: World) -> None:
    old = world.home.key()
    await world.renew()
    new = world.home.key()
    assert new.public != old.public
    assert world.accepts(old)
    assert world.accepts(new)
    world.clock.advance(OVERLAP - MOMENT)
    assert world.accepts(old)
    world.clock.advance(MOMENT)
    assert not world.accepts(old)
    assert world.accepts(new)


async def test_the_node_knows_how_old_a_key_is_and_records_the_renewal(world: World) -> None:
    world.clock.advance(timedelta(days=30))
    await world.renew()
    with world.agency.store.read() as unit:
        partner = unit.partners.get(NAME)
    assert partner.key_ms == milliseconds(world.clock.now()) > partner.added_ms
    assert world.home.load()[0].key_ms == partner.key_ms


PLACES = ["written", "answered", "before the key takes its place", "before the state is written"]


@pytest.mark.parametrize("days_later", [0, 3])
@pytest.mark.parametrize("place", PLACES)
async def test_killed_anywhere_the_partner_goes_on(
    world: World, place: str, days_later: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    dies = {PLACES[2]: "renew_key", PLACES[3]: "save"}
    with monkeypatch.context() as patched:
        if place in dies:
            patched.setattr(PartnerFolder, dies[place], die)
        world.dies_at = place
        with pytest.raises(Killed):
            await world.renew()
    world.dies_at = ""
    world.clock.advance(timedelta(days=days_later))
    assert is_due(world.home, world.home.load()[0], world.clock.now()), "the next update finishes it"
    await world.renew()
    assert not world.home.renewing
    assert world.accepts(world.home.key())
    await world.renew()
    assert world.accepts(world.home.key())


async def test_a_key_is_replaced_when_half_of_its_life_is_over(world: World) -> None:
    await world.renew()

    def due() -> bool:
        return is_due(world.home, world.home.load()[0], world.clock.now())

    assert not due()
    world.clock.advance(timedelta(days=KEY_DAYS // 2) - MOMENT)
    assert not due()
    world.clock.advance(MOMENT)
    assert due()


async def test_a_folder_from_a_backup_is_told_to_enrol_anew(world: World) -> None:
    before = world.home.key()
    await world.renew()
    world.clock.advance(OVERLAP)
    (world.home.folder / "auth.key").write_text(before.to_text())
    with pytest.raises(UnauthenticatedError) as caught:
        await world.renew()
    assert "new invitation" in caught.value.hint
    assert caught.value.hint == key_renewal.LOST_HINT


async def test_who_renewed_with_a_stolen_key_is_noticed_by_its_owner(world: World, tmp_path: Path) -> None:
    thief = PartnerFolder(tmp_path / "thief")
    thief.create(world.home.load()[0], world.home.key())
    await renew(thief, world.connect, world.clock, entropy=system_entropy)
    with pytest.raises(ConflictError) as caught:
        await world.renew()
    assert "tell the agency" in caught.value.hint
    with world.agency.store.write() as unit:
        unit.partners.set_suspended(NAME, suspended=True)
    assert not world.accepts(thief.key())
    assert not world.accepts(world.home.key())


# ------------------------------------------------------------------ requests that nobody may make

NEXT, OTHER = (AuthPrivateKey.from_seed(letter * 32) for letter in (b"1", b"2"))


def _request(
    world: World,
    *,
    old: AuthPrivateKey | None = None,
    new: AuthPrivateKey = NEXT,
    listed: AuthPrivateKey | None = None,
    partner: str = NAME,
    root: bytes | None = None,
) -> RenewalRequest:
    string = renewal_string(
        root_sha256=root or world.agency.trust.root().sha256,
        partner=partner,
        old_key=world.home.key().public.raw,
        auth_key=(listed or new).public.raw,
    )
    return RenewalRequest(
        auth_key=(listed or new).public.raw,
        auth_signature=new.sign(string),
        old_signature=(old or world.home.key()).sign(string),
    )


FORGED: dict[str, Callable[[World], RenewalRequest]] = {
    "without the old key, as with a stolen token": lambda world: _request(world, old=OTHER),
    "of a key that somebody else has": lambda world: _request(world, listed=OTHER),
    "made for another partner": lambda world: _request(world, partner="another"),
    "made for another node": lambda world: _request(world, root=bytes(32)),
    "by itself": lambda world: _request(world, new=world.home.key()),
}


@pytest.mark.parametrize("make", FORGED.values(), ids=FORGED)
async def test_a_renewal_that_both_keys_did_not_sign_changes_nothing(
    world: World, make: Callable[[World], RenewalRequest]
) -> None:
    with pytest.raises(VerificationError):
        world.renewal.renew(NAME, make(world))
    assert world.accepts(world.home.key())
    assert not world.accepts(NEXT)


async def test_the_old_key_renews_once(world: World) -> None:
    request = _request(world)
    reply = world.renewal.renew(NAME, request)
    world.clock.advance(MOMENT)
    assert world.renewal.renew(NAME, request) == reply, "a lost reply is given again"
    with pytest.raises(ConflictError):
        world.renewal.renew(NAME, _request(world, new=OTHER))
    assert not world.accepts(OTHER)
