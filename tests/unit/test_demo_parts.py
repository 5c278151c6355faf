"""What the demonstration is made of, without a walk: exports, searches, claims, report."""

import base64
import io
import os
import re
import signal
from contextlib import closing
from pathlib import Path

import pytest

from node.clock import SystemClock, system_entropy
from node.demo.alteration import altered
from node.demo.chapters.look import in_words, judged
from node.demo.claims import CLAIMS
from node.demo.command_line import CommandLines
from node.demo.exports import HEADER, Export
from node.demo.moved_clock import MovedClock, moved, put_forward
from node.demo.parties import Party
from node.demo.ports import NoPortError, free_ports
from node.demo.processes import Facts, Seat, Server, StepFailedError, last_complaint, last_words
from node.demo.record import Record, Sight, Step, Tally, View
from node.demo.report.page import page
from node.demo.search import Search, forms
from node.demo.synthetic import make
from node.demo.walk import stoppable
from node.demo.world import Act, Cast
from node.formats import read_rows
from node.formats.icse import REQUIRED
from node.formats.rows import ImportRow
from node.pages.text import safe
from protocol.lists.event import BASELINE, INVESTIGATIVE, NATIONAL
from support.markup import require_self_contained


def test_an_export_is_read_as_one(tmp_path: Path) -> None:
    files = tuple(make(system_entropy, 40))
    export = Export(agency="FR", baseline=files[:30], others=files[30:])
    path = tmp_path / "fr.csv"
    assert export.write(path) == path.stat().st_size
    reading = read_rows(io.BytesIO(path.read_bytes()), collection=NATIONAL)
    rows = [row for row in reading if isinstance(row, ImportRow)]
    assert reading.form == "icse"
    assert set(REQUIRED) <= set(HEADER)
    assert [row.collection for row in rows] == [BASELINE] * 30 + [INVESTIGATIVE] * 10
    for file, row in zip(files, rows, strict=True):
        assert {file.md5, file.sha1} <= {digest.value for digest in row.digests}
    assert {value for row in rows for value in row.case.values()} >= set(export.case_words)


DIGEST = bytes(range(7, 27))


@pytest.mark.parametrize(
    "written",
    [
        DIGEST,
        DIGEST.hex().encode(),
        DIGEST.hex().upper().encode(),
        *(base64.b64encode(b"x" * count + DIGEST + b"yz") for count in range(3)),
        *(base64.urlsafe_b64encode(b"\xff" * count + DIGEST) for count in range(3)),
    ],
    ids=["bytes", "hex", "HEX", "b64 0", "b64 1", "b64 2", "url 0", "url 1", "url 2"],
)
def test_a_search_finds_every_form(tmp_path: Path, written: bytes) -> None:
    tmp_path.joinpath("clean").write_bytes(b"nothing to see" + DIGEST[:-1])
    deep = tmp_path / "some" / "where"
    deep.mkdir(parents=True)
    search = Search(digests=[DIGEST, bytes(16)], words=["Series-of-FR"])
    assert search.found_in(tmp_path) == []
    deep.joinpath("leak").write_bytes(b"before " + written + b" after")
    assert search.found_in(tmp_path) == ["leak"]
    assert search.found_in(deep / "leak") == ["leak"]


def test_forms_are_none_too_short() -> None:
    assert min(len(form) for form in forms(bytes(16))) >= 16


def test_altering_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "part"
    for data in (b"a", b"some bytes"):
        path.write_bytes(data)
        with altered(path):
            changed = path.read_bytes()
            assert len(changed) == len(data)
            assert sum(old != new for old, new in zip(data, changed, strict=True)) == 1
        assert path.read_bytes() == data


def test_ports_are_free_and_differ() -> None:
    assert len(set(free_ports(5, system_entropy))) == 5


def test_a_lack_of_ports_is_told() -> None:
    with pytest.raises(NoPortError):
        free_ports(2, bytes)


def seat(folder: Path) -> Seat:
    return Seat(home=folder / "home", journal=folder / "party.log")


def test_a_command_that_fails_says_why_and_where(tmp_path: Path) -> None:
    """Of two who type, one after the other, each in a journal of its own."""
    with closing(CommandLines()) as command_lines:
        for name in ("first", "second"):
            place = tmp_path / name
            place.mkdir()
            with pytest.raises(
                StepFailedError, match=r"sigfed list ls ended with 10 .*no node lives"
            ) as failure:
                command_lines(seat(place), "list", "ls")
            assert str(place / "party.log") in failure.value.hint


def test_a_node_that_cannot_serve_is_no_server(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match="ended with 10 before it served"):
        Server(seat(tmp_path), clock=SystemClock())
    assert [path.name for path in tmp_path.iterdir()] == ["party.log"]


def test_why_a_command_failed_is_found_behind_what_the_node_logs(tmp_path: Path) -> None:
    journal = tmp_path / "party.log"
    journal.write_text("sigfed: first\nsigfed: it is on a tripwire\n  remove it\n12:00 GET /gossip 304\n")
    assert last_words(journal) == "12:00 GET /gossip 304"
    assert last_complaint(journal) == "sigfed: it is on a tripwire"
    journal.write_text("12:00 GET /gossip 304\n")
    assert last_complaint(journal) == "it said nothing"


LISTED = {"listed": [{"index": 1}], "blocks": [], "effective_in": [], "withdrawn": [], "shredded": False}
BLOCK = [{"index": 2}]


