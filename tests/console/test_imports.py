"""Importing a table at the console: looked at first, stated on purpose, through the guards, within bounds."""

from io import BytesIO

import aiohttp
import pytest

from node.audit.reader import read_audit
from node.console.pages.entries import imports
from node.lists.catalogue import report_list
from node.store.accounts.records import PersonRole
from support.agencies import numbered, row, table
from support.audited import audit_text, recorded
from support.busy_agency import FILES, LAWFUL
from support.console import Reply, RunningConsole

_OWN = "fr.example/lists/csam"
_TABLE = table(*numbered("imported", 3), LAWFUL, FILES[0]) + "nonsense,nonsense,baseline\n"


def _form(busy: RunningConsole, text: str, **fields: str) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("table", BytesIO(text.encode()), filename="table.csv", content_type="text/csv")
    right = {"csrf": busy.csrf(), "list": _OWN, "collection": "baseline", "basis": "own", "examined": "yes"}
    for name, value in (right | fields).items():
        form.add_field(name, value)
    return form


async def _send(busy: RunningConsole, act: str, text: str = _TABLE, **fields: str) -> Reply:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        reply = await browser.post(f"/console/import/{act}", _form(busy, text, **fields))
        return await browser.get(reply.headers["Location"]) if reply.status == 303 else reply


async def test_a_table_is_looked_at_and_then_imported(busy: RunningConsole) -> None:
    before = report_list(busy.world.store, _OWN).waiting
    looked = await _send(busy, "look")
    said = "3 rows are new (6 entries), 1 listed already, 0 repeated, 1 refused, 1 set aside by a guard."
    assert f"Nothing was imported yet. {_OWN}: {said}" in looked.words
    assert "Line 7:" in looked.words
    assert report_list(busy.world.store, _OWN).waiting == before
    assert "entry.import" not in [action for action, _, _ in recorded(busy)[-1:]]

    done = await _send(busy, "take", source="", criteria="3")
    assert f"{_OWN}: {said}" in done.words
    assert report_list(busy.world.store, _OWN).waiting == before + 6
    assert recorded(busy)[-1] == ("entry.import", _OWN, "a.analyst")
    details = [one.record for one in read_audit(busy.world.store)][-1].details
    assert (details["accepted"], details["entries"], details["refused"]) == ("3", "6", "1")
    assert row(FILES[0]).split(",")[0] not in audit_text(busy)


async def test_columns_are_named_where_they_are_not_recognised(busy: RunningConsole) -> None:
    strange = _TABLE.replace("sha256,md5", "SHA-256 hash,checksum")
    refused = await _send(busy, "look", strange)
    assert 400 <= refused.status < 500
    named = await _send(
        busy, "look", strange, columns="sha256=SHA-256 hash\nmd5=checksum\ncollection=collection"
    )
    assert "3 rows are new (6 entries)" in named.words


async def test_categories_are_named_where_a_table_has_them(busy: RunningConsole) -> None:
    graded = "\n".join(
        f"{line},{grade}" for line, grade in zip(_TABLE.splitlines(), ("category", 1, 0, 0, 0), strict=False)
    )
    refused = await _send(busy, "look", graded)
    assert 400 <= refused.status < 500
    named = await _send(busy, "look", graded, categories="1")
    assert "1 row is new" in named.words


async def test_a_hash_among_the_titles_is_not_shown(busy: RunningConsole) -> None:
    """As of a table that was put together by hand."""
    found = "5e" * 32
    head, *rows = _TABLE.splitlines()
    wider = "\n".join([f"{head},{found},remark", *(f"{each},," for each in rows), ""])
    looked = await _send(busy, "look", wider)
    assert "Columns that were not used: (hex), remark." in looked.words
    assert "5e" * 6 not in looked.text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", {}),
        ("nothing of a table", {}),
        ("\x00\x01\x02", {}),
        (_TABLE, {"list": "nl.example/lists/csam"}),
        (_TABLE, {"collection": "nothing"}),
        (_TABLE, {"basis": "guessed"}),
        (_TABLE, {"examined": "", "basis": "relies-on", "criteria": "0"}),
        (_TABLE, {"columns": "sha256"}),
        (_TABLE, {"legality": "Netherlands"}),
    ],
    ids=str,
)
async def test_what_cannot_be_imported_is_refused_and_nothing_is_done(
    busy: RunningConsole, text: str, wrong: dict[str, str]
) -> None:
    before = report_list(busy.world.store, _OWN).waiting
    reply = await _send(busy, "take", text, **wrong)
    assert 400 <= reply.status < 500
    assert report_list(busy.world.store, _OWN).waiting == before


async def test_a_table_has_a_bound(busy: RunningConsole) -> None:
    reply = await _send(busy, "take", "x" * (imports.MOST_BYTES + 1))
    assert 400 <= reply.status < 500
