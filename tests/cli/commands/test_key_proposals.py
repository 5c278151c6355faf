"""Holders of offline keys at their own machines: they make keys, read what is proposed, sign it; the node publishes."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from node.home import Home
from node.identity.identity import open_identity
from support.agencies import found_agency, written
from support.key_holders import NODE, KeyHolder, take_over
from support.processes import Cli, contents


@pytest.fixture
def team(office: Cli, tmp_path: Path) -> dict[str, KeyHolder]:
    """The same with three holders who came with keys of their own; no offline key is in the home any more."""
    return take_over(office, tmp_path)


def words(cli: Cli) -> tuple[int, Sequence[int]]:
    """Version of the newest root, and the thresholds and numbers of its keys."""
    root = open_identity(Home(cli.home)).trust.root()
    return root.version, (root.threshold, len(root.root_keys), root.targets_threshold, len(root.targets_keys))


def test_three_holders_take_over_from_a_team_of_two(office: Cli, team: dict[str, KeyHolder]) -> None:
    assert sorted(team) == ["1", "2", "3"]
    assert words(office) == (2, (2, 3, 2, 3))
    assert sorted(
        path.name for path in (office.home / "keys").glob("*s*-*.json") if "stamp" in path.name
    ) == ["timestamp-2.json"], "the old one is destroyed"


def test_one_of_three_is_replaced(office: Cli, team: dict[str, KeyHolder], tmp_path: Path) -> None:
    proposal = tmp_path / "replace"
    shutil.rmtree(team["3"].stick)
    card = team["3"].makes_keys()
    told = office.done("key", "propose", str(proposal), "--holder", card)["changes"]
    assert [line.partition(" by ")[0] for line in told if "holder 3" in line] == [
        "  replaces the root key of holder 3",
        "  replaces the targets key of holder 3",
    ]
    assert "  root threshold stays 2 of 3" in told
    assert team["2"].signs(proposal) > 0
    said = office.refused(14, "root: 1 of the required 2", "key", "publish", str(proposal), "--yes")
    assert "next root: 1 of 2 signatures by root keys of today (2); 1 more of: 1, 3" in said.err
    no_medium = "key", "sign", str(proposal), "--keys", str(tmp_path / "nowhere"), "--yes"
    office.refused(2, "is the medium plugged in", *no_medium)
    team["3"].signs(proposal)
    team["1"].signs(proposal)
    assert team["2"].signs(proposal) == 0
    assert office.done("key", "publish", str(proposal), "--yes")["root"] == 3
    again = office.done("key", "publish", str(proposal), "--yes")
    assert (again["root"], again["changed"]) == (3, False)


def test_a_register_changes_without_a_key_at_home(
    office: Cli, team: dict[str, KeyHolder], tmp_path: Path
) -> None:
    nl = found_agency(tmp_path, name="nl", country="NL")
    nl.done("transfer", "introduce", str(tmp_path / "medium"))
    identity = open_identity(Home(nl.home))
    from keys.trust.fingerprint import to_words

    introduction = (
        "member", "add", str(tmp_path / "medium"), "--words", to_words(identity.trust.root().sha256),
        "--country", "NL",
    )  # fmt: skip
    office.refused(2, "have the holders sign elsewhere: sigfed --proposal FILE", *introduction)
    proposal = tmp_path / "member"
    office.done("--proposal", str(proposal), *introduction)
    office.done("--proposal", str(proposal), "contact", "desk 7")
    assert [member["node"] for member in office.run("member", "ls").results] == [NODE]
    told = team["1"].cli.done("key", "changes", str(proposal))["changes"]
    assert any(line.startswith("  adds member nl.example: (") for line in told)
    assert "  adds contact: desk 7" in told
    assert [team[name].signs(proposal) > 0 for name in "121"] == [True, True, False]
    office.done("key", "publish", str(proposal), "--yes")
    assert [member["node"] for member in office.run("member", "ls").results] == [NODE, "nl.example"]


def test_several_commands_go_into_one_proposal(office: Cli, tmp_path: Path) -> None:
    """Also in a home that was founded a moment ago, whose keys nobody used yet."""
    proposal, keys = tmp_path / "several", str(office.home / "keys/offline")
    office.done("--proposal", str(proposal), "subset", "create", "hosters")
    office.done("--proposal", str(proposal), "list", "create", "national")
    assert office.run("--proposal", str(proposal), "key", "status").first["stage"] == "active"
    own = "--keys", keys, "--passphrase-file", str(office.home.with_name("fr-root-passphrase"))
    office.done("key", "sign", str(proposal), *own, "--yes")
    office.done("key", "publish", str(proposal), "--yes")
    assert office.done("subset", "release", "hosters")["version"] == 1
    assert office.done("publish")["origin"] == "fr.example/lists/national"
    told = [(one["action"], one["outcome"]) for one in office.run("audit", "ls").results]
    assert {("subset.create", "proposed"), ("list.create", "proposed"), ("key.publish", "ok")} <= set(told)


def test_nothing_is_signed_without_a_yes(office: Cli, tmp_path: Path) -> None:
    proposal, holder = tmp_path / "later", KeyHolder(tmp_path, "1")
    office.done("key", "propose", str(proposal), "--holder", holder.makes_keys())
    held = proposal.read_bytes()
    said = holder.cli.run("key", "sign", str(proposal), *holder.own, typed="no\n")
    assert (said.exit, proposal.read_bytes()) == (130, held)
    assert "replaces the root key of holder 1 by" in said.err
    office.refused(2, "is not overwritten", "key", "propose", str(proposal))
    office.refused(130, "Put this in force?", "key", "publish", str(proposal), typed="\n")


def test_whose_keys_are_not_asked_signs_nothing(office: Cli, tmp_path: Path) -> None:
    proposal, stranger = tmp_path / "a-year-more", KeyHolder(tmp_path, "9")
    stranger.makes_keys()
    office.done("key", "propose", str(proposal))
    stranger.cli.refused(
        2, "no key in this folder can sign", "key", "sign", str(proposal), *stranger.own, "--yes"
    )


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [(None, 2, "does not exist"), (b"", 2, "is no proposal"), (b'{"v":1}', 2, "is no proposal")],
    ids=["no file", "an empty file", "another file"],
)
def test_what_is_no_proposal(
    office: Cli, tmp_path: Path, content: bytes | None, code: int, says: str
) -> None:
    path = tmp_path / "odd"
    if content is not None:
        written(path, content)
    for verb in ("changes", "publish"):
        office.refused(code, says, "key", verb, str(path))


@pytest.mark.parametrize("role", ["root", "targets", "timestamp", "snapshot"])
def test_a_team_of_two_replaces_keys_by_one_command(office: Cli, role: str) -> None:
    before = contents(office.home / "keys")
    done = office.done("key", "rotate", role, "--yes")
    assert done["root"] == 2
    gone = before.keys() - contents(office.home / "keys").keys()
    assert {Path(name).name for name in gone} == set(done["destroyed"])
    assert words(office) == (2, (1, 2, 1, 2))
    assert office.done("contact", "desk 7")["contact"] == "desk 7", "the new keys sign"
    assert office.done("key", "rotate", role, "--yes")["root"] == 3


@pytest.mark.parametrize("role", ["auth", "token", "log", "tls"])
def test_a_successor_is_proposed_to_holders_elsewhere(
    office: Cli, team: dict[str, KeyHolder], tmp_path: Path, role: str
) -> None:
    proposal, before = tmp_path / "rotate", _keys(office, role)
    asked = office.done("--proposal", str(proposal), "key", "rotate", role)
    if role == "tls":  # its successors are pinned in advance: nobody has to sign
        assert asked["stage"] == "published"
        return
    assert (asked["role"], _keys(office, role)) == (role, before), "nothing counts yet"
    for name in ("1", "2", "1"):
        team[name].signs_if_asked(proposal)
    office.done("key", "publish", str(proposal), "--yes")
    office.done("key", "advance")
    assert len(_keys(office, role)) == len(before) + 1


def _keys(cli: Cli, role: str) -> list[str]:
    return [str(key["key"]) for key in cli.run("key", "status").results if key["role"] == role]


def test_without_the_root_keys_nothing_is_made(office: Cli) -> None:
    for path in (office.home / "keys/offline").glob("root-*"):
        path.unlink()
    office.refused(2, "1 root keys must sign and 0 are in", "key", "rotate", "root", "--yes")