@pytest.mark.parametrize(
    ("facts", "seen"),
    [
        ({"listed": []}, Sight.ABSENT),
        ({}, Sight.WAITING),
        ({"effective_in": ["baseline"]}, Sight.AGREED),
        ({"blocks": BLOCK}, Sight.BLOCKED),
        ({"blocks": BLOCK, "withdrawn": BLOCK}, Sight.WITHDRAWN),
        ({"withdrawn": BLOCK}, Sight.UNCLEAR),
        ({"listed": [], "withdrawn": BLOCK, "shredded": True}, Sight.GONE),
        ({"shredded": True}, Sight.UNCLEAR),
        ({"listed": [], "blocks": BLOCK, "shredded": True}, Sight.UNCLEAR),
    ],
    ids=str,
)
def test_what_an_agency_sees_is_judged_from_its_answer(facts: Facts, seen: Sight) -> None:
    assert judged([{**LISTED, **facts}] * 3) is seen


def test_hashes_of_one_file_that_are_seen_differently_are_unclear() -> None:
    assert judged([LISTED, {**LISTED, "blocks": BLOCK}]) is Sight.UNCLEAR
    assert judged([]) is Sight.UNCLEAR


def a_record() -> Record:
    record = Record(tally=Tally(shared=10, alone=5, relied=2, others=2))
    facts = {"chapter": 3, "who": Party.NL, "seconds": 1.5}
    record.steps.append(Step(**facts, what="syncs", command="sigfed peer sync", source=Party.FR, moved=1234))  # type: ignore[arg-type]  # one table of defaults
    record.steps.append(Step(**facts, what="says <b>", command="", note="refused & so on", trouble=True))  # type: ignore[arg-type]  # one table of defaults
    return record


@pytest.mark.parametrize("missing", [0, 1])
def test_a_record_is_complete_when_every_claim_held(missing: int) -> None:
    record = a_record()
    for name in list(CLAIMS)[missing:]:
        record.find(name, held=True, detail="seen")
    assert record.complete is (missing == 0)


def test_a_page_of_held_claims_says_so() -> None:
    record = a_record()
    for name in CLAIMS:
        record.find(name, held=True, detail="seen")
    shown = page(record, seconds=3)
    assert f"all {len(CLAIMS)} claims held" in shown
    require_self_contained(shown)


def test_a_page_tells_what_did_not_hold() -> None:
    record = a_record()
    record.find("quorum-hit", held=False, detail="clean <instead>")
    record.give_up("sigfed run ended with 2")
    shown = page(record, seconds=3)
    assert f"{len(CLAIMS)} of {len(CLAIMS)} claims did NOT hold" in shown
    assert "clean &lt;instead&gt;" in shown
    assert "says &lt;b&gt;" in shown
    assert "The walk stopped early." in shown
    assert shown.count("not tested: the walk stopped before") == len(CLAIMS) - 1
    assert "1.2 kB" in shown


def test_a_page_of_nothing_is_a_page() -> None:
    record = Record()
    record.give_up("no ports")
    shown = page(record, seconds=0)
    assert "no ports" in shown
    assert "as everybody saw it" not in shown


@pytest.mark.parametrize("sight", Sight)
def test_a_page_shows_how_everybody_saw_it(sight: Sight) -> None:
    record = a_record()
    view = View(
        after="NL <looks>", seen={Party.FR: sight, Party.NL: Sight.WAITING, Party.HOSTER: Sight.CLEAN}
    )
    record.views.append(view)
    shown = page(record, seconds=3)
    row = shown[shown.index("NL &lt;looks&gt;") :]
    cells = re.findall("</svg><span>([^<]+)</span>", row[: row.index("</tr>")])
    assert cells == [safe(sight.value), Sight.WAITING.value, Sight.CLEAN.value], "in the order of the heads"
    assert in_words(view).startswith(f"Agency FR: {sight.value}, Agency NL: ")


def test_the_clock_of_a_walk_goes_by_its_file(tmp_path: Path) -> None:
    calendar = tmp_path / "calendar"
    calendar.write_text("0")
    before = moved(calendar)
    put_forward(calendar, 15)
    put_forward(calendar, 1)
    assert 16 * 86_400 <= (MovedClock(calendar).now() - before).total_seconds() < 16 * 86_400 + 60
    assert [path.name for path in tmp_path.iterdir()] == ["calendar"]


def test_a_program_with_a_moved_clock_is_the_product(tmp_path: Path) -> None:
    calendar = tmp_path / "calendar"
    calendar.write_text("86400")
    later = Seat(home=tmp_path / "home", journal=tmp_path / "party.log", clock=calendar)
    with pytest.raises(StepFailedError, match="ended with 10 before it served"):
        Server(later, clock=SystemClock())
    assert "no node lives" in later.journal.read_text()


def test_names_of_the_cast_are_its_files() -> None:
    cast = Cast(
        **dict(
            zip(
                ("both", "withdrawn", "single", "relied", "unlisted", "logo"),
                make(system_entropy, 6),
                strict=True,
            )
        )
    )
    assert [cast.name_of(file) for file in cast.names().values()] == list(cast.names())


def test_an_act_has_nothing_to_tell_unless_it_says_so() -> None:
    act = Act(who=Party.FR, what="waits", arguments=["status"])
    assert act.exits == (0,)
    assert act.typed == ""


def test_a_request_to_end_is_an_interrupt() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_manual_names_every_claim() -> None:
    manual = Path("docs/manuals/demo.md")
    text = (Path(__file__).parents[2] / manual).read_text(encoding="utf-8")
    assert [name for name in CLAIMS if f"`{name}`" not in text] == []
