"""Evaluation in threads and in a process of its own: proven, concurrent, and what happens when it dies."""

import asyncio
import io
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.keyfile import KdfProfile
from keys.roles import Role
from node.clock import system_entropy
from node.errors import EvaluatorDownError, GoneError, LibraryError, RateLimitedError
from node.evaluator import child, process, queue
from node.evaluator.bench import Bench
from node.evaluator.child import READY, Service
from node.evaluator.frames import (
    Kind,
    Reply,
    Request,
    Status,
    pack_inputs,
    pack_secrets,
    read_frame,
    unpack_inputs,
    unpack_outputs,
    unpack_secrets,
    write_frame,
)
from node.evaluator.local_evaluator import InProcessEvaluator
from node.evaluator.process import EvaluatorProcess
from node.evaluator.queue import AT_ONCE, Queue
from node.ports.evaluator import EpochSecret, Evaluator
from node.signing.epochs import epoch_secrets, oprf_label
from node.signing.keychain import Keychain
from protocol.errors import OprfError
from protocol.oprf.client import blind, finalize
from protocol.oprf.server import outputs
from protocol.oprf.suite import epoch_key
from support.memory import shown_of
from support.sodium import loaded_group

SEED = b"\x05" * 32
SECRET = EpochSecret(subset="baseline", epoch=1, seed=SEED)
KEY = epoch_key(loaded_group(), SEED)
INPUTS = [number.to_bytes(2) for number in range(100)]


@pytest.fixture(scope="module")
def running() -> Iterator[EvaluatorProcess]:
    with EvaluatorProcess(lambda: [SECRET]) as evaluator:
        yield evaluator


@pytest.fixture(scope="module")
def inline() -> Iterator[InProcessEvaluator]:
    with InProcessEvaluator(loaded_group(), [SECRET]) as evaluator:
        yield evaluator


@pytest.fixture(params=["running", "inline"])
def evaluator(request: pytest.FixtureRequest) -> Evaluator:
    made: Evaluator = request.getfixturevalue(request.param)
    return made


async def ask(evaluator: Evaluator, inputs: Sequence[bytes]) -> list[bytes]:
    """What a client gets of its inputs, after checking the proof."""
    blinding = blind(loaded_group(), inputs, entropy=system_entropy)
    answer = await evaluator.evaluate("baseline", 1, blinding.elements)
    return finalize(
        loaded_group(), blinding, answer.elements, proof=answer.proof, public=evaluator.public("baseline", 1)
    )


@pytest.mark.parametrize("count", [1, 2, 3, 100])
async def test_answers_are_proven_and_those_of_the_key(evaluator: Evaluator, count: int) -> None:
    assert evaluator.public("baseline", 1) == KEY.public
    assert await ask(evaluator, INPUTS[:count]) == outputs(loaded_group(), KEY, INPUTS[:count])


@pytest.mark.parametrize("count", [0, 1, 2600])
def test_own_inputs_have_the_same_outputs(evaluator: Evaluator, count: int) -> None:
    inputs = [number.to_bytes(2) for number in range(count)]
    expected = outputs(loaded_group(), KEY, inputs) if inputs else []
    assert evaluator.outputs("baseline", 1, inputs) == expected


async def test_requests_at_once_each_get_their_own_answer(evaluator: Evaluator) -> None:
    parts = [INPUTS[at : at + 10] for at in range(0, 100, 10)]
    found = await asyncio.gather(*(ask(evaluator, part) for part in parts))
    assert [output for part in found for output in part] == outputs(loaded_group(), KEY, INPUTS)


UNKNOWN = [("baseline", 2), ("other", 1), ("baseline", 2**32 - 1)]


@pytest.mark.threat("a stolen online key")
@pytest.mark.parametrize(("subset", "epoch"), UNKNOWN)
async def test_a_retired_epoch_is_gone(evaluator: Evaluator, subset: str, epoch: int) -> None:
    with pytest.raises(GoneError):
        await evaluator.evaluate(subset, epoch, KEY.public)
    with pytest.raises(GoneError):
        evaluator.outputs(subset, epoch, [b""])
    with pytest.raises(GoneError):
        evaluator.public(subset, epoch)


