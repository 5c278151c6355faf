"""A sign-in provider of another maker (PyPI `oidc-provider-mock`, on authlib), as a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.request import urlopen

from support.processes import free_port, wait_until


@contextmanager
def oidc_provider() -> Iterator[str]:
    """Its issuer, while the block lasts; it lets in whoever says who he is."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(issuer, process))
        yield issuer
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(issuer: str, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "the provider did not start"
    with suppress(OSError), urlopen(f"{issuer}/.well-known/openid-configuration", timeout=10):
        return True
    return False
