"""A QR code as SVG, drawn from its modules: no style of its own, so that a page's policy lets it stand."""

import segno
from markupsafe import Markup

from node.pages.text import safe

_QUIET = 4
"""Modules of margin that readers need (ISO/IEC 18004)."""


def qr(text: str, *, title: str) -> Markup:
    """The code of a text, black on white in any scheme, as readers expect it."""
    rows = segno.make(text, error="m", micro=False).matrix
    size = len(rows) + 2 * _QUIET
    path = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return Markup(  # noqa: S704 - numbers, and a title that went through `safe`
        f'<svg class="qr" role="img" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<title>{safe(title)}</title><rect class="light" width="{size}" height="{size}"/>'
        f'<path class="dark" d="{path}"/></svg>'
    )
