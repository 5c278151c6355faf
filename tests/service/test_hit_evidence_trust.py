"""Whose keys evidence of a hit rests on: roots that the judge knows, and keys that somebody stole."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keys.errors import KeysError
from keys.trust.node_document import sign_node_document
from keys.trust.revocations import open_revocations
from keys.trust.tuf.target_files import REVOKED_FILE
from node.errors import GoneError
from protocol.errors import ProofError, ProtocolError
from protocol.hit_evidence.bundle import CurrentFiles, HitEvidence, SourceProof, is_hit_evidence, read_bundle
from protocol.hit_evidence.verify import HitFinding, verify_hit
from support.hits import SUBSET, HitWorld, hit_world
from support.revoked_keys import revoke_log_key
from support.trust import sign_revocations

REFUSED = (ProtocolError, KeysError)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, listed=["a file"]) as made:
        yield made


@pytest.fixture
async def reported(world: HitWorld) -> bytes:
    """The id of a report of "a file"."""
    sent = await world.reported("a file")
    return sent.report.report_id


async def evidence(world: HitWorld, report_id: bytes, *, version: int = 2) -> bytes:
    return await world.hits().hit_evidence(SUBSET, report_id.hex(), version=version)


def judged(world: HitWorld, data: bytes, **known: object) -> HitFinding:
    return verify_hit(data, world.fr.founded.root_sha256, **known)  # type: ignore[arg-type]


async def nl_is_robbed(world: HitWorld) -> bytes:
    """Everything in the list of `nl` is doubted from here on; gives the file that says so."""
    revoke_log_key(world.nl, last_good=0)
    world.nl.trust.stamp()
    return world.nl.files.get(REVOKED_FILE)


# ------------------------------------------------------------------ whom the judge knows


@pytest.mark.parametrize("bytes_known", [16, 32])
async def test_a_member_is_pinned_or_as_the_register_has_it(
    world: HitWorld, reported: bytes, bytes_known: int
) -> None:
    data = await evidence(world, reported)
    root = world.nl.founded.root_sha256
    assert [(each.node, each.pinned) for each in judged(world, data).backings] == [
        ("fr.example", True),
        ("nl.example", False),
    ]
    known = judged(world, data, members={"nl.example": root[:bytes_known]})
    assert [each.pinned for each in known.backings] == [True, True]
    assert known.backings[1].root_sha256 == root


@pytest.mark.threat("false evidence")
async def test_a_register_that_invents_a_member_is_found_out(world: HitWorld, reported: bytes) -> None:
    data = await evidence(world, reported)
    with pytest.raises(ProofError, match="another root"):
        judged(world, data, members={"nl.example": b"n" * 32})


# ------------------------------------------------------------------ keys that were stolen


async def test_it_says_as_of_when_revocations_are_known(world: HitWorld, reported: bytes) -> None:
    found = judged(world, await evidence(world, reported))
    ends = {found.revocations_until, *(each.revocations_until for each in found.backings)}
    assert all(end is not None and end > world.fr.clock.now() for end in ends)
    assert found.revocations_known
    assert all(each.revocations_known for each in found.backings)


async def test_the_first_format_says_that_they_are_unknown(world: HitWorld, reported: bytes) -> None:
    data = await evidence(world, reported, version=1)
    assert is_hit_evidence(data)
    found = judged(world, data)
    assert not found.revocations_known
    assert not any(each.revocations_known for each in found.backings)
    with pytest.raises(ProofError, match="stole its key"):
        judged(world, data, revoked=[await nl_is_robbed(world)])


async def test_a_newer_file_of_revocations_ends_what_rests_on_a_stolen_key(
    world: HitWorld, reported: bytes
) -> None:
    data = await evidence(world, reported)
    with pytest.raises(ProofError, match="stole its key"):
        judged(world, data, revoked=[await nl_is_robbed(world)])
    assert judged(world, data).version == 1, "who has no newer file is told as of when it is"


@pytest.mark.threat("false evidence")
async def test_an_honest_node_gives_nothing_that_rests_on_a_stolen_key(
    world: HitWorld, reported: bytes
) -> None:
    await nl_is_robbed(world)
    await world.federation.settle()
    for version in (1, 2):
        with pytest.raises(GoneError, match="stole its key"):
            await evidence(world, reported, version=version)


async def test_another_key_that_was_taken_back_changes_nothing(world: HitWorld, reported: bytes) -> None:
    """What was listed before the theft stands, and the file of revocations comes along."""
    revoke_log_key(world.nl, last_good=world.nl.log().head.size)
    await world.federation.settle()
    data = await evidence(world, reported)
    current = read_bundle(data)[0].sources[1].current
    assert current is not None
    assert current.revoked == world.nl.files.get(REVOKED_FILE)
    assert judged(world, data).version == 1


# ------------------------------------------------------------------ files that are not current together


Lie = Callable[[HitWorld, CurrentFiles], CurrentFiles]


def _sealed(world: HitWorld, data: bytes, change: Callable[[SourceProof], SourceProof]) -> bytes:
    bundle: HitEvidence = read_bundle(data)[0]
    fr, nl = bundle.sources
    return replace(bundle, sources=(fr, change(nl))).signed(world.statement_key)


@pytest.mark.threat("false evidence")
@pytest.mark.parametrize(
    "lie",
    {
        "no revocations": lambda _, current: replace(current, revoked=b""),
        "an older file of revocations": lambda world, current: replace(
            current, revoked=_older(world, current.revoked)
        ),
        "an older snapshot": lambda world, current: replace(
            current, snapshot=world.nl.files.get("1.snapshot.json")
        ),
        "older targets metadata": lambda world, current: replace(
            current, targets=world.nl.files.get("1.targets.json")
        ),
        "another's timestamp": lambda world, current: replace(
            current, timestamp=world.fr.files.get("timestamp.json")
        ),
    }.values(),
)
async def test_files_that_the_repository_does_not_list_together_are_refused(
    world: HitWorld, reported: bytes, lie: Lie
) -> None:
    revoke_log_key(world.nl, last_good=world.nl.log().head.size)
    await world.federation.settle()
    data = await evidence(world, reported)

    def change(source: SourceProof) -> SourceProof:
        assert source.current is not None
        return replace(source, current=lie(world, source.current))

    assert judged(world, _sealed(world, data, lambda source: source)).version == 1
    with pytest.raises(REFUSED):
        judged(world, _sealed(world, data, change))


def _older(world: HitWorld, revoked: bytes) -> bytes:
    """The same, signed under an earlier number."""
    found = open_revocations(revoked, world.nl.trust.root())
    return sign_revocations(replace(found, version=found.version + 1, entries=()), world.nl.signers)


async def test_a_document_that_is_not_listed_is_refused(world: HitWorld, reported: bytes) -> None:
    data = await evidence(world, reported)
    document = world.nl.trust.document()
    other = sign_node_document(replace(document, serial=document.serial + 1), world.nl.signers)
    with pytest.raises(ProofError, match="does not list"):
        judged(world, _sealed(world, data, lambda source: replace(source, document=other)))


async def test_given_revocations_have_to_go_on_with_those_in_it(world: HitWorld, reported: bytes) -> None:
    revoke_log_key(world.nl, last_good=world.nl.log().head.size)
    await world.federation.settle()
    data = await evidence(world, reported)
    held = world.nl.files.get(REVOKED_FILE)
    assert judged(world, data, revoked=[held]).backings[1].revocations_until is not None
    earlier, revoke = data, revoke_log_key
    revoke(world.nl, last_good=world.nl.log().head.size)
    await world.federation.settle()
    later = await evidence(world, reported)
    assert judged(world, later, revoked=[held]).backings[1].revocations_until is not None, (
        "the newer one counts"
    )
    newer = world.nl.files.get(REVOKED_FILE)
    with pytest.raises(ProtocolError, match="no trusted key"):
        judged(world, earlier, revoked=[newer])
    with pytest.raises(ProofError, match="contradict"):
        judged(world, data, revoked=[_older(world, held)])
