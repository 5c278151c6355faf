"""Time that a running event loop is said to have let pass.

A test of who is waited for no longer leaves everybody as long as the product does, and leaps over that. Short limits
would be met, on a machine that does much else, by those who are in time.
"""

import asyncio


def leap(seconds: float) -> None:
    """Have the running loop's clock go forward: what was to end until then ends now."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]
