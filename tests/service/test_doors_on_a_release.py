"""The daemon's HTTP doors on real releases, looked up by the real judge: whatever hashes are asked about, nothing
that is listed is answered as clean, and what cannot be looked up is unknown. Of several subsets there is one verdict.
"""

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import md5
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from node.clock import system_entropy
from node.connections import listen_tcp
from node.errors import PeerUnreachableError, UsageError
from node.hashing.file_hashes import Hashed
from node.hashing.open_files import HashProcess, HashProcesses
from node.hashing.plan import HashPlan
from node.hoster.hits.spool import HitSpool
from node.hoster.judge.inspection import LocalInspector
from node.hoster.judge.joint import JointJudge
from node.hoster.judge.local import LocalJudge
from node.hoster.judge.queue import LookUpQueue
from node.hoster.lookup.examiner import Examiner
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.lookup.unconfirmed_files import UnconfirmedFiles
from node.hoster.trust.node import known
from node.sdk import Screen, scan_partition
from node.sdk.screen import screen_of
from node.web.gateways.listener import served
from node.web.gateways.services import LocalServices
from protocol.api import SubsetApi
from protocol.digest import Algorithm, Digest
from protocol.messages import EvaluationReply, EvaluationRequest
from protocol.oprf.group import Group
from protocol.subset.canary import PRESENT
from protocol.subset.filter import EXACT
from support.gateways import LIMITS
from support.pictures import encoded, natural
from support.releases import FILTER, EnrolledPartner, release_rows, two_agencies
from support.stores import file_digests, row, sha256_digest

FULL = [(*file_digests(name), sha256_digest(name)) for name in ("full 1", "full 2", "full 3")]
PAIRS = [file_digests(name) for name in ("pair 1", "pair 2")]
LONE = [(sha256_digest("sha256 only"),), (file_digests("md5 only")[0],), (file_digests("sha1 only")[1],)]
PICTURES = [(Digest(Algorithm.PDQ, sha256_digest(name).value),) for name in ("picture 1", "picture 2")]
LISTED: Sequence[Sequence[Digest]] = [*FULL, *PAIRS, *LONE]
DOWN = PeerUnreachableError("fr.example cannot be reached")


class Unreachable:
    """The node's API while nobody answers an evaluation."""

    async def evaluate(self, *_: object) -> object:
        raise DOWN


@dataclass
class Counted:
    """The node's API, with how many elements each request has."""

    real: SubsetApi
    asked: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        self.asked.append(request.count)
        return await self.real.evaluate(subset, request)


