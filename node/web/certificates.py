"""What the TLS connection of a request proved."""

from aiohttp import web

from node.tls import ClientKey, ListeningObject


def presented_in(request: web.Request) -> ClientKey | None:
    """The client's TLS key; None when it presented no certificate, or is gone already."""
    connection = request.transport.get_extra_info("ssl_object") if request.transport else None
    return connection.client if isinstance(connection, ListeningObject) else None
