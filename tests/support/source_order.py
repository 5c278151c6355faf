"""Imports that keep the order of their source, so that a test can say where an entry stands.

So do commands, in this process or in forks; other programs that a test starts draw it as they do for an agency.
"""

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pytest

from node.store.lists.columns import Positions
from node.store.vault import Vault

_drawn = Vault.random_order


def _kept(_vault: Vault, count: int) -> Positions:
    return np.arange(count)


def keep_order() -> None:
    """From now on imports of this process keep the order of their source."""
    patch.object(Vault, "random_order", _kept).start()


@pytest.fixture(autouse=True, scope="session")
def _source_order() -> Iterator[None]:
    with patch.object(Vault, "random_order", _kept):
        yield


@pytest.fixture
def random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order that an agency's imports get."""
    monkeypatch.setattr(Vault, "random_order", _drawn)
