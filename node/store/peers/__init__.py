"""Other agencies, inside one transaction."""
