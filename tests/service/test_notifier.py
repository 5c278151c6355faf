"""Telling others about hits: only what the agency confirmed, once, whatever a reporter does; others' reporters."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from node.errors import ConfigError, NodeError, PeerRefusedError, PeerUnreachableError, VerificationError
from node.hoster.hits.notifier import Named, Notifier, NotNotified, why_not
from node.hoster.hits.resolutions import Action
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.reporters.cybertip import CyberTipline
from node.hoster.reporters.kinds import maker
from node.ports.reporters import ENTRY_POINTS, OutsideHit, OutsideReceipt, Progress
from protocol.statement.case import CaseAnswer, Outcome
from support.outside import NAME, confirmed, entry, receipt_of, tools


class Heard:
    """A reporter that remembers what it was told, and fails as it is told to."""

    def __init__(self, *failures: Exception, destination: str = "there.example") -> None:
        self.destination = destination
        self.leaves = ("to nobody: nothing",)
        self.heard: list[OutsideHit] = []
        self._failures = list(failures)

    async def submit(self, hit: OutsideHit, progress: Progress) -> OutsideReceipt:
        self.heard.append(hit)
        progress.keep(f"{progress.text}{len(self.heard)}")
        if self._failures:
            raise self._failures.pop(0)
        return OutsideReceipt(reference=f"T-{progress.text}")


@pytest.fixture
def spool(tmp_path: Path) -> HitSpool:
    return HitSpool(tmp_path)


def named(reporter: Heard, name: str = "outside", *, everything: bool = False) -> Named:
    return Named(entry({}, name=name, everything=everything), reporter)


async def tell(spool: HitSpool, to: Named) -> SpooledHit:
    (hit,) = spool.ls()
    return await Notifier(spool, tools().clock).notify(hit, to, receipt_of(hit))


async def test_what_was_told_is_kept_with_the_hit_and_not_told_again(spool: HitSpool) -> None:
    confirmed(spool)
    reporter = Heard()
    done = await tell(spool, named(reporter))
    assert spool.ls() == [done]
    assert named(reporter).told(done).reference == "T-1"
    await tell(spool, named(reporter))
    assert len(reporter.heard) == 1


@pytest.mark.threat("telling an authority too much")
async def test_two_destinations_are_told_apart_and_two_names_of_one_are_not(spool: HitSpool) -> None:
    confirmed(spool)
    first, renamed, real = Heard(), Heard(), Heard(destination="real.example")
    for to in (named(first, "a"), named(renamed, "b"), named(real, "a")):
        await tell(spool, to)
    assert [len(each.heard) for each in (first, renamed, real)] == [1, 0, 1]
    assert len(spool.ls()[0].told) == 2


@pytest.mark.threat("telling an authority too much")
async def test_a_reporter_knows_hash_and_name_only_where_it_is_configured(spool: HitSpool) -> None:
    hit = confirmed(spool)
    little, all_of_it = Heard(), Heard(destination="other.example")
    await tell(spool, named(little, "a"))
    await tell(spool, named(all_of_it, "b", everything=True))
    assert (little.heard[0].digest, little.heard[0].name) == (None, None)
    assert all_of_it.heard[0].digest == hit.sent.report.digest.value.hex()
    assert all_of_it.heard[0].name == NAME


@pytest.mark.parametrize(
    ("failure", "raised", "kept"),
    [
        (PeerUnreachableError("it is down"), PeerUnreachableError, "it is down"),
        (PeerRefusedError("no", status=400), PeerRefusedError, "no"),
        (RuntimeError("with a hash in it"), VerificationError, "it failed: RuntimeError"),
    ],
)
async def test_a_failure_is_kept_in_words_and_what_was_remembered_with_it(
    spool: HitSpool, failure: Exception, raised: type[NodeError], kept: str
) -> None:
    confirmed(spool)
    to = named(Heard(failure))
    with pytest.raises(raised) as caught:
        await tell(spool, to)
    assert "with a hash" not in f"{caught.value}"
    told = to.told(spool.ls()[0])
    assert (told.failure, told.progress, told.reference) == (kept, "1", "")
    assert to.told(await tell(spool, to)).reference == "T-12"
    assert to.told(spool.ls()[0]).failure == ""


@pytest.mark.parametrize("reference", ["", "x" * 129])
async def test_a_receipt_without_a_reference_is_none(spool: HitSpool, reference: str) -> None:
    class Careless(Heard):
        @override
        async def submit(self, hit: OutsideHit, progress: Progress) -> OutsideReceipt:
            return OutsideReceipt(reference=reference)

    confirmed(spool)
    with pytest.raises(PeerRefusedError, match="no reference"):
        await tell(spool, named(Careless()))
    assert not named(Heard()).told(spool.ls()[0]).reference


def answered(outcome: Outcome) -> CaseAnswer:
    return CaseAnswer(
        partner="hoster", report_id=bytes(16), outcome=outcome, reason="we looked", answered_ms=1
    )


@pytest.mark.parametrize(
    ("change", "answer", "by_person", "expected"),
    [
        (lambda hit: hit, None, False, None),
        (lambda hit: replace(hit, receipt=b""), None, True, NotNotified.UNCONFIRMED),
        (lambda hit: replace(hit, weak=True), None, False, NotNotified.WEAK),
        (lambda hit: replace(hit, weak=True), None, True, None),
        (lambda hit: replace(hit, action=Action.FALSE_POSITIVE), None, True, NotNotified.FALSE_POSITIVE),
        (lambda hit: replace(hit, action=Action.REMOVED), None, False, None),
        (lambda hit: replace(hit, case=b"c"), None, True, NotNotified.DISPUTED),
        (lambda hit: replace(hit, case=b"c"), answered(Outcome.UPHELD), True, NotNotified.DISPUTED),
        (lambda hit: replace(hit, case=b"c"), answered(Outcome.REJECTED), False, None),
    ],
)
def test_who_may_be_told(
    spool: HitSpool,
    change: Callable[[SpooledHit], SpooledHit],
    answer: CaseAnswer | None,
    by_person: bool,
    expected: NotNotified | None,
) -> None:
    assert why_not(change(confirmed(spool)), answer, named_by_person=by_person) is expected


# ------------------------------------------------------------------ packages of others

PLUG_IN = (Path(__file__).parents[2] / "docs/examples/ledger_reporter.py").read_text(encoding="utf-8")


def install(folder: Path, name: str, module: str, source: str, *points: str) -> None:
    """Lay a package out as pip does."""
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join((f"[{ENTRY_POINTS}]", *points)) + "\n")


async def test_an_installed_package_brings_a_reporter(
    spool: HitSpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path / "site", "ledger-reporter", "ledger_reporter", PLUG_IN, "ledger = ledger_reporter:Ledger"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    book = tmp_path / "book"
    given = entry({"path": str(book)}, name="book")
    hit = confirmed(spool)
    done = await tell(spool, Named(given, maker("ledger")(given, tools())))
    assert book.read_text() == f"{done.told[0].reference} {hit.id} baseline\n"
    interrupted = replace(done, told=(replace(done.told[0], reference=""),))
    spool.save(interrupted)
    await tell(spool, Named(given, maker("ledger")(given, tools())))
    assert len(book.read_text().splitlines()) == 1
    with pytest.raises(ConfigError, match="path is the one option"):
        maker("ledger")(entry({"pfad": "x"}), tools())


def test_a_package_does_not_take_the_name_of_one_that_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", "evil", "evil_reporter", PLUG_IN, "ncmec = evil_reporter:Ledger")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert maker("ncmec") is CyberTipline


@pytest.mark.parametrize(
    ("source", "point", "said"),
    [
        ("raise SystemError('x')", "broken = broken_reporter:Ledger", "cannot be loaded: SystemError"),
        (PLUG_IN, "broken = broken_reporter:Nothing", "cannot be loaded: AttributeError"),
        (PLUG_IN, "other = broken_reporter:Ledger", "no installed package brings"),
    ],
)
def test_a_package_that_does_not_work_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, point: str, said: str
) -> None:
    install(tmp_path / "site", "broken", "broken_reporter", source, point)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(__import__("sys").modules, "broken_reporter", raising=False)
    with pytest.raises(ConfigError, match=said):
        maker("broken")


def test_two_packages_of_one_kind_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        install(tmp_path / "site", name, f"{name}_reporter", PLUG_IN, f"twice = {name}_reporter:Ledger")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(ConfigError, match="two installed packages"):
        maker("twice")
