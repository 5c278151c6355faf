"""The key is written before the node is asked, so a lost reply can be asked for again."""

from pathlib import Path

from keys.key import AuthPrivateKey
from node.hoster.folder import PartnerFolder


def test_an_enrolment_that_was_begun_goes_on_with_its_key(tmp_path: Path) -> None:
    first, second = (AuthPrivateKey.from_seed(bytes([n]) * 32) for n in (1, 2))
    folder = PartnerFolder(tmp_path / "partner")
    assert folder.pending_key(first).public == first.public
    assert not folder.exists
    again = PartnerFolder(tmp_path / "partner").pending_key(second)
    assert again.public == first.public
