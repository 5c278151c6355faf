"""What a running node tells a monitoring system: everything that is documented, and nothing that names a file."""

import json
import re
import socket
from hashlib import md5, sha256
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.agencies import Federation, numbered
from support.federated import federated
from support.processes import Cli, Running, free_port

DOCS = Path(__file__).parents[3] / "docs"
RULES = DOCS / "deploy/alerts.yml"
DASHBOARD = DOCS / "deploy/grafana.json"
FAMILY = re.compile(r"sigfed_[a-z_]+")


def scraped(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as reply:
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return str(reply.read().decode())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Federation, str]:
    """A federation where things happened, and what its first node says of it."""
    with federated(tmp_path_factory.mktemp("measured"), running=["nl"]) as made:
        port = free_port()
        made.fr.edit("sigfed.toml", "enabled = false\nhost", "enabled = true\nhost")
        made.fr.edit("sigfed.toml", "port = 9844", f"port = {port}")
        made.fr.done("partner", "invite", "second-hoster", "--subset", "baseline")
        with Running(made.fr):
            made.nl.done("peer", "sync")
            made.partner.run("check", made.files["both"])
            made.partner.run("check", made.files["unlisted"])
            text = scraped(port)
        with pytest.raises(URLError):
            scraped(port)
    return made, text


def families(text: str) -> dict[str, Any]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_every_documented_metric_is_told_and_no_other(told: tuple[Federation, str]) -> None:
    documented = set(
        re.findall(
            r"^\| `(sigfed_(?!agent_|partner_)[a-z_]+)`",
            (DOCS / "reference/metrics.md").read_text(),
            re.MULTILINE,
        )
    )
    assert set(families(told[1])) == {name.removesuffix("_total") for name in documented}


def test_what_happened_is_counted(told: tuple[Federation, str]) -> None:
    found = families(told[1])
    samples = {
        name: {tuple(one.labels.values()): one.value for one in family.samples if "created" not in one.name}
        for name, family in found.items()
    }
    assert samples["sigfed_http_requests"]["list_checkpoint", "200"] >= 1
    assert samples["sigfed_http_requests"]["evaluate", "200"] >= 1
    assert samples["sigfed_log_size"]["nl.example/lists/csam",] == 4
    assert 0 <= samples["sigfed_peer_sync_age_seconds"]["nl.example",] < 3600
    assert samples["sigfed_expiry_seconds"]["", "node_document"] > 170 * 86400
    assert samples["sigfed_expiry_seconds"]["", "invitation"] > 6 * 86400
    assert samples["sigfed_expiries"]["ended",] == 0
    assert samples["sigfed_keys"]["auth", "active"] == 1
    assert samples["sigfed_unreadable_facts"][()] == 0


def test_nothing_names_a_file_a_key_a_person_or_a_partner(told: tuple[Federation, str]) -> None:
    made, text = told
    assert not re.search(r"[0-9a-fA-F]{16}", text)
    assert not re.search(r"hoster|alice", text)
    for content in (b"listed by both agencies", *numbered("published", 3)):
        for digest in (sha256(content), md5(content)):
            assert digest.hexdigest()[:8] not in text
    ring = (made.fr.home / "ring.json").read_text()
    for kid in re.findall(r'"kid": "([^"]+)"', ring):
        assert kid not in text


def test_a_node_has_no_such_listener_unless_it_is_told(agency: Cli) -> None:
    assert "enabled = false" in (agency.home / "sigfed.toml").read_text().partition("[metrics]")[2]


def test_the_example_rules_ask_for_metrics_that_exist() -> None:
    documented = set(FAMILY.findall((DOCS / "reference/metrics.md").read_text()))
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 5
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        asked = set(FAMILY.findall(rule["expr"]))
        assert asked, rule
        assert asked <= documented, rule
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")


def test_the_dashboard_asks_for_metrics_and_labels_that_exist() -> None:
    page = (DOCS / "reference/metrics.md").read_text()
    rows = re.findall(r"^\| `(sigfed_(?!agent_|partner_)[a-z_]+)` \|([^|]*)\|", page, re.MULTILINE)
    labels = {name: set(re.findall(r"`([a-z_]+)`", cell)) for name, cell in rows}
    panels = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    shown = set()
    for panel in panels:
        [target] = panel["targets"]
        asked = {
            re.sub(r"(?<=sigfed_job_seconds)_(sum|count)$", "", name)
            for name in FAMILY.findall(target["expr"])
        }
        assert asked, panel["title"]
        assert asked <= set(labels), panel["title"]
        told = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        told |= set(re.findall(r"(\w+)(?:=~|!=|=)\"", target["expr"])) - {"instance"}
        assert told <= set.union(*(labels[name] for name in asked)), panel["title"]
        shown |= asked
    assert shown == set(labels)


def test_a_port_that_is_taken_is_named_before_anything_is_served(agency: Cli) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        agency.edit("sigfed.toml", "enabled = false\nhost", "enabled = true\nhost")
        agency.edit("sigfed.toml", "port = 9844", f"port = {port}")
        refused = agency.run("run")
    assert (refused.exit, refused.out) == (2, "")
    assert f"cannot listen on 127.0.0.1 port {port}" in refused.err
    assert "sigfed.run serving" not in refused.err
    assert "was never awaited" not in refused.err
    assert "node.run" not in {one["action"] for one in agency.run("audit", "ls").results}
