"""What a posted form may hold: fields and texts of files, within bounds, and nothing else."""

import re
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from node.console import environment
from node.console.forms.body import MOST_TYPED
from node.console.handlers import CONSOLE
from node.console.parts import Action, Values
from node.console.surface import ACTIONS
from node.errors import RateLimitedError, UsageError
from node.store.accounts.records import PersonRole
from support.console import RunningConsole
from support.raw_http import leave


def _with_file(csrf: str, text: bytes) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("csrf", csrf)
    form.add_field("list", text, filename="file.json", content_type="application/json")
    return form


CHARSET = b'--b\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\n'


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"csrf=x&list=" + b"a" * 70_000, "application/x-www-form-urlencoded", 400),
        (b"&".join(b"f%d=" % at for at in range(3000)), "application/x-www-form-urlencoded", 400),
        (b'{"csrf": "x"}', "application/json", 400),
        (b"nothing of a form", "multipart/form-data; boundary=b", 400),
        (b"", "multipart/form-data", 400),
        (b"--b\r\n" + b"a: b\r\n" * 1000 + b"\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", 400),
        (b"--b\r\na: " + b"b" * 20_000 + b"\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", 400),
        (b"--b\r\nno field\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", 400),
        (CHARSET + b"b" * 100 + b"\r\n--b--\r\n", "multipart/form-data; boundary=b", 400),
        (b"csrf=%ff%fe", "application/x-www-form-urlencoded", 403),
    ],
    ids=[
        "too large",
        "too many fields",
        "no form",
        "broken parts",
        "no boundary",
        "many heads",
        "a long head",
        "no head",
        "a charset",
        "not text",
    ],
)
async def test_what_is_no_form_is_refused(
    console: RunningConsole, body: bytes, kind: str, status: int
) -> None:
    async with console.as_role(PersonRole.OPERATOR) as browser:
        reply = await browser.post("/console/publish", body, Content_Type=kind)
    assert reply.status == status


@pytest.mark.threat("hostile bytes")
async def test_who_leaves_in_the_middle_of_a_form_is_no_failure(
    console: RunningConsole, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {"Host": console.authority, "Origin": f"http://{console.authority}"}
    for path in ("/console/csp-report", "/console/sign-in"):
        await leave(console.server, path, fields)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_file_is_read_as_text(console: RunningConsole) -> None:
    async with console.as_role(PersonRole.OPERATOR, proved_ms=console.world.now_ms) as browser:
        reply = await browser.post("/console/publish", _with_file(console.csrf(), b"no list of this name"))
        assert reply.status == 404
        reply = await browser.post("/console/publish", _with_file(console.csrf(), b"a" * 70_000))
        assert reply.status == 400
        assert "more than 64 kB" in reply.words


_LARGE = [action for action in ACTIONS if action.most_bytes > MOST_TYPED]
_FORM = re.compile(r"{% call (form\([^)]*\)) %}(.*?){% endcall %}", re.DOTALL)


@pytest.mark.parametrize("action", _LARGE, ids=lambda action: str(action.name))
async def test_only_files_are_large(console: RunningConsole, action: Action) -> None:
    """Megabytes of typed text would be taken apart while every other request waits."""
    large = b"words=" + b"%41" * (MOST_TYPED // 3)
    typed = aiohttp.FormData({"csrf": "x", "words": "a" * (MOST_TYPED + 1)}, default_to_multipart=True)
    async with console.as_role(next(iter(action.roles)), proved_ms=console.world.now_ms) as browser:
        for form, kind in ((large, {"Content_Type": "application/x-www-form-urlencoded"}), (typed, {})):
            reply = await browser.post(action.path, form, **kind)
            assert reply.status == 400
            assert "more than 256 kB" in reply.words
        reply = await browser.post(action.path, _with_file(console.csrf(), b"a" * (MOST_TYPED + 1)))
        assert "more than 256 kB" not in reply.words


def test_large_forms_are_sent_as_files_are() -> None:
    templates = Path(environment.__file__).parent / "templates"
    forms = [found for path in templates.rglob("*.html") for found in _FORM.findall(path.read_text())]
    for action in _LARGE:
        heads = [head for head, inside in forms if f'"{action.path}"' in head + inside]
        assert heads, action.name
        assert all("files=true" in head for head in heads), action.name


async def test_whoever_sends_too_much_is_refused_before_it_is_read(console: RunningConsole) -> None:
    rates = console.server.runner.app[CONSOLE].rates
    async with console.as_role(PersonRole.ANALYST) as browser:
        with suppress(RateLimitedError):
            while True:
                rates.spend("person:a.analyst")
        reply = await browser.post("/console/import/look", b"no form", Content_Type="text/plain")
    assert reply.status == 429


async def test_a_page_that_never_was_is_no_unforeseen_error(console: RunningConsole) -> None:
    async with console.as_role(PersonRole.OPERATOR, proved_ms=console.world.now_ms) as browser:
        query = "&".join(f"field{number}=x" for number in range(200))
        reply = await browser.post("/console/publish", {"csrf": console.csrf(), "list": "x", "query": query})
    assert reply.status == 404


async def test_nothing_that_was_typed_is_lost_and_no_secret_comes_back(console: RunningConsole) -> None:
    async with console.as_role(PersonRole.OPERATOR, proved_ms=console.world.now_ms) as browser:
        form = {"csrf": console.csrf(), "list": "fr.example/lists/other", "passphrase": "a secret of mine"}
        reply = await browser.post("/console/publish", form)
    assert reply.status == 404
    assert "This was not done." in reply.words
    assert "a secret of mine" not in reply.text


async def test_parts_of_one_name_are_counted(console: RunningConsole) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n\r\n'
    async with console.as_role(PersonRole.OPERATOR) as browser:
        reply = await browser.post(
            "/console/publish", part * 2100 + b"--b--\r\n", Content_Type="multipart/form-data; boundary=b"
        )
    assert reply.status == 400


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "0" * 20 + "1", "9" * 5000, "\u0661"])
def test_a_number_is_a_number_within_bounds(text: str) -> None:
    with pytest.raises(UsageError):
        Values({"index": text}).number("index")
    assert Values({"index": "12"}).number("index") == 12
    assert Values({}).number("index", 7) == 7


@pytest.mark.parametrize(
    ("fields", "ticked"), [({"box": "yes"}, True), ({"box": ""}, False), ({"box": " "}, False), ({}, False)]
)
def test_a_box_is_ticked_by_what_is_recorded(fields: dict[str, str], ticked: bool) -> None:
    """A box that is sent empty stands in no record: then it does nothing, either."""
    assert Values(fields).ticked("box") is ticked
    assert bool(Values(fields).text("box")) is ticked
