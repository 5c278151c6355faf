"""Files that an analyst brings by mistake: what the import says, what it leaves alone, and that the right file works.

A row that cannot be used is named with its line and the others are taken; a file that cannot be used is refused as a
whole. Every case previews first, which must change nothing at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import md5, sha256
from pathlib import Path

import pytest

from support.agencies import LIST, numbered, report, row, table, written
from support.processes import Cli, Finished, contents

NEW = numbered("new", 3)
GOOD = table(*NEW)
EMPTY_MD5 = md5(b"").hexdigest()
_HEADER, _ROWS = GOOD.splitlines()[0], GOOD.splitlines()[1:]


def with_row(bad: str) -> str:
    """The good table, its second row (line 3) replaced."""
    return "\n".join([_HEADER, _ROWS[0], bad, _ROWS[2], ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A file with `accepted` good rows of three, and what is said of the others."""

    content: str | bytes
    accepted: int
    says: tuple[int, str] | None = None
    duplicates: int = 0


ROW_CASES = {
    "truncated": Case(
        content=GOOD[: GOOD.rindex(",") - 40],
        accepted=2,
        says=(4, "the file ends inside this line: 1 of 3 columns, no line end"),
    ),
    "bad hex": Case(
        content=with_row(_ROWS[1].replace(_ROWS[1][:2], "zz", 1)),
        accepted=2,
        says=(3, "sha256: not 64 hexadecimal digits"),
    ),
    "line of 10 MB": Case(
        content=with_row("f" * 10_000_000), accepted=2, says=(3, "the line has more than 65536 characters")
    ),
    "not UTF-8": Case(
        content=with_row("BAD").encode().replace(b"BAD", b"\xff\xfe\xfd"),
        accepted=2,
        says=(3, "the line is not UTF-8 text"),
    ),
    "MD5 of the empty file beside a good hash": Case(
        content=with_row(f"{sha256(NEW[1]).hexdigest()},{EMPTY_MD5},baseline"),
        accepted=2,
        says=(3, "md5: digest of the empty file"),
    ),
    "byte order mark": Case(content=b"\xef\xbb\xbf" + GOOD.encode(), accepted=3),
    "duplicates": Case(content=GOOD + row(NEW[1]) + "\n" + row(NEW[0]).upper(), accepted=3, duplicates=2),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A bad file previewed and imported, then the good one."""

    preview: Finished
    preview_changed: bool
    bad: Finished
    waiting: int
    published: bool
    good: Finished
    waiting_then: int


def attempt(cli: Cli, case: Case) -> Attempt:
    """Try a case on a home of its own."""
    bad = written(cli.home.with_name("bad.csv"), case.content)
    good = written(cli.home.with_name("good.csv"), GOOD)
    arguments = ["--list", LIST, "--basis", "own"]
    before, head = contents(cli.home), report(cli).log.head
    preview = cli.run("entry", "import", bad, *arguments, "--dry-run")
    unchanged = contents(cli.home) == before
    imported = cli.run("entry", "import", bad, *arguments)
    held = report(cli)
    return Attempt(
        preview=preview,
        preview_changed=not unchanged,
        bad=imported,
        waiting=held.waiting,
        published=held.log.head != head,
        good=cli.run("entry", "import", good, *arguments),
        waiting_then=report(cli).waiting,
    )


@pytest.fixture(scope="module")
def attempts(founded: Cli, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Attempt]:
    """The cases, each tried once."""

    @cache
    def tried(name: str) -> Attempt:
        return attempt(founded.copied(tmp_path_factory.mktemp("import") / "fr"), ROW_CASES[name])

    return tried


@pytest.mark.parametrize("name", ROW_CASES)
def test_bad_rows_are_named_and_the_others_taken(attempts: Callable[[str], Attempt], name: str) -> None:
    case, tried = ROW_CASES[name], attempts(name)
    for said in (tried.preview.first, tried.bad.first):
        assert (said["form"], said["accepted"], said["duplicates"]) == (
            "columns",
            case.accepted,
            case.duplicates,
        )
        assert said["refused"] == len(said["refused_rows"]) == (1 if case.says else 0)
        for refused in said["refused_rows"]:
            assert case.says is not None
            assert refused["line"] == case.says[0]
            assert refused["reason"].startswith(case.says[1])
    assert tried.preview.exit == tried.bad.exit == (3 if case.says else 0)
    assert not tried.preview_changed
    assert not tried.published
    assert tried.waiting == 2 * case.accepted


@pytest.mark.parametrize("name", ROW_CASES)
def test_the_good_file_brings_what_is_missing(attempts: Callable[[str], Attempt], name: str) -> None:
    case, tried = ROW_CASES[name], attempts(name)
    assert tried.good.exit == 0
    said = tried.good.first
    assert (said["accepted"], said["already_listed"]) == (3 - case.accepted, case.accepted)
    assert tried.waiting_then == 6, "nothing is lost and nothing is doubled"


ICSE = (
    "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;"
    "Number of submissions;File Available;Media Type;Baseline\n"
    f"{md5(b'icse').hexdigest()};;;1;Yes;No;No;a series;1;Yes;Image;Yes\n"
)
WHOLE_CASES: dict[str, tuple[str | bytes | None, str, tuple[str, ...]]] = {
    "ICSE export with commas": (
        ICSE.replace(";", ","),
        "expected columns separated by semicolon (';'), found them separated by comma (',')",
        (),
    ),
    "columns with another delimiter than declared": (
        GOOD,
        "expected columns separated by semicolon (';'), found them separated by comma (',')",
        ("--delimiter", ";"),
    ),
    "ICSE export without a column": (
        ICSE.replace("Media Type", "Kind"),
        "not an ICSE export: the header lacks Media Type",
        (),
    ),
    "NSRL": (
        (
            '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"\n'
            f'"","{md5(b"notepad").hexdigest()}","7A5407CA","notepad.exe",3,1,"358",""\n'
        ),
        "this is a table of NSRL: hashes of known lawful files",
        (),
    ),
    "NSRL of RDS 3": (
        f"sha256,sha1,md5,crc32,file_name,file_size,package_id\n,,{md5(b'notepad').hexdigest()},,,,1\n",
        "this is a table of NSRL: hashes of known lawful files",
        (),
    ),
    "Non-RDS JSON": ('{"value": []}', "this is JSON", ()),
    "a category column of which nothing is said": (
        f"MD5,Category\n{md5(b'lawful').hexdigest()},0\n",
        "this table has a category column",
        (),
    ),
    "categories of a table without": (GOOD, "the header names no category column", ("--category", "1")),
    "UTF-16": (GOOD.encode("utf-16"), "this file is UTF-16 text, not CSV", ()),
    "no header": (row(NEW[0]) + "\n", "the header names no hash column", ()),
    "empty": ("", "the file is empty", ()),
    "no such file": (None, "cannot be read: No such file or directory", ()),
    "source beside basis own": (GOOD, "the basis is not relies-on", ("--source", "a supplier")),
    "source in other letters": (
        GOOD,
        "a source is up to 64 printable ASCII characters",
        ("--basis", "relies-on", "--source", "fédération"),
    ),
    "criteria of no document": (GOOD, "criteria, basis or reason out of range", ("--criteria", str(2**32))),
    "a day before all days": (GOOD, "review date before 1970", ("--review-by", "1969-12-31")),
}


def test_a_file_that_cannot_be_used_changes_nothing(agency: Cli) -> None:
    arguments = ["--list", LIST, "--basis", "own"]
    before = contents(agency.home)

    def run(name: str) -> Finished:
        content, _, more = WHOLE_CASES[name]
        path = agency.home.with_name(f"{name}.csv")
        if content is not None:
            written(path, content)
        importing = ("entry", "import", str(path), *arguments, *more)
        preview, done = agency.run(*importing, "--dry-run"), agency.run(*importing)
        assert (preview.exit, preview.out, preview.err) == (done.exit, done.out, done.err), name
        return done

    done = {name: run(name) for name in WHOLE_CASES}
    wrong = {
        name: finished
        for name, finished in done.items()
        if (finished.exit, finished.out) != (2, "") or WHOLE_CASES[name][1] not in finished.err
    }
    assert not wrong
    assert contents(agency.home) == before
    for name, content, form in (("good", GOOD, "columns"), ("icse", ICSE, "icse")):
        path = written(agency.home.with_name(name), content)
        assert agency.done("entry", "import", path, *arguments)["form"] == form
    assert report(agency).waiting == 7
    assert agency.done("publish")["adds"] == 7


def test_a_hash_among_the_titles_is_not_printed(agency: Cli, tmp_path: Path) -> None:
    """Who exports a table without a header names columns after its first row."""
    first, second = (sha256(f"titled {number}".encode()).hexdigest() for number in (1, 2))
    path = written(tmp_path / "titled.csv", f"md5,{first},name\n{md5(b'x').hexdigest()},{second},n\n")
    done = agency.run("entry", "import", path, "--list", LIST, "--dry-run")
    assert "columns that were not used: (hex), name" in done.err
    assert first not in done.err + done.out


def test_a_hash_that_is_asked_about_is_never_half_asked(agency: Cli, tmp_path: Path) -> None:
    asked = written(tmp_path / "asked", f"{sha256(NEW[0]).hexdigest()}\nnot a hash\n")
    agency.refused(2, "line 2 is not a hash", "entry", "explain", "--hash-from", asked)
