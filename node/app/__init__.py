"""A node put together: created, served, looked after, and what it does for partners and other agencies."""
