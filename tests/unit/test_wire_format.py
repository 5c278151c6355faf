"""Wire format v1 is frozen: the bytes that show it do not change any more (docs/adr/0013-wire-format-frozen.md).

A red line here is no reason to write another hash into the table. What was signed must verify for as long as anybody
keeps it: a change is a new version of its format, with vectors of its own beside these.
"""

import runpy
from hashlib import sha256
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "vectors"
FROZEN = {
    "event.json": "41be4d205e9443d15be9075114c8a3a09c576d6b4e2b68e5ddd0208514f77427",
    "subset.json": "806788e52d35d4a20d12ebd7c80b6978278d55fc95d70547fb2a41d298df28d9",
    "screen.json": "67b5d8c64757395181f44b3e507da797ae04709664beae094e486812051bc8c6",
    "messages.json": "8edbffc1cb3b15252c6a943e6aa34ac418226737837d13efdb7619bd3c37a830",
    "proposals.json": "ec271618a66cf26ffb70eb12ec6bcbe934567796d6be8fba0f5229e98cd4aa50",
    "hit_evidence.json": "b4277e6c87208c6af10afb07ea1915246d5a140d22657b44a3a5238ea6b88f93",
    "hit_evidence_2.json": "3839df5c92fbb9c0d0d580ca71ba5b4a469eb2df6b83ccdd31d2e6d0ea4e04b1",
    "resolution.json": "616bbf479affb4a4fc4e33844c932107a350b305473fb12d82b038cbafb4d9c6",
    "ended.json": "5938878245cd5d07b6f7e84f1490925e6ba7fab29695d4cbffa8417115d42940",
    "disclosed.json": "60399a9639cd173ec69841d06bf2f487ce1c87e9746b53943fae2b87e0d77e26",
}
OF_OTHERS = {
    "c2sp_notes.json",
    "ed25519_edge_cases.json",
    "ed25519_refused_keys.json",
    "rfc6962_roots.json",
    "rfc8032_ed25519.json",
    "rfc9497_ristretto255.json",
}
"""Vectors of standards, which may grow."""


GENERATED = sorted(path.stem.removeprefix("regenerate_") for path in FOLDER.glob("regenerate_*.py"))


@pytest.mark.parametrize("name", GENERATED)
def test_a_file_is_what_its_script_writes(name: str) -> None:
    written = runpy.run_path(str(FOLDER / "__main__.py"))["written"](name)
    assert written == (FOLDER / f"{name}.json").read_text("utf-8")


@pytest.mark.parametrize("name", FROZEN)
def test_frozen_vectors_are_as_they_were(name: str) -> None:
    assert sha256((FOLDER / name).read_bytes()).hexdigest() == FROZEN[name]


def test_every_file_of_vectors_is_frozen_or_of_others() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == FROZEN.keys() | OF_OTHERS
