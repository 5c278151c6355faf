"""A console that answers, of a node that has nothing yet."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from node.config import Secrets, render
from node.console.languages import speak
from node.files import create_private
from node.home import Home
from support.browser import chromium
from support.busy_agency import busy_console, make_busy
from support.cheap_node import CheapNode
from support.console import RunningConsole, console_in
from support.machine import made_once
from support.windows import Windows, windows_open


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """After a test that spoke another language itself, and not to a browser."""
    yield
    speak("en")


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> CheapNode:
    """A node that was founded once; never changed."""
    made = CheapNode.founded(tmp_path_factory.mktemp("founded"))
    secret = tmp_path_factory.mktemp("secrets") / "passphrase"
    secret.touch(mode=0o600)
    secret.write_bytes(b"node passphrase\n")
    settings = made.identity().settings.model_copy(update={"secrets": Secrets(passphrase_file=secret)})
    create_private(Home(made.folder).config, render(settings).encode())
    return made


@pytest_asyncio.fixture
async def console(founded: CheapNode, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """Its console, over a copy of it."""
    async with console_in(founded.copied(tmp_path / "node")) as running:
        yield running


@pytest.fixture(scope="session")
def with_browser() -> None:
    """Asked for before homes are made that would be looked at with it."""
    chromium()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Windows]:
    """Windows for the tests of one module, which run in its event loop."""
    async with windows_open() as made:
        yield made


@pytest.fixture
def windows(opened: Windows) -> Windows:
    """Those of which nobody knows what was complained of in another test."""
    opened.watch.forget()
    return opened


@pytest.fixture(scope="session")
def busy_home() -> Path:
    """The home of an agency in the middle of its work; never changed.

    Made once with `python tests/support/busy_agency.py FOLDER`, it can be named by SIGFED_BUSY_HOME to spare the time.
    """
    if made := os.environ.get("SIGFED_BUSY_HOME", ""):
        return Path(made)
    with made_once("busy") as folder:
        if not folder.exists():
            folder.mkdir()
            make_busy(folder)
    return folder / "fr"


@pytest_asyncio.fixture
async def busy(busy_home: Path, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """The console of that agency, over a copy of its home."""
    async with busy_console(busy_home, tmp_path / "busy") as running:
        yield running