BAD = {
    "nothing": b"",
    "not a multiple": KEY.public + b"\0",
    "identity": bytes(32),
    "not canonical, in the second part": KEY.public + b"\xff" * 32,
    "not canonical, in the first part": b"\xff" * 32 + KEY.public,
}


@pytest.mark.parametrize("elements", BAD.values(), ids=BAD)
async def test_a_bad_batch_is_refused_and_the_next_answered(evaluator: Evaluator, elements: bytes) -> None:
    with pytest.raises(OprfError):
        await evaluator.evaluate("baseline", 1, elements)
    assert len(await ask(evaluator, INPUTS[:2])) == 2


async def test_whoever_gives_up_waiting_stops_nobody(evaluator: Evaluator) -> None:
    task = asyncio.ensure_future(evaluator.evaluate("baseline", 1, KEY.public))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await ask(evaluator, INPUTS)) == 100


# ------------------------------------------------------------------ the process


async def test_a_process_that_dies_is_started_again() -> None:
    with EvaluatorProcess(lambda: [SECRET]) as evaluator:
        first = evaluator.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: evaluator._link is None or not evaluator._link.alive)
        assert await ask(evaluator, INPUTS[:3]) == outputs(loaded_group(), KEY, INPUTS[:3])
        assert evaluator.pid != first
    assert evaluator.pid is None


async def test_what_was_under_way_when_it_died_fails() -> None:
    with EvaluatorProcess(lambda: [SECRET]) as evaluator:
        assert evaluator.pid is not None
        os.kill(evaluator.pid, signal.SIGSTOP)
        batch = asyncio.ensure_future(evaluator.evaluate("baseline", 1, KEY.public))
        await asyncio.sleep(0)
        os.kill(evaluator.pid, signal.SIGKILL)
        with pytest.raises(EvaluatorDownError):
            await batch


async def test_a_new_epoch_is_asked_for_when_it_is_needed() -> None:
    secrets = [SECRET]
    with EvaluatorProcess(lambda: list(secrets)) as evaluator:
        with pytest.raises(GoneError):
            evaluator.public("baseline", 2)
        secrets.append(EpochSecret(subset="baseline", epoch=2, seed=b"\x06" * 32))
        answer = await evaluator.evaluate("baseline", 2, KEY.public)
        assert len(answer.elements) == 32
        assert evaluator.public("baseline", 2) == epoch_key(loaded_group(), b"\x06" * 32).public


async def test_it_changes_over_to_a_process_without_the_old_secret_and_loses_nothing() -> None:
    secrets = [SECRET, EpochSecret(subset="baseline", epoch=2, seed=b"\x06" * 32)]
    with EvaluatorProcess(lambda: list(secrets)) as evaluator:
        asked = [asyncio.create_task(ask(evaluator, INPUTS)) for _ in range(20)]
        await asyncio.sleep(0)
        first = evaluator.pid
        secrets.reverse()
        own = asyncio.create_task(asyncio.to_thread(evaluator.outputs, "baseline", 1, INPUTS * 50))
        await asyncio.to_thread(evaluator.renew)
        assert len(await own) == 50 * len(INPUTS)
        assert await asyncio.gather(*asked) == [outputs(loaded_group(), KEY, INPUTS)] * 20
        assert evaluator.pid != first
        del secrets[1]
        await asyncio.to_thread(evaluator.renew)
        assert evaluator.held == {("baseline", 2)}
        with pytest.raises(GoneError):
            await ask(evaluator, INPUTS)


def test_a_process_that_cannot_be_replaced_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = [SECRET]
    with EvaluatorProcess(lambda: list(secrets)) as evaluator:
        secrets[0] = EpochSecret(subset="baseline", epoch=1, seed=b"short")
        with pytest.raises(OprfError):
            evaluator.renew()
        monkeypatch.setattr(process, "_CHILD", "raise SystemExit(3)")
        with pytest.raises(EvaluatorDownError, match="does not start"):
            evaluator.renew()
        assert evaluator.outputs("baseline", 1, INPUTS[:1]) == outputs(loaded_group(), KEY, INPUTS[:1])


