"""The frame of a page: everything before and after what it says.

The policy in its head lets nothing run and nothing be fetched, whatever a mistake in this code might let into it: only
the styles of this page count, by their hash. It has no script, no image and no address of anything.
"""

from base64 import b64encode
from hashlib import sha256
from typing import Final

from node.pages.style import STYLE
from node.pages.text import safe

END: Final = "</main></body></html>\n"
"""What follows the last part of a page."""


def beginning(title: str, *, style: str = "") -> str:
    """Everything before the first part of a page; `style` is added to the common one."""
    sheet = STYLE + style
    source = b64encode(sha256(sheet.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{source}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="referrer" content="no-referrer">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe(title)}</title><style>{sheet}</style></head><body><main>"
    )
