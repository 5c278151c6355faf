"""What the command line prints, and where."""

import io
import json

from node.cli.output import Output, Progress, table
from node.pages.text import counted


def made(*, as_json: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Output(as_json=as_json, out=out, err=err), out, err


def test_people_get_lines_and_the_next_step() -> None:
    output, out, err = made()
    output.result({"n": 1}, "one", "two")
    output.talk("by the way")
    output.following("do that")
    output.end(failed=False)
    assert out.getvalue() == "one\ntwo\n"
    assert err.getvalue() == "by the way\nnext: do that\n"


def test_programs_get_one_json_line_and_nothing_else() -> None:
    output, out, err = made(as_json=True)
    output.result({"name": "é", "n": [1, None]}, "one")
    output.following("do that")
    output.end(failed=False)
    assert json.loads(out.getvalue()) == {"name": "é", "n": [1, None]}
    assert out.getvalue().count("\n") == 1
    assert err.getvalue() == ""


def test_after_a_failure_there_is_no_next_step_but_what_mends_it() -> None:
    output, _, err = made()
    output.following("mend what failed")
    output.end(failed=True)
    assert err.getvalue() == "  mend what failed\n"


def test_quiet_says_nothing_but_results() -> None:
    output, out, err = made()
    output.quiet = True
    output.result({}, "one")
    output.talk("by the way")
    assert (out.getvalue(), err.getvalue()) == ("one\n", "")


def test_a_result_takes_the_place_of_a_count() -> None:
    output, out, err = made()
    with output.progress("read"):
        output.drawn = Progress("read", err, enabled=True)
        output.drawn.at(1000)
        output.result({"n": 1}, "one")
        assert (err.getvalue(), out.getvalue()) == ("\rread: 1,000\x1b[K\r\x1b[K", "one\n")


def test_progress_is_drawn_on_terminals_only() -> None:
    output, _, err = made()
    with output.progress("read") as progress:
        progress.at(5000)
    assert err.getvalue() == ""


def test_progress_is_redrawn_now_and_then_and_removed() -> None:
    err = io.StringIO()
    progress = Progress("read", err, enabled=True)
    for done in (10, 1000, 1500, 2000):
        progress.at(done)
    progress.at(2500, 10_000)
    progress.close()
    assert err.getvalue() == ("\rread: 1,000\x1b[K\rread: 2,000\x1b[K\rread: 2,500 of 10,000\x1b[K\r\x1b[K")


def test_tables_are_aligned() -> None:
    assert table(("name", "n"), [("a", "1"), ("long one", "22")]) == [
        "name      n",
        "a         1",
        "long one  22",
    ]


def test_nouns_follow_their_number() -> None:
    assert [counted(n, "member") for n in (0, 1, 1200)] == ["0 members", "1 member", "1,200 members"]
