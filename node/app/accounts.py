"""How persons of an opened node come into its console: their tokens, passkeys and sessions."""

from urllib.parse import urljoin

from node.access.invitations import Invitations
from node.access.passkeys import Passkeys
from node.access.sessions import Sessions
from node.app.persons import open_persons
from node.identity.identity import Identity
from node.store.store import Store


def open_invitations(identity: Identity, store: Store) -> Invitations:
    """The one-time tokens of this node."""
    return Invitations(store, identity.clock, identity.entropy, open_persons(identity, store))


def open_sessions(identity: Identity, store: Store) -> Sessions:
    """The console's sessions."""
    return Sessions(store, identity.clock, identity.entropy)


def open_passkeys(identity: Identity, store: Store) -> Passkeys:
    """The passkeys of this node's persons; raises `ConfigError` where browsers make none for the console's address."""
    from node.signing.passkeys import Site, WebAuthnCeremonies  # noqa: PLC0415  # a third of a second to load

    site = Site.of(identity.settings.console.url)
    return Passkeys(store, identity.clock, WebAuthnCeremonies(site))


def welcome_url(identity: Identity) -> str:
    """Where a one-time token is typed."""
    return urljoin(identity.settings.console.url, "/console/welcome")
