"""A partner shows values: as few as tell all there is, in batches, and what was answered stands."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from node.errors import ForbiddenError, NodeError, OverQuotaError, VerificationError
from node.hoster.lookup.disclosure import ALIKE, Disclosed, choose, disclose
from node.partners.disclosed_lookup import MOST_ABOUT_ONE, PartnerDisclosure
from protocol.digest import Algorithm, Digest
from protocol.limits import MAX_DISCLOSED_VALUES
from protocol.statement.disclosed_lookup import DisclosedQuery, DisclosedReply
from support.disclosed import disclosed_world, flipped, let_disclose, lookups, picture
from support.hits import HOSTER, ORIGIN, SUBSET, HitWorld
from support.lists import digest

LISTED = picture("listed")
FLAT = Digest(Algorithm.PDQ, bytes(32))


class Api:
    """What a partner's requests reach; it keeps their sizes."""

    def __init__(self, world: HitWorld) -> None:
        self._behind = PartnerDisclosure(lookups(world), HOSTER, frozenset({SUBSET}))
        self.sizes: list[int] = []

    async def disclosed_lookup(self, subset: str, query: bytes) -> bytes:
        self.sizes.append(len(DisclosedQuery.from_bytes(query).values))
        return await self._behind.disclosed_lookup(subset, query)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with disclosed_world(tmp_path, "listed") as made:
        let_disclose(made, 100)
        yield made


@pytest.fixture
def api(world: HitWorld) -> Api:
    return Api(world)


async def shown(api: Api, *named: tuple[str, Sequence[Digest]]) -> Disclosed:
    return await disclose(api, SUBSET, ORIGIN, choose(named))


@pytest.mark.threat("disclosed values kept")
def test_only_values_of_pictures_with_content_are_shown() -> None:
    chosen = choose(
        [
            ("a film", [digest("a film"), digest("a film", Algorithm.PHOTODNA)]),
            ("a flat picture", [digest("flat"), FLAT]),
            ("a picture", [digest("a picture"), picture("a picture"), FLAT]),
        ]
    )
    assert chosen.values == (picture("a picture"),)
    assert chosen.without == ("a film", "a flat picture")
    assert picture("a picture").value.hex() not in repr(chosen)


@pytest.mark.parametrize(("bits", "values"), [(0, 1), (ALIKE, 1), (ALIKE + 1, 2)])
def test_nearly_the_same_is_shown_once(bits: int, values: int) -> None:
    one = picture("a picture")
    chosen = choose([("one", [one]), ("the other", [flipped(one, range(bits))])])
    assert len(chosen.values) == values
    assert [name for name, _ in chosen.files] == ["one", "the other"]


@pytest.mark.threat("a near picture as a hit")
async def test_what_is_near_and_what_is_not(api: Api) -> None:
    near = flipped(LISTED, range(20))
    done = await shown(
        api,
        ("far", [picture("a garden")]),
        ("near", [near]),
        ("its second frame", [picture("a frame"), flipped(near, [200])]),
        ("of the same name", [picture("one")]),
        ("of the same name", [picture("two")]),
    )
    assert done == Disclosed(
        near=(("near", "baseline"), ("its second frame", "baseline")),
        far=("far", "of the same name", "of the same name"),
    )


async def test_an_animation_of_near_frames_stops_nobody(api: Api) -> None:
    frames = [flipped(LISTED, [bit]) for bit in range(3 * MOST_ABOUT_ONE)]
    done = await shown(api, ("animation", frames))
    assert (done.near, done.stopped, api.sizes) == ((("animation", "baseline"),), None, [1])


async def test_what_was_answered_stands_when_the_quota_ends(api: Api) -> None:
    named = [(str(number), [picture(f"picture {number}")]) for number in range(150)]
    done = await shown(api, *named)
    assert isinstance(done.stopped, OverQuotaError)
    assert api.sizes == [MAX_DISCLOSED_VALUES] * 2
    assert (len(done.far), len(done.unanswered)) == (MAX_DISCLOSED_VALUES, 150 - MAX_DISCLOSED_VALUES)


async def test_a_file_whose_values_were_not_all_answered_is_not_called_far(api: Api, world: HitWorld) -> None:
    let_disclose(world, 0)
    done = await shown(api, ("a picture", [picture("a picture")]))
    assert (done.far, done.unanswered) == ((), ("a picture",))
    assert isinstance(done.stopped, ForbiddenError)


class Liar:
    """A node whose replies are of something else."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply

    async def disclosed_lookup(self, subset: str, query: bytes) -> bytes:
        del subset, query
        return self._reply


@pytest.mark.parametrize(
    "reply",
    [b"", DisclosedReply(version=1, collections=(1, 1)).to_bytes(), b"\xff" * 600],
    ids=["nothing", "two answers to one value", "no CBOR"],
)
async def test_a_reply_that_is_none_answers_nothing(reply: bytes) -> None:
    done = await disclose(Liar(reply), SUBSET, ORIGIN, choose([("a picture", [picture("a picture")])]))
    stopped: NodeError | None = done.stopped
    assert isinstance(stopped, VerificationError)
    assert (done.near, done.unanswered) == ((), ("a picture",))
