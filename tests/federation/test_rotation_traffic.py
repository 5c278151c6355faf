"""What the stories of rotation stand on: a federation at work, of which failures are seen."""

from pathlib import Path

import pytest

from support.load import Load

pytestmark = pytest.mark.slow


def test_a_failed_request_is_seen(tmp_path: Path) -> None:
    """The hoster's key is suspended for a while."""
    with Load(tmp_path) as load:
        load.flow(1)
        load.fr.done("partner", "suspend", "hoster")
        load.flow(1)
        load.over.set()
        load.fr.done("partner", "resume", "hoster")
    with pytest.raises(AssertionError, match="hoster"):
        load.require_nothing_failed()
