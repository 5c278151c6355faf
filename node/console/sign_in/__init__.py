"""How a node's own people come in: with a passkey, at the agency's provider, by registration."""
