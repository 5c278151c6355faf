"""A first sync of a long list that is cut off again and again: what was taken stays, and the next one does the rest."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from support.agencies import LIST, numbered, publish_files, report
from support.federated import federated
from support.processes import Cli

NL_LIST = f"nl.example/lists/{LIST}"
FILES = 700
"""Two hashes each: six bundles."""
SYNC = ("peer", "sync", "nl.example")


def staged(cli: Cli) -> Counter[str]:
    """How many bundles are staged, and what was made of how many is kept."""
    paths = (cli.home / "objects" / "staging").rglob("*")
    return Counter("slices" if path.parent.name == "slices" else "parts" for path in paths if path.is_file())


def test_what_was_taken_of_a_long_list_stays_taken(tmp_path: Path) -> None:
    with federated(tmp_path) as federation:
        fr, nl = replace(federation.fr, small_slices=True), federation.nl
        held = report(fr, NL_LIST).log.head
        publish_files(nl, numbered("one of many", FILES))
        ends: list[tuple[Callable[..., None], str, int, int]] = [
            (fr.killed, "node.peers.sync.stage:Staging.add 2", 2, 0),
            (fr.interrupted, "node.peers.sync.stage:Staging.add 3", 4, 0),
            (fr.killed, "node.peers.sync.follow:Follower._take 1", 6, 1),
            (fr.interrupted, "node.peers.sync.follow:Follower._take 1", 6, 3),
            (fr.interrupted, "node.lists.guards:Guards.suspects 0", 6, 5),
            (fr.interrupted, "node.store.lists.entries:EntryRows.add 0", 6, 5),
            (fr.killed, "node.store.lists.entries:EntryRows.add 0", 6, 5),
        ]
        for end, place, parts, slices in ends:
            partial(end, place)(*SYNC)
            assert report(fr, NL_LIST).log.head == held, "nobody sees a part of it"
            assert staged(fr) == Counter(parts=parts, slices=slices), place
        done = fr.done(*SYNC)
        assert (done["adds"], done["old"], done["new"]) == (2 * FILES, held.size, held.size + 2 * FILES)
        assert not staged(fr)
        asked = federation.nl_node.journal.read_text().count("endpoint=list_entries")
        assert asked <= 6 + 2, (
            "but for what was under way when it was cut off, each bundle was asked for once"
        )
