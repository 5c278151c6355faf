"""The same thing done at the terminal and in the console: one record of it, whichever way it was."""

import re
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from node.audit.reader import read_audit
from node.console.surface import ACTIONS
from node.errors import ConflictError
from node.store.accounts.records import PersonRole
from protocol.audit import AuditRecord
from support.agencies import SINGLE, numbered, table
from support.busy_agency import FILES, open_world
from support.console import Browser, RunningConsole
from support.copies import let_go_on
from support.processes import Cli

_OWN: Final = "fr.example/lists/csam"
_SINGLE: Final = sha256(SINGLE).hexdigest()
_SHARED: Final = sha256(FILES[0]).hexdigest()
_BLOCKED: Final = sha256(FILES[-1]).hexdigest()
_PLACES: Final = {"by", "entry", "index"}
"""What the record holds of where it was done, and by which a page names what is named by its hash at the terminal."""
_ENDING: Final = {"entry-resolve", "withdraw"}
"""What takes back what a list says, which it may until it was published that it ended."""
_TABLE: Final = table(*numbered("both ways", 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One thing to do, as it is typed and as it is clicked."""

    action: str
    typed: tuple[str, ...]
    read: str = ""
    """What the command reads."""
    asks: str = ""
    """A hash; the form is about the entry that the look-up finds of it."""
    form: Mapping[str, str] = field(default_factory=dict)
    role: PersonRole = PersonRole.ANALYST
    first: "tuple[Way, ...]" = ()
    """What must have been done before."""


_DISPUTE: Final = Way(
    action="entry-dispute",
    typed=("entry", "dispute", "--list", "csam", "--reason", "legal", "--hash-from", "-", "--yes"),
    read=_SINGLE,
    asks=_SINGLE,
    form={"to": _OWN, "reason": "legal", "sure": "yes"},
)
WAYS: Final = (
    _DISPUTE,
    Way(
        action="entry-resolve",
        typed=("entry", "resolve", "--list", "csam", "--hash-from", "-", "--yes"),
        read=_SINGLE,
        asks=_SINGLE,
        form={"to": _OWN, "sure": "yes"},
        first=(_DISPUTE,),
    ),
    Way(
        action="entry-amend",
        typed=(
            *("entry", "amend", "--list", "csam", "--criteria", "7", "--legality", "NL=illegal"),
            *("--hash-profile", "pdq/1/full", "--review-by", "2030-01-02", "--hash-from", "-"),
        ),
        read=_SHARED,
        asks=_SHARED,
        form={
            "to": _OWN,
            "criteria": "7",
            "illegal_in": "NL",
            "profile": "pdq/1/full",
            "review_by": "2030-01-02",
        },
    ),
    Way(
        action="entry-reaffirm",
        typed=("entry", "reaffirm", "--list", "csam", "--basis", "own", "--hash-from", "-", "--yes"),
        read=_BLOCKED,
        asks=_BLOCKED,
        form={"to": _OWN, "basis": "own", "examined": "yes"},
    ),
    Way(
        action="withdraw",
        typed=("entry", "withdraw", "--list", "csam", "--reason", "legal", "--hash-from", "-", "--yes"),
        read=_SHARED,
        asks=_SHARED,
        form={"reason": "legal"},
    ),
    Way(
        action="endorse",
        typed=(
            "endorse",
            "--from",
            "nl.example",
            "--hash-from",
            "-",
            "--list",
            "csam",
            "--basis",
            "reviewed",
            "--yes",
        ),
        read=_SINGLE,
        asks=_SINGLE,
        form={"to": _OWN, "basis": "reviewed", "examined": "yes"},
    ),
    Way(
        action="importing-take",
        typed=("entry", "import", "TABLE", "--list", "csam", "--basis", "own", "--collection", "baseline"),
        form={"list": _OWN, "collection": "baseline", "basis": "own", "examined": "yes", "table": _TABLE},
    ),
)
_LOOK: Final = Way(action="importing-look", typed=(*WAYS[-1].typed, "--dry-run"))
HOLDERS: Final = (
    Way(
        action="member-remove",
        typed=("--proposal", "FILE", "member", "remove", "nl.example", "--yes"),
        form={"node": "nl.example"},
        role=PersonRole.OPERATOR,
    ),
    Way(
        action="key-rotate",
        typed=("--proposal", "FILE", "key", "rotate", "log", "--of", _OWN),
        form={"key": "log-lists-csam-1"},
        role=PersonRole.SECURITY,
    ),
    Way(action="key-propose", typed=("key", "propose", "FILE"), role=PersonRole.SECURITY),
)
"""What holders sign elsewhere; at the terminal other facts are known of it."""


@pytest.fixture
def cli(busy_home: Path, tmp_path: Path) -> Cli:
    """Another copy of the home, for whoever types."""
    shutil.copytree(busy_home, tmp_path / "typed", ignore=shutil.ignore_patterns("*.lock"))
    made = Cli(tmp_path / "typed", cheap_keys=True)
    let_go_on(made.home)
    (tmp_path / "table.csv").write_text(_TABLE)
    return made


def _typed(cli: Cli, way: Way) -> AuditRecord:
    files = {"TABLE": "table.csv", "FILE": "next-root-1.proposal"}
    words = [str(cli.home.with_name(files[word])) if word in files else word for word in way.typed]
    finished = cli.run(*words, typed=way.read)
    assert finished.exit == 0, finished.err
    with ExitStack() as stack:
        return [each.record for each in read_audit(open_world(cli.home, stack).store)][-1]


async def _clicked(browser: Browser, busy: RunningConsole, way: Way) -> AuditRecord:
    (row,) = [row for row in ACTIONS if row.name == way.action]
    form = aiohttp.FormData()
    for name, value in {**way.form, "csrf": busy.csrf(), **await _named(browser, busy, way)}.items():
        if name == "table":
            form.add_field(name, BytesIO(value.encode()), filename="table.csv")
        else:
            form.add_field(name, value)
    reply = await browser.post(row.path, form)
    assert reply.status == 303, reply.words
    return [each.record for each in read_audit(busy.world.store)][-1]


async def _named(browser: Browser, busy: RunningConsole, way: Way) -> Mapping[str, str]:
    """The entry that the form is about, and what its page showed of it."""
    if not way.asks:
        return {}
    found = await browser.post("/console/entry/look-up", {"hash": way.asks, "csrf": busy.csrf()})
    origin, index = re.findall(r"list=(.+)&index=(\d+)", found.headers["Location"])[0]
    page = await browser.get(f"/console/review/file?list={origin}&index={index}")
    shown = re.search(r'name="shown" value="(\w+)"', page.text)
    return {"list": origin, "index": index} | ({"shown": shown[1]} if shown else {})


@pytest.mark.parametrize("way", [*WAYS, *HOLDERS], ids=lambda way: way.action)
async def test_both_ways_leave_the_same_record(busy: RunningConsole, cli: Cli, way: Way) -> None:
    async with busy.as_role(way.role, proved_ms=busy.world.now_ms) as browser:
        for each in way.first:
            _typed(cli, each)
            await _clicked(browser, busy, each)
        typed, clicked = _typed(cli, way), await _clicked(browser, busy, way)
    assert (typed.action, typed.subject, typed.outcome) == (clicked.action, clicked.subject, clicked.outcome)
    assert typed.details.get("file") == ("table.csv" if "TABLE" in way.typed else None)
    told = {name: text for name, text in clicked.details.items() if name not in _PLACES}
    known = {name: typed.details.get(name) for name in told} if way in HOLDERS else typed.details
    assert known == told


def test_an_overruled_block_is_on_record_though_another_failed(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that has one of the file's hashes: its entry says it before the other is added."""

    def failing(*_: object, **__: object) -> None:
        raise ConflictError("another import listed some of the same digests meanwhile")

    table = cli.home.with_name("one.csv")
    table.write_text(f"sha256\n{_BLOCKED}\n")
    cli.done("list", "create", "other")
    cli.done("entry", "import", str(table), "--list", "other", "--basis", "own", "--collection", "baseline")
    monkeypatch.setattr("node.judgement.reaffirm.queue_rows", failing)
    (way,) = [way for way in WAYS if way.action == "entry-reaffirm"]
    words = ["other" if word == "csam" else word for word in way.typed]
    assert "listed some of the same" in cli.run(*words, typed=way.read).err
    newest = cli.run("audit", "ls").results[-1]
    assert (newest["action"], newest["outcome"]) == ("entry.reaffirm", "partly")


@pytest.mark.parametrize(
    ("words", "read"),
    [
        *[(way.typed, way.read) for way in WAYS if "--hash-from" in way.typed and not way.first],
        (("guard", "tripwire", "add", "--hash-from", "-"), _SINGLE),
    ],
    ids=lambda one: " ".join(one[:3]) if isinstance(one, tuple) else "",
)
def test_where_hashes_came_from_is_on_record(cli: Cli, words: tuple[str, ...], read: str) -> None:
    file = cli.home.with_name(f"asked by {'a' * 32} today.txt")
    file.write_text(read)
    way = Way(action="", typed=tuple(str(file) if word == "-" else word for word in words))
    assert _typed(cli, way).details["hash_from"] == "asked by (hex) today.txt"


def test_the_set_of_lawful_files_names_its_table(cli: Cli) -> None:
    file = cli.home.with_name("logos.csv")
    file.write_text(f"sha256\n{_SINGLE}\n")
    way = Way(action="", typed=("guard", "benign", "add", str(file), "--name", "logos"))
    assert _typed(cli, way).details["file"] == "logos.csv"


@pytest.mark.parametrize(
    "way", [*[way for way in WAYS if way.action not in _ENDING], _LOOK], ids=lambda way: way.action
)
def test_nothing_is_said_in_a_list_that_ended(cli: Cli, way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.lists.continuation.is_closed", lambda _document, origin: origin == _OWN)
    words = [str(cli.home.with_name("table.csv")) if word == "TABLE" else word for word in way.typed]
    assert "ended, and goes on in" in cli.run(*words, typed=way.read).err
