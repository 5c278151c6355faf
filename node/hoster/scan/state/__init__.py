"""What a scan remembers, in one SQLite file: each file's hashes, what is known of it, and how far the run has come.

Only one process writes a state at a time. Everything is written in short transactions, so that a process may be killed
at any moment and the next one goes on: what was not written yet is found again. The file is readable by its owner
alone, and the hashes in it are sealed with a key that lies in the partner's folder: those of hits are the list's, and a
copy of the state by itself (a backup, a support case) tells none. Screen values are not: whoever has a file can tell
from them whether it was scanned. What is concluded from it is `node.hoster.scan.judge`'s matter.
"""

from node.hoster.scan.state.database import own_files
from node.hoster.scan.state.records import Answers, Kept, Known, Page, Run, named
from node.hoster.scan.state.seal import state_key
from node.hoster.scan.state.state import ScanState, open_state

__all__ = [
    "Answers",
    "Kept",
    "Known",
    "Page",
    "Run",
    "ScanState",
    "named",
    "open_state",
    "own_files",
    "state_key",
]
