"""Writes screen.json from docs/spec/subset.md alone: a filter by rule 2, and what small federations screen."""

from collections.abc import Iterable
from hashlib import sha256
from itertools import combinations
from typing import Any

import cbor2

NODES = {"fr.example": "FR", "nl.example": "NL", "be.example": "BE"}
CASES: list[tuple[str, int, dict[str, list[list[str]]]]] = [
    ("whole rows", 2, {"fr.example": [["1a", "2a", "3a"]], "nl.example": [["1a", "2a", "3a"]]}),
    ("sha1 and sha256", 2, {"fr.example": [["2a", "3a"]], "nl.example": [["2a", "3a"]]}),
    ("apart", 2, {"fr.example": [["1a"], ["3a"]], "nl.example": [["1a"], ["3a"]]}),
    ("one of two links", 2, {"fr.example": [["1a", "3a"]], "nl.example": [["1a"], ["3a"]]}),
    (
        "one of three links",
        2,
        {"fr.example": [["1a", "3a"]], "nl.example": [["1a"], ["3a"]], "be.example": [["1a"], ["3a"]]},
    ),
    (
        "one of three links and all are needed",
        3,
        {"fr.example": [["1a", "3a"]], "nl.example": [["1a"], ["3a"]], "be.example": [["1a"], ["3a"]]},
    ),
    ("two of one algorithm", 2, {"fr.example": [["1a", "1b", "3a"]], "nl.example": [["1a", "1b", "3a"]]}),
    (
        "linked to two",
        2,
        {"fr.example": [["1a", "3a"], ["1b", "3a"]], "nl.example": [["1a"], ["1b"], ["3a"]]},
    ),
    ("chained", 2, {node: [["1a", "2a"], ["2a", "3a"]] for node in ("fr.example", "nl.example")}),
]
"""Lists by node, of a country each: rows, in which a digest is its algorithm's number and the name of its file."""


def vectors() -> dict[str, Any]:
    """Everything in screen.json."""
    data = cbor2.dumps({0: 1, 1: [1, 2], 2: [1, 2, 3], 3: 12, 4: True, 6: 2}, canonical=True)
    return {
        "source": "docs/spec/subset.md; written by regenerate_screen.py",
        "filter": {
            "collections": [1, 2],
            "algorithms": [1, 2, 3],
            "screen_bits": 12,
            "labels": True,
            "screen_rule": 2,
            "bytes": data.hex(),
            "sha256": sha256(data).hexdigest(),
        },
        "countries": NODES,
        "cases": [
            {"name": name, "k": k, "lists": lists, "screened": sorted(_screened(lists, k))}
            for name, k, lists in CASES
        ],
    }


def _screened(lists: dict[str, list[list[str]]], k: int) -> set[str]:
    voices: dict[str, set[str]] = {}
    claims: dict[tuple[str, str], set[str]] = {}
    for node, rows in lists.items():
        for row in rows:
            for digest in row:
                voices.setdefault(digest, set()).add(node)
            if len({digest[0] for digest in row}) == len(row):
                for pair in combinations(sorted(row), 2):
                    claims.setdefault(pair, set()).add(node)
    effective = {digest for digest, nodes in voices.items() if len(nodes) >= k}
    screened = {digest for digest in effective if digest[0] == "1"}
    for algorithm in "23":
        screened |= {
            digest
            for digest in effective
            if digest[0] == algorithm
            and not _is_hidden(digest, {weaker: nodes for (weaker, to), nodes in claims.items() if to == digest
                                        and weaker in effective}, voices[digest], screened, k)
        }  # fmt: skip
    return screened


def _is_hidden(
    digest: str, links: dict[str, set[str]], voices: Iterable[str], screened: set[str], k: int
) -> bool:
    if len({weaker[0] for weaker in links}) < len(links):
        return False
    return any(
        weaker in screened and len(set(voices) - nodes) < k
        for weaker, nodes in links.items()
        if weaker[0] < digest[0]
    )
