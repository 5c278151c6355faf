"""The catalogue, tables in SQLite or PostgreSQL, and what seals values and files."""
