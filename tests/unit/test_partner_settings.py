"""`partner.toml`: defaults without it, unknown keys by name, and nobody else's file."""

import os
from pathlib import Path

import pytest

from node.errors import ConfigError
from node.hoster.settings import HookSettings, PartnerSettings, load_partner_settings
from node.names import PARTNER_NAME


def test_without_a_file_every_default_holds(tmp_path: Path) -> None:
    assert load_partner_settings(tmp_path) == PartnerSettings()


def test_hooks_are_programs_with_their_arguments(tmp_path: Path) -> None:
    (tmp_path / PARTNER_NAME).write_text('[hooks]\non_update = ["/bin/echo", "new"]\ntimeout_seconds = 5\n')

    read = load_partner_settings(tmp_path).hooks

    assert read == HookSettings(on_update=("/bin/echo", "new"), timeout_seconds=5)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[hook]\n", "hook: Extra inputs"),
        ("[hooks]\non_updated = []\n", "hooks.on_updated: Extra inputs"),
        ('[hooks]\non_update = "/bin/echo new"\n', "hooks.on_update"),
        ('[hooks]\non_update = ["echo"]\n', "full path"),
        ("[hooks]\ntimeout_seconds = 0\n", "hooks.timeout_seconds"),
        ('[metrics]\ntextfile = "sigfed.prom"\n', "full path"),
        ('[metrics]\ntextfile = "/var/lib/sigfed.txt"\n', "ends in .prom"),
        ("[hooks\n", "line 1"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / PARTNER_NAME).write_text(text)

    with pytest.raises(ConfigError, match=named):
        load_partner_settings(tmp_path)


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / PARTNER_NAME).write_bytes(b"\xff")

    with pytest.raises(ConfigError, match="cannot be read"):
        load_partner_settings(tmp_path)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / PARTNER_NAME).touch()
    (tmp_path / PARTNER_NAME).chmod(mode)

    with pytest.raises(ConfigError, match="written by others"):
        load_partner_settings(tmp_path)


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / PARTNER_NAME
    path.touch()
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    with pytest.raises(ConfigError, match="another user"):
        load_partner_settings(tmp_path)
