"""Partners and recipients, inside one transaction."""
