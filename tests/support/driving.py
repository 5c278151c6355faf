"""Carrying out an action of a console as somebody at a keyboard does: its page, its form, its fields, its button."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from playwright.async_api import (
    FilePayload,
    Locator,
    Page,
    TimeoutError,  # noqa: A004 - Playwright's own
)
from typing_extensions import TypeVar

from node.console.parts import Surface
from node.console.world import World
from node.store.accounts.records import PersonRole
from support.console import RunningConsole
from support.windows import Window, Windows

W = TypeVar("W", default=World)
_REFUSED = re.compile(
    "Failed to load resource: the server responded with a status of |Autofocus processing was blocked"
)
"""What Chromium says of every form that is shown again with what is wrong, where the focus goes."""


@dataclass(frozen=True, slots=True)
class Step(Generic[W]):
    """An action, what is typed for it, and what the page says afterwards."""

    action: str
    role: PersonRole
    says: str
    """A pattern, found in what is said of the action."""
    person: str = ""
    fields: Mapping[str, str | bytes | Callable[[W], str | bytes]] = field(default_factory=dict)
    """By name: bytes are a file, "on" ticks a box or chooses the only one."""
    query: Callable[[W], str] | None = None
    """Of its page, where the page's own example shows no form of it."""
    page: str = ""
    """Where its form stands, if it is not on the page that is shown when it is refused."""
    refused: bool = False
    """Whether it is told, at the form, that it cannot be done here."""
    before: Callable[[W], object] | None = None
    """What must have happened."""


async def drive(
    windows: Windows,
    running: RunningConsole[Any],
    surface: Surface[Any],
    examples: Mapping[str, Callable[[Any], str]],
    steps: Sequence[Step[Any]],
) -> list[str]:
    """Carry the steps out one after the other; gives what was not as it should be, a line each."""
    wrong = []
    for step in steps:
        if step.before:
            step.before(running.world)
        windows.watch.forget()
        cookie = running.cookie(step.role, proved_ms=running.world.now_ms, person=step.person)
        page = await windows.look(_shown(running, surface, examples, step), cookie, Window())
        try:
            await _carried_out(page, running, surface, step)
            said = await _said(page)
            if not re.search(step.says, said):
                wrong.append(f"{step.action}: says {said!r}")
            wrong += [
                f"{step.action}: {one}"
                for one in windows.watch.amiss(running.url(""))
                if not (step.refused and _REFUSED.match(one))
            ]
        except (TimeoutError, AssertionError) as exc:
            wrong.append(f"{step.action}: {str(exc)[:600]}")
    return wrong


def _shown(
    running: RunningConsole[Any],
    surface: Surface[Any],
    examples: Mapping[str, Callable[[Any], str]],
    step: Step[Any],
) -> str:
    """Address of the page where the form of a step stands."""
    (action,) = (one for one in surface.actions if one.name == step.action)
    (shown,) = (one for one in surface.pages if one.name == (step.page or action.page))
    query = step.query or examples.get(shown.name)
    return running.url(f"{shown.path}?{query(running.world)}" if query else shown.path)


async def _carried_out(
    page: Page, running: RunningConsole[Any], surface: Surface[Any], step: Step[Any]
) -> None:
    (action,) = (one for one in surface.actions if one.name == step.action)
    button = page.locator(
        f'form[method="post"][action="{action.path}"] button:not([formaction]), button[formaction="{action.path}"]'
    ).first
    assert await button.count(), f"no form of it at {page.url}"
    form = button.locator("xpath=ancestor::form")
    await _opened(form)
    for name, value in step.fields.items():
        await _filled(form, name, value(running.world) if callable(value) else value)
    async with page.expect_navigation():
        await button.press("Enter")


async def _opened(form: Locator) -> None:
    """What is folded around the form, and in it, by keyboard."""
    for folded in (
        form.locator("xpath=ancestor::details[not(@open)]/summary"),
        form.locator("details:not([open]) > summary"),
    ):
        for summary in await folded.all():
            await summary.press("Enter")


async def _filled(form: Locator, name: str, value: str | bytes) -> None:
    where = form.locator(f'[name="{name}"]:not([type=hidden])').first
    kind = await where.evaluate("one => one.type")
    if isinstance(value, bytes):
        await where.set_input_files(FilePayload(name="file", mimeType="text/plain", buffer=value))
    elif kind == "checkbox":
        await where.press("Space")
    elif kind.startswith("select"):
        await where.select_option(value)
    elif kind == "date":
        await where.fill(value)
    else:
        await where.fill("")
        await where.focus()
        await where.page.keyboard.insert_text(value)


async def _said(page: Page) -> str:
    found = await page.locator("main [role=status], main [role=alert]").all_inner_texts()
    return " ".join(" ".join(found).split()) or f"nothing, at {page.url}"
