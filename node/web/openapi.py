"""The API described in OpenAPI 3.1, made from the endpoint table so that it cannot differ from what is served."""

import re
from functools import cache
from typing import Any, Final

from node.web.problems import HTTP_PROBLEMS, INTERNAL, PROBLEMS
from protocol.endpoints import ENDPOINTS, Endpoint
from protocol.endpoints.endpoint import PROBLEM, PROBLEM_TYPE
from protocol.hit_evidence.bundle import FORMATS

API_VERSION: Final = "1.0.0"
_PLACEHOLDER: Final = re.compile(r"\{(\w+)(?::([^}]+))?\}")
_BODIES: Final = {
    "add_checkpoint": ("text/plain", {"type": "string"}),
    "evaluate": ("application/octet-stream", {"type": "string", "format": "binary"}),
    "acknowledge": ("application/json", {"type": "object", "description": "docs/spec/acknowledgement.md"}),
    "acknowledge_trust": (
        "application/json",
        {"type": "object", "description": "docs/spec/acknowledgement.md"},
    ),
    "report_hit": ("application/octet-stream", {"type": "string", "format": "binary"}),
    "resolve_hit": ("application/octet-stream", {"type": "string", "format": "binary"}),
    "open_case": ("application/octet-stream", {"type": "string", "format": "binary"}),
    "propose": ("application/octet-stream", {"type": "string", "format": "binary"}),
    "disclosed_lookup": ("application/octet-stream", {"type": "string", "format": "binary"}),
    "renew_key": ("application/json", {"$ref": "#/components/schemas/RenewalRequest"}),
    "enrol": ("application/json", {"$ref": "#/components/schemas/EnrolmentRequest"}),
    "token": ("application/x-www-form-urlencoded", {"$ref": "#/components/schemas/TokenRequest"}),
}
_REPLIES: Final = {
    "acknowledge": {"type": "object"},
    "acknowledge_trust": {"type": "object"},
    "report_hit": {"type": "object", "description": "A receipt in a DSSE envelope: docs/spec/statement.md"},
    "resolve_hit": {
        "type": "object",
        "description": "A receipt in a DSSE envelope: docs/spec/statement.md, Resolution",
    },
    "propose": {"type": "object", "description": "A receipt in a DSSE envelope: docs/spec/proposal.md"},
    "renew_key": {"$ref": "#/components/schemas/RenewalReply"},
    "enrol": {"$ref": "#/components/schemas/EnrolmentReply"},
    "token": {"$ref": "#/components/schemas/TokenReply"},
}
_CONDITIONAL: Final = {
    "list_checkpoint",
    "subset_checkpoint",
    "witnessed_checkpoint",
    "root",
    "node_document",
    "members",
    "member_root",
    "member_document",
    "tuf_metadata",
    "tuf_target",
    "openapi",
    "authorization_server",
    "recipient_digests",
}
_RECIPIENTS: Final = {"recipient_digests"}
"""No token of ours, and no scope: the key of a recipient."""
_BUNDLES: Final = {"list_entries", "subset_entries", "openings"}
_PATTERNS: Final = {
    "tile": r"^(x\d{3}/)*\d{3}(\.p/\d{1,3})?$",
    "level": r"^\d+$",
    "version": r"^\d+$",
    "report_id": r"^[0-9a-f]{32}$",
    "proposal_id": r"^[0-9a-f]{32}$",
    "metadata": r"^([1-9][0-9]{0,8}\.(root|targets|snapshot)|timestamp)\.json$",
    "target": r"^[0-9a-f]{64}\.((node|members|revoked)\.json|policy-[a-z0-9-]{1,64}\.txt|criteria-[0-9]{1,3}\.md)$",
    "node": r"^[a-z0-9.-]{1,128}$",
    "origin_sha256": r"^[0-9a-f]{64}$",
}


