"""The configuration file: what it holds is kept, what it cannot hold is refused by name."""

from pathlib import Path

import pytest

from node.config import Listen, Secrets, Settings, load, parse, render, validate
from node.errors import ConfigError, NotInitialisedError
from node.names import CONFIG_NAME

SMALL = """\
node = "fr.example"
country = "FR"

[listen]
url = "https://fr.example:8443/"
"""


def test_defaults_are_safe() -> None:
    settings = parse(SMALL, source="test")
    assert (settings.listen.host, settings.listen.port) == ("127.0.0.1", 8443)
    assert settings.profile == "small"
    assert settings.secrets.passphrase_file is None


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    settings = Settings(
        node="nl.example",
        country="NL",
        listen=Listen(url='https://nl.example/"quoted\\"/'),
        secrets=Secrets(passphrase_file=tmp_path / "secret"),
    )
    (tmp_path / CONFIG_NAME).write_text(render(settings), encoding="utf-8")
    assert load(tmp_path) == settings


def test_what_an_editor_marks_as_utf_8_and_ends_with_cr_lf_is_read(tmp_path: Path) -> None:
    settings = Settings(node="nl.example", country="NL", listen=Listen(url="https://nl.example/"))
    marked = b"\xef\xbb\xbf" + render(settings).encode().replace(b"\n", b"\r\n")
    (tmp_path / CONFIG_NAME).write_bytes(marked)
    assert load(tmp_path) == settings


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("node = ]\n", "line 1", id="not TOML"),
        pytest.param(SMALL + "colour = 1\n", "listen.colour", id="unknown key"),
        pytest.param(SMALL.replace("fr.example", "FR example", 1), "node", id="node name"),
        pytest.param(SMALL.replace('"FR"', '"France"'), "country", id="country"),
        pytest.param(SMALL + "port = 0\n", "listen.port", id="port"),
        pytest.param(SMALL + '\n[store]\npassword = "x"\n', "store.password", id="secrets have no place"),
        pytest.param("country = 'FR'\n", "node", id="missing"),
    ],
)
def test_refused_with_the_name_of_what_is_wrong(text: str, named: str) -> None:
    with pytest.raises(ConfigError, match="test") as refused:
        parse(text, source="test")
    assert named in str(refused.value)
    assert refused.value.hint


def test_values_are_checked_the_same_way() -> None:
    with pytest.raises(ConfigError, match="init"):
        validate({"node": "x"}, source="init")


def test_where_no_node_lives(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError) as refused:
        load(tmp_path)
    assert "sigfed init" in refused.value.hint
    (tmp_path / "sigfed.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