async def test_a_request_that_meets_the_change_goes_to_the_new_process() -> None:
    with EvaluatorProcess(lambda: [SECRET]) as evaluator:
        old = evaluator._link
        assert old is not None
        evaluator.renew()
        assert old.ask(Kind.EVALUATE, "baseline", 1, KEY.public) is None
        met = iter([old])
        at_hand = evaluator._at_hand
        evaluator._at_hand = lambda *epoch: next(met, None) or at_hand(*epoch)  # type: ignore[method-assign]
        assert len((await evaluator.evaluate("baseline", 1, KEY.public)).elements) == 32


async def test_who_would_be_late_is_sent_away_and_nothing_is_kept_of_it() -> None:
    with EvaluatorProcess(lambda: [SECRET]) as evaluator:
        with evaluator.reserved(1_000_000):  # alone nobody is late
            with pytest.raises(RateLimitedError) as caught, evaluator.reserved(64):
                raise AssertionError
            assert caught.value.retry_after_seconds == 60
            assert len((await evaluator.evaluate("baseline", 1, KEY.public)).elements) == 32
            assert len(evaluator.outputs("baseline", 1, INPUTS)) == 100
        with evaluator.reserved(64), evaluator.reserved(64):
            assert len((await evaluator.evaluate("baseline", 1, KEY.public)).elements) == 32


@pytest.mark.threat("overload")
async def test_nothing_is_asked_for_those_who_gave_up_waiting() -> None:
    with EvaluatorProcess(lambda: [SECRET]) as evaluator:
        assert evaluator.pid is not None
        os.kill(evaluator.pid, signal.SIGSTOP)
        batches = [
            asyncio.create_task(evaluator.evaluate("baseline", 1, KEY.public)) for _ in range(AT_ONCE + 3)
        ]
        await asyncio.sleep(0)
        batches[0].cancel()  # the process has it already
        for batch in batches[-2:]:
            batch.cancel()
        await asyncio.wait([batches[0], *batches[-2:]])
        assert evaluator._queue.waiting == 1
        os.kill(evaluator.pid, signal.SIGCONT)
        assert all([len((await batch).elements) == 32 for batch in batches[1:-2]])
        await until(lambda: evaluator._queue._free == AT_ONCE)


async def test_nobody_waits_for_longer_than_clients_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "DEADLINE_SECONDS", 0.01)
    with EvaluatorProcess(lambda: [SECRET]) as evaluator:
        assert evaluator.pid is not None
        os.kill(evaluator.pid, signal.SIGSTOP)
        ahead = [asyncio.create_task(evaluator.evaluate("baseline", 1, KEY.public)) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
        with pytest.raises(RateLimitedError):
            await evaluator.evaluate("baseline", 1, KEY.public)
        os.kill(evaluator.pid, signal.SIGCONT)
        await asyncio.gather(*ahead)
        assert len((await evaluator.evaluate("baseline", 1, KEY.public)).elements) == 32


async def test_a_turn_that_comes_as_somebody_leaves_goes_to_the_next() -> None:
    turns = Queue()
    for _ in range(AT_ONCE):
        await turns.turn()
    leaving, staying = (asyncio.create_task(turns.turn()) for _ in range(2))
    await asyncio.sleep(0)
    turns.done(0, 0)
    leaving.cancel()
    assert await staying > 0
    turns.done(0, 64)
    assert turns._free == 1


def test_a_process_that_does_not_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_CHILD", "raise SystemExit(3)")
    with pytest.raises(EvaluatorDownError, match="does not start"):
        EvaluatorProcess(lambda: [SECRET]).start()


def test_no_secret_is_in_arguments_or_environment(running: EvaluatorProcess) -> None:
    assert running.pid is not None
    if not Path(f"/proc/{running.pid}").exists():
        pytest.skip("needs /proc, which Linux has")
    told = shown_of(running.pid)
    assert b"evaluator" in told
    assert SEED not in told
    assert SEED.hex().encode() not in told
    assert f"{SEED!r}" not in repr(SECRET)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never happened")


# ------------------------------------------------------------------ its two ends, in this process


def converse(*requests: Request) -> list[Reply]:
    """Replies of a desk to requests, in the order of their numbers."""
    asked, answered = io.BytesIO(), io.BytesIO()
    for request in requests:
        write_frame(asked, request.to_bytes())
    asked.seek(0)
    bench = Bench(loaded_group(), entropy=system_entropy)
    Service(bench, answered).serve(asked)
    bench.close()
    answered.seek(0)
    replies = []
    while (data := read_frame(answered)) is not None:
        replies.append(Reply.from_bytes(data))
    return sorted(replies, key=lambda reply: reply.number)


def evaluation(number: int, elements: bytes, *, epoch: int = 1) -> Request:
    return Request(number=number, kind=Kind.EVALUATE, subset="baseline", epoch=epoch, body=elements)


def test_each_failure_has_its_status() -> None:
    hold = Request(number=1, kind=Kind.HOLD, body=pack_secrets([SECRET]))
    replies = converse(
        hold,
        evaluation(2, KEY.public),
        evaluation(3, KEY.public, epoch=9),
        evaluation(4, b"\xff" * 32),
        Request(number=5, kind=Kind.OUTPUTS, subset="baseline", epoch=1, body=pack_inputs(INPUTS)),
        Request(number=6, kind=Kind.OUTPUTS, subset="baseline", epoch=1, body=b""),
        Request(number=7, kind=Kind.OUTPUTS, subset="baseline", epoch=9, body=pack_inputs(INPUTS)),
        Request(number=8, kind=Kind.HOLD, body=pack_secrets([SECRET])[:-1]),
    )
    statuses = [reply.status for reply in replies]
    wanted = [0, 0, 1, 2, 0, 3, 1, 2]
    assert statuses == [Status(number) for number in wanted]
    assert replies[0].body == KEY.public
    assert unpack_outputs(replies[4].body) == outputs(loaded_group(), KEY, INPUTS)
    assert replies[5].body == b"AssertionError"


def test_a_process_without_libsodium_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_choice: str) -> None:
        raise LibraryError("no libsodium")

    replies = io.BytesIO()
    monkeypatch.setattr(child, "load_group", missing)
    child.run(io.BytesIO(), replies)
    replies.seek(0)
    data = read_frame(replies)
    assert data is not None
    assert Reply.from_bytes(data) == Reply(number=READY, status=Status.FAILED, body=b"no libsodium")


