"""The served description and the reference page are the endpoint table, no more and no less."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.remote.requests import ask_for
from node.web.app import HANDLERS
from node.web.openapi import describe, openapi_path
from protocol.endpoints import ENDPOINTS, Endpoint
from support.fakes_api import IDENTITY, node_on_loopback, remote_to

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"
METHODS = {"get", "post"}
BODILESS = {"withdraw_proposal"}
"""Posts that say all in their address."""


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in describe()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_each_endpoint_has_one_operation_and_one_handler() -> None:
    described = {
        (operation["operationId"], method.upper(), path) for path, method, operation in _operations()
    }
    assert described == {(each.name, each.method, openapi_path(each.path)) for each in ENDPOINTS}
    assert set(HANDLERS) == {each.name for each in ENDPOINTS}


def test_the_document_has_the_structure_of_openapi_3_1() -> None:
    document = describe()
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(document["info"])
    for path, method, operation in _operations():
        assert path.startswith("/")
        assert method in METHODS
        in_path = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path))
        assert all("schema" in each for each in operation["parameters"])
        assert "200" in operation["responses"]
        assert all("description" in each or "$ref" in each for each in operation["responses"].values())
        has_body = method == "post" and operation["operationId"] not in BODILESS
        assert has_body == ("requestBody" in operation)


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def test_every_reference_leads_somewhere() -> None:
    references = set(_references(describe()))
    assert references
    for reference in references:
        place = describe()
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_security_follows_the_table() -> None:
    schemes = describe()["components"]["securitySchemes"]
    scopes = schemes["token"]["flows"]["clientCredentials"]["scopes"]
    assert schemes["recipient_key"]["scheme"] == "bearer"
    for endpoint in ENDPOINTS:
        operation = describe()["paths"][openapi_path(endpoint.path)][endpoint.method.lower()]
        wanted = [] if endpoint.scope is None else [{"token": [endpoint.scope.value]}]
        if endpoint.name == "recipient_digests":
            wanted = [{"recipient_key": []}]
        assert operation["security"] == wanted
        assert endpoint.scope is None or endpoint.scope.value in scopes


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_the_reference_page_has_its_line(endpoint: Endpoint) -> None:
    scope = f"`{endpoint.scope.value}`" if endpoint.scope else "none"
    line = f"| `{endpoint.method} {openapi_path(endpoint.path)}` | {scope} | {endpoint.summary} |"
    assert line in REFERENCE.read_text().splitlines()


def test_the_reference_page_has_no_other_lines() -> None:
    lines = re.findall(r"^\| `(?:GET|POST|PUT|DELETE) ", REFERENCE.read_text(), flags=re.MULTILINE)
    assert len(lines) == len(ENDPOINTS)


async def test_it_is_served() -> None:
    async with node_on_loopback() as node, remote_to(node.url) as remote:
        body = await remote._client.get(ask_for("openapi"))
        assert json.loads(body) == describe()
        assert json.loads(await remote._client.get(ask_for("health"))) == {"status": "ok"}
    assert IDENTITY.certificate not in body
