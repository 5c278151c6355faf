"""The columns of tables that have one for each party; on a telephone each row becomes a card."""

from node.demo.parties import Party


def party_heads() -> str:
    """The parties' column heads."""
    return "".join(
        f'<th scope="col" role="columnheader" class="{party.value}">{party.title}</th>' for party in Party
    )


def party_name(party: Party) -> str:
    """The party's name in a cell, for who sees the table as cards."""
    return f'<span class="who {party.value}" aria-hidden="true">{party.title}</span>'