def test_a_frame_that_breaks_off_is_the_end() -> None:
    stream = io.BytesIO()
    write_frame(stream, b"whole")
    data = stream.getvalue()
    assert read_frame(io.BytesIO(data)) == b"whole"
    assert [read_frame(io.BytesIO(data[:cut])) for cut in range(len(data))] == [None] * len(data)


names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=64)
secrets = st.builds(
    EpochSecret, subset=names, epoch=st.integers(0, 2**32 - 1), seed=st.binary(min_size=32, max_size=32)
)


@given(
    st.builds(
        Request,
        number=st.integers(0, 2**64 - 1),
        kind=st.sampled_from(Kind),
        subset=names,
        epoch=st.integers(0, 2**32 - 1),
        body=st.binary(),
    )
)
def test_requests_come_back(request_: Request) -> None:
    assert Request.from_bytes(request_.to_bytes()) == request_


@given(st.lists(secrets), st.lists(st.binary(max_size=300)))
def test_bodies_come_back(held: list[EpochSecret], inputs: list[bytes]) -> None:
    assert unpack_secrets(pack_secrets(held)) == held
    assert unpack_inputs(pack_inputs(inputs)) == inputs


# ------------------------------------------------------------------ key files


def test_secrets_come_from_key_files(tmp_path: Path) -> None:
    keychain = Keychain(
        tmp_path,
        node="fr.example",
        passphrase=lambda: b"correct horse",
        entropy=system_entropy,
        profile=KdfProfile(time_cost=1, memory_kib=8, lanes=1),
    )
    made = {
        (name, epoch): keychain.create_secret(Role.OPRF, oprf_label(name, epoch))
        for name, epoch in (("baseline", 1), ("baseline", 12), ("for-2-hosters", 3))
    }
    keychain.create_secret(Role.OPRF, "something-else")
    keychain.create_secret(Role.STORAGE, oprf_label("baseline", 2))
    assert {(secret.subset, secret.epoch): secret.seed for secret in epoch_secrets(keychain)} == made


def test_threads_end_with_the_evaluator() -> None:
    before = threading.active_count()
    with EvaluatorProcess(lambda: [SECRET]) as evaluator:
        assert evaluator.pid is not None
    assert threading.active_count() == before
