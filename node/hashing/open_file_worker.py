"""The process that decodes strangers' pictures: it is handed open files and answers with their hashes.

Started by `node.hashing.open_files` with a socket as descriptor 0. It holds no key, no list and no connection.
What it answers is JSON, not pickle: a picture that takes this process over must not take its parent over, too. It ends
itself when a file takes too long: whoever started it may be gone.
"""

import json
import os
import pickle
import signal
import socket
from typing import Final

from node.hashing.confinement import confine
from node.hashing.file_hashes import Hashed
from node.hashing.outcomes import pack_hashed, unpack_hashed
from node.hashing.plan import HashPlan, seconds_for
from node.hashing.read import CHUNK_BYTES, StreamHasher, held_bytes

MAX_PLAN_BYTES: Final = 64 * 1024
_LATER: Final = 2
"""So many times as long as its parent waits, which says more about it."""


def main() -> None:
    """Answer until the parent closes its end."""
    # Ctrl-C reaches all processes of a terminal, and is for the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    link = socket.socket(fileno=0)
    while True:
        data, descriptors, _, _ = socket.recv_fds(link, MAX_PLAN_BYTES, 1)
        if not data or not descriptors:
            return
        plan: HashPlan = pickle.loads(data)  # noqa: S301 - from the parent, which started this process
        confine(plan.bounds.memory_bytes)
        with open(descriptors[0], "rb", buffering=0) as file:  # noqa: PTH123 - it is open
            size = held_bytes(os.fstat(file.fileno()))
            signal.setitimer(signal.ITIMER_REAL, _LATER * seconds_for(size, plan.bounds))
            answer = encode(_hashed(file.fileno(), plan))
            signal.setitimer(signal.ITIMER_REAL, 0)
        link.sendall(len(answer).to_bytes(4) + answer)


def _hashed(descriptor: int, plan: HashPlan) -> Hashed:
    hasher, at = StreamHasher(plan), 0
    while chunk := os.pread(descriptor, CHUNK_BYTES, at):  # not read: whoever else has it keeps its place
        hasher.update(chunk)
        at += len(chunk)
    return hasher.finish()


def encode(hashed: Hashed) -> bytes:
    """The answer."""
    return json.dumps(pack_hashed(hashed)).encode()


def decode(data: bytes) -> Hashed:
    """What an answer says; raises anything for one that a child that is well does not give."""
    return unpack_hashed(json.loads(data))