@cache
def describe() -> dict[str, Any]:
    """The OpenAPI document as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sigfed node",
            "version": API_VERSION,
            "description": "Signed lists for agencies, private look-ups for partners. Formats: docs/spec.",
        },
        "paths": _paths(),
        "components": {"securitySchemes": _security(), "schemas": _schemas(), "responses": _responses()},
    }


def openapi_path(path: str) -> str:
    """A path of the endpoint table without the patterns of its placeholders."""
    return _PLACEHOLDER.sub(r"{\1}", path)


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(openapi_path(endpoint.path), {})[endpoint.method.lower()] = _operation(endpoint)
    return paths


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "security": _security_of(endpoint),
        "parameters": _parameters(endpoint),
        "responses": _operation_responses(endpoint),
    }
    if endpoint.name in _BODIES:
        media_type, schema = _BODIES[endpoint.name]
        operation["requestBody"] = {"required": True, "content": {media_type: {"schema": schema}}}
    return operation


def _security_of(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    if endpoint.name in _RECIPIENTS:
        return [{"recipient_key": []}]
    return [] if endpoint.scope is None else [{"token": [endpoint.scope.value]}]


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    parameters = [_path_parameter(match[1], match[2]) for match in _PLACEHOLDER.finditer(endpoint.path)]
    if endpoint.name == "release_part":
        number = {"type": "integer", "minimum": 1}
        parameters.append({"name": "since", "in": "query", "required": False, "schema": number})
        parameters.append(_header("Range"))
    if endpoint.name == "hit_evidence":
        number = {"type": "integer", "minimum": 1, "maximum": max(FORMATS)}
        parameters.append({"name": "version", "in": "query", "required": False, "schema": number})
    if endpoint.name in _BUNDLES:
        place = {"type": "integer", "minimum": 1, "maximum": 255}
        parameters.append({"name": "first", "in": "query", "required": False, "schema": place})
    if endpoint.name in _CONDITIONAL:
        parameters.append(_header("If-None-Match"))
    return parameters


def _path_parameter(name: str, pattern: str | None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name in _PATTERNS:
        schema["pattern"] = _PATTERNS[name]
    elif pattern:
        schema["enum"] = pattern.split("|")
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}


def _operation_responses(endpoint: Endpoint) -> dict[str, Any]:
    schema = _REPLIES.get(endpoint.name, _schema_of(endpoint.media_type))
    content = {endpoint.media_type.partition(";")[0]: {"schema": schema}}
    found: dict[str, Any] = {"200": {"description": endpoint.summary, "content": content}}
    if endpoint.name == "release_part":
        found["206"] = {"description": "The part asked for", "content": content}
    if endpoint.name == "add_checkpoint":
        size = {"text/x.tlog.size": {"schema": {"type": "string"}}}
        found["409"] = {"description": "Another size was cosigned last: this one", "content": size}
    if endpoint.name in _CONDITIONAL:
        found["304"] = {"description": "The client holds these bytes"}
    found["default"] = {"$ref": "#/components/responses/Problem"}
    return found


def _schema_of(media_type: str) -> dict[str, Any]:
    if media_type == "application/json":
        return {"type": "object"}
    return {"type": "string"} if media_type.startswith("text/") else {"type": "string", "format": "binary"}


def _security() -> dict[str, Any]:
    scopes = {
        "log:read": "Checkpoints, tiles and entries of lists",
        "open": "open:N, openings of collection N",
        "query": "query:NAME, releases of subset NAME and evaluation in it",
    }
    flow = {"tokenUrl": "/oauth2/token", "scopes": scopes}
    return {
        "token": {"type": "oauth2", "flows": {"clientCredentials": flow}},
        "recipient_key": {"type": "http", "scheme": "bearer", "description": "docs/reference/recipients.md"},
    }


def _responses() -> dict[str, Any]:
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"Problem": {"description": "Anything that went wrong (RFC 9457)", "content": content}}


def _schemas() -> dict[str, Any]:
    text, number = {"type": "string"}, {"type": "integer", "minimum": 0}
    problems = {problem.name for problem in [*PROBLEMS.values(), *HTTP_PROBLEMS.values(), INTERNAL]}
    return {
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "instance"],
            "properties": {
                "type": {"type": "string", "enum": sorted(PROBLEM_TYPE + name for name in problems)},
                "title": text,
                "status": number,
                "detail": text,
                "instance": text,
                "ahead_seconds": {"type": "integer"},
                "retry_after_seconds": number,
            },
        },
        "EnrolmentRequest": _object(invite_id=text, auth_key=text, mac=text, auth_signature=text),
        "EnrolmentReply": _object(
            partner=text, subset=text, origin=text, evaluations_per_day=number, grace_days=number
        ),
        "RenewalRequest": _object(auth_key=text, auth_signature=text, old_signature=text),
        "RenewalReply": _object(old_until_ms=number),
        "TokenRequest": _token_request(text),
        "TokenReply": _object(access_token=text, token_type=text, expires_in=number, scope=text),
    }


def _token_request(text: dict[str, Any]) -> dict[str, Any]:
    schema = _object(grant_type=text, client_assertion_type=text, client_assertion=text)
    return schema | {"properties": schema["properties"] | {"scope": text}}


def _object(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(fields), "properties": fields}
