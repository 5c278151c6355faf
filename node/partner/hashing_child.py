"""The process that decodes strangers' pictures: it is handed open files and answers with their hashes.

Started by `node.partner.hashing_processes` with a socket as descriptor 0. It holds no key, no list and no connection.
What it answers is JSON, not pickle: a picture that takes this process over must not take its parent over, too.
"""

import json
import os
import pickle
import resource
import socket
from typing import Final

from node.hashing.hashed import Fault, Hashed, Part
from node.hashing.plan import HashPlan
from node.hashing.reading import CHUNK_BYTES, StreamHasher
from protocol.digest import Algorithm, Digest
from protocol.encoding import b64, unb64

MAX_PLAN_BYTES: Final = 64 * 1024


def main() -> None:
    """Answer until the parent closes its end."""
    link = socket.socket(fileno=0)
    while True:
        data, descriptors, _, _ = socket.recv_fds(link, MAX_PLAN_BYTES, 1)
        if not data or not descriptors:
            return
        plan: HashPlan = pickle.loads(data)  # noqa: S301 - from the parent, which started this process
        _bound(plan.bounds.memory_bytes)
        with open(descriptors[0], "rb", buffering=0) as file:  # noqa: PTH123 - it is open
            answer = encode(_hashed(file.fileno(), plan))
        link.sendall(len(answer).to_bytes(4) + answer)


def _hashed(descriptor: int, plan: HashPlan) -> Hashed:
    hasher, at = StreamHasher(plan), 0
    while chunk := os.pread(descriptor, CHUNK_BYTES, at):  # not read: whoever else has it keeps its place
        hasher.update(chunk)
        at += len(chunk)
    return hasher.finish()


def _bound(memory_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    allowed = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would be a stranger's picture on the disk


def encode(hashed: Hashed) -> bytes:
    """The answer."""
    parts = [
        [part.name, [[int(digest.algorithm), b64(digest.value)] for digest in part.digests]]
        for part in hashed.parts
    ]
    faults = [[fault.name, fault.reason] for fault in hashed.faults]
    return json.dumps([hashed.size, parts, faults]).encode()


def decode(data: bytes) -> Hashed:
    """What an answer says; raises `ValueError` or `MalformedError` for one that a child that is well does not give."""
    size, parts, faults = json.loads(data)
    return Hashed(
        int(size),
        tuple(
            Part(str(name), tuple(Digest(Algorithm(kind), unb64(value)) for kind, value in digests))
            for name, digests in parts
        ),
        tuple(Fault(str(name), str(reason)) for name, reason in faults),
    )
