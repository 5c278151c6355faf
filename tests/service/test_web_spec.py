"""The example of the specification page is what this code makes and accepts."""

from datetime import UTC, datetime
from pathlib import Path

from keys.key import AuthPrivateKey
from node.ports.callers import CallerKind, Credential
from node.remote.auth import Credentials, assertion
from node.web.auth import TokenIssuer
from support.fakes_api import MemoryNode

SPEC = Path(__file__).parents[2] / "docs" / "spec" / "http.md"
KEY = AuthPrivateKey.from_seed(bytes(range(32)))
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def test_the_example_assertion_is_made_as_the_page_shows() -> None:
    token = assertion(
        Credentials("nl.example", KEY), node="fr.example", now=NOON, entropy=lambda count: bytes(range(count))
    )
    text = SPEC.read_text()
    assert f"\n{token}\n" in text
    assert KEY.public.to_text() in text
    assert KEY.public.kid in text


def test_the_example_assertion_is_accepted() -> None:
    token = next(line for line in SPEC.read_text().splitlines() if line.startswith("eyJ") and len(line) > 100)
    memory = MemoryNode()
    memory.clock.moment = NOON
    memory.directory.known["nl.example", KEY.public.kid] = Credential(
        client="nl.example", kind=CallerKind.PEER, key=KEY.public, scopes=frozenset({"log:read", "open:1"})
    )
    assert TokenIssuer(memory.services()).exchange(token, wanted=None).expires_in == 600
