"""Configuration, exit codes, errors and keys are documented as they are."""

import inspect
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from keys import errors as keys_errors
from keys.roles import ROLES
from node import config
from node import errors as node_errors
from node.cli.exit_codes import ExitCode, exit_code
from node.hoster.settings import PartnerSettings, ReporterSettings
from protocol import errors as protocol_errors
from support.tour import blocks

REFERENCE = Path(__file__).parent.parent.parent / "docs/reference"
ROW = re.compile(r"^\| `?([\w.]+)`? \| (.+) \|$", re.MULTILINE)


PARTNER = "## A partner: `partner.toml`"
"""Where the part of the page about a partner's settings begins."""


def _rows(page: str) -> dict[str, list[str]]:
    return _rows_in((REFERENCE / page).read_text(encoding="utf-8"))


def _rows_in(text: str) -> dict[str, list[str]]:
    return {name: [cell.strip() for cell in rest.split(" | ")] for name, rest in ROW.findall(text)}


def _settings(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind = field.annotation
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            found |= _settings(kind, f"{prefix}{name}.")
        else:
            found[prefix + name] = field.get_default(call_default_factory=True)
    return found


_NODES, _PARTNERS = (REFERENCE / "config.md").read_text(encoding="utf-8").split(PARTNER)
SETTINGS = {
    **{("node", key): default for key, default in _settings(config.Settings).items()},
    **{("node", key): default for key, default in _settings(config.OidcSettings, "console.oidc.").items()},
    **{("partner", key): default for key, default in _settings(PartnerSettings).items()},
    **{("partner", key): default for key, default in _settings(ReporterSettings, "reporters.").items()},
}
PAGES = {"node": _NODES, "partner": _PARTNERS}
TREES = (
    (keys_errors, keys_errors.KeysError),
    (protocol_errors, protocol_errors.ProtocolError),
    (node_errors, node_errors.NodeError),
)
ERRORS = {
    name: kind
    for module, root in TREES
    for name, kind in vars(module).items()
    if inspect.isclass(kind) and issubclass(kind, root) and kind is not root
}


@pytest.mark.parametrize(("of", "key"), SETTINGS)
def test_a_setting_is_documented_with_its_default(of: str, key: str) -> None:
    default = SETTINGS[of, key]
    said = _rows_in(PAGES[of])[key][0]
    if default is PydanticUndefined:
        assert said == "required"
    elif default is None:
        assert said == "none"
    else:
        assert said == f"`{json.dumps(default)}`"


@pytest.mark.parametrize("of", PAGES)
def test_no_setting_is_documented_that_does_not_exist(of: str) -> None:
    documented = {(of, name) for name in _rows_in(PAGES[of]) if name != "key"}
    assert documented == {(kind, key) for kind, key in SETTINGS if kind == of}


def test_the_example_configuration_is_accepted() -> None:
    assert config.parse(_example("node"), source="config.md").country == "FR"


def test_the_example_of_a_partners_settings_is_accepted() -> None:
    assert PartnerSettings.model_validate(tomllib.loads(_example("partner"))) != PartnerSettings()


def _example(of: str) -> str:
    """The first example of a part of the page."""
    _, lines = next(iter(blocks(PAGES[of], "toml")))
    return "\n".join(lines)


@pytest.mark.parametrize("bound", ["listen.port", "schedule.sync_minutes"])
def test_documented_bounds_are_the_bounds(bound: str) -> None:
    low, high = (int(number) for number in re.findall(r"\d+", _rows("config.md")[bound][1]))
    table, key = bound.split(".")
    base: dict[str, Any] = {"node": "fr.example", "country": "FR", "listen": {"url": "https://fr.example/"}}
    for value, accepted in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
        fields = {**base, table: {**base.get(table, {}), key: value}}
        if accepted:
            config.validate(fields, source="test")
        else:
            with pytest.raises(node_errors.ConfigError, match=key):
                config.validate(fields, source="test")


def test_every_exit_code_is_documented_by_number_and_name() -> None:
    said = {
        number: cells[0].strip("`") for number, cells in _rows("exit-codes.md").items() if number.isdigit()
    }
    assert said == {str(int(code)): code.name for code in ExitCode}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_documented_with_its_exit_code(name: str) -> None:
    kind = ERRORS[name]
    said = _rows("errors.md")
    assert name in said, f"docs/reference/errors.md has no row for {name}"
    assert said[name][0] == str(int(exit_code(kind.__new__(kind))))


def test_no_error_is_documented_that_does_not_exist() -> None:
    assert {name for name in _rows("errors.md") if name != "error"} == set(ERRORS)


def test_keys_are_documented_with_what_they_sign_where_they_are_and_how_long() -> None:
    """And how each is replaced by hand, by a command that there is."""
    parts = (REFERENCE.parent / "keys.md").read_text(encoding="utf-8").split("\n## ")
    kept, replaced = (
        {name: cells for name, cells in _rows_in(part).items() if name != "key"} for part in parts[1:3]
    )
    assert kept == {
        str(role): ["online" if info.online else "offline", f"{info.days} d", info.signs]
        for role, info in ROLES.items()
    }
    assert list(replaced) == list(kept)
    assert [name for name, cells in replaced.items() if f"`sigfed key rotate {name}" not in cells[0]] == []