@dataclass
class World:
    partner: EnrolledPartner
    client: aiohttp.ClientSession
    also: EnrolledPartner | None = None
    """Of a second subset that the same home follows."""
    url: str = ""
    images: bool = True
    """Whether the daemon says that it hashes pictures."""
    plan: HashPlan = field(default_factory=lambda: HashPlan(images=False))

    async def json(self, method: str, path: str, **options: Any) -> tuple[int, Any, Mapping[str, str]]:
        async with self.client.request(method, self.url + path, **options) as reply:
            return reply.status, json.loads(await reply.read()), reply.headers

    async def check(self, digests: Sequence[Digest]) -> str:
        """What `/v1/check` says of a file of which these hashes are known."""
        body = {"files": [{digest.algorithm.name.lower(): digest.value.hex() for digest in digests}]}
        status, said, _ = await self.json("POST", "/v1/check", json=body)
        assert status == 200
        return str(said["files"][0]["verdict"])

    @asynccontextmanager
    async def served(self, folder: Path, **changes: Any) -> AsyncIterator["World"]:
        """The daemon of this partner."""
        async with AsyncExitStack() as stack:
            processes = await stack.enter_async_context(HashProcesses(1, self.plan))
            judges = {}
            followed = {"exact": self.partner} | ({"pictures": self.also} if self.also else {})
            for name, partner in followed.items():
                queue = await stack.enter_async_context(LookUpQueue(partner.examiner, tick_seconds=0.01))
                judges[name] = LocalJudge(
                    queue,
                    partner.examiner,
                    spool=HitSpool(folder / name),
                    unconfirmed=UnconfirmedFiles(folder / name),
                    clock=partner.agency.clock,
                    told=lambda _hit, _late: None,
                    images=self.images,
                )
            services = LocalServices(
                inspector=LocalInspector(JointJudge(judges), processes),
                standing=lambda: {"serving": True},
                metrics=lambda: b"",
                **changes,
            )
            listener = listen_tcp("127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            await stack.enter_async_context(served(services, [listener], limits=LIMITS))
            yield self


@asynccontextmanager
async def released(
    folder: Path, listed: Sequence[Sequence[Digest]], kinds: frozenset[Algorithm]
) -> AsyncIterator[World]:
    """A partner of a subset of these kinds of hashes, in which all of `listed` is effective."""
    with two_agencies(folder, subset_filter=replace(FILTER, algorithms=kinds)) as (fr, nl):
        release_rows(fr, nl, [row(f"row {place}", digests=digests) for place, digests in enumerate(listed)])
        partner = await fr.admit_partner(folder / "partner")
        await partner.update()
        async with aiohttp.ClientSession() as client:
            yield World(partner, client)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with released(tmp_path / "exact", LISTED, EXACT) as made:
        yield made


@pytest.fixture
async def both(world: World, pictures: World) -> World:
    """A home that follows the subset of exact hashes, and the one of pictures."""
    world.also = pictures.partner
    return world


@pytest.fixture
async def pictures(tmp_path: Path) -> AsyncIterator[World]:
    async with released(tmp_path / "pdq", PICTURES, frozenset({Algorithm.PDQ})) as made:
        yield made


def subsets_of(digests: Sequence[Digest]) -> list[Sequence[Digest]]:
    return [part for size in range(1, len(digests) + 1) for part in combinations(digests, size)]


async def test_whichever_hashes_of_a_listed_file_are_asked_about_it_is_a_hit(
    world: World, tmp_path: Path
) -> None:
    async with world.served(tmp_path) as doors:
        for digests in LISTED:
            for part in subsets_of(digests):
                assert await doors.check(part) == "hit", [digest.algorithm.name for digest in part]


async def test_hma_finds_every_listed_md5(world: World, tmp_path: Path) -> None:
    asked = [digest for digests in LISTED for digest in digests if digest.algorithm is Algorithm.MD5]
    assert len(asked) == 6
    async with world.served(tmp_path) as doors:
        for digest in asked:
            query = f"?signal_type=video_md5&signal={digest.value.hex()}"
            for path in ("/m/lookup", "/m/raw_lookup"):
                status, said, _ = await doors.json("GET", path + query)
                assert (status, bool(said["matches"] if path == "/m/raw_lookup" else said)) == (200, True)


async def test_hma_and_shield_find_every_listed_pdq_value(pictures: World, tmp_path: Path) -> None:
    async with pictures.served(tmp_path) as doors:
        for (digest,) in PICTURES:
            _, said, _ = await doors.json("GET", f"/m/lookup?signal_type=pdq&signal={digest.value.hex()}")
            assert said
        texts = [b64encode(digest.value).decode() for (digest,) in PICTURES]
        _, said, _ = await doors.json("POST", "/v1/pdq/", json={"hashes": texts})
        assert {one["classification"] for one in said["scanned_hashes"].values()} == {"csam"}


@pytest.mark.parametrize("fail_closed", [False, True])
async def test_what_cannot_be_looked_up_is_never_clean(
    world: World, tmp_path: Path, fail_closed: bool
) -> None:
    """What the screen knows a file by may be a hash that was not given: only the node can say."""
    world.partner.api = cast("SubsetApi", Unreachable())
    (listed_md5, *_), stranger = FULL[0], sha256_digest("a holiday picture")
    async with world.served(tmp_path, fail_closed=fail_closed) as doors:
        assert await doors.check([listed_md5]) == "unknown"
        assert await doors.check([stranger]) == "unknown"
        holiday = (*file_digests("a holiday"), sha256_digest("a holiday"))
        assert await doors.check(holiday) == "clean"
        assert await doors.check(holiday[:1]) == "clean", "the screen has every MD5"
        for path in ("/m/lookup", "/m/raw_lookup"):
            query = f"?signal_type=video_md5&signal={listed_md5.value.hex()}"
            status, said, headers = await doors.json("GET", path + query)
            assert (status, int(headers["Retry-After"]) > 0) == (503, True)
            assert "fr.example cannot be reached" in said["message"]


async def test_a_pdq_value_that_cannot_be_looked_up_is_never_clean(pictures: World, tmp_path: Path) -> None:
    pictures.partner.api = cast("SubsetApi", Unreachable())
    async with pictures.served(tmp_path) as doors:
        texts = [b64encode(digest.value).decode() for (digest,) in PICTURES]
        status, _, headers = await doors.json("POST", "/v1/pdq/", json={"hashes": texts})
        assert (status, "Retry-After" in headers) == (503, True)


async def test_exact_hashes_ask_a_subset_of_pictures_nothing(pictures: World, tmp_path: Path) -> None:
    """A miss would look clean, though the picture may be listed; the test file is looked up all the same."""
    holiday = (*file_digests("a holiday"), sha256_digest("a holiday"))
    async with pictures.served(tmp_path) as doors:
        assert await doors.check(holiday) == "unknown"
        assert await doors.check([*holiday, *PICTURES[0]]) == "hit"
        assert await doors.check([PRESENT]) == "test-file"
        query = f"?signal_type=video_md5&signal={holiday[0].value.hex()}"
        status, said, headers = await doors.json("GET", f"/m/lookup{query}")
        assert (status, "Retry-After" in headers) == (503, True)
        assert "is asked by pdq" in said["message"]
        async with doors.client.post(f"{doors.url}/v1/scan", data=b"no picture at all") as reply:
            assert (await reply.json())["verdict"] == "clean", "every kind was tried"


async def test_where_nothing_hashes_pictures_no_file_is_clean_of_them(
    pictures: World, tmp_path: Path
) -> None:
    """Also by a release that came after the daemon was started."""
    pictures.images = False
    async with pictures.served(tmp_path) as doors:
        async with doors.client.post(f"{doors.url}/v1/scan", data=b"a picture, perhaps") as reply:
            assert (await reply.json())["verdict"] == "unknown"
        assert await doors.check(PICTURES[0]) == "hit", "a value that is handed over asks"


async def test_a_subset_of_pictures_is_not_scanned_where_nothing_hashes_them(
    world: World, pictures: World
) -> None:
    """No picture would have a PDQ value, and each would look clean."""
    world.partner.examiner().require_tried(images=False)
    pictures.partner.examiner().require_tried(images=True)
    with pytest.raises(UsageError, match="no pictures are hashed here"):
        pictures.partner.examiner().require_tried(images=False)


async def test_no_partition_is_screened_for_pictures_that_are_not_hashed(
    world: World, pictures: World, tmp_path: Path
) -> None:
    exact, of_pictures = (
        screen_of(held.release, held.version)
        for partner in (world.partner, pictures.partner)
        if (held := HeldReleases(partner.home).in_force()[1]) is not None
    )
    for screen in (of_pictures, replace(exact, others=(of_pictures,))):
        screen.save(tmp_path / "screen")
        assert Screen.load(tmp_path / "screen") == screen
        with pytest.raises(UsageError, match="no pictures are hashed"):
            list(scan_partition([("a", b"a picture, perhaps")], screen, plan=HashPlan(images=False)))
    [row] = scan_partition([("a", b"a made-up file full 1")], exact, plan=HashPlan(images=False))
    assert row.key == "a"


# ------------------------------------------------------------------ two subsets, one verdict

HOLIDAY = (*file_digests("a holiday"), sha256_digest("a holiday"))
OTHER_PICTURE = Digest(Algorithm.PDQ, sha256_digest("a lawful picture").value)


@dataclass(frozen=True)
class Case:
    """Hashes of a file, and what is said of it: at all, by the subset of exact hashes, by that of pictures."""

    digests: Sequence[Digest]
    said: tuple[str, str, str]


CASES = {
    "no list has it": Case([*HOLIDAY, OTHER_PICTURE], ("clean", "clean", "clean")),
    "exact hashes alone": Case(HOLIDAY, ("clean", "clean", "not-asked")),
    "a PDQ value alone": Case([OTHER_PICTURE], ("clean", "not-asked", "clean")),
    "one list has it": Case([*FULL[0], OTHER_PICTURE], ("hit", "hit", "clean")),
    "the other has it": Case([*HOLIDAY, *PICTURES[0]], ("hit", "clean", "hit")),
    "both have it": Case([*FULL[0], *PICTURES[0]], ("hit", "hit", "hit")),
    "the test file": Case([PRESENT], ("test-file", "test-file", "test-file")),
}
DOWN_CASES = {
    "no list has it": Case([*HOLIDAY, OTHER_PICTURE], ("clean", "clean", "clean")),
    "exact hashes alone": Case(HOLIDAY, ("clean", "clean", "not-asked")),
    "one list has it": Case([*FULL[0], OTHER_PICTURE], ("hit", "hit", "clean")),
    "who knows": Case([*HOLIDAY, *PICTURES[0]], ("unknown", "clean", "unknown")),
    "one list has it, and who knows": Case([*FULL[0], *PICTURES[0]], ("hit", "hit", "unknown")),
}
"""While the node of the pictures does not answer."""


async def said_of(doors: World, digests: Sequence[Digest]) -> Mapping[str, Any]:
    body = {"files": [{digest.algorithm.name.lower(): digest.value.hex() for digest in digests}]}
    _, said, _ = await doors.json("POST", "/v1/check", json=body)
    found: Mapping[str, Any] = said["files"][0]
    return found


@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
async def test_two_subsets_give_one_verdict(both: World, tmp_path: Path, down: bool) -> None:
    """What a subset cannot be asked makes nothing unknown where another one answers for it."""
    if down:
        assert both.also is not None
        both.also.api = cast("SubsetApi", Unreachable())
    for name, case in (DOWN_CASES if down else CASES).items():
        async with both.served(tmp_path / name) as doors:
            said = await said_of(doors, case.digests)
        each = {one["subset"]: one["verdict"] for one in said["subsets"]}
        assert (said["verdict"], each["exact"], each["pictures"]) == case.said, name
        told = [one["subset"] for one in said["subsets"] if one["verdict"] == said["verdict"] != "clean"]
        assert said["subset"] == (told[0] if told else "")
        for one in said["subsets"]:
            kept = HitSpool(tmp_path / name / one["subset"]).ls()
            assert [hit.id for hit in kept] == ([one["hit"]] if one["hit"] else [])
            assert one["version"] == 1


async def test_each_subset_is_asked_64_at_once_about_what_its_own_screen_leaves(
    both: World, tmp_path: Path
) -> None:
    assert both.also is not None
    exact, pictures = Counted(both.partner.api), Counted(both.also.api)
    both.partner.api, both.also.api = cast("SubsetApi", exact), cast("SubsetApi", pictures)
    async with both.served(tmp_path) as doors:
        for digests, asked in (
            ([*HOLIDAY, OTHER_PICTURE], ([], [])),
            ([*FULL[0], OTHER_PICTURE], ([64], [])),
            ([*HOLIDAY, *PICTURES[0]], ([64], [64])),
            ([*FULL[0], *PICTURES[0]], ([64, 64], [64, 64])),
        ):
            await doors.check(digests)
            assert (exact.asked, pictures.asked) == asked


async def test_a_file_is_hashed_once_whatever_is_followed(
    both: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = 0
    once = HashProcesses.hash

    async def counted(self: HashProcesses, descriptor: int) -> Hashed:
        nonlocal hashed
        hashed += 1
        return await once(self, descriptor)

    monkeypatch.setattr(HashProcesses, "hash", counted)
    async with both.served(tmp_path) as doors:
        _, said, _ = await doors.json("POST", "/v1/scan", data=b"a made-up file full 1")
        assert (said["verdict"], said["subset"], hashed) == ("hit", "exact", 1)
        assert [one["verdict"] for one in said["subsets"]] == ["hit", "clean"]


async def test_a_picture_is_found_by_either_subset(tmp_path: Path) -> None:
    """One listed by its exact hashes, another by what it shows, which the first list does not know; from one upload."""
    exact, shown, other = (encoded(natural(100, 120, seed)) for seed in (1, 2, 3))
    with HashProcess(HashPlan()) as process, (tmp_path / "shown").open("w+b") as file:
        file.write(shown)
        file.flush()
        digests = process.hash(file.fileno()).parts[0].digests
    value = [digest for digest in digests if digest.algorithm is Algorithm.PDQ]
    listed = [Digest(Algorithm.MD5, md5(exact, usedforsecurity=False).digest())]
    async with (
        released(tmp_path / "exact", [listed], EXACT) as world,
        released(tmp_path / "pdq", [value], frozenset({Algorithm.PDQ})) as pictures,
    ):
        world.also, world.plan = pictures.partner, HashPlan()
        async with world.served(tmp_path) as doors:
            for content, subset in ((exact, "exact"), (shown, "pictures"), (other, "")):
                _, said, _ = await doors.json("POST", "/v1/scan", data=content)
                assert (said["verdict"], said["subset"]) == ("hit" if subset else "clean", subset)


async def test_where_nothing_hashes_pictures_the_other_subset_has_its_hits(
    both: World, tmp_path: Path
) -> None:
    both.images = False
    async with both.served(tmp_path) as doors:
        for content, verdict in ((b"a made-up file full 1", "hit"), (b"a picture, perhaps", "unknown")):
            _, said, _ = await doors.json("POST", "/v1/scan", data=content)
            assert said["verdict"] == verdict
            if verdict == "unknown":
                assert (said["subset"], "no pictures are hashed here" in said["reason"]) == ("pictures", True)
    assert not len(UnconfirmedFiles(tmp_path / "pictures")), "no later look-up could tell"


@pytest.mark.parametrize(
    ("banks", "status", "said"), [("BASELINE", 200, ["BASELINE"]), ("NATIONAL", 503, [])]
)
async def test_a_bank_that_a_subset_may_yet_name_is_not_told_as_no_match(
    both: World, tmp_path: Path, banks: str, status: int, said: Sequence[str]
) -> None:
    """The other subset has a hit of another bank, which is worse than what is unknown."""
    both.images = False
    async with both.served(tmp_path) as doors:
        form = aiohttp.FormData()
        form.add_field("video", b"a made-up file full 1", filename="f.bin")
        got, told, _ = await doors.json("POST", f"/m/lookup?banks={banks}", data=form)
    assert (got, list(told.get("video_md5", []))) == (status, said)


async def test_shapes_of_others_find_what_any_subset_lists(both: World, tmp_path: Path) -> None:
    listed_md5 = next(digest for digest in FULL[0] if digest.algorithm is Algorithm.MD5)
    lawful = next(digest for digest in HOLIDAY if digest.algorithm is Algorithm.MD5)
    (listed,) = PICTURES[0]
    async with both.served(tmp_path) as doors:
        for kind, digest, banks in (
            ("video_md5", listed_md5, ["BASELINE"]),
            ("pdq", listed, ["BASELINE"]),
            ("video_md5", lawful, []),
            ("pdq", OTHER_PICTURE, []),
        ):
            query = f"?signal_type={kind}&signal={digest.value.hex()}"
            status, said, _ = await doors.json("GET", f"/m/lookup{query}")
            assert (status, list(said)) == (200, banks)
        texts = {b64encode(each.value).decode(): each for each in (listed, OTHER_PICTURE)}
        _, said, _ = await doors.json("POST", "/v1/pdq/", json={"hashes": list(texts)})
        found = [said["scanned_hashes"][text]["classification"] for text in texts]
        assert found == ["csam", "no-known-match"]


async def test_one_subset_is_answered_as_ever(world: World, tmp_path: Path) -> None:
    async with world.served(tmp_path) as doors:
        assert list(await said_of(doors, HOLIDAY)) == [
            *("name", "verdict", "block", "reason", "weak", "collection", "countries", "algorithms", "hit")
        ]


async def test_what_the_screen_answers_needs_no_group(world: World) -> None:
    """A kernel tests itself when it is loaded, which takes as long as the answer."""
    enrolment, held = HeldReleases(world.partner.home).in_force()

    def group() -> Group:
        raise AssertionError("nothing multiplies")

    examiner = Examiner(
        enrolment,
        known(enrolment),
        held,
        group=group,
        api=world.partner.api,
        clock=world.partner.agency.clock,
        entropy=system_entropy,
    )
    files = [file_digests(f"nobody lists {number}") for number in range(100)]
    cleared = [file for place, file in enumerate(files) if place not in set(examiner.survivors(files))]

    told = [verdict async for _, verdict in examiner.verdicts(cleared)]

    assert told == [None] * len(cleared) != []
