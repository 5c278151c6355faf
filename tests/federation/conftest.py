"""Federations of several nodes in one process; a test that asks for `follower` has one agency of them alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.federation import Agency, Federation


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with Federation(tmp_path) as made:
        yield made


@pytest.fixture
def follower(federation: Federation) -> Agency:
    return federation.agency("fr.example", "FR")
