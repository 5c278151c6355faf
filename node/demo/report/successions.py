"""Who held what after each key was replaced: a table, which a telephone shows as cards."""

from node.demo.parties import Party
from node.demo.record import KeyView, Record
from node.demo.report.text import safe


def successions(record: Record) -> str:
    """The table, or nothing when no key was replaced."""
    if not record.key_views:
        return ""
    heads = "".join(
        f'<th scope="col" role="columnheader" class="{party.value}">{party.title}</th>' for party in Party
    )
    rows = "".join(_row(number, view) for number, view in enumerate(record.key_views, 1))
    return (
        '<table class="views" role="table"><caption>What each party held of FR\'s keys after each step</caption>'
        f'<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">after</th>{heads}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table>'
    )


def _row(number: int, view: KeyView) -> str:
    cells = "".join(_cell(party, view.seen[party]) for party in Party)
    return (
        f'<tr role="row"><th scope="row" role="rowheader"><span class="number">{number}</span>'
        f"{safe(view.after)}</th>{cells}</tr>"
    )


def _cell(party: Party, seen: str) -> str:
    tint = "alarm" if "NOT" in seen else "calm"
    return (
        f'<td role="cell" class="{tint}">'
        f'<span class="who {party.value}" aria-hidden="true">{party.title}</span>'
        f'<span class="sight">{safe(seen)}</span></td>'
    )
